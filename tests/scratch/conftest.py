"""The tests of the NumPy twin run inside `record`, as a training step does.

What happens outside of it is tested inside `no_grad`, which is the same.
"""

import pytest

from d2lib.scratch import record


@pytest.fixture(scope="module", autouse=True)
def recorded():
    with record():
        yield
