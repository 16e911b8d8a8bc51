"""The table of requirements: each with its rules, what they look at, and what no configuration can decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.engine.frameworks import ALL_RULES

if TYPE_CHECKING:
    from nhiscan.engine.frameworks import Framework, Frameworks
    from nhiscan.engine.rule import RuleSet

REQUIREMENTS = "agent-identity-requirements"
_HEAD = """\
| id | requirement | rules | evidence | decided | not decidable |
|---|---|---|---|---|---|"""
_INTRODUCTION = """\
What each requirement on the identities of agents and workloads comes to: the rules that judge it, what they look at,
and what is not decidable from configuration. `nhiscan audit --framework {name}` prints them as a
scorecard. A rule in brackets without a link is not in this rule set."""


def requirements(ruleset: RuleSet, frameworks: Frameworks) -> str:
    """The table in Markdown with its introduction; empty when the file of requirements is not there."""
    framework = frameworks.get(REQUIREMENTS)
    if framework is None:
        return ""
    rows = "\n".join(_row(framework, item, ruleset) for item in framework.items)
    return f"{_INTRODUCTION.format(name=REQUIREMENTS)}\n\n{_HEAD}\n{rows}"


def _row(framework: Framework, item: str, ruleset: RuleSet) -> str:
    more = framework.item(item)
    cells = (
        item,
        framework.items[item],
        ", ".join(_rule(label, ruleset) for label in more.rules),
        more.evidence or "",
        more.decidable or "",
        more.limits or more.not_coverable or "",
    )
    return f"| {' | '.join(' '.join(text.split()).replace('|', chr(92) + '|') for text in cells)} |"


def _rule(label: str, ruleset: RuleSet) -> str:
    if label == ALL_RULES:
        return "every rule"
    rule = ruleset.get(label)
    return f"[{label}]" if rule is None else f"[{label}]({rule.path.removeprefix('rules/')})"
