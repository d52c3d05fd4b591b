"""What is trained for Lecture 3: LeNet, Faster R-CNN, and the segmenter.

Each function trains one network from one seed and returns what it measured, on images
that no training saw. Settings were chosen on other seeds and on training images.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from d2lib.book import checkerboard
from d2lib.data import Scenes, digit_scenes, load_mnist, shift
from d2lib.metrics import COCO, Detections, average_precision, mean_iou
from d2lib.schedules import cosine
from d2lib.shared.boxes import overlaps

SCENES = 12_000  # to learn from
HELD_OUT = 500  # to measure on
BATCH = 8  # scenes
EPOCHS = {"plain": 10, "larger": 6}  # of LeNet
# As many as fit into 240 s of one core of 2026.
DETECTOR_STEPS = {"scratch": 3600, "mx": 1800}
SEGMENTER_STEPS = {"scratch": 6000, "mx": 3000}
WEIGHTS = Path("_build/evidence")  # of the detectors, whose encoders are used again

Measures = dict[str, Any]


def lenet(twin: str, seed: int, variant: str) -> Measures:
    """LeNet on MNIST: all 60,000 digits to learn from, all 10,000 others to test."""
    dl = importlib.import_module(f"d2lib.{twin}")
    digits = load_mnist(flatten=False)
    x, y = digits.x_train[:, None], digits.y_train  # (60000, 1, 28, 28)
    if variant == "plain":
        model, lr = dl.LeNet(seed=seed), 2e-3
    else:
        model = dl.LeNet(filters=(16, 32), batch_norm=True, seed=seed)
        lr = 4e-3
    size, epochs = 128, EPOCHS[variant]
    steps = epochs * (len(x) // size)
    optimizer = dl.Adam(model.parameters(), lr=cosine(lr, steps))
    rng = np.random.default_rng(seed)
    start = time.process_time()
    for _ in range(epochs):
        order = rng.permutation(len(x))[: len(x) // size * size]
        for batch in order.reshape(-1, size):
            images = x[batch] if variant == "plain" else shift(x[batch], rng, pixels=2)
            optimizer.zero_grad()
            with dl.record():
                J = dl.cross_entropy(model(images), y[batch])
            J.backward()
            optimizer.step()
    seconds = time.process_time() - start
    model.eval()
    said = dl.predict(model, digits.x_test[:, None]).argmax(axis=1)
    return {
        "accuracy": float((said == digits.y_test).mean()),
        "steps": steps,
        "seconds": seconds,
    }


def detector(twin: str, seed: int, variant: str) -> Measures:
    """Faster R-CNN on scenes of digits; its weights are kept for its encoder's sake."""
    dl = importlib.import_module(f"d2lib.{twin}")
    steps = DETECTOR_STEPS[twin]
    scenes = digit_scenes(SCENES, seed=seed)
    rng = np.random.default_rng(seed)
    model = dl.FasterRCNN(classes=10, seed=rng)
    optimizer = dl.Adam(model.parameters(), lr=cosine(4e-3, steps, warmup=steps // 50))

    def loss(some: Scenes) -> Any:
        parts = model.losses(some.images, some.boxes, some.classes, rng)
        return parts["objectness"] + parts["anchor"] + parts["class"] + parts["box"]

    seconds = train(dl, optimizer, loss, scenes, steps, rng)
    model.eval()
    WEIGHTS.mkdir(parents=True, exist_ok=True)
    np.savez(WEIGHTS / f"{twin}-{seed}.npz", **model.state())

    held_out = digit_scenes(HELD_OUT, subset="test", seed=0)
    truth = list(zip(held_out.boxes, held_out.classes, strict=True))
    found = [d for at in parts_of(HELD_OUT) for d in model.detect(held_out.images[at])]
    widths = [np.sqrt(np.prod(b[:, 2:] - b[:, :2], axis=1)) for b, _ in truth]
    return {
        "AP50": average_precision(found, truth, 0.5),
        "AP75": average_precision(found, truth, 0.75),
        "AP": average_precision(found, truth, COCO),
        "recall": recall(found, truth),
        "recall_small": recall(found, truth, [w < 13 for w in widths]),
        "recall_large": recall(found, truth, [w >= 20 for w in widths]),
        "AP50_right_class": average_precision(*told_class(found, truth), 0.5),
        "AP50_right_box": average_precision(*told_box(found, truth), 0.5),
        "steps": steps,
        "seconds": seconds,
    }


def segmenter(twin: str, seed: int, variant: str) -> Measures:
    """The fully convolutional network on the same scenes."""
    dl = importlib.import_module(f"d2lib.{twin}")
    kind, _, how = variant.partition(", ")
    steps = SEGMENTER_STEPS[twin]
    if how == "briefly":
        steps = max(steps // 12, 2)
    fresh = how == "more scenes"  # each is seen once, and a blank pixel counts for more
    scenes = digit_scenes(steps * BATCH if fresh else SCENES, seed=seed)
    rng = np.random.default_rng(seed)
    upsampling = "transposed" if kind == "transposed" else "bilinear"
    model = dl.FCN(classes=11, upsampling=upsampling, seed=rng)
    lr = 6e-3
    if kind == "detector's encoder":
        lr = 4e-3
        with np.load(WEIGHTS / f"{twin}-{seed}.npz") as kept:
            model.backbone.load_state(
                {
                    name.removeprefix("backbone."): kept[name]
                    for name in kept.files
                    if name.startswith("backbone.")
                }
            )
    optimizer = dl.Adam(model.parameters(), lr=cosine(lr, steps, warmup=steps // 50))
    seconds = train(
        dl,
        optimizer,
        lambda some: model.loss(some.images, some.pixels, 0.6 if fresh else 0.3),
        scenes,
        steps,
        rng,
    )
    model.eval()
    held_out = digit_scenes(HELD_OUT, subset="test", seed=0)
    said = [model.segment(held_out.images[at]) for at in parts_of(HELD_OUT)]
    with dl.no_grad():
        maps = dl.to_numpy(model(held_out.images[:100]))
    return {
        "mean_iou": mean_iou(np.concatenate(said), held_out.pixels, 11),
        "checkerboard": checkerboard(maps),
        "steps": steps,
        "seconds": seconds,
    }


def train(
    dl: Any,
    optimizer: Any,
    loss: Callable[[Scenes], Any],
    scenes: Scenes,
    steps: int,
    rng: np.random.Generator,
) -> float:
    """Takes so many steps on batches of scenes, and returns the processor's seconds."""
    start = time.process_time()
    taken = 0
    while taken < steps:
        order = rng.permutation(len(scenes))
        for batch in order.reshape(-1, BATCH)[: steps - taken]:
            optimizer.zero_grad()
            with dl.record():
                J = loss(scenes[batch])
            J.backward()
            optimizer.step()
            taken += 1
    return time.process_time() - start


def parts_of(n: int, size: int = 50) -> list[slice]:
    """Slices that go through n things, so many at a time."""
    return [slice(k, k + size) for k in range(0, n, size)]


def recall(
    found: Sequence[Detections],
    truth: Sequence[tuple[np.ndarray, np.ndarray]],
    which: Sequence[np.ndarray] | None = None,
) -> float:
    """Which share of the digits is overlapped by half by one of the detections."""
    hits = []
    for k, (seen, (boxes, _)) in enumerate(zip(found, truth, strict=True)):
        hit = (overlaps(boxes, seen.boxes) >= 0.5).any(axis=1)
        hits.append(hit if which is None else hit[which[k]])
    return float(np.concatenate(hits).mean())


def told_class(found: Sequence[Detections], truth: Sequence[Any]) -> tuple[Any, Any]:
    """Detections with the class of the digit that they overlap most, if by half."""
    told = []
    for seen, (boxes, classes) in zip(found, truth, strict=True):
        shared = overlaps(seen.boxes, boxes)
        right = classes[shared.argmax(axis=1)]
        kinds = np.where(shared.max(axis=1) >= 0.5, right, seen.classes)
        told.append(Detections(seen.boxes, kinds, seen.scores))
    return told, truth


def told_box(found: Sequence[Detections], truth: Sequence[Any]) -> tuple[Any, Any]:
    """Detections in the box of the digit of their class that they touch most."""
    told = []
    for seen, (boxes, classes) in zip(found, truth, strict=True):
        shared = overlaps(seen.boxes, boxes) * (seen.classes[:, None] == classes)
        right = boxes[shared.argmax(axis=1)]
        moved = np.where(shared.max(axis=1, keepdims=True) > 0.1, right, seen.boxes)
        told.append(Detections(moved, seen.classes, seen.scores))
    return told, truth


SEEDS = 0, 1, 2
LENETS = "plain", "larger"  # with batch normalisation and shifts
SEGMENTERS = "bilinear", "detector's encoder", "transposed"
BRIEF = "bilinear, briefly", "detector's encoder, briefly"  # 500 steps
LONGER = "bilinear, more scenes", "detector's encoder, more scenes"  # 48,000
#: What is run: by name the function, its variants by twin, and the seeds.
RUNS = {
    "lenet": (lenet, {"scratch": LENETS, "mx": LENETS}, SEEDS),
    "detector": (detector, {"scratch": ("",), "mx": ("",)}, SEEDS),
    "segmenter": (
        segmenter,
        {"scratch": SEGMENTERS + BRIEF + LONGER, "mx": ("bilinear",)},
        SEEDS,
    ),
}
