"""Which columns tell the rows of a SELECT apart: where `id` alone does, a subject stands in one row.

A column is known where another one decides it: the key of a source decides its row, a row decides its columns, an
equation one side by the other, an outer join that finds at most one row that row.  Columns from which everything that
makes a row follows are a key.  Nothing is claimed of unions and of tables that are not named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.engine.guard import Tree

Column = tuple[str, str]
"""The alias of a source and the name of a column of it; "" as the name stands for the row itself."""

Follows = tuple[frozenset[Column], Column]
"""What is known as soon as all of some columns are."""

_MAKERS = frozenset({"generate_subscripts"})  # what makes rows, beside `unnest`
_SETS = ("rollup", "cube", "grouping_sets", "all")


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a relation, and sets of them of which each tells all rows apart."""

    columns: tuple[str, ...]
    keys: frozenset[frozenset[str]] = frozenset()

    def single(self, column: str) -> bool:
        """Whether no two rows have the same value there."""
        return any(key <= {column} for key in self.keys)


@dataclass(slots=True)
class _Sources:
    """What a SELECT reads from: shapes by alias, those that may be missing in a row, and what follows from what."""

    shapes: dict[str, Shape] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)
    follows: list[Follows] = field(default_factory=list)

    def column(self, tree: Tree) -> Column:
        """The source of a column; one that none or several could have is of no source, and never known."""
        owners = [tree.table] if tree.table else [a for a, s in self.shapes.items() if tree.name in s.columns]
        return (owners[0] if len(owners) == 1 else "?", tree.name)

    def closure(self, known: Iterable[Column]) -> set[Column]:
        """Everything that follows."""
        found, grown = set(known), True
        while grown:
            grown = False
            for needed, column in self.follows:
                if column not in found and all(c in found or (c[0], "") in found for c in needed):
                    found.add(column)
                    grown = True
        return found

    def decides(self, known: Iterable[Column], target: Iterable[Column]) -> bool:
        """Whether the target follows."""
        found = self.closure(known)
        return all(column in found or (column[0], "") in found for column in target)


def shape(tree: Tree, known: Mapping[str, Shape]) -> Shape:
    """The shape of a SELECT over tables and views of `known` shape."""
    from sqlglot import exp

    ctes = tree.args.get("with_") or tree.args.get("with")
    for cte in ctes.expressions if ctes is not None else ():
        inner, names = shape(cte.this, known), tuple(cte.alias_column_names)
        known = {**known, cte.alias: Shape(names) if names else inner}
    if isinstance(tree, exp.Subquery):
        return shape(tree.this, known)
    if isinstance(tree, exp.SetOperation):
        return Shape(shape(tree.left, known).columns)
    return _select(tree, known) if isinstance(tree, exp.Select) else Shape(())


def _select(tree: Tree, known: Mapping[str, Shape]) -> Shape:
    sources = _Sources()
    start = tree.args.get("from_") or tree.args.get("from")
    for join in (start, *(tree.args.get("joins") or ())) if start is not None else ():
        _join(sources, join, known)
    where = tree.args.get("where")
    if where is not None:
        sources.follows += _equations(where.this, sources)
    outputs = dict(_outputs(tree, sources))
    target = _target(tree, sources, outputs)
    if target is None or _multiplies(tree):
        return Shape(tuple(outputs))
    plain = {name: column for name, item in outputs.items() if (column := _plain(item, sources)) is not None}
    candidates = [frozenset({name}) for name in plain] + [frozenset(c) for c in _larger(sources, plain)]
    numbered = dict(_numbered(outputs, sources, plain))
    keys = {c for c in candidates if sources.decides((plain[name] for name in c), target)}
    keys |= {frozenset({*parts, name}) for name, parts in numbered.items() if not tree.args.get("group")}
    return Shape(tuple(outputs), frozenset({frozenset()}) if not target else frozenset(keys))


def _join(sources: _Sources, join: Tree, known: Mapping[str, Shape]) -> None:
    """One more source, and what its condition says."""
    alias = join.this.alias_or_name
    found = sources.shapes[alias] = _source(join.this, known)
    on, side = join.args.get("on"), getattr(join, "side", "")
    usable = not (join.args.get("using") or join.args.get("method")) and getattr(join, "kind", "") in {
        "",
        "INNER",
        "CROSS",
    }
    if side == "LEFT" and usable and on is not None:
        sources.outer.add(alias)
        _found_once(sources, alias, found, on)
    elif not side and usable:
        sources.follows += [(frozenset((alias, c) for c in key), (alias, "")) for key in found.keys]
        sources.follows += _equations(on, sources) if on is not None else ()
    elif side:  # rows of either side may be missing
        sources.shapes["?"] = Shape(())


def _source(source: Tree, known: Mapping[str, Shape]) -> Shape:
    from sqlglot import exp

    if isinstance(source, exp.Values):
        return _written(source)
    alias = source.args.get("alias")
    if source.args.get("pivots") or (alias is not None and alias.args.get("columns")):
        return Shape(())  # other rows or other names than those that are known
    if isinstance(source, exp.Table):
        return known.get(source.name, Shape(()))
    return shape(source, known) if isinstance(source, exp.Subquery) else Shape(())


def _written(values: Tree) -> Shape:
    """Rows that are written out: a column of texts of which no two are alike is a key."""
    from sqlglot import exp

    columns = zip(*(row.expressions for row in values.expressions), strict=True)
    names = tuple(values.alias_column_names)
    found = set()
    for name, cells in zip(names, columns, strict=False):
        texts = {cell.this for cell in cells if isinstance(cell, exp.Literal)}
        if len(texts) == len(values.expressions):
            found.add(frozenset({name}))
    return Shape(names, frozenset(found))


def _found_once(sources: _Sources, alias: str, found: Shape, on: Tree) -> None:
    """An outer join on a whole key finds one row or none, which all other columns of its condition decide."""
    from sqlglot import exp

    given = {column[1] for needed, column in _equations(on, sources) if column[0] == alias
             and all(c[0] != alias for c in needed)}  # fmt: skip
    if any(key <= given for key in found.keys):
        others = {sources.column(c) for c in on.find_all(exp.Column)}
        sources.follows.append((frozenset(c for c in others if c[0] != alias), (alias, "")))


def _equations(tree: Tree, sources: _Sources) -> Iterator[Follows]:
    """What follows from the equations that must hold."""
    from sqlglot import exp

    if isinstance(tree, exp.Paren):
        yield from _equations(tree.this, sources)
    elif isinstance(tree, exp.And):
        yield from _equations(tree.left, sources)
        yield from _equations(tree.right, sources)
    elif isinstance(tree, exp.EQ) and not tree.find(exp.Query):
        for one, other in ((tree.left, tree.right), (tree.right, tree.left)):
            if isinstance(one, exp.Column):
                yield frozenset(map(sources.column, other.find_all(exp.Column))), sources.column(one)


def _outputs(tree: Tree, sources: _Sources) -> Iterator[tuple[str, Tree | None]]:
    """The results by name, None for one that is written over or that two things are called."""
    from sqlglot import exp

    told: set[str] = set()
    for item in tree.expressions:
        if not item.is_star:
            name = item.alias_or_name
            yield name, None if name in told else item.unalias()
            told.add(name)
            continue
        star = item if isinstance(item, exp.Star) else item.this
        left_out = {part.name for part in star.args.get("except_") or star.args.get("except") or ()}
        changed = {
            n for key in ("replace", "rename") for part in star.args.get(key) or () for n in (part.name, part.alias)
        }
        for alias in [item.table] if isinstance(item, exp.Column) else sources.shapes:
            for name in sources.shapes[alias].columns:
                if name not in left_out:
                    yield name, None if name in told or changed else exp.column(name, alias)
                    told.add(name)


def _multiplies(tree: Tree) -> bool:
    """Whether a result makes several rows of one."""
    from sqlglot import exp

    makers = (n for item in tree.expressions for n in item.find_all(exp.Explode, exp.Unnest, exp.Anonymous))
    return any(
        (not isinstance(n, exp.Anonymous) or n.name.lower() in _MAKERS) and n.find_ancestor(exp.Query) is tree
        for n in makers
    )


def _plain(item: Tree | None, sources: _Sources) -> Column | None:
    """The column that a result is a copy of.  One of an outer join is unknown in several rows, and tells none apart."""
    from sqlglot import exp

    if not isinstance(item, exp.Column):
        return None
    column = sources.column(item)
    return None if column[0] in sources.outer else column


def _target(tree: Tree, sources: _Sources, outputs: Mapping[str, Tree | None]) -> set[Column] | None:
    """What makes a row; nothing where there can only be one, None where it cannot be told."""
    from sqlglot import exp

    group = tree.args.get("group")
    if group is not None:
        parts = [list(part.find_all(exp.Column)) for part in group.expressions]
        sets = any(group.args.get(key) for key in _SETS) or group.find(exp.Rollup, exp.Cube, exp.GroupingSets)
        # A number stands for a result, and sets make rows of their own.
        return None if sets or not parts or not all(parts) else {sources.column(c) for part in parts for c in part}
    if any(a.find_ancestor(exp.Window, exp.Query) is tree for a in tree.find_all(exp.AggFunc)):
        return set()  # neither of a window nor of a query inside
    distinct = tree.args.get("distinct")
    if (
        distinct is not None
        and not distinct.args.get("on")
        and all(o and not o.find(exp.Window) for o in outputs.values())
    ):
        return {sources.column(c) for item in outputs.values() if item for c in item.find_all(exp.Column)}
    return {(alias, "") for alias in sources.shapes}


def _larger(sources: _Sources, plain: Mapping[str, Column]) -> Iterator[set[str]]:
    """The keys of one or two sources, as results."""
    named = {column: name for name, column in plain.items()}
    own = [
        {named[alias, c] for c in key}
        for alias, found in sources.shapes.items()
        for key in found.keys
        if all((alias, c) in named for c in key)
    ]
    yield from own
    yield from (one | other for one, other in combinations(own, 2))
    yield set(plain)


def _numbered(
    outputs: Mapping[str, Tree | None], sources: _Sources, plain: Mapping[str, Column]
) -> Iterator[tuple[str, set[str]]]:
    """Results that number the rows of a partition, with the results that name the partition."""
    from sqlglot import exp

    named = {column: name for name, column in plain.items()}
    for name, item in outputs.items():
        if isinstance(item, exp.Window) and isinstance(item.this, exp.RowNumber):
            parts = item.args.get("partition_by") or []
            columns = [sources.column(p) if isinstance(p, exp.Column) else ("?", "") for p in parts]
            if all(column in named for column in columns):
                yield name, {named[column] for column in columns}
