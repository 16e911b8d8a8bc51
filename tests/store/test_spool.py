"""The spool is published by rename, private, resumable, and refuses what it does not know."""

from __future__ import annotations

import json
import stat

import pytest

from nhiscan.model import Scope, ScopeKind
from nhiscan.store import StoreError
from nhiscan.store.spool import SCHEMA, Manifest, RunInfo, Spool, unit_name

INFO = RunInfo(SCHEMA, "0", "key", "2026-11-01T00:00:00+00:00", (".",))


def scope(name="s"):
    return Scope(id=name, scope_id=name, source="t", provider="repo", kind=ScopeKind.DIRECTORY, name=name)


def manifest(unit="u", **more):
    return Manifest(unit, "c", "s", ".", "succeeded", {"scope": 1}, **more)


def test_a_unit_exists_only_once_it_is_published(tmp_path):
    spool = Spool.begin(tmp_path / "run", INFO)
    with spool.writer("u") as writer:
        writer.write(scope())
        assert spool.units() == []
    assert spool.published("u") is None
    spool.publish(manifest(), writer)
    assert spool.published("u") == manifest()
    assert [p.name for p in spool.units()] == [unit_name("u")]


def test_publishing_again_replaces(tmp_path):
    spool = Spool.begin(tmp_path / "run", INFO)
    spool.add_unit(manifest(), [scope()])
    spool.add_unit(manifest(calls={"x": 1}), [scope()])
    assert spool.published("u").calls == {"x": 1}
    assert len(spool.units()) == 1


def test_everything_is_private(tmp_path):
    spool = Spool.begin(tmp_path / "run", INFO)
    spool.add_unit(manifest(), [scope()])
    spool.finish(INFO, [])
    for path in (tmp_path / "run").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700


def test_a_cut_off_run_continues(tmp_path):
    Spool.begin(tmp_path / "run", INFO).add_unit(manifest(), [scope()])
    assert Spool.begin(tmp_path / "run", INFO).published("u") == manifest()


@pytest.mark.parametrize("change", [{"targets": ("other",)}, {"key_id": "other"}])
def test_a_run_of_something_else_is_not_continued(tmp_path, change):
    Spool.begin(tmp_path / "run", INFO)
    other = RunInfo(**{"schema": SCHEMA, "tool": "0", "key_id": "key", "as_of": "x", "targets": (".",)} | change)
    with pytest.raises(StoreError, match="unfinished run"):
        Spool.begin(tmp_path / "run", other)


def test_a_finished_run_is_not_written_again(tmp_path):
    spool = Spool.begin(tmp_path / "run", INFO)
    spool.finish(RunInfo(SCHEMA, "0", "key", "x", (".",), complete=True), [])
    with pytest.raises(StoreError, match="finished run"):
        Spool.begin(tmp_path / "run", INFO)


def test_a_directory_with_other_things_is_refused(tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(StoreError, match="not empty"):
        Spool.begin(tmp_path, INFO)


def test_a_link_is_refused(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError):
        Spool.begin(tmp_path / "link", INFO)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"targets": 3}'])
def test_a_broken_run_file_is_told(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(StoreError, match="not a readable run"):
        Spool.open(tmp_path)


def test_a_newer_schema_is_refused(tmp_path):
    Spool.begin(tmp_path / "run", INFO)
    path = tmp_path / "run" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": SCHEMA + 1}))
    with pytest.raises(StoreError, match="schema 2"):
        Spool.open(tmp_path / "run")


def test_unit_names_are_safe_and_distinct():
    names = {unit_name(u) for u in ("a/b", "a:b", "../../etc", "x" * 500, "\udc80")}
    assert len(names) == 5
    assert all(len(n) < 80 and "/" not in n and not n.startswith(".") for n in names)


def test_an_unwritable_place_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        Spool.begin(tmp_path / "file" / "run", INFO)


def test_two_writers_of_one_unit_do_not_meet(tmp_path):
    spool = Spool.begin(tmp_path / "run", INFO)
    with spool.writer("u") as orphan, spool.writer("u") as writer:
        orphan.write(scope("old"))
        writer.write(scope("new"))
    spool.publish(manifest(calls={"old": 1}), orphan)
    spool.publish(manifest(calls={"new": 1}), writer)
    assert spool.published("u").calls == {"new": 1}
    assert '"new"' in (spool.units()[0] / "scope.jsonl").read_text()
