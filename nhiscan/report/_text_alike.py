"""Entries of the text report that say the same of many things: the first ones are written out, the rest is named."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nhiscan.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.triage.result import Finding

# So many entries of one rule and severity say what there is to say, and so many of what can wait in one file.
ALIKE = 10
IN_FILE = 3
_URGENT = {Severity.CRITICAL, Severity.HIGH}
_NAMES = 6


def apart(group: Iterable[Finding]) -> tuple[list[Finding], list[Finding]]:
    """The findings of one severity that are written out, and those that say the same of something else."""
    seen: Counter[tuple[str, ...]] = Counter()
    written: list[Finding] = []
    more: list[Finding] = []
    for finding in group:
        rule, file = (finding.rule.id,), (finding.rule.id, _file(finding))
        if seen[rule] >= ALIKE or (seen[file] >= IN_FILE and finding.severity not in _URGENT):
            more.append(finding)
        else:
            written.append(finding)
            seen.update((rule, file))
    return written, more


def _file(finding: Finding) -> str:
    return finding.locations[0].uri if finding.locations else finding.id


def alike(rest: Iterable[Finding]) -> Iterator[str]:
    """How many findings of each rule are not written out, and of what they speak."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in rest:
        by_rule.setdefault(finding.rule.id, []).append(finding)
    for rule, findings in by_rule.items():
        names = list(dict.fromkeys(f.subject.name or f.subject.id for f in findings))
        yield f"and {len(findings)} more of {rule}: {', '.join(names[:_NAMES])}{', …' if len(names) > _NAMES else ''}"
