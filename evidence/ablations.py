"""LeNet with one part left out: what the page on classification tries on small digits.

It is trained and judged on digits of the training set; the test digits choose nothing.
"""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np

from d2lib.data import load_mnist, shift

DIGITS = 5_000  # to learn from, others for each seed
EPOCHS, BATCH, LR = 8, 50, 0.006
JUDGES = 5_000  # digits to judge by: the last ones


def without(twin: str, seed: int, variant: str) -> dict[str, Any]:
    """LeNet with batch normalisation, shifts and a cosine, or what is left of it."""
    dl = importlib.import_module(f"d2lib.{twin}")
    digits = load_mnist(flatten=False)
    x, y = digits.x_train[:, None], digits.y_train
    x_valid, y_valid = x[-JUDGES:], y[-JUDGES:]
    few = np.random.default_rng(seed).permutation(len(x) - JUDGES)[:DIGITS]
    x, y = x[few], y[few]

    model = network(dl, seed, variant)
    steps = EPOCHS * -(-len(x) // BATCH)
    rate = LR if variant == "constant rate" else dl.cosine(LR, steps)
    adam = dl.Adam(model.parameters(), lr=rate)
    rng = np.random.default_rng(seed)
    start = time.process_time()
    for epoch in range(EPOCHS):
        moved = shift(x, rng, pixels=0 if variant == "no shifts" else 1)
        dl.fit(
            model,
            (moved, y),
            loss=dl.cross_entropy,
            optimizer=adam,
            batch_size=BATCH,
            seed=epoch,
        )
    seconds = time.process_time() - start
    said = dl.predict(model.eval(), x_valid).argmax(axis=1)
    return {
        "accuracy": float((said == y_valid).mean()),
        "steps": steps,
        "seconds": seconds,
    }


def network(dl: Any, seed: int, variant: str) -> Any:
    """A LeNet of either twin, changed as a variant says."""
    rng = np.random.default_rng(seed)
    bend = None if variant.startswith("no ReLU") else "relu"
    if variant == "one of four, unseen":
        pool = dl.MaxPool2D(1, stride=2)
    elif variant in ("mean for maximum", "no ReLU, and mean"):
        pool = dl.AvgPool2D(2)
    else:
        pool = dl.MaxPool2D(2)

    def stage(channels: int, filters: int, padding: int) -> list[Any]:
        norm = variant != "no batch norm"
        conv = dl.Conv2D(
            channels,
            filters,
            5,
            padding=padding,
            activation=None if norm else bend,
            initializer="he",
            seed=rng,
        )
        return [conv, *([dl.BatchNorm(filters, bend)] if norm else []), pool]

    return dl.Sequential(
        *stage(1, 6, 2),
        *stage(6, 16, 0),
        dl.Flatten(),
        dl.Dense(400, 120, bend, seed=rng),
        dl.Dense(120, 84, bend, seed=rng),
        dl.Dense(84, 10, seed=rng),
    )


VARIANTS = (
    "all of it",
    "one of four, unseen",
    "mean for maximum",
    "no ReLU",
    "no ReLU, and mean",
    "no batch norm",
    "no shifts",
    "constant rate",
)
#: What is run: by name the function, its variants by twin, and the seeds.
RUNS = {"lenet_ablation": (without, {"scratch": VARIANTS}, (0, 1, 2, 3, 4))}
