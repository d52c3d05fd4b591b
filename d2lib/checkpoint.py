"""Checkpoints: named arrays in one file that is either whole or not there.

The format is NumPy's own ``.npz``, never pickled, so opening a stranger's checkpoint
runs none of their code, and either twin can read what the other wrote.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from d2lib._checks import (
    as_state,
    check_path,
    check_state,
    check_weights,
    open_without_waiting,
    short,
)
from d2lib._types import Array, DType
from d2lib.shared.recipes import build, check_same

fcntl: Any
try:
    import fcntl
except ImportError:  # on Windows, where stale files stay until somebody deletes them
    fcntl = None

__all__ = ["CheckpointError", "load", "load_into", "save"]

_META = "__meta__"
_NO_FILE = "it is a device, a pipe or a socket"


class CheckpointError(ValueError):
    """A file that is not a checkpoint, is damaged, or belongs to another model."""


def save(
    path: str | Path, arrays: Mapping[str, Array], meta: Any | None = None
) -> None:
    """Writes named arrays to ``path``, whole or not at all.

    They go to a temporary file beside it, which then takes its name in one step: a
    process killed while saving leaves the previous checkpoint as it was, and of two
    that save at once the last one wins. What a killed process left half written is
    removed by the next one that saves to ``path``. A link stays one, to the new
    checkpoint, and who may read the file stays the same.

    Args:
        path: the file; its folder must exist.
        arrays: by name.
        meta: anything JSON can hold.

    Raises:
        TypeError: arrays that are no mapping or hold no numbers, meta that JSON can't
            hold, or a path that is none.
        ValueError: an array called ``__meta__``, or one with a zero byte in its name.
        OSError: the folder is missing or can't be written, the disk is full, or the
            path is that of a folder or a device.

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
        if "\0" in name:  # where a zip file's names end
            raise ValueError(
                f"an array may not be named {name!r}: leave out the zero byte"
            )
        if np.asarray(array).dtype.hasobject:
            raise TypeError(f"arrays must hold numbers, and {name!r} holds objects")
    try:
        content[_META] = np.asarray(json.dumps(meta))
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(
            f"meta must be what JSON can hold ({error}), got {short(meta)}: turn "
            "arrays into lists, and their numbers into int or float"
        ) from error
    # What np.savez does, which takes no array of the name "file".
    with whole(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, array in content.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(
                    member, np.asanyarray(array), allow_pickle=False
                )


def check_writable(path: str | Path) -> None:
    """Raises the OSError that `save` would raise, and leaves nothing behind."""
    path = check_path(path, "checkpoint")
    with _told(path):
        file, _, _ = _open_beside(path)
        file.close()  # for Windows
        with suppress(FileNotFoundError):  # another has swept it away by now
            os.unlink(file.name)


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a temporary file, which takes the name ``path`` if nothing is raised.

    It has the permissions of what is there, and is on the disk before it is renamed.
    """
    with _told(path):
        file, target, mode = _open_beside(path)
        try:
            with file:
                now = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode is not None and mode != now:
                    os.chmod(file.name, mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
                if fcntl is not None:  # while it is locked, and nobody sweeps it away
                    os.replace(file.name, target)
            if fcntl is None:  # Windows renames no file that is open
                os.replace(file.name, target)
        except BaseException:
            with suppress(OSError):
                os.unlink(file.name)
            raise
        _keep_name(target.parent)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Says of each OSError which checkpoint could not be written, and what to do."""
    try:
        yield
    except OSError as error:
        mend = "choose a file in a folder that exists and that you may write to"
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            mend = "make room there; an earlier checkpoint is still whole"
        raise type(error)(
            error.errno,
            f"can't write the checkpoint {str(path)!r} ({error.strerror}): {mend}",
        ) from error


def _open_beside(path: Path) -> tuple[BinaryIO, Path, int | None]:
    """Opens a temporary file in the folder of ``path``, and locks it.

    Returns:
        The file, whose name nobody else has; the path that it is to take, which a link
        leads to; and the permissions of what is there, or None.
    """
    target, mode = Path(os.path.realpath(path)), None
    with suppress(FileNotFoundError):
        there = target.stat().st_mode
        if stat.S_ISDIR(there):
            raise IsADirectoryError(errno.EISDIR, "the name is that of a folder")
        if not stat.S_ISREG(there):
            raise OSError(errno.EINVAL, _NO_FILE)
        mode = stat.S_IMODE(there)
    _sweep(target)
    while True:
        # Not the process's number: other threads have it, and other machines.
        name = f".{target.name}.{secrets.token_hex(8)}.tmp"
        file = open(target.with_name(name), "xb")  # noqa: SIM115  # the caller closes it
        if _locked(file.fileno(), wait=True) is False or os.path.exists(file.name):
            return file, target, mode
        file.close()  # somebody swept it away before it was locked


def _sweep(target: Path) -> None:
    """Removes the temporary files of ``target`` whose process has ended.

    Who writes one holds a lock on it, which the system takes back from the dead.
    """
    name = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{16}}\.tmp")
    for entry in os.listdir(target.parent):
        if name.fullmatch(entry):
            with suppress(OSError):  # gone by now, or somebody else's
                found = os.open(target.with_name(entry), os.O_RDONLY)
                try:
                    if _locked(found, wait=False):
                        os.unlink(target.with_name(entry))
                finally:
                    os.close(found)


def _locked(file: int, wait: bool) -> bool:
    """Locks a file until it is closed; False where another has it, or none can."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _keep_name(folder: Path) -> None:
    """Lets a new name survive a power cut, where the system can be asked to."""
    if fcntl is not None:
        with suppress(OSError):
            opened = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)


def load(path: str | Path) -> tuple[dict[str, Array], Any]:
    """Reads what `save` wrote: the arrays and the meta data.

    Nothing that the file says is believed: it takes no more memory than the file is
    large.

    Args:
        path: the file.

    Returns:
        The arrays by name, and the meta data.

    Raises:
        TypeError, ValueError: a path that is none.
        FileNotFoundError: no such file.
        CheckpointError: not a checkpoint, or a truncated or damaged one.
    """
    return read(path)


def read(
    path: str | Path, check: Callable[[dict[str, Array], Any], None] | None = None
) -> tuple[dict[str, Array], Any]:
    """Reads what `save` wrote, once ``check`` has seen what it is.

    Args:
        path: the file.
        check: is given arrays of the file's names, shapes and dtypes, which hold
            nothing yet and take no memory, and the meta data; it raises CheckpointError
            for those that it does not want.

    Returns:
        The arrays and the meta data.
    """
    path = check_path(path)
    try:
        with open(path, "rb", opener=open_without_waiting) as raw:
            if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
                raise OSError(_NO_FILE)
            with zipfile.ZipFile(raw) as archive:
                members = _members(archive, os.fstat(raw.fileno()).st_size)
                if _META not in members:
                    raise ValueError("it holds no meta data")
                outlines = {
                    name: _outline(archive, member) for name, member in members.items()
                }
                del outlines[_META]
                meta = json.loads(str(_array(archive, members.pop(_META))))
                if check is not None:
                    check(outlines, meta)
                arrays = {name: _array(archive, m) for name, m in members.items()}
    except FileNotFoundError as error:
        raise FileNotFoundError(
            error.errno,
            f"can't read the checkpoint {str(path)!r} ({error.strerror}): look where "
            "it was saved",
        ) from error
    except CheckpointError:
        raise
    except Exception as error:  # a damaged file fails in whichever part reads it
        size = f"{os.path.getsize(path)} bytes" if path.is_file() else "not a file"
        raise CheckpointError(
            f"{path} can't be read as a checkpoint of d2lib ({size}; {error}): it is "
            "another kind of file, or truncated; use an earlier one"
        ) from error
    return arrays, meta


def _members(archive: zipfile.ZipFile, size: int) -> dict[str, zipfile.ZipInfo]:
    """The files of an archive by name, which hold no more than it does itself."""
    members = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name == member.filename or name in members:
            raise ValueError(f"it holds {short(member.filename)}, or holds it twice")
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ValueError("it is compressed or encrypted, and a checkpoint is not")
        size -= member.file_size
        members[name] = member
    if size < 0:
        raise ValueError("it claims to hold more than it does")
    return members


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], DType]:
    """Reads the header of an ``.npy`` file: its shape and dtype."""
    version = np.lib.format.read_magic(file)
    read_header: Any = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"it has a header of version {version}")
    shape, _, dtype = read_header(file)
    return shape, dtype


def _outline(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """An array of a member's shape and dtype without content, if both fit its size."""
    with archive.open(member) as file:
        shape, dtype = _header(file)
        size = member.file_size - file.tell()
    if dtype.hasobject or not dtype.itemsize:
        raise ValueError(f"{short(member.filename)} holds no numbers, but {dtype}")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size:
        raise ValueError(
            f"{short(member.filename)} of shape {shape} does not have {size} bytes"
        )
    return np.broadcast_to(np.zeros((), dtype), shape)


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    with archive.open(member) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array


def load_into(model: Any, path: str | Path) -> None:
    """Loads a checkpoint's weights into a model of either twin.

    A checkpoint of a whole training run (`fit`) has the weights under ``model/``.
    Names, shapes, and what each part of the model was built with are compared before
    any weights are read.

    Args:
        model: a ``Module``.
        path: the file.

    Raises:
        TypeError, ValueError: no model, or a path that is none.
        FileNotFoundError: no such file.
        CheckpointError: unreadable, another model's, or weights that are not finite or
            too large for the model's precision; the model is unchanged.
    """
    if not callable(getattr(model, "load_state", None)):
        raise TypeError(
            f"model must be a Module of d2lib.scratch or d2lib.mx, got {short(model)}"
        )

    def check(outlines: dict[str, Array], meta: Any) -> None:
        with _of_another_model(path):
            _check_outlines(outlines, model)
            check_same(meta, model)

    arrays, _ = read(path, check)
    _take_weights(model, arrays, path)


def load_model_of(twin: str, path: str | Path) -> Any:
    """Builds the model that a file describes, in one of the twins; see ``load_model``.

    Raises:
        TypeError, ValueError: a path that is none.
        FileNotFoundError: no such file.
        CheckpointError: unreadable, or of a model that the library can't build.
    """
    built: list[Any] = []

    def check(outlines: dict[str, Array], meta: Any) -> None:
        weights = weights_in(outlines)
        # An agent's file remembers steps, too.
        counted = outlines if _is_agents(meta) else weights
        try:
            model = build(meta, twin, sum(array.size for array in counted.values()))
            if weights and all(a.dtype == np.float64 for a in weights.values()):
                model._widen()
            _check_outlines(outlines, model)
        except (TypeError, ValueError) as error:
            raise CheckpointError(
                f"{path} can't be made a model of {twin} again ({error}): build it as "
                "it was built, and call model.load(path)"
            ) from error
        built.append(model)

    arrays, meta = read(path, check)
    if _is_agents(meta):
        built[0].load(path)  # all that learning goes on from
    else:
        _take_weights(built[0], arrays, path)
    return built[0]


def _is_agents(meta: Any) -> bool:
    """Whether a file is that of an agent, which holds more than weights."""
    return isinstance(meta, dict) and "settings" in meta


def _check_outlines(outlines: dict[str, Array], model: Any) -> None:
    """Raises ValueError if the weights of a file are not those of such a model."""
    shapes = {name: values.shape for name, values in model.state().items()}
    check_state(weights_in(outlines), shapes, type(model).__name__)


def _take_weights(model: Any, arrays: dict[str, Array], path: str | Path) -> None:
    """Gives a model the weights of a file, if they are numbers that it can hold."""
    weights = weights_in(arrays)
    try:
        check_weights(weights, model.state())
    except ValueError as error:
        raise CheckpointError(f"{path} holds no usable weights: {error}") from error
    with _of_another_model(path):
        model.load_state(weights)


def weights_in(arrays: dict[str, Array]) -> dict[str, Array]:
    """The weights of a model's checkpoint, or of that of a training run."""
    training = any(name.startswith("model/") for name in arrays)
    return part(arrays, "model/") if training else arrays


@contextmanager
def _of_another_model(path: str | Path) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is a checkpoint of another model: {error}"
        ) from error


def part(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    """The arrays whose names start with a prefix, under what follows it."""
    return {
        name[len(prefix) :]: array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def generator_state(generator: np.random.Generator) -> Array:
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
