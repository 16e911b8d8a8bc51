"""The JSON report: everything the audit says, in the shape of `schema/result.schema.json`; ASCII, without a clock."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from nhiscan.model import Confidence, Severity
from nhiscan.report._redact import redact
from nhiscan.report._scorecard import families, scorecards

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from typing import TextIO

    from nhiscan.engine.rule import Rule
    from nhiscan.engine.verdict import RuleCoverage
    from nhiscan.model import Gap
    from nhiscan.report._options import ReportOptions
    from nhiscan.triage.result import Evidence, Finding, Result, TargetSummary

SUFFIXES = (".json",)
SCHEMA = "nhiscan-result/1"
STATES = ("new", "known", "suppressed")

Document = dict[str, object]

# How deep objects are opened over several lines.
_OPEN = 2
_compact = json.JSONEncoder(ensure_ascii=True, allow_nan=False).encode


def write(result: Result, out: TextIO, options: ReportOptions) -> None:
    """Write the report; equal results give equal bytes."""
    dump(document(redact(result, result.redact | options.redact)), out)


def dump(value: object, out: TextIO) -> None:
    """Write JSON in ASCII: no control or reordering character of a scanned name reaches a terminal as itself."""
    out.writelines(chunk.replace("\x7f", "\\u007f") for chunk in _chunks(value, 0))
    out.write("\n")


def _chunks(value: object, depth: int) -> Iterator[str]:
    """Outer objects and lists over several lines, their items on one each: readable, diffable, and much faster."""
    pad = "  " * (depth + 1)
    if isinstance(value, dict) and value and depth < _OPEN:
        for n, (key, item) in enumerate(value.items()):
            yield f"{',' if n else '{'}\n{pad}{_compact(key)}: "
            yield from _chunks(item, depth + 1)
        yield f"\n{pad[2:]}}}"
    elif isinstance(value, list | tuple) and value and depth <= _OPEN and isinstance(value[0], dict):
        for n, item in enumerate(value):
            yield f"{',' if n else '['}\n{pad}{_compact(item)}"
        yield f"\n{pad[2:]}]"
    else:
        yield _compact(value)


def document(result: Result) -> Document:
    """The whole report as plain data."""
    return {
        "schema": SCHEMA,
        "version": result.version,
        "as_of": moment(result.as_of),
        "targets": [_target(t) for t in result.targets],
        "summary": summary(result),
        "coverage": {
            "rules": [_coverage(c) for c in result.coverage],
            "gaps": [_gap(g) for g in result.gaps],
            "errors": [{"rule": e.rule_id, "message": e.message} for e in result.errors],
            "notices": [{"kind": n.kind, "message": n.message, "remedy": n.remedy} for n in result.notices],
        },
        "findings": [_finding(f) for f in result.findings],
        "rules": [_rule(r) for r in result.rules],
        "scorecards": scorecards(result),
        "ingested": {
            "reports": [
                {"file": r.file, "format": r.format, "findings": r.findings, "matched": r.matched}
                for r in result.ingested
            ],
            "unmatched": [{"tool": u.tool, "rule": u.rule, "place": u.place or None} for u in result.unmatched],
        },
    }


def moment(when: datetime) -> str:
    """A time in UTC as ISO 8601 with Z."""
    return when.isoformat().replace("+00:00", "Z")


def summary(result: Result) -> Document:
    """Counts of entries, by severity (those not suppressed), state, confidence and framework item; table sizes."""
    entries = result.entries
    live = [f for f in entries if f.state != "suppressed"]
    severities, states = Counter(f.severity for f in live), Counter(f.state for f in entries)
    confidences = Counter(f.confidence for f in live)
    return {
        "entries": len(entries),
        "verdicts": len(result.findings),
        "severity": {s.value: severities[s] for s in Severity},
        "confidence": {c.value: confidences[c] for c in Confidence},
        "state": {s: states[s] for s in STATES},
        "frameworks": framework_counts(result.findings),
        "families": families(result),
        "not_assessed_rules": sum(bool(c.not_assessed) for c in result.coverage),
        "inventory": dict(sorted(result.counts.items())),
        "scopes": dict(sorted(result.scopes.items())),
    }


def framework_counts(findings: Iterable[Finding]) -> dict[str, dict[str, int]]:
    """Framework -> item -> entries that touch it by their own rule or a folded one; suppressed ones are not counted."""
    touched: dict[tuple[str, str], set[str]] = {}
    for finding in findings:
        if finding.state == "suppressed":
            continue
        for framework, items in finding.maps.items():
            for item in items:
                touched.setdefault((framework, item), set()).add(finding.folded_into or finding.id)
    counts: dict[str, dict[str, int]] = {}
    for (framework, item), entries in sorted(touched.items()):
        counts.setdefault(framework, {})[item] = len(entries)
    return counts


def _target(target: TargetSummary) -> Document:
    return {
        "text": target.text,
        "scopes": list(target.scopes),
        "identities": target.identities,
        "credentials": target.credentials,
        "failed": target.failed,
        "error": target.error,
        "remedy": target.remedy,
    }


def _coverage(coverage: RuleCoverage) -> Document:
    return {
        "rule": coverage.rule_id,
        "failed": coverage.failed,
        "passed": coverage.passed,
        "not_assessed": sum(n.count for n in coverage.not_assessed),
        "gaps": [
            {"scope_id": n.scope_id, "count": n.count, "reason": n.reason, "remedy": n.remedy}
            for n in coverage.not_assessed
        ],
    }


def _gap(gap: Gap) -> Document:
    return {
        "id": gap.id,
        "scope_id": gap.scope_id,
        "source": gap.source,
        "covers": list(gap.covers),
        "reason": gap.reason.value,
        "remedy": gap.remedy,
        "detail": gap.detail,
        "operation": gap.operation,
        "subject_id": gap.subject_id,
    }


def _finding(finding: Finding) -> Document:
    subject, owner = finding.subject, finding.owner
    return {
        "id": finding.id,
        "rule": {"id": finding.rule.id, "name": finding.rule.name},
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "verdict": "fail",
        "state": finding.state,
        "subject": {
            "table": subject.table,
            "id": subject.id,
            "kind": subject.kind,
            "provider": subject.provider,
            "scope_id": subject.scope_id,
            "name": subject.name,
        },
        "message": finding.message,
        "locations": [{"uri": p.uri, "line": p.line, "commit": p.commit, "basis": p.basis} for p in finding.locations],
        "related": list(finding.related),
        "facts": {k: list(v) if isinstance(v, tuple) else v for k, v in sorted(finding.facts.items())},
        "owner": None
        if owner is None
        else {"name": owner.name, "kind": owner.kind, "basis": owner.basis, "confidence": owner.confidence},
        "fix": finding.fix,
        "frameworks": {k: sorted(v) for k, v in sorted(finding.maps.items())},
        "levels": {
            k: dict(sorted(v.items())) for k, v in sorted(finding.maps.items()) if set(v.values()) != {"direct"}
        },
        "fingerprint": finding.fingerprint,
        "folded_into": finding.folded_into,
        "suppression": finding.suppression,
        "evidence": [_evidence(e) for e in finding.evidence],
        "raised_from": None if finding.raised_from is None else finding.raised_from.value,
        "severity_from": None
        if finding.base is None
        else {"severity": finding.base.value, "modifiers": list(finding.modifiers)},
    }


def _evidence(evidence: Evidence) -> Document:
    return {
        "tool": evidence.tool,
        "rule": evidence.rule,
        "message": evidence.message,
        "uri": evidence.uri,
        "line": evidence.line,
        "verified": evidence.verified,
    }


def _rule(rule: Rule) -> Document:
    return {
        "id": rule.id,
        "name": rule.name,
        "title": rule.title,
        "severity": rule.severity.value,
        "confidence": rule.confidence.value,
        "status": rule.status,
        "family": rule.family,
        "subject": rule.subject,
        "frameworks": {k: dict(sorted(v.items())) for k, v in sorted(rule.maps.items())},
        "cwe": list(rule.cwe),
        "why": rule.why,
        "references": list(rule.references),
    }
