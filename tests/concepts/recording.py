"""Rows of `recording.py` and `device.py`."""

from tests.concepts.row import Row

ROWS = [
    Row("record", source=False, tested_in=("twins/test_tensors.py",)),
    Row("no_grad", source=False, tested_in=("twins/test_tensors.py",)),
    Row(
        "device",
        source=False,
        tested_in=("twins/test_tensors.py", "mx/test_device.py"),
    ),
]
