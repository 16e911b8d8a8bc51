"""What is kept between runs: whole or not at all, and only where the user lets it."""

from __future__ import annotations

import pytest

from nhiscan import cache


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
