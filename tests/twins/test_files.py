"""Models in files: built again from them, and never another one by mistake."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import tracemalloc

import numpy as np
import pytest

import d2lib
from d2lib import checkpoint
from d2lib.checkpoint import CheckpointError
from d2lib.schedules import cosine, exponential, linear
from d2lib.training import fit
from tests.concepts.row import Build, all_rows
from tests.twins.both import needs_mxnet

X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.arange(6) % 2


@pytest.fixture
def other(dl):
    """The other twin."""
    pytest.importorskip("d2lib.mx", exc_type=ImportError)
    twins = {"d2lib.scratch": "d2lib.mx", "d2lib.mx": "d2lib.scratch"}
    return importlib.import_module(twins[dl.__name__])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.npz"


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], name, strict=True)


def described(path):
    return checkpoint.load(path)[1]


def written_as(path, model, change=None, /, **meta):
    """Writes a model's file, with something else in what it says."""
    model.save(path)
    arrays, said = checkpoint.load(path)
    if change is not None:
        change(said["model"])
    checkpoint.save(path, arrays, said | meta)


# Every class -------------------------------------------------------------------------


def modules_of(dl):
    """The classes of a twin that are models or parts of one, but for agents."""
    classes = [getattr(dl, name) for name in dl.__all__]
    return {
        cls.__name__
        for cls in classes
        if isinstance(cls, type)
        and issubclass(cls, dl.Module)
        and cls is not dl.Module
        and not hasattr(cls, "learn")
    }


def test_every_class_is_built_from_files(dl):
    """By the check `rebuilt`, which each row of a module has to pass."""
    rows = all_rows()
    assert len(modules_of(dl)) > 20
    for name in modules_of(dl):
        samples = rows[name].samples.values()
        assert any(isinstance(sample, Build) for sample in samples), name
        assert "rebuilt" not in rows[name].exempt
        assert not any("rebuilt" in sample.exempt for sample in samples), name


def model_of_many(dl):
    shared = dl.Dense(4, 4, "tanh", seed=1)
    return dl.Sequential(
        dl.Sequential(shared, dl.Dropout(0.2), shared),
        dl.Dense(np.int64(4), 3, activation="relu", bias=np.bool_(True), seed=0),
        dl.MLP((3, 5, 2), "sigmoid", dropout=0.5, seed=2),
    )


COPIES = {
    "itself": lambda thing: thing,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}


@pytest.mark.parametrize("by", COPIES)
def test_a_model_and_its_copies_come_back(dl, path, by):
    model = COPIES[by](model_of_many(dl))
    model.save(path)
    again = COPIES[by](dl.load_model(path))
    assert str(again) == str(model)
    same(again.state(), model.state())
    assert again.layers[0].layers[0] is again.layers[0].layers[2]
    np.testing.assert_array_equal(dl.to_numpy(again(X)), dl.to_numpy(model(X)))
    again.save(path)  # and once more
    same(dl.load_model(path).state(), model.state())


def test_there_and_back_is_the_same_to_the_bit(dl, other, path):
    model = model_of_many(dl)
    model.save(path)
    moved = other.load_model(path)
    assert str(moved) == str(model)
    assert moved.twin == other.__name__
    moved.save(path)
    again = dl.load_model(path)
    np.testing.assert_array_equal(dl.to_numpy(again(X)), dl.to_numpy(model(X)))


def test_what_is_loaded_can_be_trained(dl, path):
    model_of_many(dl).save(path)
    model = dl.load_model(path)
    before = model.state()
    optimizer = dl.Adam(model.parameters(), lr=0.1)
    fit(model, (X, LABELS), loss=dl.cross_entropy, optimizer=optimizer, epochs=1)
    assert (model.state()["layers.1.W"] != before["layers.1.W"]).any()


def test_what_is_written(dl, path):
    dl.MLP(np.array([4, 3, 2]), seed=np.random.default_rng(0)).save(path)
    said = described(path)
    assert (said["d2lib"], said["twin"]) == (d2lib.__version__, dl.__name__)
    assert said["model"][""] == {
        "class": "MLP",
        "arguments": {
            "sizes": [4, 3, 2],
            "activation": "relu",
            "output_activation": None,
            "dropout": 0.0,
            "initializer": None,
        },
        "left_out": [],
    }
    assert said["model"]["layers.1"]["arguments"]["units"] == 2


# Never another one -------------------------------------------------------------------


def test_relu_does_not_become_tanh(dl, other, path):
    dl.MLP([4, 3, 2], "relu", seed=0).save(path)
    for twin in (dl, other):
        model = twin.MLP([4, 3, 2], "tanh", seed=1)
        before = model.state()
        with pytest.raises(
            CheckpointError,
            match="another model: the model was MLP with activation='relu', and here "
            "it is MLP with activation='tanh': build it with the same arguments, or "
            r"let load_model\(path\) build it",
        ):
            model.load(path)
        same(model.state(), before)
        assert twin.load_model(path).layers[0].activation == "relu"


PAIRS = {
    "activation": (
        lambda dl: dl.Sequential(dl.Dense(4, 4, "relu"), dl.Dense(4, 2)),
        lambda dl: dl.MLP([4, 4, 2], "tanh"),
    ),
    "heads": (
        lambda dl: dl.MultiHeadAttention(4, 2),
        lambda dl: dl.MultiHeadAttention(4, 4),
    ),
    "stride": (
        lambda dl: dl.Conv2D(1, 2, 3, stride=2),
        lambda dl: dl.Conv2D(1, 2, 3),
    ),
    "eps": (lambda dl: dl.LayerNorm(4), lambda dl: dl.LayerNorm(4, eps=0.1)),
    "MaxPool2D": (
        lambda dl: dl.Sequential(dl.Conv2D(1, 2, 3), dl.MaxPool2D(2)),
        lambda dl: dl.Sequential(dl.Conv2D(1, 2, 3), dl.AvgPool2D(2)),
    ),
    "was AvgPool2D": (lambda dl: dl.AvgPool2D(2), lambda dl: dl.MaxPool2D(2)),
}


@pytest.mark.parametrize("what", PAIRS)
def test_the_same_shapes_are_not_the_same_model(dl, path, what):
    one, two = PAIRS[what]
    one(dl).save(path)
    with pytest.raises(CheckpointError, match=f"of another model: .*{what}"):
        two(dl).load(path)
    one(dl).load(path)


def test_what_is_of_training_may_differ(dl, path):
    dl.MLP([4, 3, 2], dropout=0.5, initializer="he", seed=0).save(path)
    dl.MLP([4, 3, 2], dropout=0.1, seed=1).load(path)
    dl.MLP([4, 3, 2], seed=0).save(path)
    dl.Sequential(dl.Dense(4, 3, "relu"), dl.Dense(3, 2)).load(path)


def test_a_part_that_was_put_in_later_is_told(dl, path):
    """What its class builds is not what was saved."""
    model = dl.TransformerBlock(4, 2, seed=0)
    name = next(n for n, part in vars(model).items() if isinstance(part, dl.LayerNorm))
    setattr(model, name, dl.LayerNorm(4, eps=0.5))
    model.save(path)
    with pytest.raises(CheckpointError, match=f"{name} was changed after it was built"):
        dl.load_model(path)
    setattr(model, name, dl.Sequential(dl.LayerNorm(4)))
    model.save(path)
    with pytest.raises(CheckpointError, match="can't be made a model of"):
        dl.load_model(path)
    model.more = dl.Dropout(0.5)
    model.save(path)
    with pytest.raises(CheckpointError, match="can't be made a model of"):
        dl.load_model(path)


def own(dl, activation="tanh"):
    class Net(dl.Module):
        def __init__(self, activation, encoder):
            self.encoder = encoder
            self.body = dl.Dense(3, 2, activation, seed=1)

        def forward(self, x):
            return self.body(self.encoder(x))

    return Net(activation, dl.Dense(4, 3, seed=0))


def test_a_class_of_ones_own_is_loaded_and_not_built(dl, other, path):
    model = own(dl)
    model.save(path)
    with pytest.raises(
        CheckpointError,
        match=r"the model is a '.*own.*Net', which is none of the library's classes\): "
        r"build it as it was built, and call model\.load\(path\)",
    ):
        dl.load_model(path)
    again = own(other)
    again.load(path)
    same(again.state(), model.state())
    with pytest.raises(
        CheckpointError,
        match=r"body was Dense with activation='tanh', and here .*activation='relu'",
    ):
        own(dl, "relu").load(path)
    own(dl, "relu").load_state(checkpoint.load(path)[0])  # who knows better
    row = dl.Sequential(own(dl))
    row.save(path)
    with pytest.raises(CheckpointError, match=r"layers\.0 is a '.*Net'"):
        dl.load_model(path)


def test_what_text_does_not_hold_is_left_out(dl, path):
    """Data, objects, and what has no end are not written, and do no harm."""

    class Net(dl.Module):
        def __init__(self, *more, a=None, b=(1, 2), **named):
            self.body = dl.Dense(2, 2, seed=0)

    endless = [1]
    endless.append(endless)
    left_out = (
        *(range(10**15), [0] * 2000, np.zeros(2000), "a" * 2000, endless),
        *(np.random.default_rng(0), object(), dl.tensor([1.0]), np.array(["a"])),
        *({"a": 1}, {1}, b"a", 1j, max),
    )
    for value in left_out:
        Net(a=value).save(path)
        said = described(path)["model"][""]
        assert (said["left_out"], said["arguments"]) == (["a"], {"b": [1, 2]}), value
    for value, written in (
        *((range(3), [0, 1, 2]), ((1, [2.5, None]), [1, [2.5, None]])),
        *((np.float32(0.5), 0.5), (np.arange(2), [0, 1]), (np.bool_(1), True)),
    ):
        Net(a=value).save(path)
        said = described(path)["model"][""]
        assert (said["left_out"], said["arguments"]["a"]) == ([], written)
    Net(1, 2, c=3).save(path)
    assert described(path)["model"][""]["arguments"]["more"] == [1, 2]
    assert described(path)["model"][""]["left_out"] == ["named"]


def test_arguments_of_ones_own_class_mean_what_they_mean(dl, path):
    class Net(dl.Module):
        def __init__(self, fill=float("nan"), rate=1.0):
            self.body = dl.Dense(2, 2)

    model = Net()
    model.save(path)
    other = Net(0.5, 2.0)
    other.load(path)
    same(other.state(), model.state())


def test_a_wrong_call_gets_the_error_of_the_constructor(dl):
    for call in (lambda: dl.Dense(2), lambda: dl.Dense(2, 3, 4, 5, 6, 7, 8, 9)):
        with pytest.raises(TypeError, match=r"__init__\(\)"):
            call()


def test_a_subclass_of_a_layer_is_ones_own(dl, path):
    class Dense(dl.Dense):
        def forward(self, x):
            return super().forward(x) * 2.0

    Dense(4, 2, seed=0).save(path)
    with pytest.raises(CheckpointError, match="none of the library's classes"):
        dl.load_model(path)
    dl.Dense(4, 2).load(path)  # whose weights they may be


def test_an_older_file_says_nothing_of_its_model(dl, path):
    model = dl.MLP([4, 3, 2], seed=0)
    checkpoint.save(path, model.state())
    again = dl.MLP([4, 3, 2], seed=1)
    again.load(path)
    same(again.state(), model.state())
    with pytest.raises(CheckpointError, match=r"not say which model.*model\.load"):
        dl.load_model(path)
    old = copy.deepcopy(model)
    del vars(old)["_recipe"]  # as of an older pickle
    old.save(path)
    again.load(path)
    with pytest.raises(CheckpointError, match=r"'arguments'.* could not be written"):
        dl.load_model(path)


def agents(dl):
    """One of each kind, with schedules, and with a step of learning behind it."""
    q = dl.DQN(
        2, 2, hidden=(3,), lr=cosine(0.01, 100, warmup=2), capacity=40, batch_size=8,
        warmup=8, epsilon=linear(0.9, 50, end=0.1), seed=0,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for i in range(20):
        q.replay.add(rng.normal(size=2), i % 2, 1.0, rng.normal(size=2), i % 5 == 4)
    q.update(q.replay.sample(8))
    policy = dl.PolicyGradient(2, 2, hidden=(3,), lr=exponential(0.1, 0.9), seed=0)
    ppo = dl.GaussianPolicy(2, 1, hidden=(3,), scale=[1.0, 0.5], seed=0)
    return {"DQN": q, "PolicyGradient": policy, "GaussianPolicy": ppo}


def whole(agent):
    """All that an agent goes on from."""
    parts = {n: part.state() for n, part in agent._parts().items()}
    flat = {f"{n}/{k}": a for n, state in parts.items() for k, a in state.items()}
    random = checkpoint.generator_state(agent.generator)
    return {**agent.state(), **flat, "random": random}


@pytest.mark.parametrize("name", ["DQN", "PolicyGradient", "GaussianPolicy"])
def test_an_agent_comes_back_with_all_that_it_remembers(dl, other, path, name):
    agent = agents(dl)[name]
    agent.save(path)
    again = dl.load_model(path)
    assert type(again) is type(agent)
    assert again._settings() == agent._settings()
    same(whole(again), whole(agent))
    moved = other.load_model(path)
    assert moved.twin == other.__name__
    same(moved.state(), agent.state())
    if name == "DQN":
        batches = [a.replay.sample(8) for a in (agent, again)]
        assert agent.update(batches[0]) == again.update(batches[1])
        same(whole(again), whole(agent))


def test_an_agent_with_a_function_of_ones_own_is_built_by_oneself(dl, path):
    dl.PolicyGradient(2, 2, lr=lambda step: 0.1).save(path)
    with pytest.raises(CheckpointError, match=r"whose .*'lr'.* could not be written"):
        dl.load_model(path)


def test_a_file_names_no_schedule_but_the_librarys(dl, path):
    agents(dl)["DQN"].save(path)
    arrays, meta = checkpoint.load(path)
    for lr, words in (
        ({"schedule": "Rate", "lr": 0.1}, "which is no schedule"),
        ({"schedule": ["cosine"]}, "which is no schedule"),
        ({"schedule": "cosine", "lr": 0.1}, "missing 1 required .* 'steps'"),
        ({"schedule": "cosine", "lr": 0.1, "steps": "many"}, "steps must be"),
    ):
        meta["model"][""]["arguments"]["lr"] = lr
        checkpoint.save(path, arrays, meta)
        with pytest.raises(CheckpointError, match=words):
            dl.load_model(path)


def test_a_small_file_does_not_make_an_agent_of_great_memory(dl, path):
    agents(dl)["DQN"].save(path)
    arrays, meta = checkpoint.load(path)
    meta["model"][""]["arguments"]["capacity"] = 10**8
    checkpoint.save(path, arrays, meta)
    with pytest.raises(CheckpointError, match="larger than its weights"):
        dl.load_model(path)


# Numbers -----------------------------------------------------------------------------


def test_weights_that_are_no_numbers_are_refused(dl, path):
    for bad in (np.nan, np.inf):
        model = dl.MLP([4, 3, 2], seed=0)
        model.save(path)
        before = path.read_bytes()
        spoilt = model.state()
        spoilt["layers.1.b"][1] = bad
        model.load_state(spoilt)
        with pytest.raises(
            ValueError, match=r"finite, and layers\.1\.b holds NaN or infinity"
        ):
            model.save(path)
        assert path.read_bytes() == before

        checkpoint.save(path, spoilt, described(path))
        good = dl.MLP([4, 3, 2], seed=1)
        state = good.state()
        for load in (good.load, dl.load_model):
            with pytest.raises(
                CheckpointError, match=r"w\.npz holds no usable weights: .*finite"
            ):
                load(path)
        same(good.state(), state)


def in_float64(dl, model):
    if dl.__name__ == "d2lib.mx":
        model.cast("float64")
    else:
        for parameter in model.parameters():
            parameter.data = parameter.data.astype(np.float64)
    return model


def test_float64_fits_or_is_refused(dl, path):
    wide = in_float64(dl, dl.Dense(4, 2, seed=0))
    wide.save(path)
    narrow = dl.Dense(4, 2, seed=1)
    narrow.load(path)
    same(narrow.state(), {n: a.astype(np.float32) for n, a in wide.state().items()})

    wide.load_state(wide.state() | {"b": [1e300, 0.0]})
    wide.save(path)
    with pytest.raises(
        CheckpointError, match=r"float32, and b of float64 goes up to 1e\+300"
    ):
        narrow.load(path)
    again = in_float64(dl, dl.Dense(4, 2))
    again.load(path)
    same(again.state(), wide.state())


def test_float64_comes_back_as_float64(dl, other, path):
    for model, x in (
        (dl.MLP([4, 3, 2], seed=0), np.ones((2, 4))),
        (dl.Sequential(dl.Conv2D(1, 2, 3), dl.BatchNorm(2)), np.ones((2, 1, 4, 4))),
        (dl.LSTM(4, 3, seed=0), np.ones((2, 5, 4))),
    ):
        wide = model
        wide._widen()
        wide.load_state({n: a + 1e-12 for n, a in wide.state().items()})
        wide.save(path)
        state = checkpoint.load(path)[0]
        for twin in (dl, other):
            again = twin.load_model(path)
            same(again.state(), state)
            y = again(twin.tensor(x, np.float64))
            y = y[0] if isinstance(y, tuple) else y
            assert twin.to_numpy(y).dtype == np.float64


# Strangers' files --------------------------------------------------------------------


def of_root(**changes):
    return lambda model: model[""].update(changes)


def with_arguments(**changes):
    return lambda model: model[""]["arguments"].update(changes)


STRANGE = {
    "code": (of_root(**{"class": "os.system"}), "'os.system', which is none"),
    "a function": (of_root(**{"class": "fit"}), "'fit', which is none"),
    "hidden": (of_root(**{"class": "__builtins__"}), "which is none"),
    "no text": (of_root(**{"class": ["MLP"]}), "it says of its model"),
    "no arguments": (of_root(arguments=None), "it says of its model"),
    "no list": (of_root(left_out=3), "it says of its model"),
    "nothing": (lambda model: model.clear(), "not say what the model is"),
    "no part": (lambda model: model.update({"": 3}), "it says of its model"),
    "another part": (lambda model: model.pop("layers.1"), r"layers\.1 is in"),
    "one more": (
        lambda model: model.update({"layers.7": model["layers.1"]}),
        r"layers\.7 is in it only",
    ),
    "unknown": (with_arguments(code="print()"), "unexpected keyword argument 'code'"),
    "of a kind": (with_arguments(sizes="print()"), "sizes must be"),
    "an activation": (with_arguments(activation="print"), "got 'print'"),
    "another one": (with_arguments(activation="tanh"), r"layers\.0 was changed"),
    "other sizes": (with_arguments(sizes=[4, 5, 2]), r"layers\.0 was changed"),
    "many": (with_arguments(sizes=[30_000, 30_000]), "larger than its weights"),
    "itself": (lambda model: model[""].update({"is": ""}), "stands elsewhere"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_a_file_says_is_not_believed(dl, path, what):
    change, message = STRANGE[what]
    written_as(path, dl.MLP([4, 3, 2], seed=0), change)
    with pytest.raises(CheckpointError, match=message):
        dl.load_model(path)


def test_weights_of_another_shape_than_is_said(dl, path):
    dl.Dense(4, 3).save(path)
    checkpoint.save(path, dl.Dense(4, 2).state(), described(path))
    with pytest.raises(
        CheckpointError, match=r"W must have shape \(4, 3\), got \(4, 2"
    ):
        dl.load_model(path)


@pytest.mark.parametrize("model", [3, "MLP", [], {"": []}])
def test_a_description_of_another_kind(dl, path, model):
    written_as(path, dl.MLP([4, 3, 2], seed=0), model=model)
    for load in (dl.load_model, dl.MLP([4, 3, 2]).load):
        with pytest.raises(CheckpointError, match="it says of its model"):
            load(path)


HUGE = {
    "Dense": (lambda dl: dl.Dense(2, 2), {"inputs": 30_000, "units": 30_000}),
    "MLP": (lambda dl: dl.MLP([2, 2]), {"sizes": [2] + [3000] * 100}),
    "Embedding": (lambda dl: dl.Embedding(2, 2), {"tokens": 10**7}),
    "RNN": (lambda dl: dl.RNN(2, 2), {"units": 1000, "layers": 100}),
    "LSTM": (lambda dl: dl.LSTM(2, 2), {"units": 5000}),
    "Conv2D": (lambda dl: dl.Conv2D(2, 2, 1), {"kernel_size": 5000}),
    "BatchNorm": (lambda dl: dl.BatchNorm(2), {"channels": 10**7}),
    "LayerNorm": (lambda dl: dl.LayerNorm(2), {"units": 10**7}),
    "MultiHeadAttention": (lambda dl: dl.MultiHeadAttention(2, 1), {"units": 5000}),
    "TransformerBlock": (lambda dl: dl.TransformerBlock(2, 1), {"hidden": 10**7}),
    "LanguageModel": (
        lambda dl: dl.LanguageModel(3, 4, "transformer"),
        {"max_length": 10**7},
    ),
    "LeNet": (lambda dl: dl.LeNet(), {"filters": [5000, 5000]}),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_small_file_does_not_make_a_large_model(dl, path, what):
    """It once took 1.1 GB to refuse 1.2 MB."""
    build, arguments = HUGE[what]
    written_as(path, build(dl), with_arguments(**arguments))
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError, match="larger than its weights"):
            dl.load_model(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000_000


def test_a_file_as_large_as_its_model_is_not_too_small(dl, path):
    for model in (
        dl.Conv2D(300, 300, 3, groups=300),  # whose filters see one channel each
        dl.LSTM(3, 200, layers=8),
        dl.LanguageModel(5, 8, "transformer", max_length=4096),
    ):
        model.save(path)
        same(dl.load_model(path).state(), model.state())


def test_any_byte_changed_is_told_or_harmless(path):
    from d2lib import scratch

    model = scratch.Dense(2, 2, "tanh", seed=0)
    model.save(path)
    content = path.read_bytes()
    for i in range(0, len(content), 3):
        spoiled = bytearray(content)
        spoiled[i] ^= 1 << i % 8
        path.write_bytes(spoiled)
        try:
            again = scratch.load_model(path)
        except CheckpointError:
            continue
        same(again.state(), model.state())
        assert again.activation == "tanh"


@needs_mxnet
def test_what_is_said_is_json(path):
    """Neither twin puts in what only it can read."""
    from d2lib import mx, scratch

    said = []
    for dl in (scratch, mx):
        model_of_many(dl).save(path)
        said.append(described(path))
        json.dumps(said[-1])
    assert said[0]["model"] == said[1]["model"]
