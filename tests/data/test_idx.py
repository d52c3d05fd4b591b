"""read_idx on every dtype, and on files that lie."""

import gzip
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from d2lib.data import DataError, read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx(array, shape=None):
    """Writes the format independently of the reader, with `struct`."""
    shape = array.shape if shape is None else shape
    code = CODES[array.dtype.newbyteorder("=").str[1:]]
    header = struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.fixture
def write(tmp_path):
    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("idx")


@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda code: hnp.arrays(
            np.dtype(code), hnp.array_shapes(max_dims=4, min_side=0, max_side=5)
        )
    ),
    compress=st.booleans(),
)
def test_reads_back_every_dtype_and_shape(folder, array, compress):
    path = folder / "any-name.txt"
    content = idx(array)
    path.write_bytes(gzip.compress(content) if compress else content)
    got = read_idx(path)
    assert got.dtype == array.dtype
    assert got.dtype.isnative
    assert got.flags.writeable
    np.testing.assert_array_equal(got, array)


def test_known_bytes(write):
    # The example of the format's description: two rows of three shorts.
    content = bytes.fromhex("00000b02 00000002 00000003 0001 fffe 0100 7fff 8000 0000")
    expected = np.array([[1, -2, 256], [32767, -32768, 0]], np.int16)
    np.testing.assert_array_equal(read_idx(str(write(content))), expected)


def test_the_name_does_not_decide_about_compression(write):
    content = idx(np.arange(5, dtype="u1"))
    assert read_idx(write(content, "plain.gz")).tolist() == [0, 1, 2, 3, 4]
    assert read_idx(write(gzip.compress(content), "zipped")).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("compress", [False, True])
def test_every_truncation_is_caught(write, compress):
    content = idx(np.arange(6, dtype="i2").reshape(2, 3))
    whole = gzip.compress(content) if compress else content
    for length in range(len(whole)):
        with pytest.raises(DataError, match=r"fetch it again|right file"):
            read_idx(write(whole[:length]))
    # Compressed well, but what was compressed was cut short.
    for length in range(len(content)):
        with pytest.raises(DataError):
            read_idx(write(gzip.compress(content[:length])))


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("tail", [b"\0", b"x" * 100])
def test_trailing_bytes_are_caught(write, compress, tail):
    content = idx(np.arange(6, dtype="u1")) + tail
    with pytest.raises(DataError, match="more follow"):
        read_idx(write(gzip.compress(content) if compress else content))


def test_a_flipped_bit_in_a_gzip_file_is_caught(write):
    zipped = bytearray(gzip.compress(idx(np.arange(200, dtype="u1"))))
    zipped[-6] ^= 1  # in the checksum
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_idx(write(bytes(zipped)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\x89PNG\r\n\x1a\n0000",
        b"PK\x03\x04",
        b"\0\0\x0a\x01\0\0\0\x01\0",  # a type that does not exist
        b"\0\0\x08\x00\x07",  # no dimension
        b"\0\0\x08\xff" + b"\0\0\0\1" * 255 + b"\7",  # too many of them
        b"\0\1\x08\x01\0\0\0\x01\7",
        b"some text that is not data\n",
    ],
)
@pytest.mark.parametrize("compress", [False, True])
def test_foreign_files_are_named(write, content, compress):
    path = write(gzip.compress(content) if compress else content)
    with pytest.raises(DataError, match=r"right file") as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    "shape", [(2**32 - 1,) * 4, (2**32 - 1,), (60000, 2800, 2800), (4, 5)]
)
def test_absurd_sizes_are_refused_before_any_allocation(write, compress, shape):
    content = idx(np.arange(6, dtype="u1"), shape)
    path = write(gzip.compress(content) if compress else content)
    tracemalloc.start()
    try:
        with pytest.raises(
            DataError, match=f"announces {np.prod(shape, dtype=object)}"
        ):
            read_idx(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4e6


def test_a_zero_beside_sizes_that_overflow(write):
    content = idx(np.zeros(0, "f8"), (2**32 - 1, 2**32 - 1, 2**32 - 1, 0))
    with pytest.raises(DataError, match="cannot hold the shape"):
        read_idx(write(content))


def test_a_gzip_bomb_is_not_inflated(write):
    # 200 MB of zeros in 200 kB, behind a header that announces six bytes.
    path = write(gzip.compress(idx(np.zeros(6, "u1")) + bytes(200_000_000), 9))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="more follow"):
            read_idx(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4e6


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "missing")
    with pytest.raises(OSError):
        read_idx(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="ordinary file"):
        read_idx(tmp_path / "pipe")


def test_data_error_is_a_value_error():
    assert issubclass(DataError, ValueError)
