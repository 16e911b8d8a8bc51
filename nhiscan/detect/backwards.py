"""An expression read from its end to its beginning, a byte at a time, without ever trying a second way.

`re` cannot say whether a match ends at a place but by trying every beginning, and each in every way its repeats can
share out the bytes.  Here all ways are followed at once (Thompson 1968); each set of them is worked out when it is
first met and kept, so that a byte costs a look into a dictionary.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from re import _compiler, _parser  # type: ignore[attr-defined]  # missing in the type stubs
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    Positions = frozenset[int]

_ALL, _START = -1, -2  # the whole expression was read; the same, if that is where the bytes begin
_MOST = 4_096  # sets that are kept; adversarial bytes meet more
_WHOLE, _AT_START = frozenset({_ALL}), frozenset({_START})


@dataclass(slots=True)
class _Set:
    """Positions that may come next, whether none needs to, and the sets after each byte, as far as they were met."""

    positions: Positions
    after: dict[int, _Set] = field(default_factory=dict)


class Backwards:
    """The automaton of an expression in the dialect of `stage.Expression`, given as the parser of `re` reads it."""

    def __init__(self, tree: Any, *, caseless: bool) -> None:  # noqa: ANN401 - the parser's own shapes
        self._tree = tree
        self._caseless = caseless
        self._takes: list[frozenset[int]] = []  # for each position the bytes, and the positions before it in the text
        self._before: list[Positions] = []
        self._sets: dict[Positions, _Set] = {}
        self._first: Positions | None = None  # made with the first question: of thousands most are never asked

    def ends(self, data: bytes, end: int, most: int) -> bool:
        """Whether a match of at most `most` bytes ends at the place.  Raises ValueError for what it cannot read."""
        if self._first is None:
            self._first = self._sequence(self._tree, _WHOLE, caseless=self._caseless)
        now = self._set(self._first)
        low = max(0, end - most)
        while now.positions:
            if _ALL in now.positions or (end == 0 and _START in now.positions):
                return True
            if end <= low:
                return False
            end -= 1
            byte = data[end]
            following = now.after.get(byte)
            if following is None:
                following = now.after[byte] = self._set(self._step(now.positions, byte))
            now = following
        return False

    def _set(self, positions: Positions) -> _Set:
        known = self._sets.get(positions)
        if known is None:
            if len(self._sets) >= _MOST:
                self._sets.clear()
            known = self._sets[positions] = _Set(positions)
        return known

    def _step(self, positions: Positions, byte: int) -> Positions:
        met = (self._before[n] for n in positions if n >= 0 and byte in self._takes[n])
        return frozenset().union(*met)

    def _sequence(self, items: Iterable[tuple[object, Any]], before: Positions, *, caseless: bool) -> Positions:
        """The positions at the end of the items, when those at the end of what stands before them are known."""
        for code, value in items:
            before = self._item(str(code), value, before, caseless=caseless)
        return before

    def _item(self, code: str, value: Any, before: Positions, *, caseless: bool) -> Positions:  # noqa: ANN401 - as above
        match code:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._position(_bytes_of(code, value, caseless=caseless), before)
            case "SUBPATTERN":
                return self._sequence(value[3], before, caseless=caseless or bool(value[1] & re.IGNORECASE))
            case "BRANCH":
                ways = [self._sequence(way, before, caseless=caseless) for way in value[1]]
                return frozenset().union(*ways)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(value, before, caseless=caseless)
            case "AT" if str(value) == "AT_BEGINNING" and before == _WHOLE:
                return _AT_START
        msg = f"the expression holds {code}, which no place can be found by"
        raise ValueError(msg)

    def _repeat(self, value: Any, before: Positions, *, caseless: bool) -> Positions:  # noqa: ANN401 - as above
        low, high, inner = value
        for _ in range(low):
            before = self._sequence(inner, before, caseless=caseless)
        if high is _parser.MAXREPEAT:
            number = len(self._takes)
            self._sequence(inner, before, caseless=caseless)
            if len(self._takes) != number + 1:
                msg = "a group in the expression is repeated without end"
                raise ValueError(msg)
            self._before[number] = before | {number}
            return self._before[number]
        further = before
        for _ in range(high - low):
            further = before | self._sequence(inner, further, caseless=caseless)
        return further

    def _position(self, takes: frozenset[int], before: Positions) -> Positions:
        self._takes.append(takes)
        self._before.append(before)
        return frozenset({len(self._takes) - 1})


def _bytes_of(code: str, value: Any, *, caseless: bool) -> frozenset[int]:  # noqa: ANN401 - as above
    return _asked(code, value if isinstance(value, int | None) else tuple(value), caseless)


@functools.cache
def _asked(code: str, value: object, caseless: bool) -> frozenset[int]:  # noqa: FBT001 - the key of a cache
    """The bytes that one item takes, as `re` itself says."""
    one = _parser.SubPattern(_parser.State())
    one.append((getattr(_parser, code), list(value) if isinstance(value, tuple) else value))
    one.state.str = b""
    pattern = _compiler.compile(one, re.IGNORECASE if caseless else 0)
    return frozenset(byte for byte in range(256) if pattern.fullmatch(bytes([byte])))
