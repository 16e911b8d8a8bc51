"""What one of two saved runs could not see: units that it did not read, and gaps; so nothing there is gone or new."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.store import analysed
from nhiscan.store.comparison import SIDES, Hidden

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.model import Gap
    from nhiscan.store.analysed import Read
    from nhiscan.store.comparison import Alone, Comparison

_SNAPSHOT = re.compile(r":snapshot-[0-9a-f]{12}$")
_PERMISSIONS = frozenset({"policy", "attachment", "member", "trust", "grant", "effective", "reach"})
_FILE_SCOPES = ("repo:", "dir:")
_AGAIN = "audit the same targets with the same options"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: a saved run or a report.  `text` is how it was named, `key_id` None for a report."""

    text: str
    as_of: str
    tool: str
    targets: tuple[str, ...]
    complete: bool
    key_id: str | None
    units: tuple[Read, ...] = ()
    scopes: frozenset[str] = frozenset()


def unseen(comparison: Comparison, sides: Mapping[str, Side], alone: Sequence[Alone]) -> Iterator[Hidden]:
    """What either of two saved runs could not see and the other one has; `alone` are the rows that one lacks."""
    for blind in SIDES:
        other = sides["new" if blind == "old" else "old"]
        units = _Units(other.units, sides[blind])
        gaps = comparison.gaps(blind)
        for pair in alone:
            if pair.blind == blind:
                yield from _unread(pair, units)
                yield from _holes(pair, gaps, units)
        yield from _blind_scopes(blind, units, gaps, other.scopes | sides[blind].scopes)


class _Units:
    """The units of the run that saw more, against those of the `blind` one."""

    def __init__(self, seen: Iterable[Read], blind: Side) -> None:
        read = {_name(unit.id) for unit in blind.units if unit.status != analysed.WINDOW}
        self.complete = blind.complete
        self._missing: dict[str, list[Read]] = defaultdict(list)
        self.scopes: dict[str, set[str]] = defaultdict(set)
        self._by_scope: dict[str, list[Read]] = defaultdict(list)
        for unit in seen:
            self.scopes[unit.collector].add(unit.scope_id)
            if _name(unit.id) not in read:
                self._missing[unit.collector].append(unit)
                self._by_scope[unit.scope_id].append(unit)

    def missing(self, source: str, scope_id: str) -> list[Read]:
        """What would have shown the rows of a source in a scope and was not read; all of the source for a part."""
        if source not in self.scopes:  # no collector: analysis made it of what several had read
            return self._by_scope.get(scope_id, [])
        if scope_id in self.scopes[source]:
            return [unit for unit in self._missing[source] if unit.scope_id == scope_id]
        return self._missing[source]

    def in_scope(self, scope_id: str) -> list[Read]:
        """What was not read in a scope."""
        return self._by_scope.get(scope_id, [])


def _name(unit_id: str) -> str:
    """A unit's id without the digest of the exported files that it was read from."""
    return _SNAPSHOT.sub("", unit_id)


def _unread(pair: Alone, units: _Units) -> Iterator[Hidden]:
    missing = units.missing(pair.source, pair.scope_id)
    if missing:
        reason = _reason(missing, complete=units.complete)
        yield Hidden(pair.blind, pair.part, pair.scope_id, pair.source, None, None, None, reason, _AGAIN)


def _reason(missing: Sequence[Read], *, complete: bool) -> str:
    names = sorted({unit.collector for unit in missing})
    scopes = sorted({unit.scope_id for unit in missing})
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    where = scopes[0] if len(scopes) == 1 else f"{len(scopes)} scopes"
    return f"{shown} did not read {where}" + ("" if complete else ": the run was cut off")


def _holes(pair: Alone, gaps: Iterable[Gap], units: _Units) -> Iterator[Hidden]:
    """The gaps of the same collector in the same scope; for a part (a project) also in the whole it is read with."""
    whole = units.scopes.get(pair.source, set())
    meant = {pair.scope_id} | (set() if pair.scope_id in whole else whole)
    for gap in gaps:
        if gap.source != pair.source or pair.part not in gap.covers or gap.scope_id not in meant:
            continue
        subject, prefix, path = _narrowed(gap)
        yield Hidden(pair.blind, pair.part, pair.scope_id, pair.source, subject, prefix, path, _why(gap), gap.remedy)


def _narrowed(gap: Gap) -> tuple[str | None, str | None, str | None]:
    """The one thing that a gap is about: its id, what its id begins with, or its file; nothing for a whole list."""
    if gap.locator is not None and gap.scope_id.startswith(_FILE_SCOPES):
        return None, None, gap.locator
    if gap.subject_id is None or gap.subject_id == gap.scope_id:
        return None, None, None
    if gap.subject_id.endswith("*"):
        return None, gap.subject_id.rstrip("*"), None
    return gap.subject_id, None, None


def _why(gap: Gap) -> str:
    place = f" of {gap.locator}" if gap.locator is not None and gap.scope_id.startswith(_FILE_SCOPES) else ""
    return f"{gap.operation or ', '.join(gap.covers)}{place}: {gap.reason} in {gap.scope_id}"


def _blind_scopes(side: str, units: _Units, gaps: Iterable[Gap], scopes: Iterable[str]) -> Iterator[Hidden]:
    """Where nobody can say that permissions, owners or findings went, because not everything was read."""
    for scope_id in sorted(scopes):
        missing = units.in_scope(scope_id)
        if missing:
            reason = _reason(missing, complete=units.complete)
            for part in ("permission", "owner", "finding"):
                yield Hidden(side, part, scope_id, None, None, None, None, reason, _AGAIN)
    for gap in gaps:
        tables = {cover.partition(".")[0] for cover in gap.covers}
        for part, wanted in (("permission", _PERMISSIONS), ("owner", {"owner"})):
            if tables & wanted:
                yield Hidden(side, part, gap.scope_id, None, None, None, None, _why(gap), gap.remedy)
