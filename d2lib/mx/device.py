"""Where to compute: on a GPU that works, or else on the processor."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import numpy

from d2lib.mx._compat import mx

__all__ = ["device", "device_report"]

_BUILDS = (
    "The published CUDA build (mxnet-cu117 1.9.1, with NVIDIA's CUDA 11 libraries) "
    "holds code for compute capability 5.0, 6.0, 7.0, 8.0 and 8.6 and no PTX: it runs "
    "on GPUs from Maxwell to Ada, and cannot run on Hopper, Blackwell or later. For "
    "those, NVIDIA's last container with MXNet is the way"
)


_chosen: ContextVar[Any] = ContextVar("chosen", default=None)


def device() -> Any:
    """Returns MXNet's context of the first GPU if it works, else of the processor.

    "Works" is tried once per process: a small computation on the GPU must give the same
    numbers as on the processor. `device_report` says what came out. It never raises.

    While ``fit(..., device=...)`` trains, it is the device that was named there.

    Example:
        >>> str(device())[:4] in ("cpu(", "gpu(")
        True
    """
    return _chosen.get() or _first_working(mx.context.num_gpus, _try_gpu)[0]


@contextmanager
def on(where: Any) -> Iterator[None]:
    """Lets `device` be another one, in this thread."""
    before = _chosen.set(where)
    try:
        yield
    finally:
        _chosen.reset(before)


def device_report() -> str:
    """Says which device `device` chose, and why.

    Example:
        >>> device_report().startswith(str(device()))
        True
    """
    chosen, why = _first_working(mx.context.num_gpus, _try_gpu)
    return f"{chosen}: {why}"


@cache
def _first_working(
    count_gpus: Callable[[], int], try_gpu: Callable[[], None]
) -> tuple[Any, str]:
    """The device and the reason for it; ``try_gpu`` raises if the GPU does not work."""
    cpu = mx.cpu()
    try:
        if not mx.runtime.Features().is_enabled("CUDA"):
            seen = _gpu_names()
            if not seen:
                return cpu, "this build of MXNet is for processors, and no GPU is here"
            return (
                cpu,
                f"this build of MXNet is for processors ({seen} unused). {_BUILDS}",
            )
        if count_gpus() < 1:
            return cpu, "no GPU that CUDA can see"
        try_gpu()
    except Exception as error:
        reason = (
            str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        )
        return cpu, f"{_gpu_names() or 'the GPU'} does not work: {reason}. {_BUILDS}"
    return mx.gpu(), "a kernel run on it gave the same numbers as the processor"


def _try_gpu() -> None:
    """Computes a little on the GPU; raises if that fails or gives other numbers."""
    x = numpy.linspace(-1, 1, 64, dtype=numpy.float32).reshape(8, 8)
    on_gpu = mx.np.array(x, ctx=mx.gpu())
    result = mx.np.dot(on_gpu, on_gpu) + on_gpu
    if not numpy.allclose(result.asnumpy(), x @ x + x, atol=1e-3):
        raise RuntimeError("a matrix product on it gave wrong numbers")


def _gpu_names() -> str:
    """The names of the GPUs that NVIDIA's driver reports; empty without one."""
    command = ["nvidia-smi", "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return "; ".join(ran.stdout.split("\n")).strip("; ") if ran.returncode == 0 else ""
