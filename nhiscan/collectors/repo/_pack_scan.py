"""One part of a pack: objects made from their deltas, and of each only what its base did not have is scanned.

A pack already says what changed.  The first stage of detection needs a bounded number of bytes around a place to see
it, so the places of an object are those of its base that lie well inside of copied bytes, and those that a scan of the
stretches around insertions and joints gives.  The second stage looks at bounded surroundings too: where they are
copied as well, its answer is the one it gave for the base.  So what comes out is what a scan of whole objects says.
"""

from __future__ import annotations

import gc
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from nhiscan.collectors.repo._delta import DeltaError, apply
from nhiscan.collectors.repo._inflate import StreamError, crc32, inflate
from nhiscan.collectors.repo._pack_marks import marks_of
from nhiscan.collectors.repo._pack_places import Known, clean_stretches, ordered, places_of
from nhiscan.collectors.repo._texts import is_plain, message
from nhiscan.detect.stage import CrowdedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from nhiscan.collectors.repo._pack_places import Copy, Place, Reach

LARGEST = 16 << 20
"""Bytes of an object; larger ones are left to a reader that takes them in windows."""

_HELD = 64 << 20  # bytes of bases that wait for their other children; what would need more is left
_AHEAD = 16 << 10  # bytes read at once: objects that follow each other come from one call
_LEFT = (DeltaError, StreamError, OSError)


class _TooMuchError(DeltaError):
    """Too many bases would wait at once."""


class Detector(Protocol):
    """Both stages of detection, as far as reading deltas needs them apart."""

    @property
    def reach(self) -> Reach:
        """How many bytes around a place the stages look at."""
        ...

    def places(self, data: bytes | memoryview) -> list[Place]:
        """The places of the first stage, as pairs of an expression and a position, in any order."""
        ...

    def every(self, data: bytes, places: Sequence[Place]) -> tuple[list[Place], bool]:
        """The places at which something lies, each judged for itself, and whether these are all.

        They come by position.  Of what is judged together one place is told.
        """
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """Objects of a pack that grow from some whole ones, in the order of the pack; `base` is a row of this part or -1.

    `row` is that of the pack's index, the others are its columns.  `wanted` are those to be looked at; the others are
    there because one of those grows from them.  `file` tells blobs from messages.
    """

    pack: Path
    row: NDArray[np.intp]
    begin: NDArray[np.int64]
    data: NDArray[np.int64]
    end: NDArray[np.int64]
    size: NDArray[np.int64]
    base: NDArray[np.int32]
    crc: NDArray[np.uint32]
    wanted: NDArray[np.bool_]
    file: NDArray[np.bool_]


@dataclass(slots=True)
class Outcome:
    """What a part gave: rows that hold something, rows that another reader has to take, and bytes made and scanned.

    `marks` has for a row what tells the things that it holds from others (see `_marks.marks_of`).
    """

    held: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    marks: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    inflated: int = 0
    scanned: int = 0


class _Task(NamedTuple):
    """A row that waits for its turn, with its base; `last` when no other child of the base waits."""

    row: int
    base: bytes | None = None
    known: Known | None = None
    last: bool = False


class _Entries:
    """The zlib streams of a part's entries, read a stretch at a time; nothing is mapped, so a cut file is no crash."""

    def __init__(self, part: Part) -> None:
        self._handle = os.open(part.pack, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        self._begin, self._data, self._end = part.begin.tolist(), part.data.tolist(), part.end.tolist()
        self._size, self._crc = part.size.tolist(), part.crc.tolist()
        self._start, self._block = 0, b""

    def close(self) -> None:
        """Nothing is read after it."""
        os.close(self._handle)

    def read(self, row: int) -> bytes:
        """What the entry's stream inflates to.  Raises StreamError when it is damaged or larger than is taken here."""
        begin, end, size = self._begin[row], self._end[row], self._size[row]
        if size > LARGEST or end - begin > 2 * LARGEST:
            raise StreamError
        place = begin - self._start
        if place < 0 or place + end - begin > len(self._block):
            self._block = os.pread(self._handle, max(_AHEAD, end - begin), begin)
            self._start, place = begin, 0
        raw = self._block[place : place + end - begin]
        if crc32(raw) != self._crc[row]:
            raise StreamError
        return inflate(raw[self._data[row] - begin :], size)


def scan_part(part: Part, detector: Detector) -> Outcome:
    """Which of the wanted objects hold something; what cannot be read here is left, with all that grows from it."""
    try:
        entries = _Entries(part)
    except OSError:
        return Outcome(left=part.wanted.nonzero()[0].tolist())
    collects = gc.isenabled()
    gc.disable()  # nothing here refers to itself, and there are millions of places to go through
    try:
        walk = _Walk(part, entries, detector)
        walk.run()
    finally:
        entries.close()
        if collects:
            gc.enable()
    return walk.outcome


class _Walk:
    """Depth first over the trees of deltas, the heaviest child last: so few bases wait, and a chain keeps one."""

    def __init__(self, part: Part, entries: _Entries, detector: Detector) -> None:
        self.outcome = Outcome()
        self._entries, self._detector, self._reach = entries, detector, detector.reach
        self._least = detector.reach.least
        self._wanted, self._file = part.wanted.tolist(), part.file.tolist()
        self._roots, self._children = _families(part.base.tolist())
        self._held = 0

    def run(self) -> None:
        """Look at every object of the part."""
        for root in self._roots:
            stack = [_Task(root)]
            while stack:
                task = stack.pop()
                if task.last and task.base is not None:
                    self._held -= len(task.base)
                stack.extend(self._visit(task))

    def _visit(self, task: _Task) -> list[_Task]:
        """Look at one object; its children come back, heaviest first (which is last from a stack)."""
        row, children = task.row, self._children.get(task.row, ())
        try:
            data, copies = self._object(task)
            if children and self._held + len(data) > _HELD:
                raise _TooMuchError
        except _LEFT:
            self._leave(row)
            return []
        self.outcome.inflated += len(data)
        try:
            known = self._look(task, data, copies) if self._wanted[row] else None
        except CrowdedError:  # the other way reads it in pieces
            self._leave(row)
            return []
        if not children:
            return []
        self._held += len(data)
        return [_Task(child, data, known, last=number == 0) for number, child in enumerate(children)]

    def _object(self, task: _Task) -> tuple[bytes, Sequence[Copy]]:
        stream = self._entries.read(task.row)
        return (stream, ()) if task.base is None else apply(stream, task.base, LARGEST, self._least)

    def _look(self, task: _Task, data: bytes, copies: Sequence[Copy]) -> Known | None:
        """Note what the object holds; what those that grow from it have to know comes back."""
        outcome, detector = self.outcome, self._detector
        if not self._file[task.row]:
            data = message(data)
            outcome.scanned += len(data)
            if detector.every(data, ordered(detector.places(data)))[0]:
                outcome.held.append(task.row)
            return None
        if not is_plain(data):
            outcome.left.append(task.row)
            return None
        found = self._found(task, data, copies)
        if found.hits:
            outcome.held.append(task.row)
            if found.complete and (marks := marks_of(data, found.hits, self._reach)):
                outcome.marks[task.row] = marks
        return found

    def _found(self, task: _Task, data: bytes, copies: Sequence[Copy]) -> Known:
        """The places of a text; where it grows from a known one, only what differs is scanned and judged."""
        known, detector = task.known, self._detector
        clean = None
        if known is not None and task.base is not None:
            clean = clean_stretches(copies, len(data), len(task.base), self._reach)
        if clean is None or known is None or task.base is None:
            self.outcome.scanned += len(data)
            return self._judged(data, ordered(detector.places(data)) if data else [])
        seen = places_of(data, clean, known, self._reach, detector.places)
        self.outcome.scanned += seen.scanned
        if not known.complete:
            # Not all that lay in the base is known, so other places may hold something still.
            if seen.hits:
                return Known(seen.places, seen.hits, complete=False)
            return self._judged(data, seen.places)
        hits, complete = detector.every(data, seen.asked(data, self._reach)) if seen.fresh else ([], True)
        return Known(seen.places, [*seen.hits, *hits], complete)

    def _judged(self, data: bytes, places: list[Place]) -> Known:
        hits, complete = self._detector.every(data, places) if places else ([], True)
        return Known(places, hits, complete)

    def _leave(self, row: int) -> None:
        rows = [row]
        while rows:
            row = rows.pop()
            if self._wanted[row]:
                self.outcome.left.append(row)
            rows.extend(self._children.get(row, ()))


def _families(base: Sequence[int]) -> tuple[list[int], dict[int, list[int]]]:
    """The rows without a base, and for each row those that grow from it, the one with most behind it first."""
    roots: list[int] = []
    children: dict[int, list[int]] = {}
    for row, parent in enumerate(base):
        if parent < 0:
            roots.append(row)
        else:
            children.setdefault(parent, []).append(row)
    order = list(roots)
    for row in order:
        order.extend(children.get(row, ()))
    weight = [1] * len(base)
    for row in reversed(order):
        if base[row] >= 0:
            weight[base[row]] += weight[row]
    for rows in children.values():
        if len(rows) > 1:
            rows.sort(key=weight.__getitem__, reverse=True)
    return roots, children
