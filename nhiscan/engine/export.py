"""The rules as statements for a warehouse: the tables, the views they stand on, and one SELECT per rule.

A rule's SELECT gives `rule_id, subject_id, scope_id, verdict, severity, confidence`, one row per subject, by the same
logic as `evaluate`: unknown is never a pass, a pass where a gap hides what the rule needs is not assessed, and neither
is a fail that rests on rows being absent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.engine.dialects import SOURCE, DialectError, literal, now, translated
from nhiscan.engine.gaps import closure
from nhiscan.engine.guard import parsed, select
from nhiscan.engine.lineage import output_columns, reads, views
from nhiscan.engine.query import FAIL, PASS, PREFIX, compiled
from nhiscan.model import RECORDS, Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from nhiscan.engine.guard import Tree
    from nhiscan.engine.rule import Rule

_AT = "(read at the moment the statement runs; sessions must be in UTC)"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: `name` is a table, view or rule id."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Left:
    """A rule that a dialect cannot express, and why."""

    rule_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Export:
    """Everything a warehouse needs, in the order in which it is to be run; `left` are the rules left out."""

    dialect: str
    tables: tuple[Statement, ...]
    views: tuple[Statement, ...]
    rules: tuple[Statement, ...]
    left: tuple[Left, ...]


def export(
    rules: Sequence[Rule],
    dialect: str,
    as_of: datetime | None = None,
    params: Mapping[str, Mapping[str, object]] | None = None,
) -> Export:
    """The rules in a dialect; without `as_of` ages are counted to the moment the statement runs.

    Raises GuardError for a rule whose SQL is not allowed.
    """
    known: dict[str, Statement | str] = {}
    made: list[Statement] = []
    left: list[Left] = []
    used: set[str] = set()
    for rule in rules:
        parsed(rule)
        needed = list(needed_views(rule))
        try:
            for name in needed:
                _view(name, dialect, known)
            made.append(Statement(rule.id, rule_sql(rule, dialect, as_of, (params or {}).get(rule.id, {}))))
        except DialectError as e:
            left.append(Left(rule.id, str(e)))
        else:
            used.update(needed)
    kept = [s for name in views() if name in used and isinstance(s := known[name], Statement)]
    return Export(dialect, tuple(tables(dialect)), tuple(kept), tuple(made), tuple(left))


def tables(dialect: str, folder: str = "data") -> Iterator[Statement]:
    """One statement per table: over the Parquet files in `folder`, or empty tables where a dialect reads no files."""
    for name, record in RECORDS.items():
        path = f"{folder}/{name}.parquet"
        if dialect == SOURCE:
            yield Statement(name, f"CREATE OR REPLACE VIEW \"{name}\" AS SELECT * FROM read_parquet('{path}')")  # noqa: S608 - our names
        elif dialect == "spark":
            yield Statement(name, f"CREATE OR REPLACE TEMPORARY VIEW `{name}` USING parquet OPTIONS (path '{path}')")
        else:
            yield Statement(name, _create(name, record, dialect))


def _create(name: str, record: type, dialect: str) -> str:
    from sqlglot import exp

    from nhiscan.store.schema import columns

    kinds = ((c.name, exp.DataType.build(c.sql, dialect=SOURCE).sql(dialect)) for c in columns(record))
    body = ",\n  ".join(f'"{column}" {kind}' for column, kind in kinds)
    return f'CREATE TABLE IF NOT EXISTS "{name}" (\n  {body}\n)'


def _view(name: str, dialect: str, known: dict[str, Statement | str]) -> None:
    """Make a view known; one that could not be carried is not tried twice.  Raises DialectError."""
    if name not in known:
        try:
            body = translated(views()[name], dialect)
        except DialectError as e:
            known[name] = f"the view {name} holds {e}"
        else:
            kind, quote = ("TEMPORARY VIEW", "`") if dialect == "spark" else ("VIEW", '"')
            known[name] = Statement(name, f"CREATE OR REPLACE {kind} {quote}{name}{quote} AS\n{body}")
    found = known[name]
    if isinstance(found, str):
        raise DialectError(found)


def needed_views(rule: Rule) -> Iterator[str]:
    """The views a rule stands on, those below others first."""
    wanted = _named([select(rule.query)]) if rule.query is not None else {rule.from_ or ""}
    wanted |= _named(tree for place, tree in parsed(rule).items() if place != ("query",))
    waiting, found = list(wanted), set[str]()
    while waiting:
        name = waiting.pop()
        if name in views() and name not in found:
            found.add(name)
            waiting += _named([views()[name]])
    return (name for name in views() if name in found)


def _named(trees: Iterable[Tree]) -> set[str]:
    from sqlglot import exp

    return {table.name for tree in trees for table in tree.find_all(exp.Table)}


def rule_sql(rule: Rule, dialect: str, as_of: datetime | None, params: Mapping[str, object]) -> str:
    """The SELECT of one rule.  Raises DialectError."""
    from datetime import UTC, datetime

    query = compiled(rule, as_of or datetime(2000, 1, 1, tzinfo=UTC), params)
    values = dict(query.parameters)
    values["as_of"] = now() if as_of is None else literal(query.parameters["as_of"])
    statement = _judged(rule, query.judged)
    return "\n".join([*_head(rule, query.parameters, as_of), translated(select(statement), dialect, values)])


def _head(rule: Rule, values: Mapping[str, object], as_of: datetime | None) -> Iterator[str]:
    yield f"-- {rule.id} {rule.name}: {' '.join(rule.title.split())}"
    yield f"-- {rule.status} since {rule.since}; ages as of {values['as_of'] if as_of else _AT}"
    for name in rule.params:
        yield f"-- {name} = {values[name]}"


def _judged(rule: Rule, judged: str) -> str:
    """The rows of a rule as verdicts, one per subject; the worst row of a subject speaks."""
    others = sorted(name for name in output_columns(rule) if name.endswith("_scope_id"))
    ranks = [
        _case(f"{PREFIX}{what}", [str(word) for word in words])
        for what, words in (("severity", Severity), ("confidence", Confidence))
    ]
    worst = f"min(CASE WHEN {PREFIX}code = {FAIL} THEN concat({', '.join(ranks)}, ' ', "
    worst += f"{PREFIX}severity, ' ', {PREFIX}confidence) END)"
    also = "".join(f", min({name}) AS {name}" for name in others)
    subjects = (
        f"SELECT id, min(scope_id) AS scope_id{also}, max({PREFIX}code) AS nhi_code, {worst} AS nhi_worst\n"
        f"FROM (\n{judged}\n) AS nhi_j WHERE {PREFIX}code > 0 GROUP BY id"
    )
    joins, hidden, absent = _holes(others)
    return f"""\
WITH nhi_subjects AS (
{subjects}
),
{_hole_tables(rule)}
SELECT '{rule.id}' AS rule_id, nhi_s.id AS subject_id, nhi_s.scope_id,
  CASE WHEN nhi_s.nhi_code = {FAIL} AND {absent} = 0 THEN 'fail'
    WHEN nhi_s.nhi_code = {PASS} AND {hidden} = 0 THEN 'pass'
    ELSE 'not_assessed' END AS verdict,
  split_part(nhi_s.nhi_worst, ' ', 2) AS severity, split_part(nhi_s.nhi_worst, ' ', 3) AS confidence
FROM nhi_subjects AS nhi_s
{joins}"""  # noqa: S608 - the rule's own SQL, which the guard parsed


def _case(column: str, words: Sequence[str]) -> str:
    steps = " ".join(f"WHEN '{word}' THEN '{n}'" for n, word in enumerate(words))
    return f"CASE {column} {steps} END"


def _hole_tables(rule: Rule) -> str:
    """The gaps that bear on a rule, by scope and by subject; see `gaps.holes`."""
    absent = closure(rule.absence)
    needed = closure(rule.needs) | absent
    covers = sorted(needed | {f"{t}.{c}" for t, c in reads(rule).columns if t in needed})
    hiding = [c for c in covers if c.partition(".")[0] in absent]
    absence = f"CASE WHEN nhi_c.cover IN ({_texts(hiding)}) THEN 1 ELSE 0 END" if hiding else "0"
    return f"""\
nhi_gaps AS (
  SELECT nhi_g.scope_id, nhi_g.subject_id, {absence} AS absence
  FROM gap AS nhi_g CROSS JOIN UNNEST(nhi_g.covers) AS nhi_c(cover)
  WHERE nhi_c.cover IN ({_texts(covers)})
),
nhi_scope_gaps AS (
  SELECT nhi_x.scope_id, max(nhi_x.absence) AS absence FROM nhi_gaps AS nhi_x
  WHERE nhi_x.subject_id IS NULL GROUP BY nhi_x.scope_id
),
nhi_subject_gaps AS (
  SELECT nhi_x.subject_id, max(nhi_x.absence) AS absence FROM nhi_gaps AS nhi_x
  WHERE nhi_x.subject_id IS NOT NULL GROUP BY nhi_x.subject_id
)"""  # noqa: S608 - names of the model


def _holes(others: Sequence[str]) -> tuple[str, str, str]:
    """The joins with the gaps, how many there are, and how many hide rows whose absence is the evidence."""
    joins = ["LEFT JOIN nhi_subject_gaps AS nhi_own ON nhi_own.subject_id = nhi_s.id"]
    aliases = ["nhi_own"]
    for n, column in enumerate(("scope_id", *others)):
        joins.append(f"LEFT JOIN nhi_scope_gaps AS nhi_at{n} ON nhi_at{n}.scope_id = nhi_s.{column}")
        aliases.append(f"nhi_at{n}")
    hidden = " + ".join(f"CASE WHEN {a}.absence IS NULL THEN 0 ELSE 1 END" for a in aliases)
    absent = " + ".join(f"coalesce({a}.absence, 0)" for a in aliases)
    return "\n".join(joins), f"({hidden})", f"({absent})"


def _texts(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
