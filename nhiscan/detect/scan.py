"""One file in, its credentials out: all layers, one candidate per value, parts of one credential joined."""

from __future__ import annotations

import functools
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.detect import bundle, generic, pairs
from nhiscan.detect.announce import names_before
from nhiscan.detect.confirm import (
    GAP,
    STEM_REACH,
    File,
    anchored,
    attributed,
    calls_secret,
    ends_word,
    is_digest_of,
    keyed,
    may_be_word,
    tells_provider,
)
from nhiscan.detect.crowds import limit, pieces
from nhiscan.detect.formats import shipped_directory
from nhiscan.detect.paths import trial
from nhiscan.model import Confidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from nhiscan.detect.announce import Names
    from nhiscan.detect.bundle import Bundle
    from nhiscan.detect.candidate import Candidate
    from nhiscan.detect.crowds import Piece
    from nhiscan.detect.formats import Format
    from nhiscan.detect.stage import Bytes

NAME_REACH = GAP + 60
"""Bytes before a value in which a name may begin that announces it."""

_DEEPEST = 2  # layers of encoding that are taken off


@dataclass(frozen=True, slots=True)
class Scanner:
    """All layers over a set of formats.  One scan at a time: work is split over processes."""

    parts: Bundle
    first_generic: int
    first_announced: int
    first_layer: int
    first_mark: int

    @classmethod
    def of(cls, directory: Path, version: str = "") -> Scanner:
        """A scanner for the formats of a directory, of a version that is known or looked up.  Raises FormatError."""
        parts = bundle.load(directory, version)
        first = len(parts.owners)
        announced = first + len(generic.EXPRESSIONS)
        layer = announced + len(bundle.ANNOUNCED)
        return cls(parts, first, announced, layer, layer + parts.encoded)

    @property
    def version(self) -> str:
        """Changes with whatever could change what is found."""
        return self.parts.version

    @property
    def formats(self) -> Sequence[Format]:
        """The formats, heaviest first."""
        return self.parts.formats

    def places(self, data: Bytes) -> list[tuple[int, int]]:
        """Where something may be, for a caller that has the bytes only as long as this call (see `confirmed`).

        Raises CrowdedError when that is nearly everywhere in more than `crowds.SMALL` bytes (see `pieces`).
        """
        return self.parts.matcher.places(data, limit(data))

    def pieces(self, data: Bytes) -> Iterator[Piece]:
        """The bytes with their places, in as many pieces as it takes to hold them."""
        return pieces(self.parts.matcher, data)

    def is_marked(self, places: list[tuple[int, int]]) -> bool:
        """Whether a comment that speaks to a scanner is among the places."""
        return any(number >= self.first_mark for number, _ in places)

    def first(self, data: bytes, places: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        """A place at which something is, each judged as if no path were known; None when there is nothing."""
        file = File(data)
        for place in places:
            if place[0] < self.first_layer and next(self._direct(file, [place], loose=True), None) is not None:
                return place
        encoded = [place for place in places if self.first_layer <= place[0] < self.first_mark]
        found = self._encoded(file, encoded, 0, []) if encoded else []
        if not found:
            return None
        # Each try takes off the encodings of a long stretch, so those next to what was found come first.
        near = sorted(encoded, key=lambda place: abs(place[1] - found[0].start))
        return next((place for place in near if self._encoded(file, [place], 0, [])), encoded[0])

    def scan(self, data: bytes, path: str = "") -> list[Candidate]:
        """The credentials of a file, by position; `path` tells what sort of file it is and is not opened."""
        chosen = self._found(data, path, 0, loose=True)
        return [_doubtful(c) for c in chosen] if chosen and trial(path) else chosen

    def confirmed(self, data: bytes, path: str, places: list[tuple[int, int]]) -> list[Candidate]:
        """The credentials at places of a file, by position."""
        chosen = self._chosen(File(data, path), places, 0, loose=True)
        return [_doubtful(c) for c in chosen] if chosen and trial(path) else chosen

    def known(self, data: bytes) -> list[Candidate]:
        """The credentials in known formats only, by position, without taking off encodings."""
        return self._found(data, "", _DEEPEST, loose=False)

    def _found(self, data: bytes, path: str, depth: int, *, loose: bool) -> list[Candidate]:
        """The candidates of bytes of any size, by position."""
        return [
            replace(c, start=c.start + piece.offset, end=c.end + piece.offset, line=c.line + piece.lines)
            if piece.offset
            else c
            for piece in self.pieces(data)
            for c in self._chosen(File(bytes(piece.data), path), piece.places, depth, loose=loose)
            if piece.first <= c.start < piece.end
        ]

    def _chosen(self, file: File, places: list[tuple[int, int]], depth: int, *, loose: bool) -> list[Candidate]:
        if not places:
            return []
        direct, encoded = [], []
        for place in dict.fromkeys(places):
            if place[0] < self.first_layer:
                direct.append(place)
            elif place[0] < self.first_mark:
                encoded.append(place)
        found = list(self._direct(file, direct, loose=loose)) if direct else []
        if encoded:
            found += self._encoded(file, encoded, depth, found)
        return without_overlaps(pairs.join(without_overlaps(found), file.data, self.parts.pairs)) if found else []

    def _direct(self, file: File, places: Sequence[tuple[int, int]], *, loose: bool) -> Iterator[Candidate]:
        parts, data, first_generic = self.parts, file.data, self.first_generic
        names = self._names(data, places)
        asked: dict[int, bool] = {}  # places at which a name was found
        last_generic = self.first_announced if loose and generic.is_read(file.path) else 0
        for number, place in places:
            if number < first_generic:
                for item in parts.anchored[number]:
                    if (candidate := anchored(item, file, place)) is not None:
                        yield candidate
            if place in names and place not in asked and not parts.own[number]:
                found = self._named(file, place, names[place], loose=loose)
                asked[place] = found is not None
                if found is not None:
                    yield found
            if first_generic <= number < last_generic:
                found = generic.confirm(file, place, number - first_generic)
                # What begins like a format and is not of it is no secret of another kind.
                if found is not None and not found.value.reveal().startswith(parts.anchors):
                    yield found

    def _names(self, data: bytes, places: Sequence[tuple[int, int]]) -> Names:
        """The names before the places at which a value may stand that a name makes one."""
        own, first_layer = self.parts.own, self.first_layer
        wanted = {
            place for number, place in places if number < first_layer and not own[number] and may_be_word(data, place)
        }
        return names_before(self.parts, data, sorted(wanted), NAME_REACH) if wanted else {}

    def _named(self, file: File, place: int, names: Iterable[tuple[int, int]], *, loose: bool) -> Candidate | None:
        """The candidate of the format whose name stands nearest before the place, the longest of several names."""
        candidate = self._nearest(file, place, names, loose=loose)
        return None if candidate is None or is_digest_of(file.data, place) else candidate

    def _nearest(self, file: File, place: int, names: Iterable[tuple[int, int]], *, loose: bool) -> Candidate | None:
        found = []
        near: int | None = None  # where a stem may begin
        for number, start in names:
            length, formats = self.parts.named[number]
            whole: bool | None = None
            for index in formats:
                if index < 0 and whole is None:
                    if near is None:
                        near = place - STEM_REACH if calls_secret(file.data, place) else place
                    whole = start >= near and ends_word(file.data, start + length)
                if index >= 0 or whole:
                    found.append((index < 0, place - start - length, -length, index, (start, start + length)))
        found.sort()
        for _, _, _, index, name in found:
            item = self.formats[max(index, ~index)]
            if (candidate := keyed(item, file, place, name, stem=index < 0)) is not None:
                return candidate
        for _, _, _, index, name in found if loose else ():
            if tells_provider(file.data[slice(*name)]):
                told = attributed(self.formats[max(index, ~index)].provider, file, place, name)
                return None if told is None or told.value.reveal().startswith(self.parts.anchors) else told
        return None

    def _encoded(
        self, file: File, places: list[tuple[int, int]], depth: int, direct: list[Candidate]
    ) -> list[Candidate]:
        """What encoded text holds, at the place where the encoded text lies; not what can be read there without."""
        if depth >= _DEEPEST:
            return []
        encoded = [(number - self.first_layer, place) for number, place in places]
        found = []
        direct = sorted(direct, key=_start)
        for layer in self.parts.layers.unfold(file.data, encoded):
            first, end = (bisect_left(direct, place, key=_start) for place in (layer.start, layer.end))
            seen = {c.value.reveal() for c in direct[first:end]}
            for item in self._found(layer.data, file.path, depth + 1, loose=True):
                if item.value.reveal() not in seen:
                    start, end = layer.outer(item.start), layer.outer(item.end - 1) + 1
                    layers, line = (layer.how, *item.layers), file.lines.at(start)
                    found.append(replace(item, start=start, end=end, line=line, layers=layers))
        return found


def _start(item: Candidate) -> int:
    return item.start


@functools.cache
def shipped() -> Scanner:
    """The scanner for the formats of this installation, made once in a process.  Raises FormatError."""
    return Scanner.of(shipped_directory(), shipped_version())


@functools.cache
def shipped_version() -> str:
    """The version of `shipped()`, told without making it."""
    return bundle.version_of(shipped_directory())


def without_overlaps(found: Iterable[Candidate]) -> list[Candidate]:
    """One candidate for each value, by position: the heaviest wins, then the longest, then the first by format."""
    starts: list[int] = []  # of the chosen, sorted; what is chosen never overlaps, so its ends are sorted too
    chosen: dict[int, Candidate] = {}
    for item in sorted(found, key=lambda c: (-c.weight, len(c.layers), c.start - c.end, c.start, c.format or "")):
        place = bisect_left(starts, item.end)
        if place and chosen[starts[place - 1]].end > item.start:
            continue
        starts.insert(place, item.start)
        chosen[item.start] = item
    return [chosen[start] for start in starts]


def _doubtful(item: Candidate) -> Candidate:
    if item.confidence is Confidence.HIGH and item.facts.get("checksum") is None and item.format is not None:
        return replace(item, confidence=Confidence.MEDIUM)
    return item
