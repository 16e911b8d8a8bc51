"""Whether the cases of each rule notice when the rule is changed.

Every mutant is the rule with one change: an operand of AND or OR dropped, a comparison negated, a strict bound made
inclusive or the other way round, a threshold moved by one, a condition dropped.  A mutant under which every case still
comes out as it says survives, and shows that a case is missing.  `python -m nhiscan.engine.mutate [DIR]`.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.engine.evaluate import RULE_ERRORS
from nhiscan.engine.halves import shared
from nhiscan.engine.query import PARAMETER, source_of
from nhiscan.engine.ruletest import as_of, complaint, empty, fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.engine.guard import Tree
    from nhiscan.engine.rule import Rule, RuleTest
    from nhiscan.store.inventory import Inventory

ROWS = "nhi_rows"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A rule with one change, named by the change."""

    name: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no case of the rule notices, or an allowance (`stale`) that no longer names a surviving change."""

    rule_id: str
    mutation: str
    path: str
    stale: bool = False

    def __str__(self) -> str:
        if self.stale:
            return f"{self.path}: {self.rule_id}: mutants_allowed names no survivor: {self.mutation}; remove it"
        return f"{self.path}: {self.rule_id}: no case notices: {self.mutation}; add a case that does"


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Every mutant of a rule, each name once."""
    seen: set[str] = set()
    for mutant in _mutants(rule):
        if mutant.name not in seen:
            seen.add(mutant.name)
            yield mutant


def _mutants(rule: Rule) -> Iterator[Mutant]:
    for name, sql in _changes(rule.fails_when):
        yield Mutant(f"fails_when: {name}", replace(rule, fails_when=sql))
    if rule.applies_when is not None:
        yield Mutant("drop applies_when", replace(rule, applies_when=None))
        for name, sql in _changes(rule.applies_when):
            yield Mutant(f"applies_when: {name}", replace(rule, applies_when=sql))
    for value in rule.severity_when:
        yield Mutant(f"drop severity_when.{value}", replace(rule, severity_when=_without(rule.severity_when, value)))
    for value in rule.confidence_when:
        left = _without(rule.confidence_when, value)
        yield Mutant(f"drop confidence_when.{value}", replace(rule, confidence_when=left))
    yield from _shifted(rule)


def _without(conditions: Mapping[str, str], value: str) -> dict[str, str]:
    return {k: v for k, v in conditions.items() if k != value}


def _shifted(rule: Rule) -> Iterator[Mutant]:
    for name, param in rule.params.items():
        if isinstance(param.default, str | bool):
            continue
        for step in ("+ 1", "- 1"):
            changed = _shift(rule, name, step)
            if changed != rule:
                yield Mutant(f"${name} {step}", changed)


def _shift(rule: Rule, name: str, step: str) -> Rule:
    def moved(sql: str) -> str:
        return PARAMETER.sub(lambda found: f"(${name} {step})" if found[1] == name else found[0], sql)

    return replace(
        rule,
        fails_when=moved(rule.fails_when),
        applies_when=None if rule.applies_when is None else moved(rule.applies_when),
        query=None if rule.query is None else moved(rule.query),
        severity_when={k: moved(v) for k, v in rule.severity_when.items()},
        confidence_when={k: moved(v) for k, v in rule.confidence_when.items()},
    )


def _changes(sql: str) -> Iterator[tuple[str, str]]:
    from nhiscan.engine.guard import DIALECT, condition

    tree = condition(sql)
    for n, node in enumerate(tree.walk()):
        for name, changed in _changes_of(node):
            if n == 0:
                yield name, changed.sql(dialect=DIALECT)
                continue
            copy = tree.copy()
            list(copy.walk())[n].replace(changed)
            yield name, copy.sql(dialect=DIALECT)


def _changes_of(node: Tree) -> Iterator[tuple[str, Tree]]:
    """What can stand instead of one node of a condition, by the name of the change."""
    from sqlglot import exp

    copied: Tree = node.copy()
    if isinstance(node, exp.And | exp.Or):
        for side, other in (("this", "expression"), ("expression", "this")):
            # In `a AND b AND c` the left side is `a AND b`, whose operands are dropped one by one.
            if not isinstance(node.args[side], type(node)):
                yield f"drop `{_text(node.args[side])}`", copied.args[other]
    if isinstance(node, _comparisons()):
        yield f"negate `{_text(node)}`", exp.Paren(this=exp.Not(this=exp.Paren(this=copied)))
    for bound, other_bound in ((exp.LT, exp.LTE), (exp.LTE, exp.LT), (exp.GT, exp.GTE), (exp.GTE, exp.GT)):
        if type(node) is bound:
            made = other_bound(this=copied.this, expression=copied.expression)
            yield f"`{_text(node)}` becomes `{_text(made)}`", made


def _text(node: Tree) -> str:
    from nhiscan.engine.guard import DIALECT

    return str(node.sql(dialect=DIALECT))


def _comparisons() -> tuple[type, ...]:
    from sqlglot import exp

    return (
        exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike,
        exp.NullSafeEQ, exp.NullSafeNEQ, exp.Exists,
    )  # fmt: skip


def survivors(rule: Rule) -> list[Survivor]:
    """The mutants of a rule that no case of it kills and that `mutants_allowed` does not explain."""
    from nhiscan.store.inventory import Inventory

    with Inventory.memory() as inventory:
        return survivors_in(inventory, rule)


def survivors_in(inventory: Inventory, rule: Rule) -> list[Survivor]:
    """`survivors` on an inventory that is empty, and is empty again afterwards."""
    alive = list(mutants(rule))
    for test in rule.tests:
        if not alive:
            break
        fill(inventory, test, as_of(test))
        source = _prepared(inventory, rule)
        try:
            alive = [m for m in alive if not _killed(inventory, m.rule, test, source)]
        finally:
            empty(inventory, test)
    names = [m.name for m in alive]
    allowed = rule.mutants_allowed
    found = [Survivor(rule.id, name, rule.path) for name in names if name not in allowed]
    return found + [Survivor(rule.id, name, rule.path, stale=True) for name in allowed if name not in names]


def _prepared(inventory: Inventory, rule: Rule) -> str | None:
    """The rule's rows as a small table, so that each mutant does not ask the view again.

    None when parameters decide which rows there are.
    """
    if rule.query is not None and PARAMETER.search(rule.query):
        return None
    inventory.sql(f"CREATE OR REPLACE TEMP TABLE {ROWS} AS SELECT * FROM {source_of(rule)} AS nhi_s")  # noqa: S608
    return ROWS


def _killed(inventory: Inventory, mutant: Rule, test: RuleTest, source: str | None) -> bool:
    try:
        return bool(complaint(inventory, mutant, test, as_of(test), source))
    except RULE_ERRORS:
        return True


def run(rules: Sequence[Rule]) -> list[Survivor]:
    """The survivors of all rules, in the order of the rules; two processes share the work."""
    return sorted(shared(_share, rules), key=lambda s: (s.rule_id, s.mutation))


def _share(rules: Iterable[Rule]) -> list[Survivor]:
    from nhiscan.store.inventory import Inventory

    with Inventory.memory() as inventory:
        return [survivor for rule in rules for survivor in survivors_in(inventory, rule)]


def main(arguments: Sequence[str]) -> int:
    """Print the survivors of the rules in the given directories (the shipped ones by default); 1 if there are any."""
    from pathlib import Path

    from nhiscan.engine.rule import RuleFileError, load, shipped_rules_dir

    try:
        rules = load([Path(a) for a in arguments] or [shipped_rules_dir()])
    except RuleFileError as e:
        sys.stderr.write(f"{e}\n")
        return 2
    found = run(rules.rules)
    for survivor in found:
        sys.stdout.write(f"{survivor}\n")
    allowed = sum(len(rule.mutants_allowed) for rule in rules)
    number = sum(1 for rule in rules for _ in mutants(rule))
    sys.stdout.write(f"{len(rules)} rules, {number} mutants, {len(found)} survivors, {allowed} allowed with a reason\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
