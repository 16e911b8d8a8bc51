"""Which names stand before the places of one file: the automaton over names reads each stretch before a value once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.detect.bundle import Bundle

    Names = dict[int, list[tuple[int, int]]]
    """For a place, the names before it: index in `Bundle.named`, and where it begins."""

_BETWEEN = b"\0"  # no name holds it, so none is found across two stretches


def names_before(parts: Bundle, data: bytes, places: Sequence[int], reach: int) -> Names:
    """The names that begin at most `reach` bytes before each of the ascending places and end before it.

    One call of the automaton for all places of a file costs a tenth of one for each.
    """
    begins: list[int] = []  # of the stretches in the file
    texts: list[bytes] = []
    low = high = -1
    for place in places:
        start = place - reach if place > reach else 0
        if start > high:
            if high > low:
                begins.append(low)
                texts.append(data[low:high])
            low = start
        high = place
    if high > low:
        begins.append(low)
        texts.append(data[low:high])
    if not texts:
        return {}
    hits = parts.names.places(_BETWEEN.join(texts))
    return _shared_out(parts, places, reach, hits, (begins, texts)) if hits else {}


def _shared_out(
    parts: Bundle,
    places: Sequence[int],
    reach: int,
    hits: Sequence[tuple[int, int]],
    stretches: tuple[Sequence[int], Sequence[bytes]],
) -> Names:
    begins, texts = stretches
    offsets, offset = [], 0
    for text in texts:
        offsets.append(offset)
        offset += len(text) + 1
    found: Names = {}
    for number, at in hits:
        stretch = bisect_right(offsets, at) - 1
        start = at - offsets[stretch] + begins[stretch]
        index = bisect_left(places, start + parts.named[number][0])
        while index < len(places) and places[index] <= start + reach:
            found.setdefault(places[index], []).append((number, start))
            index += 1
    return found
