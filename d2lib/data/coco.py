"""Pictures of your own, in the format of COCO's annotations.

Most tools with which one draws boxes can write it: a folder of images, and one file in
JSON that says what is to be seen in them.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from d2lib._checks import check_flag, check_pair, check_path
from d2lib.data.idx import DataError

__all__ = ["Pictures", "load_coco"]

Content = dict[str, list[Any]]
Numbers = dict[Any, int]
Things = dict[Any, list[tuple[list[float], int]]]


@dataclass(frozen=True, eq=False, repr=False)
class Pictures:
    """Images, and what is to be seen in them.

    A box is (x1, y1, x2, y2) in pixels, as in `Scenes`.

    Attributes:
        images: from 0 to 1, float32: an array of shape (n, channels, height, width);
            if they keep their sizes, a list of arrays (channels, height, width).
        boxes: for each image one box a thing, float32, shape (things, 4).
        classes: for each image what they are, int64, shape (things,).
        names: of the classes, by their numbers.
        files: from which each image was read.
    """

    images: npt.NDArray[np.float32] | list[npt.NDArray[np.float32]]
    boxes: list[npt.NDArray[np.float32]]
    classes: list[npt.NDArray[np.int64]]
    names: list[str]
    files: list[Path]

    def __len__(self) -> int:
        return len(self.files)

    def __repr__(self) -> str:
        things = sum(map(len, self.boxes))
        return f"Pictures({len(self)} images with {things} things, {self.names})"


def load_coco(
    path: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    size: int | tuple[int, int] | None = None,
    gray: bool = False,
) -> Pictures:
    """Loads a folder of images with annotations in COCO's format.

    Of the file, ``images`` (``id``, ``file_name``), ``categories`` (``id``, ``name``)
    and ``annotations`` (``image_id``, ``category_id``, ``bbox``) are read. The classes
    are numbered from 0, in the order of their ids. A crowd (``iscrowd``) is no box
    around one thing, and is left out. A box that reaches beyond its image is cut at the
    edge. An image without annotations has no boxes.

    Args:
        path: the file of the annotations, or a folder with one such file, ``*.json``.
        images: the folder of the images; None is that of the annotations.
        size: stretch all images to this height and width, and their boxes with them: a
            whole number, or a pair. None leaves each as it is.
        gray: one channel, of brightness, in place of red, green and blue.

    Returns:
        `Pictures`.

    Raises:
        DataError: the file is broken or lacks a key, names an image, category or file
            that is not there or can't be read, or has a box without an area.
        ImportError: Pillow, which reads the images, is missing.
        OSError: the file of the annotations can't be opened.
        TypeError, ValueError: a path, a size or a gray that is none.

    Example:
        >>> import json, pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "boxes.json").write_text(
        ...     json.dumps({"images": [], "categories": [], "annotations": []})
        ... )
        >>> load_coco(folder)
        Pictures(0 images with 0 things, [])

    Source: Lin et al., 2014 (COCO).
    """
    check_flag(gray, "gray")
    pair = None if size is None else check_pair(size, "size")
    file = _annotations(check_path(path))
    folder = file.parent if images is None else check_path(images, "images")
    content = _parsed(file)
    numbers, names = _categories(content, file)
    files: dict[Any, Path] = {}
    for one in content["images"]:
        number, name = _values(one, ("id", "file_name"), "an image", file)
        if number in files:
            raise DataError(f"{file} has two images with the id {number!r}")
        files[number] = folder / str(name)
    things = _things(content, numbers, files, file)
    pictures, boxes = [], []
    for number, where in files.items():
        picture, height, width = _read(where, pair, gray, file)
        pictures.append(picture)
        boxes.append(_cut([box for box, _ in things[number]], height, width, where))
        if pair is not None:
            boxes[-1] *= np.array([pair[1] / width, pair[0] / height] * 2, np.float32)
    classes = [np.array([c for _, c in things[n]], np.int64) for n in files]
    if pair is not None:
        shape = (0, 1 if gray else 3, *pair)
        whole = np.stack(pictures) if pictures else np.zeros(shape, np.float32)
        return Pictures(whole, boxes, classes, names, list(files.values()))
    return Pictures(pictures, boxes, classes, names, list(files.values()))


def _annotations(path: Path) -> Path:
    """The file itself, or the only one of a folder."""
    if not path.is_dir():
        return path
    found = sorted(path.glob("*.json"))
    if len(found) != 1:
        raise DataError(
            f"path must name the file of the annotations, or a folder with one *.json; "
            f"{path} has {len(found)}: name the file"
        )
    return found[0]


def _parsed(file: Path) -> Content:
    """What the file says: three lists."""
    with open(file, "rb") as stream:
        data = stream.read()
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DataError(f"path must be JSON, {file} is not: {error}") from error
    for key in ("images", "categories", "annotations"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise DataError(
                f"path must be a file in COCO's format, {file} lacks the list {key!r}"
            )
    lists: Content = content
    return lists


def _values(one: Any, keys: tuple[str, ...], what: str, file: Path) -> list[Any]:
    """The values that an entry must have."""
    for key in keys:
        if not isinstance(one, dict) or key not in one:
            raise DataError(f"{what} must have {', '.join(keys)}; in {file}: {one!r}")
        if key.endswith("id") and not isinstance(one[key], (int, str)):
            raise DataError(f"{key} must be a number; in {file}: {one!r}")
    return [one[key] for key in keys]


def _categories(content: Content, file: Path) -> tuple[Numbers, list[str]]:
    """The number of each category's id, and the names."""
    pairs = [
        _values(one, ("id", "name"), "a category", file)
        for one in content["categories"]
    ]
    pairs.sort(key=lambda pair: (isinstance(pair[0], str), pair[0]))
    numbers = {number: i for i, (number, _) in enumerate(pairs)}
    if len(numbers) != len(pairs):
        raise DataError(f"{file} has two categories with one id")
    return numbers, [str(name) for _, name in pairs]


def _things(
    content: Content, numbers: Numbers, files: dict[Any, Path], file: Path
) -> Things:
    """For each image's id the boxes and classes of what is in it."""
    things: Things = {number: [] for number in files}
    for one in content["annotations"]:
        image, category, bbox = _values(
            one, ("image_id", "category_id", "bbox"), "an annotation", file
        )
        for name, key, known in (
            ("image", image, files),
            ("category", category, numbers),
        ):
            if key not in known:
                raise DataError(
                    f"{file} has an annotation of the {name} {key!r}, which is not "
                    f"there: {one!r}"
                )
        if one.get("iscrowd"):
            continue
        if not (
            isinstance(bbox, list)
            and len(bbox) == 4
            and all(type(n) in (int, float) and abs(n) < 1e6 for n in bbox)
            and bbox[2] > 0
            and bbox[3] > 0
        ):
            raise DataError(
                "bbox must be [x, y, width, height] in pixels, with a width and a "
                f"height above 0; in {file}: {one!r}"
            )
        x, y, w, h = bbox
        things[image].append(([x, y, x + w, y + h], numbers[category]))
    return things


def _cut(
    boxes: list[list[float]], height: int, width: int, where: Path
) -> npt.NDArray[np.float32]:
    """Boxes as an array, as far as they lie in their image."""
    array = np.array(boxes, np.float32).reshape(-1, 4)
    inside = array.clip(0, np.array([width, height] * 2, np.float32))
    lost = (inside[:, 2:] <= inside[:, :2]).any(axis=1)
    if lost.any():
        raise DataError(
            f"bbox must lie in its image of {width} x {height} pixels, {where} has one "
            f"(x1, y1, x2, y2) = {array[lost][0].tolist()}: leave it out"
        )
    return inside


def _read(
    where: Path, size: tuple[int, int] | None, gray: bool, file: Path
) -> tuple[npt.NDArray[np.float32], int, int]:
    """An image from 0 to 1, and the height and width that it had in its file."""
    try:
        from PIL import Image  # loaded when used
    except ImportError as error:
        raise ImportError(
            "load_coco reads images with Pillow, which is missing: pip install pillow"
        ) from error
    if not where.is_file():
        raise DataError(
            f"{file} names the image {where}, which is not there: say where they are "
            "with images="
        )
    try:
        with Image.open(where) as opened:
            picture = opened.convert("L" if gray else "RGB")
    except Exception as error:  # a reader for each format, with errors of its own
        raise DataError(f"{where} can't be read as an image: {error}") from error
    width, height = picture.size
    if size is not None:
        picture = picture.resize((size[1], size[0]), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture, np.float32) / np.float32(255)
    channels_first = pixels[None] if gray else pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(channels_first), height, width
