"""Faces and photographs: those published, and a clear word where they are missing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import d2lib
from d2lib.data import (
    PHOTOGRAPHS,
    DataError,
    load_faces,
    load_photograph,
    photographs,
)

SHAPES = {  # height and width, as scikit-image's documentation gives them
    "astronaut": (512, 512),
    "brick": (512, 512),
    "camera": (512, 512),
    "chelsea": (300, 451),
    "clock": (300, 400),
    "coffee": (400, 600),
    "coins": (303, 384),
    "grace_hopper": (600, 512),
    "grass": (512, 512),
    "gravel": (512, 512),
    "hubble": (872, 1000),
    "rocket": (427, 640),
    "text": (172, 448),
}


@pytest.fixture
def skimage():
    pytest.importorskip("skimage")


@pytest.fixture
def everything(skimage):
    pytest.importorskip("matplotlib")


def test_every_photograph_has_terms_and_is_described():
    assert set(PHOTOGRAPHS) == set(SHAPES)
    readme = (Path(d2lib.__file__).parent / "data" / "README.md").read_text()
    for name, terms in PHOTOGRAPHS.items():
        assert terms.endswith(("CC0", "public domain", "no known restrictions"))
        assert f"`{name}`" in readme


@pytest.mark.parametrize("name", SHAPES)
def test_photographs(name, everything):
    color, gray = load_photograph(name), load_photograph(name, gray=True)
    assert color.shape == (3, *SHAPES[name])
    assert gray.shape == (1, *SHAPES[name])
    for pixels in (color, gray):
        assert pixels.dtype == np.float32
        assert pixels.flags.c_contiguous
        assert 0 <= pixels.min() < 0.4 < 0.7 < pixels.max() <= 1
    # Pillow's brightness: 299 parts of red, 587 of green and 114 of blue.
    bright = np.tensordot([0.299, 0.587, 0.114], color, axes=1)
    assert np.abs(bright - gray[0]).max() < 1.01 / 255


def test_they_are_those_that_scikit_image_shows(everything):
    from matplotlib import cbook, image
    from skimage import data

    for name in ("astronaut", "coffee"):
        theirs = getattr(data, name)().transpose(2, 0, 1) / np.float32(255)
        np.testing.assert_array_equal(load_photograph(name), theirs)
    theirs = data.camera() / np.float32(255)
    np.testing.assert_array_equal(load_photograph("camera", gray=True)[0], theirs)
    with cbook.get_sample_data("grace_hopper.jpg") as file:
        theirs = image.imread(file, format="jpg").transpose(2, 0, 1)
    np.testing.assert_array_equal(
        load_photograph("grace_hopper"), theirs / np.float32(255)
    )


def test_faces_are_those_that_scikit_image_shows(skimage):
    from skimage import data

    faces = load_faces(seed=3)
    crops = np.concatenate([faces.x_train, faces.x_validation])[:, 0]
    labels = np.concatenate([faces.y_train, faces.y_validation])
    theirs = data.lfw_subset().astype(np.float32)
    for label, part in ((1, theirs[:100]), (0, theirs[100:])):
        ours = {crop.tobytes() for crop in crops[labels == label]}
        assert ours == {crop.tobytes() for crop in part}
        assert len(ours) == 100


@pytest.mark.parametrize(("share", "held_out"), [(0.2, 20), (0, 0), (0.5, 50)])
def test_the_split(share, held_out, skimage):
    faces = load_faces(share)
    for x, y, n in (
        (faces.x_train, faces.y_train, 100 - held_out),
        (faces.x_validation, faces.y_validation, held_out),
    ):
        assert x.shape == (2 * n, 1, 25, 25)
        assert x.dtype == np.float32
        assert y.dtype == np.int64
        assert y.sum() == n
    if held_out:
        assert 0 < faces.y_train[:20].mean() < 1  # in random order
    assert repr(faces).startswith(f"Faces(x_train: ({200 - 2 * held_out}, 1, 25, 25)")


def test_the_split_is_seeded(skimage):
    one, again, other = load_faces(seed=1), load_faces(seed=1), load_faces(seed=2)
    np.testing.assert_array_equal(one.x_train, again.x_train)
    np.testing.assert_array_equal(one.y_validation, again.y_validation)
    assert not np.array_equal(one.x_validation, other.x_validation)


@pytest.mark.parametrize(
    ("load", "mend"),
    [
        (load_faces, "pip install scikit-image"),
        (
            lambda: load_photograph("coffee"),
            "pip install scikit-image",
        ),
        (
            lambda: load_photograph("grace_hopper"),
            "pip install matplotlib",
        ),
    ],
)
def test_a_package_that_is_missing(load, mend, monkeypatch):
    monkeypatch.setattr(photographs, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=mend):
        load()


@pytest.fixture
def packed(monkeypatch, tmp_path):
    """A scikit-image whose folder of data is empty; the folder."""

    class Spec:
        origin = str(tmp_path / "skimage" / "__init__.py")

    monkeypatch.setattr(photographs, "find_spec", lambda name: Spec)
    folder = tmp_path / "skimage" / "data"
    folder.mkdir(parents=True)
    return folder


def test_a_package_without_its_data(packed):
    with pytest.raises(DataError, match=r"no lfw_subset\.npy in .*packed without its"):
        load_faces()
    with pytest.raises(DataError, match=r"this scikit-image has no coffee\.png"):
        load_photograph("coffee")


def test_damaged_files(packed):
    (packed / "lfw_subset.npy").write_bytes(b"\x93NUMPY no")
    with pytest.raises(DataError, match=r"lfw_subset\.npy can't be read"):
        load_faces()
    np.save(packed / "lfw_subset.npy", np.zeros((200, 24, 24)))
    with pytest.raises(DataError, match=r"200 crops of 25 x 25 .* \(200, 24, 24\)"):
        load_faces()
    np.save(packed / "lfw_subset.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(DataError, match="can't be read"):
        load_faces()
    pytest.importorskip("PIL")
    (packed / "coffee.png").write_bytes(b"a cup")
    with pytest.raises(DataError, match=r"coffee\.png can't be read as an image"):
        load_photograph("coffee")


def test_without_pillow(packed, monkeypatch):
    (packed / "coffee.png").write_bytes(b"a cup")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"Pillow, which is missing: .*pillow"):
        load_photograph("coffee")


def test_loading_imports_neither_package(everything):
    code = (
        "import sys; from d2lib.data import load_faces, load_photograph\n"
        "load_faces(); load_photograph('coffee'); load_photograph('grace_hopper')\n"
        "assert not {'skimage', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("load", "error", "message"),
    [
        (lambda: load_photograph("lena"), ValueError, "name must be one of 'astronaut"),
        (lambda: load_photograph(3), ValueError, "name must be one of"),
        (lambda: load_photograph("coffee", gray=1), TypeError, "gray must be True"),
        (lambda: load_faces(1), ValueError, "validation"),
        (lambda: load_faces(-0.1), ValueError, "validation"),
        (lambda: load_faces("a"), TypeError, "validation"),
        (lambda: load_faces(seed="a"), TypeError, "seed"),
    ],
)
def test_errors(load, error, message):
    with pytest.raises(error, match=message):
        load()
