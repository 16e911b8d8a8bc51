"""Redaction, one function for every format: people become `redacted`, account numbers become `acct-1`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.model import OwnerKind
from nhiscan.report._plain import short_keys

if TYPE_CHECKING:
    from nhiscan.engine.scorecard import ItemScore
    from nhiscan.engine.verdict import Fact, RuleCoverage
    from nhiscan.model import Gap
    from nhiscan.triage.result import Finding, Notice, Result, TargetSummary

REDACTED = "redacted"
PEOPLE = "people"
ACCOUNTS = "accounts"

_ADDRESS = re.compile(r"[A-Za-z0-9._%+'-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
# Addresses of machines: Google service accounts, git over ssh.
_MACHINE = re.compile(r"gserviceaccount\.com$|^git@")
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])\d{12}(?![0-9A-Za-z])")
_PERSONAL_FACT = re.compile(r"author|owner|creator|sponsor")
_HARMLESS_FACT = re.compile(r"(?:kind|basis|confidence|count)$")

Hide = Callable[[str], str]


def redact(result: Result, kinds: Iterable[str]) -> Result:
    """The result with everything of the given kinds (`people`, `accounts`) taken out; ids of findings stay.

    Account numbers get pseudonyms in the order of their digits, so equal input gives equal output.
    """
    chosen = frozenset(kinds)
    hides: list[Hide] = []
    if PEOPLE in chosen:
        hides.append(_people(result))
    if ACCOUNTS in chosen:
        hides.append(_accounts(result))
    if not hides:
        return result

    def hide(text: str) -> str:
        for step in hides:
            text = step(text)
        return text

    return replace(
        result,
        targets=tuple(_target(t, hide) for t in result.targets),
        findings=tuple(_finding(f, hide, people=PEOPLE in chosen) for f in result.findings),
        coverage=tuple(_coverage(c, hide) for c in result.coverage),
        gaps=tuple(_gap(g, hide) for g in result.gaps),
        errors=tuple(replace(e, message=hide(e.message)) for e in result.errors),
        notices=tuple(_notice(n, hide) for n in result.notices),
        ingested=tuple(replace(i, file=hide(i.file)) for i in result.ingested),
        unmatched=tuple(replace(u, rule=hide(u.rule), place=hide(u.place)) for u in result.unmatched),
        families=tuple(_score(f, hide) for f in result.families),
        scorecards=tuple(
            replace(card, items=tuple(_score(item, hide) for item in card.items)) for card in result.scorecards
        ),
        scopes={hide(k): hide(v) for k, v in result.scopes.items()},
        redact=result.redact | chosen,
    )


def _people(result: Result) -> Hide:
    names = {f.owner.name for f in result.findings if f.owner is not None and f.owner.kind == OwnerKind.PERSON}
    known = sorted((n for n in names if len(n) > 2), key=lambda n: (-len(n), n))
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, known)) + r")(?!\w)") if known else None

    def hide(text: str) -> str:
        shown = pattern.sub(REDACTED, text) if pattern else text
        return _ADDRESS.sub(lambda m: m[0] if _MACHINE.search(m[0]) else REDACTED, shown)

    return hide


def _accounts(result: Result) -> Hide:
    numbers = sorted({n for text in _texts(result) for n in _ACCOUNT.findall(text)})
    names = {number: f"acct-{i}" for i, number in enumerate(numbers, 1)}
    # An access key id contains its account number (the key id is decodable), so it is shortened too.
    return lambda text: short_keys(_ACCOUNT.sub(lambda m: names.get(m[0], REDACTED), text))


def _texts(result: Result) -> Iterator[str]:
    yield from result.scopes
    for target in result.targets:
        yield from target.scopes
    for finding in result.findings:
        yield from (finding.subject.id, finding.subject.scope_id, finding.message)
        yield from (place.uri for place in finding.locations)
        yield from (v for fact in finding.facts.values() for v in (fact if isinstance(fact, tuple) else (str(fact),)))
    yield from (other.place for other in result.unmatched)
    for gap in result.gaps:
        yield from (gap.scope_id, gap.remedy, gap.detail or "", gap.subject_id or "", gap.id)


def _target(target: TargetSummary, hide: Hide) -> TargetSummary:
    return replace(
        target,
        text=hide(target.text),
        scopes=tuple(map(hide, target.scopes)),
        error=_maybe(target.error, hide),
        remedy=_maybe(target.remedy, hide),
    )


def _finding(finding: Finding, hide: Hide, *, people: bool) -> Finding:
    owner = finding.owner
    if owner is not None:
        person = people and owner.kind == OwnerKind.PERSON
        owner = replace(owner, name=REDACTED if person else hide(owner.name))
    subject = replace(
        finding.subject,
        id=hide(finding.subject.id),
        scope_id=hide(finding.subject.scope_id),
        name=_maybe(finding.subject.name, hide),
    )
    places = tuple(
        replace(p, uri=hide(p.uri), note=_maybe(p.note, hide), scope_id=_maybe(p.scope_id, hide))
        for p in finding.locations
    )
    team = owner.name if owner is not None and owner.kind == OwnerKind.TEAM else None
    return replace(
        finding,
        subject=subject,
        message=hide(finding.message),
        locations=places,
        facts=_facts(finding.facts, hide, team, people=people),
        owner=owner,
        fix=hide(finding.fix),
        suppression=_maybe(finding.suppression, hide),
        evidence=tuple(
            replace(e, rule=hide(e.rule), message=_maybe(e.message, hide), uri=_maybe(e.uri, hide))
            for e in finding.evidence
        ),
    )


def _facts(facts: Mapping[str, Fact], hide: Hide, team: str | None, *, people: bool) -> dict[str, Fact]:
    out: dict[str, Fact] = {}
    for key, fact in facts.items():
        personal = people and _PERSONAL_FACT.search(key) and not _HARMLESS_FACT.search(key)
        if isinstance(fact, tuple):
            out[key] = tuple(REDACTED if personal and item != team else hide(item) for item in fact)
        elif isinstance(fact, str):
            out[key] = REDACTED if personal and fact != team else hide(fact)
        else:
            out[key] = fact
    return out


def _coverage(coverage: RuleCoverage, hide: Hide) -> RuleCoverage:
    return replace(
        coverage,
        not_assessed=tuple(
            replace(n, scope_id=hide(n.scope_id), reason=hide(n.reason), remedy=hide(n.remedy))
            for n in coverage.not_assessed
        ),
    )


def _score(item: ItemScore, hide: Hide) -> ItemScore:
    return replace(
        item,
        missing=tuple(
            replace(m, reason=hide(m.reason), remedy=hide(m.remedy), scopes=tuple(map(hide, m.scopes)))
            for m in item.missing
        ),
    )


def _gap(gap: Gap, hide: Hide) -> Gap:
    return replace(
        gap,
        id=hide(gap.id),
        scope_id=hide(gap.scope_id),
        locator=_maybe(gap.locator, hide),
        remedy=hide(gap.remedy),
        detail=_maybe(gap.detail, hide),
        subject_id=_maybe(gap.subject_id, hide),
    )


def _notice(notice: Notice, hide: Hide) -> Notice:
    return replace(notice, message=hide(notice.message), remedy=_maybe(notice.remedy, hide))


def _maybe(text: str | None, hide: Hide) -> str | None:
    return None if text is None else hide(text)
