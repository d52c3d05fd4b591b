"""A folder in COCO's format: what is read, and what is refused."""

import json
import sys

import numpy as np
import pytest

from d2lib.data import DataError, load_coco

Image = pytest.importorskip("PIL.Image", reason="needs pillow")

RED = np.zeros((4, 6, 3), np.uint8)
RED[..., 0] = 255
GRAY = np.arange(40, dtype=np.uint8).reshape(8, 5) * 6


def content():
    """Two images, three things, and a crowd."""
    return {
        "images": [
            {"id": 7, "file_name": "red.png", "height": 4, "width": 6},
            {"id": 3, "file_name": "gray.png"},
            {"id": 9, "file_name": "red.png"},
        ],
        "categories": [{"id": 20, "name": "dog"}, {"id": 4, "name": "cat"}],
        "annotations": [
            {"image_id": 3, "category_id": 20, "bbox": [1, 2, 3, 4], "iscrowd": 0},
            {"image_id": 7, "category_id": 4, "bbox": [0.5, 0, 2.5, 4.0]},
            {"image_id": 7, "category_id": 20, "bbox": [4, -1, 5, 3]},
            {"image_id": 7, "category_id": 20, "bbox": [0, 0, 6, 4], "iscrowd": 1},
        ],
    }


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(RED).save(tmp_path / "red.png")
    Image.fromarray(GRAY).save(tmp_path / "gray.png")
    write(tmp_path, content())
    return tmp_path


def write(folder, what):
    text = what if isinstance(what, str) else json.dumps(what)
    (folder / "boxes.json").write_text(text)


def test_what_is_read(folder):
    found = load_coco(folder)
    assert repr(found) == "Pictures(3 images with 3 things, ['cat', 'dog'])"
    assert [image.shape for image in found.images] == [(3, 4, 6), (3, 8, 5), (3, 4, 6)]
    assert [image.dtype for image in found.images] == [np.float32] * 3
    np.testing.assert_array_equal(found.images[0], RED.transpose(2, 0, 1) / 255)
    expected = np.broadcast_to(GRAY.astype(np.float32) / 255, (3, 8, 5))
    np.testing.assert_array_equal(found.images[1], expected)
    # Corners; and the second is cut at the edges of its image.
    assert found.boxes[0].tolist() == [[0.5, 0, 3, 4], [4, 0, 6, 2]]
    assert found.boxes[1].tolist() == [[1, 2, 4, 6]]
    assert found.boxes[2].shape == (0, 4)
    assert [c.tolist() for c in found.classes] == [[0, 1], [1], []]
    assert all(c.dtype == np.int64 for c in found.classes)
    assert [file.name for file in found.files] == ["red.png", "gray.png", "red.png"]


def test_one_size_and_one_channel(folder):
    found = load_coco(folder / "boxes.json", size=(8, 12), gray=True)
    assert found.images.shape == (3, 1, 8, 12)
    assert found.images.dtype == np.float32
    assert found.images.flags.c_contiguous
    np.testing.assert_allclose(found.images[0], 76 / 255)  # how bright red is
    assert found.boxes[0].tolist() == [[1, 0, 6, 8], [8, 0, 12, 4]]
    np.testing.assert_allclose(found.boxes[1], [[2.4, 2, 9.6, 6]], rtol=1e-6)
    assert load_coco(folder, size=4).images.shape == (3, 3, 4, 4)
    assert load_coco(folder, gray=True).images[1].shape == (1, 8, 5)


def test_images_elsewhere(folder, tmp_path):
    other = tmp_path / "annotations"
    other.mkdir()
    (folder / "boxes.json").rename(other / "boxes.json")
    assert len(load_coco(other, images=folder)) == 3
    with pytest.raises(DataError, match=r"red.png, which is not there: .*images="):
        load_coco(other)


def test_no_images(folder):
    write(folder, {"images": [], "categories": [], "annotations": []})
    assert len(load_coco(folder)) == 0
    assert load_coco(folder, size=(2, 3)).images.shape == (0, 3, 2, 3)


@pytest.mark.parametrize("key", ["images", "categories", "annotations"])
def test_a_list_that_is_missing(folder, key):
    for change in ({}, {key: 3}):
        write(folder, {k: v for k, v in content().items() if k != key} | change)
        with pytest.raises(DataError, match=rf"boxes.json lacks the list '{key}'"):
            load_coco(folder)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        *(("images", name) for name in ("id", "file_name")),
        *(("categories", name) for name in ("id", "name")),
        *(("annotations", name) for name in ("image_id", "category_id", "bbox")),
    ],
)
def test_a_key_that_is_missing(folder, key, name):
    what = content()
    del what[key][0][name]
    write(folder, what)
    with pytest.raises(DataError, match=f"must have .*{name}.*boxes.json"):
        load_coco(folder)


@pytest.mark.parametrize(
    "bbox",
    [
        *([1, 2, 0, 3], [1, 2, 3, 0], [1, 2, -3, 4], [1, 2, 3], "1234", None),
        *([1, 2, 3, float("nan")], [1, 2, 3, float("inf")], [1, 2, 3, "4"], [1e9] * 4),
        [1, 2, 3, True],
    ],
)
def test_what_is_no_box(folder, bbox):
    what = content()
    what["annotations"][0]["bbox"] = bbox
    write(folder, what)
    with pytest.raises(DataError, match=r"bbox must be \[x, y, width, height\]"):
        load_coco(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("annotations", "image_id", 8), "an annotation of the image 8, which is not"),
        (("annotations", "category_id", 5), "of the category 5, which is not there"),
        (("annotations", "image_id", [1]), "image_id must be a number"),
        (("annotations", "bbox", [90, 2, 3, 4]), "bbox must lie in its image of 5 x 8"),
        (
            ("images", "file_name", "blue.png"),
            "names the image .*blue.png, which is not",
        ),
        (("images", "file_name", "boxes.json"), "boxes.json can't be read as an image"),
        (("images", "id", 9), "two images with the id 9"),
        (("categories", "id", 4), "two categories with one id"),
    ],
)
def test_what_does_not_go_together(folder, change, message):
    what = content()
    key, name, value = change
    what[key][0][name] = value
    write(folder, what)
    with pytest.raises(DataError, match=message):
        load_coco(folder)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\0", '{"images": [', "[" * 100_000])
def test_a_broken_file(folder, text):
    write(folder, text)
    with pytest.raises(DataError, match="path must be"):
        load_coco(folder)


def test_a_broken_image(folder):
    whole = (folder / "gray.png").read_bytes()
    (folder / "gray.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"gray.png can't be read as an image"):
        load_coco(folder)


def test_which_file_is_meant(folder):
    (folder / "more.json").write_text("{}")
    with pytest.raises(DataError, match=r"one \*.json; .* has 2: name the file"):
        load_coco(folder)
    with pytest.raises(FileNotFoundError):
        load_coco(folder / "missing.json")


def test_without_pillow(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        load_coco(folder)


@pytest.mark.parametrize(
    ("named", "error", "message"),
    [
        ({"size": 0}, ValueError, "size must be a whole number >= 1"),
        ({"size": (1, 2, 3)}, ValueError, "size must be a whole number or a pair"),
        ({"gray": 1}, TypeError, "gray must be True or False"),
        ({"images": 3}, TypeError, "images must be the name of a file"),
    ],
)
def test_mistakes(folder, named, error, message):
    with pytest.raises(error, match=message):
        load_coco(folder, **named)
