"""What workers do with objects: find those that hold anything, then say what, with the path that tells the file's sort.

Objects are first scanned without a path, as the scanner looks hardest then; the few that hold something are read again
once their paths are known.  Values stay in the worker that read them: what leaves it is a record with a keyed digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._credential import Place, credential, public_id
from nhiscan.collectors.repo._texts import texts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nhiscan.collectors.repo._git import Git
    from nhiscan.collectors.repo._texts import Text
    from nhiscan.detect.candidate import Candidate
    from nhiscan.detect.scan import Scanner
    from nhiscan.plugin import Credential, ExposurePart
    from nhiscan.sensitive import FingerprintKey

Wanted = tuple[str, tuple[str, ...]]
"""The id of an object and the paths it had, printable; none for a message or where nobody knows."""

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Looked:
    """Ids of the objects that hold something (or an archive that cannot be read), and of those git could not give."""

    hits: tuple[str, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hit:
    """One value in one object at one of its paths; `path` is "" for a message or an object without a path.

    `label` is the path, or that of a member of the archive that lies there.  `credential` has no place yet: its id is
    the public one of the value or "", its locator is missing.
    """

    oid: str
    kind: str
    path: str
    label: str
    line: int
    start: int
    name: str
    key_name: str | None
    detector: str
    basis: str | None
    part: ExposurePart
    credential: Credential

    @property
    def value(self) -> tuple[object, ...]:
        """What tells one value from another within a repository."""
        return self.part, self.credential.fingerprint, self.credential.key_id, self.credential.format


@dataclass(slots=True)
class Told:
    """What objects hold, the ids that could not be read, and archives that could not: id, label, reason."""

    hits: list[Hit] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    closed: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class First:
    """Starts workers that say which objects of a list hold anything."""

    git: Git
    cache_dir: Path | None

    def __call__(self) -> Callable[[list[str]], Looked]:
        """The working function of one process."""
        scanner = scanner_of(self.cache_dir)

        def look(ids: list[str]) -> Looked:
            hits: dict[str, None] = {}
            unread: dict[str, None] = {}
            for text in texts(self.git, ids, {}):
                if text.data is None:
                    (hits if text.reason else unread)[text.oid] = None
                elif text.oid not in hits and scanner.scan(text.data, text.label):
                    hits[text.oid] = None
            return Looked(tuple(hits), tuple(unread))

        return look


@dataclass(frozen=True, slots=True)
class Second:
    """Starts workers that say what objects hold, at each of their paths."""

    git: Git
    cache_dir: Path | None
    key: FingerprintKey
    scope_id: str
    source: str

    def __call__(self) -> Callable[[list[Wanted]], Told]:
        """The working function of one process."""
        scanner = scanner_of(self.cache_dir)

        def look(wanted: list[Wanted]) -> Told:
            told = Told()
            for text in texts(self.git, [oid for oid, _ in wanted], dict(wanted)):
                if text.data is not None:
                    told.hits += self.hits(scanner, text, text.data)
                elif text.reason is not None:
                    told.closed.append((text.oid, text.label or text.oid, text.reason))
                else:
                    told.unread.append(text.oid)
            return told

        return look

    def hits(self, scanner: Scanner, text: Text, data: bytes) -> list[Hit]:
        """What may leave this process of what a text holds."""
        return [self._hit(i, text) for i in scanner.scan(data, text.label) if text.low <= i.start < text.high]

    def _hit(self, item: Candidate, text: Text) -> Hit:
        from nhiscan.detect.conceal import conceal_name

        item = replace(item, key_name=conceal_name(item.key_name))
        made = credential(item, Place(public_id(item) or "", self.scope_id, self.source, ""), self.key)
        name = (item.key_name or item.format or str(item.kind))[:_LONGEST_NAME]
        return Hit(
            text.oid, text.kind, text.path, text.label, text.line + item.line, text.offset + item.start, name,
            item.key_name, item.format or item.detector, item.basis, item.part, made,
        )  # fmt: skip


def scanner_of(cache_dir: Path | None) -> Scanner:
    """The scanner of this process; what it compiles is kept in the directory."""
    from nhiscan import cache
    from nhiscan.detect.scan import shipped

    cache.use(cache_dir)
    return shipped()
