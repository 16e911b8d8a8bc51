"""The scanner as the reader of packs needs it: how far its stages look, and whether anything lies at places."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from operator import itemgetter
from re import _parser  # type: ignore[attr-defined]  # missing in the type stubs
from typing import TYPE_CHECKING, Any

from nhiscan.collectors.repo._pack_places import EVERYTHING, LINE, NEAR, NOWHERE, PARAGRAPH, Reach, paragraph
from nhiscan.detect.joins import literals_layer
from nhiscan.detect.stage import Expression, matcher_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from nhiscan.collectors.repo._pack_places import Place
    from nhiscan.detect.formats import Format
    from nhiscan.detect.scan import Scanner

    Look = tuple[int, bytes]

_UNBOUNDED = 200
"""Bytes that a repeat without an end counts for: blanks between joined strings, of which confirmation takes no more."""

_EDGE = 2  # bytes beside a match that its assertions look at
_by_position = itemgetter(1)
_INNER = {"MAX_REPEAT": 2, "MIN_REPEAT": 2, "POSSESSIVE_REPEAT": 2, "SUBPATTERN": 3, "ASSERT": 1, "ASSERT_NOT": 1}
"""Where the parser keeps what is repeated, grouped or looked ahead for."""

_MOST = 400_000  # digests remembered, some 40 MB
_BEFORE_JOINT, _BEHIND_JOINT = 80, 16  # bytes; of a word across the joint 16 on either side are looked at
_MOST_JOINTS = 100_000  # surroundings of joints remembered, some 15 MB
_BREAK = ord("\n")
_VALUE = 2_200  # bytes of the longest value that the generic layer reads behind a name, always on one line
_SYNTAX = 12_200  # bytes of what it reads where syntax tells: a key file of PuTTY, the members of a JSON Web Key


@dataclass(frozen=True, slots=True)
class ScannerDetector:
    """A scanner with what has to be known of it to leave copied bytes out.

    `empty` remembers digests of surroundings in which nothing lay: versions of a file, and files copied from one
    another, have most of their lines in common.  `joining` are the expressions that find strings in pieces, `apart`
    remembers which surroundings of such a place join nothing: one import after another in Go looks like two pieces.
    """

    scanner: Scanner
    reach: Reach
    empty: set[int] = field(default_factory=set)
    joining: frozenset[int] = frozenset()
    apart: dict[bytes, bool] = field(default_factory=dict)

    def places(self, data: bytes | memoryview) -> list[Place]:
        """The places of the first stage, without those at which two strings only seem to be pieces of one.

        Whether they do is told by bytes around the place that are fewer than the margins of the first stage.
        """
        found = self.scanner.places(data)
        joining = self.joining
        return [place for place in found if place[0] not in joining or not self._is_apart(data, place[1])]

    def _is_apart(self, data: bytes | memoryview, position: int) -> bool:
        around = bytes(data[max(0, position - _BEFORE_JOINT) : position + _BEHIND_JOINT])
        known = self.apart.get(around)
        if known is None:
            known = _is_apart(around, min(position, _BEFORE_JOINT))
            if len(self.apart) >= _MOST_JOINTS:
                self.apart.clear()
            self.apart[around] = known
        return known

    def every(self, data: bytes, places: Sequence[Place]) -> tuple[list[Place], bool]:
        """The places at which the scanner confirms something, in a file of which no path is known; whether all."""
        hits: list[Place] = []
        together: list[Place] = []
        group: list[Place] = []
        position, joint = -1, self.reach.joint
        for place in places:
            if place[0] >= joint:
                together.append(place)
                continue
            if place[1] != position:
                if group and (found := self._at(data, position, group)) is not None:
                    hits.append(found)
                position, group = place[1], []
            group.append(place)
        if group and (found := self._at(data, position, group)) is not None:
            hits.append(found)
        found = self._together(data, together) if together else None
        return ([*hits, found], False) if found is not None else (hits, True)

    def _at(self, data: bytes, position: int, places: list[Place]) -> Place | None:
        """What lies at one position; the surroundings of nothing are remembered where they end with the line."""
        if any(self.reach.stop[number] != LINE for number, _ in places):
            return self.scanner.first(data, places)
        far = max(self.reach.of[number] for number, _ in places)
        end = data.find(b"\n", position, position + far)
        around = data[max(0, position - NEAR) : (end if end >= 0 else position + far) + NEAR]
        digest = hash((min(position, NEAR), around, *(number for number, _ in places)))
        if digest in self.empty:
            return None
        found = self.scanner.first(data, places)
        if found is None and not self.reach.names(data[max(0, position - NEAR) : position]):
            self._remember(digest)
        return found

    def _together(self, data: bytes, places: list[Place]) -> Place | None:
        """What lies at places of encodings, which paragraphs keep apart; only those not known to be empty are asked."""
        if any(self.reach.stop[number] != PARAGRAPH for number, _ in places):
            return self.scanner.first(data, places)
        asked: list[Place] = []
        digests = []
        for start, end, some in _by_paragraph(data, places):
            digest = hash((data[start:end], *((number, at - start) for number, at in some)))
            if digest not in self.empty:
                asked += some
                digests.append(digest)
        found = self.scanner.first(data, asked) if asked else None
        if found is None:
            for digest in digests:
                self._remember(digest)
        return found

    def _remember(self, digest: int) -> None:
        if len(self.empty) >= _MOST:
            self.empty.clear()
        self.empty.add(digest)


def _is_apart(around: bytes, position: int) -> bool:
    """Whether the strings at a joint are not pieces of one, as far as these bytes say so for sure."""
    if len(around) < position + _BEHIND_JOINT:
        return False
    # As far before the joint as is looked at, and the quote there is the nearest, with more of the data or less.
    closing = around.rfind(around[position - 1 : position], 0, position - 1)
    return closing >= _BEHIND_JOINT and literals_layer(around, position) is None


def _by_paragraph(data: bytes, places: Sequence[Place]) -> Iterator[tuple[int, int, list[Place]]]:
    """The places of each paragraph, and from where to where the bytes reach that are looked at for them."""
    number = 0
    while number < len(places):
        before, behind = paragraph(data, places[number][1])
        last = bisect_right(places, behind, number, key=_by_position)
        yield max(0, before - NEAR), behind + NEAR, list(places[number:last])
        number = last


@dataclass(frozen=True, slots=True)
class DetectorOf:
    """Makes the detector of a process; what the scanner compiles is kept in the directory."""

    cache_dir: Path | None

    def __call__(self) -> ScannerDetector:
        """The detector over the formats of this installation.  Raises FormatError."""
        from nhiscan import cache
        from nhiscan.detect.scan import shipped

        cache.use(self.cache_dir)
        return detector_of(shipped())


def detector_of(scanner: Scanner) -> ScannerDetector:
    """The detector over a scanner."""
    from nhiscan.detect import documents, generic, places

    expressions = scanner.parts.expressions
    before = max(width(e.text) - e.length for e in expressions) + _EDGE
    after = max(e.length for e in expressions) + _EDGE
    looks = [_look(item) for item in scanner.formats]
    # Where a format is told by a name, every name in reach is tried, whichever format the automaton had in mind.
    told = [(look, item) for look, item in zip(looks, scanner.formats, strict=True) if item.keywords]
    named = _widest([look for look, _ in told])
    found = [
        _widest([named if scanner.formats[n].keywords else looks[n] for n in numbers])
        for numbers in scanner.parts.owners
    ]
    by_name = max(named[0], _VALUE), LINE
    found += [by_name] * (len(generic.EXPRESSIONS) - len(places.EXPRESSIONS))
    found += [(max(named[0], _SYNTAX), NOWHERE)] * len(places.EXPRESSIONS)
    found += [by_name] * (scanner.first_layer - len(found))
    # Encodings: strings over several lines, and whole documents.
    whole = {expression for expression, _ in documents.readers()}
    found += [(EVERYTHING, NOWHERE if e in whole else PARAGRAPH) for e in expressions[len(found) :]]
    of, stop = zip(*found, strict=True)
    readers = enumerate(scanner.parts.layers.readers, scanner.first_layer)
    further = [(look, item) for look, item in told if look[1] != LINE]
    return ScannerDetector(
        scanner,
        Reach(
            before, after, of, stop, scanner.first_generic, _widest([look for look, _ in further])[0],
            _names([word for _, item in further for word in item.keywords]), scanner.first_layer,
        ),
        joining=frozenset(number for number, reader in readers if reader is literals_layer),
    )  # fmt: skip


def _names(words: Sequence[str]) -> Callable[[bytes], object]:
    """Whether one of the words is in some bytes, however its parts are joined."""
    if not words:
        return bool
    texts = [re.escape(word).replace("_", "[_. \\t-]?").encode("ascii") for word in dict.fromkeys(words)]
    return matcher_kind().of([Expression(text, 1, caseless=True) for text in texts]).places


def _widest(looks: Sequence[Look]) -> Look:
    return max((far for far, _ in looks), default=NEAR), min((stop for _, stop in looks), default=LINE)


def _look(item: Format) -> Look:
    """How far around its place it depends on the bytes whether something is of a format, and where that ends."""
    near = max((item.within + _longest(p.pattern) for p in item.near.values()), default=0)
    far = max(_longest(item.expression), NEAR) + near + _EDGE
    tree = _parser.parse(item.expression)
    lines = bool(item.near) or tree.state.flags & re.DOTALL or _breaks(tree)
    return min(EVERYTHING, far), NOWHERE if lines else LINE


def _longest(pattern: str | bytes) -> int:
    return int(_parser.parse(pattern).getwidth()[1])


def _breaks(items: Iterable[tuple[object, Any]]) -> bool:
    """Whether what the items match may hold a line break; where that is not plain, yes."""
    return any(_may_break(str(code), value) for code, value in items)


def _may_break(code: str, value: Any) -> bool:  # noqa: ANN401 - the parser's own shapes
    if code in _INNER:
        return _breaks(value[_INNER[code]])
    if code == "BRANCH":
        return any(map(_breaks, value[1]))
    if code == "IN":
        return _set_breaks(value)
    if code in {"LITERAL", "NOT_LITERAL"}:
        return (value == _BREAK) is (code == "LITERAL")
    return code not in {"ANY", "AT", "GROUPREF"}


def _set_breaks(value: Iterable[tuple[object, Any]]) -> bool:
    parts = [(str(code), of) for code, of in value]
    negated = parts[0][0] == "NEGATE"
    # What surely holds a line break proves a negated set free of it; what may hold one speaks against a plain one.
    sure = {"CATEGORY_SPACE"} if negated else {"CATEGORY_SPACE", "CATEGORY_NOT_DIGIT", "CATEGORY_NOT_WORD"}
    holds = any(
        (code == "LITERAL" and of == _BREAK)
        or (code == "RANGE" and of[0] <= _BREAK <= of[1])
        or (code == "CATEGORY" and str(of) in sure)
        for code, of in parts
    )
    return holds is not negated


def width(expression: bytes) -> int:
    """The most bytes a match of the expression can have, as far as the second stage would believe it."""
    return _width(_parser.parse(expression))


def _width(items: Iterable[tuple[object, Any]]) -> int:
    return sum(_widths.get(str(code), _one)(value) for code, value in items)


def _one(_value: object) -> int:
    return 1


def _none(_value: object) -> int:
    return 0


def _repeat(value: tuple[int, int, Any]) -> int:
    _, high, inner = value
    return (int(high) if int(high) < 1 << 30 else _UNBOUNDED) * _width(inner)


def _branch(value: tuple[object, Iterable[Any]]) -> int:
    return max(map(_width, value[1]))


_widths: dict[str, Callable[[Any], int]] = {
    "MAX_REPEAT": _repeat, "MIN_REPEAT": _repeat, "BRANCH": _branch, "AT": _none,
    "SUBPATTERN": lambda value: _width(value[3]),
}  # fmt: skip
