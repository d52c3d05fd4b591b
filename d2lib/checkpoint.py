"""Checkpoints: named arrays in one file that is either whole or not there.

The format is NumPy's own ``.npz``, never pickled, so opening a stranger's checkpoint
runs none of their code, and either twin can read what the other wrote.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from d2lib._checks import as_state, check_path, open_without_waiting, short

__all__ = ["CheckpointError", "load", "load_into", "save"]

_META = "__meta__"
_NO_FILE = "it is a device, a pipe or a socket"


class CheckpointError(ValueError):
    """A file that is not a checkpoint, is damaged, or belongs to another model."""


def save(
    path: str | Path, arrays: Mapping[str, np.ndarray], meta: Any | None = None
) -> None:
    """Writes named arrays to ``path``, whole or not at all.

    They go to a temporary file beside it, which then takes its name in one step: a
    process killed while saving leaves the previous checkpoint as it was, and of two
    that save at once the last one wins. A link stays one, to the new checkpoint, and
    who may read the file stays the same.

    Args:
        path: the file; its folder must exist.
        arrays: by name.
        meta: anything JSON can hold.

    Raises:
        TypeError: arrays that are no mapping or hold no numbers, meta that JSON can't
            hold, or a path that is none.
        ValueError: two arrays of one name, or one called ``__meta__``.
        OSError: the folder is missing or can't be written, or the path is that of a
            folder or a device.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save(folder + "/w.npz", {"W": np.ones(3)}, meta={"epoch": 1})
        ...     arrays, meta = load(folder + "/w.npz")
        >>> arrays["W"], meta
        (array([1., 1., 1.]), {'epoch': 1})
    """
    path = check_path(path)
    content = as_state(arrays, "arrays")
    if _META in content:
        raise ValueError(f"an array may not be named {_META!r}: that name is taken")
    for name, array in content.items():
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"arrays must hold numbers, and {name!r} holds objects")
    try:
        content[_META] = np.asarray(json.dumps(meta))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"meta must be what JSON can hold ({error}), got {short(meta)}: turn "
            "arrays into lists, and their numbers into int or float"
        ) from error
    file, target, mode = _open_beside(path)
    temporary = Path(file.name)
    try:
        with file:
            if mode is not None and mode != stat.S_IMODE(temporary.stat().st_mode):
                temporary.chmod(mode)
            # What np.savez does, which takes no array of the name "file".
            with zipfile.ZipFile(file, "w") as archive:
                for name, array in content.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(
                            member, np.asanyarray(array), allow_pickle=False
                        )
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_writable(path: str | Path) -> None:
    """Raises the OSError that `save` would raise, and leaves nothing behind."""
    file, _, _ = _open_beside(check_path(path, "checkpoint"))
    with file:
        os.unlink(file.name)


def _open_beside(path: Path) -> tuple[BinaryIO, Path, int | None]:
    """Opens a temporary file in the folder of ``path``.

    Returns:
        The file, whose name nobody else has; the path that it is to take, which a link
        leads to; and the permissions of what is there, or None.
    """
    target, mode = Path(os.path.realpath(path)), None
    try:
        with suppress(FileNotFoundError):
            there = target.stat().st_mode
            if stat.S_ISDIR(there):
                raise IsADirectoryError(errno.EISDIR, "the name is that of a folder")
            if not stat.S_ISREG(there):
                raise OSError(errno.EINVAL, _NO_FILE)
            mode = stat.S_IMODE(there)
        # Not the process's number: other threads have it, and other machines.
        name = f".{target.name}.{secrets.token_hex(8)}.tmp"
        return open(target.with_name(name), "xb"), target, mode
    except OSError as error:
        raise type(error)(
            error.errno,
            f"can't write the checkpoint {str(path)!r} ({error.strerror}): choose a "
            "file in a folder that exists and that you may write to",
        ) from error


def load(path: str | Path) -> tuple[dict[str, np.ndarray], Any]:
    """Reads what `save` wrote: the arrays and the meta data.

    Raises:
        TypeError, ValueError: a path that is none.
        FileNotFoundError: no such file.
        CheckpointError: not a checkpoint, or a truncated or damaged one.
    """
    path = check_path(path)
    try:
        with open(path, "rb", opener=open_without_waiting) as raw:
            if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
                raise OSError(_NO_FILE)
            with np.load(raw, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
        meta = json.loads(str(arrays.pop(_META)))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            error.errno,
            f"can't read the checkpoint {str(path)!r} ({error.strerror}): look where "
            "it was saved",
        ) from error
    except Exception as error:  # a damaged file fails in whichever part reads it
        size = f"{os.path.getsize(path)} bytes" if path.is_file() else "not a file"
        raise CheckpointError(
            f"{path} can't be read as a checkpoint of d2lib ({size}; {error}): it is "
            "another kind of file, or truncated; use an earlier one"
        ) from error
    return arrays, meta


def load_into(model: Any, path: str | Path) -> None:
    """Loads a checkpoint's weights into a model of either twin.

    A checkpoint of a whole training run (`fit`) has the weights under ``model/``.

    Raises:
        TypeError, ValueError: no model, or a path that is none.
        FileNotFoundError: no such file.
        CheckpointError: unreadable, or another model's; the model is unchanged.
    """
    if not callable(getattr(model, "load_state", None)):
        raise TypeError(
            f"model must be a Module of d2lib.scratch or d2lib.mx, got {short(model)}"
        )
    arrays, _ = load(path)
    prefix = "model/"
    if any(name.startswith(prefix) for name in arrays):
        arrays = part(arrays, prefix)
    try:
        model.load_state(arrays)
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is a checkpoint of another model: {error}"
        ) from error


def part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """The arrays whose names start with a prefix, under what follows it."""
    return {
        name[len(prefix) :]: array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def generator_state(generator: np.random.Generator) -> np.ndarray:
    """Where a generator of random numbers stands, as an array for a checkpoint."""
    state = generator.bit_generator.state
    text = json.dumps(state, default=lambda array: array.tolist())
    return np.frombuffer(text.encode(), np.uint8).copy()


def set_generator_state(generator: np.random.Generator, state: Any) -> None:
    """Puts a generator where another one of its kind stood.

    Raises:
        ValueError: what is no such state, or one of another kind of generator.
    """
    own = generator.bit_generator.state
    try:
        wanted = json.loads(np.asarray(state, np.uint8).tobytes())
        generator.bit_generator.state = wanted
    except Exception as error:
        generator.bit_generator.state = own
        raise ValueError(
            f"the state of the random numbers is none of a {own['bit_generator']} "
            f"generator ({error}): seed both with an int"
        ) from error
