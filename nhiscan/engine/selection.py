"""Which rules to run: `--select` and `--ignore` by rule, area or framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.engine.frameworks import AmbiguousLabelError
from nhiscan.engine.rule import RuleSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.engine.frameworks import Frameworks, Resolved
    from nhiscan.engine.rule import Rule


class SelectionError(Exception):
    """A label that names no rule; `remedy` is what to write instead."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message}; {remedy}")
        self.remedy = remedy


def select(
    ruleset: RuleSet, selected: Sequence[str], ignored: Sequence[str], frameworks: Frameworks
) -> tuple[RuleSet, list[str]]:
    """The rules that some label selects (all, without labels) and none ignores, with warnings about the labels.

    A label is a rule id or name, an area (`LEK`), a framework id, an id of its items or one of their known other
    spellings.  Raises SelectionError with the nearest known label.
    """
    warnings: list[str] = []
    chosen = _named(ruleset, selected, frameworks, warnings) if selected else {rule.id for rule in ruleset}
    chosen -= _named(ruleset, ignored, frameworks, warnings)
    return RuleSet(tuple(rule for rule in ruleset if rule.id in chosen)), list(dict.fromkeys(warnings))


def _named(ruleset: RuleSet, labels: Iterable[str], frameworks: Frameworks, warnings: list[str]) -> set[str]:
    return {rule.id for label in labels for rule in _matching(ruleset, label, frameworks, warnings)}


def _matching(ruleset: RuleSet, label: str, frameworks: Frameworks, warnings: list[str]) -> list[Rule]:
    rule = ruleset.get(label)
    if rule is not None:
        return [rule]
    area = [rule for rule in ruleset if rule.area.casefold() == label.casefold()]
    if area:
        return area
    meant = resolve(label, frameworks)
    if meant is None:
        msg = f"{label} names no rule, area or framework"
        raise SelectionError(msg, _nearest(ruleset, label, frameworks))
    if meant.warning:
        warnings.append(f"{label} is read as {meant.item}: {meant.warning}")
    framework = frameworks.by_id[meant.framework]
    mapped = [r for r in ruleset if _bears(framework.levels(r), meant.item)]
    if not mapped:
        warnings.append(f"no rule maps to {meant.item or meant.framework}")
    return mapped


def _bears(levels: Mapping[str, str], item: str | None) -> bool:
    return bool(levels) if item is None else item in levels


def framework_of(label: str, frameworks: Frameworks) -> Resolved:
    """The framework, or item of one, that a label means.  Raises SelectionError with the nearest known labels."""
    meant = resolve(label, frameworks)
    if meant is None:
        msg = f"{label} names no framework"
        raise SelectionError(msg, _close(label, frameworks.labels(), f"use one of: {', '.join(frameworks.by_id)}"))
    return meant


def resolve(label: str, frameworks: Frameworks) -> Resolved | None:
    """What a label means, None when it means nothing.  Raises SelectionError when several frameworks have it."""
    try:
        return frameworks.resolve(label)
    except AmbiguousLabelError as e:
        message, _, remedy = str(e).partition("; ")
        raise SelectionError(message, remedy) from None


def _nearest(ruleset: RuleSet, label: str, frameworks: Frameworks) -> str:
    known = [x for r in ruleset for x in (r.id, r.name, r.area)]
    return _close(label, [*known, *frameworks.labels()], "nhiscan rules list names them")


def _close(label: str, known: Iterable[str], otherwise: str) -> str:
    from difflib import get_close_matches

    names = {x.casefold(): x for x in known}
    near = [names[x] for x in get_close_matches(label.casefold(), names, n=3, cutoff=0.6)]
    return f"did you mean {' or '.join(near)}?" if near else otherwise
