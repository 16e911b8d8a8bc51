"""How far an inventory meets a framework: item by item what failed, passed, was not assessed and cannot be covered."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from nhiscan.engine.shape import FAMILIES, LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.engine.frameworks import Framework
    from nhiscan.engine.rule import Rule
    from nhiscan.engine.verdict import RuleCoverage, Verdict

LEFT_OUT_REASON = "none of its rules was chosen for this run"
LEFT_OUT_REMEDY = "run again without --select, --ignore and --profile"
NO_RULE_REASON = "no rule of this rule set speaks of it"


class State(StrEnum):
    """What can be said of one item.  `partial`: nothing failed, and part of it was not assessed."""

    FAILED = "failed"
    PASSED = "passed"
    PARTIAL = "partial"
    NOT_ASSESSED = "not_assessed"
    NOT_APPLICABLE = "not_applicable"
    NOT_COVERABLE = "not_coverable"


@dataclass(frozen=True, slots=True)
class Missing:
    """Checks that could not be decided for one reason; `count` 0: the subjects could not even be listed."""

    reason: str
    remedy: str
    count: int
    rules: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ItemScore:
    """One item.  `failed`, `passed` and `not_assessed` count checks: one rule judging one subject.

    `failing` counts the subjects that fail some check; `levels` is level -> the ids of the rules that bear on the item
    so; `reason` says why it cannot be covered; `limits` what the rules cannot see of it; `related` is the framework's
    own crosswalk.
    """

    id: str
    title: str
    state: State
    failing: int
    failed: int
    passed: int
    not_assessed: int
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()
    reason: str | None = None
    limits: str | None = None
    related: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scorecard:
    """One framework.  `complete`: every item of it is listed; `agents`: only agents and what they use is counted."""

    id: str
    title: str
    edition: str
    complete: bool
    agents: bool
    items: tuple[ItemScore, ...]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a run decided: coverage by rule id, and the subjects that failed each rule."""

    coverage: Mapping[str, RuleCoverage]
    failing: Mapping[str, frozenset[str]]


def judged(coverage: Iterable[RuleCoverage], verdicts: Iterable[Verdict]) -> Judged:
    """What was decided, by rule."""
    failing: dict[str, set[str]] = defaultdict(set)
    for verdict in verdicts:
        failing[verdict.rule_id].add(verdict.subject_id)
    return Judged({c.rule_id: c for c in coverage}, {rule: frozenset(ids) for rule, ids in failing.items()})


def scorecard(
    framework: Framework, rules: Sequence[Rule], run: Judged, *, agents: bool = False, only: str | None = None
) -> Scorecard:
    """The scorecard of a framework, or of its item `only`; `rules` are all there are, chosen for the run or not."""
    bearing: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for rule in rules:
        for item, level in framework.levels(rule).items():
            bearing[item][level].append(rule.id)
    items = tuple(
        _of_framework(framework, item, bearing.get(item, {}), run)
        for item in framework.items
        if only is None or item == only
    )
    return Scorecard(framework.id, framework.title, framework.edition, framework.complete, agents, items)


def families(rules: Iterable[Rule], run: Judged) -> tuple[ItemScore, ...]:
    """The same for the families of controls, in their order; `rules` are those that ran."""
    named: dict[str, list[str]] = defaultdict(list)
    for rule in rules:
        named[rule.family].append(rule.id)
    return tuple(_score(f, f.replace("_", " "), {"direct": tuple(named[f])}, run) for f in FAMILIES if named[f])


def _of_framework(framework: Framework, item: str, bearing: Mapping[str, Sequence[str]], run: Judged) -> ItemScore:
    more, title = framework.item(item), framework.items[item]
    levels = {level: tuple(sorted(bearing[level])) for level in LEVELS if level in bearing}
    if not levels:
        reason = more.not_coverable or NO_RULE_REASON
        return ItemScore(item, title, State.NOT_COVERABLE, 0, 0, 0, 0, reason=reason, related=more.related)
    return _score(item, title, levels, run, more.limits, more.related)


def _score(
    item: str,
    title: str,
    levels: Mapping[str, tuple[str, ...]],
    run: Judged,
    limits: str | None = None,
    related: Mapping[str, tuple[str, ...]] | None = None,
) -> ItemScore:
    named = [rule for ids in levels.values() for rule in ids]
    ran = [run.coverage[rule] for rule in named if rule in run.coverage]
    missing = _missing(ran) if ran else (Missing(LEFT_OUT_REASON, LEFT_OUT_REMEDY, 0, tuple(named), ()),)
    failed, passed = sum(c.failed for c in ran), sum(c.passed for c in ran)
    return ItemScore(
        id=item,
        title=title,
        state=_state(failed, passed, missing),
        failing=len(frozenset().union(*(run.failing.get(rule, frozenset()) for rule in named))),
        failed=failed,
        passed=passed,
        not_assessed=sum(m.count for m in missing),
        levels=levels,
        missing=missing,
        limits=limits,
        related=related or {},
    )


def _state(failed: int, passed: int, missing: Sequence[Missing]) -> State:
    if failed:
        return State.FAILED
    if missing:
        return State.PARTIAL if passed else State.NOT_ASSESSED
    return State.PASSED if passed else State.NOT_APPLICABLE


def _missing(ran: Iterable[RuleCoverage]) -> tuple[Missing, ...]:
    """What was not decided, the most checks first; one line for each remedy and reason."""
    counts: Counter[tuple[str, str]] = Counter()
    rules: dict[tuple[str, str], set[str]] = defaultdict(set)
    scopes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for covered in ran:
        for hole in covered.not_assessed:
            key = hole.reason.rstrip("."), hole.remedy.rstrip(".")
            counts[key] += hole.count
            rules[key].add(covered.rule_id)
            scopes[key].add(hole.scope_id)
    found = [
        Missing(reason, remedy, number, tuple(sorted(rules[reason, remedy])), tuple(sorted(scopes[reason, remedy])))
        for (reason, remedy), number in counts.items()
    ]
    return tuple(sorted(found, key=lambda m: (-m.count, m.reason, m.remedy)))
