"""All objects of a database, or those after a revision: each is scanned once, and hits are told with their origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._hits import Second, Told
from nhiscan.collectors.repo._past import Past
from nhiscan.collectors.repo._range import introduced, resolved
from nhiscan.collectors.repo._seen import Seen
from nhiscan.collectors.repo._survey import survey, survey_of
from nhiscan.collectors.repo._told import Kept
from nhiscan.collectors.repo._traces import Tracer
from nhiscan.collectors.repo._whence import Whence
from nhiscan.collectors.repo._workers import spread

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._hits import Wanted
    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.collectors.repo._troubles import Troubles
    from nhiscan.plugin import Context, Record

SOURCE = "repo.history"
_PORTION = 200  # objects that hold something, in one task of a worker


def records(checkout: Checkout, base: Database, ctx: Context, troubles: Troubles) -> Iterator[Record]:
    """Credentials, exposures and owners of the history, or of what came after `ctx.since`.

    Raises GitError and TargetError.
    """
    start = resolved(base.git, ctx.since) if ctx.since else None
    rules = _version(ctx.cache_dir)
    seen = Seen.load(ctx.cache_dir, base, rules)
    span = (checkout.head or "--all", f"^{start}") if start else None
    whence = Whence.load(None if start else ctx.cache_dir, base, ctx.key, rules)
    with Tracer(base, checkout.head, whence, span) as tracer:
        fresh = introduced(base.git, start, span[0]) if start and span else None
        found = survey(base, seen, ctx) if fresh is None else survey_of(base, fresh, ctx)
        traces = tracer.traces(found.held, troubles)
    past = Past(checkout, base.git, traces, SOURCE, tree=not (start or checkout.bare))
    idle = tracer.idle()
    asked = past.telling([oid for oid in found.held if oid not in idle], found.marks)
    kept = Kept.load(None if start else ctx.cache_dir, base, checkout.scope.id, ctx.key, rules)
    unread = {*found.unread, *_look_into(past, asked, kept, ctx, troubles)}
    for oid in found.unread:
        troubles.missed(oid)
    yield from past.records()
    if not start:
        seen.remember(base, bytes(found.clean), (*found.held, *found.unread))
        needed = past.ends() | unread
        # Of a part of the checkout not all versions were looked into, so no more of them are known to be idle.
        tracer.remember(found.held, idle if checkout.part else found.held.keys() - needed)
        if not checkout.part:
            kept.remember(needed)


def _version(cache_dir: Path | None) -> str:
    from nhiscan import cache
    from nhiscan.detect.scan import shipped_version

    cache.use(cache_dir)
    return shipped_version()


def _look_into(past: Past, held: Collection[str], kept: Kept, ctx: Context, troubles: Troubles) -> set[str]:
    """Read what holds something once more, now with its paths; the ids that could not be read come back."""
    unread: set[str] = set()
    known, left = kept.split(past.wanted(held))
    _take(known, past, troubles, unread)
    second = Second(past.git, ctx.cache_dir, ctx.key, past.checkout.scope.id, SOURCE)
    for asked, answer in spread(second, _portions(left), ctx.jobs):
        told = answer or Told(unread=[oid for oid, _ in asked])
        kept.add(asked, told)
        _take(told, past, troubles, unread)
    return unread


def _take(told: Told, past: Past, troubles: Troubles, unread: set[str]) -> None:
    for hit in told.hits:
        past.add(hit)
    for oid in told.unread:
        troubles.missed(oid)
    for _, label, reason in told.closed:
        troubles.missed(label, reason)
    unread.update(told.unread, (oid for oid, _, _ in told.closed))


def _portions(wanted: Iterable[Wanted]) -> Iterator[list[Wanted]]:
    portion: list[Wanted] = []
    for item in wanted:
        portion.append(item)
        if len(portion) == _PORTION:
            yield portion
            portion = []
    if portion:
        yield portion
