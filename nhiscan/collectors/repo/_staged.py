"""What is about to be committed: the files of the index that differ from HEAD, as the index has them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo import _owners
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.collectors.repo._hits import Second, scanner_of
from nhiscan.collectors.repo._ignores import Where, comments
from nhiscan.collectors.repo._range import staged
from nhiscan.collectors.repo._texts import texts
from nhiscan.collectors.repo._tree import printable
from nhiscan.plugin import Exposure, OwnerBasis, Record, Visibility

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._database import Database
    from nhiscan.collectors.repo._hits import Hit
    from nhiscan.collectors.repo._owners import CodeOwners
    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.collectors.repo._troubles import Troubles
    from nhiscan.plugin import Context


def staged_records(
    checkout: Checkout, base: Database, ctx: Context, source: str, troubles: Troubles
) -> Iterator[Record]:
    """Credentials, exposures, owners and inline suppressions of the index; ids are those the files will have.

    Raises GitError.
    """
    paths: dict[str, tuple[str, ...]] = {}
    for oid, names in staged(base.git, checkout.head, base.width).items():
        shown = sorted(name for path in names if checkout.within(name := printable(os.fsdecode(path))))
        if shown:
            paths[oid] = tuple(shown)
    if not paths:
        return
    scope = checkout.scope.id
    worker, scanner = Second(base.git, ctx.cache_dir, ctx.key, scope, source), scanner_of(ctx.cache_dir)
    hits: list[Hit] = []
    for text in texts(base.git, list(paths), paths):
        if text.data is None:
            for path in paths[text.oid]:
                troubles.missed(path, text.reason)
            continue
        hits += worker.hits(scanner, text, text.data)
        yield from comments(text.data, Where(text.label, scope, source))
    teams = _owners.code_owners_at(base.git, checkout.head) if hits else _owners.CodeOwners(())
    ordinals: Counter[tuple[str, str]] = Counter()
    for hit in sorted(hits, key=lambda h: (h.label, h.start)):
        ordinals[hit.label, hit.name] += 1
        yield from _records(hit, ordinals[hit.label, hit.name], scope, source, teams)


def _records(hit: Hit, number: int, scope: str, source: str, teams: CodeOwners) -> Iterator[Record]:
    place, locator = f"{scope}#{hit.label}:{hit.name}:{number}", f"{hit.label}:{hit.line}"
    found = replace(hit.credential, id=hit.credential.id or place, locator=locator)
    yield found
    # Untracked: whoever has the repository does not have it yet.
    yield Exposure(
        id=f"{place}@history", scope_id=scope, source=source, locator=locator, credential_id=found.id, uri=hit.label,
        line=hit.line, key_name=hit.key_name, detector=hit.detector, basis=hit.basis, part=hit.part, at_head=False,
        visibility=Visibility.UNTRACKED, file_class=file_class(hit.path) if hit.path else None,
    )  # fmt: skip
    yield from _owners.owners(found.id, scope, source, teams.of(hit.path), OwnerBasis.CODEOWNERS)
