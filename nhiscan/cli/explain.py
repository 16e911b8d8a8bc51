"""`nhiscan explain`: why a rule exists, or why a finding is one, with evidence, path and fix."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError, inert

if TYPE_CHECKING:
    from pathlib import Path

    from nhiscan.api import Proof
    from nhiscan.store.inventory import Inventory
    from nhiscan.triage.result import Finding, Result


@common.with_blocks
def explain(
    label: Annotated[str, typer.Argument(metavar="RULE|FINDING", help="A rule id or name, or the id of a finding.")],
    targets: common.Targets = None,
    rules: common.RulesDirs = None,
    ingest: common.Ingest = None,
    settings: common.Settings = common.DEFAULTS,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
    no_color: common.NoColor = False,
) -> int:
    """Explain a rule, or a finding of the targets."""
    from nhiscan import api

    page = _rule_page(label, rules)
    if page is not None:
        _markdown(page, no_color=no_color)
        return 0
    options = common.options_of(targets, settings, cloud, rules=tuple(rules or ()), ingest=tuple(ingest or ()))
    seen: list[tuple[api.Proof | None, tuple[str, ...]]] = []

    def look(inventory: Inventory, result: Result) -> None:
        seen.extend((api.proof(inventory, f), api.stops(inventory, f)) for f in _called(result, label)[:1])

    result = api.audit(api.load_policy(options), look=look)
    found = _called(result, label)
    if not found:
        msg = f"{label!r} is neither a rule nor a finding of {', '.join(t.text for t in result.targets)}"
        raise UsageError(msg, "name a rule of `nhiscan rules list`, or a finding id and the target it was found in")
    _markdown(_page(found[0], result, *seen[0]), no_color=no_color)
    return 0


def _called(result: Result, label: str) -> list[Finding]:
    return [f for f in result.findings if label in (f.id, f.fingerprint)]


def show_rule(label: str, rules: list[Path] | None, *, no_color: bool) -> int:
    """Print the page of a rule.  Raises UsageError when there is none."""
    page = _rule_page(label, rules)
    if page is None:
        msg = f"there is no rule {label!r}"
        raise UsageError(msg, "see `nhiscan rules list`")
    _markdown(page, no_color=no_color)
    return 0


def _rule_page(label: str, rules: list[Path] | None) -> str | None:
    from nhiscan.engine.docs import rule_page
    from nhiscan.engine.rule import load, shipped_rules_dir

    rule = load([shipped_rules_dir(), *(rules or ())]).get(label)
    return None if rule is None else rule_page(rule)


def _markdown(text: str, *, no_color: bool) -> None:
    if not sys.stdout.isatty():
        sys.stdout.write(text.rstrip() + "\n")
        return
    from rich.markdown import Markdown

    common.console(no_color=no_color).print(Markdown(text, hyperlinks=False))


def _page(finding: Finding, result: Result, proof: Proof | None, stops: tuple[str, ...]) -> str:
    rule = finding.rule
    parts = [
        f"# {finding.id}: {rule.title}",
        f"{finding.severity} severity, {_confidence(finding)}, {finding.state}; rule {rule.id} ({rule.name}).",
        f"**{inert(finding.message)}**",
        _section("Why", rule.why),
        _section(
            "Where", "\n".join(f"- {_place(loc.uri, loc.line, loc.note, loc.basis)}" for loc in finding.locations)
        ),
        _section("Evidence", "\n".join(_evidence(finding))),
        _section("Reported by others", "\n".join(_others(finding))),
        _section("Path to more power", _path(finding, proof)),
        _section("What stops with it", "\n".join(f"- {inert(line)}" for line in stops)),
        _section("Reasons", "\n".join(_reasons(finding, result))),
        _section("Owner", _owner(finding)),
        _section("Fix", finding.fix),
        _section("What this cannot see", "\n".join(f"- {text}" for text in rule.not_assessable_when)),
        _section("False positives", "\n".join(f"- {text}" for text in rule.false_positives)),
    ]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body.strip()}" if body.strip() else ""


def _place(uri: str, line: int | None, note: str | None, basis: str | None) -> str:
    said = ", ".join(text for text in (note, basis and f"known by {basis}") if text)
    return inert(uri) + (f":{line}" if line else "") + (f" ({inert(said)})" if said else "")


def _evidence(finding: Finding) -> list[str]:
    shown = []
    for name, value in finding.facts.items():
        if value in (None, "", ()):
            continue
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        shown.append(f"- {name}: {inert(text)}")
    return shown


def _confidence(finding: Finding) -> str:
    before = f" ({finding.raised_from} without the report of another tool)" if finding.raised_from else ""
    return f"{finding.confidence} confidence{before}"


def _others(finding: Finding) -> list[str]:
    """What other tools report of the same place."""
    return [
        f"- {inert(e.tool)}: {inert(e.rule)}"
        + (f", {inert(_place(e.uri, e.line, None, None))}" if e.uri else "")
        + (f": {inert(e.message)}" if e.message else "")
        + (" (the credential works)" if e.verified else "")
        for e in finding.evidence
    ]


def _path(finding: Finding, proof: Proof | None) -> str:
    """Every way with its steps numbered, statement by statement."""
    if proof is None:
        return ""
    who = f"{proof.kind} {proof.name}"
    behind = {"credential": "It proves", "consumer": "It acts as", "trust": "It leads to"}.get(finding.subject.table)
    parts = [inert(f"{behind} {who} ({proof.identity_id}).")] if behind else []
    for way in proof.ways:
        steps = "\n".join(f"{n}. {inert(step)}" for n, step in enumerate(way.steps, 1))
        parts.append(f"**{inert(way.title)}**\n\n{steps}")
    if proof.omitted:
        parts.append(f"and {proof.omitted} more {'way' if proof.omitted == 1 else 'ways'}.")
    return "\n\n".join(parts)


def _reasons(finding: Finding, result: Result) -> list[str]:
    lead = finding.folded_into or finding.id
    parts = [f for f in result.findings if lead in (f.folded_into, f.id) and f.id != finding.id]
    return [f"- {f.rule.id} ({f.rule.name}), {f.severity}: {inert(f.message)}" for f in parts]


def _owner(finding: Finding) -> str:
    owner = finding.owner
    return f"{inert(owner.name)} ({owner.basis}, {owner.confidence} confidence)" if owner else "nobody could be found"
