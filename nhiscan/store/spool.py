"""The spool: the durable state of a run, one directory per unit, published by rename.

    DIR/run.json                     schema, tool and key-id versions, targets, whether the run ended
    DIR/units/<name>/unit.json       what the unit was and how it went
    DIR/units/<name>/<table>.jsonl   its records
    DIR/findings/finding.jsonl       the findings of the run, for `nhiscan query`
    DIR/analysed/                    what analysis made of it, for `nhiscan diff` (see analysed.py)

Directories are 0700 and files 0600.  A unit that is not published does not exist, so a run that was killed continues
from the finished ones, shards can be copied together, and nothing has to be repaired.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING

from nhiscan.store.errors import StoreError
from nhiscan.store.schema import to_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.model import Record

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a run directory says of itself; `key_id` tells whether fingerprints of two runs can be compared."""

    schema: int
    tool: str
    key_id: str
    as_of: str
    targets: tuple[str, ...]
    complete: bool = False
    failed: tuple[tuple[str, str, str], ...] = ()
    scopes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """How a unit went: `status` is succeeded, partial or failed; `counts` is records per table.

    `crash` says where the collector broke, None when it ended by itself.
    """

    id: str
    collector: str
    scope_id: str
    target: str
    status: str
    counts: Mapping[str, int]
    calls: Mapping[str, int] = field(default_factory=dict)
    crash: str | None = None


class UnitWriter:
    """Streams the records of one unit into its table files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._files: dict[str, IO[str]] = {}
        self.counts: dict[str, int] = {}

    def write(self, record: Record) -> None:
        """Append one record."""
        out = self._files.get(record.table)
        if out is None:
            out = self._files[record.table] = open_private(self.directory / f"{record.table}.jsonl")
        out.write(to_line(record))
        self.counts[record.table] = self.counts.get(record.table, 0) + 1

    def close(self) -> None:
        """Flush and close every file."""
        for out in self._files.values():
            out.close()


class Spool:
    """The directory of one run."""

    def __init__(self, directory: Path, info: RunInfo) -> None:
        self.directory = directory
        self.info = info

    @classmethod
    def begin(cls, directory: Path, info: RunInfo) -> Spool:
        """A new run, or the continuation of one that was cut off.

        Raises StoreError when the directory holds something else, a finished run, or a run of other targets or keys.
        """
        marker = directory / "run.json"
        if marker.exists():
            spool = cls.open(directory)
            _refuse_foreign(spool.info, info, directory)
            shutil.rmtree(directory / "tmp", ignore_errors=True)
        elif directory.is_symlink() or (directory.exists() and any(directory.iterdir())):
            msg = f"{directory} is not empty and holds no run"
            remedy = "choose an empty directory"
            raise StoreError(msg, remedy)
        else:
            spool = cls(directory, info)
            try:
                directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                directory.chmod(0o700)
            except OSError as e:
                msg = f"cannot write the run directory {directory}: {e.strerror}"
                remedy = "choose another with --save"
                raise StoreError(msg, remedy) from None
            spool._write_info()
        for part in ("units", "tmp"):
            (directory / part).mkdir(mode=0o700, exist_ok=True)
        return spool

    @classmethod
    def open(cls, directory: Path) -> Spool:
        """A saved run.  Raises StoreError when it is no run, broken, or written by a newer schema."""
        marker = directory / "run.json"
        try:
            raw = json.loads(marker.read_text(encoding="utf-8"))
            info = RunInfo(**{
                **raw,
                "targets": tuple(raw["targets"]),
                "failed": tuple(tuple(f) for f in raw.get("failed", ())),
                "scopes": {k: tuple(v) for k, v in raw.get("scopes", {}).items()},
            })  # fmt: skip
        except (OSError, ValueError, TypeError, KeyError):
            msg = f"{marker} is not a readable run description"
            remedy = "audit the target again with --save"
            raise StoreError(msg, remedy) from None
        if info.schema > SCHEMA:
            msg = f"{directory} has schema {info.schema}, this nhiscan reads up to {SCHEMA}"
            remedy = "upgrade nhiscan"
            raise StoreError(msg, remedy)
        return cls(directory, info)

    def published(self, unit_id: str) -> Manifest | None:
        """The manifest of a finished unit, None when there is none."""
        return self.manifest(self.directory / "units" / unit_name(unit_id))

    def manifest(self, unit: Path) -> Manifest | None:
        """What a published unit directory says of itself, None when that cannot be read."""
        path = unit / "unit.json"
        try:
            return Manifest(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    @contextmanager
    def writer(self, unit_id: str) -> Iterator[UnitWriter]:
        """A writer whose records become visible only through `publish`."""
        # A directory of its own: a worker that outlived a killed run may still be writing the same unit.
        (self.directory / "tmp").mkdir(mode=0o700, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f"{unit_name(unit_id)}.", dir=self.directory / "tmp"))
        writer = UnitWriter(work)
        try:
            yield writer
        finally:
            writer.close()

    def publish(self, manifest: Manifest, writer: UnitWriter) -> None:
        """Make a unit's records part of the run by one rename; a result of an earlier try is replaced."""
        final = self.directory / "units" / unit_name(manifest.id)
        with open_private(writer.directory / "unit.json") as out:
            json.dump(asdict(manifest), out, sort_keys=True)
        shutil.rmtree(final, ignore_errors=True)
        writer.directory.rename(final)

    def add_unit(self, manifest: Manifest, records: Iterable[Record]) -> None:
        """Write and publish a unit in one go."""
        with self.writer(manifest.id) as writer:
            for record in records:
                writer.write(record)
        self.publish(manifest, writer)

    def units(self) -> list[Path]:
        """The published unit directories, ordered by name so that ingestion does not depend on who finished first."""
        found = (self.directory / "units").glob("*/unit.json")
        return sorted(path.parent for path in found)

    def finish(self, info: RunInfo, findings: Iterable[Record]) -> None:
        """Mark the run as ended and keep its findings for queries."""
        target = self.directory / "findings"
        target.mkdir(mode=0o700, exist_ok=True)
        writer = UnitWriter(target)
        for record in findings:
            writer.write(record)
        writer.close()
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)
        self.info = info
        self._write_info()

    def _write_info(self) -> None:
        fresh = self.directory / "run.json.new"
        with open_private(fresh) as out:
            json.dump(asdict(self.info), out, sort_keys=True, indent=1)
        fresh.replace(self.directory / "run.json")


def unit_name(unit_id: str) -> str:
    """A directory name for a unit: readable, unique, safe on every file system."""
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", unit_id).strip("-.")[:60]
    return f"{readable}-{sha256(unit_id.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"


def _refuse_foreign(found: RunInfo, wanted: RunInfo, directory: Path) -> None:
    if found.complete:
        msg = f"{directory} holds a finished run"
        remedy = f"read it with snapshot:{directory} or choose another directory"
        raise StoreError(msg, remedy)
    if (found.targets, found.key_id) != (wanted.targets, wanted.key_id):
        msg = f"{directory} holds an unfinished run of other targets or another key"
        remedy = "choose another directory"
        raise StoreError(msg, remedy)


def open_private(path: Path) -> IO[str]:
    """A new file to write text into that only its owner can read; a link in its place is refused."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", newline="\n")
