"""Training, the same for both twins: `fit`, what it tells, and what it can be told."""

from d2lib.training.callbacks import Callback, EarlyStopping, Run
from d2lib.training.history import History, NonFiniteLossError
from d2lib.training.loop import fit
from d2lib.training.measures import accuracy, predict

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "NonFiniteLossError",
    "Run",
    "accuracy",
    "fit",
    "predict",
]
