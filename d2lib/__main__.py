"""``python -m d2lib``: what is installed, which twins work, and how they compute."""

from __future__ import annotations

import importlib
import platform
import sys

import numpy

import d2lib


def report() -> str:
    """Returns versions, the twins that work here, the device and its settings.

    Example:
        >>> print(report())
        d2lib    ...
        Python   ...
        NumPy    ...
        scratch  works
        mx       ...
    """
    lines = [
        ("d2lib", d2lib.__version__),
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
        ("NumPy", numpy.__version__),
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
    return "\n".join(f"{name:8} {text}" for name, text in lines)


if __name__ == "__main__":
    print(report())
