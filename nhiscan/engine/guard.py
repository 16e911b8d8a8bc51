"""What SQL a rule may hold: one SELECT over the inventory's tables and views, with a short list of functions.

The list is what sqlglot carries to Spark and Postgres and what can neither see nor change anything outside the tables.
The clock is not on it: `$as_of` is the moment of the audit.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from nhiscan.engine.query import PARAMETER, PREFIX, pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.engine.rule import Rule

DIALECT = "duckdb"

# sqlglot renamed the base of its trees between the versions we allow.
Tree: TypeAlias = Any

# Functions by the name of their class in sqlglot, with the spelling that rules use.
FUNCTIONS: Mapping[str, str] = {
    "abs": "abs",
    "and": "and",
    "any": "any",
    "anyvalue": "any_value",
    "arraycontains": "list_contains",
    "arraysize": "array_length",
    "avg": "avg",
    "case": "case",
    "cast": "cast",
    "ceil": "ceil",
    "coalesce": "coalesce",
    "concat": "concat",
    "concatws": "concat_ws",
    "contains": "contains",
    "count": "count",
    "datediff": "date_diff",
    "endswith": "ends_with",
    "exists": "exists",
    "extract": "extract",
    "floor": "floor",
    "greatest": "greatest",
    "groupconcat": "string_agg",
    "if": "if",
    "least": "least",
    "length": "length",
    "logicaland": "bool_and",
    "logicalor": "bool_or",
    "lower": "lower",
    "max": "max",
    "min": "min",
    "nullif": "nullif",
    "or": "or",
    "replace": "replace",
    "round": "round",
    "rownumber": "row_number",
    "splitpart": "split_part",
    "startswith": "starts_with",
    "strposition": "strpos",
    "substring": "substring",
    "sum": "sum",
    "timestamptrunc": "date_trunc",
    "trim": "trim",
    "upper": "upper",
}

_STATEMENTS_REFUSED = (
    "insert", "update", "delete", "create", "drop", "alter", "command", "copy", "attach", "detach", "set", "pragma",
    "into", "transaction", "commit", "rollback", "describe", "use", "merge", "truncatetable", "lateral", "unnest",
    "pivot", "tablesample", "hint", "values",
)  # fmt: skip


class GuardError(Exception):
    """A rule's SQL that is not allowed; `place` is where in the rule."""

    def __init__(self, message: str, place: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.place = place


def verify(rule: Rule) -> None:
    """Raise GuardError unless every piece of the rule's SQL is allowed.  Shipped rules were verified when built."""
    if not rule.shipped:
        parsed(rule)


def parsed(rule: Rule) -> dict[tuple[str, ...], Tree]:
    """Every piece of the rule's SQL as a tree, by its place in the file.  Raises GuardError."""
    found: dict[tuple[str, ...], Tree] = {}
    if rule.query is not None:
        found["query",] = _checked(rule.query, ("query",))
    elif rule.from_ not in relations():
        msg = f"`{rule.from_}` is no table or view"
        raise GuardError(msg, ("from",))
    for place, sql in pieces(rule).items():
        found[place] = _checked(sql, place)
    return found


def relations() -> frozenset[str]:
    """The tables and views a rule may read."""
    from nhiscan.engine.lineage import views
    from nhiscan.model import RECORDS

    return frozenset(RECORDS) | frozenset(views())


@lru_cache(maxsize=4096)
def _tree(sql: str, *, whole: bool) -> Tree:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        if not whole:
            return sqlglot.parse_one(sql, into=exp.Condition, dialect=DIALECT)
        trees = [t for t in sqlglot.parse(sql, dialect=DIALECT) if t is not None]
    except (SqlglotError, RecursionError) as e:
        reason = str(e).splitlines()[0].replace("\x1b", "") if isinstance(e, SqlglotError) else "nested too deeply"
        msg = f"not SQL: {reason[:200]}"
        raise GuardError(msg) from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        msg = "not exactly one SELECT"
        raise GuardError(msg)
    return trees[0]


def condition(sql: str) -> Tree:
    """A condition as a tree.  Raises GuardError."""
    return _tree(sql, whole=False)


def select(sql: str) -> Tree:
    """A SELECT as a tree.  Raises GuardError."""
    return _tree(sql, whole=True)


def _checked(sql: str, place: tuple[str, ...]) -> Tree:
    try:
        tree = select(sql) if place == ("query",) else condition(sql)
        for message in refusals(tree):
            raise GuardError(message)  # noqa: TRY301 - the same way out as a parse error
        declared = {str(node.name) for node in _parameters(tree)}
        if declared != set(PARAMETER.findall(sql)):
            msg = "a `$` stands in a text or comment, where it cannot be a parameter"
            raise GuardError(msg)  # noqa: TRY301
    except GuardError as e:
        raise GuardError(str(e), place) from None
    return tree


def parameters(tree: Tree) -> set[str]:
    """The `$names` in a tree."""
    return {str(node.name) for node in _parameters(tree)}


def _parameters(tree: Tree) -> Iterator[Tree]:
    from sqlglot import exp

    yield from tree.find_all(exp.Parameter, exp.Placeholder)


def refusals(tree: Tree) -> Iterator[str]:
    """What in a tree is not allowed."""
    from sqlglot import exp

    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    for node in tree.walk():
        if isinstance(node, exp.Table):
            yield from _table(node, ctes)
        elif isinstance(node, exp.With) and node.args.get("recursive"):
            yield "a recursive CTE is not portable; use a view with unrolled hops"
        elif node.key in _STATEMENTS_REFUSED:
            yield f"{node.key.upper()} is not allowed"
        elif isinstance(node, exp.Anonymous):
            yield f"the function {node.name.lower()} is not allowed"
        elif isinstance(node, exp.Func) and node.key not in FUNCTIONS:
            spelled = node.sql(DIALECT).partition("(")[0].lower()
            yield f"the function {spelled} is not allowed"
        elif isinstance(node, exp.Identifier) and node.name.startswith((PREFIX, "nhi_")):
            yield f"names that start with nhi_ belong to the engine: {node.name}"


def _table(node: Tree, ctes: set[str]) -> Iterator[str]:
    from sqlglot import exp

    if not isinstance(node.this, exp.Identifier) or node.args.get("db"):
        yield f"{node.sql(DIALECT)[:80]} is no table or view of the inventory"
    elif node.name not in ctes and node.name not in relations():
        yield f"`{node.name}` is no table or view"
