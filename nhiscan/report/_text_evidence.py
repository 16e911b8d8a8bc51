"""What stands beside a finding, as text: what other tools say, what weighed it, and what it maps to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.model import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.triage.result import Evidence, Finding, Unmatched

_MOST = 500
_ORDER = tuple(Severity)


def others(evidence: Iterable[Evidence]) -> str:
    """The tools that report the same place, each with its first rule: `gitleaks (aws-access-token +1)`."""
    rules: dict[str, list[str]] = {}
    for item in evidence:
        rules.setdefault(item.tool, []).append(item.rule + (", verified" if item.verified else ""))
    named = ((tool, found[0], f" +{len(found) - 1}" if found[1:] else "") for tool, found in rules.items())
    return ", ".join(f"{tool} ({first}{more})" for tool, first, more in named)


def told(item: Evidence) -> str:
    """One report of another tool in full."""
    line = f":{item.line}" if item.line else ""
    place = f", {item.uri}{line}" if item.uri else ""
    works = ", verified: the credential works" if item.verified else ""
    message = f": {item.message}" if item.message else ""
    return f"also reported by {item.tool} ({item.rule}){place}{works}{message}"


def confidence(finding: Finding) -> str:
    """How sure the finding is, and how sure it would be without the other tools, where they changed that."""
    if finding.raised_from is None:
        return f"{finding.confidence} confidence"
    tools = ", ".join(sorted({item.tool for item in finding.evidence}))
    return f"{finding.confidence} confidence ({finding.raised_from} without {tools})"


def only(unmatched: Sequence[Unmatched]) -> Iterator[str]:
    """What no finding of ours covers, a line for each; what is too much to be read is counted."""
    for item in unmatched[:_MOST]:
        yield f"{item.tool} ({item.rule}) {item.place or 'at a place outside the targets'}"
    if len(unmatched) > _MOST:
        yield f"and {len(unmatched) - _MOST} more; -o FILE keeps them"


def weighed(finding: Finding) -> str:
    """How the severity came about where circumstances changed it: `high: medium + production`."""
    if finding.base is None:
        return ""
    sign = "+" if _ORDER.index(finding.severity) < _ORDER.index(finding.base) else "-"
    return f"{finding.severity}: {finding.base} {sign} {', '.join(finding.modifiers)}"


def mapped(item: str, level: str) -> str:
    """An item of a framework with the level at which a rule bears on it, unless that is `direct`."""
    return item if level == "direct" else f"{item} ({level.replace('_', ' ')})"
