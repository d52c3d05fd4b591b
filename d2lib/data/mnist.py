"""MNIST: 70,000 handwritten digits, shipped with the package."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from d2lib._checks import check_flag
from d2lib.data.idx import read_idx

__all__ = ["MNIST", "load_mnist"]

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, eq=False, repr=False)
class MNIST:
    """The digits, split as they were published: 60,000 to learn from, 10,000 to test.

    Attributes:
        x_train: images to learn from, see `load_mnist` for shape and dtype.
        y_train: which digit each one is, 0 to 9, int64, shape (60000,).
        x_test: images to test with.
        y_test: which digit each one is, int64, shape (10000,).
    """

    x_train: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    y_train: npt.NDArray[np.int64]
    x_test: npt.NDArray[np.float32] | npt.NDArray[np.uint8]
    y_test: npt.NDArray[np.int64]

    def __repr__(self) -> str:
        arrays = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"MNIST({', '.join(f'{n}: {a.shape} {a.dtype}' for n, a in arrays)})"


def load_mnist(flatten: bool = True, normalize: bool = True) -> MNIST:
    """Loads the whole of MNIST; nothing is downloaded.

    A pixel is 0 where the paper is blank and 255 where the ink is darkest. Networks
    train better on small numbers, so it is divided by 255 unless you ask otherwise.

    Args:
        flatten: images as rows of 784 pixels, or else as 28 rows of 28 pixels.
        normalize: float32 from 0 to 1 (188 MB of them), or else uint8 from 0 to 255.

    Returns:
        An `MNIST` with x_train (60000, 784) or (60000, 28, 28), x_test likewise with
        10000, and the labels y_train and y_test as int64. The arrays are fresh at each
        call, yours to change.

    Raises:
        DataError: a file of the installed package is damaged.
        TypeError: flatten or normalize is not True or False.

    Example:
        >>> digits = load_mnist(normalize=False)
        >>> digits
        MNIST(x_train: (60000, 784) uint8, y_train: (60000,) int64,
              x_test: (10000, 784) uint8, y_test: (10000,) int64)
        >>> digits.y_test[:5]
        array([7, 2, 1, 0, 4])

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to
    document recognition", 1998; the data by Yann LeCun and Corinna Cortes, CC BY-SA
    3.0, see README.md beside this file.
    """
    check_flag(flatten, "flatten")
    check_flag(normalize, "normalize")

    def images(name: str) -> npt.NDArray[np.float32] | npt.NDArray[np.uint8]:
        x = read_idx(_FOLDER / f"{name}-images-idx3-ubyte.gz")
        if flatten:
            x = x.reshape(len(x), -1)  # (n, 28, 28) -> (n, 784)
        return np.divide(x, 255, dtype=np.float32) if normalize else x

    def labels(name: str) -> npt.NDArray[np.int64]:
        return read_idx(_FOLDER / f"{name}-labels-idx1-ubyte.gz").astype(np.int64)

    return MNIST(images("train"), labels("train"), images("t10k"), labels("t10k"))
