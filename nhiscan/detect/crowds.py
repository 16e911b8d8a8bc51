"""Bytes with a place at every turn, read in pieces: what is noted of them stays small, however they were made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.detect.stage import CrowdedError
from nhiscan.detect.windows import AHEAD, BEHIND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.detect.stage import Bytes, Matcher

SMALL = 384 << 10
"""Bytes that are always read at once: they hold no more places than memory does."""

MOST = 200_000
"""Places of larger bytes, some 20 MB, above which they are read in halves; real files of 16 MB have fewer."""


@dataclass(frozen=True, slots=True, repr=False)
class Piece:
    """Bytes at `offset` of others, behind `lines` ends of lines, and the places in them.

    What begins before `first` or at `end` and beyond is seen better in a neighbour.
    """

    data: Bytes
    places: list[tuple[int, int]]
    offset: int
    lines: int
    first: int
    end: int


def limit(data: Bytes) -> int | None:
    """How many places to hold at most; None where bytes are too few to hold too many."""
    return None if len(data) <= SMALL else MOST


def pieces(matcher: Matcher, data: Bytes) -> Iterator[Piece]:
    """The bytes with their places, as one piece unless these are too many; each is valid as long as the bytes are."""
    size = len(data)
    try:
        places = matcher.places(data, limit(data))
    except CrowdedError:
        yield from _halves(matcher, data, size // 2)
    else:
        yield Piece(data, places, 0, 0, 0, size)


def _halves(matcher: Matcher, data: Bytes, middle: int) -> Iterator[Piece]:
    size = len(data)
    for begin, stop, first, end in ((0, middle + AHEAD, 0, middle), (middle - BEHIND, size, middle, size)):
        lines = bytes(data[:begin]).count(b"\n")
        for piece in pieces(matcher, data[begin:stop]):
            yield replace(
                piece,
                offset=begin + piece.offset,
                lines=lines + piece.lines,
                first=max(piece.first, first - begin - piece.offset),
                end=min(piece.end, end - begin - piece.offset),
            )
