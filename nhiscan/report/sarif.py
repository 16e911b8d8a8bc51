"""The SARIF 2.1.0 report, within the limits of GitHub code scanning.

One file has one run, because an entry may lie in several targets at once (a key in a repository and the account it
opens); `automationDetails.id` names the targets, so that GitHub keeps the results of different targets apart.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from nhiscan.report import _sarif_rules as fixed
from nhiscan.report._plain import sarif_text
from nhiscan.report._redact import PEOPLE, redact
from nhiscan.report._sarif_results import ROOT, bases, result
from nhiscan.report.json import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from nhiscan.engine.rule import Rule
    from nhiscan.report._options import ReportOptions
    from nhiscan.triage.result import Finding, Result

SUFFIXES = (".sarif", ".sarif.json")
SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# Hard limits of GitHub code scanning (docs.github.com: results exceed limit; SARIF file too large).
MAX_RESULTS = 25_000
MAX_GZIP_BYTES = 10_000_000
_MAX_NOTIFICATIONS = 1_000
_MAX_CATEGORY = 200

Object = dict[str, object]


def write(result: Result, out: TextIO, options: ReportOptions) -> None:
    """Write the report; people stay out of it unless `options.include_people`.

    Above GitHub's limits the worst entries are kept, and a notification says how many were left out.
    """
    kinds = result.redact | options.redact | (frozenset() if options.include_people else {PEOPLE})
    shown = redact(result, kinds)
    kept = min(len(shown.entries), MAX_RESULTS)
    text = _dump(document(shown, kept))
    while kept > 1 and _too_large(text):
        kept = kept * 3 // 4
        text = _dump(document(shown, kept))
    out.write(text)


def _dump(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f") + "\n"


def _too_large(text: str) -> bool:
    if len(text) <= MAX_GZIP_BYTES:
        return False
    import zlib

    return len(zlib.compress(text.encode("ascii"), 6)) + 64 > MAX_GZIP_BYTES


def document(shown: Result, kept: int = MAX_RESULTS) -> Object:
    """The log as plain data, with at most `kept` results."""
    entries = sorted(shown.entries, key=lambda f: f.state == "suppressed")
    left_out = len(entries) - len(entries[:kept])
    ran = _concerned(shown)
    frameworks = fixed.cited(ran)
    taxonomies = fixed.taxonomies(frameworks)
    rules = fixed.rules(ran, shown.findings, frameworks)
    run: Object = {
        "tool": {"driver": _driver(shown, rules, taxonomies)},
        "automationDetails": {"id": _category(shown)},
        "originalUriBaseIds": _bases(shown, entries[:kept]),
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(shown, left_out)],
        "results": _results(shown, entries[:kept], rules),
        "properties": {"asOf": moment(shown.as_of), "entries": len(entries), "entriesLeftOut": left_out},
    }
    if taxonomies:
        run["taxonomies"] = taxonomies
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _concerned(shown: Result) -> list[Rule]:
    """The rules of the run; one that found nothing about an agent is not tagged by frameworks that are about agents."""
    from nhiscan.engine.frameworks import AGENTS, load_frameworks
    from nhiscan.engine.rule import RuleFileError, shipped_rules_dir

    try:
        about = {f.id for f in load_frameworks(shipped_rules_dir() / "frameworks") if f.covers == AGENTS}
    except (RuleFileError, OSError):
        return list(shown.rules)
    found = {f.rule.id for f in shown.findings if not about.isdisjoint(f.maps)}
    return [
        rule if rule.id in found else replace(rule, maps={k: v for k, v in rule.maps.items() if k not in about})
        for rule in shown.rules
    ]


def _driver(shown: Result, rules: list[Object], taxonomies: list[Object]) -> Object:
    driver: Object = {
        "name": "nhiscan",
        "version": shown.version,
        "rules": rules,
        "notifications": [{"id": i, "shortDescription": {"text": text}} for i, text in sorted(_NOTIFICATIONS.items())],
    }
    if re.fullmatch(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?", shown.version):
        driver["semanticVersion"] = shown.version
    if taxonomies:
        driver["supportedTaxonomies"] = [{"name": t["name"], "index": n} for n, t in enumerate(taxonomies)]
    return driver


_NOTIFICATIONS = {
    "error": "A rule broke while running; it was not assessed.",
    "gap": "Something could not be seen.",
    "limit": "Results were left out.",
    "not-assessed": "A rule could not be decided.",
    "notice": "Something about suppressions or the baseline.",
    "target": "A target could not be audited.",
}


def _category(shown: Result) -> str:
    """`nhiscan/<scopes>/`; the final slash makes the whole of it GitHub's category.  Directory names are left out."""
    scopes = sorted({s for t in shown.targets for s in t.scopes} or set(shown.scopes))
    names = dict.fromkeys("dir" if s.startswith("dir:") else re.sub(r"[^A-Za-z0-9._:@-]+", "-", s) for s in scopes)
    text = "+".join(names) or "nothing"
    if len(text) > _MAX_CATEGORY:
        text = f"{text[:100]}+{sha256(text.encode()).hexdigest()[:16]}"
    return f"nhiscan/{text}/"


def _bases(shown: Result, entries: Sequence[Finding]) -> Object:
    """SRCROOT for the subject's own repository, and one base for each other repository a place lies in."""
    found: Object = {ROOT: {"description": {"text": "The root of the audited repository or directory."}}}
    for scope_id in sorted(bases(entries)):
        name = shown.scopes.get(scope_id, scope_id)
        found[scope_id] = {"description": {"text": sarif_text(f"The root of {name}.")}}
    return found


def _results(shown: Result, entries: Sequence[Finding], rules: Sequence[Object]) -> list[Object]:
    index = {str(rule["id"]): n for n, rule in enumerate(rules)}
    folded: dict[str, list[Finding]] = {}
    for finding in shown.findings:
        if finding.folded_into is not None:
            folded.setdefault(finding.folded_into, []).append(finding)
    compared = any(f.state == "known" for f in shown.findings) or any(
        n.kind.startswith("baseline") for n in shown.notices
    )
    return [result(f, folded.get(f.id, ()), index, baseline=compared) for f in entries]


def _invocation(shown: Result, left_out: int) -> Object:
    notes = list(_notes(shown, left_out))
    more = len(notes) - _MAX_NOTIFICATIONS
    if more > 0:
        notes = [*notes[:_MAX_NOTIFICATIONS], _note("limit", "note", f"{more} further notifications were left out.")]
    failed = bool(shown.errors) or any(t.failed for t in shown.targets)
    return {"executionSuccessful": not failed, "toolExecutionNotifications": notes}


def _notes(shown: Result, left_out: int) -> Iterator[Object]:
    if left_out:
        text = (
            f"{left_out} entries were left out to stay within GitHub's limits; the worst are kept. See the JSON report."
        )
        yield _note("limit", "warning", text)
    for error in shown.errors:
        note = _note("error", "error", f"{error.rule_id} broke and was not assessed: {error.message}")
        yield note | {"associatedRule": {"id": error.rule_id}}
    for target in shown.targets:
        if target.failed:
            yield _note(
                "target", "error", _sentences(f"{target.text}: {target.error or 'nothing was audited'}", target.remedy)
            )
    for item in shown.coverage:
        for hole in item.not_assessed:
            count = f"{hole.count} not assessed" if hole.count else "not assessed"
            text = _sentences(f"{item.rule_id} {count} in {hole.scope_id}: {hole.reason}", hole.remedy)
            yield _note("not-assessed", "warning", text) | {"associatedRule": {"id": item.rule_id}}
    for gap in shown.gaps:
        text = f"{', '.join(gap.covers)} of {gap.subject_id or gap.scope_id} not seen ({gap.reason}): {gap.remedy}"
        yield _note("gap", "warning", text)
    for notice in shown.notices:
        yield _note("notice", "note", _sentences(notice.message, notice.remedy))


def _sentences(*parts: str | None) -> str:
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)


def _note(kind: str, level: str, text: str) -> Object:
    return {"descriptor": {"id": kind}, "level": level, "message": {"text": sarif_text(text)}}
