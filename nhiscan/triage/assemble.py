"""From verdicts to findings: subjects, places, owners, fingerprints, baseline, suppressions, folding, order."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.engine.agentic import agentic
from nhiscan.model import Confidence, Declared, Severity
from nhiscan.triage import baseline as baselines
from nhiscan.triage import context
from nhiscan.triage.apply import apply
from nhiscan.triage.combine import combined
from nhiscan.triage.fingerprint import digest, fingerprint
from nhiscan.triage.notices import baseline_notices, suppression_notices
from nhiscan.triage.result import Finding, Notice
from nhiscan.triage.suppress import from_inventory
from nhiscan.triage.weigh import weighed

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping, Sequence
    from datetime import datetime

    from nhiscan.engine.frameworks import Frameworks
    from nhiscan.engine.rule import Rule
    from nhiscan.engine.verdict import Evaluation, Fact, Verdict
    from nhiscan.store.inventory import Inventory
    from nhiscan.triage.baseline import Baseline
    from nhiscan.triage.suppress import Suppression

_SEVERITIES = list(Severity)
_CONFIDENCES = list(Confidence)
_KEYED = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
HIDDEN = "<keyed fingerprint>"


def triage(
    inventory: Inventory,
    evaluation: Evaluation,
    rules: Iterable[Rule],
    baseline: Baseline | None,
    suppressions: Sequence[Suppression],
    as_of: datetime,
    *,
    all_rules: Iterable[Rule] | None = None,
    attach: Callable[[list[Finding]], list[Finding]] = lambda findings: findings,
    frameworks: Frameworks | None = None,
) -> tuple[tuple[Finding, ...], tuple[Notice, ...]]:
    """The findings, worst first, and what there is to say about baseline and suppressions.

    `rules` are those that ran; `all_rules` the whole set, so that a suppression of a rule left out of this run is no
    typing error; `frameworks` tag the findings, else the rules alone do; `attach` lays evidence of other tools beside
    findings before they are sorted.  Works on a locked inventory.  Raises StoreError.
    """
    by_id = {rule.id: rule for rule in rules}
    facts = context.gather(inventory, evaluation.verdicts)
    verdicts = [v for v in evaluation.verdicts if v.rule_id in by_id]
    findings = attach(weighed(inventory, _described(facts, _safe(inventory, verdicts), by_id)))
    if frameworks is not None:
        findings = _tagged(inventory, findings, frameworks)
    if baseline is not None:
        known = baseline.fingerprints()
        findings = [replace(f, state="known") if known & {f.fingerprint, *f.aliases} else f for f in findings]
    inline, broken = from_inventory(inventory.rows(Declared))
    findings, matches = apply(findings, (*suppressions, *inline), as_of)
    findings, homes = combined(inventory, findings)
    findings = _folded(sorted(findings, key=_order), homes, facts.exposures)
    notices = [Notice("suppression-broken", text, "write: nhiscan: ignore RULE -- reason") for text in broken]
    notices += suppression_notices(matches, as_of, list(by_id.values()), list(all_rules or by_id.values()))
    if baseline is not None:
        gone = baselines.missing(baseline, findings)
        notices += baseline_notices(gone, baselines.blind(gone, evaluation.coverage, facts.scopes))
    return tuple(findings), tuple(sorted(notices, key=lambda n: (n.kind, n.message)))


def _safe(inventory: Inventory, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts without keyed fingerprints, which never leave a run, wherever a rule may have put one."""
    suspects = {m for v in verdicts for text in _texts(v) for m in _KEYED.findall(text)}
    query = "SELECT DISTINCT fingerprint FROM credential WHERE fingerprint IN (SELECT unnest($suspects))"
    rows = inventory.sql(query, {"suspects": sorted(suspects)}) if suspects else []
    keyed = {str(row["fingerprint"]) for row in rows}
    if not keyed:
        return list(verdicts)
    return [
        replace(v, message=_hide(v.message, keyed), facts={k: _hidden(f, keyed) for k, f in v.facts.items()})
        for v in verdicts
    ]


def _texts(verdict: Verdict) -> Iterable[str]:
    yield verdict.message
    for fact in verdict.facts.values():
        if isinstance(fact, str):
            yield fact
        elif isinstance(fact, tuple):
            yield from fact


def _hidden(fact: Fact, keyed: set[str]) -> Fact:
    if isinstance(fact, str):
        return _hide(fact, keyed)
    return tuple(_hide(item, keyed) for item in fact) if isinstance(fact, tuple) else fact


def _hide(text: str, keyed: set[str]) -> str:
    return _KEYED.sub(lambda m: HIDDEN if m[0] in keyed else m[0], text)


def _described(facts: context.Facts, verdicts: Sequence[Verdict], rules: Mapping[str, Rule]) -> list[Finding]:
    prints = _fingerprints(verdicts, facts.directories)
    ids = _ids(prints)
    return [_finding(facts, v, rules[v.rule_id], p, ids[p]) for v, p in zip(verdicts, prints, strict=True)]


def _fingerprints(verdicts: Sequence[Verdict], directories: Sequence[str]) -> list[str]:
    """One per verdict; where two directories of one run have the same file and key, their names tell them apart."""
    prints = [fingerprint(v.rule_id, v.subject_id, directories) for v in verdicts]
    subjects: dict[str, set[str]] = defaultdict(set)
    for verdict, found in zip(verdicts, prints, strict=True):
        subjects[found].add(verdict.subject_id)
    return [
        digest(v.rule_id, v.subject_id) if len(subjects[p]) > 1 else p for v, p in zip(verdicts, prints, strict=True)
    ]


def _ids(prints: Iterable[str]) -> dict[str, str]:
    """Short ids by fingerprint: 10 digits, and more only for two that begin alike."""
    heads: dict[str, set[str]] = defaultdict(set)
    for found in prints:
        heads[found[:10]].add(found)
    return {p: f"NSF-{p[:10] if len(same) == 1 else p[:20]}" for same in heads.values() for p in same}


def _finding(facts: context.Facts, verdict: Verdict, rule: Rule, print_: str, id_: str) -> Finding:
    subject = context.subject(facts, verdict)
    members = facts.members.get(verdict.subject_id, ())
    others = [fingerprint(rule.id, m, facts.directories) for m in members]
    # Baselines may know the finding under an id the rule had before.
    others += [fingerprint(f, m, facts.directories) for f in rule.former_ids for m in (verdict.subject_id, *members)]
    return Finding(
        id=id_,
        rule=rule,
        severity=verdict.severity,
        confidence=verdict.confidence,
        subject=subject,
        message=verdict.message,
        locations=context.locations(facts, verdict),
        related=(),
        facts=verdict.facts,
        owner=context.owner(facts, verdict),
        fix=context.fix(facts, verdict, rule.fix_for(*context.setting(facts, verdict)), rule.fix.get("client")),
        fingerprint=print_,
        aliases=tuple(sorted(set(others) - {print_})),
    )


def _order(finding: Finding) -> tuple[int, int, bool, str, str]:
    """Worst first; among equals what is proven by several facts together."""
    severity, confidence = _SEVERITIES.index(finding.severity), _CONFIDENCES.index(finding.confidence)
    return severity, confidence, finding.rule.area != "TOX", finding.rule.id, finding.subject.id


def _tagged(inventory: Inventory, findings: Sequence[Finding], frameworks: Frameworks) -> list[Finding]:
    """Findings with the items they touch; what speaks of agents only where an agent is concerned."""
    concerned = agentic(inventory, (f.subject.id for f in findings))
    tags = {(f.rule.id, f.subject.id in concerned): f.rule for f in findings}
    maps = {key: frameworks.maps(rule, agentic=key[1]) for key, rule in tags.items()}
    return [replace(f, frameworks=maps[f.rule.id, f.subject.id in concerned]) for f in findings]


def _folded(findings: Sequence[Finding], homes: Mapping[str, str], found: Container[str]) -> list[Finding]:
    """One entry per subject and state: what is suppressed leads nothing, what is new is not hidden in what is known.

    `homes` says of parts which combination they belong to: an entry that a part leads goes into the one of that.
    `found` are the credentials that lie somewhere: two of them on one line are two values, and each stays an entry.
    """
    own = {f.id: (f.subject.table, f.subject.id, f.state) for f in findings}
    groups: dict[tuple[str, str, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        groups[own[finding.id]].append(finding)
    leads = {key: min(group, key=lambda f: _lead(f, part=f.id in homes)) for key, group in groups.items()}
    seen: dict[tuple[object, ...], tuple[str, str, str]] = {}
    for key, lead in list(leads.items()):
        home = own.get(homes.get(lead.id, ""))
        if home is None and lead.subject.id not in found:
            home = _twin(lead, key, seen)
        if home is not None and home in leads:
            groups[home] += groups.pop(key)
            del leads[key]
    entries = {f.id: leads[key] for key, group in groups.items() for f in group}
    related = {leads[key].id: [f.id for f in group if f is not leads[key]] for key, group in groups.items()}
    return [
        replace(f, related=tuple(related[f.id])) if f is entries[f.id] else replace(f, folded_into=entries[f.id].id)
        for f in findings
    ]


def _twin(
    lead: Finding, key: tuple[str, str, str], seen: dict[tuple[object, ...], tuple[str, str, str]]
) -> tuple[str, str, str] | None:
    """The group that says the same of the same line: what several overlays deploy from it is one thing to change."""
    place = lead.locations[0] if lead.locations else None
    if place is None or place.line is None:
        return None
    first = seen.setdefault((lead.rule.id, lead.message, place.scope_id, place.uri, place.line, lead.state), key)
    return None if first == key else first


def _lead(finding: Finding, *, part: bool) -> tuple[int, bool, bool, bool, int, str]:
    """The worst leads; among equals a combination, then a part of one, then what is so bad by itself."""
    severity, confidence = _SEVERITIES.index(finding.severity), _CONFIDENCES.index(finding.confidence)
    return severity, finding.rule.area != "TOX", not part, finding.base is not None, confidence, finding.rule.id
