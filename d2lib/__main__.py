"""``python -m d2lib``: what is installed, which twins work, and how they compute."""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import sys
from typing import Any

import numpy

import d2lib
from d2lib.book.extras import INSTALLED_AS

#: What each package that one may do without is for, by the name that one imports.
OPTIONAL = {
    "matplotlib": "figures",
    "gymnasium": "environments in which agents act",
    "music21": "tunes, and reading ABC",
    "skimage": "faces and photographs",
    "sklearn": "estimators for pipelines and cross-validation",
    "threadpoolctl": "convolutions of d2lib.scratch on all cores",
    "tqdm": "a bar while fit trains",
}


def _blas() -> str:
    """The library that multiplies matrices for NumPy, and on how many threads."""
    show: Any = numpy.show_config
    blas = show(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    name = f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip()
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return name
    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    threads = ", ".join(
        f"{pool['internal_api']} {pool['version']} on {pool['num_threads']} threads "
        f"with the kernels of {pool.get('architecture', 'no one processor')}"
        for pool in found
    )
    return threads or name


def _cores() -> str:
    """How many cores there are, and how many this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    mine = len(allowed(0)) if allowed else os.cpu_count()
    return f"{mine} of {os.cpu_count()} may be used"


def _missing() -> list[str]:
    """What is not here, what it would bring, and the command that installs it."""
    return [
        f"{called}, for {brings}: pip install {called}"
        for called, brings in (
            (INSTALLED_AS.get(name, name), brings)
            for name, brings in OPTIONAL.items()
            if importlib.util.find_spec(name) is None
        )
    ]


def report() -> str:
    """Returns versions, the twins that work here, the device and its settings.

    Example:
        >>> print(report())
        d2lib    ...
        Python   ...
        NumPy    ...
        BLAS     ...
        cores    ...
        scratch  works
        mx       ...
    """
    lines = [
        ("d2lib", d2lib.__version__),
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
        ("NumPy", numpy.__version__),
        ("BLAS", _blas()),
        ("cores", _cores()),
    ]
    importlib.import_module("d2lib.scratch")
    lines.append(("scratch", "works"))
    try:
        importlib.import_module("d2lib.mx")
    except ImportError as error:
        lines.append(("mx", f"missing: {error}"))
    else:
        runtime = importlib.import_module("d2lib.mx._runtime")
        device = importlib.import_module("d2lib.mx.device")
        lines.append(("mx", f"works, with MXNet {sys.modules['mxnet'].__version__}"))
        lines.append(("device", device.device_report()))
        lines += [("setting", line) for line in runtime.report().splitlines()]
    lines += [("missing", line) for line in _missing()]
    return "\n".join(f"{name:8} {text}" for name, text in lines)


if __name__ == "__main__":
    print(report())
