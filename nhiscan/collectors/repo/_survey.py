"""Every object of a database once: which of them hold something, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo import _objects
from nhiscan.collectors.repo._hits import First
from nhiscan.collectors.repo._workers import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._hits import Looked
    from nhiscan.collectors.repo._seen import Seen, Split
    from nhiscan.plugin import Context

_SHA1 = 20
_WORTH = 256 << 10  # bytes of packs below which starting git is quicker than what reading them directly needs


@dataclass(slots=True)
class Survey:
    """Ids in hex of objects that hold something, and of those that could not be read; `clean` are raw ids joined.

    `marks` tell the things that some of them hold from others: where two have one in common they hold the same there.
    """

    held: dict[str, None] = field(default_factory=dict)
    unread: dict[str, None] = field(default_factory=dict)
    clean: bytearray = field(default_factory=bytearray)
    marks: dict[str, tuple[bytes, ...]] = field(default_factory=dict)

    def _take(self, ids: Iterable[str], looked: Looked | None) -> None:
        if looked is None:
            self.unread.update(dict.fromkeys(ids))
            return
        self.held.update(dict.fromkeys(looked.hits))
        self.unread.update(dict.fromkeys(looked.unread))
        some = {*looked.hits, *looked.unread}
        self.clean += b"".join(bytes.fromhex(oid) for oid in ids if oid not in some)


def survey(base: Database, seen: Seen, ctx: Context) -> Survey:
    """All objects of the database; those that earlier scans found empty are left out.  Raises GitError."""
    found = Survey()
    new = seen.split(base)
    if new is None or not (seen.packs or seen.clean or _is_direct(base, new)):
        _look(base, _objects.listed(base.git), found, ctx)
        return found
    found.held.update(new.held)
    left = [*_packs(base, new, seen, found, ctx), *new.loose]
    if left:
        _look(base, _noting(_objects.listed(base.git, left), found), found, ctx)
    return found


def survey_of(base: Database, ids: Iterable[str], ctx: Context) -> Survey:
    """The named objects.  Raises GitError."""
    found = Survey()
    _look(base, _noting(_objects.listed(base.git, ids), found), found, ctx)
    return found


def _is_direct(base: Database, new: Split) -> bool:
    return base.width == _SHA1 and sum(pack.stat().st_size for pack in new.packs) >= _WORTH


def _packs(base: Database, new: Split, seen: Seen, found: Survey, ctx: Context) -> Iterator[str]:
    """Read the packs directly as far as they are usual; what is left for git comes back."""
    if not _is_direct(base, new):
        for pack in new.packs:
            yield from seen.unknown(pack)
        return
    from nhiscan.collectors.repo._pack_detector import DetectorOf
    from nhiscan.collectors.repo._packs import scan_packs

    known = seen.ids() | {bytes.fromhex(oid) for oid in new.held}
    for read in scan_packs(new.packs, DetectorOf(ctx.cache_dir), known.__contains__ if known else None, ctx.jobs):
        if read.reason is not None:
            yield from seen.unknown(read.pack)
            continue
        found.held.update((oid.hex(), None) for oid in read.held)
        found.clean += read.clean
        found.marks.update((oid.hex(), marks) for oid, marks in read.marks.items())
        yield from (oid.hex() for oid in read.left)


def _look(base: Database, entries: Iterable[tuple[str, str, int]], found: Survey, ctx: Context) -> None:
    for ids, looked in spread(First(base.git, ctx.cache_dir), _objects.chunks(entries), ctx.jobs):
        found._take(ids, looked)  # noqa: SLF001 - of this module


def _noting(entries: Iterable[tuple[str, str, int]], found: Survey) -> Iterator[tuple[str, str, int]]:
    """The entries; what git does not have is noted as not read, and trees as clean, to be asked for only once."""
    for oid, kind, size in entries:
        if kind == "missing":
            found.unread[oid] = None
        elif kind not in _objects.KINDS:
            found.clean += bytes.fromhex(oid)
        else:
            yield oid, kind, size
