"""The tables of *The same in other frameworks*, read and run.

`test_frameworks.py` reads them here. What needs a framework runs in a Python that has
it (the peers of `make bench` have one of their own), in which pytest need not be:

    python tests/chapters/frameworks.py PACKAGE PAGE

It prints, as JSON, what is wrong with each expression and claim that needs PACKAGE, an
empty text where nothing is.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
OURS = "d2lib"
MISSING = 3  # the exit status where the package cannot be imported
COLUMNS = ("PyTorch", "TensorFlow, Keras", "JAX", "MXNet")
#: Each package that the tables name, with its column and what it is called there.
PACKAGES = {
    "torch": ("PyTorch", ("torch", "nn", "F")),
    "torchvision": ("PyTorch", ("torchvision",)),
    "stable_baselines3": ("PyTorch", ("stable_baselines3",)),
    "tensorflow": ("TensorFlow, Keras", ("tf", "keras")),
    "jax": ("JAX", ("jax", "jnp")),
    "optax": ("JAX", ("optax",)),
    "mxnet": ("MXNet", ("mx",)),
}
#: What is looked up and called, and whose numbers are not compared, with the reason.
NOT_COMPARED = {
    "Tensor": "a type",
    "record": "a mode",
    "no_grad": "a mode",
    "device": "named otherwise in each library",
    "Sequential in MXNet": "its layers are added afterwards",
    "Module": "a type",
    "Buffer": "a place for numbers",
    "summary": "prints",
    "load_model": "reads a file of its own",
    "initialize in MXNet": "fills an array that is there",
    "fit": "a loop",
    "predict": "a loop",
    "accuracy in MXNet": "is updated batch by batch",
    "minibatches": "draws an order of its own",
    "Callback": "a type",
    "EarlyStopping": "acts in a training",
    "ReduceLROnPlateau": "acts in a training",
    "ModelCheckpoint": "acts in a training",
    "CSVLogger": "acts in a training",
    "History": "acts in a training",
    "NonFiniteLossError": "another mechanism",
    "Vocabulary": "numbers its tokens otherwise",
    "FCN": "another network under that name",
    "nms in MXNet": "returns boxes and scores",
    "anchors": "arranged otherwise",
    "match_anchors": "returns targets, too",
    "roi_align in MXNet": "takes the image's number beside the box",
    "roi_pool in MXNet": "takes the image's number beside the box",
    "RegionProposalNetwork": "another network under that name",
    "FasterRCNN": "another network under that name",
    "evaluate": "agents that are not the same programs",
    "generalized_advantages": "agents that are not the same programs",
    "ReplayBuffer": "agents that are not the same programs",
    "DQN": "agents that are not the same programs",
    "PolicyGradient": "agents that are not the same programs",
    "GaussianPolicy": "agents that are not the same programs",
}
SIZES = {"inputs": 3, "units": 5, "tokens": 10, "channels": 3, "filters": 4}
SIZES |= {"height": 2, "width": 1}


# What stands on the page -------------------------------------------------------------


class Cell(NamedTuple):
    """What one cell of a table says, with the heads of its row and its column."""

    table: str
    row: str
    column: str
    text: str

    @property
    def name(self) -> str:
        """The first name of the row: what of ours this is about."""
        return re.split(r"\W", self.row)[0]


def cells(text: str) -> Iterator[Cell]:
    """Yield the cells of all tables with a column d2lib, without their backticks."""
    heads: list[str] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            heads = []
            continue
        parts = [part.strip() for part in line.strip().strip("|").split(" | ")]
        if not heads:
            heads = parts
        elif OURS in heads and not set(line) <= set("|-"):
            if len(parts) != len(heads):
                raise ValueError(f"{len(parts)} cells under {len(heads)} heads: {line}")
            row = parts[0].strip("`")
            for column, part in zip(heads, parts, strict=True):
                yield Cell(heads[0], row, column, part.strip("`"))


def ours(text: str) -> dict[str, Cell]:
    """Return the first column of the tables of names, by expression."""
    found = [c for c in cells(text) if c.table == c.column == OURS]
    return {cell.row: cell for cell in found}


def imports(text: str) -> str:
    """Return the imports that the page states."""
    return next(b for b in re.findall(r"```python\n(.*?)```", text, re.S))


def packages(expression: str) -> set[str]:
    """Return which packages an expression needs."""
    names = {n.id for n in ast.walk(ast.parse(expression)) if isinstance(n, ast.Name)}
    return {p for p, (_, alias) in PACKAGES.items() if names & set(alias)}


def needs(cell: Cell) -> str:
    """Return the package to test a cell with: the rarest that it needs."""
    found = packages(cell.text)
    wanted = [p for p, (column, _) in PACKAGES.items() if column == cell.column]
    return [p for p in wanted if p in found or p == wanted[0]][-1]


def problems_of_names(text: str, public: list[str], twins: list[Any]) -> list[str]:
    """Return which public names the page lacks, and what on it is not public."""
    listed = ours(text)
    names = {cell.name for cell in listed.values()}
    problems = [f"{name} has no row" for name in sorted(set(public) - names)]
    problems += [f"{name} is not public" for name in sorted(names - set(public))]
    for row in listed:
        used = {n.id for n in ast.walk(ast.parse(row)) if isinstance(n, ast.Name)}
        for name in sorted(used & set(public)):
            problems += [
                f"{row}: {twin.__name__} has no {name}"
                for twin in twins
                if not hasattr(twin, name)
            ]
    return problems


def problems_of_form(text: str) -> list[str]:
    """Return what is not an expression, or is in the wrong column."""
    problems = []
    for cell in cells(text):
        if cell.table != OURS:
            continue
        if cell.text == "—":
            continue
        try:
            found = packages(cell.text)
        except SyntaxError:
            problems.append(f"{cell.row}, {cell.column}: no expression: {cell.text}")
            continue
        wrong = [p for p in sorted(found) if PACKAGES[p][0] != cell.column]
        if wrong:
            problems.append(f"{cell.row}: {', '.join(wrong)} under {cell.column}")
    return problems


# What the names of the page stand for -----------------------------------------------


def arrays() -> dict[str, np.ndarray]:
    """Return the arrays that the page names, as ours."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    corners = rng.uniform(0, 5, (2, 4, 2)).astype(np.float32)
    sizes = rng.uniform(2, 3, (2, 4, 2)).astype(np.float32)
    boxes, others = np.concatenate([corners, corners + sizes], axis=2)
    boxes[3] = boxes[0] + np.float32(0.1)  # the two overlap, for nms
    return {
        "x": normal(4, 3),
        "a": normal(4, 3),
        "b": normal(4, 3),
        "p": rng.uniform(0.05, 0.95, (4, 3)).astype(np.float32),
        "t": rng.integers(0, 2, (4, 3)).astype(np.float32),
        "z": normal(4, 3),
        "labels": rng.integers(0, 3, 4),
        "y_hat": normal(4, 3),
        "y": normal(4, 3),
        "sequence": normal(2, 5, 8),
        "tokens": rng.integers(0, 10, (2, 5)),
        "q": normal(2, 5, 4),
        "k": normal(2, 5, 4),
        "v": normal(2, 5, 4),
        "images": normal(2, 3, 8, 8),
        "W": normal(4, 3, 3, 3),
        "w": normal(3, 4, 3, 3),
        "boxes": boxes,
        "others": others,
        "deltas": normal(4, 4),
        "whole": np.float32([[0, 1, 4, 5], [2, 0, 8, 3], [1, 1, 7, 7], [3, 4, 5, 8]]),
        "end": np.float32([0, 0, 1, 1]),
        "scores": np.float32([0.3, 0.9, 0.5, 0.7]),
        "found": rng.integers(0, 3, (2, 4, 4)),
        "truth": rng.integers(0, 3, (2, 4, 4)),
    }


#: What each layer is called with.
INPUTS = {"Embedding": "tokens", "Flatten": "images", "BatchNorm": "images"}
INPUTS |= dict.fromkeys(("Dense", "Perceptron", "Sequential", "MLP", "Dropout"), "x")
INPUTS |= dict.fromkeys(("RNN", "LSTM", "GRU", "LayerNorm"), "sequence")
INPUTS |= dict.fromkeys(("MultiHeadAttention", "TransformerBlock"), "sequence")
INPUTS |= dict.fromkeys(("Conv2D", "ConvTranspose2D", "MaxPool2D"), "images")
INPUTS |= dict.fromkeys(("AvgPool2D", "GlobalAvgPool2D"), "images")


class Framework:
    """How a library is handed numbers, and gives them back; a subclass for each."""

    def __init__(self, text: str) -> None:
        self.names: dict[str, Any] = {"d": 4}
        for line in imports(text).splitlines():
            if "d2lib" not in line and self.wants(line):
                exec(line, self.names)
        self.names |= {name: self.put(a, name) for name, a in arrays().items()}
        self.gates = {
            (c.row, c.column): c.text for c in cells(text) if c.table == "gates of"
        }
        self.prepare()

    aliases: tuple[str, ...] = ()
    column = OURS

    def blocks(self, name: str, array: np.ndarray) -> np.ndarray:
        """Return our blocks of columns in the order that the page gives for theirs."""
        if (name, OURS) not in self.gates:
            return array
        order = self.gates[name, OURS].split()
        parts = dict(zip(order, np.split(array, len(order), axis=-1), strict=True))
        theirs = self.gates[name, self.column].split()
        return np.concatenate([parts[gate] for gate in theirs], axis=-1)

    def wants(self, line: str) -> bool:
        """Whether an import of the page is of this library, and there."""
        if line.split()[-1] not in self.aliases:
            return False
        try:
            exec(line, {})
        except Exception:  # it is not there, or not whole
            return False
        return True

    def put(self, array: np.ndarray, name: str = "") -> Any:
        """Hand over an array."""
        raise NotImplementedError

    def get(self, result: Any) -> np.ndarray:
        """Take back an array."""
        return np.asarray(result)

    def image(self, result: Any) -> np.ndarray:
        """Take back an array of images, in our order of axes."""
        return self.get(result)

    def prepare(self) -> None:
        """Make what has a name on the page and is no array."""

    def run(self, expression: str, **names: Any) -> Any:
        """Return what an expression of the page gives."""
        return eval(expression, {**self.names, **names})

    def layer(self, expression: str, name: str, state: dict, x: np.ndarray) -> Any:
        """Build a layer, give it the weights of ours, and call it."""
        raise NotImplementedError

    def train(self, expression: str, w: np.ndarray, gradients: list) -> np.ndarray:
        """Take one step for each gradient, and return where they lead."""
        raise NotImplementedError

    def rates(self, expression: str, steps: int) -> list[float]:
        """Return the learning rates of the first steps."""
        schedule = self.run(expression)
        return [float(schedule(step)) for step in range(steps)]

    def clipped(self, expression: str, gradients: list) -> list[np.ndarray]:
        """Return gradients that were clipped."""
        raise NotImplementedError

    def slowed(self, expression: str) -> float:
        """Return how long the second step is if the rate falls from 0.1 to 0.01."""
        raise NotImplementedError

    def tie(self, maximum: Any) -> np.ndarray:
        """Return the gradients of two equal numbers, of which the larger is taken."""
        raise NotImplementedError

    def optimizer(self, name: str, eps: float) -> tuple[str, float]:
        """Return an expression with this ε, and what it is by default."""
        raise NotImplementedError

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a layer's weights, for `SIZES`."""
        raise NotImplementedError


class Torch(Framework):
    """PyTorch."""

    aliases = ("torch", "nn", "F", "torchvision", "stable_baselines3")
    column = "PyTorch"

    def put(self, array, name=""):
        return self.names["torch"].tensor(array)

    def get(self, result):
        return result.detach().numpy() if hasattr(result, "detach") else result

    def prepare(self):
        torch = self.names["torch"]
        self.names["model"] = self.names["nn"].Linear(3, 4)
        self.names["parameters"] = list(self.names["model"].parameters())
        self.names["optimizer"] = torch.optim.SGD(self.names["parameters"], lr=0.1)

    def layer(self, expression, name, state, x):
        torch, nn = self.names["torch"], self.names["nn"]
        theirs = self.run(expression)
        copied = dict.fromkeys(theirs.state_dict())

        def give(target: str, array: np.ndarray) -> None:
            copied[target] = torch.tensor(np.array(array))

        if name in {"RNN", "LSTM", "GRU"}:
            state.setdefault("b_hh.0", 0 * state["b.0"])
            state = {k: self.blocks(name, a) for k, a in state.items()}
            give("weight_ih_l0", state["W_xh.0"].T)
            give("weight_hh_l0", state["W_hh.0"].T)
            give("bias_ih_l0", state["b.0"])
            give("bias_hh_l0", state["b_hh.0"])
        elif name in {"BatchNorm", "LayerNorm"}:
            give("weight", state["gamma"])
            give("bias", state["beta"])
            if name == "BatchNorm":
                for kept in ("running_mean", "running_var", "num_batches_tracked"):
                    copied[kept] = theirs.state_dict()[kept]
        elif name in {"MultiHeadAttention", "TransformerBlock"}:
            inside = "" if name == "MultiHeadAttention" else "self_attn."
            own = "" if name == "MultiHeadAttention" else "attention."
            give(
                f"{inside}in_proj_weight",
                np.concatenate([state[f"{own}W_{part}"].T for part in "qkv"]),
            )
            give(
                f"{inside}in_proj_bias",
                np.concatenate([state[f"{own}b_{part}"] for part in "qkv"]),
            )
            give(f"{inside}out_proj.weight", state[f"{own}W_o"].T)
            give(f"{inside}out_proj.bias", state[f"{own}b_o"])
            if inside:
                for n in (1, 2):
                    give(f"norm{n}.weight", state[f"norm{n}.gamma"])
                    give(f"norm{n}.bias", state[f"norm{n}.beta"])
                    dense = f"feed_forward.layers.{n - 1}"
                    give(f"linear{n}.weight", state[f"{dense}.W"].T)
                    give(f"linear{n}.bias", state[f"{dense}.b"])
        else:  # one or several, in order
            for target, array in zip(copied, state.values(), strict=True):
                if target.endswith("bias"):
                    give(target, array.reshape(-1))
                elif array.ndim == 4 or name == "Embedding":
                    give(target, array)
                else:
                    give(target, array.reshape(len(array), -1).T)
        theirs.load_state_dict(copied)
        x = self.put(x)
        if name == "MultiHeadAttention":
            return self.get(theirs(x, x, x)[0])
        if name == "BatchNorm":
            first = self.get(theirs(x))
            n = x.numel() / x.shape[1]
            kept = self.get(theirs.running_var) - 0.9
            return [
                first,
                self.get(theirs.running_mean),
                0.9 + kept * (n - 1) / n,  # 1/(n - 1), as the page says
            ]
        result = theirs.eval()(x)
        if isinstance(theirs, nn.RNNBase):
            result = result[0]
        return self.get(result)

    def train(self, expression, w, gradients):
        parameter = self.put(w).requires_grad_()
        optimizer = self.run(expression, parameters=[parameter])
        for gradient in gradients:
            parameter.grad = self.put(gradient)
            optimizer.step()
        return self.get(parameter)

    def rates(self, expression, steps):
        self.prepare()
        schedule = self.run(expression)
        found = []
        for _ in range(steps):
            found.append(schedule.get_last_lr()[0])
            self.names["optimizer"].step()
            schedule.step()
        return found

    def clipped(self, expression, gradients):
        parameters = [self.put(g).requires_grad_() for g in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = self.put(gradient)
        self.run(expression, parameters=parameters)
        return [self.get(p.grad) for p in parameters]

    def slowed(self, expression):
        torch = self.names["torch"]
        w = torch.zeros(1, requires_grad=True)
        optimizer = self.run(expression, parameters=[w])
        w.grad = torch.ones(1)
        optimizer.step()
        before = w.item()
        optimizer.param_groups[0]["lr"] = 0.01
        optimizer.step()
        return before - w.item()

    def tie(self, maximum):
        torch = self.names["torch"]
        pair = [torch.ones(1, requires_grad=True) for _ in "ab"]
        maximum(*pair).backward()
        return np.array([self.get(one.grad) for one in pair])

    def optimizer(self, name, eps):
        torch, nn = self.names["torch"], self.names["nn"]
        if name.endswith("Norm"):
            kind = {"LayerNorm": "LayerNorm", "BatchNorm": "BatchNorm2d"}[name]
            found = inspect.signature(getattr(nn, kind)).parameters["eps"].default
            return f"nn.{kind}(3, eps={eps})", found
        kind = {"RMSProp": "RMSprop"}.get(name, name)
        more = ", alpha=0.9" if name == "RMSProp" else ""
        default = inspect.signature(getattr(torch.optim, kind)).parameters["eps"]
        return (
            f"torch.optim.{kind}(parameters, lr=1.0, eps={eps}{more})",
            default.default,
        )

    def shape(self, name):
        nn = self.names["nn"]
        layer = {
            "Dense": lambda: nn.Linear(3, 5).weight,
            "LSTM": lambda: nn.LSTM(3, 5).weight_ih_l0,
            "Embedding": lambda: nn.Embedding(10, 5).weight,
            "Conv2D": lambda: nn.Conv2d(3, 4, (2, 1)).weight,
            "ConvTranspose2D": lambda: nn.ConvTranspose2d(3, 4, (2, 1)).weight,
        }[name]()
        return tuple(layer.shape)


class TensorFlow(Framework):
    """TensorFlow and Keras."""

    aliases = ("tf", "keras")
    column = "TensorFlow, Keras"

    def put(self, array, name=""):
        if name == "images":
            array = array.transpose(0, 2, 3, 1)
        if name in {"W", "w"}:  # (height, width, in, out), of a transposed one out, in
            array = array.transpose(2, 3, 1, 0)
        return self.names["tf"].constant(array)

    def get(self, result):
        return result.numpy() if hasattr(result, "numpy") else np.asarray(result)

    def image(self, result):
        array = self.get(result)
        return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array

    def prepare(self):
        keras = self.names["keras"]
        self.names["model"] = keras.Sequential(
            [keras.Input((3,)), keras.layers.Dense(4)]
        )
        self.names["gradients"] = [self.names["x"]]

    def layer(self, expression, name, state, x):
        theirs = self.run(expression)
        x = self.put(x, INPUTS[name])
        if name == "MultiHeadAttention":
            theirs(x, x)
            arrays = []
            for part in "qkv":
                arrays.append(state[f"W_{part}"].reshape(8, 2, 4))
                arrays.append(state[f"b_{part}"].reshape(2, 4))
            theirs.set_weights([*arrays, state["W_o"].reshape(2, 4, 8), state["b_o"]])
            return self.get(theirs(x, x))
        theirs(x)
        if name == "GRU":
            both = np.stack([state["b.0"], state["b_hh.0"]])
            arrays = [state["W_xh.0"], state["W_hh.0"], both]
            arrays = [self.blocks(name, a) for a in arrays]
        elif name == "LSTM":
            arrays = [self.blocks(name, a) for a in state.values()]
        elif name == "Perceptron":
            arrays = [state["W"].reshape(-1, 1), state["b"].reshape(1)]
        elif name in {"Conv2D", "ConvTranspose2D"}:
            arrays = [state["W"].transpose(2, 3, 1, 0), state["b"]]
        else:
            arrays = list(state.values())
        if arrays:
            theirs.set_weights(arrays)
        if name == "BatchNorm":
            first = self.image(theirs(x, training=True))
            return [first, *(self.get(w) for w in theirs.non_trainable_weights)]
        if name == "Flatten":  # its axes are in another order
            flat = self.get(theirs(x)).reshape(2, 8, 8, 3)
            return flat.transpose(0, 3, 1, 2).reshape(2, -1)
        return self.image(theirs(x))

    def train(self, expression, w, gradients):
        tf = self.names["tf"]
        variable, optimizer = tf.Variable(w), self.run(expression)
        for gradient in gradients:
            optimizer.apply_gradients([(tf.constant(gradient), variable)])
        return variable.numpy()

    def clipped(self, expression, gradients):
        given = [self.put(g) for g in gradients]
        return [self.get(g) for g in self.run(expression, gradients=given)[0]]

    def slowed(self, expression):
        tf = self.names["tf"]
        w, one, optimizer = tf.Variable([0.0]), tf.ones(1), self.run(expression)
        optimizer.apply_gradients([(one, w)])
        before = w.numpy()[0]
        optimizer.learning_rate = 0.01
        optimizer.apply_gradients([(one, w)])
        return before - w.numpy()[0]

    def tie(self, maximum):
        tf = self.names["tf"]
        pair = [tf.Variable([1.0]) for _ in "ab"]
        with tf.GradientTape() as tape:
            largest = maximum(*pair)
        return np.array(tape.gradient(largest, pair))

    def optimizer(self, name, eps):
        keras = self.names["keras"]
        if name.endswith("Norm"):
            kind = f"{name}alization"
            default = inspect.signature(getattr(keras.layers, kind)).parameters
            return f"keras.layers.{kind}(epsilon={eps})", default["epsilon"].default
        kind = {"RMSProp": "RMSprop"}.get(name, name)
        more = {"Adagrad": ", initial_accumulator_value=0.0", "Adadelta": ", rho=0.9"}
        default = inspect.signature(getattr(keras.optimizers, kind)).parameters
        return (
            f"keras.optimizers.{kind}(1.0, epsilon={eps}{more.get(name, '')})",
            default["epsilon"].default,
        )

    def shape(self, name):
        layers, tf = self.names["keras"].layers, self.names["tf"]
        layer, x = {
            "Dense": (layers.Dense(5), tf.zeros((1, 3))),
            "LSTM": (layers.LSTM(5), tf.zeros((1, 2, 3))),
            "Embedding": (layers.Embedding(10, 5), tf.zeros((1, 2), tf.int32)),
            "Conv2D": (layers.Conv2D(4, (2, 1)), tf.zeros((1, 8, 8, 3))),
            "ConvTranspose2D": (
                layers.Conv2DTranspose(4, (2, 1)),
                tf.zeros((1, 8, 8, 3)),
            ),
        }[name]
        layer(x)
        return tuple(layer.get_weights()[0].shape)


class Jax(Framework):
    """JAX and optax."""

    aliases = ("jax", "jnp", "optax", "np")
    column = "JAX"

    def put(self, array, name=""):
        return self.names["jnp"].asarray(array)

    def prepare(self):
        self.names["key"] = self.names["jax"].random.PRNGKey(0)

    def layer(self, expression, name, state, x):
        given = {name: self.put(array) for name, array in state.items()}
        return self.get(self.run(expression, **given))

    def train(self, expression, w, gradients):
        optimizer, w = self.run(expression), self.put(w)
        state = optimizer.init(w)
        for gradient in gradients:
            updates, state = optimizer.update(self.put(gradient), state, w)
            w = self.names["optax"].apply_updates(w, updates)
        return self.get(w)

    def clipped(self, expression, gradients):
        rule, given = self.run(expression), [self.put(g) for g in gradients]
        return [self.get(g) for g in rule.update(given, rule.init(given))[0]]

    def optimizer(self, name, eps):
        if name == "LayerNorm":
            found = inspect.signature(self.names["jax"].nn.standardize).parameters
            return f"jax.nn.standardize(x, epsilon={eps})", found["epsilon"].default
        more = ", initial_accumulator_value=0.0" if name == "Adagrad" else ""
        kind = name.lower()
        default = (
            inspect.signature(getattr(self.names["optax"], kind))
            .parameters["eps"]
            .default
        )
        return f"optax.{kind}(1.0, eps={eps}{more})", default


class MXNet(Framework):
    """MXNet, which `d2lib.mx` sets up."""

    aliases = ("mx",)
    column = "MXNet"

    def wants(self, line):
        import d2lib.mx  # noqa: F401

        return super().wants(line)

    def put(self, array, name=""):
        return self.names["mx"].np.array(array, dtype=array.dtype)

    def get(self, result):
        return result.asnumpy() if hasattr(result, "asnumpy") else result

    def prepare(self):
        mx = self.names["mx"]
        self.names["model"] = mx.gluon.nn.Dense(4, in_units=3)
        self.names["model"].initialize()
        self.names["gradients"] = [self.names["x"].as_nd_ndarray()]
        for name in ("boxes", "others"):  # an operator of MXNet's older arrays
            self.names[name] = self.names[name].as_nd_ndarray()

    def run(self, expression, **names):
        with self.names["mx"].util.np_shape(True):
            return super().run(expression, **names)

    def layer(self, expression, name, state, x):
        mx = self.names["mx"]
        theirs = self.run(expression)
        theirs.initialize()
        if name in {"RNN", "LSTM", "GRU"}:
            state.setdefault("b_hh.0", 0 * state["b.0"])
            given = [self.blocks(name, a).T for a in state.values()]
        elif name == "Perceptron":
            given = [state["W"].reshape(1, -1), state["b"].reshape(1)]
        elif name == "Dense":
            given = [state["W"].T, state["b"]]
        else:
            given = list(state.values())
        x = self.put(x)
        theirs(x)
        for parameter, array in zip(
            theirs.collect_params().values(), given, strict=True
        ):
            parameter.set_data(self.put(np.ascontiguousarray(array)))
        if name == "BatchNorm":
            with mx.autograd.record():
                first = theirs(x)
            first.backward()  # which is when it remembers
            return [
                self.get(first),
                self.get(theirs.running_mean.data()),
                self.get(theirs.running_var.data()),
            ]
        return self.get(theirs(x))

    def train(self, expression, w, gradients):
        mx = self.names["mx"]
        optimizer, w = self.run(expression), mx.nd.array(w)
        state = optimizer.create_state(0, w)
        for gradient in gradients:
            optimizer.update(0, w, mx.nd.array(gradient), state)
        return w.asnumpy()

    def clipped(self, expression, gradients):
        given = [self.names["mx"].nd.array(g) for g in gradients]
        self.run(expression, gradients=given)
        return [g.asnumpy() for g in given]

    def slowed(self, expression):
        mx = self.names["mx"]
        w, one, optimizer = mx.nd.zeros(1), mx.nd.ones(1), self.run(expression)
        state = optimizer.create_state(0, w)
        optimizer.update(0, w, one, state)
        before = w.asnumpy()[0]
        optimizer.set_learning_rate(0.01)
        optimizer.update(0, w, one, state)
        return before - w.asnumpy()[0]

    def tie(self, maximum):
        mx = self.names["mx"]
        pair = [mx.np.ones(1) for _ in "ab"]
        for one in pair:
            one.attach_grad()
        with mx.autograd.record():
            largest = maximum(*pair)
        largest.backward()
        return np.array([one.grad.asnumpy() for one in pair])

    def initial(self, layer):
        """Return the size of the largest weight that a layer starts with."""
        layer.initialize()
        return np.abs(layer.weight.data().asnumpy()).max()

    def optimizer(self, name, eps):
        mx = self.names["mx"]
        if name.endswith("Norm"):
            default = inspect.signature(getattr(mx.gluon.nn, name)).parameters
            return (
                f"mx.gluon.nn.{name}(in_channels=3, epsilon={eps})",
                default["epsilon"].default,
            )
        kind = {"Adagrad": "AdaGrad", "Adadelta": "AdaDelta"}.get(name, name)
        word = "eps" if name == "Adagrad" else "epsilon"
        default = inspect.signature(getattr(mx.optimizer, kind)).parameters[word]
        rate = "" if name == "Adadelta" else "learning_rate=1.0, "
        return f"mx.optimizer.{kind}({rate}{word}={eps})", default.default

    def shape(self, name):
        mx = self.names["mx"]
        layer = {
            "Dense": lambda: mx.gluon.nn.Dense(5, in_units=3).weight,
            "LSTM": lambda: mx.gluon.rnn.LSTM(5, input_size=3).l0_i2h_weight,
            "Embedding": lambda: mx.gluon.nn.Embedding(10, 5).weight,
            "Conv2D": lambda: mx.gluon.nn.Conv2D(4, (2, 1), in_channels=3).weight,
            "ConvTranspose2D": lambda: (
                mx.gluon.nn.Conv2DTranspose(4, (2, 1), in_channels=3).weight
            ),
        }[name]()
        return tuple(layer.shape)


class Own(Framework):
    """Ours, for what the page says of it in other tables than those of names."""

    def put(self, array, name=""):
        from d2lib import scratch

        return scratch.tensor(array)

    def get(self, result):
        return result.data

    def __init__(self, text: str) -> None:
        from d2lib import scratch

        self.names = dict(vars(scratch))

    def train(self, expression, w, gradients):
        from d2lib import scratch

        parameter = scratch.tensor(w, requires_grad=True)
        optimizer = self.run(expression, parameters=[parameter])
        for gradient in gradients:
            optimizer.zero_grad()
            with scratch.record():
                loss = (parameter * gradient).sum()
            loss.backward()
            optimizer.step()
        return parameter.data

    def slowed(self, expression):
        from d2lib import scratch

        w = scratch.tensor([0.0], requires_grad=True)
        optimizer = self.run(expression, parameters=[w])
        found = [0.0]
        for lr in (0.1, 0.01):
            optimizer.lr = lr
            optimizer.zero_grad()
            with scratch.record():
                loss = w.sum()
            loss.backward()
            optimizer.step()
            found.append(float(w.data[0]))
        return found[1] - found[2]

    def tie(self, maximum):
        from d2lib import scratch

        pair = [scratch.tensor([1.0], requires_grad=True) for _ in "ab"]
        with scratch.record():
            loss = maximum(*pair).sum()
        loss.backward()
        return np.array([one.grad for one in pair])

    def optimizer(self, name, eps):
        default = inspect.signature(self.names[name]).parameters["eps"].default
        if name.endswith("Norm"):
            return f"{name}(3, eps={eps})", default
        return f"{name}(parameters, lr=1.0, eps={eps})", default

    def shape(self, name):
        layer = {
            "Dense": "Dense(3, 5).W",
            "LSTM": "LSTM(3, 5).W_xh[0]",
            "Embedding": "Embedding(10, 5).W",
            "Conv2D": "Conv2D(3, 4, (2, 1)).W",
            "ConvTranspose2D": "ConvTranspose2D(3, 4, (2, 1)).W",
        }[name]
        return self.run(layer).shape


FRAMEWORKS = {
    "PyTorch": Torch,
    "TensorFlow, Keras": TensorFlow,
    "JAX": Jax,
    "MXNet": MXNet,
}


# The checks ---------------------------------------------------------------------------


def own(expression: str) -> Any:
    """Return what an expression of ours gives."""
    from d2lib import scratch

    names = {**arrays(), "d": 4, "model": scratch.Dense(3, 4, seed=0)}
    return eval(expression, {**vars(scratch), **names})


def as_arrays(result: Any) -> list[np.ndarray]:
    """Return the arrays of a result of ours."""
    from d2lib import scratch

    parts = result if isinstance(result, (list, tuple)) else [result]
    return [np.asarray(scratch.to_numpy(part)) for part in parts]


def difference(found: list, wanted: list, tolerance: float = 2e-5) -> str:
    """Return what is not equal; nothing if all is, but for rounding."""
    for one, other in zip(found, wanted, strict=True):
        one, other = np.asarray(one, float), np.asarray(other, float)
        if one.size == other.size:
            one = one.reshape(other.shape)  # (batch, 1) and (batch,)
        if one.shape != other.shape:
            return f"its shape is {one.shape}, ours {other.shape}"
        gap = np.abs(one - other).max(initial=0.0)
        if not gap <= tolerance * max(1.0, np.abs(other).max(initial=0.0)):
            return f"it differs from ours by {gap:.2g}"
    return ""


def check_value(cell: Cell, theirs: Framework) -> str:
    """Compare a row's expression with ours, by what kind of thing ours is."""
    from d2lib import scratch

    exempt = {cell.name, f"{cell.name} in {cell.column}"} & set(NOT_COMPARED)
    if exempt or cell.name == "Dropout":
        result = theirs.run(cell.text)
        if cell.name != "Dropout":
            return ""
    if cell.name in {
        "SGD",
        "Momentum",
        "Adagrad",
        "RMSProp",
        "Adadelta",
        "Adam",
        "AdamW",
    }:
        rng = np.random.default_rng(1)
        start, *gradients = rng.normal(size=(4, 6)).astype(np.float32)
        mine = Own("").train(cell.row, start, gradients)
        return difference([theirs.train(cell.text, start, gradients)], [mine])
    if cell.name == "clip_gradients":
        gradients = [np.float32([3, 4]), np.float32([12])]
        wanted = [g / 13 for g in gradients]
        return difference(theirs.clipped(cell.text, gradients), wanted)
    mine = own(cell.row)
    if callable(mine) and not isinstance(mine, scratch.Module):  # a schedule
        # PyTorch's cosine rises again after its end; MXNet's factor comes a step late.
        late = "FactorScheduler" in cell.text
        rates = theirs.rates(cell.text, 100 + late)[late:]
        return difference([rates], [[mine(step) for step in range(100)]])
    if cell.name == "Dropout":
        return check_dropout(cell, theirs)
    if isinstance(mine, scratch.Module):
        rng = np.random.default_rng(2)
        for parameter in mine.parameters():
            parameter.data[...] = rng.normal(size=parameter.shape)
        state = {k: np.array(a) for k, a in mine.state().items()}
        x = arrays()[INPUTS[cell.name]]
        if cell.name == "BatchNorm":
            with scratch.record():
                first = mine(x)
            kept = [mine.running_mean.value, mine.running_var.value]
            wanted = as_arrays([first, *kept])
        else:
            result = mine(x)
            wanted = as_arrays(result[0] if isinstance(result, tuple) else result)
        result = theirs.layer(cell.text, cell.name, state, x)
        return difference(result if isinstance(result, list) else [result], wanted)
    result = theirs.run(cell.text)
    if cell.name == "initialize":
        wanted, found = mine.std(), theirs.get(result).std()
        off = abs(found / wanted - 1)
        return "" if off < 0.02 else f"its spread is {found:.4f}, ours {wanted:.4f}"
    if cell.name == "tensor" and result is None:  # attach_grad() returns nothing
        return ""
    if isinstance(mine, float):
        return difference([theirs.get(result)], [mine])
    return difference([theirs.image(result)], as_arrays(mine))


def check_dropout(cell: Cell, theirs: Framework) -> str:
    """Half of many ones are dropped, and the others doubled."""
    kind = type(theirs).__name__
    ones = theirs.put(np.ones((200, 200), np.float32))
    if kind == "Jax":
        result = theirs.run(cell.text, x=ones)
    elif kind == "TensorFlow":
        result = theirs.run(cell.text)(ones, training=True)
    elif kind == "MXNet":
        with theirs.names["mx"].autograd.record():
            result = theirs.run(cell.text)(ones)
    else:
        result = theirs.run(cell.text)(ones)
    array = theirs.get(result)
    if set(np.unique(array)) != {0.0, 2.0} or abs(array.mean() - 1) > 0.05:
        return f"of ones it makes {np.unique(array)}, on average {array.mean():.2f}"
    return ""


def check_epsilon(cell: Cell, theirs: Framework) -> str:
    """An ε has the value and the place that the table gives it."""
    value, place = cell.text.split()
    eps, g = 0.1, 0.5
    expression, default = theirs.optimizer(cell.row, eps)
    if not np.isclose(default, float(value), rtol=1e-6):
        return f"it is {default} by default"
    if cell.row.endswith("Norm"):
        x = np.float32([[-1, 0, 1]] if cell.row == "LayerNorm" else [[-1] * 3, [1] * 3])
        if cell.row == "BatchNorm":
            x = x[:, :, None, None]
        kind = type(theirs).__name__
        given = theirs.put(x, "images" if cell.row == "BatchNorm" else "")
        if kind == "Jax":
            result = theirs.run(expression, x=given)
        else:
            layer = theirs.run(expression)
            if kind == "MXNet":
                layer.initialize()
                with theirs.names["mx"].autograd.record():
                    result = layer(given)
            elif kind == "Own":
                with theirs.names["record"]():
                    result = layer(given)
            elif kind == "TensorFlow":
                result = layer(given, training=True)
            else:
                result = layer(given)
        variance = 2 / 3 if cell.row == "LayerNorm" else 1.0
        sizes = {
            "inside": x / np.sqrt(variance + eps),
            "outside": x / (np.sqrt(variance) + eps),
        }
        found = theirs.image(result)
    else:
        start = np.float32([1.0])  # with a rate of 1
        found = start - theirs.train(expression, start, [np.float32([g])])
        n = {"Adagrad": 1.0, "Adam": 1.0}.get(cell.row, 0.1) * g * g
        top = np.sqrt(eps) if cell.row == "Adadelta" else 1.0
        sizes = {
            "inside": g * top / np.sqrt(n + eps),
            "outside": g * top / (np.sqrt(n) + eps),
            "before": g * top / (np.sqrt(n) + eps / np.sqrt(1 - 0.999)),
        }
    true = [p for p, size in sizes.items() if not difference([found], [size], 1e-4)]
    return "" if place in true else f"it is {' '.join(true) or 'elsewhere'}"


def check_shape(cell: Cell, theirs: Framework) -> str:
    """Weights have the shape that the table gives them."""
    shape = theirs.shape(cell.row)
    wanted = eval(cell.text, dict(SIZES))
    return "" if shape == wanted else f"its shape is {shape} for {SIZES}"


#: What the page says beside the tables: its words, and what has to be true.
CLAIMS = {
    "torch": {
        "it guesses, with a warning": "warns(lambda: F.softmax(z))",
        "`d2lib`, PyTorch and JAX; TensorFlow": "(tie(torch.maximum) == 0.5).all()",
        "PyTorch stops the logarithm at −100": (
            "F.binary_cross_entropy(torch.zeros(1), torch.ones(1)) == 100"
        ),
        "with a warning at best": (
            "warns(lambda: F.mse_loss(torch.ones(4, 1), torch.ones(4)))"
        ),
        "draws both from ±1/√inputs": (
            "all(0.49 < p.abs().max() <= 0.5 for p in nn.Linear(4, 999).parameters())"
        ),
        "PyTorch's `momentum=0.1`": "default(nn.BatchNorm2d, 'momentum') == 0.1",
        "optax and MXNet, 0.99 in PyTorch": (
            "default(torch.optim.RMSprop, 'alpha') == 0.99"
        ),
        "`CosineAnnealingLR` rises again": (
            "rates('torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)', 8)[7]"
            " > rates('torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 5)', 8)[5]"
        ),
        "`DataLoader` doesn't shuffle": (
            "default(torch.utils.data.DataLoader, 'shuffle') is None"
        ),
        "True is where it may *not*": (
            "nn.MultiheadAttention(8, 1, batch_first=True)(*[sequence] * 3, "
            "attn_mask=torch.eye(5, dtype=bool))[1].diagonal(dim1=1, dim2=2).sum() == 0"
        ),
        "JAX and Keras where a query *may* look": (
            "torch.equal(F.scaled_dot_product_attention(q, k, v,"
            " attn_mask=torch.eye(5, dtype=bool)), v)"
        ),
        "unless `norm_first=True`": (
            "not default(nn.TransformerEncoderLayer, 'norm_first')"
        ),
        "PyTorch (two of them)": (
            "0 < nn.LSTM(8, 4).bias_ih_l0.abs().min()"
            " and nn.LSTM(8, 4).bias_hh_l0.abs().max() <= 0.5"
        ),
        "the zeros of the padding": (
            "nn.AvgPool2d(2, 1, 1)(torch.ones(1, 1, 2, 2)).min() == 0.25"
        ),
        "In `AdamW`": (
            "shrinks('torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.5)') == 0.95"
        ),
        "the whole step of the second form": (
            "slowed('torch.optim.SGD(parameters, lr=0.1, momentum=0.9)') < 0.02"
        ),
    },
    "torchvision": {
        "`aligned=False`": "default(torchvision.ops.roi_align, 'aligned') is False",
        "(10, 10, 5, 5)": (
            "'(10.0, 10.0, 5.0, 5.0)' in"
            " source(torchvision.models.detection.roi_heads.RoIHeads)"
        ),
    },
    "jax": {
        "`d2lib`, PyTorch and JAX; TensorFlow": (
            "jax.grad(jnp.maximum)(1.0, 1.0) == 0.5"
        ),
        "JAX and Keras where a query *may* look": (
            "jnp.allclose(jax.nn.dot_product_attention(q[:, :, None], k[:, :, None],"
            " v[:, :, None], mask=jnp.eye(5, dtype=bool)[None, None])[:, :, 0], v)"
        ),
        "are cut off at two standard deviations": (
            "abs(initial := jax.nn.initializers.he_normal()(key, (300, 400))).max()"
            " < 2.3 * initial.std()"
        ),
    },
    "optax": {
        "optax's `l2_loss` halve the square": "optax.l2_loss(jnp.array(2.0)) == 2",
        "`optax.adamw`": "shrinks('optax.adamw(0.1, weight_decay=0.5)') == 0.95",
        "start their sum at 0.1": (
            "default(optax.adagrad, 'initial_accumulator_value') == 0.1"
        ),
        "no mean over the examples either": (
            "optax.sigmoid_binary_cross_entropy(z, t).shape == (4, 3)"
        ),
    },
    "tensorflow": {
        "give all of it to `a`": "(tie(tf.maximum)[0] == 1).all()",
        "Keras moves the probability to 1e-7": (
            "abs(keras.losses.BinaryCrossentropy()(tf.ones((1, 1)), tf.zeros((1, 1)))"
            " - 16.118) < 1e-3"
        ),
        "take the mean along the last axis only": (
            "tf.keras.losses.MSE(y, y_hat).shape == (4,)"
        ),
        "Keras takes probabilities unless": (
            "not default(keras.losses.SparseCategoricalCrossentropy, 'from_logits')"
        ),
        "start their sum at 0.1": (
            "default(keras.optimizers.Adagrad, 'initial_accumulator_value') == 0.1"
        ),
        "a learning rate of 0.001 and a memory of 0.95": (
            "(default(keras.optimizers.Adadelta, 'learning_rate'),"
            " default(keras.optimizers.Adadelta, 'rho')) == (0.001, 0.95)"
        ),
        "`0.99` in Keras": (
            "default(keras.layers.BatchNormalization, 'momentum') == 0.99"
        ),
        "all optimisers of Keras": (
            "shrinks('keras.optimizers.SGD(0.1, weight_decay=0.5)') == 0.95"
        ),
        "Keras waits for no epoch": (
            "keras.callbacks.EarlyStopping().patience == 0"
            " and not keras.callbacks.EarlyStopping().restore_best_weights"
        ),
        "the default since TensorFlow 2": "keras.layers.GRU(2).reset_after",
        "starts at 1 in `d2lib` and Keras": (
            "default(keras.layers.LSTM, 'unit_forget_bias')"
        ),
        "Keras returns the last output alone": (
            "keras.layers.LSTM(5)(sequence).shape == (2, 5)"
        ),
        "Keras does not count them": (
            "(keras.layers.AveragePooling2D(2, 1, padding='same')"
            "(tf.ones((1, 3, 3, 1))) == 1).numpy().all()"
        ),
        "puts the odd row below": (
            "list(tf.nn.conv2d(tf.reshape(tf.range(16.0), (1, 4, 4, 1)),"
            " tf.reshape(tf.one_hot(0, 9), (3, 3, 1, 1)), 2, 'SAME').numpy().ravel())"
            " == [0, 2, 8, 10]"
        ),
        "are cut off at two standard deviations": (
            "abs(initial := keras.initializers.HeNormal()((300, 400)).numpy()).max()"
            " < 2.3 * initial.std()"
        ),
        "the first keeps the speed that it has": (
            "slowed('keras.optimizers.SGD(0.1, momentum=0.9)') > 0.09"
        ),
    },
    "mxnet": {
        "give all of it to `a`": "(tie(mx.np.maximum)[0] == 1).all()",
        "changes an array and returns nothing": "x.copy().attach_grad() is None",
        "Gluon adds 1e-12": (
            "abs(float(mx.gluon.loss.SigmoidBCELoss(from_sigmoid=True)("
            "mx.np.zeros((1, 1)), mx.np.ones((1, 1))).item()) - 27.631) < 1e-3"
        ),
        "Gluon ±0.07": "0.0699 < initial(mx.gluon.nn.Dense(99, in_units=99)) <= 0.07",
        "MXNet's takes a ReLU": "default(mx.gluon.rnn.RNN, 'activation') == 'relu'",
        "MXNet's keeps two axes": (
            "mx.gluon.nn.GlobalAvgPool2D()(images).shape == (2, 3, 1, 1)"
        ),
        "the zeros of the padding": (
            "mx.gluon.nn.AvgPool2D(2, 1, 1)(mx.np.ones((1, 1, 2, 2))).min() == 0.25"
        ),
        "`0.9` here and in MXNet": "default(mx.gluon.nn.BatchNorm, 'momentum') == 0.9",
        "the first keeps the speed that it has": (
            "slowed('mx.optimizer.SGD(learning_rate=0.1, momentum=0.9)') > 0.09"
        ),
    },
    OURS: {
        "`d2lib`, PyTorch and JAX; TensorFlow": "(tie(maximum) == 0.5).all()",
        "`d2lib` adds 1e-12": (
            "abs(binary_cross_entropy([0.0], [1.0]).item() - 27.631) < 1e-3"
        ),
        "the first keeps the speed that it has": (
            "slowed('Momentum(parameters, lr=0.1)') > 0.09"
        ),
        "ours waits for three and restores the best": (
            "default(EarlyStopping, 'patience') == 3"
            " and default(EarlyStopping, 'restore_best')"
        ),
        "The memory of RMSProp is 0.9 here": "default(RMSProp, 'rho') == 0.9",
        "starts at 1 in `d2lib` and Keras": "default(LSTM, 'forget_bias') == 1",
        "has the rate η/w, not 0": "warmup(0.5, steps=5)(0) == 0.1",
    },
}


def warns(call: Any) -> bool:
    """Whether a call warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return bool(caught)


def default(thing: Any, name: str) -> Any:
    """Return the default of an argument."""
    return inspect.signature(thing).parameters[name].default


def check_claim(claim: str, theirs: Framework) -> str:
    """What the page says beside its tables is true."""

    def shrinks(expression: str) -> float:
        """What one step makes of a weight of 1 whose gradient is 0."""
        one, zero = np.float32([1]), np.float32([0])
        return round(float(theirs.train(expression, one, [zero])[0]), 6)

    tools = {
        "warns": warns,
        "default": default,
        "source": inspect.getsource,
        "rates": theirs.rates,
        "shrinks": shrinks,
        "slowed": theirs.slowed,
        "tie": theirs.tie,
    }
    if theirs.column == "MXNet":
        tools["initial"] = theirs.initial
    return "" if bool(theirs.run(claim, **tools)) else f"it is not true that {claim}"


def words(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


def check_claims(text: str, package: str, theirs: Framework) -> dict[str, str]:
    """Return the problems with what the page says beside its tables."""
    found = {}
    for phrase, claim in CLAIMS.get(package, {}).items():
        if phrase not in words(text):
            found[phrase] = "the page does not say so any more"
            continue
        try:
            found[phrase] = check_claim(claim, theirs)
        except Exception as error:  # any error is the page's
            found[phrase] = f"{type(error).__name__}: {error}"
    return found


def check_own(text: str) -> dict[str, str]:
    """Return the problems with what the page says of ours, beside the names."""
    mine = Own(text)
    found = check_claims(text, OURS, mine)
    for cell in cells(text):
        if cell.column == OURS and cell.table in {"ε of", "weights of"}:
            do = check_epsilon if cell.table == "ε of" else check_shape
            found[f"{cell.table} {cell.row}"] = do(cell, mine)
    return found


def check(text: str, package: str) -> dict[str, str]:
    """Return the problems of all expressions that need a package, by row."""
    column = PACKAGES[package][0]
    theirs = FRAMEWORKS[column](text)
    found = {}
    for cell in cells(text):
        if cell.column != column or cell.text == "—":
            continue
        if cell.table == OURS:
            if needs(cell) != package:
                continue
            do = check_value
        elif cell.table == "ε of":
            optax = column == "JAX" and not cell.row.endswith("Norm")
            if package != ("optax" if optax else needs(cell._replace(text="0"))):
                continue
            do = check_epsilon
        elif cell.table == "weights of" and package == needs(cell._replace(text="0")):
            do = check_shape
        else:
            continue
        try:
            found[f"{cell.table} {cell.row}"] = do(cell, theirs)
        except Exception as error:  # any error is the page's
            found[f"{cell.table} {cell.row}"] = f"{type(error).__name__}: {error}"
    return found | check_claims(text, package, theirs)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    warnings.simplefilter("ignore")
    try:
        import_module("d2lib.mx" if sys.argv[1] == "mxnet" else sys.argv[1])
    except Exception:  # it is not there, or not whole
        sys.exit(MISSING)
    print(json.dumps(check(Path(sys.argv[2]).read_text(encoding="utf-8"), sys.argv[1])))
