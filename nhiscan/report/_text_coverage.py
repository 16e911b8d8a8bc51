"""The sentences of the text report on what was not assessed, and the counts by framework."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from nhiscan.report._scorecard import family_entries
from nhiscan.report.json import framework_counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.engine.verdict import RuleCoverage
    from nhiscan.model import Gap
    from nhiscan.triage.result import Result

_NOUNS = {
    "aws:": ("account", "accounts"),
    "repo:": ("repository", "repositories"),
    "dir:": ("directory", "directories"),
}
_TITLES = {"owasp-nhi-2025": "OWASP NHI Top 10 2025", "owasp-asi-2026": "OWASP Agentic Top 10 2026"}


def not_assessed(coverage: Iterable[RuleCoverage]) -> Iterator[str]:
    """One sentence for every reason, the widest first: `4 rules in 1 account, because … → remedy`."""
    rules: dict[tuple[str, str], set[str]] = defaultdict(set)
    scopes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in coverage:
        for hole in item.not_assessed:
            key = (hole.reason.rstrip("."), hole.remedy.rstrip("."))
            rules[key].add(item.rule_id)
            scopes[key].add(hole.scope_id)
    for key in sorted(rules, key=lambda k: (-len(rules[k]), -len(scopes[k]), k)):
        reason, remedy = key
        names = sorted(rules[key])
        what = names[0] if len(names) == 1 else _count(len(names), "rule", "rules")
        yield f"{what} in {_where(scopes[key])}, because {reason}" + (f" → {remedy}" if remedy else "")


def not_seen(gaps: Iterable[Gap], told: Iterable[str], *, everything: bool) -> Iterator[str]:
    """What was refused and no rule has told of yet, each remedy once; with `everything` every gap."""
    if everything:
        for gap in gaps:
            yield f"{', '.join(gap.covers)} of {gap.subject_id or gap.scope_id} ({gap.reason}) → {gap.remedy}"
        return
    sentences = list(told)
    refused: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for gap in gaps:
        if gap.operation and not any(gap.remedy in sentence for sentence in sentences):
            refused[gap.operation, gap.reason, gap.remedy].update(gap.covers)
    for (operation, reason, remedy), covers in sorted(refused.items()):
        yield f"{', '.join(sorted(covers))} ({operation} {reason}) → {remedy}"


def _where(scopes: Iterable[str]) -> str:
    kinds: dict[tuple[str, str], int] = defaultdict(int)
    for scope in scopes:
        noun = next((n for prefix, n in _NOUNS.items() if scope.startswith(prefix)), ("scope", "scopes"))
        kinds[noun] += 1
    return " and ".join(_count(number, *noun) for noun, number in sorted(kinds.items()))


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def frameworks(result: Result, *, everything: bool) -> Iterator[str]:
    """A line for each OWASP list (all frameworks with `everything`): its items and how many entries touch them."""
    for name, items in framework_counts(result.findings).items():
        if everything or name in _TITLES:
            yield f"{_TITLES.get(name, name)}: {_items(items)}"


def families(result: Result) -> Iterator[str]:
    """One line of entries by family of controls; none without a finding."""
    touched = family_entries(result.findings)
    named = [f"{score.title} {len(touched[score.id])}" for score in result.families if score.id in touched]
    if named:
        yield f"Control families: {' · '.join(named)}"


def _items(items: Mapping[str, int]) -> str:
    ranked = sorted(items.items(), key=lambda pair: (-pair[1], pair[0]))
    return " · ".join(f"{item} {number}" for item, number in ranked)
