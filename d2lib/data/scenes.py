"""Scenes: digits scattered on a canvas, with a box around each and a class a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from d2lib._checks import check_choice, check_numbers, check_positive_int, check_seed
from d2lib._types import Array
from d2lib.data.mnist import load_mnist
from d2lib.shared.boxes import overlaps

__all__ = ["Scenes", "digit_scenes"]

SIZE = 64  # pixels, height and width
DIGITS = 1, 5  # fewest and most in a scene
SCALES = 0.6, 1.5  # of MNIST's size
OVERLAP = 0.15  # the largest intersection over union of two boxes
SCRAPS = 10  # at most so many pieces of other digits lie about
SCRAP = 3, 8  # pixels, the smallest and largest height and width of a piece
NOISE = 0.08  # standard deviation, of grey from 0 to 1
INK = 0.3  # a pixel with less belongs to the background
TRIES = 40  # for a place; a digit that finds none is left out


@dataclass(frozen=True, eq=False, repr=False)
class Scenes:
    """Images, and what is to be seen in them.

    A box is (x1, y1, x2, y2) in pixels: from the left edge of its first column to the
    right edge of its last, and from the upper edge of its first row to the lower edge
    of its last. So x2 - x1 *is* its width, and its area needs no + 1.

    Attributes:
        images: grey from 0 to 1, float32, shape (n, 1, 64, 64).
        boxes: for each image one box a digit, float32, shape (digits, 4).
        classes: for each image which digits they are, 0 to 9, int64, shape (digits,).
        pixels: for each pixel 0 for the background, else 1 + the digit, int64, shape
            (n, 64, 64). Where two digits cross, the darker one has the pixel.
    """

    images: npt.NDArray[np.float32]
    boxes: list[npt.NDArray[np.float32]]
    classes: list[npt.NDArray[np.int64]]
    pixels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | npt.NDArray[np.int64] | list[int]) -> Scenes:
        """Some of the scenes: a slice, or whole numbers."""
        which = np.arange(len(self))[index].reshape(-1)
        return Scenes(
            self.images[which],
            [self.boxes[i] for i in which],
            [self.classes[i] for i in which],
            self.pixels[which],
        )

    def __repr__(self) -> str:
        return f"Scenes({len(self)} images with {sum(map(len, self.boxes))} digits)"


def digit_scenes(n: int, subset: str = "train", seed: int = 0) -> Scenes:
    """Draws scenes of 1 to 5 handwritten digits, large and small, among scraps.

    Each digit is one of MNIST's, from 0.6 to 1.5 times as large, anywhere on a canvas
    of 64 x 64 where its box overlaps no other by more than 0.15 (intersection over
    union). Up to ten scraps of further digits lie about, which are nothing, and every
    pixel has noise of standard deviation 0.08.

    Args:
        n: how many scenes.
        subset: "train" draws MNIST's 60,000 digits to learn from, "test" the 10,000
            others, so that nothing in a test was seen before.
        seed: a whole number; the same one gives the same scenes, and the first of many
            scenes are those of few.

    Returns:
        `Scenes`.

    Raises:
        ValueError: n < 1, an unknown subset, or a seed < 0.
        TypeError: an n or a seed that is no whole number.

    Example:
        >>> scenes = digit_scenes(3, seed=0)
        >>> scenes.images.shape
        (3, 1, 64, 64)
        >>> [len(boxes) for boxes in scenes.boxes] == [len(c) for c in scenes.classes]
        True
    """
    n = check_positive_int(n, "n")
    check_numbers(n=n, pixels=SIZE * SIZE)
    check_choice(subset, ("train", "test"), "subset")
    seed = check_seed(seed)
    images, labels = _digits(subset)
    canvas = np.empty((n, 1, SIZE, SIZE), np.float32)
    pixels = np.empty((n, SIZE, SIZE), np.int64)
    boxes, classes = [], []
    for i in range(n):
        # A generator for each scene, so that it does not depend on those before it.
        rng = np.random.default_rng([seed, i, subset == "test"])
        canvas[i, 0], pixels[i], found, names = _scene(rng, images, labels)
        boxes.append(found)
        classes.append(names)
    return Scenes(canvas, boxes, classes, pixels)


def _scene(
    rng: np.random.Generator,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
) -> tuple[Array, Array, Array, Array]:
    """One image, its classes by pixel, its boxes and their classes."""
    ink = np.zeros((SIZE, SIZE), np.float32)
    pixels = np.zeros((SIZE, SIZE), np.int64)
    boxes = np.empty((0, 4), np.float32)
    classes: list[int] = []
    for _ in range(rng.integers(DIGITS[0], DIGITS[1] + 1)):
        which = rng.integers(len(images))
        digit = _cropped(_scaled(images[which], rng.uniform(*SCALES)))
        h, w = digit.shape
        for _ in range(TRIES):
            top, left = rng.integers(SIZE - h + 1), rng.integers(SIZE - w + 1)
            box = np.array([left, top, left + w, top + h], np.float32)
            if (overlaps(box[None], boxes) <= OVERLAP).all():
                break
        else:
            continue
        boxes = np.vstack([boxes, box])
        classes.append(labels[which])
        place = np.s_[top : top + h, left : left + w]
        mine = (digit >= INK) & (digit > ink[place])
        pixels[place][mine] = 1 + labels[which]
        np.maximum(ink[place], digit, out=ink[place])
    for _ in range(rng.integers(SCRAPS + 1)):
        _drop_scrap(rng, images, ink, pixels)
    ink += rng.normal(0, NOISE, ink.shape).astype(np.float32)
    return ink.clip(0, 1), pixels, boxes, np.array(classes, np.int64)


def _drop_scrap(
    rng: np.random.Generator,
    images: npt.NDArray[np.uint8],
    ink: npt.NDArray[np.float32],
    pixels: npt.NDArray[np.int64],
) -> None:
    """Lays a small piece of some digit on the canvas, under what is there."""
    h, w = rng.integers(SCRAP[0], SCRAP[1] + 1, 2)
    digit = images[rng.integers(len(images))]
    y, x = rng.integers(4, 24 - h), rng.integers(4, 24 - w)  # where there is ink
    piece = digit[y : y + h, x : x + w] / np.float32(255)
    top, left = rng.integers(SIZE - h + 1), rng.integers(SIZE - w + 1)
    place = np.s_[top : top + h, left : left + w]
    free = pixels[place] == 0
    ink[place][free] = np.maximum(ink[place], piece)[free]


def _scaled(digit: npt.NDArray[np.uint8], scale: float) -> npt.NDArray[np.float32]:
    """A digit in another size, each new pixel the mean of what it covers."""
    A = _coverage(round(len(digit) * scale), len(digit))
    return (A @ digit @ A.T) / np.float32(255)


@cache
def _coverage(new: int, old: int) -> npt.NDArray[np.float32]:
    """Which share of each new pixel each old pixel covers, in one direction."""
    edges = np.arange(new + 1) * old / new
    low = np.maximum(edges[:-1, None], np.arange(old))
    high = np.minimum(edges[1:, None], np.arange(1, old + 1))
    A = (high - low).clip(0)  # (new, old)
    shares: Array = A / A.sum(axis=1, keepdims=True)
    return shares.astype(np.float32)


def _cropped(digit: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A digit without the empty rows and columns around it."""
    mine = digit >= INK
    rows, columns = np.flatnonzero(mine.any(1)), np.flatnonzero(mine.any(0))
    return digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


@cache
def _digits(subset: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """MNIST's images to learn from, or to test with, and which digits they are."""
    digits = load_mnist(flatten=False, normalize=False)
    if subset == "train":
        return digits.x_train, digits.y_train  # type: ignore[return-value]
    return digits.x_test, digits.y_test  # type: ignore[return-value]
