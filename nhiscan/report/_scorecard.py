"""Scorecards and control families as plain data for the JSON report."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.engine.scorecard import ItemScore, Missing, Scorecard
    from nhiscan.triage.result import Finding, Result

Document = dict[str, object]


def scorecards(result: Result) -> list[Document]:
    """Each framework asked for, with its items in its own order."""
    return [_card(card) for card in result.scorecards]


def families(result: Result) -> Document:
    """The control families: entries that belong to one, by their own rule or a folded one, and the checks."""
    touched = family_entries(result.findings)
    return {
        score.id: {
            "entries": len(touched.get(score.id, ())),
            "failed": score.failed,
            "passed": score.passed,
            "not_assessed": score.not_assessed,
        }
        for score in result.families
    }


def family_entries(findings: Iterable[Finding]) -> dict[str, set[str]]:
    """Family -> the ids of its entries; suppressed findings are not counted."""
    touched: dict[str, set[str]] = {}
    for finding in findings:
        if finding.state != "suppressed":
            touched.setdefault(finding.rule.family, set()).add(finding.folded_into or finding.id)
    return touched


def _card(card: Scorecard) -> Document:
    return {
        "framework": card.id,
        "title": card.title,
        "edition": card.edition,
        "complete": card.complete,
        "agents_only": card.agents,
        "items": [_item(item) for item in card.items],
    }


def _item(item: ItemScore) -> Document:
    return {
        "id": item.id,
        "title": item.title,
        "state": item.state.value,
        "failing_subjects": item.failing,
        "failed": item.failed,
        "passed": item.passed,
        "not_assessed": item.not_assessed,
        "rules": {level: list(rules) for level, rules in item.levels.items()},
        "missing": [_missing(m) for m in item.missing],
        "not_coverable": item.reason,
        "limits": item.limits,
        "related": {framework: list(ids) for framework, ids in sorted(item.related.items())},
    }


def _missing(missing: Missing) -> Document:
    return {
        "reason": missing.reason,
        "remedy": missing.remedy,
        "count": missing.count,
        "rules": list(missing.rules),
        "scopes": list(missing.scopes),
    }
