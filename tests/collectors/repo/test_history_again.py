"""A second scan reads what is new and says the same; workers that die and objects that are large hide nothing."""

from __future__ import annotations

import os

import pytest

from nhiscan.collectors.repo import _hits, _objects, _seen, _survey, _told, _workers
from nhiscan.collectors.repo._git import Git
from nhiscan.sensitive import FingerprintKey
from tests.collectors.repo.past import run, token

pytestmark = pytest.mark.usefixtures("way")


def line(seed):
    return f"token = {token(seed)}\n"


@pytest.fixture
def read(monkeypatch):
    """The ids that the first stage looked at, over all runs."""
    asked = []
    look = _hits.First.__call__

    def noting(self):
        inner = look(self)
        return lambda ids: (asked.extend(ids), inner(ids))[1]

    monkeypatch.setattr(_hits.First, "__call__", noting)
    return asked


def shown(seen):
    return sorted((e.id, e.locator, e.commit, e.at_head, str(e.visibility)) for e in seen.exposures)


@pytest.fixture
def lived(repo):
    """A repository with some past: several versions, a message, a stash, an unreachable commit."""
    for number in range(6):
        repo.commit(f"{number}", a_env=line("one") + f"n = {number}\n", **{f"f{number}_txt": f"{number}\n"})
    repo.commit(f"see\n\n{token('message')}", a_env="")  # not in the subject, which a stash repeats
    repo.write("a.env", line("stash"))
    repo.git("stash", "-q")
    lost = repo.commit(lost_env=line("lost"))
    repo.git("reset", "-q", "--hard", "HEAD~1")
    repo.git("reflog", "expire", "--expire=now", "--all")
    (repo.root / ".git" / "ORIG_HEAD").unlink()
    repo.lost = lost
    return repo


@pytest.mark.parametrize("packed", [False, True])
def test_a_second_scan_reads_nothing_again_that_held_nothing(lived, tmp_path, read, packed):
    if packed:
        lived.pack()
    first = run(lived.root, cache_dir=tmp_path / "c")
    before = len(read)
    second = run(lived.root, cache_dir=tmp_path / "c")
    assert shown(first) == shown(second)
    assert len(first.exposures) == 4
    assert len(read) - before == (0 if packed else 9)  # those that held something, where no pack remembers them
    assert shown(run(lived.root)) == shown(first)


def test_a_new_commit_is_all_that_is_read_next_time(lived, tmp_path, read):
    lived.pack()
    run(lived.root, cache_dir=tmp_path / "c")
    read.clear()
    new = lived.commit(b_env=line("new"))
    lived.git("mv", "b.env", "c.env")
    lived.commit(c_env="")
    seen = run(lived.root, cache_dir=tmp_path / "c")
    assert seen.one("new").commit == new
    assert len(read) == 3  # two commits and one blob; the empty one was known
    assert shown(seen) == shown(run(lived.root))
    lived.git("gc", "-q", "--prune=never")
    assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(seen)


def test_what_becomes_reachable_again_and_what_is_removed_is_told_anew(lived, tmp_path):
    first = run(lived.root, cache_dir=tmp_path / "c")
    assert first.one("lost").locator.startswith("unreachable")
    lived.git("branch", "saved", lived.lost)
    assert not run(lived.root, cache_dir=tmp_path / "c").one("lost").locator.startswith("unreachable")
    lived.commit(a_env=line("one") + "n = 0\n")
    lived.write("a.env", "")
    assert run(lived.root, cache_dir=tmp_path / "c").one("one").at_head is True
    lived.commit(a_env="")
    again = run(lived.root, cache_dir=tmp_path / "c")
    assert again.one("one").at_head is False
    assert shown(again) == shown(run(lived.root))


def test_a_deepened_clone_is_followed_to_its_new_end(lived, tmp_path):
    clone = tmp_path / "clone"
    lived.git("clone", "-q", "--depth=1", f"file://{lived.root}", str(clone))
    run(clone, cache_dir=tmp_path / "c")
    lived.git("-C", str(clone), "fetch", "-q", "--unshallow")
    seen = run(clone, cache_dir=tmp_path / "c")
    assert shown(seen) == shown(run(clone))
    assert seen.one("one").commit is not None


@pytest.fixture
def looked(monkeypatch):
    """The ids that the second stage looked into."""
    asked = []
    look = _hits.Second.__call__

    def noting(self):
        inner = look(self)
        return lambda wanted: (asked.extend(oid for oid, _ in wanted), inner(wanted))[1]

    monkeypatch.setattr(_hits.Second, "__call__", noting)
    return asked


def test_versions_between_the_first_and_the_last_are_not_looked_into_again(lived, tmp_path, looked, monkeypatch):
    monkeypatch.setattr(_told, "_MOST", 0)
    first = run(lived.root, cache_dir=tmp_path / "c")
    assert len(looked) == 9
    looked.clear()
    assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(first)
    assert len(looked) == 5  # of six versions two are left
    run(lived.root / "a.env", cache_dir=tmp_path / "c")
    assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(first)


@pytest.mark.parametrize("end", [0, 2, 5])
def test_a_version_that_others_spoke_for_speaks_when_they_are_gone(lived, tmp_path, end):
    lived.git("tag", "-f", "kept")
    run(lived.root, cache_dir=tmp_path / "c")
    oid = lived.git("rev-parse", f"HEAD~{6 - end}:a.env")
    (lived.root / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(run(lived.root))


@pytest.mark.parametrize("number", [0, 2, 5])
def test_a_version_that_comes_back_elsewhere_or_to_the_tree_is_told(lived, tmp_path, number):
    run(lived.root, cache_dir=tmp_path / "c")
    for step in ("b.env", "a.env"):
        lived.commit(**{step.replace(".", "_"): line("one") + f"n = {number}\n"})
        lived.write(step, "")
        assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(run(lived.root))
        lived.commit()
        assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(run(lived.root))
    side = lived.git(
        "commit-tree", "-p", "HEAD~9", "-m", "old", "HEAD~8^{tree}", GIT_COMMITTER_DATE="2025-01-01T00:00:00Z"
    )
    lived.git("branch", "old", side)
    assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(run(lived.root))


def test_other_rules_and_other_keys_read_everything_again(lived, tmp_path, read, monkeypatch):
    first = run(lived.root, cache_dir=tmp_path / "c")
    whole = len(read)
    monkeypatch.setattr("nhiscan.collectors.repo._history._version", lambda _: "other")
    assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(first)
    assert len(read) == 2 * whole
    other = FingerprintKey(b"z" * 32)
    assert shown(run(lived.root, cache_dir=tmp_path / "c", key=other)) == shown(first)


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "noise", "directory"])
def test_a_broken_cache_is_as_none(lived, tmp_path, how):
    first = run(lived.root, cache_dir=tmp_path / "c")
    for path in (tmp_path / "c" / "history").iterdir():
        data = path.read_bytes()
        if how == "directory":
            path.unlink()
            path.mkdir()
            continue
        broken = {"cut": data[:-7], "flipped": data[:-7] + b"x" + data[-6:], "empty": b"", "noise": os.urandom(99)}
        path.write_bytes(broken[how])
    for _ in range(2):
        assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(first)


def test_a_cache_that_cannot_be_written_is_no_error(lived, tmp_path):
    (tmp_path / "c").write_text("a file")
    assert len(run(lived.root, cache_dir=tmp_path / "c" / "d").exposures) == 4


def test_the_cache_is_private_and_old_files_go(lived, tmp_path):
    place = tmp_path / "c" / "history"
    place.mkdir(parents=True)
    for name in ("gone.seen", "gone.from", "gone.told", "gone.first"):
        (place / name).write_bytes(b"x")
        os.utime(place / name, (1, 1))
    run(lived.root, cache_dir=tmp_path / "c")
    files = list(place.iterdir())
    assert {p.suffix for p in files} == {".seen", ".from", ".told"}
    assert {p.stat().st_mode & 0o077 for p in files} == {0}


def test_many_ids_are_told_apart_as_few_are(lived, tmp_path, monkeypatch, read, way):
    monkeypatch.setattr(_seen, "_FEW", 0)
    first = run(lived.root, cache_dir=tmp_path / "c")
    lived.pack()
    read.clear()
    assert shown(run(lived.root, cache_dir=tmp_path / "c")) == shown(first)
    assert len(read) == (9 if way == "git" else 0)


def test_a_full_cache_of_ids_keeps_the_newer_ones(monkeypatch):
    monkeypatch.setattr(_seen, "_MOST_IDS", 3)
    ids = [bytes([n]) * 20 for n in range(5)]
    assert _seen._merged(b"".join(ids[:2]), ids[2], 20) == b"".join(ids[:3])
    assert _seen._merged(b"".join(ids[:3]), ids[4] + ids[3], 20) == b"".join(ids[3:])
    monkeypatch.setattr(_seen, "_MOST_IDS", 4)
    assert _seen._merged(b"".join(ids[:3]), ids[1], 20) == b"".join(ids[:3])


def test_a_worker_killed_midway_leaves_a_gap_and_the_rest(lived, monkeypatch):
    monkeypatch.setattr(_objects, "_CHUNK_OBJECTS", 5)
    dead = []

    def one_dies(start, tasks, jobs):
        for items, result in _workers.spread(start, tasks, 1):
            lose = not dead
            dead.extend(items if lose else ())
            yield items, None if lose else result

    whole = run(lived.root)
    monkeypatch.setattr(_survey, "spread", one_dies)
    seen = run(lived.root)
    assert f"{len(dead)} objects could not be read" in seen.gaps["unread"].detail
    assert 0 < len(seen.exposures) <= len(whole.exposures)


def test_several_processes_find_what_one_finds(lived, monkeypatch, tmp_path):
    monkeypatch.setattr(_objects, "_CHUNK_OBJECTS", 8)
    one, two = run(lived.root), run(lived.root, jobs=2, cache_dir=tmp_path / "c")
    assert shown(one) == shown(two)


@pytest.mark.parametrize("at", [0, 17, 900, 1_023, 1_024, 1_500, 2_047, 2_990])
def test_a_large_object_is_read_by_windows_and_each_value_once(repo, monkeypatch, at):
    monkeypatch.setattr(_objects, "WHOLE", 1_500)
    monkeypatch.setattr(_objects, "WINDOW", 1_024)
    monkeypatch.setattr(_objects, "OVERLAP", 256)
    filler = "".join(f"# {n:05d}\n" for n in range(375))
    place = filler.index("\n", at) + 1
    repo.commit(a_env=filler[:place] + line("deep") + filler[place:])
    repo.commit(a_env="")
    found = run(repo.root).one("deep")
    assert found.line == filler.count("\n", 0, place) + 1


def test_windows_give_back_every_byte(repo, monkeypatch):
    monkeypatch.setattr(_objects, "WHOLE", 100)
    monkeypatch.setattr(_objects, "WINDOW", 64)
    monkeypatch.setattr(_objects, "OVERLAP", 16)
    data = os.urandom(1_000)
    oid = repo.git("hash-object", "-w", "--stdin", data=data)
    pieces = list(_objects.read(Git(repo.root), [oid]))
    assert b"".join(p.data[p.low : min(p.high, len(p.data))] for p in pieces) == data
    assert [p.last for p in pieces] == [False] * (len(pieces) - 1) + [True]
    assert all(data[p.offset :].startswith(p.data) and p.line == data.count(b"\n", 0, p.offset) for p in pieces)


def test_a_large_archive_is_told_as_too_large(repo, monkeypatch):
    import gzip

    repo.commit(a_gz=gzip.compress(os.urandom(3_000)))
    repo.write("a.gz", "")
    monkeypatch.setattr(_objects, "WHOLE", 100)
    monkeypatch.setattr(_objects, "WINDOW", 2_000)
    assert "a.gz" in run(repo.root).gaps["unread-too-large"].detail


def test_a_large_file_in_another_encoding_is_read(repo, monkeypatch):
    repo.commit(a_txt=("x = 1\n" * 500 + line("wide") + "y = 2\n" * 500).encode("utf-16"))
    repo.commit(a_txt="")
    monkeypatch.setattr(_objects, "WHOLE", 100)
    monkeypatch.setattr(_objects, "WINDOW", 2_000)
    monkeypatch.setattr(_objects, "OVERLAP", 400)
    assert run(repo.root).one("wide").line == 501
