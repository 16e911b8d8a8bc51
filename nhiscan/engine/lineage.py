"""Which tables and columns a rule's verdict rests on, through views and subqueries.

A view joins more than any one rule asks for.  What counts for a rule are the tables that decide which rows there are
(FROM, inner joins and their conditions, WHERE, GROUP BY) and, for each column its conditions use, where that column
comes from.  An outer join that only brings columns the rule does not use is left out, so that a gap in owners does not
hide what a rule says of rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from nhiscan.model import RECORDS, columns
from nhiscan.store.schema import view_sql

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.engine.guard import Tree
    from nhiscan.engine.rule import Rule


@dataclass(frozen=True, slots=True)
class Reads:
    """Base tables and their columns."""

    tables: frozenset[str] = frozenset()
    columns: frozenset[tuple[str, str]] = frozenset()

    def __or__(self, other: Reads) -> Reads:
        return Reads(self.tables | other.tables, self.columns | other.columns)


NOTHING = Reads()


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view or SELECT: what decides its rows, and what each of its columns is made of."""

    rows: Reads
    columns: Mapping[str, Reads]

    @property
    def everything(self) -> Reads:
        """All it reads."""
        return union(self.columns.values()) | self.rows


@dataclass(frozen=True, slots=True)
class _Source:
    """A relation inside a SELECT; `joined` is what an outer join's condition reads."""

    relation: Relation
    joined: Reads = NOTHING

    def column(self, name: str) -> Reads:
        return self.relation.columns.get(name, self.relation.everything) | self.relation.rows | self.joined


def union(parts: Iterable[Reads]) -> Reads:
    """All of them together."""
    tables: set[str] = set()
    found: set[tuple[str, str]] = set()
    for part in parts:
        tables |= part.tables
        found |= part.columns
    return Reads(frozenset(tables), frozenset(found))


@lru_cache(maxsize=1024)
def _reads(source: str, *, is_query: bool, conditions: tuple[str, ...]) -> Reads:
    from nhiscan.engine.guard import condition, select

    known = vocabulary()
    relation = _relation(select(source), known) if is_query else known[source]
    scope = {"nhi_s": _Source(relation)}
    return union(_used(condition(sql), scope, known) for sql in conditions) | relation.rows


def reads(rule: Rule) -> Reads:
    """What a rule's fail, pass and applicability rest on.  Raises GuardError or KeyError for SQL not allowed."""
    conditions = tuple(sql for sql in (rule.applies_when, rule.fails_when) if sql)
    if rule.query is not None:
        return _reads(rule.query, is_query=True, conditions=conditions)
    return _reads(rule.from_ or "", is_query=False, conditions=conditions)


def output_columns(rule: Rule) -> tuple[str, ...]:
    """The columns of a rule's rows.  Raises GuardError or KeyError for SQL not allowed."""
    from nhiscan.engine.guard import select

    known = vocabulary()
    relation = _relation(select(rule.query), known) if rule.query is not None else known[rule.from_ or ""]
    return tuple(relation.columns)


@cache
def views() -> Mapping[str, Tree]:
    """The views of the vocabulary as trees, in the order they are made."""
    import sqlglot
    from sqlglot import exp

    made = [t for t in sqlglot.parse(view_sql(), dialect="duckdb") if isinstance(t, exp.Create)]
    return {tree.this.name: tree.expression for tree in made}


@cache
def vocabulary() -> Mapping[str, Relation]:
    """Every table and view a rule can read."""
    known: dict[str, Relation] = {}
    for table, record in RECORDS.items():
        made_of = {c: Reads(frozenset({table}), frozenset({(table, c)})) for c in columns(record)}
        known[table] = Relation(Reads(frozenset({table})), made_of)
    for name, tree in views().items():
        known[name] = _relation(tree, known)
    return known


def _relation(tree: Tree, known: Mapping[str, Relation]) -> Relation:
    from sqlglot import exp

    ctes = tree.args.get("with_") or tree.args.get("with")
    if ctes is not None:
        known = dict(known)
        for cte in ctes.expressions:
            known[cte.alias] = _renamed(_relation(cte.this, known), cte)
    if isinstance(tree, exp.Subquery):
        return _relation(tree.this, known)
    if isinstance(tree, exp.SetOperation):
        left, right = _relation(tree.left, known), _relation(tree.right, known)
        pairs = zip(left.columns.items(), right.columns.values(), strict=False)
        return Relation(left.rows | right.rows, {name: a | b for (name, a), b in pairs})
    return _select(tree, known)


def _renamed(relation: Relation, cte: Tree) -> Relation:
    names = cte.alias_column_names
    if not names:
        return relation
    return Relation(relation.rows, dict(zip(names, relation.columns.values(), strict=False)))


def _select(tree: Tree, known: Mapping[str, Relation]) -> Relation:
    from sqlglot import exp

    scope: dict[str, _Source] = {}
    rows = NOTHING
    start = tree.args.get("from_") or tree.args.get("from")
    if start is not None:
        first = _named(start.this, known)
        scope[start.this.alias_or_name] = _Source(first)
        rows |= first.rows
    for join in tree.args.get("joins") or ():
        joined = _named(join.this, known)
        alias = join.this.alias_or_name
        scope[alias] = _Source(joined)
        on = union(_used(part, scope, known) for part in (join.args.get("on"), *join.args.get("using", ())) if part)
        if join.side == "LEFT":
            scope[alias] = _Source(joined, on)
        else:
            rows |= joined.rows | on
    for clause in ("where", "group", "having", "qualify"):
        if tree.args.get(clause) is not None:
            rows |= _used(tree.args[clause], scope, known)
    if any(isinstance(n.this, exp.Star) for item in tree.expressions for n in item.find_all(exp.Count)):
        rows |= union(source.relation.rows | source.joined for source in scope.values())
    return Relation(rows, dict(_outputs(tree, scope, known)))


def _named(source: Tree, known: Mapping[str, Relation]) -> Relation:
    from sqlglot import exp

    return known[source.name] if isinstance(source, exp.Table) else _relation(source, known)


def _outputs(
    tree: Tree,
    scope: Mapping[str, _Source],
    known: Mapping[str, Relation],
) -> Iterator[tuple[str, Reads]]:
    for item in tree.expressions:
        if item.is_star:
            wanted = [scope[item.table]] if getattr(item, "table", "") else scope.values()
            for source in wanted:
                yield from ((name, source.column(name)) for name in source.relation.columns)
        else:
            yield item.alias_or_name, _used(item, scope, known)


def _used(tree: Tree, scope: Mapping[str, _Source], known: Mapping[str, Relation]) -> Reads:
    """What an expression reads; a subquery in it counts whole, with what it takes from outside."""
    from sqlglot import exp

    found = []
    inner = list(tree.find_all(exp.Query))
    for query in inner:
        if query.find_ancestor(exp.Query) in inner:
            continue
        found.append(_relation(query, known).everything)
    if isinstance(tree, exp.Identifier):
        return union(s.column(tree.name) for s in scope.values() if tree.name in s.relation.columns)
    return union(found) | union(_column(column, scope) for column in tree.find_all(exp.Column))


def _column(column: Tree, scope: Mapping[str, _Source]) -> Reads:
    if column.table:
        source = scope.get(column.table)
        return source.column(column.name) if source else NOTHING
    return union(s.column(column.name) for s in scope.values() if column.name in s.relation.columns)
