"""How MXNet is set up before its import."""

import json
import os
import subprocess
import sys

import numpy
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib.mx import _runtime
from d2lib.mx._runtime import choose

AVX2 = frozenset({"avx2", "fma"})


@pytest.mark.parametrize(
    ("flags", "core"),
    [(frozenset(), None), (AVX2, "Haswell"), ({"avx2"}, None)],
)
def test_kernels_are_those_the_processor_can_run(flags, core):
    choice = choose({}, 2, frozenset(flags)).get("OPENBLAS_CORETYPE")
    assert (choice and choice.value) == core


def test_what_the_user_set_is_kept_and_named():
    environ = {"OPENBLAS_CORETYPE": "Zen", "OMP_NUM_THREADS": "3"}
    choices = choose(environ, 8, AVX2)
    assert {n: choices[n].value for n in environ} == environ
    assert all("set in the environment" in choices[n].why for n in environ)


def test_settings_with_the_same_purpose_are_not_overridden():
    assert "OMP_NUM_THREADS" not in choose({"MXNET_OMP_MAX_THREADS": "1"}, 8, AVX2)
    assert "OMP_WAIT_POLICY" not in choose({"GOMP_SPINCOUNT": "100"}, 8, AVX2)
    assert "GOMP_SPINCOUNT" not in choose({"OMP_WAIT_POLICY": "ACTIVE"}, 8, AVX2)


def test_operations_are_queued_where_something_can_run_ahead():
    assert choose({}, 2, AVX2)["MXNET_ENGINE_TYPE"].value == "NaiveEngine"
    assert "MXNET_ENGINE_TYPE" not in choose({}, 2, AVX2, gpu=True)
    assert "MXNET_ENGINE_TYPE" not in choose({"DMLC_ROLE": "worker"}, 2, AVX2)
    users = choose({"MXNET_ENGINE_TYPE": "ThreadedEngine"}, 2, AVX2)
    assert users["MXNET_ENGINE_TYPE"].value == "ThreadedEngine"


@pytest.mark.parametrize("value", ["foo", "2,3", "1e3", "1.5", "9" * 12])
@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MXNET_OMP_MAX_THREADS"])
def test_a_setting_that_mxnet_can_not_read_is_told(name, value):
    told = _runtime.why_unreadable({name: value})
    assert f"{name} must be a whole number for MXNet, got {value!r}" in told


@pytest.mark.parametrize("value", ["", "0", "4", " 4 ", "-1", "+2"])
def test_a_setting_that_mxnet_can_read(value):
    assert _runtime.why_unreadable({"OMP_NUM_THREADS": value}) is None
    assert _runtime.why_unreadable({}) is None


def test_an_unreadable_setting_does_not_end_the_process():
    ran = subprocess.run(
        [sys.executable, "-m", "d2lib"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "foo"},
    )
    assert ran.returncode == 0, ran.stderr
    assert "scratch  works" in ran.stdout
    assert "OMP_NUM_THREADS must be a whole number" in ran.stdout


def probe(**environ):
    """Imports the twin in a process of its own and says what it sees there."""
    code = """
import ctypes, json, os, pathlib
from d2lib import mx
from d2lib.mx import _runtime
from d2lib.mx._compat import mx as mxnet
library = pathlib.Path(mxnet.__file__).parent / "libopenblas.so.0"
core = omp = None
if library.exists():
    library = ctypes.CDLL(str(library))
    library.openblas_get_corename.restype = ctypes.c_char_p
    core = library.openblas_get_corename().decode()
model = mx.MLP([5, 7, 3], seed=0)
adam = mx.Adam(model.parameters(), lr=0.1)
x = [[0.1 * i - j for i in range(5)] for j in range(4)]
for _ in range(3):
    adam.zero_grad()
    with mx.record():
        loss = mx.cross_entropy(model(x), [0, 1, 2, 1])
    loss.backward()
    adam.step()
z = mx.tensor([[0.01 * (i * j % 101) for i in range(600)] for j in range(500)],
              requires_grad=True)
with mx.record():
    large = mx.cross_entropy(z, __import__("numpy").arange(500))
large.backward()
try:
    mxnet.np.dot(mxnet.np.zeros((2, 3)), mxnet.np.zeros((2, 3))).asnumpy()
    error = "none"
except mxnet.MXNetError:
    error = "MXNetError"
print(json.dumps({
    "core": core,
    "error": error,
    "choices": {n: [c.value, c.why] for n, c in _runtime.CHOICES.items()},
    "left": {n: os.environ.get(n) for n in _runtime.CHOICES},
    "large": [large.item(), z.grad.max().item(), z.grad.min().item()],
    "weights": model.state()["layers.1.W"].tolist(),
}))
"""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("OMP_", "OPENBLAS_", "MXNET_", "GOMP_"))
    }
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=kept | environ
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout), ran.stderr


@pytest.fixture(scope="module")
def default():
    return probe()


def test_choices_reach_mxnet_and_leave_the_environment(default):
    seen, _ = default
    assert all(value is None for value in seen["left"].values())
    wanted = seen["choices"].get("OPENBLAS_CORETYPE")
    if wanted and seen["core"]:
        assert seen["core"] == wanted[0]


def test_errors_surface(default):
    assert default[0]["error"] == "MXNetError"


@pytest.mark.parametrize("engine", ["NaiveEngine", "ThreadedEnginePerDevice"])
def test_a_users_engine_gives_equal_results_and_errors(default, engine):
    seen, greetings = probe(MXNET_ENGINE_TYPE=engine, OMP_NUM_THREADS="1")
    assert seen["error"] == "MXNetError"
    assert greetings == ""
    for name in ("weights", "large"):
        numpy.testing.assert_allclose(seen[name], default[0][name], rtol=1e-5)


def test_a_users_setting_reaches_mxnet():
    if not {"avx2", "fma"} <= _runtime.cpu_flags():
        pytest.skip("needs a processor with AVX2")
    seen, _ = probe(OPENBLAS_CORETYPE="Sandybridge")
    assert seen["core"] in (None, "Sandybridge")
    assert seen["left"]["OPENBLAS_CORETYPE"] == "Sandybridge"


def test_cores_respect_the_affinity_mask():
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("the system has no affinity masks")
    cpu = min(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{cpu}}})\n"
        "from d2lib.mx._runtime import available_cores; print(available_cores())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.stdout == "1\n", ran.stderr


@pytest.mark.parametrize(
    ("busy", "threads"), [(0.0, 3), (0.4, 3), (0.6, 3), (1.6, 2), (2.0, 2), (9.0, 1)]
)
def test_busy_cores_are_left_to_others(monkeypatch, busy, threads):
    """Of four processors, with three threads chosen."""
    from mxnet.base import _LIB

    told = []
    monkeypatch.setattr(_LIB, "MXSetNumOMPThreads", told.append)
    monkeypatch.setattr(_runtime, "processors", lambda: 4)
    monkeypatch.setitem(
        _runtime.CHOICES, "OMP_NUM_THREADS", _runtime.Choice("3", "all")
    )
    _runtime.leave_to_others(busy)
    choice = _runtime.CHOICES["OMP_NUM_THREADS"]
    assert choice.value == str(threads)
    assert told == ([threads] if threads < 3 else [])
    assert ("busy" in choice.why) == (threads < 3)


def test_a_neighbours_time_is_seen_and_ones_own_is_not():
    if not os.path.exists("/proc/stat"):
        pytest.skip("the system has no /proc/stat")
    before = _runtime.used_by_others()
    spin = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", spin], check=True)
    assert _runtime.used_by_others() - before > 0.4


def test_the_report_names_every_choice(default):
    for name in _runtime.CHOICES:
        assert name in _runtime.report()


def test_python_m_d2lib_reports_both_twins():
    ran = subprocess.run(
        [sys.executable, "-m", "d2lib"], capture_output=True, text=True, check=True
    )
    assert "scratch  works" in ran.stdout
    assert "mx       works, with MXNet 1.9" in ran.stdout
    assert "device" in ran.stdout
