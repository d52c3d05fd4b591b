"""Checkpoints: whole or not there, never pickled, every damage told."""

import io
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import tracemalloc
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from d2lib import checkpoint
from d2lib.checkpoint import CheckpointError, load, load_into, save
from d2lib.scratch import MLP, Dense, load_model
from tests.twins.both import TWINS

ROOT = Path(__file__).resolve().parents[1]
ARRAYS = {
    "layers.0.W": np.arange(12, dtype=np.float32).reshape(3, 4),
    "steps": np.asarray(7),
    "empty": np.zeros((0, 2)),
}


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype
        np.testing.assert_array_equal(a[name], b[name])


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.npz"
    save(path, ARRAYS, {"epoch": 3})
    return path


class TestRoundTrip:
    def test_arrays_and_meta(self, good):
        arrays, meta = load(good)
        same(arrays, ARRAYS)
        assert meta == {"epoch": 3}
        assert load(str(good))[1] == meta

    @pytest.mark.parametrize("meta", [None, [], "é", {"a": [1.5, None]}, float("inf")])
    def test_any_json(self, tmp_path, meta):
        save(tmp_path / "w.npz", {}, meta)
        assert load(tmp_path / "w.npz") == ({}, meta)

    def test_the_name_is_taken_as_given(self, tmp_path):
        save(tmp_path / "weights", ARRAYS)  # np.savez would add .npz
        assert [p.name for p in tmp_path.iterdir()] == ["weights"]

    def test_overwrites_and_leaves_nothing_else(self, good):
        save(good, {"a": np.ones(1)})
        same(load(good)[0], {"a": np.ones(1)})
        assert list(good.parent.iterdir()) == [good]

    def test_takes_its_name_in_one_step_when_it_is_whole(self, good, monkeypatch):
        """Until then the earlier file is there: no moment shows half of either."""
        before, replace, seen = good.read_bytes(), os.replace, []

        def spy(source, target):
            assert good.read_bytes() == before
            same(load(source)[0], {"a": np.ones(1)})
            seen.append(Path(target))
            replace(source, target)

        monkeypatch.setattr(os, "replace", spy)
        save(good, {"a": np.ones(1)})
        assert seen == [good]

    def test_numpy_alone_can_read_it(self, good):
        with np.load(good, allow_pickle=False) as file:
            assert set(file.files) == {*ARRAYS, "__meta__"}


class TestNotSaved:
    """What can't be saved leaves the earlier file, byte by byte, and no other."""

    @pytest.mark.parametrize(
        ("arrays", "meta", "error"),
        [
            ({"a": np.array([None])}, None, TypeError),
            ({"a": np.array([{}], object)}, None, TypeError),
            ({"__meta__": np.ones(1)}, None, ValueError),
            ({}, {"a": object()}, TypeError),
        ],
    )
    def test_what_a_checkpoint_does_not_hold(self, good, arrays, meta, error):
        before = good.read_bytes()
        with pytest.raises(error):
            save(good, arrays, meta)
        assert good.read_bytes() == before
        assert list(good.parent.iterdir()) == [good]

    @pytest.mark.parametrize(
        "error", [OSError(28, "No space left"), KeyboardInterrupt()]
    )
    def test_interrupted_half_way(self, good, monkeypatch, error):
        before = good.read_bytes()

        def half(file, array, **options):
            file.write(b"half of it")
            raise error

        monkeypatch.setattr(np.lib.format, "write_array", half)
        with pytest.raises(type(error)):
            save(good, ARRAYS)
        assert good.read_bytes() == before
        assert list(good.parent.iterdir()) == [good]

    @pytest.mark.parametrize("check", [save, lambda p, _: checkpoint.check_writable(p)])
    def test_a_folder_that_cannot_be_written(self, good, check, monkeypatch):
        folder = good.parent
        before = good.read_bytes()
        for path, error in (
            (folder / "missing" / "w.npz", FileNotFoundError),
            (good / "w.npz", NotADirectoryError),
            (folder, IsADirectoryError),
        ):
            with pytest.raises(error, match="can't write the checkpoint") as caught:
                check(path, ARRAYS)
            assert str(path) in str(caught.value)
            assert "choose a file in a folder that exists" in str(caught.value)

        def refuse(*_):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
        with pytest.raises(PermissionError, match=r"\(Permission denied\)"):
            check(good, ARRAYS)
        monkeypatch.undo()
        assert good.read_bytes() == before
        assert list(folder.iterdir()) == [good]

    def test_looking_whether_it_can_be_written_changes_nothing(self, good):
        before = good.read_bytes()
        checkpoint.check_writable(good)
        checkpoint.check_writable(good.with_name("other.npz"))
        assert good.read_bytes() == before
        assert list(good.parent.iterdir()) == [good]


class TestWhereItGoes:
    def test_threads_that_save_to_one_path(self, tmp_path):
        """Each has a file of its own: what is read is whole at any moment."""
        path = tmp_path / "w.npz"
        save(path, {"a": np.zeros(20_000)}, 0)

        def write(i):
            for _ in range(20):
                save(path, {"a": np.full(20_000, i, float)}, i)

        with ThreadPoolExecutor(4) as threads:
            writers = [threads.submit(write, i) for i in range(1, 5)]
            while not all(writer.done() for writer in writers):
                arrays, meta = load(path)
                assert (arrays["a"] == meta).all()
            for writer in writers:
                writer.result()
        assert list(tmp_path.iterdir()) == [path]

    def test_a_link_is_followed(self, good):
        link = good.with_name("link.npz")
        dangling = good.with_name("dangling.npz")
        other = good.parent / "other"
        other.mkdir()
        link.symlink_to(good.name)
        dangling.symlink_to(other / "new.npz")
        for path, target in ((link, good), (dangling, other / "new.npz")):
            checkpoint.check_writable(path)
            save(path, {"a": np.ones(1)})
            assert path.is_symlink()
            same(load(target)[0], {"a": np.ones(1)})
        assert set(good.parent.iterdir()) == {good, link, dangling, other}

    @pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
    def test_the_permissions_stay(self, good):
        mask = os.umask(0o027)
        try:
            new = good.with_name("new.npz")
            save(new, ARRAYS)
            assert new.stat().st_mode & 0o777 == 0o640
            for mode in (0o600, 0o666, 0o444):
                good.chmod(mode)
                save(good, ARRAYS)
                assert good.stat().st_mode & 0o777 == mode
        finally:
            os.umask(mask)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
    def test_what_is_no_file_is_left_alone(self, tmp_path):
        pipe, link = tmp_path / "pipe", tmp_path / "link"
        os.mkfifo(pipe)
        link.symlink_to(pipe)
        for path in (pipe, link):
            for write in (save, lambda p, _: checkpoint.check_writable(p)):
                with pytest.raises(OSError, match="a device, a pipe or a socket"):
                    write(path, ARRAYS)
            with pytest.raises(CheckpointError, match="a device, a pipe or a socket"):
                load(path)  # without waiting for somebody to write
        assert pipe.is_fifo()
        assert set(tmp_path.iterdir()) == {pipe, link}


FULL = """
import resource, signal, sys
import numpy as np
from d2lib import {module}

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    {call}
except OSError as error:
    print(error)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no limit to a file's size")
@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("checkpoint", "checkpoint.save(sys.argv[1], {'a': np.ones(10_000)})"),
        (
            "checkpoint",
            "checkpoint.save(sys.argv[1], dict.fromkeys('abcd', np.ones(2000)))",
        ),
        ("scratch", "scratch.Dense(200, 200).save(sys.argv[1])"),
    ],
)
def test_a_full_disk_loses_nothing(good, module, call):
    """The error names the path, and says nothing else, as "Exception ignored"."""
    before = good.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL.format(module=module, call=call), str(good)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert f"can't write the checkpoint {str(good)!r}" in done.stdout
    assert "make room there; an earlier checkpoint is still whole" in done.stdout
    assert done.stderr == ""
    assert good.read_bytes() == before
    assert list(good.parent.iterdir()) == [good]


def leftover(good, digit="a"):
    path = good.with_name(f".{good.name}.{digit * 16}.tmp")
    path.write_bytes(b"half of it")
    return path


@pytest.mark.skipif(checkpoint.fcntl is None, reason="the system has no locks on files")
class TestStale:
    def test_what_the_dead_have_left_goes_with_the_next_saving(self, good):
        for write in (
            lambda: save(good, ARRAYS),
            lambda: checkpoint.check_writable(good),
        ):
            leftover(good)
            leftover(good, "7")
            write()
            assert list(good.parent.iterdir()) == [good]

    def test_what_another_is_writing_stays(self, good):
        path = leftover(good)
        with path.open("rb+") as file:
            checkpoint.fcntl.flock(file, checkpoint.fcntl.LOCK_EX)
            save(good, ARRAYS)
            assert path.read_bytes() == b"half of it"
        save(good, ARRAYS)
        assert not path.exists()

    def test_what_is_called_otherwise_stays(self, good):
        names = {
            *(".good.npz.tmp", ".good.npz.0123.tmp", "good.npz.aaaaaaaaaaaaaaaa.tmp"),
            *(".goodxnpz.aaaaaaaaaaaaaaaa.tmp", ".good.npz.AAAAAAAAAAAAAAAA.tmp"),
            ".other.npz.aaaaaaaaaaaaaaaa.tmp",
        }
        for name in names:
            good.with_name(name).touch()
        save(good, ARRAYS)
        assert {path.name for path in good.parent.iterdir()} == {good.name, *names}

    def test_one_that_was_swept_before_it_was_locked_is_made_anew(
        self, good, monkeypatch
    ):
        swept = []

        def locked(file, wait):
            if wait and not swept:
                (path,) = good.parent.glob(".good*.tmp")
                path.unlink()
                swept.append(path)
            return True

        monkeypatch.setattr(checkpoint, "_locked", locked)
        save(good, {"a": np.ones(1)})
        same(load(good)[0], {"a": np.ones(1)})
        assert len(swept) == 1

    def test_without_locks_it_saves_and_sweeps_nothing(self, good, monkeypatch):
        monkeypatch.setattr(checkpoint, "fcntl", None)
        path = leftover(good)
        save(good, {"a": np.ones(1)})
        checkpoint.check_writable(good)
        same(load(good)[0], {"a": np.ones(1)})
        assert set(good.parent.iterdir()) == {good, path}


class TestDamaged:
    def test_missing(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "none.npz")

    def test_truncated_at_every_byte(self, good):
        """A file cut short anywhere is told from a whole one."""
        content = good.read_bytes()
        short = good.with_name("short.npz")
        for n in range(len(content)):
            short.write_bytes(content[:n])
            with pytest.raises(CheckpointError, match=rf"\({n} bytes; .*truncated"):
                load(short)

    def test_any_byte_changed_is_told_or_harmless(self, good):
        content = good.read_bytes()
        bad = good.with_name("bad.npz")
        told = 0
        for i in range(len(content)):
            spoiled = bytearray(content)
            spoiled[i] ^= 1 << i % 8
            bad.write_bytes(spoiled)
            try:
                arrays, _ = load(bad)
            except CheckpointError:
                told += 1
            else:  # a time stamp, say, or a name: never other numbers
                for name in arrays.keys() & ARRAYS.keys():
                    np.testing.assert_array_equal(arrays[name], ARRAYS[name])
        assert told > len(content) / 2

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"not a checkpoint",
            b"PK\x03\x04 and no more",
            b"\x93NUMPY",
            b"\x93NUMPY\x01\x00",
            pickle.dumps({"a": 1}),
            bytes(1000),
        ],
    )
    def test_another_kind_of_file(self, tmp_path, content):
        (tmp_path / "w.npz").write_bytes(content)
        with pytest.raises(CheckpointError, match="another kind of file"):
            load(tmp_path / "w.npz")

    def test_files_of_numpy_that_are_no_checkpoint(self, tmp_path):
        np.save(tmp_path / "w.npy", np.ones(3))
        np.savez(tmp_path / "w.npz", a=np.ones(3))
        for name in ("w.npy", "w.npz"):
            with pytest.raises(CheckpointError):
                load(tmp_path / name)
        with pytest.raises(CheckpointError, match="not a file"):
            load(tmp_path)

    def test_a_pickle_inside_is_not_run(self, tmp_path):
        class Bomb:
            def __reduce__(self):
                return Path.touch, (tmp_path / "boom",)

        array = np.empty(1, object)
        array[0] = Bomb()
        np.savez(tmp_path / "w.npz", a=array, __meta__=np.asarray("{}"))
        with pytest.raises(CheckpointError):
            load(tmp_path / "w.npz")
        assert not (tmp_path / "boom").exists()


def npy(shape, descr="<f4", content=b"", version=(1, 0)):
    """A file of NumPy whose header says what it likes."""
    file = io.BytesIO()
    header = {"descr": descr, "fortran_order": False, "shape": shape}
    write = {
        (1, 0): np.lib.format.write_array_header_1_0,
        (2, 0): np.lib.format.write_array_header_2_0,
    }
    write[version](file, header)
    return file.getvalue() + content


def pickled():
    file = io.BytesIO()
    np.lib.format.write_array(file, np.array([{}, None]), allow_pickle=True)
    return file.getvalue()


def text(meta):
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(meta), allow_pickle=False)
    return file.getvalue()


NULL = text("null")


def archive(path, *members, meta=NULL, change=None, how=zipfile.ZIP_STORED):
    """Writes a zip of (name, content), whose list of contents may be changed."""
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", how) as file:
        warnings.simplefilter("ignore")  # zipfile warns of a name that comes twice
        for name, content in (*members, ("__meta__.npy", meta)):
            file.writestr(name, content)
        if change is not None:
            change(file.infolist()[0])


def claims(size):
    def change(member):
        member.file_size = member.compress_size = size

    return change


FOUR = npy((4,), content=bytes(16))
LIES = {
    # what the header of an array says
    "a large shape": ((("a.npy", npy((300_000_000,))),), "does not have 0 bytes"),
    "no such memory": ((("a.npy", npy((2**62, 2**62))),), "does not have"),
    "less than nothing": ((("a.npy", npy((-1, -4), content=bytes(16))),), "not have"),
    "too little": ((("a.npy", npy((3,), content=bytes(16))),), "not have 16 bytes"),
    "wide numbers": ((("a.npy", npy((1,), "<U300000000")),), "does not have"),
    "numbers of no size": ((("a.npy", npy((10**18,), "|V0")),), "holds no numbers"),
    "a pickle": ((("a.npy", pickled()),), "holds no numbers, but object"),
    "code": ((("a.npy", npy((4,), "__import__('os')")),), "can't be read"),
    "a version": ((("a.npy", b"\x93NUMPY\x03\x00" + FOUR[8:]),), "of version"),
    "no header": ((("a.npy", b"nothing"),), "can't be read"),
    # what the archive says
    "twice": ((("a.npy", FOUR), ("a.npy", FOUR)), "or holds it twice"),
    "no array": ((("a.py", b"print()"),), "it holds 'a.py'"),
    "a folder": ((("a/", b""),), "it holds 'a/'"),
}


def most(step):
    """The most bytes that are asked for during a step, and what it raises."""
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError) as caught:
            step()
        return tracemalloc.get_traced_memory()[1], str(caught.value)
    finally:
        tracemalloc.stop()


class TestLies:
    """A file is believed nothing: it is refused before its arrays are read."""

    @pytest.mark.parametrize("what", LIES)
    def test_is_refused_in_little_memory(self, tmp_path, what):
        members, message = LIES[what]
        archive(tmp_path / "w.npz", *members)
        model = Dense(3, 2, seed=0)
        before = model.state()
        for step in (load, model.load, load_model):
            peak, said = most(lambda step=step: step(tmp_path / "w.npz"))
            assert message in said
            assert "another kind of file, or truncated; use an earlier one" in said
            assert peak < 1_000_000
        same(model.state(), before)

    def test_an_honest_one_is_read(self, tmp_path):
        archive(tmp_path / "w.npz", ("a.npy", FOUR), ("b.npy", npy((0, 3))))
        arrays, meta = load(tmp_path / "w.npz")
        assert (arrays["a"].tolist(), arrays["b"].shape, meta) == (
            [0] * 4,
            (0, 3),
            None,
        )

    def test_what_is_compressed_is_not_unpacked(self, tmp_path):
        path, content = tmp_path / "w.npz", bytes(30_000_000)
        honest = npy((len(content) // 4,), content=content)
        archive(path, ("a.npy", honest), how=zipfile.ZIP_DEFLATED)
        assert path.stat().st_size < 100_000
        peak, said = most(lambda: load(path))
        assert "compressed or encrypted" in said
        assert peak < 1_000_000
        tracemalloc.start()  # and NumPy would: the measure of memory works
        with np.load(path) as file:
            assert file["a"].size
        assert tracemalloc.get_traced_memory()[1] > len(content)
        tracemalloc.stop()

    @pytest.mark.parametrize("size", [10**9, 2**40, 3000])
    def test_a_list_of_contents_that_lies(self, tmp_path, size):
        archive(tmp_path / "w.npz", ("a.npy", FOUR), change=claims(size))
        peak, said = most(lambda: load(tmp_path / "w.npz"))
        assert "claims to hold more than it does" in said
        assert peak < 1_000_000

    def test_one_that_is_encrypted(self, tmp_path):
        def encrypted(member):
            member.flag_bits |= 1

        archive(tmp_path / "w.npz", ("a.npy", FOUR), change=encrypted)
        with pytest.raises(CheckpointError, match="compressed or encrypted"):
            load(tmp_path / "w.npz")

    @pytest.mark.parametrize(
        "meta",
        [
            text("{"),
            text("[" * 100_000),
            text(["null"]),
            text(1j),
            text(b"null"),
            pickled(),
            b"null",
        ],
    )
    def test_meta_data_that_are_none(self, tmp_path, meta):
        archive(tmp_path / "w.npz", ("a.npy", FOUR), meta=meta)
        with pytest.raises(CheckpointError, match="can't be read as a checkpoint"):
            load(tmp_path / "w.npz")

    def test_a_large_model_of_another_shape_is_not_read(self, tmp_path):
        path = tmp_path / "w.npz"
        save(path, Dense(1000, 1000, seed=0).state())
        peak, said = most(lambda: load_into(Dense(10, 10), path))
        assert "W must have shape (10, 10), got (1000, 1000)" in said
        assert peak < 1_000_000


NUMBERS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
    hnp.unicode_string_dtypes(endianness="?", max_len=5),
)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
ANY_ARRAYS = st.dictionaries(
    st.text(max_size=8), hnp.arrays(NUMBERS, SHAPES), max_size=4
)
ANY_META = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3)
    ),
    max_leaves=6,
)


class TestAnything:
    @settings(max_examples=150, deadline=None)
    @given(ANY_ARRAYS, ANY_META, st.booleans(), st.data())
    def test_comes_back_or_is_not_saved(self, tmp_path_factory, arrays, meta, T, data):
        """Any names, shapes, dtypes, orders and meta data; and cut short, none."""
        folder = tmp_path_factory.mktemp("any")
        if T:
            arrays = {name: array.T for name, array in arrays.items()}
        if any("\0" in name for name in arrays) or "__meta__" in arrays:
            with pytest.raises(ValueError, match="name"):
                save(folder / "w.npz", arrays, meta)
            assert not list(folder.iterdir())
            return
        save(folder / "w.npz", arrays, meta)
        again, told = load(folder / "w.npz")
        assert told == meta
        same(again, arrays)
        content = (folder / "w.npz").read_bytes()
        end = data.draw(st.integers(0, len(content) - 1))
        (folder / "w.npz").write_bytes(content[:end])
        with pytest.raises(CheckpointError):
            load(folder / "w.npz")


class TestLoadInto:
    def test_weights_and_the_weights_of_a_training(self, tmp_path):
        a, b = Dense(3, 2, seed=0), Dense(3, 2, seed=1)
        save(tmp_path / "w.npz", a.state())
        load_into(b, tmp_path / "w.npz")
        same(a.state(), b.state())
        c = Dense(3, 2, seed=2)
        training = {f"model/{n}": v for n, v in a.state().items()}
        save(tmp_path / "t.npz", {**training, "optimizer/steps": np.asarray(1)})
        load_into(c, tmp_path / "t.npz")
        same(a.state(), c.state())

    def test_of_another_model(self, tmp_path):
        path = tmp_path / "w.npz"
        save(path, Dense(3, 2, seed=0).state())
        content = path.read_bytes()
        for model in (
            Dense(2, 3, seed=1),
            MLP([3, 2], seed=1),
            Dense(3, 2, bias=False),
        ):
            before = model.state()
            with pytest.raises(
                CheckpointError, match=r"w.npz is a checkpoint of another"
            ):
                load_into(model, path)
            same(model.state(), before)
        assert path.read_bytes() == content


CHILD = textwrap.dedent(
    """
    import sys
    import numpy as np
    from d2lib.checkpoint import save

    for i in range(1, 10_000):
        save(sys.argv[1], {"a": np.full(1_000_000, i, np.float32)}, {"i": i})
        print("saved", flush=True)
    """
)


def size_of_temporary(folder):
    try:
        return max((p.stat().st_size for p in folder.glob(".w.npz.*")), default=0)
    except FileNotFoundError:  # renamed since it was listed
        return 0


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
@pytest.mark.parametrize("lines", [1, 2, 3, 5])
def test_a_process_killed_while_saving_leaves_a_whole_checkpoint(tmp_path, lines):
    path = tmp_path / "w.npz"
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as child:
        for _ in range(lines):
            assert child.stdout.readline() == b"saved\n"
        # The next saving is under way; wait until its file has grown to some size.
        while size_of_temporary(tmp_path) < 400_000 * lines:
            if child.poll() is not None:
                pytest.fail("the child ended by itself")
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    arrays, meta = load(path)
    assert meta["i"] >= lines
    assert (arrays["a"] == meta["i"]).all()


def measured(*what):
    """What `tests/saving.py` finds, in a process of its own, for it forks."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.saving", *map(str, what)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="the system can't fork")


@forks
@pytest.mark.parametrize("twin", TWINS)
def test_kills_at_random_moments(twin):
    found = measured("kills", twin, 100)
    assert found["kills"] == 100
    assert found["midway"] > 3
    assert (found["lost"], found["corrupt"], found["stale"]) == (0, 0, 0)


@forks
def test_threads_and_processes_on_one_path():
    found = measured("crowd", "d2lib", 100)
    assert found["saves"] == 400
    assert found["reads"] > 10
    assert (found["failed"], found["bad"], found["stale"]) == (0, 0, 0)


@forks
@pytest.mark.parametrize("twin", TWINS)
def test_signals_at_random_moments(twin):
    found = measured("terms", twin, 4)
    assert found["signals"] == 4
    assert found["steps"] > 4
    faults = ("lost", "corrupt", "stale", "differ")
    assert not any(found[fault] for fault in faults)


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc/self")
@pytest.mark.parametrize(("twin", "grows"), [("scratch", False), ("keeping", True)])
def test_the_memory_of_a_training_stays_flat(twin, grows):
    """(MXNet's takes a minute: `make evidence WHAT=survival`.)"""
    assert (measured("steps", twin, 400)["grown"] > 4_000) == grows


@forks
@pytest.mark.parametrize(
    ("what", "writer", "times", "faults"),
    [
        ("terms", "deaf", 2, ["lost"]),
        ("terms", "forgetful", 16, ["differ"]),
        ("kills", "in place", 20, ["corrupt"]),
        ("kills", "by number", 40, ["stale"]),
        ("crowd", "in place", 40, ["bad"]),
        ("crowd", "by number", 100, ["failed", "bad"]),
    ],
)
def test_other_ways_of_saving_are_found_out(what, writer, times, faults):
    found = measured(what, writer, times)
    assert any(found[fault] for fault in faults)
