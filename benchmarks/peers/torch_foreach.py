"""PyTorch's Adam over all parameters at once: ``foreach=True``."""

from benchmarks.peers import torch
from benchmarks.peers.torch import THREADS, VERSION

__all__ = ["THREADS", "VERSION", "adam"]


def adam(data):
    return torch.adam(data, foreach=True)
