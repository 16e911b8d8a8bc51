"""Combinations and their parts: which findings a combination folds, and how far it may go beyond them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from nhiscan import yamldata
from nhiscan.model import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.store.inventory import Inventory
    from nhiscan.triage.result import Finding

_SEVERITIES, _CONFIDENCES = tuple(Severity), tuple(Confidence)

# Parts lie on the subject of the combination, or on what it is, uses, opens or belongs to.
_LINKS = """\
WITH own AS (SELECT unnest($ids) AS id),
hand AS (
  SELECT o.id, o.id AS consumer_id FROM own AS o
  UNION SELECT o.id, k.id FROM own AS o JOIN consumer AS k ON k.parent_id = o.id
),
used AS (
  SELECT h.id, u.credential_id, u.identity_id FROM hand AS h JOIN "use" AS u ON u.consumer_id = h.consumer_id
)
SELECT o.id, c.identity_id AS other FROM own AS o JOIN credential AS c ON c.id = o.id
UNION SELECT o.id, c.id FROM own AS o JOIN credential AS c ON c.identity_id = o.id
UNION SELECT o.id, t.target_id FROM own AS o JOIN trust AS t ON t.id = o.id
UNION SELECT o.id, t.id FROM own AS o JOIN trust AS t ON t.target_id = o.id
UNION SELECT o.id, k.id FROM own AS o JOIN consumer AS k ON k.parent_id = o.id
UNION SELECT o.id, k.parent_id FROM own AS o JOIN consumer AS k ON k.id = o.id
UNION SELECT u.id, u.credential_id FROM used AS u
UNION SELECT u.id, u.identity_id FROM used AS u
UNION SELECT u.id, c.identity_id FROM used AS u JOIN credential AS c ON c.id = u.credential_id
ORDER BY ALL"""

Groups = tuple[frozenset[str], ...]


@cache
def combinations() -> Mapping[str, Groups]:
    """Combination -> its parts, each as the rules any of which proves it."""
    data = yamldata.shipped(__package__, "combinations.yaml")

    def rules(names: Iterable[str]) -> frozenset[str]:
        return frozenset(rule for name in names for rule in data["lists"].get(name, [name]))

    return {rule: tuple(rules(group) for group in groups) for rule, groups in data["combinations"].items()}


def combined(inventory: Inventory, findings: Sequence[Finding]) -> tuple[list[Finding], dict[str, str]]:
    """The findings with combinations held to what their parts prove, and part -> combination by id.

    A part on the subject of its combination is not among these: it shares its entry anyway.  A part that several
    combinations have goes to the worst, and only to one of its own state (a suppressed combination takes nothing with
    it).  Raises StoreError.
    """
    known: Mapping[str, Any] = combinations()
    found = [f for f in findings if f.rule.id in known]
    links = _links(inventory, found)
    by_subject: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        by_subject[finding.subject.id].append(finding)
    held: dict[str, Finding] = {}
    homes: dict[str, str] = {}
    for whole in sorted(found, key=_worst):
        near = [f for subject in (whole.subject.id, *links.get(whole.subject.id, ())) for f in by_subject[subject]]
        parts = [[f for f in near if f.rule.id in group] for group in known[whole.rule.id]]
        held[whole.id] = _bounded(whole, parts)
        for part in (p for group in parts for p in group):
            if part.subject.id != whole.subject.id and part.state == whole.state and part.rule.id not in known:
                homes.setdefault(part.id, whole.id)
    return [held.get(f.id, f) for f in findings], homes


def _links(inventory: Inventory, found: Iterable[Finding]) -> dict[str, list[str]]:
    ids = sorted({f.subject.id for f in found})
    links: dict[str, list[str]] = defaultdict(list)
    for row in inventory.sql(_LINKS, {"ids": ids}) if ids else ():
        if row["other"] is not None and row["other"] != row["id"]:
            links[str(row["id"])].append(str(row["other"]))
    return links


def _worst(finding: Finding) -> tuple[int, int, str, str]:
    severity, confidence = _SEVERITIES.index(finding.severity), _CONFIDENCES.index(finding.confidence)
    return severity, confidence, finding.rule.id, finding.subject.id


def _bounded(whole: Finding, parts: Sequence[Sequence[Finding]]) -> Finding:
    """No surer than the least sure part; where every part was found, at most one level worse than the worst."""
    confidence, severity = whole.confidence, whole.severity
    for group in parts:
        if group:
            surest = min(_CONFIDENCES.index(f.confidence) for f in group)
            confidence = _CONFIDENCES[max(_CONFIDENCES.index(confidence), surest)]
    if parts and all(parts):
        worst = min(_SEVERITIES.index(f.severity) for group in parts for f in group)
        severity = _SEVERITIES[max(_SEVERITIES.index(severity), worst - 1)]
    if (confidence, severity) == (whole.confidence, whole.severity):
        return whole
    return replace(whole, confidence=confidence, severity=severity)
