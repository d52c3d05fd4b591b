"""Models that are written once are whole in each twin: copied, subclassed, alone."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from tests.twins.both import TWINS

MODELS = {
    "LanguageModel": lambda dl: dl.LanguageModel(7, 8, "transformer", seed=0),
    "LanguageModel of an LSTM": lambda dl: dl.LanguageModel(7, 8, seed=0),
    "TransformerBlock": lambda dl: dl.TransformerBlock(8, 2, seed=0),
}
INPUTS = {
    "LanguageModel": np.arange(6).reshape(2, 3),
    "LanguageModel of an LSTM": np.arange(6).reshape(2, 3),
    "TransformerBlock": np.linspace(-1, 1, 48, dtype=np.float32).reshape(2, 3, 8),
}


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def test_every_layer_is_of_the_models_twin(dl, name):
    for module in MODELS[name](dl).modules():
        assert module.twin == dl.__name__
        assert type(module).__module__.startswith(f"{dl.__name__}.")


def test_a_subclass_elsewhere_takes_the_same_layers(dl):
    class Model(dl.LanguageModel):
        def forward(self, x):
            return super().forward(x) * 2.0

    x, args = INPUTS["LanguageModel"], (7, 8, "transformer")
    model, plain = Model(*args, seed=0), dl.LanguageModel(*args, seed=0)
    np.testing.assert_allclose(
        dl.to_numpy(model(x)), 2 * dl.to_numpy(plain(x)), rtol=1e-6
    )


def test_lists_are_taken_too(dl):
    block, x = MODELS["TransformerBlock"](dl), INPUTS["TransformerBlock"]
    np.testing.assert_array_equal(
        dl.to_numpy(block(x.tolist())), dl.to_numpy(block(dl.tensor(x)))
    )


def test_the_numpy_twins_are_copied(name):
    from d2lib import scratch

    model = MODELS[name](scratch)
    same = copy.deepcopy(model)
    np.testing.assert_array_equal(same(INPUTS[name]).data, model(INPUTS[name]).data)


def test_a_pickle_finds_their_classes(dl, name):
    found = type(MODELS[name](dl))
    assert pickle.loads(pickle.dumps(found)) is found


def test_without_a_seed_the_source_of_random_numbers_is_left_alone(dl):
    """MXNet's is one for all: a model without a seed must not restart it."""
    draws = []
    for between in (lambda: None, lambda: dl.LanguageModel(7, 8, dropout=0.5)):
        dropout = dl.Dropout(0.5, seed=0)
        between()
        dl.TransformerBlock(8, 2, dropout=0.5)
        with dl.record():
            draws.append(dl.to_numpy(dropout(np.ones(64, np.float32))))
    np.testing.assert_array_equal(*draws)


@pytest.mark.parametrize("twin", TWINS)
def test_one_twin_is_enough(twin):
    other = {"scratch": "mx", "mx": "scratch"}[twin]
    script = (
        f"import sys; from d2lib import {twin} as dl;"
        "dl.LanguageModel(7, 8, 'transformer')([[1]]);"
        f"assert 'd2lib.{other}' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
