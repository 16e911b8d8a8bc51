"""Counting what one rule decided, and saying for the rest why not and what would help."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from nhiscan.engine.query import FAIL, PASS
from nhiscan.engine.verdict import NotAssessed, RuleCoverage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nhiscan.engine.gaps import Hole, Holes
    from nhiscan.engine.rule import Rule

UNKNOWN_REASON = "a fact the rule needs is not known"
UNKNOWN_REMEDY = "nhiscan rules show {} says what it needs"
MAX_REASONS = 3


class Tally:
    """The subjects of one rule as they are counted."""

    def __init__(self, rule: Rule, bearing: Holes) -> None:
        self._rule = rule
        self._bearing = bearing
        self._counted: Counter[int] = Counter()
        # Whether any gap can hide rows whose absence is the evidence.
        self._doubtful = any(
            hole.absence for found in (*bearing.by_scope.values(), *bearing.by_subject.values()) for hole in found
        )
        self._missing: Counter[tuple[str, str, str]] = Counter()
        self._seen: set[str] = set()

    def add(self, scopes: Sequence[str], code: int, subject: str | None, number: int) -> None:
        """Count subjects of the same scopes and code; `subject` names one that has a gap of its own.

        A fail is believed unless rows whose absence is the evidence may be hidden; a pass where nothing is.
        """
        self._seen.add(scopes[0])
        holes = self._bearing.of(scopes, subject)
        if code == FAIL:
            holes = tuple(hole for hole in holes if hole.absence)
        if code in {PASS, FAIL} and not holes:
            self._counted[code] += number
        else:
            self._missing[scopes[0], *self._why(holes)] += number

    @property
    def failed(self) -> int:
        """How many fails are believed."""
        return self._counted[FAIL]

    def hides(self, scopes: Iterable[str | None], subject: str) -> bool:
        """Whether the fail of a subject is not believed."""
        if not self._doubtful:
            return False
        return any(hole.absence for hole in self._bearing.of((s for s in scopes if s is not None), subject))

    def coverage(self) -> RuleCoverage:
        """The counts, with a line of count 0 for every scope whose subjects could not be listed."""
        missing = [NotAssessed(s, n, reason, remedy) for (s, reason, remedy), n in self._missing.items()]
        for scope, holes in self._bearing.by_scope.items():
            listing = [hole for hole in holes if hole.listing]
            if listing and scope not in self._seen:
                missing.append(NotAssessed(scope, 0, *self._why(listing)))
        missing.sort(key=lambda m: (m.scope_id, m.reason, m.remedy))
        return RuleCoverage(self._rule.id, self._counted[FAIL], self._counted[PASS], tuple(missing))

    def _why(self, holes: Sequence[Hole]) -> tuple[str, str]:
        if holes:
            return _joined([h.reason for h in holes]), _joined([h.gap.remedy for h in holes])
        unknown = self._rule.unknown
        if unknown is not None:
            return unknown.reason, unknown.remedy
        reason = next(iter(self._rule.not_assessable_when), UNKNOWN_REASON)
        return reason, UNKNOWN_REMEDY.format(self._rule.id)


def _joined(texts: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(texts))
    more = len(distinct) - MAX_REASONS
    return "; ".join(distinct[:MAX_REASONS]) + (f"; and {more} more" if more > 0 else "")
