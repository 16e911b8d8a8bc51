"""Work split over processes that may die: what a worker was given is tried again in halves, until one item is left.

Processes and not threads: scanning many small things is held up by the interpreter's lock.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Generic, TypeVar

from nhiscan import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

T = TypeVar("T")
R = TypeVar("R")

_MOST_DEATHS = 40  # enough to single out two items of a large task; beyond that the machine itself is the trouble


def spread(
    start: Callable[[], Callable[[list[T]], R]], tasks: Iterable[list[T]], jobs: int
) -> Iterator[tuple[list[T], R | None]]:
    """Each task with its result, in any order; None for items whose worker died or failed on them alone.

    `start` makes the working function inside of a worker and must be picklable.  A single task is done in this process,
    and so is everything with `jobs` 1.  Workers end when this process does, or when the iterator is closed.
    """
    tasks = iter(tasks)
    first = list(islice(tasks, 2))
    if jobs <= 1 or len(first) < 2:
        work = start() if first else None
        for task in chain(first, tasks):
            yield task, work(task) if work else None
        return
    pool = _Pool(start, deque(), chain(first, tasks))
    try:
        yield from pool.results(jobs)
    finally:
        pool.close()


@dataclass(slots=True)
class _Pool(Generic[T, R]):
    """The workers by the connection that leads to each, and what each is at."""

    start: Callable[[], Callable[[list[T]], R]]
    again: deque[list[T]]
    tasks: Iterator[list[T]]
    workers: dict[Connection, BaseProcess] = field(default_factory=dict)
    busy: dict[Connection, list[T]] = field(default_factory=dict)
    deaths: int = 0
    work: Callable[[list[T]], R] | None = None  # what forked workers share instead of each making its own

    def results(self, jobs: int) -> Iterator[tuple[list[T], R | None]]:
        while True:
            while len(self.busy) < jobs and (task := self._next()) is not None:
                yield from self._give(task)
            if not self.busy:
                return
            for ready in wait(list(self.busy)):
                connection = next(c for c in self.busy if c is ready)
                yield from self._take(connection)

    def close(self) -> None:
        for connection, process in self.workers.items():
            connection.close()
            process.kill() if connection in self.busy else process.join()
            process.join()

    def _next(self) -> list[T] | None:
        return self.again.popleft() if self.again else next(self.tasks, None)

    def _give(self, task: list[T]) -> Iterator[tuple[list[T], R | None]]:
        connection = next((c for c in self.workers if c not in self.busy), None)
        if connection is None and self.deaths < _MOST_DEATHS:
            with suppress(OSError):  # no process may start: the items are told as not done
                connection = self._begin()
        if connection is None:
            yield task, None
            return
        self.busy[connection] = task
        with suppress(OSError):  # it died while idle: reading from it says so
            connection.send(task)

    def _begin(self) -> Connection:
        context = processes.context()
        ours, theirs = context.Pipe()
        start, held = self.start, []
        if context.get_start_method() == "fork":
            self.work = self.work or self.start()
            start, held = partial(_given, self.work), [*self.workers, ours]
        process = context.Process(target=_serve, args=(theirs, start, held), daemon=True)
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self.workers[ours] = process
        return ours

    def _take(self, connection: Connection) -> Iterator[tuple[list[T], R | None]]:
        task = self.busy.pop(connection)
        try:
            done, result = connection.recv()
        except (EOFError, OSError):
            self._bury(connection)
            done, result = False, None
        if done or len(task) == 1:
            yield task, result
        else:
            half = len(task) // 2
            self.again.extend((task[:half], task[half:]))

    def _bury(self, connection: Connection) -> None:
        self.deaths += 1
        connection.close()
        process = self.workers.pop(connection)
        process.kill()
        process.join()


def _given(work: Callable[[list[T]], R]) -> Callable[[list[T]], R]:
    return work


def _serve(
    connection: Connection, start: Callable[[], Callable[[list[T]], R]], held: Iterable[Connection] = ()
) -> None:
    """Work until the other end is closed, which the system does when the parent dies, however it dies.

    `held` are the parent's ends that a forked worker has copies of: with those no other worker would see the end.
    """
    for other in held:
        other.close()
    # What goes wrong at the start goes wrong in the parent as well, where it is told; nothing is printed here.
    with suppress(Exception, KeyboardInterrupt):
        work = start()
        while True:
            task = connection.recv()
            try:
                answer: tuple[bool, R | None] = (True, work(task))
            except Exception:  # noqa: BLE001 - messages may quote what was read, so none travels
                answer = (False, None)
            connection.send(answer)
    os._exit(0)
