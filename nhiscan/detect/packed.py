"""How formats and their automaton are kept: in parts, so that a run reads only those that it needs.

What every run needs comes first and is small; texts of expressions and the formats themselves, two thirds of it all,
wait as bytes until a place names one.
"""

from __future__ import annotations

import json
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from nhiscan.detect import formats as formats_of
from nhiscan.detect.late import Late
from nhiscan.detect.stage import Expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.detect.formats import Format

    Owned = Mapping[Expression, tuple[int, ...]]
    Item = tuple[str, Mapping[str, object]]
    """A format as written, with its provider."""

_INTEGER = "i"  # of `array`: four bytes, in the order of this machine, which the name of what is kept tells


class Packed(NamedTuple):
    """What is kept, in the order in which it is written; every part is read when it is needed.

    `facts` is a summary of the formats; row n of `formats` ends at number n of `ends`.  `expressions` and `names` are
    texts; the name n has number n of `lengths`, and the formats in `numbers` up to number n of `counts`.  The last two
    are what the automata keep.
    """

    facts: bytes
    formats: bytes
    ends: bytes
    expressions: bytes
    names: bytes
    lengths: bytes
    numbers: bytes
    counts: bytes
    matcher: bytes
    name_matcher: bytes

    def joined(self) -> bytes:
        """All parts as one text of bytes, each with its size before it."""
        return b"".join(len(part).to_bytes(8, "big") + part for part in self)

    @classmethod
    def split(cls, kept: bytes) -> Packed:
        """The parts of what `joined` gave."""
        return cls(*_unframed(kept))


def packed(items: Sequence[Item], owned: Owned, named: Owned, automata: tuple[bytes, bytes], layers: int) -> Packed:
    """What to keep; the items are in the order of the formats, `layers` is the number of expressions of encodings."""
    found = formats_of.built(items)
    facts = {
        "owners": list(owned.values()),
        "words": sorted({a.decode("ascii") for item in found for a in item.anchors}),
        "anchored": [number for number, item in enumerate(found) if item.anchors],
        "paired": [number for number, item in enumerate(found) if item.pair is not None],
        "layers": layers,
    }
    rows = [json.dumps(item).encode() for item in items]
    return Packed(
        facts=json.dumps(facts).encode(),
        formats=b"".join(rows),
        ends=_numbers(accumulate(map(len, rows))),
        expressions=_texts(owned),
        names=_texts(named),
        lengths=_numbers(e.length for e in named),
        numbers=_numbers(n for of in named.values() for n in of),
        counts=_numbers(accumulate(len(of) for of in named.values())),
        matcher=automata[0],
        name_matcher=automata[1],
    )


def formats(parts: Packed) -> Late[Format]:
    """The formats, each built when it is asked for."""
    ends = _read(parts.ends)

    def make(number: int) -> Format:
        provider, item = json.loads(parts.formats[ends[number - 1] if number else 0 : ends[number]])
        return formats_of.built([(provider, item)])[0]

    return Late(len(ends), make)


def named(parts: Packed) -> Late[tuple[int, tuple[int, ...]]]:
    """The length of each name and the formats that it stands for."""
    lengths, numbers, ends = _read(parts.lengths), _read(parts.numbers), _read(parts.counts)

    def make(number: int) -> tuple[int, tuple[int, ...]]:
        return lengths[number], tuple(numbers[ends[number - 1] if number else 0 : ends[number]])

    return Late(len(lengths), make)


def expressions(part: bytes) -> Iterator[Expression]:
    """The expressions of a part, `expressions` or `names`."""
    for text, length, caseless in json.loads(part):
        yield Expression(text.encode("ascii"), length, caseless)


def _texts(expressions: Iterable[Expression]) -> bytes:
    return json.dumps([(e.text.decode("ascii"), e.length, e.caseless) for e in expressions]).encode()


def _numbers(values: Iterable[int]) -> bytes:
    return array(_INTEGER, values).tobytes()


def _read(part: bytes) -> array[int]:
    found = array(_INTEGER)
    found.frombytes(part)
    return found


def _unframed(kept: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(kept):
        size = int.from_bytes(kept[place : place + 8], "big")
        yield kept[place + 8 : place + 8 + size]
        place += 8 + size
