"""Where an object differs from its delta's base, and which places of the first stage both have."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

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
    unbounded: frozenset[int] = field(init=False)
    """The expressions for which nothing stops the second stage."""

    def __post_init__(self) -> None:
        """Tell the unbounded expressions apart."""
        found = frozenset(number for number, stop in enumerate(self.stop) if stop == NOWHERE)
        object.__setattr__(self, "unbounded", found)

    @property
    def margin(self) -> int:
        """The bytes around a difference that are scanned with it."""
        return self.before + self.after

    @property
    def least(self) -> int:
        """The shortest copy that is worth leaving out of a scan."""
        return 2 * self.margin + _WORTH


class Clean(NamedTuple):
    """Positions `start:end` of an object whose places are those of the base, `shift` further there.

    `low` and `high` are the ends of the copied bytes around them, beyond the object where both objects end together.
    A named tuple, because making a frozen dataclass takes three times as long and there are millions.
    """

    start: int
    end: int
    shift: int
    low: int
    high: int


class Known(NamedTuple):
    """What was seen in an object that others grow from: its places, and those of them at which something lies.

    Without `complete` something may lie at others too.
    """

    places: list[Place]
    hits: Sequence[Place] = ()
    complete: bool = True


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

    `hits` are places at which something lies as it does in the base.
    """

    places: list[Place] = field(default_factory=list)
    fresh: list[Place] = field(default_factory=list)
    scanned: int = 0
    hits: list[Place] = field(default_factory=list)

    def asked(self, data: bytes, reach: Reach) -> list[Place]:
        """The places to be judged, so that those that are judged together are: by paragraphs where these bound them."""
        joint, fresh = reach.joint, self.fresh
        together = [place for place in fresh if place[0] >= joint]
        if not together:
            return fresh
        if any(reach.stop[number] != PARAGRAPH for number, _ in together):
            some = set(fresh)
            return [place for place in self.places if place[0] >= joint or place in some]
        asked = {place for place in fresh if place[0] < joint}
        end = -1
        for _, position in together:
            if position > end:
                start, end = paragraph(data, position)
                first = bisect_left(self.places, start, key=_by_position)
                last = bisect_right(self.places, end, first, key=_by_position)
                asked.update(place for place in self.places[first:last] if place[0] >= joint)
        return sorted(asked, key=_by_position)


def paragraph(data: bytes, position: int) -> tuple[int, int]:
    """Where the empty lines stand before and behind a position, or the ends of the data."""
    before, behind = data.rfind(PARAGRAPH, 0, position), data.find(PARAGRAPH, position)
    return before, behind if behind >= 0 else len(data)


def places_of(
    data: bytes, clean: Sequence[Clean], known: Known, reach: Reach, find: Callable[[memoryview], list[Place]]
) -> Seen:
    """What is to be seen in an object that has the clean stretches from its base."""
    seen = Seen()
    view = memoryview(data)
    start, size, before, after = 0, len(data), reach.before, reach.after
    for item in (*clean, Clean(size + 1, 0, 0, 0, 0)):
        if item.start > start:
            low, high = max(0, start - before), min(size, item.start - 1 + after)
            if high > low:
                seen.scanned += high - low
                found = find(view[low:high])
                if found:
                    stop = item.start - low
                    new = [(n, p + low) for n, p in set(found) if start - low <= p < stop]
                    new.sort(key=_by_position)
                    seen.places += new
                    seen.fresh += new
        if item.end and known.places:
            _inherit(data, item, known, reach, seen)
        start = item.end
    return seen


def _inherit(data: bytes, item: Clean, known: Known, reach: Reach, seen: Seen) -> None:
    """The places that the object has from its base in one clean stretch."""
    shift = item.shift
    first = bisect_left(known.places, item.start + shift, key=_by_position)
    last = bisect_left(known.places, item.end + shift, first, key=_by_position)
    if first == last:
        return
    mine = known.places[first:last]
    if shift:
        mine = [(number, position - shift) for number, position in mine]
    fresh = _turned(data, item, mine, reach)
    seen.places += mine
    seen.fresh += fresh
    for number, there in known.hits:
        position = there - shift
        if item.start <= position < item.end and (number, position) not in fresh:
            seen.hits.append((number, position))


def _turned(data: bytes, item: Clean, places: list[Place], reach: Reach) -> list[Place]:
    """Those of the places in a clean stretch for which the second stage may look beyond the copied bytes."""
    low, high = item.low, item.high
    # Ends of lines and paragraphs that stand well within the copied bytes bound what is looked at between them.
    line_low, line_high = low + NEAR, _last(data, LINE, item)
    text_low, text_high = _first(data, PARAGRAPH, item), _last(data, PARAGRAPH, item)
    core_low, core_high = max(text_low, low + max(NEAR, reach.wide)), min(text_high, line_high, high - reach.wide)
    begin = bisect_left(places, core_low, key=_by_position)
    end = bisect_right(places, core_high, begin, key=_by_position)
    if begin < end:
        unbounded = reach.unbounded
        places = [*places[:begin], *(p for p in places[begin:end] if p[0] in unbounded), *places[end:]]
    turned = []
    for place in places:
        number, position = place
        far, stop = reach.of[number], reach.stop[number]
        if position - far >= low and position + far <= high:
            continue
        if stop == LINE:
            stops = line_low <= position <= line_high
        elif stop == PARAGRAPH:
            stops = text_low <= position <= text_high
        else:
            stops = False
        if not stops or (reach.named <= number < reach.joint and _is_wide(data, position, item, reach)):
            turned.append(place)
    return turned


def _first(data: bytes, stop: bytes, item: Clean) -> int:
    """From where on a place of the stretch has a stop before it, well within the copied bytes."""
    if item.low < 0:
        return -EVERYTHING
    place = data.find(stop, item.low + NEAR, item.end)
    return place + len(stop) if place >= 0 else 2 * EVERYTHING


def _last(data: bytes, stop: bytes, item: Clean) -> int:
    """Up to where a place of the stretch has a stop behind it, well within the copied bytes."""
    if item.high > len(data):
        return 2 * EVERYTHING
    return data.rfind(stop, item.start, max(item.start, item.high - NEAR))


def _is_wide(data: bytes, position: int, item: Clean, reach: Reach) -> bool:
    """Whether it counts what stands further around the position, and that reaches beyond the copied bytes."""
    outside = position - reach.wide < item.low or position + reach.wide > item.high
    return outside and bool(reach.names(data[max(0, position - NEAR) : position]))
