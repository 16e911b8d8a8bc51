"""Rules against the inventory: what failed, and how far each rule could be decided.

Verdicts are three-valued like the SQL they come from: TRUE fails, FALSE passes, NULL is not assessed.  A pass is only
believed where nothing the rule needs is hidden by a gap; a fail is believed unless the rule's evidence is that rows are
absent (`absence:`) and a gap may hide them.  The gaps that count are those of the subject, of its scope, and of the
scopes its row names in columns that end in `_scope_id` (the account behind a credential found in a repository).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, cast

from nhiscan.engine.coverage import Tally
from nhiscan.engine.facts import facts, render
from nhiscan.engine.gaps import Holes, holes
from nhiscan.engine.guard import GuardError, verify
from nhiscan.engine.query import FAIL, PREFIX, Query, compiled
from nhiscan.engine.verdict import Evaluation, NotAssessed, RuleCoverage, RuleError, Verdict
from nhiscan.model import Confidence, Gap, Scope, Severity
from nhiscan.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from nhiscan.engine.rule import Rule
    from nhiscan.store.inventory import Inventory

ERROR_REMEDY = "correct the rule: nhiscan rules check names the place"

# What a rule can do wrong while it runs; anything else is a bug of the program and must not look like a rule's.
RULE_ERRORS = (StoreError, GuardError, ArithmeticError, LookupError, TypeError, ValueError)

_AT_ONCE = 2  # most of a rule's time is planning of its query, outside Python

_SEVERITIES = tuple(Severity)
_CONFIDENCES = tuple(Confidence)

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Subjects:
    """How many subjects of the same scopes were judged alike; `subject` names one that has a gap of its own."""

    scopes: tuple[str, ...]
    code: int
    subject: str | None
    number: int


def evaluate(
    inventory: Inventory,
    rules: Iterable[Rule],
    as_of: datetime,
    params: Mapping[str, Mapping[str, object]] | None = None,
    gaps: Sequence[Gap] | None = None,
) -> Evaluation:
    """What the rules say about an inventory at a moment, ordered by rule id and subject id.

    `params` overrides thresholds, by rule id; `gaps` are those of the inventory unless given.  A rule that breaks is a
    RuleError and not assessed in every scope; the others go on.  Locks the inventory.
    """
    inventory.lock()
    known = inventory.rows(Gap) if gaps is None else gaps
    scopes = [scope.id for scope in inventory.rows(Scope)]
    empty = inventory.empty()
    rules = sorted(rules, key=lambda r: r.id)
    inventory.expect(rule.query or rule.from_ or "" for rule in rules if not (rule.subject in empty and rule.shipped))

    def one(rule: Rule) -> tuple[list[Verdict], RuleCoverage, list[RuleError]]:
        if rule.subject in empty and rule.shipped:  # nothing of its kind is there to be judged
            return [], Tally(rule, holes(rule, known, _columns_read)).coverage(), []
        try:
            return *judge(inventory, rule, as_of, (params or {}).get(rule.id, {}), known), []
        except RULE_ERRORS as e:
            error = RuleError(rule.id, str(e) or type(e).__name__)
            return [], _broken(error, scopes), [error]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(one, rules))
    _keep_lineage()
    return Evaluation(
        tuple(v for verdicts, _, _ in found for v in verdicts),
        tuple(covered for _, covered, _ in found),
        tuple(e for _, _, errors in found for e in errors),
    )


def judge(  # noqa: PLR0913, PLR0917 - one rule, its moment, its thresholds, its gaps and where its rows are
    inventory: Inventory,
    rule: Rule,
    as_of: datetime,
    params: Mapping[str, object],
    gaps: Sequence[Gap],
    source: str | None = None,
) -> tuple[list[Verdict], RuleCoverage]:
    """One rule's failed verdicts by subject id, and its coverage.

    `source` names a table to read instead of the rule's view.  Raises one of RULE_ERRORS when the rule breaks.
    """
    verify(rule)
    query = compiled(rule, as_of, params, source)
    bearing = holes(rule, gaps, _columns_read)
    tally = Tally(rule, bearing)
    failing = False
    for group in _groups(inventory, query, bearing):
        failing = failing or group.code == FAIL
        tally.add(group.scopes, group.code, group.subject, group.number)
    verdicts = []
    for rows in _failing(inventory, query) if failing else ():
        subject, scopes = str(rows[0]["id"]), _scopes(rows[0])
        if tally.believes_fail(scopes, subject):
            verdicts.append(_verdict(rule, rows, query))
    return verdicts, tally.coverage()


def _columns_read(rule: Rule) -> frozenset[tuple[str, str]]:
    from nhiscan.engine.lineage import remembered

    return remembered(rule).columns


def _keep_lineage() -> None:
    from nhiscan.engine.lineage import keep

    keep()


def _broken(error: RuleError, scopes: Sequence[str]) -> RuleCoverage:
    missing = tuple(
        NotAssessed(s, 0, f"the rule failed: {error.message}", ERROR_REMEDY) for s in sorted(scopes) or [""]
    )
    return RuleCoverage(error.rule_id, 0, 0, missing)


def _scopes(row: Mapping[str, object]) -> tuple[str, ...]:
    """The scope of a row, and those it names in columns that end in `_scope_id`."""
    others = (row[name] for name in sorted(row) if name.endswith("_scope_id"))
    return (str(row["scope_id"] or ""), *(str(scope) for scope in others if scope is not None))


def _groups(inventory: Inventory, query: Query, bearing: Holes) -> Iterator[Subjects]:
    ids = sorted(bearing.by_subject)
    own = f"CASE WHEN id IN (SELECT unnest(${PREFIX}ids)) THEN id END" if ids else "CAST(NULL AS VARCHAR)"
    sql = f"""\
WITH nhi_subjects AS (
  SELECT id, min(COLUMNS('(^|_)scope_id$')) AS '\\0', max({PREFIX}code) AS {PREFIX}code FROM (
{query.judged}
) AS nhi_j WHERE {PREFIX}code > 0 GROUP BY id
), nhi_marked AS (SELECT *, {own} AS {PREFIX}own FROM nhi_subjects)
SELECT * EXCLUDE (id), count(*) AS {PREFIX}n FROM nhi_marked GROUP BY ALL"""  # noqa: S608
    parameters = query.parameters_of(query.judged) | ({f"{PREFIX}ids": ids} if ids else {})
    for row in inventory.sql(sql, parameters):
        own_id = row[f"{PREFIX}own"]
        yield Subjects(
            _scopes(row),
            cast("int", row[f"{PREFIX}code"]),
            None if own_id is None else str(own_id),
            cast("int", row[f"{PREFIX}n"]),
        )


def _failing(inventory: Inventory, query: Query) -> Iterator[list[Row]]:
    """The failing rows, subject by subject."""
    sql = f"SELECT * FROM (\n{query.judged}\n) AS nhi_j WHERE {PREFIX}code = {FAIL}"  # noqa: S608
    rows = sorted(inventory.sql(sql, query.parameters_of(sql)), key=lambda row: str(row["id"]))
    return (list(group) for _, group in groupby(rows, key=lambda row: str(row["id"])))


def _verdict(rule: Rule, rows: Sequence[Row], query: Query) -> Verdict:
    # A subject can stand in several rows: the worst speaks, and among equals the order of rows must not matter.
    found = [_one(rule, row, query) for row in rows]
    return found[0] if len(found) == 1 else min(found, key=_weight)


def _weight(verdict: Verdict) -> tuple[int, int, str, str]:
    severity, confidence = _SEVERITIES.index(verdict.severity), _CONFIDENCES.index(verdict.confidence)
    return severity, confidence, verdict.message, repr(verdict.facts)


def _one(rule: Rule, row: Row, query: Query) -> Verdict:
    return Verdict(
        rule_id=rule.id,
        subject_table=rule.subject,
        subject_id=str(row["id"]),
        scope_id=str(row["scope_id"] or ""),
        severity=Severity(str(row[f"{PREFIX}severity"])),
        confidence=Confidence(str(row[f"{PREFIX}confidence"])),
        message=render(rule.message, row, query.parameters),
        facts=facts(row),
    )
