"""Where a training happens: MXNet's second context of the processor plays the GPU."""

from __future__ import annotations

import numpy as np
import pytest

from d2lib import scratch
from d2lib.data import spirals
from d2lib.training import Callback, EarlyStopping, fit
from tests.twins.both import needs_mxnet
from tests.twins.checks import identical

X, Y = spirals(60, classes=2, seed=0)


class Scale(Callback):
    """Notes where things are."""

    def __init__(self):
        self.seen = set()

    def on_batch(self, run):
        for name, part in run.model._named_arrays():
            array = getattr(part, "value", part)
            array = part.data() if hasattr(part, "data") else array
            self.seen.add((name, str(array.ctx)))
        self.seen |= {("kept", str(k.ctx)) for ks in run.optimizer._kept for k in ks}


@needs_mxnet
class TestMXNet:
    @pytest.fixture
    def other(self):
        from d2lib.mx._compat import mx

        return mx.cpu(1)

    def build(self, mx):
        class Own(mx.Module):
            """Parameters of MXNet's, a tensor, a frozen one, and a buffer."""

            def __init__(self):
                self.layers = mx.MLP([2, 8, 2], dropout=0.2, seed=0)
                self.factor = mx.tensor([1.0, 1.0], requires_grad=True)
                self.fixed = mx.tensor([2.0, 2.0], requires_grad=True)
                self.fixed.requires_grad = False
                self.calls = mx.Buffer(0.0)

            def forward(self, x):
                if self.layers.training:
                    self.calls.value = self.calls.value + 1.0
                return self.layers(x) * self.factor * self.fixed

        return Own()

    def train(self, mx, model, adam, callbacks=(), **options):
        return fit(
            model,
            (X, Y),
            loss=mx.cross_entropy,
            optimizer=adam,
            epochs=2,
            batch_size=20,
            validation=(X, Y),
            callbacks=callbacks,
            clip_norm=1.0,
            **options,
        )

    def test_all_goes_there_and_returns(self, other):
        from d2lib import mx

        ends = []
        for device in (None, other, "cpu"):
            model = self.build(mx)
            adam = mx.Adam(model.parameters(), lr=0.01)
            seen = Scale()
            stopping = EarlyStopping(monitor="loss")
            # There, here, and there again: what was kept goes along.
            for _ in range(2):
                self.train(mx, model, adam, [seen, stopping], device=device)
            where = {str(device if device == other else mx.device())}
            assert {place for _, place in seen.seen} == where
            assert {name for name, _ in seen.seen} == {*model.state(), "kept"}
            ends.append({**model.state(), **adam.state()})
            assert mx.device() != other
            for _, part in model._named_arrays():
                array = part.data() if hasattr(part, "data") else part
                assert getattr(array, "value", array).ctx == mx.device()
            assert not model.fixed.requires_grad
            assert mx.predict(model, X).shape == (60, 2)
        identical(ends[0], ends[1])
        identical(ends[0], ends[2])

    def test_it_returns_after_an_error(self, other):
        from d2lib import mx

        class Break(Callback):
            def on_batch(self, run):
                raise RuntimeError("in the middle")

        model = mx.MLP([2, 4, 2], seed=0)
        adam = mx.Adam(model.parameters())
        with pytest.raises(RuntimeError, match="in the middle"):
            self.train(mx, model, adam, [Break()], device=other)
        assert model.parameters()[0].list_ctx() == [mx.device()]
        assert mx.device() != other

    @pytest.mark.parametrize("what", ["pictures", "lstm", "transformer"])
    def test_layers_of_all_kinds_go_along(self, other, what):
        from d2lib import mx

        def build():
            if what == "pictures":
                return mx.Sequential(
                    mx.Conv2D(1, 2, 3, seed=0), mx.BatchNorm(2), mx.Flatten()
                )
            return mx.LanguageModel(5, 8, what, seed=0)

        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(20, 1, 3, 3)).astype(np.float32), np.arange(20) % 2
        if what != "pictures":
            x, y = rng.integers(0, 5, (2, 20, 6))
        ends = []
        for devices in ((None, None, None), (other, "cpu", other)):
            model = build()
            adam = mx.Adam(model.parameters())
            for device in devices:
                loss = mx.cross_entropy
                fit(model, (x, y), loss=loss, optimizer=adam, device=device)
            ends.append({**model.state(), "predicted": mx.predict(model, x)})
        identical(*ends)

    @pytest.mark.parametrize(
        ("device", "error", "words"),
        [
            ("tpu", ValueError, r'must be "cpu", "gpu", .*"gpu\(1\)", got \'tpu\''),
            ("gpu:1", ValueError, "got 'gpu:1'"),
            (1, TypeError, "or a context of MXNet, got 1"),
            (
                "gpu(99)",
                ValueError,
                r'device is gpu\(99\), .* finds .* pass device="cp',
            ),
        ],
    )
    def test_mistakes(self, device, error, words):
        from d2lib import mx

        model = mx.MLP([2, 4, 2], seed=0)
        with pytest.raises(error, match=words):
            self.train(mx, model, mx.Adam(model.parameters()), device=device)


def test_numpy_knows_the_processor_alone():
    model = scratch.MLP([2, 4, 2], seed=0)
    sgd = scratch.SGD(model.parameters())
    options = {"loss": scratch.cross_entropy, "optimizer": sgd}
    fit(model, (X, Y), device="cpu", **options)
    for device in ("gpu", "cpu(1)"):
        with pytest.raises(ValueError, match=r"which NumPy computes, got .* with"):
            fit(model, (X, Y), device=device, **options)
