"""What differs between two rule sets, what the rules of a stable life make of it, and what it does to a saved run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from nhiscan.engine.rule import Rule, RuleSet
    from nhiscan.engine.verdict import Verdict
    from nhiscan.store.inventory import Inventory

# What decides who fails, how badly, and who is not judged at all.
JUDGING = (
    "subject", "needs", "absence", "from_", "query", "applies_when", "fails_when", "severity", "severity_when",
    "confidence", "confidence_when", "params",
)  # fmt: skip
_SAID = ("id", "name", "title", "status", "message", "maps", "cwe", "family", "aliases", "replaced_by")
_UNCOMPARED = frozenset({"path", "lines", "shipped", "tests", "mutants_allowed", "since", "measured"})
# Thresholds may move in a minor version when the new default finds less; that cannot be told from the number alone.
_PLAIN = {"from_": "from"}


class Weight(StrEnum):
    """What a change asks of the version of the rule set (rules/POLICY.md)."""

    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True)
class Detail:
    """One key that differs, in words."""

    key: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """A rule that is new, gone, renamed or changed.

    `old` or `new` is None where there is none; `texts` are keys in which only words changed.
    """

    kind: str
    old: Rule | None
    new: Rule | None
    details: tuple[Detail, ...] = ()
    texts: tuple[str, ...] = ()
    weight: Weight = Weight.PATCH

    @property
    def rule(self) -> Rule:
        """The rule as it is now, or as it was last."""
        found = self.new or self.old
        if found is None:
            msg = "a change is of a rule"
            raise ValueError(msg)
        return found

    @property
    def judges_otherwise(self) -> bool:
        """Whether verdicts can differ."""
        return self.kind in {"new", "gone"} or any(d.key.partition(".")[0] in _JUDGED for d in self.details)


_JUDGED = frozenset(_PLAIN.get(name, name) for name in JUDGING)


def changes(old: RuleSet, new: RuleSet) -> list[Change]:
    """Every rule that differs, by id; one that took over an alias of a rule that is gone is that rule, renamed."""
    found: list[Change] = []
    continued: set[str] = set()
    for rule in new:
        before = _before(rule, old, new)
        if before is None:
            found.append(Change("new", None, rule, weight=Weight.MINOR))
            continue
        continued.add(before.id)
        change = _compared(before, rule)
        if change.details or change.texts:
            found.append(change)
    for rule in old:
        if rule.id not in continued:
            heir = new.get(rule.id)  # by an alias: the rule was taken in by another one
            weight = Weight.MAJOR if rule.status == "stable" and heir is None else Weight.MINOR
            found.append(Change("gone", rule, None, _taken_in(rule, heir), weight=weight))
    return sorted(found, key=lambda change: change.rule.id)


def _before(rule: Rule, old: RuleSet, new: RuleSet) -> Rule | None:
    present = {r.id for r in new}
    by_id = {r.id: r for r in old}
    if rule.id in by_id:
        return by_id[rule.id]
    return next((by_id[alias] for alias in rule.aliases if alias in by_id and alias not in present), None)


def _taken_in(rule: Rule, heir: Rule | None) -> tuple[Detail, ...]:
    return () if heir is None else (Detail("id", rule.id, heir.id),)


def _compared(old: Rule, new: Rule) -> Change:
    details = [d for name in (*JUDGING, *_SAID) for d in _differences(name, getattr(old, name), getattr(new, name))]
    known = {*JUDGING, *_SAID, *_UNCOMPARED}
    texts = tuple(
        f.name for f in fields(new) if f.name not in known and getattr(old, f.name) != getattr(new, f.name)
    )  # fmt: skip
    kind = "changed" if old.id == new.id else "renamed"
    change = Change(kind, old, new, tuple(details), texts)
    return Change(kind, old, new, tuple(details), texts, _weight(change, old, new))


def _weight(change: Change, old: Rule, new: Rule) -> Weight:
    labels = {label.casefold() for label in new.labels}
    lost = [label for label in old.labels if label.casefold() not in labels]
    if old.status == "stable" and (change.judges_otherwise or lost):
        return Weight.MAJOR
    return Weight.MINOR if change.details else Weight.PATCH


def _differences(name: str, old: object, new: object) -> Iterator[Detail]:
    key = _PLAIN.get(name, name)
    if old == new or (isinstance(old, str) and isinstance(new, str) and old.split() == new.split()):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for part in sorted({*old, *new}):
            if old.get(part) != new.get(part):
                yield Detail(f"{key}.{part}", _words(old.get(part)), _words(new.get(part)))
    else:
        yield Detail(key, _words(old), _words(new))


def _words(value: object) -> str:
    from nhiscan.engine.rule import Param

    match value:
        case None:
            return "none"
        case Param():
            low, high = ("" if b is None else f" {word} {b}" for word, b in (("from", value.min), ("to", value.max)))
            return f"{value.default}{low}{high}"
        case dict():
            return ", ".join(f"{k} ({v})" for k, v in value.items()) or "none"
        case tuple():
            return ", ".join(map(str, value)) or "none"
        case _:
            return " ".join(str(value).split())


def needed(found: Sequence[Change]) -> Weight | None:
    """The least step of the version that these changes ask for, None without changes."""
    order = list(Weight)
    return max((change.weight for change in found), key=order.index, default=None)


@dataclass(frozen=True, slots=True)
class Effect:
    """What the changed rules say of a run.

    Verdicts that only the new set has, that only the old one has, that stay with another severity (old first), and
    rules that this version of the program cannot judge, with the reason.
    """

    appear: tuple[Verdict, ...]
    disappear: tuple[Verdict, ...]
    moved: tuple[tuple[Verdict, Verdict], ...]
    broken: tuple[tuple[str, str], ...]


def effect(
    inventory: Inventory,
    found: Sequence[Change],
    as_of: datetime,
    params: Mapping[str, Mapping[str, object]],
) -> Effect:
    """The difference in verdicts; `params` are thresholds by rule id of either set."""
    from nhiscan.engine.evaluate import evaluate

    judged = [change for change in found if change.judges_otherwise]
    names = {c.old.id: c.new.id for c in judged if c.old is not None and c.new is not None}
    sides = [
        evaluate(inventory, [rule for c in judged if (rule := getattr(c, side)) is not None], as_of, params)
        for side in ("old", "new")
    ]
    broken = {(error.rule_id, error.message) for side in sides for error in side.errors}
    hidden = {rule for rule, _ in broken}
    old, new = (
        {(names.get(v.rule_id, v.rule_id), v.subject_id): v for v in side.verdicts if v.rule_id not in hidden}
        for side in sides
    )
    moved = [(old[key], new[key]) for key in sorted(old.keys() & new.keys()) if old[key].severity != new[key].severity]
    return Effect(
        tuple(new[key] for key in sorted(new.keys() - old.keys())),
        tuple(old[key] for key in sorted(old.keys() - new.keys())),
        tuple(moved),
        tuple(sorted(broken)),
    )
