"""Infrastructure that Terraform declares: identities, policies, trusts, credentials and who runs as whom."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.glance import glances
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._terraform import COVERS, SOURCE, kinds, literals, modules, snapshot
from nhiscan.collectors.repo._terraform.desk import Desk
from nhiscan.plugin import Gap, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._terraform.tree import Source
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

_HCL = (".tf", ".tofu")
_BROKEN = "part of it is no HCL"
# What lies there was fetched or written by Terraform itself.
_FETCHED = ".terraform/"
_LARGEST_TEXT = 1_000_000


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """What is declared, and the values that lie in files; a file that cannot be read is a gap."""
    found = _Found(checkout)
    yield from found.look()
    if not found.written and not found.kept and not found.older:
        return
    book = Book(checkout.scope.id, SOURCE, ctx.key)
    hcl = list(modules.declared(found.folders(), found.text))
    places = {f.path: f for f in found.every.values()}
    values = literals.Literals(checkout, book, places)
    # Values are learnt before anything is shown.
    exposed = [*values.of_files(found.written), *values.of_kept([*found.kept, *found.older])]
    seen = {t.path for t in (*hcl, *found.kept)} & places.keys()
    shown = {p: (places[p].visibility, checkout.at_head(places[p].visibility)) for p in seen}
    desk = Desk(book, [*hcl, *found.kept], places=shown, secrets=values.secrets)
    yield from exposed
    yield from classed(kinds.records(desk))


@dataclass(slots=True)
class _Found:
    """The files that matter: HCL by path, and what plans and states declare.

    What an `older` state declared may be gone by now; the values in it are still there.
    """

    checkout: Checkout
    every: dict[str, SourceFile] = field(default_factory=dict)
    written: dict[str, Source] = field(default_factory=dict)
    kept: list[Thing] = field(default_factory=list)
    older: list[Thing] = field(default_factory=list)

    def look(self) -> Iterator[Gap]:
        """Read all files of the checkout that are HCL, plan or state; yields the gaps of those that are broken."""
        small = Files(self.checkout, SOURCE, COVERS)
        large = Files(self.checkout, SOURCE, COVERS, largest=snapshot.LARGEST)
        for file in self.checkout.files():
            path = file.path
            self.every[path] = file
            if _FETCHED in path:
                continue
            if path.endswith((*_HCL, ".tfvars")):
                yield from self._hcl(small, file)
            elif path.endswith((".tfstate", ".tfstate.backup")) or (path.endswith(".json") and self._is_kept(file)):
                yield from self._snapshot(large, file)

    def folders(self) -> dict[str, modules.Folder]:
        """The files by directory."""
        found: dict[str, modules.Folder] = {}
        for path, source in self.written.items():
            folder = found.setdefault(posixpath.dirname(path), modules.Folder(posixpath.dirname(path)))
            (folder.variables if path.endswith(".tfvars") else folder.files)[path] = source
        return found

    def text(self, path: str) -> str | None:
        """The text of a file that an expression names, None for one that is not in the checkout."""
        file = self.every.get(path.removeprefix("./"))
        data = self.checkout.read(file, _LARGEST_TEXT) if file else None
        return data.decode("utf-8", "replace") if data is not None else None

    def _hcl(self, files: Files, file: SourceFile) -> Iterator[Gap]:
        from nhiscan.collectors.repo._terraform.hcl import parse_hcl

        source = files.parsed(file, parse_hcl)
        if isinstance(source, Gap):
            yield source
        elif source is not None:
            self.written[file.path] = source
            if source.broken is not None:
                yield files.malformed(file.path, MalformedError(_BROKEN, source.broken))

    def _is_kept(self, file: SourceFile) -> bool:
        """Whether a JSON file could be a plan or a state: decided by its bytes."""
        if not glances(self.checkout).may_be(file, "terraform"):
            return False
        data = self.checkout.read(file, snapshot.LARGEST)
        return data is not None and snapshot.is_candidate(data)

    def _snapshot(self, files: Files, file: SourceFile) -> Iterator[Gap]:
        root = posixpath.dirname(file.path)
        things = files.parsed(file, lambda text: snapshot.read(text, root, file.path))
        if isinstance(things, Gap):
            yield things
        elif things and file.path.endswith(".backup"):
            self.older += things
        elif things:
            self.kept += things
