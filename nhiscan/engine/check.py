"""The contract of a rule file beyond its shape: SQL, columns, parameters, needs, frameworks, cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.engine.facts import placeholders
from nhiscan.engine.guard import GuardError, parameters, parsed
from nhiscan.engine.query import PREFIX, compiled
from nhiscan.engine.rule import Problem, RuleFileError, RuleSet, duplicates, is_shipped, rule_files, shown
from nhiscan.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path, PurePosixPath

    from nhiscan.engine.frameworks import Frameworks
    from nhiscan.engine.rule import Rule
    from nhiscan.store.inventory import Inventory

# Frameworks about agents judge an estate by levels, and only a rule that sees agents can speak to them.
AGENTIC = "owasp-asi-2026"
AGENT_TABLES = frozenset({"consumer", "tool", "use", "hop"})

# Tables that no collector can fail to fill: what users declare, and the gaps themselves.
WITHOUT_GAPS = frozenset({"declared", "gap"})

MIN_CASES = 4
MIN_PASSES = 2


def check_dirs(dirs: Sequence[Path], frameworks: Frameworks) -> list[Problem]:
    """Every problem of every rule file below the directories, by path and line."""
    from nhiscan.engine.shape import build
    from nhiscan.engine.yamlfile import read

    problems: list[Problem] = []
    rules: list[Rule] = []
    for directory in dirs:
        if not directory.is_dir():
            problems.append(Problem(str(directory), 1, "the rules directory does not exist", "name a directory"))
            continue
        for path in rule_files(directory):
            try:
                document = read(path, shown(path, directory))
            except RuleFileError as e:
                problems.append(e.problem)
                continue
            rule, found = build(document, shipped=is_shipped(directory))
            problems += found
            if rule is not None:
                rules.append(rule)
                problems += _misplaced(rule, path.relative_to(directory))
    problems += duplicates(rules)
    problems += lifecycle(rules)
    problems += check(rules, frameworks)
    return sorted(problems, key=lambda p: (p.path, p.line, p.message))


def check(rules: Iterable[Rule], frameworks: Frameworks) -> list[Problem]:
    """Every problem of the rules' content; shapes are `build`'s and places in folders are `check_dirs`' to judge."""
    from nhiscan.store.inventory import Inventory

    with Inventory.memory() as inventory:
        inventory.lock()
        return [problem for rule in rules for problem in _rule(inventory, rule, frameworks)]


def lifecycle(rules: Sequence[Rule]) -> Iterator[Problem]:
    """A problem for every deprecated rule that leads nowhere, and every successor that is none; see rules/POLICY.md."""
    known = RuleSet(tuple(rules))
    for rule in rules:
        if rule.status == "deprecated" and rule.replaced_by is None:
            remedy = "name the rule to use instead: `replaced_by: …`"
            yield _problem(rule, ("status",), "the rule is deprecated and names no successor", remedy)
        if rule.replaced_by is None:
            continue
        heir = known.get(rule.replaced_by)
        if rule.status != "deprecated":
            remedy = "write `status: deprecated`, or remove `replaced_by`"
            yield _problem(rule, ("replaced_by",), f"the rule names a successor and is {rule.status}", remedy)
        elif heir is None:
            yield _problem(rule, ("replaced_by",), f"there is no rule {rule.replaced_by}", "name a rule there is")
        elif heir.id == rule.id or heir.status == "deprecated":
            remedy = "name a rule that stays"
            yield _problem(rule, ("replaced_by",), f"{heir.id} is no successor: it is deprecated itself", remedy)


def _misplaced(rule: Rule, inner: PurePosixPath | Path) -> Iterator[Problem]:
    if inner.stem != rule.id:
        yield _problem(rule, ("id",), f"the file is named {inner.name}", f"name it {rule.id}.yaml")
    if len(inner.parts) > 1 and inner.parts[-2] != rule.area.lower():
        message = f"the file lies in {inner.parts[-2]}/, its area is {rule.area}"
        yield _problem(rule, ("id",), message, f"move it to {rule.area.lower()}/")


def _rule(inventory: Inventory, rule: Rule, frameworks: Frameworks) -> Iterator[Problem]:
    yield from _frameworks(rule, frameworks)
    yield from _cases(rule)
    try:
        trees = parsed(rule)
    except GuardError as e:
        yield _problem(rule, e.place, str(e), "keep to one SELECT over the tables and views, with the listed functions")
        return
    used = set().union(*(parameters(tree) for tree in trees.values())) - {"as_of"}
    yield from _parameters(rule, used)
    if used <= set(rule.params):
        yield from _runs(inventory, rule)


def _parameters(rule: Rule, used: set[str]) -> Iterator[Problem]:
    for name in sorted(used - set(rule.params)):
        yield _problem(rule, ("fails_when",), f"the parameter ${name} is not declared", f"declare `{name}` in `params`")
    try:
        said = set(placeholders(rule.message))
    except ValueError:
        said = set()
    for name in sorted(set(rule.params) - used - said):
        yield _problem(rule, ("params", name), f"the parameter `{name}` is not used", "use it or remove it")
    for n, test in enumerate(rule.tests):
        for name in sorted(set(test.params) - set(rule.params)):
            yield _problem(rule, ("tests", n, "params", name), f"no parameter is called `{name}`", "use a declared one")


def _runs(inventory: Inventory, rule: Rule) -> Iterator[Problem]:
    from nhiscan.engine.lineage import reads
    from nhiscan.engine.ruletest import AS_OF

    query = compiled(rule, AS_OF, {})
    sql = f"SELECT nhi_j.* FROM (SELECT 1) AS nhi_o LEFT JOIN (\n{query.judged}\n) AS nhi_j ON FALSE"  # noqa: S608
    try:
        columns = inventory.sql(sql, query.parameters_of(sql))[0]
    except StoreError as e:
        yield _problem(rule, _place(rule, inventory), f"the query does not run: {e}", "correct the SQL")
        return
    shown_columns = [c for c in columns if not c.startswith(PREFIX)]
    for name in ("id", "scope_id"):
        if name not in shown_columns:
            where = "query" if rule.query is not None else "from"
            yield _problem(rule, (where,), f"the rows have no column {name}", f"give them {name}")
    yield from _message(rule, {*shown_columns, *rule.params})
    missing = reads(rule).tables - set(rule.needs) - WITHOUT_GAPS
    if missing:
        names = ", ".join(sorted(missing))
        yield _problem(rule, ("needs",), f"the verdict rests on {names}, which `needs` leaves out", f"add {names}")
    yield from _agentic(rule)


def _place(rule: Rule, inventory: Inventory) -> tuple[str, ...]:
    """Which piece of the rule's SQL does not run: found by trying each alone."""
    from nhiscan.engine.query import pieces, source_of
    from nhiscan.engine.ruletest import AS_OF

    source, query = source_of(rule), compiled(rule, AS_OF, {})
    for place, piece in {(): "TRUE", **pieces(rule)}.items():
        sql = f"SELECT (\n{piece}\n) FROM {source} AS nhi_s LIMIT 0"  # noqa: S608 - the guard parsed it
        try:
            inventory.sql(sql, query.parameters_of(sql))
        except StoreError:
            return place or ("query" if rule.query is not None else "from",)
    return ("fails_when",)


def _message(rule: Rule, columns: set[str]) -> Iterator[Problem]:
    try:
        names = placeholders(rule.message)
    except ValueError as e:
        yield _problem(rule, ("message",), f"the message is no plain format: {e}", "write {column} and no more")
        return
    for name in sorted(set(names) - columns):
        yield _problem(rule, ("message",), f"the message names {name}, which no row has", "use a column or a parameter")


def _agentic(rule: Rule) -> Iterator[Problem]:
    levels = set(rule.maps.get(AGENTIC, {}).values())
    if levels and not AGENT_TABLES & {rule.subject, *rule.needs} and levels - {"blast_radius", "telemetry"}:
        message = f"the rule claims {AGENTIC} and sees no consumer, tool, use or hop"
        yield _problem(rule, ("maps", AGENTIC), message, "claim blast_radius, or read the tables of agents")


def _frameworks(rule: Rule, frameworks: Frameworks) -> Iterator[Problem]:
    for framework, items in rule.maps.items():
        known = frameworks.get(framework)
        if known is None:
            listed = ", ".join(f.id for f in frameworks)
            message = f"no framework is called {framework}"
            yield _problem(rule, ("maps", framework), message, f"use one of: {listed}")
            continue
        for n, item in enumerate(items):
            if item not in known.items:
                place = item if rule.lines.get(("maps", framework, item)) else n
                yield _problem(rule, ("maps", framework, place), f"{framework} has no {item}", "use an id of its file")
    cwe = frameworks.get("cwe")
    for n, item in enumerate(rule.cwe):
        if cwe is not None and item not in cwe.items:
            yield _problem(rule, ("cwe", n), f"no weakness is called {item}", "use an id of rules/frameworks/cwe.yaml")


def _cases(rule: Rule) -> Iterator[Problem]:
    verdicts = [test.expect for test in rule.tests]
    wanted = (
        ("fail", 1, "no case fails"),
        ("pass", 1, "no case passes"),
        ("pass", MIN_PASSES, "no second case passes: a near miss"),
        ("not_assessed", 1, "no case is not assessed"),
    )
    for verdict, least, message in wanted:
        if verdicts.count(verdict) < least:
            yield _problem(rule, ("tests",), message, f"add a case with `expect: {verdict}`")
    if len(verdicts) < MIN_CASES:
        yield _problem(rule, ("tests",), f"the rule has {len(verdicts)} cases", f"write at least {MIN_CASES}")
    names = [test.name for test in rule.tests]
    for n, name in enumerate(names):
        if name in names[:n]:
            yield _problem(rule, ("tests", n, "name"), f"two cases are named {name}", "name each for what it shows")


def _problem(rule: Rule, where: Sequence[str | int], message: str, remedy: str) -> Problem:
    return Problem(rule.path, rule.line(*where), message, remedy)
