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
from nhiscan.engine.pile import Pile, Piles
from nhiscan.engine.query import FAIL, PREFIX, UNKNOWN, Query, asked, compiled
from nhiscan.engine.reader import Reader, scope_columns
from nhiscan.engine.remembered import keep, one_row, remembered, rowless
from nhiscan.engine.verdict import Evaluation, NotAssessed, RuleCoverage, RuleError, Verdict
from nhiscan.model import Confidence, Gap, Severity
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

_SCOPES = "COLUMNS('(^|_)scope_id$')"

# A subject that stands in several rows counts once, as the worst of them.
_WORST = f"""\
SELECT min({_SCOPES}) AS '\\0', max({PREFIX}code) AS {PREFIX}code, max({PREFIX}own) AS {PREFIX}own
FROM (
SELECT * FROM (
{{rows}}
) QUALIFY {PREFIX}code = max({PREFIX}code) OVER (PARTITION BY {PREFIX}hash)
) GROUP BY {PREFIX}hash"""  # noqa: S608 - put together from what stands here

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


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule said."""

    rule_id: str
    verdicts: Sequence[Verdict]
    coverage: RuleCoverage
    error: RuleError | None = None


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
    empty = inventory.empty()
    rules = sorted(rules, key=lambda r: r.id)
    # Rules of others are asked in any case, so that what is wrong with them is seen.
    idle = [rule for rule in rules if rule.shipped and rowless(rule, empty)]
    quiet = {rule.id for rule in idle}
    awake = [rule for rule in rules if rule.id not in quiet]
    questions = [asked(rule) for rule in awake]
    inventory.expect(questions)

    def one(rule: Rule) -> Judged:
        try:
            return Judged(rule.id, *judge(inventory, rule, as_of, (params or {}).get(rule.id, {}), known))
        except RULE_ERRORS as e:
            return _broken(inventory, RuleError(rule.id, str(e) or type(e).__name__))
        finally:
            inventory.done(asked(rule))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(one, [awake[n] for n in inventory.in_turn(questions)]))
    # Of idle ones nothing is there to be judged.
    found += [Judged(rule.id, (), Tally(rule, holes(rule, known, _columns_read)).coverage()) for rule in idle]
    found.sort(key=lambda judged: judged.rule_id)
    keep()
    return Evaluation(
        Piles(judged.verdicts for judged in found),
        tuple(judged.coverage for judged in found),
        tuple(judged.error for judged in found if judged.error is not None),
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
    single = one_row(rule)
    for group in _groups(inventory, query, bearing, single=single):
        tally.add(group.scopes, group.code, group.subject, group.number)
    return _failed(inventory, rule, query, tally, single=single) if tally.failed else (), tally.coverage()


def _columns_read(rule: Rule) -> frozenset[tuple[str, str]]:
    return remembered(rule).columns


def _broken(inventory: Inventory, error: RuleError) -> Judged:
    """A rule that broke is not assessed in any scope."""
    scopes = [str(row["id"]) for row in inventory.sql("SELECT id FROM scope ORDER BY id")]
    missing = tuple(NotAssessed(s, 0, f"the rule failed: {error.message}", ERROR_REMEDY) for s in scopes or [""])
    return Judged(error.rule_id, (), RuleCoverage(error.rule_id, 0, 0, missing), error)


def _groups(inventory: Inventory, query: Query, bearing: Holes, *, single: bool) -> Iterator[Subjects]:
    """How many subjects are alike.  Without gaps it matters of unknown ones alone in which scope they are."""
    own, scopes = "CAST(NULL AS VARCHAR)", _SCOPES
    if not bearing.by_scope and not bearing.by_subject:
        scopes = f"CASE WHEN {PREFIX}code = {UNKNOWN} THEN scope_id END AS scope_id"
    elif bearing.by_subject:
        own = f"CASE WHEN id IN (SELECT unnest(${PREFIX}ids)) THEN id END"
    told = "" if single else f", hash(id) AS {PREFIX}hash"
    rows = f"""\
SELECT {scopes}, CAST({PREFIX}code AS UTINYINT) AS {PREFIX}code, {own} AS {PREFIX}own{told}
FROM (
{query.judged}
) AS nhi_j WHERE {PREFIX}code > 0"""  # noqa: S608 - the rule's own SQL, which the guard parsed
    source = rows if single else _WORST.format(rows=rows)
    counted = f"SELECT *, count(*) FROM (\n{source}\n) AS nhi_r GROUP BY ALL"  # noqa: S608 - as above
    known = query.parameters_of(query.judged)
    if bearing.by_subject:
        known[f"{PREFIX}ids"] = sorted(bearing.by_subject)
    names, chunks = inventory.stream(counted, known)
    place = [names.index(name) for name in scope_columns(names)]
    code, subject = names.index(f"{PREFIX}code"), names.index(f"{PREFIX}own")
    for row in chain.from_iterable(chunks):
        found = tuple(str(row[n] or "") for n in place if row[n] is not None or n == place[0])
        named = None if row[subject] is None else str(row[subject])
        yield Subjects(found, cast("int", row[code]), named, cast("int", row[-1]))


def _failed(inventory: Inventory, rule: Rule, query: Query, tally: Tally, *, single: bool) -> Pile:
    """The verdicts on the subjects that fail and are believed to, in the order of their ids."""
    sql = f"SELECT * FROM (\n{query.judged}\n) AS nhi_j WHERE {PREFIX}code = {FAIL} ORDER BY id"  # noqa: S608 - as above
    names, chunks = inventory.stream(sql, query.parameters_of(query.judged))
    reader = Reader(rule, names, query.parameters)
    pile = Pile(rule.id, rule.subject, reader.facts)
    rows = reader.read(chunks)
    for scopes, found in rows if single else _worst(rows):
        if not tally.hides(scopes, found[0]):
            pile.add(found)
    return pile


def _worst(rows: Iterable[tuple[tuple[str | None, ...], Packed]]) -> Iterator[tuple[tuple[str | None, ...], Packed]]:
    """One of the rows of each subject: the worst speaks, and among equals the order of rows must not matter."""
    for _, group in groupby(rows, _subject):
        alike = list(group)
        scopes = zip(*(scopes for scopes, _ in alike), strict=True)
        least = tuple(min((s for s in column if s is not None), default=None) for column in scopes)
        yield least, min((packed for _, packed in alike), key=_weight)


def _subject(row: tuple[tuple[str | None, ...], Packed]) -> str:
    return row[1][0]


def _weight(verdict: Packed) -> tuple[int, int, str, str]:
    _, _, severity, confidence, message, values = verdict
    return _SEVERITIES.index(severity), _CONFIDENCES.index(confidence), message, repr(values)
