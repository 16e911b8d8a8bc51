"""What changed between two saved runs, or between the findings of two JSON reports.

A run that saw less never makes anything gone: what the new run could not read is `not_seen`, with the reason.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nhiscan.api.unseen import Side, unseen
from nhiscan.model import Confidence, FindingRecord, Severity
from nhiscan.store import StoreError, analysed
from nhiscan.store.comparison import SIDES, Comparison
from nhiscan.store.spool import Spool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from nhiscan.store.analysed import Undecided

REPORT = "nhiscan-result/1"


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
        hidden = unseen(comparison, sides, alone) if whole else ()
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
