"""The works: what every peer computes, from the same numbers, and its least cost.

Imports NumPy alone, because every peer's environment reads this file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

Data = dict[str, np.ndarray]


@dataclass(frozen=True)
class Work:
    """One thing to compute.

    Attributes:
        title: in a few words.
        data: makes the input arrays, the same ones at every call.
        flops: additions and multiplications in matrix products, for one step.
        moved: bytes of the large arrays that a step cannot avoid to read and write.
    """

    title: str
    data: Callable[[], Data]
    flops: float = 0.0
    moved: float = 0.0

    def limit_ms(self, peak: float, bandwidth: float) -> float | None:
        """The least time on a machine of that peak (GFLOP/s) and bandwidth (GB/s)."""
        seconds = max(self.flops / (peak * 1e9), self.moved / (bandwidth * 1e9))
        return seconds * 1e3 or None


MLP = (784, 256, 128, 10)
MLP_BATCH = 128
SMALL = (2, 16, 16, 1)
SMALL_BATCH = 100
PARAMETERS = 1000, 1000
LOGITS = 4096, 1000
LSTM = 64, 256  # inputs, units
LSTM_BATCH, LSTM_LENGTH = 32, 100
ATTENTION = 16, 128, 256  # batch, length, units
HEADS = 8
GEMM = 2048
LENET_BATCH = 128
BOXES = 5000
ROIS = 256
ROI_SIZE = 6
LR = 0.1  # of SGD
STEPS = 4096  # of CartPole, remembered
ACTING = 256  # different batches, after which they come again
GAMMA, TAU = 0.99, 0.02  # of the deep Q network
LR_ADAM = 1e-3


def network(sizes: Sequence[int], seed: int) -> Data:
    """Weights W0, b0, W1, b1, … for dense layers, W as (inputs, units)."""
    rng = np.random.default_rng(seed)
    data = {}
    for k, (inputs, units) in enumerate(pairwise(sizes)):
        W = rng.normal(0, np.sqrt(2 / inputs), (inputs, units))
        data[f"W{k}"] = W.astype(np.float32)
        data[f"b{k}"] = rng.normal(0, 0.1, units).astype(np.float32)
    return data


def mlp() -> Data:
    rng = np.random.default_rng(1)
    x = rng.random((MLP_BATCH, MLP[0]), np.float32)
    return {"x": x, "y": rng.integers(0, MLP[-1], MLP_BATCH), **network(MLP, 2)}


def small_mlp() -> Data:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(SMALL_BATCH, 2)).astype(np.float32)
    y = np.sign(x[:, :1] * x[:, 1:])  # +1 or -1: the sign of the product
    return {"x": x, "y": y, **network(SMALL, 4)}


def adam() -> Data:
    rng = np.random.default_rng(5)
    w, g = rng.normal(size=(2, *PARAMETERS)).astype(np.float32)
    return {"w": w, "g": g}


def cross_entropy() -> Data:
    rng = np.random.default_rng(6)
    z = rng.normal(size=LOGITS).astype(np.float32)
    return {"z": z, "y": rng.integers(0, LOGITS[1], LOGITS[0])}


def lstm() -> Data:
    """Weights in d2lib's layout: a block of columns for each of i, f, g, o."""
    rng = np.random.default_rng(8)
    inputs, units = LSTM
    bound = 1 / np.sqrt(units)
    shapes = {"W_xh": (inputs, 4 * units), "W_hh": (units, 4 * units), "b": 4 * units}
    return {
        "x": rng.normal(size=(LSTM_BATCH, LSTM_LENGTH, inputs)).astype(np.float32),
        "g": rng.normal(size=(LSTM_BATCH, LSTM_LENGTH, units)).astype(np.float32),
        **{
            name: rng.uniform(-bound, bound, shape).astype(np.float32)
            for name, shape in shapes.items()
        },
    }


def attention() -> Data:
    """Weights as (inputs, units); head h has block h of the columns of q, k and v."""
    rng = np.random.default_rng(9)
    units = ATTENTION[-1]
    x, g = rng.normal(size=(2, *ATTENTION)).astype(np.float32)
    data = {"x": x, "g": g}
    for name in "qkvo":
        W = rng.normal(0, np.sqrt(1 / units), (units, units))
        data[f"W_{name}"] = W.astype(np.float32)
        data[f"b_{name}"] = rng.normal(0, 0.1, units).astype(np.float32)
    return data


@dataclass(frozen=True)
class Filters:
    """A convolution: batch, channels, height = width; filters, kernel, stride, padding.

    The first layer of a network needs no gradient of its input.
    """

    x: tuple[int, int, int]
    filters: int
    kernel: int
    stride: int = 1
    padding: int = 0
    first: bool = False
    transposed: bool = False

    @property
    def out(self) -> int:
        """Height and width of the result."""
        if self.transposed:
            return (self.x[2] - 1) * self.stride + self.kernel - 2 * self.padding
        return (self.x[2] + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def flops(self) -> float:
        """Of a forward and a backward pass."""
        n, channels, size = self.x
        places = (size if self.transposed else self.out) ** 2
        product = 2.0 * n * places * channels * self.filters * self.kernel**2
        return (2 if self.first else 3) * product

    def data(self) -> Data:
        """x, W as (filters, channels, k, k) or (channels, filters, k, k), b and g."""
        rng = np.random.default_rng(10)
        n, channels, size = self.x
        shape = (
            (channels, self.filters) if self.transposed else (self.filters, channels)
        )
        arrays = {
            "x": rng.normal(size=(n, channels, size, size)),
            "W": rng.normal(0, 0.1, (*shape, self.kernel, self.kernel)),
            "b": rng.normal(size=self.filters),
            "g": rng.normal(size=(n, self.filters, self.out, self.out)),
        }
        return {name: a.astype(np.float32) for name, a in arrays.items()}


FILTERS = {
    "conv_a": Filters((64, 1, 28), 32, 5, first=True),
    "conv_b": Filters((64, 32, 14), 64, 3, padding=1),
    "conv_c": Filters((128, 16, 14), 32, 3, padding=1),
    "conv_transpose": Filters((64, 32, 14), 16, 4, 2, 1, transposed=True),
}


def max_pool() -> Data:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(64, 32, 28, 28)).astype(np.float32)
    return {"x": x, "g": rng.normal(size=(64, 32, 14, 14)).astype(np.float32)}


def lenet() -> Data:
    """LeNet with 6 and 16 filters, names as in d2lib: W of layer k is layers.k.W."""
    rng = np.random.default_rng(12)
    shapes = {0: (6, 1, 5, 5), 2: (16, 6, 5, 5), 4: (120, 16, 5, 5)}
    shapes |= {6: (120, 84), 7: (84, 10)}  # dense: (inputs, units)
    data = {
        "x": rng.random((LENET_BATCH, 1, 28, 28), np.float32),
        "y": rng.integers(0, 10, LENET_BATCH),
    }
    for k, shape in shapes.items():
        inputs = np.prod(shape[1:]) if len(shape) == 4 else shape[0]
        units = shape[0] if len(shape) == 4 else shape[1]
        data[f"W{k}"] = rng.normal(0, np.sqrt(2 / inputs), shape).astype(np.float32)
        data[f"b{k}"] = np.zeros(units, np.float32)
    return data


def boxes(n: int, rng: np.random.Generator, size: float) -> np.ndarray:
    """Boxes (x1, y1, x2, y2) of 8 to 32 pixels inside a square of that size."""
    corner = rng.uniform(0, size - 32, (n, 2))
    return np.hstack([corner, corner + rng.uniform(8, 32, (n, 2))]).astype(np.float32)


def nms() -> Data:
    rng = np.random.default_rng(13)
    scores = rng.permutation(BOXES).astype(np.float32) / BOXES + 0.01
    return {"boxes": boxes(BOXES, rng, 512), "scores": scores}


def roi_align() -> Data:
    rng = np.random.default_rng(14)
    g = rng.normal(size=(ROIS, 64, ROI_SIZE, ROI_SIZE))
    return {
        "x": rng.normal(size=(8, 64, 16, 16)).astype(np.float32),
        "boxes": boxes(ROIS, rng, 64),
        "of": np.sort(rng.integers(0, 8, ROIS)),
        "g": g.astype(np.float32),
    }


def dqn(units: int, batch: int) -> Data:
    """Steps to learn from, the rows of each batch, and the weights of two networks."""
    rng = np.random.default_rng(15)
    sizes = (4, units, units, 2)
    slow = {f"slow_{name}": a for name, a in network(sizes, 17).items()}
    return {
        "observations": rng.normal(size=(STEPS, 4)).astype(np.float32),
        "actions": rng.integers(0, 2, STEPS),
        "rewards": np.full(STEPS, 0.02, np.float32),
        "following": rng.normal(size=(STEPS, 4)).astype(np.float32),
        "terminated": (rng.random(STEPS) < 0.02).astype(np.float32),
        "rows": rng.integers(0, STEPS, (ACTING, batch)),
        **network(sizes, 16),
        **slow,
    }


def dqn_flops(units: int, batch: int) -> float:
    """Of one action, of three passes forward, and of one backward."""
    sizes = (4, units, units, 2)
    forward = sum(2.0 * m * n for m, n in pairwise(sizes))
    return forward * (1 + 2 * batch) + dense_flops(sizes, batch)


def matrices() -> Data:
    a, b = np.random.default_rng(7).random((2, GEMM, GEMM), np.float32)
    return {"a": a, "b": b}


def dense_flops(sizes: Sequence[int], batch: int) -> float:
    """Of a forward and a backward pass; the input needs no gradient."""
    products = [2.0 * batch * m * n for m, n in pairwise(sizes)]
    return 3 * sum(products) - products[0]


WORKS = {
    "mlp": Work(
        "MLP 784-256-128-10, batch 128: one step of SGD",
        mlp,
        flops=dense_flops(MLP, MLP_BATCH),
    ),
    "adam": Work(
        "Adam: one step on 1,000,000 parameters",
        adam,
        # Reads w, g, m and v; writes w, m and v.
        moved=7 * 4 * float(np.prod(PARAMETERS)),
    ),
    "cross_entropy": Work(
        "Softmax cross-entropy of 4096 × 1000, and gradient",
        cross_entropy,
        # Reads z forward, reads it again backward, writes the gradient.
        moved=3 * 4 * float(np.prod(LOGITS)),
    ),
    "lstm": Work(
        "LSTM 64 → 256, batch 32, length 100: forward and backward",
        lstm,
        # Backward, each product has two more: the weights' gradient, and the input's.
        flops=3 * 2.0 * LSTM_BATCH * LSTM_LENGTH * sum(LSTM) * 4 * LSTM[1],
    ),
    "small_mlp": Work(
        "MLP 2-16-16-1, 100 points: one step of SGD",
        small_mlp,
        flops=dense_flops(SMALL, SMALL_BATCH),
    ),
    "attention": Work(
        "Self-attention, 8 heads, 16 × 128 × 256: forward and backward",
        attention,
        # Four projections, and two products of each position with all the others.
        flops=3
        * 2.0
        * float(np.prod(ATTENTION))
        * (4 * ATTENTION[2] + 2 * ATTENTION[1]),
    ),
    **{
        name: Work(title, FILTERS[name].data, flops=FILTERS[name].flops)
        for name, title in {
            "conv_a": "Convolution A, 64 × 1 × 28² → 32, 5 × 5, the first layer",
            "conv_b": "Convolution B, 64 × 32 × 14² → 64, 3 × 3",
            "conv_c": "Convolution C, 128 × 16 × 14² → 32, 3 × 3",
            "conv_transpose": "Transposed convolution, 64 × 32 × 14² → 16 × 28², 4 × 4",
        }.items()
    },
    "max_pool": Work(
        "Max pooling 2 × 2 of 64 × 32 × 28²: forward and backward",
        max_pool,
        # Reads x and writes a quarter; reads that, and writes the gradient of x.
        moved=(1 + 1 / 4 + 1 / 4 + 1) * 4 * 64 * 32 * 28**2,
    ),
    "lenet": Work("LeNet with 6 and 16 filters, batch 128: one step of SGD", lenet),
    "nms": Work("Non-maximum suppression of 5,000 boxes", nms),
    "roi_align": Work("RoI align, 256 regions of 8 × 64 × 16²: both ways", roi_align),
    **{
        f"dqn_{units}": Work(
            f"Deep Q network 4-{units}-{units}-2: an action, and an update by {batch}",
            partial(dqn, units, batch),
            flops=dqn_flops(units, batch),
        )
        for units, batch in {64: 64, 128: 128}.items()
    },
    "import": Work("Import the library in a fresh process", dict),
}

# What the machine can do at all, timed beside every work.
LIMITS = {
    "gemm": Work("matrix product 2048 × 2048", matrices, flops=2.0 * GEMM**3),
    "copy": Work("copy of 16 MB", cross_entropy, moved=2 * 4 * float(np.prod(LOGITS))),
}
