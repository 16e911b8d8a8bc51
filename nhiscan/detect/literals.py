"""The automaton for platforms without a Vectorscan wheel: literals by Aho-Corasick, then `re` around each of them.

It reads a few times slower and names the same places, because it asks the parser of `re` what an expression means: a
literal that every match holds, how far before it a match can begin, and the part of fixed length at the end.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from re import _compiler, _parser  # type: ignore[attr-defined]  # missing in the type stubs
from typing import TYPE_CHECKING, Any

import ahocorasick_rs

from nhiscan.detect.backwards import Backwards
from nhiscan.detect.stage import CrowdedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.detect.stage import Bytes, Expression

_FURTHEST = 400  # bytes that are read before a tail; no expression reaches further


@dataclass(frozen=True, slots=True)
class _Way:
    """One expression: `words` of which each match holds one, `lead` bytes of a match before it at least and at most."""

    number: int
    head: Backwards
    tail: re.Pattern[bytes]
    words: tuple[bytes, ...]
    lead: tuple[int, int]
    reach: int

    def stretch(self, place: int) -> tuple[int, int]:
        """From where to where a match may lie that holds the word at `place`."""
        return max(0, place - self.lead[1]), place - self.lead[0] + self.reach

    def within(self, data: bytes, first: int, end: int) -> Iterator[tuple[int, int]]:
        """The expression with each place at which the tail of a match begins in a stretch."""
        for tail in self.tail.finditer(data, first, min(len(data), end)):
            if self.head.ends(data, tail.start(), _FURTHEST):
                yield self.number, tail.start()


class Literals:
    """Expressions by the literals in them."""

    def __init__(self, ways: Sequence[_Way]) -> None:
        self._by_word: defaultdict[bytes, list[_Way]] = defaultdict(list)
        self._rest = [way for way in ways if not way.words]
        for way in ways:
            for word in way.words:
                self._by_word[word].append(way)
        self._words = list(self._by_word)
        self._automaton = ahocorasick_rs.BytesAhoCorasick(self._words) if self._words else None

    @classmethod
    def of(cls, expressions: Sequence[Expression], kept: bytes | None = None) -> Literals:  # noqa: ARG003 - nothing is worth keeping
        """The automaton of the expressions, made anew each time.  Raises ValueError for one it cannot read."""
        return cls([way for number, item in enumerate(expressions) for way in _ways(number, item)])

    def keep(self) -> bytes:
        """Nothing: making it is quick."""
        return b""

    def places(self, data: Bytes, most: int | None = None) -> list[tuple[int, int]]:
        """Pairs (index of the expression, place).  Raises CrowdedError when there are more than `most`."""
        whole = bytes(data)
        found: list[tuple[int, int]] = []
        for way, first, end in self._stretches(whole):
            found += islice(way.within(whole, first, end), None if most is None else most + 1)
            if most is not None and len(found) > most:
                raise CrowdedError
        return found

    def _stretches(self, data: bytes) -> Iterator[tuple[_Way, int, int]]:
        """What to read for each expression: stretches around its words, those that overlap as one."""
        yield from ((way, 0, len(data)) for way in self._rest)
        if self._automaton is None:
            return
        held: dict[int, tuple[_Way, int, int]] = {}
        for number, start, _ in self._automaton.find_matches_as_indexes(data.lower(), overlapping=True):
            for way in self._by_word[self._words[number]]:
                first, end = way.stretch(start)
                if (last := held.get(id(way))) is not None:
                    if first <= last[2]:
                        first, end = min(first, last[1]), max(end, last[2])
                    else:
                        yield last
                held[id(way)] = way, first, end
        yield from held.values()


def _ways(number: int, item: Expression) -> Iterator[_Way]:
    tree = _parser.parse(item.text, re.IGNORECASE if item.caseless else 0)
    for one in _spread(tree):
        cut = _cut(one, item.length)
        words, lead = _words(one)
        reach = min(_FURTHEST, one.getwidth()[1])
        tail = _compiler.compile(_ahead(one[cut:]))
        yield _Way(number, Backwards(one[:cut], caseless=item.caseless), tail, words, lead, reach)


def _spread(tree: Any) -> Iterator[Any]:  # noqa: ANN401 - the parser's own shapes
    """The tree, or one for each alternative where it ends with several, so that each has an end of its own."""
    code, value = tree[-1]
    if str(code) == "SUBPATTERN" and len(value[3]) == 1 and str(value[3][0][0]) == "BRANCH":
        ways = value[3][0][1][1]
    elif str(code) == "BRANCH":
        ways = value[1]
    else:
        yield tree
        return
    for way in ways:
        one = _parser.SubPattern(tree.state)
        for part in (*tree[:-1], *way):
            one.append(part)
        yield from _spread(one)


def _ahead(tail: Any) -> Any:  # noqa: ANN401 - the parser's own shapes
    """The tail as a look-ahead, so that matches may overlap."""
    out = _parser.SubPattern(tail.state)
    out.append((_parser.ASSERT, (1, tail)))
    return out


def _cut(tree: Any, length: int) -> int:  # noqa: ANN401 - the parser's own shapes
    """The item at which the last `length` bytes begin; a repeat that reaches over the place is taken apart."""
    left = length
    for place in range(len(tree) - 1, -1, -1):
        low, high = tree[place : place + 1].getwidth()
        if low == high <= left:
            left -= low
            if left == 0:
                return place
            continue
        code, value = tree[place]
        if low == high and str(code) == "MAX_REPEAT" and value[2].getwidth() == (1, 1):
            tree[place : place + 1] = [(code, (low - left, low - left, value[2])), (code, (left, left, value[2]))]
            return place + 1
        break
    msg = "the end of the expression is not of the length it says"
    raise ValueError(msg)


def _words(tree: Any) -> tuple[tuple[bytes, ...], tuple[int, int]]:  # noqa: ANN401 - the parser's own shapes
    """The longest literals of which each match holds one, lower case, and how many bytes stand before them."""
    best: tuple[bytes, ...] = ()
    where = (0, 0)
    for place in range(len(tree)):
        found = _run(tree, place) or _choices(tree[place])
        if found and (not best or min(map(len, found)) > min(map(len, best))):
            best, where = found, tree[:place].getwidth()
    return (best, where) if best and min(map(len, best)) >= 2 else ((), (0, 0))


def _run(tree: Any, place: int) -> tuple[bytes, ...]:  # noqa: ANN401 - the parser's own shapes
    letters = bytearray()
    for code, value in tree[place:]:
        if str(code) != "LITERAL":
            break
        letters.append(value)
    return (bytes(letters).lower(),) if letters else ()


def _choices(item: tuple[object, Any]) -> tuple[bytes, ...]:
    """The literals that a group or a branch begins with; nothing when one of the ways has none."""
    code, value = item
    if str(code) == "SUBPATTERN":
        inner = value[3]
        return (_run(inner, 0) or _choices(inner[0])) if len(inner) else ()
    if str(code) == "BRANCH":
        ways = [_run(way, 0) or (_choices(way[0]) if len(way) else ()) for way in value[1]]
        return tuple(word for way in ways for word in way) if all(ways) else ()
    return ()
