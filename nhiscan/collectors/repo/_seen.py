"""What need not be scanned again: ids of objects that held nothing, and packs of which every object was scanned.

One file for each repository, under the version of the rules; whatever is wrong with it, it is as if there were none.
Of an object that held something no id is kept, as the id is a digest of the content: a pack's row for it is.
"""

from __future__ import annotations

import hashlib
import os
import struct
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from nhiscan.cache import put

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nhiscan.collectors.repo._database import Database

_MAGIC = b"nhiscan-seen-1\n"
_DIGEST = 32
_MOST_IDS = 4_000_000  # 80 MB; a larger history is known by its packs alone
_MOST_BYTES = 256 << 20
_OLD_DAYS = 60
_FEW = 20_000  # ids from which on numpy is worth its import
_FAN = 8 + 4 * 256


@dataclass(frozen=True, slots=True)
class Index:
    """A pack's index (gitformat-pack(5), version 2), a list of sorted ids; `mark` tells the pack from others."""

    path: Path
    mark: bytes
    count: int
    width: int

    @classmethod
    def of(cls, pack: Path, width: int) -> Self | None:
        """None for an index of another version, or one that is not whole."""
        path = pack.with_suffix(".idx")
        try:
            with path.open("rb") as file:
                head = file.read(_FAN)
                file.seek(-2 * width, os.SEEK_END)
                sizes = file.tell() + 2 * width, pack.stat().st_size
                tail = file.read(2 * width)
        except OSError:
            return None
        count = int.from_bytes(head[_FAN - 4 :], "big")
        if head[:8] != b"\xfftOc\0\0\0\2" or sizes[0] < _FAN + count * (width + 8) + 2 * width:
            return None
        mark = hashlib.blake2b(b"%s %d %d" % (tail, *sizes), digest_size=16).digest()
        return cls(path, mark, count, width)

    def ids(self) -> bytes:
        """All ids, sorted and without anything between them.  Raises OSError."""
        with self.path.open("rb") as file:
            file.seek(_FAN)
            return file.read(self.count * self.width)

    def at(self, rows: Iterable[int]) -> list[str]:
        """The ids in hex that stand in these rows.  Raises OSError."""
        found = []
        with self.path.open("rb") as file:
            for row in rows:
                file.seek(_FAN + row * self.width)
                found.append(file.read(self.width).hex())
        return found


@dataclass(frozen=True, slots=True)
class Split:
    """Packs of which nothing is known, loose objects that were never scanned, and ids known to hold something."""

    packs: list[Path]
    loose: list[str]
    held: dict[str, None]


@dataclass(slots=True)
class Seen:
    """What earlier scans left: sorted ids that held nothing, and by the mark of a pack its rows that held something."""

    place: Path | None
    width: int
    clean: bytes = b""
    packs: dict[bytes, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def load(cls, directory: Path | None, base: Database, rules: str) -> Self:
        """What is known of the repository; nothing without a directory or under other rules."""
        if directory is None:
            return cls(None, base.width)
        name = hashlib.blake2b(
            f"{base.common}\0{base.width}\0{rules}".encode("utf-8", "surrogateescape"), digest_size=16
        )
        found = cls(directory / "history" / f"{name.hexdigest()}.seen", base.width)
        body = _kept(found.place)
        if body is not None:
            found._unpack(body)
        return found

    def split(self, base: Database) -> Split | None:
        """What is new and what is known to hold something; None when an index cannot be read here.

        Raises OSError when an index vanishes meanwhile.
        """
        packs: list[Path] = []
        held: dict[str, None] = {}
        for pack in base.packs():
            index = Index.of(pack, self.width)
            if index is None:
                return None
            rows = self.packs.get(index.mark)
            if rows is None:
                packs.append(pack)
            else:
                held.update(dict.fromkeys(index.at(rows)))
        loose = [oid for oid in base.loose() if oid not in held and not self.knows(bytes.fromhex(oid))]
        return Split(packs, loose, held)

    def unknown(self, pack: Path) -> list[str]:
        """The ids in hex of a pack's objects, trees too, that were never scanned.  Raises OSError."""
        index = Index.of(pack, self.width)
        return self._new(index.ids()) if index is not None else []

    def ids(self) -> frozenset[bytes]:
        """All objects that were scanned and held nothing."""
        return frozenset(self.clean[at : at + self.width] for at in range(0, len(self.clean), self.width))

    def knows(self, oid: bytes) -> bool:
        """Whether an object was scanned and held nothing."""
        row = _row(self.clean, self.width, oid)
        return self.clean[row * self.width : (row + 1) * self.width] == oid

    def remember(self, base: Database, clean: bytes, held: Iterable[str]) -> None:
        """Keep what a scan of everything found out: further ids that held nothing, and all that held something."""
        if self.place is None:
            return
        dirty = {bytes.fromhex(oid) for oid in held}
        packs = {}
        for pack in base.packs():
            index = Index.of(pack, self.width)
            if index is not None:
                packs[index.mark] = self.packs[index.mark] if index.mark in self.packs else _rows(index, dirty)
        if not clean and packs == self.packs:
            return
        self.packs = packs
        self.clean = _merged(self.clean, clean, self.width)
        self._write(self.place)

    def _new(self, ids: bytes) -> list[str]:
        count = len(ids) // self.width
        if count < _FEW or not self.clean:
            rows = range(0, len(ids), self.width)
            return [oid.hex() for at in rows if not self.knows(oid := ids[at : at + self.width])]
        import numpy as np

        some, known = (np.frombuffer(part, f"S{self.width}") for part in (ids, self.clean))
        place = np.minimum(np.searchsorted(known, some), len(known) - 1)
        return [ids[r * self.width : (r + 1) * self.width].hex() for r in np.flatnonzero(known[place] != some).tolist()]

    def _unpack(self, body: bytes) -> None:
        at = 8 + int.from_bytes(body[:8], "big") * self.width
        self.clean = body[8:at]
        while at < len(body):
            mark, count = body[at : at + 16], int.from_bytes(body[at + 16 : at + 20], "big")
            self.packs[mark] = struct.unpack_from(f">{count}I", body, at + 20)
            at += 20 + 4 * count

    def _write(self, place: Path) -> None:
        parts = [(len(self.clean) // self.width).to_bytes(8, "big"), self.clean]
        for mark, rows in sorted(self.packs.items()):
            parts += [mark, struct.pack(f">{len(rows) + 1}I", len(rows), *rows)]
        body = b"".join(parts)
        with suppress(OSError):
            put(place, _MAGIC + hashlib.blake2b(body, digest_size=_DIGEST).digest() + body)
            _sweep(place)


def _kept(place: Path | None) -> bytes | None:
    """What the file holds; None when there is none or it is not what was written."""
    try:
        raw = place.read_bytes() if place is not None and place.stat().st_size <= _MOST_BYTES else b""
    except OSError:
        return None
    digest, body = raw[len(_MAGIC) :][:_DIGEST], raw[len(_MAGIC) + _DIGEST :]
    right = raw.startswith(_MAGIC) and hashlib.blake2b(body, digest_size=_DIGEST).digest() == digest
    return body if right else None


def _row(ids: bytes, width: int, oid: bytes) -> int:
    """The row of the first id that is not before `oid`."""
    return bisect_left(range(len(ids) // width), oid, key=lambda row: ids[row * width : (row + 1) * width])


def _rows(index: Index, wanted: Iterable[bytes]) -> tuple[int, ...]:
    ids, width = index.ids(), index.width
    rows = ((_row(ids, width, oid), oid) for oid in wanted)
    return tuple(sorted(row for row, oid in rows if ids[row * width : (row + 1) * width] == oid))


def _merged(known: bytes, more: bytes, width: int) -> bytes:
    """Both, sorted and each id once; only the newer ones where there are too many to keep."""
    if not more:
        return known
    fresh = sorted({more[at : at + width] for at in range(0, len(more), width)})
    if (len(known) // width) + len(fresh) > _MOST_IDS:
        return b"".join(fresh[:_MOST_IDS])
    parts, last = [], 0
    for oid in fresh:
        at = _row(known, width, oid) * width if known else 0
        if known[at : at + width] != oid:
            parts += [known[last:at], oid]
            last = at
    return b"".join((*parts, known[last:]))


def _sweep(kept: Path) -> None:
    """Drop what no scan has touched for two months: other rules, repositories that are gone."""
    oldest = kept.stat().st_mtime - _OLD_DAYS * 86_400
    for other in kept.parent.glob("[0-9a-z]*.*"):
        if other.stat().st_mtime < oldest:
            other.unlink(missing_ok=True)
