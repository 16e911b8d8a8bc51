"""Secrets in a checkout: where credentials lie, which they are by their public facts, and who wrote them there."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo import _owners
from nhiscan.collectors.repo._credential import Place, credential, public_id
from nhiscan.collectors.repo._tree import Checkout
from nhiscan.model import Declared
from nhiscan.plugin import (
    Collector,
    Credential,
    Exposure,
    OwnerBasis,
    Record,
    Target,
    TargetError,
    TargetKind,
    Unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._tree import SourceFile
    from nhiscan.detect.candidate import Candidate
    from nhiscan.plugin import Context

SOURCE = "repo.secrets"
_LONGEST_NAME = 100


@dataclass(slots=True)
class _Places:
    """What one run has numbered and found: ordinals by file and name, exposures in order."""

    scope_id: str
    ordinals: Counter[tuple[str, str]] = field(default_factory=Counter)
    exposures: list[Exposure] = field(default_factory=list)

    def next(self, path: str, name: str) -> str:
        self.ordinals[path, name] += 1
        return f"{self.scope_id}#{path}:{name}:{self.ordinals[path, name]}"


class RepoSecrets:
    """Secrets and credential formats in the files of a checkout; values leave only as keyed fingerprints."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Secrets in a checkout"
    requires: ClassVar[Mapping[str, str]] = {}
    local: ClassVar[bool] = True

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for a path; raises TargetError when it cannot be read or holds no file."""
        if target.kind is not TargetKind.PATH:
            return
        checkout = Checkout.open(Path(target.value), ctx)
        if next(checkout.files(), None) is None:
            message = f"{target.text} holds no file that can be read"
            raise TargetError(message, "name a directory with files in it, or give yourself read permission")
        yield Unit(f"{SOURCE}:{checkout.scope.id}", SOURCE, checkout.scope.id, target)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """Credentials, exposures, owners and inline suppressions; what was skipped is a gap with a count."""
        from nhiscan.detect.conceal import conceal_name
        from nhiscan.detect.formats import shipped_formats
        from nhiscan.detect.scan import Scanner

        scanner = Scanner.of(shipped_formats())
        checkout = Checkout.open(Path(unit.target.value), ctx)
        places = _Places(checkout.scope.id)
        yield checkout.scope
        for file in checkout.files():
            data = checkout.read(file)
            if data is None:
                continue
            for found in scanner.scan(data, file.path):
                candidate = replace(found, key_name=conceal_name(found.key_name))
                yield _credential(candidate, file, places, ctx, checkout)
            yield from _ignores(data, file, checkout.scope.id)
        yield from _attributed(checkout, places)
        yield from checkout.gaps(SOURCE)


def _credential(item: Candidate, file: SourceFile, places: _Places, ctx: Context, checkout: Checkout) -> Credential:
    """The credential of a candidate; its exposure is kept until blame has been asked."""
    place = places.next(file.path, (item.key_name or item.format or str(item.kind))[:_LONGEST_NAME])
    at = Place(public_id(item) or place, places.scope_id, SOURCE, f"{file.path}:{item.line}")
    places.exposures.append(_exposure(item, file, place, at.id, checkout))
    return credential(item, at, ctx.key)


def _exposure(item: Candidate, file: SourceFile, place: str, credential_id: str, checkout: Checkout) -> Exposure:
    return Exposure(
        id=f"{place}@secrets",
        scope_id=checkout.scope.id,
        source=SOURCE,
        locator=f"{file.path}:{item.line}",
        credential_id=credential_id,
        uri=file.path,
        line=item.line,
        key_name=item.key_name,
        detector=item.format or item.detector,
        part=item.part,
        at_head=checkout.at_head(file),
        visibility=file.visibility,
    )


def _attributed(checkout: Checkout, places: _Places) -> Iterator[Record]:
    """The exposures with commit and author where blame knows them, and the owners that follow."""
    wanted: defaultdict[str, set[int]] = defaultdict(set)
    for item in places.exposures:
        if item.at_head and item.line is not None:
            wanted[item.uri].add(item.line)
    who = _owners.blame(checkout, wanted)
    teams = _owners.code_owners(checkout) if places.exposures else _owners.CodeOwners(())
    for item in places.exposures:
        subject, scope = item.credential_id, places.scope_id
        yield from _owners.owners(subject, scope, SOURCE, teams.of(item.uri), OwnerBasis.CODEOWNERS)
        last = who.get((item.uri, item.line or 0))
        if last is None:
            yield item
            continue
        yield replace(item, commit=last.commit, author=last.author or None, first_seen=last.time)
        if last.author:
            yield from _owners.owners(subject, scope, SOURCE, (last.author,), OwnerBasis.BLAME)


def _ignores(data: bytes, file: SourceFile, scope_id: str) -> Iterator[Declared]:
    from nhiscan.detect.conceal import conceal
    from nhiscan.detect.inline import inline_ignores

    seen: Counter[str] = Counter()
    for item in inline_ignores(data):
        names = [conceal(name) for name in item.rules]
        rules = ",".join(names)
        seen[rules] += 1
        note = {
            "rules": names,
            "reason": conceal(item.reason) or None,
            "expires": item.expires.isoformat() if item.expires else None if item.valid else "invalid",
        }
        yield Declared(
            id=f"{scope_id}#{file.path}:ignore:{rules}:{seen[rules]}",
            scope_id=scope_id,
            source=SOURCE,
            locator=f"{file.path}:{item.line}",
            kind="inline_ignore",
            value=f"{file.path}:{item.line}",
            note=json.dumps(note, sort_keys=True),
        )


COLLECTOR: Collector = RepoSecrets()
