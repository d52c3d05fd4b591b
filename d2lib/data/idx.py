"""The IDX format, in which MNIST and its relatives are published.

A file is a header and then the numbers, row by row, everything big-endian:

====================  ==========================================
bytes                 what they say
====================  ==========================================
``00 00``             this is IDX
one byte              the type: 08 ubyte, 09 byte, 0B short, 0C int, 0D float, 0E double
one byte              ``n``, the number of dimensions
``n`` times 4 bytes   the size of each dimension
the rest              the numbers
====================  ==========================================

A header can promise anything, so nothing is believed before it is checked against the
length of the file.
"""

from __future__ import annotations

import gzip
import math
import os
import stat
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from d2lib._checks import check_path, open_without_waiting
from d2lib._types import Array

__all__ = ["DataError", "read_idx"]

_GZIP_MAGIC = b"\x1f\x8b"
_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 32  # the most that every NumPy since 1.26 can hold
_MOST_INFLATION = 1032  # no byte of a deflate stream can stand for more bytes than that
_CHUNK = 1 << 20  # bytes


class DataError(ValueError):
    """A data file that is damaged, cut short, or not what it claims to be."""


def read_idx(path: str | os.PathLike[str]) -> Array:
    """Reads an IDX file, compressed with gzip or not, into an array.

    Whether it is compressed is seen from its first bytes, not from its name.

    Args:
        path: the file.

    Returns:
        An array with the shape and type that the header states, in the byte order of
        this machine: uint8, int8, int16, int32, float32 or float64. It is a fresh
        array, yours to change.

    Raises:
        DataError: the file is not IDX, is damaged, or is longer or shorter than its
            header says. No more is read, and no more memory is touched, than the
            header announces.
        OSError: the file cannot be opened.
        TypeError, ValueError: a path that is none.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "three.idx"
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
        >>> read_idx(path)
        array([7, 8, 9], dtype=uint8)

    Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
    """
    path = check_path(path)
    with open(path, "rb", opener=open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise DataError(
                f"an IDX file must be an ordinary file, {path} is a device, a pipe or "
                "a socket: save its contents to a file first"
            )
        compressed = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        if not compressed:
            return _read(file, path, most=status.st_size)
        try:
            with gzip.open(file) as stream:
                most = status.st_size * _MOST_INFLATION
                return _read(cast("IO[bytes]", stream), path, most)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"{path} is not a whole gzip file ({error}): fetch it again"
            ) from error


def _read(stream: IO[bytes], path: Path, most: int) -> Array:
    """Reads header and numbers from ``stream``, which holds at most ``most`` bytes."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise DataError(
            "an IDX file starts with 00 00, a type (08, 09, 0b, 0c, 0d or 0e) and the "
            f"number of dimensions, {path} starts with {magic.hex(' ') or 'nothing'}: "
            "check that this is the right file"
        )
    dtype, dimensions = np.dtype(_DTYPES[magic[2]]), magic[3]
    if not 1 <= dimensions <= _MOST_DIMENSIONS:
        raise DataError(
            f"an IDX file has 1 to {_MOST_DIMENSIONS} dimensions, the header of {path} "
            f"says {dimensions}: check that this is the right file"
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{path} ends inside its header: fetch it again")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))

    announced = math.prod(shape) * dtype.itemsize
    if announced > most:
        raise DataError(
            f"the header of {path} announces {announced} bytes of numbers for shape "
            f"{shape} and dtype {dtype.name}, and the file cannot hold more than "
            f"{most}: it is cut short or damaged, fetch it again"
        )
    numbers = np.empty(announced, np.uint8)
    filled = _fill(stream, numbers.data)
    if filled < announced:
        raise DataError(
            f"the header of {path} announces {announced} bytes of numbers for shape "
            f"{shape} and dtype {dtype.name}, {filled} came: it is cut short, fetch it "
            "again"
        )
    # Reading past the end also makes gzip compare its checksum.
    if stream.read(1):
        raise DataError(
            f"the header of {path} announces {announced} bytes of numbers for shape "
            f"{shape} and dtype {dtype.name}, and more follow: it is damaged, fetch it "
            "again"
        )
    try:
        array = numbers.view(dtype).reshape(shape)
    except ValueError as error:  # a zero beside sizes whose product overflows
        raise DataError(
            f"NumPy cannot hold the shape {shape} that {path} announces: the file is "
            "damaged, fetch it again"
        ) from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _fill(stream: IO[bytes], target: memoryview) -> int:
    """Reads into ``target`` until it is full or the stream ends; returns the count."""
    filled = 0
    while filled < len(target):
        # In chunks: one read of everything would make a second copy of it.
        chunk = stream.read(min(_CHUNK, len(target) - filled))
        if not chunk:
            break
        target[filled : filled + len(chunk)] = chunk
        filled += len(chunk)
    return filled
