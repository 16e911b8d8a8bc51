"""What is kept of formats: read in parts, the same as what was compiled."""

from __future__ import annotations

from importlib import metadata

import pytest

from nhiscan.detect import bundle, formats, packed
from nhiscan.detect.late import Late
from nhiscan.detect.literals import Literals
from nhiscan.detect.scan import shipped
from nhiscan.detect.stage import Expression
from nhiscan.detect.vectorscan import Vectorscan


def test_each_thing_is_made_once_and_when_it_is_asked_for():
    made = []
    row = Late(4, lambda number: made.append(number) or f"thing {number}")
    assert (len(row), made) == (4, [])
    assert (row[1], row[-1], row[1]) == ("thing 1", "thing 3", "thing 1")
    assert made == [1, 3]
    assert row[1:3] == ("thing 1", "thing 2")
    assert list(row) == [f"thing {number}" for number in range(4)]
    with pytest.raises(IndexError):
        row[4]


def test_the_formats_that_are_kept_are_those_that_are_written():
    parts = shipped().parts
    known = {f.id: f for f in parts.formats}
    for provider in ("aws", "github", "slack"):
        written = formats.built(formats._read_file(formats.shipped_directory() / f"{provider}.yaml"))
        assert written
        assert [known[f.id] for f in written] == list(written)


def test_what_is_told_of_all_formats_is_what_they_say():
    parts = shipped().parts
    assert [f.id for f in parts.pairs] == [f.id for f in parts.formats if f.pair]
    assert {number for number, f in enumerate(parts.formats) if f.anchors} == parts.by_word
    assert set(parts.words) == {anchor.decode() for f in parts.formats for anchor in f.anchors}
    assert len(parts.layers.expressions) == parts.encoded
    assert len(list(parts.expressions)) == len(parts.expressions) > parts.encoded + len(parts.owners)


def test_formats_and_names_survive_being_kept():
    written = {"id": "a-key", "kind": "api_key", "source": "https://a.example", "pattern": "(?P<value>[0-9a-f]{16})"}
    items = [("a", {**written, "keywords": ["a_key"]}), ("b", {**written, "id": "b-key", "keywords": ["b_key"]})]
    owned = {Expression(b"x[0-9]", 1): (0, 1)}
    named = {Expression(b"a_key", 5, caseless=True): (0,), Expression(b"b", 1): (1, ~0)}
    parts = packed.Packed.split(packed.packed(items, owned, named, (b"one", b""), 7).joined())
    assert tuple(packed.formats(parts)) == formats.built(items)
    assert tuple(packed.named(parts)) == ((5, (0,)), (1, (1, ~0)))
    assert tuple(packed.expressions(parts.expressions)) == tuple(owned)
    assert tuple(packed.expressions(parts.names)) == tuple(named)
    assert (parts.matcher, parts.name_matcher) == (b"one", b"")


def test_a_kept_automaton_asks_for_no_expression():
    items = (Expression(b"ab[0-9]{2}", 2), Expression(b"cd", 2))
    kept = Vectorscan.of(items).keep()

    def never(_number):
        pytest.fail("an expression was asked for")

    again = Vectorscan.of(Late(2, never), kept)
    assert sorted(again.places(b"ab12 cd")) == [(0, 2), (1, 5)]


@pytest.mark.parametrize("damaged", [b"\0", b"\0" * 50])
def test_a_damaged_automaton_is_made_anew(damaged):
    items = (Expression(b"ab[0-9]{2}", 2), Expression(b"cd", 2))
    assert sorted(Vectorscan.of(items, damaged).places(b"ab12 cd")) == [(0, 2), (1, 5)]


def test_the_version_of_the_library_is_part_of_the_name(monkeypatch):
    assert bundle._library() == f"Vectorscan {metadata.version('hyperscan')}"
    monkeypatch.delattr("hyperscan.__version__")
    assert bundle._library() == f"Vectorscan {metadata.version('hyperscan')}"
    monkeypatch.setattr(bundle, "matcher_kind", lambda: Literals)
    assert bundle._library() == f"Literals {metadata.version('ahocorasick-rs')}"
    assert bundle._installed("no-such-package-of-anybody") == ""
