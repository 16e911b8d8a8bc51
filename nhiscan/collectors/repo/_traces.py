"""From the ids that hold something to where they came from, whether or not anything still names the commits."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from nhiscan.collectors.repo import _objects
from nhiscan.collectors.repo._past import Traces
from nhiscan.collectors.repo._provenance import EVERYTHING, Log, Origins, merge, standing
from nhiscan.collectors.repo._tree import printable
from nhiscan.collectors.repo._whence import Known, Whence, tips

if TYPE_CHECKING:
    from collections.abc import Collection

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._git import Git
    from nhiscan.collectors.repo._troubles import Troubles


@dataclass(slots=True)
class Tracer:
    """Follows commits while objects are still scanned: all of them, those since the last scan, or a range."""

    base: Database
    head: str | None
    kept: Whence
    span: tuple[str, ...] | None = None
    _tips: frozenset[str] = frozenset()
    _log: Log | None = None
    _origins: Origins = field(default_factory=dict)
    _lost: frozenset[str] = frozenset()
    _idle: frozenset[str] = frozenset()
    _whole: bool = False

    def __enter__(self) -> Self:
        git = self.base.git
        if self.span is not None:
            self._log = Log(git, self.span)
            return self
        self._tips, near = tips(git)
        known = self.kept.known.tips
        new = self._tips - known
        if not known:
            self._log = Log(git, EVERYTHING)
        elif new:
            # Mostly new commits grow from what a ref named before, or from HEAD; those of many refs are slow to name,
            # and a commit that is gone through once more changes nothing.
            old = (known - self._tips) | (near & known)
            self._log = Log(git, (), (*sorted(new), *(f"^{oid}" for oid in sorted(old or known))))
        return self

    def __exit__(self, *_: object) -> None:
        if self._log is not None:
            self._log.close()

    def traces(self, held: Collection[str], troubles: Troubles) -> Traces:
        """Origins and standing of the ids; a log that ends early is a trouble.  Raises GitError."""
        if not held:
            self._whole = self.span is None
            return Traces({}, {})
        now: dict[tuple[str, bytes], bool] = {}
        complete = standing(self.base.git, self.head, held, now)
        self._origins, self._lost = dict(self.kept.origins), self.kept.known.lost
        # The others are idle only as long as those that speak for them are there, and where they were.
        self._idle = self.kept.known.idle if self.kept.known.needed.issubset(held) else frozenset()
        whole = self._read(held)
        if self.span is None:
            left = self._unknown(held, now)
            if left and self.kept.known.tips:
                # What no log since then has: it may have been fetched into old commits, so all are gone through.
                self._log, self._origins = Log(self.base.git, EVERYTHING), {}
                self._lost = self._idle = frozenset()
                whole = self._read(held)
                left = self._unknown(held, now, again=True)
            if left:
                whole &= self._search_lost(left)
            self._whole = whole and complete
            self._idle = self._idle.difference(oid for oid, _ in now)
        if not (whole and complete):
            troubles.no_provenance()
        return Traces(self._origins, now, complete, self._lost, _stashes(self.base.git))

    def idle(self) -> frozenset[str]:
        """Ids that need not be looked into again: as far as is known, others say the same of the same places."""
        return self._idle

    def remember(self, held: Collection[str], idle: Collection[str]) -> None:
        """Keep what was found out for the next scan, unless something was missing."""
        if self._whole:
            self.kept.remember(
                Known(self._tips, frozenset(held), self._named_lost(held), frozenset(idle)), self._origins
            )

    def _read(self, held: Collection[str]) -> bool:
        if self._log is None:
            return True
        more: Origins = {}
        whole = self._log.origins(held, more)
        moved = merge(self._origins, more)
        self._idle -= moved | self._spoken_for(moved & self.kept.known.needed)
        if self._lost:
            self._lost = self._lost.difference(self._log.commits())  # something names them again
        return whole

    def _spoken_for(self, moved: Collection[str]) -> set[str]:
        """The idle ids at whose paths one of the others is no longer as old or as new as it was."""
        paths = {_name(path) for oid in moved for path in self._origins[oid]}
        return {oid for oid in self._idle if paths and any(_name(path) in paths for path in self._origins[oid])}

    def _unknown(
        self, held: Collection[str], now: Collection[tuple[str, bytes]], *, again: bool = False
    ) -> dict[str, str]:
        """The ids that no commit has as far as is known, nor the present state, with their kinds."""
        standing_ids = {oid for oid, _ in now}
        before = frozenset() if again else self.kept.known.held
        left = [oid for oid in held if not (oid in self._origins or oid in standing_ids or oid in before)]
        return {oid: kind for oid, kind, _ in _objects.listed(self.base.git, left)} if left else {}

    def _search_lost(self, left: dict[str, str]) -> bool:
        """Look for the ids in commits that nothing names; only after a log of everything."""
        if self._log is None:
            return True
        blobs = [oid for oid, kind in left.items() if kind == "blob"]
        every = _objects.listed(self.base.git) if blobs else ((oid, kind, 0) for oid, kind in left.items())
        commits = {oid for oid, kind, _ in every if kind == "commit"}
        self._lost = frozenset(commits.difference(self._log.commits())) if commits else frozenset()
        if not (self._lost and blobs):
            return True
        with Log(self.base.git, ("--not", *EVERYTHING), sorted(self._lost)) as log:
            return log.origins(blobs, self._origins)

    def _named_lost(self, held: Collection[str]) -> frozenset[str]:
        """Of the lost commits those that records speak of."""
        firsts = {origin.first for oid in held for origin in self._origins.get(oid, {}).values()}
        return frozenset(oid for oid in self._lost if oid in firsts or oid in held)


def _name(path: bytes) -> str:
    return printable(os.fsdecode(path))


def _stashes(git: Git) -> frozenset[str]:
    """The commits that stashes are made of: of each its own, that of the index and that of untracked files."""
    out = git.run("log", "-g", "--format=%H %P", "--no-show-signature", "refs/stash", "--", accept=(0, 128))
    words = [line.split() for line in out.decode("ascii", "replace").splitlines()]
    return frozenset(oid for own in words for oid in own[:1] + own[2:])
