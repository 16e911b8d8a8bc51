"""Which tables must hold a row before a SELECT can have one: what is empty need not be asked.

Most of what a small audit would spend on rules is planning of queries over tables that nothing was found for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nhiscan.engine.guard import Tree

Ways = frozenset[frozenset[str]]
"""Sets of tables: there can be rows only while all tables of one of the sets have some."""

ALWAYS: Ways = frozenset({frozenset()})
# Unions inside unions multiply; beyond this nothing is claimed.
_MOST = 64


def hollow(ways: Ways, empty: frozenset[str]) -> bool:
    """Whether there can be no row while those tables are empty."""
    return all(way & empty for way in ways)


def ways_of(tree: Tree, known: Mapping[str, Ways]) -> Ways:
    """The ways to a row of a SELECT over tables and views that are `known`; ALWAYS where nothing can be said."""
    from sqlglot import exp

    ctes = tree.args.get("with_") or tree.args.get("with")
    if ctes is not None:
        known = dict(known)
        for cte in ctes.expressions:
            known[cte.alias] = ways_of(cte.this, known)
    match tree:
        case exp.Subquery():
            return ways_of(tree.this, known)
        case exp.Union():
            return _least(ways_of(tree.left, known) | ways_of(tree.right, known))
        case exp.Select():
            return _select(tree, known)
        case _:
            return ALWAYS


def _select(tree: Tree, known: Mapping[str, Ways]) -> Ways:
    from sqlglot import exp

    start = tree.args.get("from_") or tree.args.get("from")
    joins = tree.args.get("joins") or ()
    # An aggregate over nothing is one row, and so may be what an outer join to the right brings.
    sums = not tree.args.get("group") and any(
        not found.find_ancestor(exp.Window) for item in tree.expressions for found in item.find_all(exp.AggFunc)
    )
    if start is None or sums or any(join.side in {"RIGHT", "FULL"} for join in joins):
        return ALWAYS
    found = _source(start.this, known)
    for join in joins:
        if not join.side and join.kind in {"", "INNER", "CROSS"}:
            found = _least(a | b for a in found for b in _source(join.this, known))
    return found


def _source(tree: Tree, known: Mapping[str, Ways]) -> Ways:
    from sqlglot import exp

    return known.get(tree.name, ALWAYS) if isinstance(tree, exp.Table) else ways_of(tree, known)


def _least(ways: Iterable[frozenset[str]]) -> Ways:
    """Without those that ask for more than another one does."""
    least: list[frozenset[str]] = []
    for way in sorted(set(ways), key=len):
        if not any(other <= way for other in least):
            least.append(way)
        if len(least) > _MOST:
            return ALWAYS
    return frozenset(least)
