"""The findings of a SARIF run: one result per entry, with stable places for what lies in no file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from nhiscan.report._plain import sarif_text
from nhiscan.report._sarif_rules import LEVELS, SCORES
from nhiscan.triage.result import Location
from nhiscan.triage.suppress import is_inline

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.triage.result import Evidence, Finding, Ownership

Object = dict[str, object]

# Hard limit of GitHub code scanning: 1,000 locations per result (it shows 100).
MAX_LOCATIONS = 1_000
MAX_REASONS = 50
ROOT = "SRCROOT"
FINGERPRINT = "nhiscan/v1"
_FILE_SCOPES = ("repo:", "dir:")
_SCHEME = re.compile(r"[a-z][a-z0-9_+-]*:")


def result(finding: Finding, reasons: Sequence[Finding], rule_index: Mapping[str, int], *, baseline: bool) -> Object:
    """The SARIF result of an entry and the verdicts folded into it; `baseline` says whether there was one."""
    home = finding.subject.scope_id
    places = finding.locations[:MAX_LOCATIONS]
    out: Object = {
        "ruleId": finding.rule.id,
        "ruleIndex": rule_index.get(finding.rule.id, -1),
        "kind": "fail",
        "level": LEVELS[finding.severity],
        "message": {"text": message(finding, reasons)},
        "locations": [_location(place, home) for place in places[:1]],
        "partialFingerprints": {FINGERPRINT: finding.fingerprint},
        "properties": _properties(finding, reasons),
    }
    beside = [(_note(place), place) for place in places[1:]]
    beside += [
        (_told(item), Location(item.uri, item.line, scope_id=item.scope_id))
        for item in finding.evidence
        if item.uri is not None
    ]
    if beside:
        out["relatedLocations"] = [
            {"id": n, "message": {"text": note}, **_location(place, home)}
            for n, (note, place) in enumerate(beside[: MAX_LOCATIONS - 1], 1)
        ]
    if baseline:
        out["baselineState"] = "unchanged" if finding.state == "known" else "new"
    if finding.state == "suppressed":
        why = finding.suppression or ""
        out["suppressions"] = [{"kind": "inSource" if is_inline(why) else "external", "justification": sarif_text(why)}]
    return out


def message(finding: Finding, reasons: Sequence[Finding]) -> str:
    """What a reader sees first: the finding, the reasons folded into it, its owner, its repair."""
    lines = [sarif_text(finding.message)]
    # The same of another subject, which several overlays deploy from one line, is no further reason.
    more = dict.fromkeys((r.rule.id, r.message) for r in reasons)
    more.pop((finding.rule.id, finding.message), None)
    lines += [f"Also {rule}: {sarif_text(text)}" for rule, text in list(more)[:MAX_REASONS]]
    if len(more) > MAX_REASONS:
        lines.append(f"Also {len(more) - MAX_REASONS} more reasons.")
    if finding.evidence:
        said = dict.fromkeys(f"{e.tool} ({e.rule})" for e in finding.evidence[:MAX_REASONS])
        lines.append(f"Also reported by {sarif_text(', '.join(said))}.")
    lines.append(f"Owner: {_owner(finding.owner)}.")
    if finding.fix:
        lines.append(f"Fix: {sarif_text(finding.fix)}")
    return "\n".join(lines)


def _owner(owner: Ownership | None) -> str:
    return (
        "nobody known" if owner is None else f"{sarif_text(owner.name)} ({owner.basis}, {owner.confidence} confidence)"
    )


def _properties(finding: Finding, reasons: Sequence[Finding]) -> Object:
    out: Object = {
        "id": finding.id,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "security-severity": SCORES[finding.severity],
        "state": finding.state,
        "subject": {
            "table": finding.subject.table,
            "id": finding.subject.id,
            "kind": finding.subject.kind,
            "provider": finding.subject.provider,
            "scope": finding.subject.scope_id,
        },
    }
    if reasons:
        out["reasons"] = [
            {"rule": r.rule.id, "severity": r.severity.value, "fingerprint": r.fingerprint} for r in reasons
        ]
    if finding.evidence:
        out["evidence"] = [
            {"tool": sarif_text(e.tool), "rule": sarif_text(e.rule), "verified": e.verified}
            for e in finding.evidence[:MAX_REASONS]
        ]
    if finding.base is not None:
        out["severityFrom"] = {"severity": finding.base.value, "modifiers": list(finding.modifiers)}
    out["frameworks"] = sorted(f"{name}/{item}" for name, items in finding.maps.items() for item in items)
    if finding.raised_from is not None:
        out["raisedFrom"] = finding.raised_from.value
    left = len(finding.locations) - MAX_LOCATIONS
    if left > 0:
        out["locationsLeftOut"] = left
    return out


def _note(place: Location) -> str:
    extra = f" ({place.note})" if place.note else ""
    line = f":{place.line}" if place.line else ""
    return sarif_text(f"{'also in' if in_file(place) else 'see'} {place.uri}{line}{extra}")


def _told(item: Evidence) -> str:
    return sarif_text(f"also reported by {item.tool} ({item.rule})" + (f": {item.message}" if item.message else ""))


def bases(findings: Iterable[Finding]) -> set[str]:
    """The repositories, other than each subject's own, that places refer to."""
    return {
        base for f in findings for p in f.locations if in_file(p) and (base := _base(p, f.subject.scope_id)) != ROOT
    }


def _base(place: Location, home: str) -> str:
    foreign = place.scope_id is not None and place.scope_id != home and home.startswith(_FILE_SCOPES)
    return place.scope_id if foreign and place.scope_id is not None else ROOT


def _location(place: Location, home: str) -> Object:
    if not in_file(place):
        artificial: Object = {"artifactLocation": {"uri": cloud_uri(place, home)}, "region": {"startLine": 1}}
        logical = [{"fullyQualifiedName": sarif_text(place.uri), "kind": "resource"}]
        return {"physicalLocation": artificial, "logicalLocations": logical}
    physical: Object = {
        "artifactLocation": {"uri": path_uri(place.uri), "uriBaseId": _base(place, home)},
        "region": {"startLine": place.line or 1},
    }
    out: Object = {"physicalLocation": physical}
    if place.commit:
        out["properties"] = {"commit": place.commit}
    return out


def in_file(place: Location) -> bool:
    """Whether a place is a path in a repository or directory; what is not gets an artificial path."""
    if place.uri == "." or place.uri.startswith((*_FILE_SCOPES, "arn:")):
        return False
    if place.scope_id is not None:
        return place.scope_id.startswith(_FILE_SCOPES)
    return not _SCHEME.match(place.uri)


def path_uri(path: str) -> str:
    """A relative path as a relative URI reference (RFC 3986): percent-encoded, never leaving its root."""
    return "/".join(_segment(s) for s in path.replace("\\", "/").split("/") if s not in {"", "."}) or "."


def cloud_uri(place: Location, home: str) -> str:
    """A stable path for a record in no file: `.nhiscan/cloud/<provider>/<account>/<service or kind>/<name>`.

    A record of a repository or directory itself gets `.nhiscan/record/<name>`, free of the checkout's name.
    """
    scope = place.scope_id or home
    parts = place.uri.split(":", 5)
    if parts[0] == "arn" and len(parts) == 6:
        account = parts[4] or (scope.partition(":")[2] if scope.startswith("aws:") else "global")
        steps = ["cloud", "aws", account, parts[2], *re.split(r"[:/]", parts[5])]
    elif scope.startswith(_FILE_SCOPES):
        steps = ["record", *re.split(r"[:/#]", place.uri.removeprefix(scope).lstrip("#.") or "root")]
    else:
        provider, _, account = scope.partition(":")
        steps = ["cloud", provider, account, *re.split(r"[:/#]", place.uri.removeprefix(f"{provider}:"))]
    return "/".join([".nhiscan", *(_segment(s) for s in steps if s)])


def _segment(text: str) -> str:
    if text in {".", ".."}:
        return text.replace(".", "%2E")
    return quote(text, safe="@+=,~", errors="backslashreplace")
