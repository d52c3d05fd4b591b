"""Checkpoints: whole or not there, never pickled, every damage told."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from d2lib import checkpoint
from d2lib.checkpoint import CheckpointError, load, load_into, save
from d2lib.scratch import MLP, Dense

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
    root = Path(__file__).resolve().parents[1]
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path)],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
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
