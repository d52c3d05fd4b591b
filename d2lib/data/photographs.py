"""Photographs that come with scikit-image and with matplotlib, read where they lie.

d2lib contains none of them, and nothing is downloaded: only files inside the installed
packages are read. Who made each, and on what terms, stands beside its name, as
scikit-image's documentation says it; README.md beside this file has it as a table.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from d2lib._checks import check_choice, check_flag
from d2lib.data.idx import DataError

__all__ = ["PHOTOGRAPHS", "load_photograph"]

# The file of each, and its terms. The faces are those of one person each.
_SKIMAGE = {
    "astronaut": ("astronaut.png", "Eileen Collins, by NASA: public domain"),
    "brick": ("brick.png", "a wall, from CC0Textures: CC0"),
    "camera": ("camera.png", "a man at a camera, by Lav Varshney: CC0"),
    "chelsea": ("chelsea.png", "a cat, by Stefan van der Walt: CC0"),
    "clock": ("clock_motion.png", "a clock, by Stefan van der Walt: public domain"),
    "coffee": ("coffee.png", "a cup, by Rachel Michetti: CC0"),
    "coins": ("coins.png", "Greek coins, Brooklyn Museum: no known restrictions"),
    "grass": ("grass.png", "a lawn, from CC0Textures: CC0"),
    "gravel": ("gravel.png", "gravel, from CC0Textures: CC0"),
    "hubble": ("hubble_deep_field.jpg", "galaxies, by NASA: public domain"),
    "rocket": ("rocket.jpg", "a launch pad, by SpaceX: public domain"),
    "text": ("text.png", "handwriting, from Wikipedia: public domain"),
}
_MATPLOTLIB = {
    "grace_hopper": ("grace_hopper.jpg", "Grace Hopper, by the US Navy: public domain"),
}

#: What each photograph shows, who made it, and under which terms it may be used.
PHOTOGRAPHS = {
    name: terms for name, (_, terms) in sorted((_SKIMAGE | _MATPLOTLIB).items())
}


def load_photograph(name: str, gray: bool = False) -> npt.NDArray[np.float32]:
    """Loads a photograph from the files of scikit-image, or of matplotlib.

    Args:
        name: which one. `PHOTOGRAPHS` says for each name what it shows, who made it,
            and under which terms: all are in the public domain, CC0, or without known
            restrictions. "grace_hopper" comes with matplotlib, the others with
            scikit-image.
        gray: one channel, of brightness, in place of red, green and blue.

    Returns:
        From 0 to 1, float32, shape (3, height, width), or (1, height, width) if gray.

    Raises:
        ImportError: the package with the photograph is missing, or Pillow, which reads
            it.
        DataError: the installed package comes without the file.
        TypeError, ValueError: no such name, or a gray that is not True or False.

    Example:
        >>> load_photograph("astronaut").shape
        (3, 512, 512)
        >>> load_photograph("grace_hopper", gray=True).shape
        (1, 600, 512)

    Source: see `PHOTOGRAPHS`, which repeats what scikit-image's documentation says.
    """
    check_choice(name, PHOTOGRAPHS, "name")
    check_flag(gray, "gray")
    if name in _MATPLOTLIB:
        file = matplotlib_file(_MATPLOTLIB[name][0])
    else:
        file = skimage_file(_SKIMAGE[name][0])
    try:
        from PIL import Image  # loaded when used
    except ImportError as error:
        raise ImportError(
            "load_photograph reads images with Pillow, which is missing: pip install "
            "pillow"
        ) from error
    try:
        with Image.open(file) as opened:
            picture = opened.convert("L" if gray else "RGB")
    except Exception as error:  # a reader for each format, with errors of its own
        raise DataError(f"{file} can't be read as an image: {error}") from error
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    return np.ascontiguousarray(pixels[None] if gray else pixels.transpose(2, 0, 1))


def skimage_file(name: str) -> Path:
    """Where a file of scikit-image's data lies; scikit-image is not imported."""
    return _inside("skimage", "scikit-image", Path("data", name))


def matplotlib_file(name: str) -> Path:
    """Where a file of matplotlib's sample data lies; matplotlib is not imported."""
    where = Path("mpl-data", "sample_data", name)
    return _inside("matplotlib", "matplotlib", where)


def _inside(package: str, called: str, path: Path) -> Path:
    """Where a file of an installed package lies."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(
            f"{path.name} is in {called}, which is missing: pip install {called}"
        )
    file = Path(spec.origin).parent / path
    if not file.is_file():
        raise DataError(
            f"this {called} has no {path.name} in {file.parent}: it was packed without "
            f"its data; install it with pip install {called}"
        )
    return file
