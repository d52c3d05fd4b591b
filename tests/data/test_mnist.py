"""The digits that ship are those that were published."""

import dataclasses
import gzip
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest

import d2lib.data
from d2lib.data import load_mnist

FOLDER = Path(d2lib.data.__file__).parent


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


def test_the_files_are_the_published_ones():
    # The sums are those of the README; MD5 is how the files were known long before:
    # the same four appear in the loaders of Keras, torchvision and tensorflow-datasets.
    md5 = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    sums = dict(re.findall(r"`([\w-]+-ubyte)` \|[^|]*\| `([0-9a-f]{64})`", readme))
    assert sums.keys() == md5.keys()
    for name in md5:
        content = gzip.decompress((FOLDER / f"{name}.gz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == sums[name]
        assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5[name]


def test_shapes_and_dtypes(digits):
    assert digits.x_train.shape == (60000, 784)
    assert digits.x_test.shape == (10000, 784)
    assert digits.x_train.dtype == digits.x_test.dtype == np.float32
    assert digits.y_train.shape == (60000,)
    assert digits.y_test.shape == (10000,)
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64
    assert digits.x_train.flags.c_contiguous


def test_how_many_of_each_digit(digits):
    # The classic histogram of the labels.
    train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(digits.y_train).tolist() == train
    assert np.bincount(digits.y_test).tolist() == test


def test_brightness(digits):
    # Mean and standard deviation of the training pixels, as everybody's
    # Normalize((0.1307,), (0.3081,)) has them.
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 1
    assert digits.x_train.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)
    assert digits.x_train.std(dtype=np.float64) == pytest.approx(0.3081, abs=5e-5)


def test_every_digit_is_centred(digits):
    # Each was shifted, by whole pixels, so that its centre of mass is the image's. Rows
    # read with a wrong offset or in the wrong order would be anywhere.
    images = digits.x_test.reshape(-1, 28, 28)
    ink = images.sum(axis=(1, 2))
    places = np.arange(28)
    assert np.abs(images.sum(axis=2) @ places / ink - 14).max() < 1
    assert np.abs(images.sum(axis=1) @ places / ink - 14).max() < 1


@pytest.mark.parametrize("flatten", [True, False])
def test_options(digits, flatten):
    raw = load_mnist(flatten=flatten, normalize=False)
    shape = (784,) if flatten else (28, 28)
    assert raw.x_train.shape == (60000, *shape)
    assert raw.x_test.shape == (10000, *shape)
    assert raw.x_train.dtype == np.uint8
    np.testing.assert_allclose(
        raw.x_test.reshape(10000, -1) / 255, digits.x_test, atol=1e-7
    )


def test_it_is_frozen_but_its_arrays_are_yours(digits):
    with pytest.raises(dataclasses.FrozenInstanceError):
        digits.x_train = None
    one = load_mnist(normalize=False)
    one.x_test[0] = 9
    assert load_mnist(normalize=False).x_test[0].max() == 255


def test_repr_says_shapes(digits):
    assert "x_train: (60000, 784) float32" in repr(digits)
