"""Sets of actions as plain integers, one bit for each action that anything asks about.

A pattern is expanded by bisection in the sorted names of its service, once; a statement, once for each combination of
patterns.  So what a policy speaks of costs microseconds however many actions are asked about.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.patterns import is_wild, matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nhiscan.analysis.aws.documents import Statement

# Above every character a name has.
_END = "\uffff"


class Index:
    """A fixed set of actions.  Names compare without case, as IAM compares them; an unknown action has no bit."""

    def __init__(self, actions: Iterable[str]) -> None:
        self.actions: tuple[str, ...] = tuple(sorted(set(actions)))
        self._bits = {action.lower(): 1 << n for n, action in enumerate(self.actions)}
        self._patterns: dict[str, int] = {}
        self._shapes: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        self._names: dict[int, frozenset[str]] = {}

    @property
    def every(self) -> int:
        """All actions."""
        return (1 << len(self.actions)) - 1

    @cached_property
    def _services(self) -> Mapping[str, list[str]]:
        """Sorted lower-case names by service."""
        found: dict[str, list[str]] = {}
        for action in self._bits:
            service, _, name = action.partition(":")
            found.setdefault(service, []).append(name)
        return {service: sorted(names) for service, names in found.items()}

    def mask(self, actions: Iterable[str]) -> int:
        """The set of these very actions.  Raises KeyError for one that is not in the index."""
        bits = 0
        for action in actions:
            bits |= self._bits[action.lower()]
        return bits

    def matched(self, pattern: str) -> int:
        """The actions a pattern matches."""
        found = self._patterns.get(pattern)
        if found is None:
            found = self._patterns[pattern] = self._expanded(pattern.lower())
        return found

    def _expanded(self, pattern: str) -> int:
        if pattern in {"*", "*:*"}:
            return self.every
        if not is_wild(pattern):
            return self._bits.get(pattern, 0)
        service, _, name = pattern.partition(":")
        if is_wild(service):
            return sum(bit for action, bit in self._bits.items() if matches(pattern, action))
        names = self._services.get(service, [])
        head = name.partition("*")[0].partition("?")[0]
        bits = 0
        for candidate in names[bisect_left(names, head) : bisect_left(names, head + _END)]:
            if matches(name, candidate):
                bits |= self._bits[f"{service}:{candidate}"]
        return bits

    def spoken(self, statement: Statement) -> int:
        """The actions a statement speaks of."""
        shape = (statement.actions, statement.not_actions)
        found = self._shapes.get(shape)
        if found is None:
            found = (
                self._any(statement.actions) if statement.actions else self.every & ~self._any(statement.not_actions)
            )
            self._shapes[shape] = found
        return found

    def _any(self, patterns: Iterable[str]) -> int:
        bits = 0
        for pattern in patterns:
            bits |= self.matched(pattern)
        return bits

    def union(self, statements: Iterable[Statement]) -> int:
        """The actions any of the statements speaks of."""
        bits = 0
        for statement in statements:
            bits |= self.spoken(statement)
        return bits

    def names(self, bits: int) -> frozenset[str]:
        """The actions of a set, spelled as they were given."""
        found = self._names.get(bits)
        if found is None:
            found = self._names[bits] = frozenset(a for n, a in enumerate(self.actions) if bits >> n & 1)
        return found
