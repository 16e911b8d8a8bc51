"""Which gaps bear on which rule: what could not be seen, by scope and by subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.model import DERIVED_FROM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from nhiscan.engine.rule import Rule
    from nhiscan.model import Gap

Columns = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hole:
    """A gap as one rule feels it.

    `absence`: rows may be missing whose absence is the rule's evidence; `listing`: whole rows may be missing.
    """

    gap: Gap
    absence: bool
    listing: bool

    @property
    def reason(self) -> str:
        """What was not seen, and why."""
        what = self.gap.operation or ", ".join(self.gap.covers)
        return f"{what} {self.gap.reason}"


@dataclass(frozen=True, slots=True)
class Holes:
    """The gaps that bear on one rule, by scope and by subject."""

    by_scope: Mapping[str, tuple[Hole, ...]]
    by_subject: Mapping[str, tuple[Hole, ...]]

    def of(self, scopes: Iterable[str], subject: str | None = None) -> tuple[Hole, ...]:
        """The gaps in any of these scopes, then those of the subject itself."""
        if not self.by_scope and not self.by_subject:
            return ()
        found = [hole for scope in dict.fromkeys(scopes) for hole in self.by_scope.get(scope, ())]
        return (*found, *(self.by_subject.get(subject, ()) if subject is not None else ()))


def holes(rule: Rule, gaps: Sequence[Gap], columns_read: Callable[[Rule], Columns]) -> Holes:
    """The gaps that bear on a rule, in the order of their ids.

    A gap in a table bears on every rule that needs it, or needs what analysis derives from it.  A gap in a column bears
    on the rules that read that column (`columns_read`, asked only when there is such a gap).
    """
    by_scope: dict[str, list[Hole]] = {}
    by_subject: dict[str, list[Hole]] = {}
    needed, absent = closure(rule.needs), closure(rule.absence)
    for gap in sorted(gaps, key=lambda g: g.id):
        bearing = [c for c in gap.covers if _bears(c, needed | absent, rule, columns_read)]
        if not bearing:
            continue
        tables = {c.partition(".")[0] for c in bearing}
        hole = Hole(gap, absence=bool(tables & absent), listing=any("." not in c for c in bearing))
        where = by_scope if gap.subject_id is None else by_subject
        where.setdefault(gap.subject_id or gap.scope_id, []).append(hole)
    return Holes({k: tuple(v) for k, v in by_scope.items()}, {k: tuple(v) for k, v in by_subject.items()})


def closure(tables: Iterable[str]) -> frozenset[str]:
    """The tables and those they are derived from."""
    found: set[str] = set()
    waiting = list(tables)
    while waiting:
        table = waiting.pop()
        if table not in found:
            found.add(table)
            waiting += DERIVED_FROM.get(table, ())
    return frozenset(found)


def _bears(cover: str, tables: frozenset[str], rule: Rule, columns_read: Callable[[Rule], Columns]) -> bool:
    table, _, column = cover.partition(".")
    if table not in tables:
        return False
    return not column or (table, column) in columns_read(rule)
