"""`device` takes a GPU only if it works, and says why it did not."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("d2lib.mx", exc_type=ImportError)

from d2lib import mx
from d2lib.data import spirals
from d2lib.mx._compat import mx as mxnet
from tests import conftest

# The name d2lib.mx.device is the function.
module = importlib.import_module("d2lib.mx.device")


class Features:
    def is_enabled(self, name):
        return name == "CUDA"


@pytest.fixture
def cuda_build(monkeypatch):
    """Pretends that this is a CUDA build, on a machine with a Hopper GPU."""
    monkeypatch.setattr(mxnet.runtime, "Features", Features)
    monkeypatch.setattr(module, "_gpu_names", lambda: "NVIDIA H200, 9.0")


def fails():
    raise mxnet.MXNetError("no kernel image is available for execution\non the device")


def test_a_gpu_that_works_is_taken(cuda_build):
    chosen, why = module._first_working(lambda: 1, lambda: None)
    assert chosen == mxnet.gpu()
    assert "same numbers" in why


def test_a_gpu_that_fails_leaves_the_processor_and_the_reason(cuda_build):
    chosen, why = module._first_working(lambda: 1, fails)
    assert chosen == mxnet.cpu()
    assert why.startswith("NVIDIA H200, 9.0 does not work: no kernel image")
    for fact in ("5.0, 6.0, 7.0, 8.0 and 8.6", "no PTX", "Hopper", "container"):
        assert fact in why


def test_no_gpu_is_no_error(cuda_build):
    assert module._first_working(lambda: 0, fails)[0] == mxnet.cpu()


def test_a_driver_that_cannot_count_is_no_error(cuda_build):
    def broken():
        raise OSError("libcuda.so.1: cannot open shared object file")

    chosen, why = module._first_working(broken, fails)
    assert chosen == mxnet.cpu()
    assert "libcuda" in why


def test_a_build_without_cuda_says_so(monkeypatch):
    class NoFeatures(Features):
        def is_enabled(self, name):
            return False

    monkeypatch.setattr(mxnet.runtime, "Features", NoFeatures)
    monkeypatch.setattr(module, "_gpu_names", lambda: "NVIDIA A100, 8.0")
    chosen, why = module._first_working(lambda: 1, lambda: None)
    assert chosen == mxnet.cpu()
    assert "NVIDIA A100" in why


def test_the_trial_runs_once_per_process(cuda_build):
    calls = []

    def try_gpu():
        calls.append(1)
        fails()

    count = lambda: 1  # noqa: E731
    assert module._first_working(count, try_gpu) == module._first_working(
        count, try_gpu
    )
    assert len(calls) == 1


def test_wrong_numbers_are_a_failure(monkeypatch):
    """The trial itself, on the processor in the GPU's place, with a wrong product."""
    monkeypatch.setattr(mxnet, "gpu", mxnet.cpu)
    module._try_gpu()
    monkeypatch.setattr(mxnet.np, "dot", lambda a, b: a * b)
    with pytest.raises(RuntimeError, match="wrong numbers"):
        module._try_gpu()


@pytest.mark.gpu
def test_training_on_the_gpu():
    model = mx.MLP([2, 8, 1], seed=0)
    optimizer = mx.SGD(model.parameters(), lr=0.1)
    with mx.record():
        loss = mx.mse(model([[1.0, 2.0]]), [[3.0]])
    loss.backward()
    optimizer.step()
    assert loss.ctx == mxnet.gpu()


@pytest.mark.gpu
def test_both_devices_train_alike():
    x, y = spirals(90, classes=2, seed=0)
    ends = []
    for where in ("cpu", "gpu"):
        model = mx.MLP([2, 16, 2], "tanh", seed=0)
        adam = mx.Adam(model.parameters(), lr=0.02)
        options = {"loss": mx.cross_entropy, "optimizer": adam, "epochs": 5}
        ends.append(mx.fit(model, (x, y), device=where, **options).loss)
    np.testing.assert_allclose(*ends, rtol=1e-3)


@pytest.mark.parametrize(("kind", "ran"), [("gpu", True), ("cpu", False)])
def test_what_is_marked_runs_where_a_gpu_works(monkeypatch, kind, ran):
    monkeypatch.setattr(module, "device", lambda: mxnet.Context(kind, 0))
    why = conftest.why_no_gpu()
    assert bool(why) != ran
    assert ran or why.startswith("no GPU that works here: cpu(0): ")


def test_without_mxnet_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "d2lib.mx.device", None)
    assert conftest.why_no_gpu().startswith("no GPU without MXNet (")


def test_what_needs_a_gpu_is_marked():
    """A test that skips by itself is not found by `pytest -m gpu`."""
    for file in Path(__file__).parent.parent.rglob("test_*.py"):
        if file != Path(__file__):
            assert 'device_type == "gpu"' not in file.read_text(encoding="utf-8"), file
