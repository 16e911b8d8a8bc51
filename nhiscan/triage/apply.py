"""Suppressions laid over findings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.triage.notices import Match

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from nhiscan.triage.result import Finding, Location
    from nhiscan.triage.suppress import Suppression

_FILE_SCOPES = ("repo:", "dir:")


def apply(
    findings: Sequence[Finding], suppressions: Sequence[Suppression], as_of: datetime
) -> tuple[list[Finding], list[Match]]:
    """Findings with those hidden marked `suppressed`, and what each suppression did.

    A finding in several files is hidden when they are covered together; an expired suppression covers nothing.
    """
    files = [_files(f) for f in findings]
    by_rule: dict[str, list[int]] = defaultdict(list)
    for number, finding in enumerate(findings):
        by_rule[finding.rule.id].append(number)
    rules = {f.rule.id: f.rule for f in findings}
    touched = [
        _touched(findings, files, s, [n for i, rule in rules.items() if s.names(rule) for n in by_rule[i]])
        for s in suppressions
    ]
    covered: dict[int, set[int]] = defaultdict(set)
    reasons: dict[int, str] = {}
    for suppression, hits in zip(suppressions, touched, strict=True):
        if suppression.expired(as_of):
            continue
        for number, places in hits.items():
            covered[number] |= places
            if len(covered[number]) == len(files[number]):
                reasons.setdefault(number, str(suppression))
    marked = [
        replace(f, state="suppressed", suppression=reasons[n]) if n in reasons else f for n, f in enumerate(findings)
    ]
    matches = [
        Match(s, hidden=sum(n in reasons for n in hits), partly=sum(n not in reasons for n in hits))
        if not s.expired(as_of)
        else Match(s, hidden=len(hits), partly=0)
        for s, hits in zip(suppressions, touched, strict=True)
    ]
    return marked, matches


def _touched(
    findings: Sequence[Finding],
    files: Sequence[Sequence[Location]],
    suppression: Suppression,
    meant: Sequence[int],
) -> dict[int, set[int]]:
    """Those of the findings `meant` that a suppression reaches, and which of their files it covers."""
    found: dict[int, set[int]] = {}
    for number in meant:
        subject = findings[number].subject
        if not suppression.covers_subject(subject.id, subject.name):
            continue
        hits = {n for n, p in enumerate(files[number]) if suppression.covers_place(p.scope_id, p.uri, p.line)}
        if hits or (not files[number] and suppression.path is None):
            found[number] = hits
    return found


def _files(finding: Finding) -> list[Location]:
    return [p for p in finding.locations if p.scope_id is not None and p.scope_id.startswith(_FILE_SCOPES)]
