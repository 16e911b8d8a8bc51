"""What is kept between runs: whole or not at all, and only where the user lets it."""

from __future__ import annotations

from datetime import date

import pytest

from nhiscan import cache, yamldata


@pytest.fixture(autouse=True)
def _nowhere():
    before = cache.directory()
    yield
    cache.use(before)


def test_nothing_is_kept_unless_a_place_is_named(tmp_path, monkeypatch):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    cache.use(None)
    cache.store("a-", "a-1", b"body")
    assert cache.load("a-1") is None
    assert list(folder.iterdir()) == []


def test_what_was_stored_comes_back_and_replaces_older_ones_of_its_family(tmp_path):
    cache.use(tmp_path / "deep" / "down")
    cache.store("a-", "a-1", b"one")
    cache.store("b-", "b-1", b"other")
    cache.store("a-", "a-2", b"two")
    assert (cache.load("a-1"), cache.load("a-2"), cache.load("b-1")) == (None, b"two", b"other")


@pytest.mark.parametrize("damage", [b"", b"short", b"\0" * 80])
def test_a_damaged_file_counts_as_absent(tmp_path, damage):
    cache.use(tmp_path)
    cache.store("a-", "a-1", b"one")
    (tmp_path / "a-1").write_bytes(damage)
    assert cache.load("a-1") is None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache.use(tmp_path / "file")
    cache.store("a-", "a-1", b"one")
    assert cache.load("a-1") is None


def test_a_stamp_changes_with_every_file_and_part(tmp_path):
    file = tmp_path / "x.yaml"
    file.write_text("a")
    first = cache.stamp("1", files=[file])
    assert first == cache.stamp("1", files=[file])
    assert first != cache.stamp("2", files=[file])
    file.write_text("ab")
    assert first != cache.stamp("1", files=[file])


def test_the_files_of_a_directory_are_listed_by_suffix_and_none_where_there_is_none(tmp_path):
    for name in ("b.yaml", "a.yaml", "c.txt"):
        (tmp_path / name).touch()
    assert [path.rpartition("/")[2] for path in cache.listed(tmp_path, ".yaml")] == ["a.yaml", "b.yaml"]
    assert cache.listed(tmp_path / "gone", ".yaml") == []


def test_a_shipped_data_file_is_kept_as_json(tmp_path, monkeypatch):
    cache.use(tmp_path)
    first = yamldata.shipped("nhiscan.config", "profiles.yaml")
    (kept,) = tmp_path.iterdir()
    monkeypatch.setattr(yamldata, "parse", lambda _: pytest.fail("read again"))
    assert yamldata.shipped("nhiscan.config", "profiles.yaml") == first
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize("data", [{1: "a number as a key"}, {"since": date(2026, 11, 1)}, {"a": (1, 2)}])
def test_what_json_would_change_is_not_kept(tmp_path, monkeypatch, data):
    cache.use(tmp_path)
    monkeypatch.setattr(yamldata, "parse", lambda _: data)
    assert yamldata.shipped("nhiscan.config", "profiles.yaml") is data
    assert list(tmp_path.iterdir()) == []
