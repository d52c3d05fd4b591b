"""The memory of one step serves the next: the system is not asked for it again."""

import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys
import numpy as np
if sys.argv[1] == "kept":
    import d2lib.scratch

def faults():
    arrays = [np.ones(1 << 18, np.float32) for _ in range(24)]  # 24 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(3):
    start = faults()
print((faults() - start) * resource.getpagesize())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
@pytest.mark.parametrize(("how", "again"), [("kept", False), ("as it is", True)])
def test_a_step_has_the_memory_of_the_last_one(how, again, monkeypatch):
    for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES"):
        monkeypatch.delenv(name, raising=False)
    ran = subprocess.run(
        [sys.executable, "-c", STEPS, how], capture_output=True, text=True, check=True
    )
    assert (int(ran.stdout) > 12e6) == again
