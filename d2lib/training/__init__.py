"""Training, the same for both twins: `fit`, what it tells, and what it can be told."""

from d2lib.training.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from d2lib.training.callbacks import (
    Run as Run,
)
from d2lib.training.history import History, NonFiniteLossError
from d2lib.training.loop import fit
from d2lib.training.measures import accuracy, predict

__all__ = [
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "ModelCheckpoint",
    "NonFiniteLossError",
    "ReduceLROnPlateau",
    "accuracy",
    "fit",
    "predict",
]
