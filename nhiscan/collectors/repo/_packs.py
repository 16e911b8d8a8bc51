"""Packs read directly: every blob, commit and tag once, several times as fast as through `git cat-file`.

Only what is usual is read: packs of version 2 or 3 with an index of version 2 and SHA-1, deltas whose base lies in the
same pack, objects of a moderate size.  Whatever else there is, damage included, is named as left and goes through git.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._pack_index import BLOB, COMMIT, TAG, Unusual, read_index
from nhiscan.collectors.repo._pack_scan import Part, scan_part
from nhiscan.collectors.repo._workers import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from nhiscan.collectors.repo._pack_index import PackIndex
    from nhiscan.collectors.repo._pack_scan import Detector, Outcome

    Rows = NDArray[np.intp]
    Mask = NDArray[np.bool_]

_PART = 4 << 20  # weight of a part, about half a second of work: no process waits long for another at the end
_EACH = 200  # what an object weighs beside its compressed bytes


@dataclass(frozen=True, slots=True)
class Read:
    """One pack as it was read; ids have 20 bytes.

    `held` are the blobs, commits and tags that hold something, `clean` are those that were looked at and hold nothing
    (sorted, one after the other), `left` those that have to be read in another way: archives, other encodings, large
    ones, damaged ones.  `marks` tell what some of those that hold something hold.  `reason` says
    why the whole pack is left; then the ids are unknown.  `inflated` and `scanned`
    are bytes.
    """

    pack: Path
    held: tuple[bytes, ...] = ()
    clean: bytes = b""
    left: tuple[bytes, ...] = ()
    marks: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    reason: str | None = None
    inflated: int = 0
    scanned: int = 0


@dataclass(slots=True)
class _Book:
    """What is kept of one pack until all of it has been looked at; rows are those of its index."""

    id_of: Callable[[int], bytes]
    ids_of: Callable[[Mask], bytes]
    clean: Mask
    left: list[bytes]
    held: list[bytes] = field(default_factory=list)
    marks: dict[bytes, tuple[bytes, ...]] = field(default_factory=dict)
    inflated: int = 0
    scanned: int = 0

    def enter(self, part: Part, outcome: Outcome | None) -> None:
        """Take what a part gave; a part whose worker died gave nothing and is left."""
        if outcome is None:
            self._strike(self.left, part.row[part.wanted])
            return
        self._strike(self.left, part.row[outcome.left])
        self._strike(self.held, part.row[outcome.held])
        rows = part.row
        self.marks.update((self.id_of(int(rows[row])), marks) for row, marks in outcome.marks.items())
        self.inflated += outcome.inflated
        self.scanned += outcome.scanned

    def read(self, pack: Path) -> Read:
        """The sum."""
        return Read(
            pack,
            tuple(self.held),
            self.ids_of(self.clean),
            tuple(self.left),
            self.marks,
            None,
            self.inflated,
            self.scanned,
        )

    def _strike(self, ids: list[bytes], rows: Rows) -> None:
        self.clean[rows] = False
        ids += map(self.id_of, rows.tolist())


@dataclass(slots=True)
class _Plan:
    """Parts of packs in their order, and the books of the packs that were begun."""

    packs: Sequence[Path]
    skip: Callable[[bytes], bool] | None
    books: dict[Path, _Book] = field(default_factory=dict)
    unusual: list[Read] = field(default_factory=list)

    def parts(self) -> Iterator[list[Part]]:
        """One part for each task of a worker."""
        for pack in self.packs:
            try:
                index = read_index(pack)
            except Unusual as e:
                self.unusual.append(Read(pack, reason=str(e)))
                continue
            wanted = _wanted(index, self.skip)
            # An object whose base lies outside of this pack is not even known to be a file.
            lost = [oid for oid in map(index.id_of, index.lost()) if self.skip is None or not self.skip(oid)]
            self.books[pack] = _Book(index.id_of, index.ids_of, wanted.copy(), lost)
            for part in _parts(pack, index, wanted):
                yield [part]


def scan_packs(
    packs: Sequence[Path],
    detector: Callable[[], Detector],
    skip: Callable[[bytes], bool] | None = None,
    jobs: int = 1,
) -> Iterator[Read]:
    """Which objects of the packs hold something: a Read for each pack, all at the end.

    `detector` makes the detector in every process and must be picklable; `skip` tells by id which objects need not be
    looked at.  An object that lies in two packs is looked at in both.
    """
    plan = _Plan(packs, skip)
    for parts, outcome in spread(partial(_worker, detector), plan.parts(), jobs):
        for part in parts:
            plan.books[part.pack].enter(part, outcome)
    for pack, book in plan.books.items():
        yield book.read(pack)
    yield from plan.unusual


def _worker(make: Callable[[], Detector]) -> Callable[[list[Part]], Outcome]:
    detector = make()
    return lambda parts: scan_part(parts[0], detector)


def _wanted(index: PackIndex, skip: Callable[[bytes], bool] | None) -> Mask:
    """For each entry whether it is to be looked at."""
    wanted: Mask = (index.kind == BLOB) | (index.kind == COMMIT) | (index.kind == TAG)
    if skip is not None:
        rows = wanted.nonzero()[0]
        wanted[rows] = [not skip(index.id_of(row)) for row in rows.tolist()]
    return wanted


def _parts(pack: Path, index: PackIndex, wanted: Mask) -> Iterator[Part]:
    """The trees of deltas with a wanted object, put together to parts of some weight."""
    import numpy as np

    rows = _needed(index, wanted).nonzero()[0]
    if not len(rows):
        return
    rows = rows[np.argsort(index.root[rows], kind="stable")]
    first = np.flatnonzero(np.diff(index.root[rows], prepend=-1))
    weight = np.add.reduceat(index.end[rows] - index.begin[rows] + _EACH, first)
    number = (np.cumsum(weight) - weight) // _PART
    for chosen in np.split(rows, first[np.flatnonzero(np.diff(number)) + 1]):
        yield _part(pack, index, np.sort(chosen), wanted)


def _part(pack: Path, index: PackIndex, rows: Rows, wanted: Mask) -> Part:
    import numpy as np

    base = index.base[rows]
    inner = base >= 0
    base[inner] = np.searchsorted(rows, base[inner])
    return Part(
        pack=pack, row=rows, begin=index.begin[rows], data=index.data[rows], end=index.end[rows],
        size=index.size[rows], base=base, crc=index.crc[rows], wanted=wanted[rows], file=index.kind[rows] == BLOB,
    )  # fmt: skip


def _needed(index: PackIndex, wanted: Mask) -> Mask:
    """The wanted entries and all that they grow from."""
    import numpy as np

    needed = wanted.copy()
    rows = wanted.nonzero()[0]
    while len(rows):
        above = index.base[rows]
        above = above[above >= 0]
        rows = np.unique(above[~needed[above]])
        needed[rows] = True
    return needed
