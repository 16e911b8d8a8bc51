"""Secrets in the history of a repository: every object of its database, reachable or not, and where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._git import GitError, is_bare
from nhiscan.collectors.repo._tree import Checkout
from nhiscan.plugin import Collector, Record, Target, TargetError, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._troubles import Troubles
    from nhiscan.plugin import Context

SOURCE = "repo.history"


class RepoHistory:
    """Secrets in every object of a git database, each once, with the commit that brought it and whether HEAD has it."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Secrets in the history of a repository"
    requires: ClassVar[Mapping[str, str]] = {}
    local: ClassVar[bool] = True
    covers: ClassVar[tuple[str, ...]] = ("exposure",)
    weight: ClassVar[int] = 1

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for a path when history is asked for, or the path is a git directory; raises TargetError."""
        if target.kind is not TargetKind.PATH:
            return
        path = Path(target.value)
        if not (ctx.since or ctx.staged or ctx.history or is_bare(path)):
            return
        checkout = Checkout.open(path, ctx, bare=True)
        if checkout.git is None and (ctx.since or ctx.staged or checkout.bare):
            message = f"{target.text} is no git repository that can be read"
            raise TargetError(message, "name a repository; without --since and --staged plain directories are read too")
        if checkout.git is not None and ctx.since:
            from nhiscan.collectors.repo._range import resolved

            resolved(checkout.git, ctx.since)
        yield Unit(f"{SOURCE}:{checkout.scope.id}", SOURCE, checkout.scope.id, target)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """Credentials, exposures and owners; what is cut off, missing, broken or outside is a gap."""
        from nhiscan.collectors.repo._database import open_database
        from nhiscan.collectors.repo._troubles import Troubles

        checkout = Checkout.open(Path(unit.target.value), ctx, bare=True)
        yield checkout.scope
        troubles = Troubles(checkout.scope.id, SOURCE)
        if checkout.git is None:
            troubles.no_repository(checkout.broken)
        else:
            try:
                with open_database(checkout.git, checkout.root) as base:
                    troubles.of_database(base)
                    yield from _records(checkout, base, ctx, troubles)
            except GitError as e:
                troubles.failed(str(e))
        yield from troubles.gaps()


def _records(checkout: Checkout, base: Database, ctx: Context, troubles: Troubles) -> Iterator[Record]:
    # Before a commit somebody waits: what reads a whole history is not loaded for the index.
    if ctx.staged:
        from nhiscan.collectors.repo._staged import staged_records

        yield from staged_records(checkout, base, ctx, SOURCE, troubles)
    else:
        from nhiscan.collectors.repo import _history

        yield from _history.records(checkout, base, ctx, troubles)


COLLECTOR: Collector = RepoHistory()
