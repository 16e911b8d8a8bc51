"""Running units: the one seam through which work is fanned out.

Each unit publishes its own result, so the runner only ever sees summaries.  A worker that dies takes nothing with it:
the pool is rebuilt, the units that were under way run alone, and one that kills its worker twice becomes a gap.
"""

from __future__ import annotations

import dataclasses
import os
import traceback
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan import cache, processes
from nhiscan.collect import registry
from nhiscan.collect.protocol import Context, TargetError, Unit
from nhiscan.model import COLLECTED, Gap, GapReason
from nhiscan.store.schema import problem
from nhiscan.store.spool import Manifest, Spool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from nhiscan.store.spool import UnitWriter

_NOT_COVERED = {"gap", "declared", "scope"}
EVERYTHING = tuple(record.table for record in COLLECTED if record.table not in _NOT_COVERED)
"""The tables that a collector may feed: what a failed one leaves unseen unless it says less."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a unit ended, in the words of its manifest."""

    status: str
    calls: Mapping[str, int] = field(default_factory=dict)
    crash: str | None = None


class ContractError(Exception):
    """A collector gave something that is no unit or no record; the message says what, never a value."""


def run(
    units: Sequence[Unit], ctx: Context, spool: Spool, jobs: int, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[Manifest]:
    """Collect every unit and yield its manifest as it ends; units the spool already holds are not run again.

    `jobs` 1 runs in this process.  An order of the results is not promised.  `meanwhile` is called once when worker
    processes have begun; it must start no thread, beside which no further worker could be forked.
    """
    waiting = []
    for unit in units:
        done = spool.published(unit.id)
        if done is not None:
            yield done
        else:
            waiting.append(unit)
    if jobs <= 1:
        yield from (collect(unit, ctx, spool.directory) for unit in waiting)
    elif waiting:
        yield from _pooled(waiting, ctx, spool, min(jobs, len(waiting)), meanwhile)


def collect(unit: Unit, ctx: Context, directory: Path) -> Manifest:
    """Run one unit and publish what it gave, a failure included."""
    cache.use(ctx.cache_dir)
    spool = Spool.open(directory)
    ctx = dataclasses.replace(ctx, calls={}, memo={})
    status, crash = "succeeded", None
    with spool.writer(unit.id) as writer, muted():
        try:
            collector = registry.load(unit.collector)
            for record in collector.collect(unit, ctx):
                if (wrong := problem(record)) is not None:
                    raise ContractError(wrong)  # noqa: TRY301 - one way out for all failures
                writer.write(record)
                if isinstance(record, Gap):
                    status = "partial"
        except (Exception, SystemExit) as e:  # noqa: BLE001 - whatever a collector does, the rest of the run goes on
            status = "partial" if set(writer.counts) - {"scope", "gap"} else "failed"
            gap = failure(unit, e)
            crash = None if isinstance(e, TargetError) else gap.detail
            writer.write(gap)
    return _publish(spool, unit, writer, Outcome(status, ctx.calls, crash))


@contextmanager
def muted() -> Iterator[None]:
    """Nothing that foreign code prints reaches the report on standard output, or anybody: it may hold values."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no file
        yield


def _publish(spool: Spool, unit: Unit, writer: UnitWriter, end: Outcome) -> Manifest:
    counts = dict(writer.counts)
    where = (unit.id, unit.collector, unit.scope_id, unit.target.text)
    manifest = Manifest(*where, end.status, counts, end.calls, end.crash)
    spool.publish(manifest, writer)
    return manifest


def failure(unit: Unit, error: BaseException) -> Gap:
    """The gap that a failed unit leaves: what went wrong, and who can mend it."""
    # Only the type and the place: the message of a foreign exception may quote what it choked on.
    if isinstance(error, TargetError):
        return _gap(unit, str(error), error.remedy)
    if isinstance(error, ContractError | registry.PluginError):
        detail = str(error)
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        detail = f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
    remedy = f"report this to the makers of the plugin {unit.collector}, or uninstall it"
    if registry.is_shipped(unit.collector):
        remedy = "report this as a bug of nhiscan, naming the collector and this place"
    return _gap(unit, detail, remedy)


def _gap(unit: Unit, detail: str, remedy: str) -> Gap:
    covers = EVERYTHING
    with suppress(registry.PluginError):
        covers = getattr(registry.load(unit.collector), "covers", covers)
    return Gap(
        id=f"{unit.id}#unit",
        scope_id=unit.scope_id,
        source=unit.collector,
        covers=covers,
        reason=GapReason.FAILED,
        remedy=remedy,
        detail=detail,
    )


def _pooled(
    units: Sequence[Unit], ctx: Context, spool: Spool, jobs: int, meanwhile: Callable[[], None]
) -> Iterator[Manifest]:
    left = list(units)
    while left:
        suspects: list[Unit] = []
        for unit, manifest in _round(left, ctx, spool, jobs, meanwhile):
            if manifest is None:
                suspects.append(unit)
            else:
                left.remove(unit)
                yield manifest
        for unit in suspects[:jobs]:
            left.remove(unit)
            yield _alone(unit, ctx, spool)


def _round(
    units: Sequence[Unit], ctx: Context, spool: Spool, jobs: int, meanwhile: Callable[[], None] = lambda: None
) -> Iterator[tuple[Unit, Manifest | None]]:
    """One pool's life: finished units with their manifests, and after a crash the others with None, oldest first."""
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from concurrent.futures.process import BrokenProcessPool

    ctx = dataclasses.replace(ctx, memo={})
    pool = ProcessPoolExecutor(jobs, mp_context=processes.context(), initializer=processes.end_with_parent)
    futures: dict[Future[Manifest], Unit] = {}
    try:
        try:
            futures.update({pool.submit(collect, u, ctx, spool.directory): u for u in units})
        except OSError:
            # The system lets no process start (an interpreter this user may not execute): do the work here.
            yield from ((unit, collect(unit, ctx, spool.directory)) for unit in units)
            return
        meanwhile()
        pending = set(futures)
        broken: list[Unit] = []
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda f: futures[f].id):
                try:
                    yield futures[future], future.result()
                except BrokenProcessPool:
                    broken.append(futures[future])
        for unit in units:
            if unit in broken:
                yield unit, spool.published(unit.id)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _alone(unit: Unit, ctx: Context, spool: Spool) -> Manifest:
    for _, manifest in _round([unit], ctx, spool, 1):
        if manifest is not None:
            return manifest
    with spool.writer(unit.id) as writer:
        remedy = "audit this target by itself with more memory; if it dies again, report it as a bug of nhiscan"
        writer.write(_gap(unit, "the worker process died twice", remedy))
    return _publish(spool, unit, writer, Outcome("failed", crash="the worker process died twice"))
