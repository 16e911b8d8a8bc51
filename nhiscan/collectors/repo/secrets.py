"""Secrets in a checkout: where credentials lie, which they are by their public facts, and who wrote them there."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo import _owners
from nhiscan.collectors.repo._listing import Skip
from nhiscan.collectors.repo._tree import Checkout, is_asked_for
from nhiscan.detect.known import FILE_NAME, KnownError, known_values
from nhiscan.plugin import (
    Collector,
    Exposure,
    Gap,
    GapReason,
    OwnerBasis,
    Record,
    Target,
    TargetError,
    Unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._scan import Chunk
    from nhiscan.plugin import Context

SOURCE = "repo.secrets"


class RepoSecrets:
    """Secrets and credential formats in the files of a checkout; values leave only as keyed fingerprints."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Secrets in a checkout"
    requires: ClassVar[Mapping[str, str]] = {}
    local: ClassVar[bool] = True

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for a path; raises TargetError when it cannot be read or holds no file."""
        if not is_asked_for(target, ctx):
            return
        checkout = Checkout.open(Path(target.value), ctx)
        if checkout.is_empty():
            message = f"{target.text} holds no file that can be read"
            raise TargetError(message, "name a directory with files in it, or give yourself read permission")
        yield Unit(f"{SOURCE}:{checkout.scope.id}", SOURCE, checkout.scope.id, target)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """Credentials, exposures, owners and inline suppressions; what was skipped is a gap with a count."""
        checkout = Checkout.open(Path(unit.target.value), ctx)
        yield checkout.scope
        known: Mapping[str, frozenset[str]] = {}
        try:
            known = known_values(checkout.root / FILE_NAME)
        except KnownError as e:
            yield _unread(checkout, str(e))
        exposures: list[Exposure] = []
        for chunk in _chunks(checkout, ctx, known):
            yield from chunk.credentials
            yield from chunk.ignores
            exposures += chunk.exposures
        yield from _attributed(checkout, exposures)
        yield from checkout.gaps(SOURCE)


def _unread(checkout: Checkout, why: str) -> Gap:
    return Gap(
        id=f"{checkout.scope.id}#{SOURCE}/baseline",
        scope_id=checkout.scope.id,
        source=SOURCE,
        covers=(),
        reason=GapReason.MALFORMED,
        remedy=f"write {FILE_NAME} anew with detect-secrets, or remove it",
        detail=f"{FILE_NAME} {why}; nothing in it hides a finding",
    )


def _chunks(checkout: Checkout, ctx: Context, known: Mapping[str, frozenset[str]]) -> Iterator[Chunk]:
    """What the files gave, in their order; the files of a worker that died are noted as left out."""
    from nhiscan.collectors.repo._scan import CHUNK, Chunk, Scan
    from nhiscan.collectors.repo._workers import spread

    scan = Scan(checkout.root, checkout.scope.id, SOURCE, ctx.key, ctx.cache_dir, known)
    files = list(checkout.files())
    tasks = [files[n : n + CHUNK] for n in range(0, len(files), CHUNK)]
    done: dict[str, Chunk] = {}
    failed = 0
    for task, chunk in spread(scan, tasks, ctx.jobs):
        failed += chunk is None
        done[task[0].path] = chunk or Chunk(skipped=[(Skip.CRASHED, file.path) for file in task])
    for _, chunk in sorted(done.items()):
        for reason, path in chunk.skipped:
            checkout.skip(reason, path)
        yield chunk
    if failed:  # everything else is kept, and the run does not look clean
        msg = f"{failed} files broke the reader"
        raise RuntimeError(msg)


def _attributed(checkout: Checkout, exposures: list[Exposure]) -> Iterator[Record]:
    """The exposures with commit and author where blame knows them, and the owners that follow."""
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    exposures = [replace(item, at_head=checkout.at_head(item.visibility)) for item in exposures]
    for item in exposures:
        if item.at_head and item.line is not None:
            wanted[item.uri].add(item.line)
    who = _owners.blame(checkout, wanted)
    teams = _owners.code_owners(checkout) if exposures else _owners.CodeOwners(())
    for item in exposures:
        subject, scope = item.credential_id, checkout.scope.id
        yield from _owners.owners(subject, scope, SOURCE, teams.of(item.uri), OwnerBasis.CODEOWNERS)
        last = who.get((item.uri, item.line or 0))
        if last is None:
            yield item
            continue
        yield replace(item, commit=last.commit, author=last.author or None, first_seen=last.time)
        if last.author:
            yield from _owners.owners(subject, scope, SOURCE, (last.author,), OwnerBasis.BLAME)


COLLECTOR: Collector = RepoSecrets()
