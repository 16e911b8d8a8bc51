"""What tells one thing in an object from another, so that of many versions with the same thing few are looked into.

A mark is a digest of all the bytes on which it depends what is said of a thing.  It lives as long as the scan does and
is written nowhere.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._pack_places import EVERYTHING, LINE, NEAR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collectors.repo._pack_places import Place, Reach

_AROUND = 512
"""Bytes on either side that may decide what is told of a thing beside what says that it is there: a secret without a
name is looked for in 400 bytes around a key id."""

_APART = 20
"""Lines between two things from which on each is told without the other; the parts of a pair are sought in 10."""

_MOST = 100  # things of one object that are told apart


def marks_of(data: bytes, hits: Sequence[Place], reach: Reach) -> tuple[bytes, ...]:
    """A mark for each group of things that lie near each other; none where one depends on the whole object.

    Two objects that have a mark in common hold the same there, if they lie at the same path.
    """
    marks: list[bytes] = []
    group: list[int] = []  # where the bytes begin and end, then the positions
    for place in sorted(hits, key=lambda hit: hit[1]):
        around = _around(data, place, reach)
        if around is None or len(marks) > _MOST:
            return ()
        low, high = around
        if group and data.count(b"\n", group[-1], place[1]) > _APART:
            marks.append(_mark(data, group))
            group = []
        group[:2] = (min(low, group[0]), max(high, group[1])) if group else around
        group.append(place[1])
    if group:
        marks.append(_mark(data, group))
    return tuple(marks) if len(marks) <= _MOST else ()


def _around(data: bytes, place: Place, reach: Reach) -> tuple[int, int] | None:
    """The bytes on which it depends what lies at a place."""
    number, position = place
    far = reach.of[number]
    if number >= reach.joint:
        return None
    before = after = max(far, _AROUND)
    if reach.stop[number] == LINE:
        end = data.find(b"\n", position, position + far)
        before, after = _AROUND, (end - position if end >= 0 else far) + _AROUND
    if far >= EVERYTHING and after > far:
        return None
    if number >= reach.named and reach.names(data[max(0, position - NEAR) : position]):
        before, after = max(before, reach.wide), max(after, reach.wide)
    return max(0, position - before), min(len(data), position + after)


def _mark(data: bytes, group: Sequence[int]) -> bytes:
    low, high, *positions = group
    at = b" ".join(b"%d" % (position - low) for position in positions)
    return hashlib.blake2b(b"%s\0%s" % (at, data[low:high]), digest_size=16).digest()
