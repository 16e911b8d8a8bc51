"""Bytes with places everywhere are read in pieces, and what is found does not tell."""

from __future__ import annotations

import pytest

from nhiscan.detect import crowds
from nhiscan.detect.crowds import pieces
from nhiscan.detect.examples import assemble
from nhiscan.detect.literals import Literals
from nhiscan.detect.scan import shipped
from nhiscan.detect.stage import CrowdedError, Expression
from nhiscan.detect.vectorscan import Vectorscan

A = Expression(b"ab", 2)


@pytest.fixture
def small(monkeypatch):
    """Pieces of at most 64 bytes, which see 8 bytes ahead and 4 behind."""
    monkeypatch.setattr(crowds, "SMALL", 64)
    monkeypatch.setattr(crowds, "MOST", 10)
    monkeypatch.setattr(crowds, "AHEAD", 8)
    monkeypatch.setattr(crowds, "BEHIND", 4)


@pytest.mark.parametrize("kind", [Vectorscan, Literals])
def test_a_matcher_notes_no_more_places_than_it_may(kind):
    matcher = kind.of([A])
    assert len(matcher.places(b"ab" * 10, 10)) == 10
    with pytest.raises(CrowdedError):
        matcher.places(b"ab" * 11, 10)
    assert len(matcher.places(b"ab" * 1_000)) == 1_000
    assert len(matcher.places(b"ab" * 10, 10)) == 10


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("text", [b"ab\n" * 200, b"ab" * 300 + b"\n" * 300, b"x" * 500 + b"ab" * 30, b"ab" * 32])
def test_each_place_belongs_to_one_piece_with_its_line(text, kind):
    data = kind(bytearray(text) if kind is memoryview else text)
    found = []
    for piece in pieces(Vectorscan.of([A]), data):
        assert len(piece.places) <= 64
        for _, place in piece.places:
            if piece.first <= place < piece.end:
                line = piece.lines + bytes(piece.data[:place]).count(b"\n")
                found.append((piece.offset + place, line))
    every = [n for n in range(len(text)) if text.startswith(b"ab", n)]
    assert found == [(n, text.count(b"\n", 0, n)) for n in every]


@pytest.mark.usefixtures("small")
def test_what_is_not_crowded_is_one_piece():
    (piece,) = pieces(Vectorscan.of([A]), b"x" * 10_000 + b"ab")
    assert (piece.places, piece.offset, piece.first, piece.end) == ([(0, 10_000)], 0, 0, 10_002)


def test_a_crowded_text_gives_what_the_whole_gives(monkeypatch):
    tokens = [assemble("ghp_{crc}", f"crowd {n}") for n in range(60)]
    noise = "%41%42%43" * 40 + "\n"
    text = "".join(f'{noise}token = "{token}"\n' for token in tokens).encode()
    scanner = shipped()
    whole = scanner.scan(text, "a.conf")
    assert {c.value.reveal() for c in whole} >= set(tokens)
    monkeypatch.setattr(crowds, "SMALL", 8_000)
    monkeypatch.setattr(crowds, "MOST", 200)
    monkeypatch.setattr(crowds, "AHEAD", 1_000)
    monkeypatch.setattr(crowds, "BEHIND", 500)
    assert len(list(scanner.pieces(text))) > 3
    again = scanner.scan(text, "a.conf")
    assert [(c.value.reveal(), c.start, c.end, c.line) for c in again] == [
        (c.value.reveal(), c.start, c.end, c.line) for c in whole
    ]


def test_a_crowd_of_places_is_refused_where_nobody_takes_pieces():
    with pytest.raises(CrowdedError):
        shipped().places(b"%41" * 700_000)
