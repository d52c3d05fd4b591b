"""Whatever a user passes in: a documented result, or an error of ours that names it.

Every public function, constructor and method is called with one argument spoilt. What
there is to call is found in ``__all__``, so that a new name is tested as it is; if it
takes an argument of a new name, `GOOD` must know a good value for that. A call must
return, in both twins, or raise the same error in both: a ValueError, a TypeError or
what the docstring names, by a line of d2lib that raises it, with the argument's name in
it.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import traceback
import warnings
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

pytest.importorskip("d2lib.mx", exc_type=ImportError)

import d2lib
from d2lib import data, mx, reinforcement, scratch
from tests.twins.contract import public_members

EXAMPLES = 40  # of each call
LIBRARY = str(Path(d2lib.__file__).parent)
TWINS = (scratch, mx)
F = np.float32
MODULES = (
    *("data", "metrics", "training", "checkpoint", "generation", "gradcheck"),
    "reinforcement",
)


def other(dl):
    return mx if dl is scratch else scratch


def trained(dl):
    return dl.Dense(3, 2, seed=0)


def world(kind="numbers"):
    """An environment that fits the agents that `GOOD` builds."""
    import gymnasium as gym

    class World(gym.Env):
        observation_space = gym.spaces.Box(-1, 1, (3,), F)
        action_space = gym.spaces.Discrete(2)
        k = 0

        def reset(self, *, seed=None, options=None):
            return np.ones(3, F), {}

        def step(self, action):
            self.k += 1
            return np.ones(3, F), 1.0, self.k % 2 == 0, False, {}

    made = World()
    if kind == "real":
        made.action_space = gym.spaces.Box(-1, 1, (1,), F)
    return made


def steps(kind):
    """Two steps, as an agent of that kind takes them."""
    seen, over = np.ones((2, 3), F), np.array([0, 1])
    if kind == "drawn":
        return reinforcement.Batch(seen, over, np.ones(2, F), seen, over.astype(F))
    actions = np.ones((2, 1), F) if kind == "real" else over
    no = np.zeros(2, bool)
    return reinforcement.Rollout(seen, actions, np.ones(2), seen, over > 0, no, no)


# What is called ---------------------------------------------------------------------

#: Good values by the names of parameters; "Name.parameter" comes first. A function gets
#: the twin and what was made for the parameters before it.
GOOD = {
    "actions": 2,
    "action": 1,
    "capacity": 9,
    "env": lambda dl, given: world(),
    "following": lambda dl, given: np.ones(3, F),
    "iterations": 1,
    "model": lambda dl, given: trained(dl),
    "next_values": lambda dl, given: np.zeros(3),
    "observation": lambda dl, given: np.ones(3, F),
    "observations": lambda dl, given: np.ones((4, 3), F),
    "policy": None,
    "reward": 1.0,
    "rewards": lambda dl, given: np.ones(3),
    "terminated": False,
    "W": lambda dl, given: np.ones((3, 3, 2, 2), F),
    "arrays": lambda dl, given: {"w": np.ones(3)},
    "channels": 3,
    "condition": lambda dl, given: np.eye(4, 3, dtype=bool),
    "a": [[0, 0, 4, 4]],
    "anchors": [[0, 0, 4, 4]],
    "b": [[0, 0, 4, 4]],
    "boxes": [[0, 0, 4, 4]],
    "classes": 3,
    "code": [[0.0, 0.0, 0.0, 0.0]],
    "columns": 2,
    "data": lambda dl, given: (np.ones((4, 3), F), np.zeros(4, int)),
    "every": 2,
    "filters": 4,
    "f": lambda dl, given: lambda x: x * x,
    "factor": 0.5,
    "gradient": 1.0,
    "heads": 2,
    "high": 1.0,
    "features": lambda dl, given: np.ones((1, 2, 2, 2), F),
    "found": [([[0, 0, 4, 4]], [1], [0.5])],
    "image": [0],
    "images": lambda dl, given: np.ones((1, 1, 8, 8), F),
    "indices": lambda dl, given: np.array([0, 1, 2]),
    "inputs": 3,
    "kernel_size": 2,
    "k": lambda dl, given: np.ones((2, 5, 4), F),
    "layers": lambda dl, given: trained(dl),
    "length": 3,
    "loss": lambda dl, given: dl.cross_entropy,
    "low": -1.0,
    "lr": 0.1,
    "max_norm": 1.0,
    "optimizer": lambda dl, given: dl.SGD(
        (
            given["model"] if isinstance(given["model"], dl.Module) else trained(dl)
        ).parameters()
    ),
    "parameters": lambda dl, given: trained(dl).parameters(),
    "path": "file.npz",
    "prompt": lambda dl, given: [1, 2],
    "q": lambda dl, given: np.ones((2, 5, 4), F),
    "ratios": [1.0],
    "rows": 2,
    "scales": [8.0],
    "scheme": "xavier",
    "score": lambda dl, given: np.ones((1, 1), F),
    "scores": [0.5],
    "seed": 0,
    "shape": (3, 2),
    "size": 1,
    "sizes": lambda dl, given: [3, 4, 2],
    "steps": 10,
    "tensors": lambda dl, given: [np.ones((4, 3), F), np.ones((4, 3), F)],
    "stride": 4,
    "tokens": 5,
    "truth": [([[0, 0, 4, 4]], [1])],
    "units": 4,
    "v": lambda dl, given: np.ones((2, 5, 4), F),
    "values": lambda dl, given: [1.0, 2.0],
    "x": lambda dl, given: np.ones((4, 3), F),
    "y": lambda dl, given: np.zeros(4, int),
    "y_hat": lambda dl, given: np.ones((4, 3), F),
    # One name, another thing
    "DQN.targets.batch": lambda dl, given: steps("drawn"),
    "DQN.loss.batch": lambda dl, given: steps("drawn"),
    "DQN.update.batch": lambda dl, given: steps("drawn"),
    "PolicyGradient.weights.batch": lambda dl, given: steps("whole"),
    "PolicyGradient.loss.batch": lambda dl, given: steps("whole"),
    "PolicyGradient.update.batch": lambda dl, given: steps("whole"),
    "GaussianPolicy.actions": 1,
    "GaussianPolicy.advantages.batch": lambda dl, given: steps("real"),
    "GaussianPolicy.loss.batch": lambda dl, given: steps("real"),
    "GaussianPolicy.update.batch": lambda dl, given: steps("real"),
    "GaussianPolicy.learn.env": lambda dl, given: world("real"),
    "generalized_advantages.values": lambda dl, given: np.zeros(3),
    "q_learning.env": "FrozenLake-v1",
    "transitions.env": "FrozenLake-v1",
    "value_iteration.model": "FrozenLake-v1",
    "LeNet.forward.x": lambda dl, given: np.ones((2, 1, 28, 28), F),
    "EarlyStopping.load_state.state": lambda dl, given: {"numbers": np.zeros(3)},
    "ReduceLROnPlateau.load_state.state": lambda dl, given: {"numbers": np.zeros(3)},
    "ModelCheckpoint.load_state.state": lambda dl, given: {
        "best": np.array(0.0),
        "files": np.frombuffer(b"[]", np.uint8),
    },
    "CSVLogger.load_state.state": lambda dl, given: {
        "lr": np.zeros(2),
        "seconds": np.zeros(2),
    },
    "RegionProposalNetwork.channels": 2,
    "RegionProposalNetwork.losses.base": [[0, 0, 4, 4]],
    "RegionProposalNetwork.propose.base": [[0, 0, 4, 4]],
    "RegionProposalNetwork.losses.boxes": [[[0, 0, 4, 4]]],
    "RegionProposalNetwork.losses.code": lambda dl, given: np.ones((1, 1, 4), F),
    "RegionProposalNetwork.propose.code": lambda dl, given: np.ones((1, 1, 4), F),
    "RegionProposalNetwork.propose.size": (8, 8),
    "FasterRCNN.losses.boxes": [[[0, 0, 4, 4]]],
    "FasterRCNN.losses.classes": [[1]],
    "FCN.loss.pixels": lambda dl, given: np.zeros((1, 8, 8), int),
    "Embedding.forward.indices": lambda dl, given: [[1, 2]],
    "LanguageModel.advance.x": lambda dl, given: [[1, 2]],
    "LanguageModel.forward.x": lambda dl, given: [[1, 2]],
    "LanguageModel.units": 4,
    "Vocabulary.encode.tokens": lambda dl, given: ["a", "b"],
    "Vocabulary.tokens": lambda dl, given: ["a", "b", "c"],
    "binary_cross_entropy.y": lambda dl, given: np.ones((4, 3), F),
    "binary_cross_entropy_with_logits.y": lambda dl, given: np.ones((4, 3), F),
    "context_windows.tokens": lambda dl, given: np.arange(5),
    "generate.model": lambda dl, given: dl.LanguageModel(5, 4, seed=0),
    "load_into.path": "model.npz",
    "load.path": "model.npz",
    "maximum.y": lambda dl, given: np.ones(3, F),
    "minimum.y": lambda dl, given: np.ones(3, F),
    "load_coco.path": "boxes.json",
    "load_photograph.name": "text",
    "precision_recall.name": 1,
    "mean_iou.found": [[0, 1]],
    "mean_iou.truth": [[0, 1]],
    "roi_align.x": lambda dl, given: np.ones((1, 2, 4, 4), F),
    "roi_pool.x": lambda dl, given: np.ones((1, 2, 4, 4), F),
    "smooth_l1.y": lambda dl, given: np.ones((4, 3), F),
    "mse.y": lambda dl, given: np.ones((4, 3), F),
    "read_idx.path": "three.idx",
    "summary.inputs": (8, 3),
    "tensor.data": lambda dl, given: [1.0, 2.0],
    "check_gradients.inputs": lambda dl, given: np.ones(2),
    "where.y": lambda dl, given: np.zeros((4, 1), F),
}
WIDE = ("LayerNorm", "MultiHeadAttention", "TransformerBlock")
for name in WIDE:
    for method in ("forward", "weights"):
        GOOD[f"{name}.{method}.x"] = lambda dl, given: np.ones((2, 5, 4), F)
for name in ("RNN", "LSTM", "GRU"):
    GOOD[f"{name}.forward.x"] = lambda dl, given: np.ones((2, 5, 3), F)

for name in (
    *("conv2d", "conv_transpose2d", "upsample", "Conv2D.forward"),
    *("ConvTranspose2D.forward", "AvgPool2D.forward", "GlobalAvgPool2D.forward"),
):
    GOOD[f"{name}.x"] = lambda dl, given: np.ones((2, 3, 5, 5), F)

#: What is not a user's to call, or has no arguments worth spoiling: the reason.
EXEMPT = {
    "ReplayBuffer.sample": "needs steps before: tests/reinforcement/test_replay.py",
    **{
        f"{name}.{method}": "Gymnasium's interface, which a Walk calls"
        for name in ("CartPole", "Pendulum", "MountainCarContinuous")
        for method in ("reset", "step", "start", "observe", "move", "close")
    },
    "Module.forward": "every subclass defines it",
    "Tensor": "one twin's is MXNet's own array",
    "Callback": "fit calls its methods",
    "EarlyStopping.on_start": "fit calls it",
    "EarlyStopping.on_epoch": "fit calls it",
    "EarlyStopping.on_end": "fit calls it",
    "EarlyStopping.on_batch": "fit calls it",
    "EarlyStopping.on_interrupt": "fit calls it",
    "ReduceLROnPlateau.on_batch": "fit calls it",
    "ReduceLROnPlateau.on_interrupt": "fit calls it",
    "ReduceLROnPlateau.on_start": "fit calls it",
    "ReduceLROnPlateau.on_epoch": "fit calls it",
    "ReduceLROnPlateau.on_end": "fit calls it",
    "ModelCheckpoint.on_batch": "fit calls it",
    "ModelCheckpoint.on_interrupt": "fit calls it",
    "ModelCheckpoint.on_start": "fit calls it",
    "ModelCheckpoint.on_epoch": "fit calls it",
    "ModelCheckpoint.on_end": "fit calls it",
    "CSVLogger.on_batch": "fit calls it",
    "CSVLogger.on_interrupt": "fit calls it",
    "CSVLogger.on_start": "fit calls it",
    "CSVLogger.on_epoch": "fit calls it",
    "CSVLogger.on_end": "fit calls it",
    "History.plot": "draws on what matplotlib made",
    "CheckpointError": "an exception",
    "DataError": "an exception",
    "NonFiniteLossError": "an exception",
    "MNIST": "load_mnist makes it",
    "Tunes": "load_tunes makes it",
    "Faces": "load_faces makes it",
    "load_mnist": "takes seconds",
    "digit_scenes": "takes seconds",
    "Scenes": "digit_scenes makes it",
    "Pictures": "load_coco makes it",
}

if find_spec("gymnasium") is None:  # which all that walks needs
    EXEMPT |= dict.fromkeys(
        (
            *("rollout", "evaluate", "q_learning", "transitions", "value_iteration"),
            *("DQN.learn", "PolicyGradient.learn", "GaussianPolicy.learn"),
            *("CartPole", "Pendulum", "MountainCarContinuous"),
        ),
        "needs d2lib-book[rl]",
    )

#: Words by which messages call a parameter, where its name is not one of them.
ALSO = {
    "LanguageModel.forward.x": ("tokens", "indices"),
    "LanguageModel.advance.x": ("tokens", "indices"),
    "data": ("x", "y", "labels"),
    "value_iteration.model": ("env",),
    "features": ("x",),
    "images": ("x",),
    "optimizer": ("optimiser",),
    "validation": ("x", "y", "labels"),
    "y": ("labels", "targets"),
    "layers": ("modules",),
    "parameters": ("optimiser",),
    "initializer": ("scheme",),
    "lr": ("learning rate",),
    "path": ("checkpoint", "IDX file"),
    "summary.inputs": ("x",),
}


def parameters_of(f):
    if f is object.__init__:
        return []
    found = list(inspect.signature(f).parameters.values())
    return [p for p in found if p.name != "self"]


class Call:
    """A public function, constructor or method, found by its name in each twin."""

    def __init__(self, module, name, method=None):
        self.module, self.name, self.method = module, name, method
        self.label = ".".join(filter(None, (name, method)))

    def __repr__(self):
        return self.label

    def thing(self, dl):
        module = dl if self.module is None else self.module
        return getattr(module, self.name)

    def parameters(self, dl=scratch):
        thing = self.thing(dl)
        if self.method:
            return parameters_of(getattr(thing, self.method))
        return parameters_of(thing.__init__ if inspect.isclass(thing) else thing)

    def raises(self):
        thing = self.thing(scratch)
        docs = (thing.__doc__ or "") + (
            getattr(thing, self.method).__doc__ or "" if self.method else ""
        )
        documented = set(re.findall(r"\b(\w+(?:Error|Warning))\b", docs))
        return documented | ({"ValueError", "TypeError"} if self.method else set())

    def run(self, dl, **spoilt):
        """Call it, with good values for what is not spoilt."""
        f = self.thing(dl)
        if self.method:
            f = call(f, parameters_of(f.__init__), {}, dl, self.name)
            if self.method == "load_state" and f"{self.label}.state" not in GOOD:
                spoilt = {"state": f.state()} | spoilt
            if self.method == "load":
                f.save(GOOD["path"])  # what it can load
            f = f if self.method == "forward" else getattr(f, self.method)
        return call(f, self.parameters(dl), spoilt, dl, self.label)


def call(f, parameters, spoilt, dl, owner):
    """Call f with what is spoilt, and good values for what else it must have."""
    given, positional, named = {}, [], {}
    for p in parameters:
        required = p.default is p.empty and p.kind is not p.VAR_KEYWORD
        if p.name in spoilt:
            value = spoilt[p.name]
        elif required:
            keys = [key for key in (f"{owner}.{p.name}", p.name) if key in GOOD]
            if not keys:
                raise KeyError(f"GOOD knows no good value for {owner}({p.name})")
            value = GOOD[keys[0]]
            value = value(dl, given) if inspect.isfunction(value) else value
        else:
            continue
        given[p.name] = value
        if required and p.kind is not p.KEYWORD_ONLY:
            positional.append(value)
        else:
            named[p.name] = value
    return f(*positional, **named)


def calls():
    """Return what can be called with an argument, each once."""
    packages = [(None, scratch)]
    for name in MODULES:
        module = importlib.import_module(f"d2lib.{name}")
        packages.append((module, module))
    found = {}
    for module, package in packages:
        for name in package.__all__:
            thing = getattr(package, name)
            if not callable(thing) or name in EXEMPT:
                continue
            ones = {thing: Call(module, name)}
            if inspect.isclass(thing):
                for method, f in public_members(thing).items():
                    theirs = getattr(Call(module, name).thing(mx), method, None)
                    if inspect.isfunction(f):  # inherited in both: once is enough
                        ones[f, theirs] = Call(module, name, method)
            for key, one in ones.items():
                if one.label not in EXEMPT and one.parameters():
                    found.setdefault(key, one)
    return list(found.values())


class ByHand(Call):
    """A call that ``__all__`` does not tell of; a function of the twin makes it."""

    def __init__(self, label, of, errors=("ValueError", "TypeError")):
        self.label, self.of, self.errors = label, of, set(errors)
        self.name, self.method = label, None

    def thing(self, dl):
        return self.of(dl)

    def raises(self):
        return self.errors


def twos(dl):
    return dl.tensor(np.ones((2, 3, 2)))


def reductions():
    """The methods of tensors that take an axis."""
    for name in ("sum", "mean", "max", "min"):

        def reduction(dl, name=name):
            return lambda axis=None, keepdims=False: getattr(twos(dl), name)(
                axis, keepdims
            )

        yield ByHand(f"Tensor.{name}", reduction)


BY_HAND = [
    *reductions(),
    ByHand("Tensor.reshape", lambda dl: lambda shape=-1: twos(dl).reshape(shape)),
    ByHand(
        "Tensor.reshape of two", lambda dl: lambda shape=4: twos(dl).reshape(3, shape)
    ),
    ByHand("Tensor.transpose", lambda dl: lambda axes=None: twos(dl).transpose(axes)),
    ByHand(
        "Tensor.transpose of three",
        lambda dl: lambda axes=1: twos(dl).transpose(0, 2, axes),
    ),
    ByHand(
        "Buffer.value",
        lambda dl: lambda value=0.5: setattr(dl.Buffer(2.0), "value", value),
    ),
    ByHand(
        "SGD.lr",
        lambda dl: lambda lr=0.5: setattr(dl.SGD(trained(dl).parameters()), "lr", lr),
    ),
    *(
        ByHand(f"{name}.__call__", lambda dl, make=make: lambda step=0: make(dl)(step))
        for name, make in {
            "warmup": lambda dl: dl.warmup(0.1, 5),
            "step_decay": lambda dl: dl.step_decay(1.0, 2, factor=3.0, warmup=1),
            "exponential": lambda dl: dl.exponential(1.0, 1e300),
            "cosine": lambda dl: dl.cosine(0.1, 5, warmup=2),
        }.items()
    ),
]


# What is passed in ------------------------------------------------------------------


class Odd:
    """Answers every question about itself with an error."""

    def __array__(self, *_, **__):
        raise RuntimeError("odd")

    def __repr__(self):
        raise RuntimeError("odd")


#: The same for both twins.
POOL = {
    **{
        repr(value)[:40]: (lambda value=value: value)
        for value in (
            *(None, True, False, 0, 1, -1, 3, 10**10, 2**70, -(2**70), 10**400),
            *(0.5, 1.5, -0.5, float("nan"), float("inf"), -float("inf"), 1e300, 1j),
            *("", "abc", "a\0b", "é", b"abc", [], {}, (), object, ..., [1, "a"]),
            *([[1, 2], [3]], [None], [0.5], [1, 2], [[1.0, 2.0, 3.0]], (3, -1), [0]),
            *({"x": 1}, {1: 2}, {"W": None}, [-1, 3], [10**10, 10**10], ["a", "b"]),
            *((1, 2, 3), ([1.0], [1.0]), ("a", "b"), [[[1]]], {"numbers": "abc"}),
        )
    },
    "a set": lambda: {1, 2},
    "a NumPy float": lambda: F(0.5),
    "a NumPy int": lambda: np.int64(2),
    "a NumPy bool": lambda: np.bool_(True),
    "an object": lambda: object(),
    "something odd": lambda: Odd(),
    "a generator": lambda: (i for i in range(3)),
    "a Generator": lambda: np.random.default_rng(0),
    "a huge range": lambda: range(10**10),
    "a table": lambda: SimpleNamespace(shape=(2, 2), values=[[1, 2], [3, 4]]),
    "nothing": lambda: np.ones(0, F),
    "no rows": lambda: np.ones((0, 3), F),
    "no columns": lambda: np.ones((2, 0), F),
    "no axes": lambda: np.ones((), F),
    "(4, 3)": lambda: np.ones((4, 3), F),
    "(4,)": lambda: np.ones(4, F),
    "(4, 1)": lambda: np.ones((4, 1), F),
    "(2, 5, 4)": lambda: np.ones((2, 5, 4), F),
    "float64": lambda: np.ones((4, 3)),
    "float16": lambda: np.ones((4, 3), np.float16),
    "longdouble": lambda: np.ones((4, 3), np.longdouble),
    "other byte order": lambda: np.ones((4, 3), ">f4"),
    "whole numbers": lambda: np.ones((4, 3), int),
    "labels": lambda: np.zeros(4, int),
    "a column of labels": lambda: np.zeros((4, 1), int),
    "one-hot labels": lambda: np.eye(4, 3, dtype=int),
    "large labels": lambda: np.full(4, 10**10),
    "larger labels": lambda: np.full(4, 2**64 - 1, np.uint64),
    "pixels": lambda: np.full((4, 3), 255, np.uint8),
    "truth values": lambda: np.ones((4, 3), bool),
    "complex numbers": lambda: np.ones((4, 3), complex),
    "objects": lambda: np.full((4, 3), None),
    "text": lambda: np.full(4, "a"),
    "dates": lambda: np.zeros(4, "datetime64[s]"),
    "records": lambda: np.zeros(4, [("a", F), ("b", int)]),
    "masked": lambda: np.ma.masked_array(np.ones((4, 3), F), mask=np.eye(4, 3)),
    "NaN": lambda: np.full((4, 3), np.nan, F),
    "infinity": lambda: np.full((4, 3), np.inf, F),
    "-infinity": lambda: np.full((4, 3), -np.inf, F),
    "too large": lambda: np.full((4, 3), 1e300),
    "a huge array": lambda: np.broadcast_to(F(1), (10**6, 10**6)),
    "huge labels": lambda: np.broadcast_to(np.int64(0), (10**6, 10**6)),
    "a huge mask": lambda: np.broadcast_to(np.True_, (10**6, 10**6)),
    "a pair": lambda: (np.ones((4, 3), F), np.zeros(4, int)),
    "a folder": lambda: ".",
    "a missing folder": lambda: "missing/file.npz",
    "another file": lambda: "three.idx",
}
#: What belongs to a twin, and with it the messages that show it.
POOL_OF = {
    "a tensor": lambda dl: dl.tensor(np.ones((4, 3), F)),
    "a tensor of the other": lambda dl: other(dl).tensor(np.ones((4, 3), F)),
    "tensors": lambda dl: [dl.tensor(np.ones(3, F)), dl.tensor(np.ones(3, F))],
    "tensors of the other": lambda dl: [other(dl).tensor([1.0], requires_grad=True)],
    "a model": trained,
    "a model of the other": lambda dl: trained(other(dl)),
    "parameters of the other": lambda dl: trained(other(dl)).parameters()[:1],
    "a loss": lambda dl: dl.mse,
    "a loss of the other": lambda dl: other(dl).mse,
    "an optimiser": lambda dl: dl.SGD(trained(dl).parameters()),
    "one of the other": lambda dl: other(dl).SGD(trained(other(dl)).parameters()),
    "a kind of optimiser": lambda dl: dl.Adam,
    "a kind of model": lambda dl: dl.Dense,
    "a schedule": lambda dl: dl.cosine(0.1, steps=3),
    "what makes one": lambda dl: dl.cosine,
}


# What comes of it -------------------------------------------------------------------


def outcome(one, dl, **spoilt):
    """Return (kind, message, where it was raised) of a call."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            if "UserWarning" in one.raises():  # and it goes on
                warnings.simplefilter("ignore", UserWarning)
            one.run(dl, **spoilt)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = frame.filename if (frame.line or "").startswith("raise") else "Python"
        text = str(error).replace("d2lib.mx", "d2lib.scratch")
        text = re.sub("at 0x[0-9a-fA-F]*[.>]*", "", text)
        return type(error), text, where
    return None, "", ""


#: What calls a function of the user's: its errors are the user's too.
CALLS = ("f", "loss", "policy")


def complaints(one, name, values, own=False):
    """Return what is wrong with both twins' calls, given values for one parameter."""
    if name in CALLS and callable(values[0]) and values[0] is not mx.mse:
        return []
    found = [
        outcome(one, dl, **{name: value})
        for dl, value in zip(TWINS, values, strict=True)
    ]
    words = (name, *ALSO.get(name, ()), *ALSO.get(f"{one.label}.{name}", ()))
    wrong = []
    for (kind, text, file), dl in zip(found, TWINS, strict=True):
        if kind is None:
            continue
        if not any(base.__name__ in one.raises() for base in kind.__mro__):
            wrong.append(f"{dl.__name__}: {kind.__name__} is not documented: {text}")
        elif not (file.startswith(LIBRARY) or issubclass(kind, OSError)):
            wrong.append(f"{dl.__name__}: {kind.__name__} from {file}: {text}")
        elif not (
            issubclass(kind, (OSError, AssertionError))  # they name a file, a number
            or any(re.search(rf"\b{word}\b", text) for word in words)
        ):
            wrong.append(f"{dl.__name__}: does not name {name}: {text}")
    if found[0][0] is not found[1][0]:
        wrong.append(f"the twins differ: {found[0][:2]} and {found[1][:2]}")
    elif found[0][1] != found[1][1] and not own:
        wrong.append(f"the twins say: {found[0][1]!r} and {found[1][1]!r}")
    return wrong


# The property -----------------------------------------------------------------------

SHAPES = arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ANYTHING = st.one_of(
    st.sampled_from(sorted(POOL)).map(lambda name: POOL[name]),
    st.sampled_from(sorted(POOL)).map(lambda name: POOL[name]),
    st.sampled_from(sorted(POOL_OF)).map(lambda name: POOL_OF[name]),
    st.one_of(
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.lists(st.integers(-1, 6) | st.floats() | st.none(), max_size=4),
        st.dictionaries(st.text(max_size=2), st.none() | st.floats(), max_size=2),
        arrays.arrays(F, SHAPES, elements=st.floats(width=32)),
        arrays.arrays(np.int64, SHAPES, elements=st.integers(-2, 9)),
        arrays.arrays(bool, SHAPES),
    ).map(lambda value: lambda: value),
)


def values_of(make):
    """Return the value for each twin, and whether they belong to the twins."""
    own = make in POOL_OF.values()
    return [make(dl) if own else make() for dl in TWINS], own


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory):
    """A folder for what is written, with files that can be read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("boundary"))
        patch.setenv("D2LIB_PROGRESS", "0")
        write_files()
        # All of the tunes take seconds.
        found = data.tunes._files() if find_spec("music21") else []
        found = sorted(found, key=lambda file: file.stat().st_size)[:1]
        patch.setattr(data.tunes, "_files", lambda: found)
        yield


def write_files():
    Path("three.idx").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    trained(scratch).save("model.npz")
    lists = {"images": [], "categories": [], "annotations": []}
    Path("boxes.json").write_text(json.dumps(lists))


ALL = [*calls(), *BY_HAND]


@pytest.mark.parametrize("one", ALL, ids=repr)
def test_good_values_are_good(one):
    write_files()
    assert [outcome(one, dl) for dl in TWINS] == [(None, "", "")] * 2


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("one", ALL, ids=repr)
def test_whatever_comes_is_answered_or_refused_by_name(one):
    names = [p.name for p in one.parameters()]

    @settings(
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=EXAMPLES,
        phases=[Phase.generate],  # what is drawn is small as it is
    )
    @given(st.sampled_from(names), ANYTHING)
    def check(name, make):
        if "path" in name:
            write_files()
        values, own = values_of(make)
        assert not complaints(one, name, values, own)

    check()


# The checker, with planted errors -----------------------------------------------------


class Planted(ByHand):
    """A function that is no part of d2lib, as if it were."""

    def __init__(self, function, of_mx=None):
        functions = {scratch: function, mx: of_mx or function}
        super().__init__("planted", functions.get)


def lets_numpy_speak(x):
    return np.zeros(3).reshape(x)


def crashes(x):
    return x.nothing


def answers(x):
    return x


def refuses(x):
    raise ValueError(f"x must be smaller, got {x}")


def refuses_otherwise(x):
    raise ValueError(f"x must be larger, got {x}")


def refuses_by_another_type(x):
    raise TypeError(f"x must be smaller, got {x}")


def refuses_without_a_name(x):
    raise ValueError("wrong shape")


def refuses_with_what_is_not_documented(x):
    raise KeyError("x")


@pytest.mark.parametrize(
    ("functions", "says"),
    [
        ((lets_numpy_speak,), "ValueError from Python: cannot reshape"),
        ((crashes,), "AttributeError is not documented"),
        ((refuses, answers), "the twins differ"),
        ((answers, refuses), "the twins differ"),
        ((refuses, refuses_by_another_type), "the twins differ"),
        ((refuses, refuses_otherwise), "the twins say"),
        ((refuses_without_a_name,), "does not name x: wrong shape"),
        ((refuses_with_what_is_not_documented,), "KeyError is not documented"),
    ],
)
def test_a_planted_error_is_found(functions, says, monkeypatch):
    monkeypatch.setitem(globals(), "LIBRARY", __file__)
    assert says in " ".join(complaints(Planted(*functions), "x", [7, 7]))
    assert complaints(Planted(refuses), "x", [7, 7]) == []
    assert complaints(Planted(answers), "x", [7, 7]) == []


def test_what_is_raised_elsewhere_is_not_ours():
    assert "from" in complaints(Planted(refuses), "x", [7, 7])[0]


def test_a_new_parameter_must_get_a_good_value():
    def new(unheard_of):
        return unheard_of

    with pytest.raises(KeyError, match="no good value for planted"):
        Planted(new).run(scratch)


def test_every_public_name_is_called_or_exempt():
    called = {one.name for one in ALL} | set(EXEMPT)
    packages = [importlib.import_module(f"d2lib.{name}") for name in MODULES]
    for package in (scratch, mx, *packages):
        for name in package.__all__:
            thing = getattr(package, name)
            takes = callable(thing) and not inspect.isclass(thing)
            if takes and parameters_of(thing):
                assert name in called
    assert set(EXEMPT) <= {
        *(name for p in (scratch, *packages) for name in p.__all__),
        *(label for label in EXEMPT if "." in label),
    }


# What takes too long to be called for every value -------------------------------------


@pytest.mark.parametrize("name", ["flatten", "normalize"])
def test_load_mnist_refuses_at_once(name):
    with pytest.raises(TypeError, match=f"{name} must be True or False, got 'no'"):
        d2lib.data.load_mnist(**{name: "no"})
