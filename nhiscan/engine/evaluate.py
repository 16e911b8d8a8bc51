"""Rules against the inventory: what failed, and how far each rule could be decided.

Verdicts are three-valued like the SQL they come from: TRUE fails, FALSE passes, NULL is not assessed.  A pass is only
believed where nothing the rule needs is hidden by a gap; a fail is believed unless the rule's evidence is that rows are
absent (`absence:`) and a gap may hide them.  The gaps that count are those of the subject, of its scope, and of the
scopes its row names in columns that end in `_scope_id` (the account behind a credential found in a repository).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, cast

from nhiscan.engine.coverage import Tally
from nhiscan.engine.gaps import Holes, holes
from nhiscan.engine.guard import GuardError, verify
from nhiscan.engine.lineage import keep, remembered, rowless
from nhiscan.engine.pile import Pile, Piles
from nhiscan.engine.query import FAIL, PREFIX, Query, asked, compiled
from nhiscan.engine.reader import Reader, scope_columns
from nhiscan.engine.verdict import Evaluation, NotAssessed, RuleCoverage, RuleError, Verdict
from nhiscan.model import Confidence, Gap, Scope, Severity
from nhiscan.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from nhiscan.engine.pile import Packed
    from nhiscan.engine.rule import Rule
    from nhiscan.store.inventory import Inventory

ERROR_REMEDY = "correct the rule: nhiscan rules check names the place"

# What a rule can do wrong while it runs; anything else is a bug of the program and must not look like a rule's.
RULE_ERRORS = (StoreError, GuardError, ArithmeticError, LookupError, TypeError, ValueError)

_AT_ONCE = 2  # most of a rule's time is planning of its query, outside Python

_SEVERITIES = [s.value for s in Severity]
_CONFIDENCES = [c.value for c in Confidence]


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
    # Rules of others are asked in any case, so that what is wrong with them is seen.
    idle = {rule.id for rule in rules if rule.shipped and rowless(rule, empty)}
    inventory.expect(asked(rule) for rule in rules if rule.id not in idle)

    def one(rule: Rule) -> tuple[Sequence[Verdict], RuleCoverage, list[RuleError]]:
        if rule.id in idle:  # nothing of its kind is there to be judged
            return [], Tally(rule, holes(rule, known, _columns_read)).coverage(), []
        try:
            return *judge(inventory, rule, as_of, (params or {}).get(rule.id, {}), known), []
        except RULE_ERRORS as e:
            error = RuleError(rule.id, str(e) or type(e).__name__)
            return [], _broken(error, scopes), [error]
        finally:
            inventory.done(asked(rule))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(one, rules))
    keep()
    return Evaluation(
        Piles(verdicts for verdicts, _, _ in found),
        tuple(covered for _, covered, _ in found),
        tuple(e for _, _, errors in found for e in errors),
    )


def judge(
    inventory: Inventory,
    rule: Rule,
    as_of: datetime,
    params: Mapping[str, object],
    gaps: Sequence[Gap],
    source: str | None = None,
) -> tuple[Sequence[Verdict], RuleCoverage]:
    """One rule's failed verdicts by subject id, and its coverage.

    `source` names a table to read instead of the rule's view.  Raises one of RULE_ERRORS when the rule breaks.
    """
    verify(rule)
    query = compiled(rule, as_of, params, source)
    bearing = holes(rule, gaps, _columns_read)
    tally = Tally(rule, bearing)
    with inventory.answer(_judged(query, bearing), _parameters(query, bearing)) as rows:
        failing = False
        for group in _groups(inventory, rows):
            failing = failing or group.code == FAIL
            tally.add(group.scopes, group.code, group.subject, group.number)
        verdicts = _failed(inventory, rule, query, rows, tally) if failing else ()
    return verdicts, tally.coverage()


def _columns_read(rule: Rule) -> frozenset[tuple[str, str]]:
    return remembered(rule).columns


def _broken(error: RuleError, scopes: Sequence[str]) -> RuleCoverage:
    missing = tuple(
        NotAssessed(s, 0, f"the rule failed: {error.message}", ERROR_REMEDY) for s in sorted(scopes) or [""]
    )
    return RuleCoverage(error.rule_id, 0, 0, missing)


def _judged(query: Query, bearing: Holes) -> str:
    """Every row that is a subject: its scopes, its code and, where it fails, all of it.

    The list around a failing row keeps room for the columns of failing rows alone.
    """
    own = (
        f"CASE WHEN id IN (SELECT unnest(${PREFIX}ids)) THEN id END" if bearing.by_subject else "CAST(NULL AS VARCHAR)"
    )
    return f"""\
SELECT hash(id) AS {PREFIX}hash, COLUMNS('(^|_)scope_id$'), CAST({PREFIX}code AS UTINYINT) AS {PREFIX}code,
  {own} AS {PREFIX}own, CASE WHEN {PREFIX}code = {FAIL} THEN [nhi_j] END AS {PREFIX}row
FROM (
{query.judged}
) AS nhi_j WHERE {PREFIX}code > 0"""  # noqa: S608 - the rule's own SQL, which the guard parsed


def _parameters(query: Query, bearing: Holes) -> dict[str, object]:
    known = query.parameters_of(query.judged)
    return known | ({f"{PREFIX}ids": sorted(bearing.by_subject)} if bearing.by_subject else {})


def _groups(inventory: Inventory, rows: str) -> Iterator[Subjects]:
    """How many subjects are alike.  Most rules have one row for each: then nothing is sorted by subject."""
    several = f"SELECT 1 FROM {rows} GROUP BY {PREFIX}hash HAVING count(*) > 1 LIMIT 1"  # noqa: S608 - a table of ours
    source = rows
    if inventory.sql(several):
        source = f"""(
SELECT {PREFIX}hash, NULL AS {PREFIX}row, min(COLUMNS('(^|_)scope_id$')) AS '\\0',
  max({PREFIX}code) AS {PREFIX}code, max({PREFIX}own) AS {PREFIX}own
FROM {rows} GROUP BY {PREFIX}hash)"""  # noqa: S608 - a table of ours
    counted = f"SELECT * EXCLUDE ({PREFIX}hash, {PREFIX}row), count(*) FROM {source} GROUP BY ALL"  # noqa: S608 - ours
    names, chunks = inventory.stream(counted)
    place = [names.index(name) for name in scope_columns(names)]
    code, own = names.index(f"{PREFIX}code"), names.index(f"{PREFIX}own")
    for row in chain.from_iterable(chunks):
        scopes = tuple(str(row[n] or "") for n in place if row[n] is not None or n == place[0])
        subject = None if row[own] is None else str(row[own])
        yield Subjects(scopes, cast("int", row[code]), subject, cast("int", row[-1]))


def _failed(inventory: Inventory, rule: Rule, query: Query, rows: str, tally: Tally) -> Pile:
    """The verdicts on the subjects that fail and are believed to, in the order of their ids."""
    row = f"{PREFIX}row[1]"
    sql = f"SELECT unnest({row}) FROM {rows} WHERE {PREFIX}code = {FAIL} ORDER BY {row}.id"  # noqa: S608 - ours
    names, chunks = inventory.stream(sql)
    reader = Reader(rule, names, query.parameters)
    pile = Pile(rule.id, rule.subject, reader.facts)
    for subject, group in groupby(reader.read(chunks), _subject):
        alike = list(group)
        # A subject can stand in several rows: the worst speaks, and among equals the order of rows must not matter.
        found = alike[0][1] if len(alike) == 1 else min((packed for _, packed in alike), key=_weight)
        if tally.believes_fail(min(scopes for scopes, _ in alike), subject):
            pile.add(found)
    return pile


def _subject(row: tuple[tuple[str, ...], Packed]) -> str:
    return row[1][0]


def _weight(verdict: Packed) -> tuple[int, int, str, str]:
    _, _, severity, confidence, message, values = verdict
    return _SEVERITIES.index(severity), _CONFIDENCES.index(confidence), message, repr(values)
