"""PyTorch's Adam that goes from parameter to parameter: ``foreach=False``."""

from benchmarks.peers import torch
from benchmarks.peers.torch import THREADS, VERSION

__all__ = ["THREADS", "VERSION", "adam"]


def adam(data):
    return torch.adam(data, foreach=False)
