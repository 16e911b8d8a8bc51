"""The one place where our SQL (DuckDB's) becomes another dialect's: Spark 4, PostgreSQL 15 and Trino.

sqlglot carries most of it.  What is mended here are functions that have the same name and another meaning: which match
a regular expression replaces, what a list, a part or a group that is not there gives, how days are counted, and NULLs
in `greatest`.  Sources: the function pages of duckdb.org, spark.apache.org, postgresql.org and trino.io; the result is
compared on a real Spark by tests/engine/test_spark.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nhiscan.engine.guard import Tree

SOURCE = "duckdb"
DIALECTS = (SOURCE, "spark", "postgres", "trino")

# Units of `date_diff` that count boundaries alike when both ends are cut to the unit first.
_UNITS = ("DAY", "HOUR", "MINUTE", "SECOND")
_GROUP = re.compile(r"\\(\d)")
# Regular expressions stay within what RE2, Java, Joni and POSIX classes read alike.
_ONE_READING_ONLY = (
    (re.compile(r"\[[^\]]*\["), "a `[` inside a bracket, which Java reads as a nested class"),
    (re.compile(r"\(\?"), "a group that begins with `(?`"),
    (re.compile(r"\\[A-Zpbwz]"), "a class by backslash and letter"),
)


class DialectError(Exception):
    """SQL that cannot be carried to a dialect; the message says what and why."""


def translated(tree: Tree, dialect: str, values: Mapping[str, object] | None = None) -> str:
    """A SELECT or condition of ours in another dialect, `$parameters` replaced by `values`.

    Raises DialectError for what has no equal there, KeyError for a parameter without a value.
    """
    from sqlglot import ErrorLevel
    from sqlglot.errors import SqlglotError

    # One copy: most of the time goes into copying trees.
    mended = tree.copy().transform(lambda node: _value(node, values or {}), copy=False)
    if dialect != SOURCE:
        mended = _mended(mended, dialect)
    try:
        sql: str = mended.sql(dialect, copy=False, identify=True, pretty=True, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as e:
        msg = str(e).splitlines()[0]
        raise DialectError(msg) from None
    return sql


def literal(value: object) -> Tree:
    """A value as a literal: text, number, truth, NULL or a moment (UTC, without a zone)."""
    from datetime import datetime

    from sqlglot import exp

    if isinstance(value, datetime):
        return exp.cast(exp.Literal.string(value.strftime("%Y-%m-%d %H:%M:%S")), "TIMESTAMP")
    if isinstance(value, str) or value is None or isinstance(value, bool | int | float):
        return exp.convert(value)
    msg = f"a {type(value).__name__} cannot be written as a literal"
    raise DialectError(msg)


def now() -> Tree:
    """The moment a query runs, as inventories hold times: without a zone."""
    from sqlglot import exp

    return exp.cast(exp.CurrentTimestamp(), "TIMESTAMP")


def _value(node: Tree, values: Mapping[str, object]) -> Tree:
    from sqlglot import exp

    if not isinstance(node, exp.Parameter | exp.Placeholder):
        return node
    value = values[str(node.name)]
    return value.copy() if isinstance(value, exp.Expression) else literal(value)


def _mended(tree: Tree, dialect: str) -> Tree:
    """The tree with every function mended, inner ones first: what replaces one holds those inside it."""
    for node in reversed(list(tree.bfs())):
        rule = _MENDED.get(node.key)
        better = node if rule is None else rule(node, dialect)
        if better is not node:
            if node is tree:
                tree = better
            else:
                node.replace(better)
    return tree


def _pattern(node: Tree) -> str:
    """The regular expression of a function, put together where it is written in pieces.  Raises DialectError."""
    from sqlglot import exp

    pieces = [node.expression]
    text = ""
    while pieces:
        piece = pieces.pop(0)
        if isinstance(piece, exp.Concat):
            pieces = [*piece.expressions, *pieces]
        elif isinstance(piece, exp.DPipe | exp.Paren):
            pieces = [*(p for p in (piece.this, piece.args.get("expression")) if p is not None), *pieces]
        elif isinstance(piece, exp.Coalesce):  # sqlglot's own, around every part of a concat
            pieces = [piece.this, *pieces]
        elif isinstance(piece, exp.Literal):
            text += str(piece.this)
        else:
            msg = "a regular expression that is not written out"
            raise DialectError(msg)
    for form, what in _ONE_READING_ONLY:
        if form.search(text):
            msg = f"the regular expression {text!r} has {what}"
            raise DialectError(msg)
    return text


def _regexp_like(node: Tree, _dialect: str) -> Tree:
    """The pattern in one piece: beside `~`, PostgreSQL would read `||` as if it came after the comparison."""
    from sqlglot import exp

    node.set("expression", exp.Literal.string(_pattern(node)))
    return node


def _regexp_extract(node: Tree, dialect: str) -> Tree:
    """DuckDB and Spark give '' where nothing matches, Trino and PostgreSQL NULL."""
    from sqlglot import exp

    from_group = node.args.get("group")
    pattern, group = exp.Literal.string(_pattern(node)), from_group.copy() if from_group else exp.Literal.number(0)
    if dialect == "spark":
        return exp.func("REGEXP_EXTRACT", node.this, pattern, group, dialect="spark")
    if dialect == "postgres":
        one = exp.Literal.number(1)
        options = (one, one.copy(), exp.Literal.string(""), group)
        found: Tree = exp.Anonymous(this="REGEXP_SUBSTR", expressions=[node.this, pattern, *options])
    else:
        found = exp.Anonymous(this="REGEXP_EXTRACT", expressions=[node.this, pattern, group])
    return _known_empty(found, node.this)


def _known_empty(found: Tree, text: Tree) -> Tree:
    """`found`, and '' where that is NULL though the text is known."""
    from sqlglot import exp

    known = exp.Case().when(exp.Not(this=exp.Is(this=text.copy(), expression=exp.Null())), exp.Literal.string(""))
    return exp.Coalesce(this=found, expressions=[known])


def _regexp_replace(node: Tree, dialect: str) -> Tree:
    """DuckDB and PostgreSQL replace the first match unless told `g`, Spark and Trino all; they write groups as `$1`."""
    from sqlglot import exp

    modifiers = node.args.get("modifiers")
    every = modifiers is not None and "g" in str(modifiers.this)
    pattern, text = _pattern(node), node.args["replacement"]
    if not isinstance(text, exp.Literal) or "$" in str(text.this):
        msg = "a replacement that is not written out, or has a `$`"
        raise DialectError(msg)
    shown = str(text.this)
    if dialect != "postgres":
        shift = 0
        if not every:
            # The first match is all that stands after as little as possible from the start.
            pattern, shift = f"^([\\s\\S]*?)(?:{pattern})", 1
        shown = ("$1" if shift else "") + _GROUP.sub(lambda m: f"${int(m[1]) + shift}", shown)
    arguments = [node.this, exp.Literal.string(pattern), exp.Literal.string(shown)]
    if every and dialect == "postgres":
        arguments.append(exp.Literal.string("g"))
    return exp.Anonymous(this="REGEXP_REPLACE", expressions=arguments)


def _date_diff(node: Tree, dialect: str) -> Tree:
    """DuckDB counts the boundaries between two times; the others count full units, which is the same once cut."""
    from sqlglot import exp

    unit = str(node.args["unit"].name).upper()
    if unit not in _UNITS:
        msg = f"date_diff in {unit.lower()}s"
        raise DialectError(msg)
    later, earlier = node.this, node.expression
    if unit == "DAY":
        if dialect == "spark":
            ends = [exp.cast(end, "DATE") for end in (later, earlier)]
            return exp.Anonymous(this="DATEDIFF", expressions=ends)
        if dialect == "postgres":
            return exp.Paren(this=exp.Sub(this=exp.cast(later, "DATE"), expression=exp.cast(earlier, "DATE")))
    if dialect == "spark":
        cut = [exp.Anonymous(this="DATE_TRUNC", expressions=[exp.Literal.string(unit), e]) for e in (earlier, later)]
        return exp.Anonymous(this="TIMESTAMPDIFF", expressions=[exp.var(unit), *cut])
    return node


def _list_length(node: Tree, dialect: str) -> Tree:
    """The length of a list that is not there is NULL, of an empty one 0."""
    from sqlglot import exp

    return exp.Anonymous(this={"spark": "ARRAY_SIZE"}.get(dialect, "CARDINALITY"), expressions=[node.this])


def _list_contains(node: Tree, dialect: str) -> Tree:
    from sqlglot import exp

    if dialect != "postgres":
        return node
    return exp.Paren(this=exp.EQ(this=node.expression, expression=exp.Anonymous(this="ANY", expressions=[node.this])))


def _split_part(node: Tree, dialect: str) -> Tree:
    """A part that is not there is '', in Trino NULL."""
    from sqlglot import exp

    if dialect != "trino":
        return node
    arguments = [node.this, node.args["delimiter"], node.args["part_index"]]
    return _known_empty(exp.Anonymous(this="SPLIT_PART", expressions=arguments), node.this)


def _extreme(node: Tree, dialect: str) -> Tree:
    """`greatest` and `least` leave NULLs out, except in Trino."""
    from sqlglot import exp

    if dialect != "trino":
        return node
    found = exp.Anonymous(this="ARRAY_MAX" if node.key == "greatest" else "ARRAY_MIN", expressions=[])
    every = exp.Array(expressions=[node.this, *node.expressions])
    known = exp.Anonymous(
        this="FILTER",
        expressions=[every, exp.Lambda(this=exp.Not(this=exp.Is(this=exp.column("e"), expression=exp.Null())),
                                       expressions=[exp.to_identifier("e")])],
    )  # fmt: skip
    found.set("expressions", [known])
    return found


def _any_value(node: Tree, _dialect: str) -> Tree:
    """Any value will do, so the greatest, which is the same everywhere and leaves NULLs out."""
    from sqlglot import exp

    if isinstance(node, exp.IgnoreNulls):  # DuckDB's reader puts it around every any_value
        return node.this if isinstance(node.this, exp.Max) else node
    return exp.Max(this=node.this)


def _like(node: Tree, dialect: str) -> Tree:
    """In Spark and PostgreSQL a backslash in a pattern escapes; in ours it stands for itself."""
    from sqlglot import exp

    pattern = node.expression
    if dialect != "trino" and isinstance(pattern, exp.Literal) and "\\" in str(pattern.this):
        msg = "a backslash in a LIKE pattern"
        raise DialectError(msg)
    return node


def _strings(node: Tree, dialect: str) -> Tree:
    """`starts_with`, `ends_with` and `contains` under the names a dialect has for them."""
    from sqlglot import exp

    text, part = node.this, node.expression
    if dialect == "spark" or (node.key == "startswith"):
        return node
    if node.key == "contains":
        return exp.Paren(this=exp.GT(this=exp.StrPosition(this=text, substr=part), expression=exp.Literal.number(0)))
    size = exp.Length(this=part.copy())
    end = exp.Substring(this=text, start=exp.Add(this=exp.Sub(this=exp.Length(this=text.copy()), expression=size),
                                                 expression=exp.Literal.number(1)))  # fmt: skip
    return exp.Paren(this=exp.EQ(this=end, expression=part))


_MENDED: Mapping[str, Callable[[Tree, str], Tree]] = {
    "regexplike": _regexp_like,
    "regexpextract": _regexp_extract,
    "regexpreplace": _regexp_replace,
    "datediff": _date_diff,
    "arraysize": _list_length,
    "arraycontains": _list_contains,
    "splitpart": _split_part,
    "greatest": _extreme,
    "least": _extreme,
    "anyvalue": _any_value,
    "ignorenulls": _any_value,
    "like": _like,
    "contains": _strings,
    "endswith": _strings,
}
