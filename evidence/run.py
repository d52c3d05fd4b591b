"""One run: what was measured, and by what."""

from __future__ import annotations

import datetime
import importlib
import importlib.metadata
import platform
from types import ModuleType
from typing import Any

#: Where the runs of each name are.
MODULES = {
    **dict.fromkeys(("lenet", "detector", "segmenter"), "vision"),
    "lenet_ablation": "ablations",
    **dict.fromkeys(("dqn", "policy", "pendulum", "mountain_car"), "agents"),
    "survival": "survival",
    "machines": "machines",
}


def module_of(name: str) -> ModuleType:
    """The module with the runs of a name, loaded only now, as it loads NumPy."""
    return importlib.import_module(f"evidence.{MODULES[name]}")


def measure(name: str, twin: str, variant: str, seed: int) -> dict[str, Any]:
    """Makes one run, in a process of its own."""
    module = module_of(name)
    function, _, _ = module.RUNS[name]
    packages = ("numpy",) if twin == "scratch" else ("numpy", "mxnet")
    packages += getattr(module, "PACKAGES", ())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return {
        "name": name,
        "twin": twin,
        "variant": variant,
        "seed": seed,
        **function(twin, seed, variant),
        "date": datetime.date.today().isoformat(),
        "processor": processor(),
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
    }


def processor() -> str:
    """The processor's name, and whether it has the widest instructions."""
    from benchmarks.__main__ import cpu_name, vectors

    return f"{cpu_name()}, AVX-512" if vectors() == "AVX-512" else cpu_name()
