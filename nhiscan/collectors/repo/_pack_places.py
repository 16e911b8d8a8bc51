"""Where an object differs from its delta's base, and which places of the first stage both have."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Place = tuple[int, int]
    Copy = tuple[int, int, int]

EVERYTHING = 1 << 40
"""The reach of an expression whose second stage may look at the whole object."""

NEAR = 304
"""Bytes in which the second stage looks for names, schemes, users and hosts around a value."""

LINE, PARAGRAPH, NOWHERE = b"\n", b"\n\n", b""
"""Where the second stage stops: at the end of a line (behind the place only), at empty lines, at nothing."""

_WORTH = 256  # bytes of a clean stretch below which one scan across it is cheaper than a call on either side
_MOST_DIRTY = 0.75  # share of an object above which one scan of all of it is cheaper
_by_position = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many bytes around a place, the position of an expression, the stages look at.

    The first stage looks at `before` and `after`, assertions included; the second, for each expression, at `of` on
    either side, or less where it has a `stop`: then it looks only NEAR bytes beyond the next LINE or PARAGRAPH end.
    Expressions from `named` on look at `wide` bytes on either side where `names` says that the bytes before the place
    hold a name for which surroundings count.  Those from `joint` on are not judged each for itself: one asks for all.
    """

    before: int
    after: int
    of: Sequence[int]
    stop: Sequence[bytes]
    named: int
    wide: int
    names: Callable[[bytes], object]
    joint: int

    @property
    def margin(self) -> int:
        """The bytes around a difference that are scanned with it."""
        return self.before + self.after

    @property
    def least(self) -> int:
        """The shortest copy that is worth leaving out of a scan."""
        return 2 * self.margin + _WORTH


@dataclass(frozen=True, slots=True)
class Clean:
    """Positions `start:end` of an object whose places are those of the base, `shift` further there.

    `low` and `high` are the ends of the copied bytes around them, beyond the object where both objects end together.
    """

    start: int
    end: int
    shift: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was seen in an object that others grow from: its places, and one of them at which something lies."""

    places: list[Place]
    witness: Place | None = None


def ordered(places: Iterable[Place]) -> list[Place]:
    """The places by position, each once."""
    return sorted(set(places), key=_by_position)


def clean_stretches(copies: Sequence[Copy], size: int, base: int, reach: Reach) -> list[Clean] | None:
    """The stretches worth leaving out of a scan of an object of `size` bytes, in order; None to scan all of it.

    `copies` are (place in the object, place in the base, length), `base` is the size of the base.
    """
    found = []
    total = 0
    for place, source, length in _joined(copies):
        low = -EVERYTHING if place == source == 0 else place
        high = 2 * EVERYTHING if place + length == size and source + length == base else place + length
        start, end = max(0, low + reach.before), min(size + 1, high - reach.after + 1)
        if end - start >= reach.margin + _WORTH:
            found.append(Clean(start, end, source - place, low, high))
            total += end - start - reach.margin
    return found if total > size * (1 - _MOST_DIRTY) else None


def _joined(copies: Sequence[Copy]) -> Iterator[Copy]:
    """The copies; one that goes on where another ends in both objects is one with it, as git splits long ones."""
    place = source = length = 0
    for item in copies:
        if item[0] == place + length and item[1] == source + length:
            length += item[2]
            continue
        if length:
            yield place, source, length
        place, source, length = item
    if length:
        yield place, source, length


@dataclass(slots=True)
class Seen:
    """All places of an object by position, those that the second stage has to judge anew, and the bytes scanned.

    `witness` is a place at which something lies as it does in the base.
    """

    places: list[Place] = field(default_factory=list)
    fresh: list[Place] = field(default_factory=list)
    scanned: int = 0
    witness: Place | None = None

    def asked(self, joint: int) -> list[Place]:
        """The places to be judged, so that those that are judged together are."""
        if all(number < joint for number, _ in self.fresh):
            return self.fresh
        fresh = set(self.fresh)
        return [place for place in self.places if place[0] >= joint or place in fresh]


def places_of(
    data: bytes, clean: Sequence[Clean], known: Known, reach: Reach, find: Callable[[memoryview], list[Place]]
) -> Seen:
    """What is to be seen in an object that has the clean stretches from its base."""
    seen = Seen()
    view = memoryview(data)
    start = 0
    for item in (*clean, Clean(len(data) + 1, 0, 0, 0, 0)):
        if item.start > start:
            low, high = max(0, start - reach.before), min(len(data), item.start - 1 + reach.after)
            seen.scanned += high - low
            found = {(n, p + low) for n, p in find(view[low:high])} if high > low else ()
            new = sorted((s for s in found if start <= s[1] < item.start), key=_by_position)
            seen.places += new
            seen.fresh += new
        if item.end and known.places:
            _inherit(data, item, known, reach, seen)
        start = item.end
    return seen


def _inherit(data: bytes, item: Clean, known: Known, reach: Reach, seen: Seen) -> None:
    """The places that the object has from its base in one clean stretch."""
    known_places, witness = known.places, known.witness
    number = bisect_left(known_places, item.start + item.shift, key=_by_position)
    stop = item.end + item.shift
    while number < len(known_places) and known_places[number][1] < stop:
        expression, position = place = known_places[number]
        position -= item.shift
        seen.places.append((expression, position))
        far = reach.of[expression]
        if (position - far < item.low or position + far > item.high) and (
            not _stops(data, position, item, reach.stop[expression])
            or (reach.named <= expression < reach.joint and _is_wide(data, position, item, reach))
        ):
            seen.fresh.append((expression, position))
        elif place == witness:
            seen.witness = (expression, position)
        number += 1


def _stops(data: bytes, position: int, item: Clean, stop: bytes) -> bool:
    """Whether the second stage stops well within the copied bytes around the position."""
    if not stop or (item.high <= len(data) and data.find(stop, position, max(position, item.high - NEAR)) < 0):
        return False
    if stop == LINE:
        return position - NEAR >= item.low
    return item.low < 0 or data.rfind(stop, item.low + NEAR, max(position, item.low + NEAR)) >= 0


def _is_wide(data: bytes, position: int, item: Clean, reach: Reach) -> bool:
    """Whether it counts what stands further around the position, and that reaches beyond the copied bytes."""
    outside = position - reach.wide < item.low or position + reach.wide > item.high
    return outside and bool(reach.names(data[max(0, position - NEAR) : position]))
