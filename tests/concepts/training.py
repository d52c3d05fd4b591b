"""Rows of what serves both twins: `d2lib.training` and `d2lib.data`."""

import numpy as np

from tests.concepts.row import Row, Wrong

IN = ("twins/test_training.py", "test_training.py")

ROWS = [
    Row("fit", source=False, tested_in=IN),
    Row("History", source=False, tested_in=IN),
    Row("Callback", source=False, tested_in=IN),
    Row("EarlyStopping", tested_in=IN),
    Row("ReduceLROnPlateau", tested_in=("training/test_callbacks.py",)),
    Row("ModelCheckpoint", source=False, tested_in=("training/test_callbacks.py",)),
    Row("CSVLogger", source=False, tested_in=("training/test_callbacks.py",)),
    Row("NonFiniteLossError", source=False, tested_in=IN),
    Row("accuracy", source=False, tested_in=IN),
    Row("average_precision", tested_in=("test_metrics.py",)),
    Row("mean_iou", tested_in=("test_metrics.py",)),
    Row(
        "predict",
        wrong={
            "nothing": Wrong(
                lambda dl: dl.predict(dl.Dense(3, 2), np.ones((0, 3), np.float32)),
                ValueError,
                r"predict needs at least one example.*\(0, 3\)",
            ),
        },
        source=False,
        tested_in=IN,
    ),
    Row("minibatches", tested_in=("data/test_batches.py",)),
    Row(
        "Vocabulary",
        source=False,
        tested_in=("data/test_vocabulary.py", "twins/test_training.py"),
    ),
]
