"""The views of an inventory: made when a query first names them, kept as rows while several queries share them.

Planning thousands of lines of SQL that nobody asks for takes longer than the answers, and the rows of all views
together are larger than the tables: so a view exists from the first query that names it, and its rows go with the last.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from nhiscan.store.schema import view_bodies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_WORD = re.compile(r"\w+")
# With fewer rows in all tables it does not matter how long rows of views are kept.
_FEW = 100_000


class Vocabulary:
    """The views of one inventory, which `execute` runs statements on; safe for several threads."""

    def __init__(self, execute: Callable[[str], object]) -> None:
        self._execute = execute
        self._bodies, self._names = _views()
        self._missing = set(self._bodies)
        self._kept: set[str] = set()
        self._shared: frozenset[str] | None = None  # the views worth keeping the rows of; None: all of them
        self._readers: Counter[str] = Counter()  # how many expected queries and views still have to read each view
        self._finished: set[str] = set()  # the views that need what they name no longer
        self._making: set[str] = set()  # by some thread, while others wait for it or make something else
        self._lock = threading.RLock()
        self._made = threading.Condition(self._lock)

    def provide(self, query: str, *, keep: bool) -> None:
        """Create the views that a query names, and those that they name.

        With `keep`, when nothing can change any more, the rows of views that are read more than once are kept.
        """
        self._provide(_named(query, self._bodies), keep=keep)

    def _provide(self, names: Iterable[str], *, keep: bool) -> None:
        for name in sorted(names):
            with self._lock:
                while name in self._making:
                    self._made.wait()
                if name not in self._missing:
                    continue
                self._missing.discard(name)
                self._making.add(name)
                kept = keep and (self._shared is None or name in self._shared)
            self._make(name, kept=kept, keep=keep)

    def _make(self, name: str, *, kept: bool, keep: bool) -> None:
        done = False
        try:
            self._provide(self._names[name], keep=keep)
            self._execute(f'CREATE {"TABLE" if kept else "VIEW"} "{name}" AS {self._bodies[name]}')
            done = True
        finally:
            with self._lock:
                self._making.discard(name)
                if not done:
                    self._missing.add(name)  # what took too long or too much for one question may do for the next
                elif kept:
                    self._kept.add(name)
                    self._finish(name)
                self._made.notify_all()

    def expect(self, queries: Iterable[str]) -> None:
        """What will be asked: rows are kept of those views only that these queries, and the views they need, share.

        Each of the queries must be said to be `done` in the end, so that the rows can go.
        """
        with self._lock:
            self._readers.clear()
            self._finished.clear()
            waiting = [_named(query, self._bodies) for query in queries]
            seen: set[str] = set()
            while waiting:
                named = waiting.pop()
                self._readers.update(named)
                waiting += [self._names[name] for name in named - seen]
                seen |= named
            self._shared = frozenset(name for name, count in self._readers.items() if count > 1)

    def in_turn(self, queries: Sequence[str], rows: Mapping[str, int]) -> list[int]:
        """The places of expected queries in an order in which few rows of views are kept at a time.

        `rows` says how many each table has.  A view is taken to have as many as the table that its name begins with.
        """
        if sum(rows.values()) < _FEW:
            return list(range(len(queries)))
        with self._lock:
            needed = {n: self._needed(query) for n, query in enumerate(queries)}
        weight = {name: 1 + rows.get(name.partition("_")[0], 0) for name in self._bodies}
        readers = Counter(name for names in needed.values() for name in names)
        there: set[str] = set()
        order: list[int] = []

        def grows(n: int) -> tuple[int, int]:
            made, given = needed[n] - there, (name for name in needed[n] if readers[name] == 1)
            return sum(weight[name] for name in made) - sum(weight[name] for name in given), n

        while needed:
            least = min(needed, key=grows)
            readers.subtract(needed[least])
            there |= needed.pop(least)
            order.append(least)
        return order

    def _needed(self, query: str) -> frozenset[str]:
        """The shared views behind a query."""
        found: set[str] = set()
        waiting = set(_named(query, self._bodies))
        while waiting:
            name = waiting.pop()
            found.add(name)
            waiting |= self._names[name] - found
        return frozenset(found if self._shared is None else found & self._shared)

    def done(self, query: str) -> None:
        """An expected query was answered: rows that no other one will read are dropped, and made anew if one does."""
        with self._lock:
            self._release(_named(query, self._bodies))

    def _release(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            if self._readers[name] < 1:  # nobody said that it would be read
                continue
            self._readers[name] -= 1
            if not self._readers[name]:
                self._drop(name)
                self._finish(name)

    def _drop(self, name: str) -> None:
        if name not in self._missing:
            self._execute(f'DROP {"TABLE" if name in self._kept else "VIEW"} "{name}"')
            self._kept.discard(name)
            self._missing.add(name)

    def _finish(self, name: str) -> None:
        """What a view names has lost a reader: the rows of the view are there, or nobody wants them any more."""
        if name not in self._finished:
            self._finished.add(name)
            self._release(self._names[name])


def _named(text: str, views: Mapping[str, str]) -> frozenset[str]:
    return frozenset(_WORD.findall(text)) & views.keys()


@cache
def _views() -> tuple[Mapping[str, str], Mapping[str, frozenset[str]]]:
    """The SELECT of each view, and the views before it that it names; those behind it can only be a word of it."""
    bodies: dict[str, str] = {}
    names: dict[str, frozenset[str]] = {}
    for name, body in view_bodies():
        names[name] = _named(body, bodies)
        bodies[name] = body
    return bodies, names
