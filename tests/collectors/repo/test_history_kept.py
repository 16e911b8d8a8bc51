"""What is kept between scans says the same as looking again, and is dropped where it no longer holds."""

from __future__ import annotations

import subprocess

import pytest

from nhiscan.collectors.repo import _told
from nhiscan.collectors.repo._first_commit import first_commit
from nhiscan.collectors.repo._git import Git
from nhiscan.collectors.repo._hits import Second
from nhiscan.sensitive import FingerprintKey
from tests.collectors.repo.past import Repo, context, run, token


def line(seed):
    return f"token = {token(seed)}\n"


@pytest.fixture
def lived(tmp_path):
    repo = Repo(tmp_path / "r")
    for number in range(4):
        repo.commit(f"{number}", a_env=line("one") + f"n = {number}\n", b_env=line("two"))
    repo.commit(f"see\n\n{token('message')}", a_env="", broken_zip=b"PK\3\4" + b"x" * 80)
    repo.pack()
    return repo


@pytest.fixture
def looked(monkeypatch):
    """The ids that were looked into, over all runs."""
    asked = []
    start = Second.__call__

    def noting(self):
        look = start(self)
        return lambda wanted: (asked.extend(oid for oid, _ in wanted), look(wanted))[1]

    monkeypatch.setattr(Second, "__call__", noting)
    return asked


def said(seen):
    return sorted(map(repr, seen.records))


def test_what_was_told_is_not_looked_into_again(lived, looked, tmp_path):
    first = run(lived.root, cache_dir=tmp_path / "c")
    assert looked
    assert any("unread" in gap for gap in first.gaps)
    looked.clear()
    assert said(run(lived.root, cache_dir=tmp_path / "c")) == said(first)
    assert looked == []
    assert said(run(lived.root)) == said(first)


def test_what_moves_is_looked_into_at_its_new_place(lived, looked, tmp_path):
    run(lived.root, cache_dir=tmp_path / "c")
    looked.clear()
    lived.git("mv", "b.env", "c.env")
    new = lived.commit("move")
    seen = run(lived.root, cache_dir=tmp_path / "c")
    assert {e.uri for e in seen.of("two")} == {"b.env"}  # the work tree shows the other
    assert len(looked) == 1
    assert new
    assert said(seen) == said(run(lived.root))


@pytest.mark.parametrize("change", ["key", "rules", "scope", "file", "code"])
def test_it_is_dropped_where_it_no_longer_holds(lived, looked, tmp_path, monkeypatch, change):
    run(lived.root, cache_dir=tmp_path / "c")
    before = list(looked)
    looked.clear()
    more = {}
    if change == "key":
        more["key"] = FingerprintKey(b"z" * 32)
    elif change == "rules":
        monkeypatch.setattr("nhiscan.collectors.repo._history._version", lambda _: "other")
    elif change == "scope":
        lived.remote()
    elif change == "code":
        monkeypatch.setattr("nhiscan.cache.stamp", lambda *_, files: f"other {len(files)}")
    else:
        (kept,) = (tmp_path / "c" / "history").glob("*.told")
        kept.write_bytes(kept.read_bytes()[:-1] + b"?")
    seen = run(lived.root, cache_dir=tmp_path / "c", **more)
    assert 0 < len(looked) <= len(before)
    assert said(seen) == said(run(lived.root, **more))


def test_too_much_is_not_kept(lived, looked, tmp_path, monkeypatch):
    monkeypatch.setattr(_told, "_MOST", 1)
    first = run(lived.root, cache_dir=tmp_path / "c")
    assert not list((tmp_path / "c" / "history").glob("*.told"))
    assert said(run(lived.root, cache_dir=tmp_path / "c")) == said(first)


def test_no_value_and_no_id_of_what_holds_one_is_readable_in_what_is_kept(lived, tmp_path):
    run(lived.root, cache_dir=tmp_path / "c")
    blob = lived.git("rev-parse", "HEAD:b.env")
    for place in (tmp_path / "c").rglob("*"):
        raw = place.read_bytes() if place.is_file() else b""
        assert token("two").encode() not in raw
        assert blob.encode() not in raw
        assert bytes.fromhex(blob) not in raw


@pytest.fixture
def walks(monkeypatch):
    """How often git went through a history for its beginning."""
    asked = []
    roots = Git.roots
    monkeypatch.setattr(Git, "roots", lambda self, *which: (asked.append(which), roots(self, *which))[1])
    return asked


def test_the_first_commit_is_looked_for_once(lived, walks, tmp_path):
    ctx, git = context(cache_dir=tmp_path / "c"), Git(lived.root)
    root = lived.git("rev-list", "--max-parents=0", "HEAD")[:12]
    assert [first_commit(git, git.head(), ctx) for _ in range(3)] == [root] * 3
    assert walks == [(git.head(),)]
    old = git.head()
    lived.commit("more")
    assert [first_commit(git, git.head(), ctx) for _ in range(3)] == [root] * 3
    assert walks[1:] == [(git.head(), old)]


def test_another_beginning_is_noticed(lived, walks, tmp_path):
    ctx, git = context(cache_dir=tmp_path / "c"), Git(lived.root)
    first_commit(git, git.head(), ctx)
    lived.git("checkout", "-q", "--orphan", "other")
    fresh = lived.commit("anew", z_env="z")
    assert first_commit(git, git.head(), ctx) == fresh[:12]
    lived.git("merge", "-q", "--allow-unrelated-histories", "-s", "ours", "-m", "both", "main")
    known = first_commit(git, git.head(), ctx)
    assert (
        known
        == git.roots("HEAD")[0][:12]
        == min(lived.git("rev-list", "--max-parents=0", "--timestamp", "HEAD").split("\n")).split()[1][:12]
    )
    assert first_commit(git, git.head(), ctx) == known
    assert first_commit(git, git.head(), context()) == known


def test_what_a_shallow_clone_begins_with_is_not_kept_for_the_whole(lived, walks, tmp_path):
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{lived.root}", clone], check=True)
    ctx, git = context(cache_dir=tmp_path / "c"), Git(clone)
    cut = first_commit(git, git.head(), ctx)
    assert cut == git.head()[:12]
    subprocess.run(["git", "-C", clone, "fetch", "-q", "--unshallow"], check=True)
    assert first_commit(git, git.head(), ctx) == lived.git("rev-list", "--max-parents=0", "HEAD")[:12]
