import os
import stat
from pathlib import Path

import pytest

from nhiscan.triage.files import OutputError, atomic_writer, write_atomic


def write_and(target, act):
    with atomic_writer(target) as out:
        out.write("half")
        act()


def fail(error):
    def act():
        raise error

    return act


def test_file_and_its_directories_are_made_and_replaced(tmp_path):
    target = tmp_path / "out" / "a.json"
    write_atomic(target, "one\n")
    write_atomic(target, b"two\n")
    assert target.read_bytes() == b"two\n"
    assert [p.name for p in target.parent.iterdir()] == ["a.json"]


def test_failed_block_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "out" / "a.json"
    write_atomic(target, "old")
    with pytest.raises(RuntimeError):
        write_and(target, fail(RuntimeError()))
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_symbolic_link_is_refused_and_its_target_untouched(tmp_path):
    real = tmp_path / "real"
    real.write_text("mine")
    link = tmp_path / "a.json"
    link.symlink_to(real)
    with pytest.raises(OutputError) as e:
        write_atomic(link, "x")
    assert "symbolic link" in str(e.value)
    assert e.value.remedy
    assert real.read_text() == "mine"


def test_linked_directory_of_a_relative_path_is_refused(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError):
        write_atomic(Path("out/a.json"), "x")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_link_that_appears_while_writing_is_refused(tmp_path):
    target = tmp_path / "a.json"
    with pytest.raises(OutputError):
        write_and(target, lambda: target.symlink_to(tmp_path / "b"))
    assert not (tmp_path / "b").exists()


def test_what_is_no_regular_file_is_refused(tmp_path):
    (tmp_path / "d").mkdir()
    with pytest.raises(OutputError, match="not a regular file"):
        write_atomic(tmp_path / "d", "x")
    fifo = tmp_path / "f"
    os.mkfifo(fifo)
    with pytest.raises(OutputError, match="not a regular file"):
        write_atomic(fifo, "x")


def test_place_that_cannot_be_written_names_the_remedy(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write") as e:
        write_atomic(tmp_path / "file" / "a.json", "x")
    assert "directory" in e.value.remedy


def test_error_while_writing_is_named(tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        write_and(tmp_path / "out" / "a", fail(OSError(28, "No space left on device")))
    assert not list((tmp_path / "out").iterdir())


def test_mode_follows_the_umask(tmp_path):
    write_atomic(tmp_path / "a", "\ud800")
    mask = os.umask(0o022)
    os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~mask
