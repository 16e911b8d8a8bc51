"""What earlier scans told of objects that are looked into at every scan: the oldest and newest version of each value.

What is kept are records without values (keyed digests), in a file that is sealed with the key of the installation.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from nhiscan import cache
from nhiscan.collectors.repo._hits import Hit, Told
from nhiscan.collectors.repo._sealed import Sealed
from nhiscan.plugin import Credential, ExposurePart
from nhiscan.store.schema import from_row, to_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._hits import Wanted
    from nhiscan.sensitive import FingerprintKey

_MOST = 20_000  # objects; more take longer to read than to look into


@dataclass(frozen=True, slots=True)
class Entry:
    """What one object holds at its paths, and its archives that could not be read (label, reason)."""

    paths: tuple[str, ...]
    hits: tuple[Hit, ...]
    closed: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Kept:
    """What the last scan of a repository told of objects, by id."""

    file: Sealed
    made_by: str
    entries: dict[str, Entry] = field(default_factory=dict)
    _new: bool = False

    @classmethod
    def load(cls, directory: Path | None, base: Database, scope_id: str, key: FingerprintKey, rules: str) -> Self:
        """What is known of the repository; nothing without a directory, under other rules or by other code."""
        about = b"told\0" + str(base.common).encode("utf-8", "surrogateescape")
        made_by = cache.stamp(rules, scope_id, files=sorted(Path(__file__).parent.glob("_*.py"))) if directory else ""
        found = cls(Sealed.of(directory, about, "told", key), made_by)
        told = found.file.read()
        with suppress(ValueError, KeyError, TypeError, AttributeError):
            if told["by"] == made_by:
                found.entries = {oid: _entry(oid, item) for oid, item in told["of"].items()}
        return found

    def split(self, wanted: Iterable[Wanted]) -> tuple[Told, list[Wanted]]:
        """What is known of objects that were looked into at the same paths, and the others."""
        known, left = Told(), []
        for oid, paths in wanted:
            entry = self.entries.get(oid)
            if entry is None or entry.paths != paths:
                left.append((oid, paths))
                continue
            known.hits += entry.hits
            known.closed += ((oid, *closed) for closed in entry.closed)
        return known, left

    def add(self, asked: Iterable[Wanted], told: Told) -> None:
        """Take note of what was told of the objects that were asked for."""
        unread = set(told.unread)
        hits: dict[str, list[Hit]] = {oid: [] for oid, _ in asked if oid not in unread}
        for hit in told.hits:
            hits[hit.oid].append(hit)
        closed: dict[str, list[tuple[str, str]]] = {}
        for oid, label, reason in told.closed:
            closed.setdefault(oid, []).append((label, reason))
        for oid, paths in asked:
            if oid in hits:
                self.entries[oid] = Entry(paths, tuple(hits[oid]), tuple(closed.get(oid, ())))
                self._new = True

    def remember(self, needed: Collection[str]) -> None:
        """Keep what is known of the ids, unless nothing is new."""
        kept = {oid: entry for oid, entry in self.entries.items() if oid in needed}
        if (self._new or len(kept) < len(self.entries)) and len(kept) <= _MOST:
            self.file.write({"by": self.made_by, "of": {oid: _plain(entry) for oid, entry in kept.items()}})


_SAME = ("kind", "path", "label", "line", "start", "name", "key_name", "detector", "basis")


def _plain(entry: Entry) -> list[object]:
    hits = [
        [
            *(getattr(hit, name) for name in _SAME),
            str(hit.part),
            {name: value for name, value in to_json(hit.credential).items() if value is not None},
        ]
        for hit in entry.hits
    ]
    return [entry.paths, hits, entry.closed]


def _entry(oid: str, told: list[Any]) -> Entry:
    paths, hits, closed = told
    made = []
    for *same, part, row in hits:
        columns = dict(zip(_SAME, same, strict=True))
        columns |= {"part": ExposurePart(part), "credential": from_row(Credential, row)}
        made.append(Hit(oid=oid, **columns))
    return Entry(tuple(paths), tuple(made), tuple((label, reason) for label, reason in closed))
