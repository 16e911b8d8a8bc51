"""What changed between two saved runs, or between the findings of two JSON reports.

A run that saw less never makes anything gone: what the new run could not read is `not_seen`, with the reason.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nhiscan.model import Confidence, FindingRecord, Severity
from nhiscan.store import StoreError, analysed
from nhiscan.store.comparison import SIDES, Comparison, Hidden
from nhiscan.store.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from nhiscan.model import Gap
    from nhiscan.store.analysed import Read, Undecided
    from nhiscan.store.comparison import Alone

REPORT = "nhiscan-result/1"
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


@dataclass(frozen=True, slots=True)
class Diff:
    """A finished comparison: both sides, notes on what could not be compared, and the changes to be read from it."""

    old: Side
    new: Side
    notes: tuple[str, ...]
    comparison: Comparison

    @property
    def inventory(self) -> bool:
        """Whether identities and credentials were compared: reports hold findings alone."""
        return self.old.key_id is not None and self.new.key_id is not None


@contextmanager
def diff(old: Path, new: Path) -> Iterator[Diff]:
    """Compare two saved runs (`audit --save DIR`) or JSON reports; of a run and a report, the findings alone.

    Raises StoreError for what is neither, is broken, or was saved before runs kept what analysis made of them.
    """
    with ExitStack() as stack:
        comparison = stack.enter_context(Comparison.memory())
        paths = dict(zip(SIDES, (old, new), strict=True))
        whole = all(path.is_dir() for path in paths.values())
        sides, covered = {}, {}
        for side, path in paths.items():
            sides[side], covered[side] = _open(comparison, side, path, whole=whole)
        alone = comparison.alone()
        hidden = _hidden(comparison, sides, alone, whole=whole)
        keys = {side.key_id for side in sides.values()}
        comparison.judge(hidden, same_key=len(keys) == 1, covered=covered)
        yield Diff(sides["old"], sides["new"], tuple(_notes(sides, keys, covered, whole=whole)), comparison)


def _open(comparison: Comparison, side: str, path: Path, *, whole: bool) -> tuple[Side, bool]:
    if path.is_dir():
        return _run(comparison, side, path, whole=whole)
    return _report(comparison, side, path)


def _run(comparison: Comparison, side: str, path: Path, *, whole: bool) -> tuple[Side, bool]:
    spool = Spool.open(path)
    if whole:
        if not (path / analysed.FOLDER).is_dir():
            msg = f"{path} was saved without what `nhiscan diff` reads"
            raise StoreError(msg, f"run: nhiscan audit snapshot:{path} --save NEW_DIR, and compare that")
        comparison.run(side, path)
    else:
        comparison.empty(side)
    comparison.findings(side, path / "findings" / "finding.jsonl")
    coverage = analysed.coverage(spool)
    comparison.covered(side, coverage)
    info, units = spool.info, analysed.units(spool)
    scopes = comparison.scopes(side) if whole else frozenset()
    found = Side(str(path), info.as_of, info.tool, info.targets, info.complete, info.key_id, units, scopes)
    return found, coverage is not None


def _report(comparison: Comparison, side: str, path: Path) -> tuple[Side, bool]:
    document = _document(path)
    try:
        findings = [_finding(item) for item in document["findings"]]
        coverage = {str(rule["rule"]): tuple(_undecided(rule["gaps"])) for rule in document["coverage"]["rules"]}
        targets = tuple(str(t["text"]) for t in document["targets"])
        found = Side(str(path), str(document["as_of"]), str(document["version"]), targets, complete=True, key_id=None)
    except (KeyError, TypeError, ValueError):
        msg = f"{path} is no whole JSON report"
        raise StoreError(msg, "write it with nhiscan audit -o FILE.json") from None
    comparison.empty(side)
    comparison.records(side, findings)
    comparison.covered(side, coverage)
    return found, True


def _document(path: Path) -> Any:  # noqa: ANN401 - JSON that was not looked at yet
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as e:
        msg = f"cannot read {path}: {e.strerror}"
        raise StoreError(msg, "name a directory that audit --save wrote, or a JSON report") from None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("schema") != REPORT:
        msg = f"{path} is neither a saved run nor a JSON report of nhiscan"
        raise StoreError(msg, "name a directory that audit --save wrote, or a file of audit -o FILE.json")
    return document


def _finding(item: Mapping[str, Any]) -> FindingRecord:
    subject = item["subject"]
    return FindingRecord(
        id=str(item["id"]), scope_id=str(subject["scope_id"]), source="report", rule_id=str(item["rule"]["id"]),
        severity=Severity(item["severity"]), confidence=Confidence(item["confidence"]),
        subject_table=str(subject["table"]), subject_id=str(subject["id"]), message=str(item["message"]),
        state=str(item["state"]), folded_into=item["folded_into"],
    )  # fmt: skip


def _undecided(gaps: Iterable[Mapping[str, Any]]) -> Iterator[Undecided]:
    for gap in gaps:
        yield analysed.Undecided(str(gap["scope_id"]), int(gap["count"]), str(gap["reason"]), str(gap["remedy"]))


def _hidden(
    comparison: Comparison, sides: Mapping[str, Side], alone: Sequence[Alone], *, whole: bool
) -> Iterator[Hidden]:
    """What either run could not see and the other one has."""
    if not whole:
        return
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


def _notes(
    sides: Mapping[str, Side], keys: set[str | None], covered: Mapping[str, bool], *, whole: bool
) -> Iterator[str]:
    if not whole:
        yield "a JSON report holds findings alone: identities and credentials were not compared"
    elif len(keys) > 1:
        yield "the runs have different fingerprint keys: a value that changed in its place is not recognised"
    for side, name in sides.items():
        if not name.complete:
            yield f"the {side} run was cut off: what it did not read counts as not seen"
        if not covered[side]:
            yield f"the {side} run does not say which rules ran: a finding that it lacks may not have been looked for"
