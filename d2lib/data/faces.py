"""A hundred faces, and a hundred crops that are none, from scikit-image.

scikit-image drew them from "Labeled Faces in the Wild", a collection of press
photographs of 2002 and 2003, and its documentation states no licence for them. The
photographs belong to those who took them. d2lib therefore contains none: it reads the
file where scikit-image is installed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from d2lib._checks import as_generator, check_probability
from d2lib.data.idx import DataError
from d2lib.data.photographs import skimage_file

__all__ = ["Faces", "load_faces"]

EACH, SIZE = 100, 25  # crops of each kind, and their height and width in pixels


@dataclass(frozen=True, eq=False, repr=False)
class Faces:
    """Crops of photographs, split into those to learn from and those to judge with.

    Attributes:
        x_train: crops to learn from, grey from 0 to 1, float32, shape (n, 1, 25, 25).
        y_train: 1 for a face, 0 for another thing, int64, shape (n,).
        x_validation: the others.
        y_validation: what they are.
    """

    x_train: npt.NDArray[np.float32]
    y_train: npt.NDArray[np.int64]
    x_validation: npt.NDArray[np.float32]
    y_validation: npt.NDArray[np.int64]

    def __repr__(self) -> str:
        arrays = ((field.name, getattr(self, field.name)) for field in fields(self))
        return f"Faces({', '.join(f'{n}: {a.shape} {a.dtype}' for n, a in arrays)})"


def load_faces(validation: float = 0.2, seed: int | np.random.Generator = 0) -> Faces:
    """Loads 100 faces and 100 other crops, 25 x 25 pixels each.

    The faces look at the camera, more or less, and fill their crop from the forehead to
    the chin. The others are from the backgrounds of the same photographs. Many of those
    are nearly even, or have a black corner, from a turn of the photograph; two show
    part of a face. Nothing is downloaded.

    Args:
        validation: which share of each kind to judge with, at least 0 and below 1.
        seed: an int or a Generator: which ones these are, and their order.

    Returns:
        `Faces`, in random order, half of them faces in either part.

    Raises:
        ImportError: scikit-image, in which the crops are, is missing.
        DataError: the installed scikit-image comes without them, or with others.
        TypeError, ValueError: validation is no number in [0, 1).

    Example:
        >>> load_faces()
        Faces(x_train: (160, 1, 25, 25) float32, y_train: (160,) int64,
              x_validation: (40, 1, 25, 25) float32, y_validation: (40,) int64)

    Source: Huang, Mattar, Lee and Learned-Miller, "Learning to align from scratch",
    2012, drawn from Huang, Ramesh, Berg and Learned-Miller, "Labeled Faces in the
    Wild", 2007; the 200 crops are those of ``skimage.data.lfw_subset``.
    """
    validation = check_probability(validation, "validation")
    rng = as_generator(seed)
    file = skimage_file("lfw_subset.npy")
    try:
        crops = np.load(file, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"{file} can't be read: {error}") from error
    if crops.shape != (2 * EACH, SIZE, SIZE) or crops.dtype.kind != "f":
        raise DataError(
            f"{file} must hold {2 * EACH} crops of {SIZE} x {SIZE} floats, got "
            f"{crops.shape} {crops.dtype}"
        )
    held_out = round(validation * EACH)
    faces, others = rng.permutation(EACH), EACH + rng.permutation(EACH)
    parts = []
    for keep in (slice(held_out, None), slice(held_out)):
        which = rng.permutation(np.concatenate([faces[keep], others[keep]]))
        x = crops[which, None].astype(np.float32)  # (n, 1, 25, 25)
        parts += [x, (which < EACH).astype(np.int64)]
    return Faces(*parts)
