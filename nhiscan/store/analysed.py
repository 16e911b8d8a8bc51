"""What a saved run knew after analysis, as columns: what `nhiscan diff` compares, without analysing two runs again.

DIR/analysed/<table>.parquet     the tables of `TABLES`; the spool beside it stays the truth
DIR/analysed/read.json           the units that were read, of this run and of the saved runs that it joined
DIR/analysed/coverage.json       how far each rule could be decided, by scope
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nhiscan.store.errors import StoreError
from nhiscan.store.spool import open_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from nhiscan.store.inventory import Inventory
    from nhiscan.store.spool import Spool

FOLDER = "analysed"
WINDOW = "window"
"""The status of a unit that was asked for a part alone (`--since`, `--staged`): what it did not show may well exist."""
TABLES = ("scope", "identity", "credential", "exposure", "owner", "gap", "grant", "effective", "reach", "cluster")


@dataclass(frozen=True, slots=True)
class Read:
    """A unit that a run read: how it went is `status` (succeeded, partial, failed)."""

    id: str
    collector: str
    scope_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """`count` subjects of a scope that a rule could not decide (0: they could not be listed), and why."""

    scope_id: str
    count: int
    reason: str
    remedy: str


def keep(inventory: Inventory, run: Path, read: Iterable[Read]) -> None:
    """Write the tables of an analysed inventory, and what was read, beside the spool of its run.

    Must come before the inventory is locked.  Raises StoreError when the directory cannot be written.
    """
    fresh = run / f"{FOLDER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700)
        for table in TABLES:
            path = fresh / f"{table}.parquet"
            inventory.export(table, path)
            path.chmod(0o600)
        _write(fresh / "read.json", [asdict(u) for u in sorted(read, key=lambda u: u.id)])
        shutil.rmtree(run / FOLDER, ignore_errors=True)
        fresh.rename(run / FOLDER)
    except OSError as e:
        msg = f"cannot keep the analysed tables in {run}: {e.strerror or e}"
        raise StoreError(msg, "free some space, or choose another directory with --save") from None


def keep_coverage(run: Path, coverage: Iterable[tuple[str, Sequence[Undecided]]]) -> None:
    """Write what the rules that ran could not decide, by rule id."""
    document = {rule: [asdict(item) for item in items] for rule, items in coverage}
    _write(run / FOLDER / "coverage.json", document)


def units(spool: Spool) -> tuple[Read, ...]:
    """The units that a run read.  Raises StoreError when what is kept of them is broken."""
    path = spool.directory / FOLDER / "read.json"
    if path.is_file():
        return tuple(Read(**item) for item in _read(path, list))
    found = (m for m in map(spool.manifest, spool.units()) if m is not None)
    return tuple(Read(m.id, m.collector, m.scope_id, m.status) for m in found)


def coverage(spool: Spool) -> dict[str, tuple[Undecided, ...]] | None:
    """What each rule that ran could not decide; None for a run that did not keep it.  Raises StoreError."""
    path = spool.directory / FOLDER / "coverage.json"
    if not path.is_file():
        return None
    return {rule: tuple(Undecided(**item) for item in items) for rule, items in _read(path, dict).items()}


def _write(path: Path, document: object) -> None:
    with open_private(path) as out:
        json.dump(document, out, sort_keys=True)


def _read(path: Path, shape: type) -> Any:  # noqa: ANN401 - JSON of that shape
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        document = None
    if not isinstance(document, shape):
        msg = f"{path} cannot be read"
        raise StoreError(msg, "audit the targets again with --save")
    return document
