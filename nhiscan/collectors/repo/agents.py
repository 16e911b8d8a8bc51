"""Agents in a checkout: which tool servers they start, what they may do unasked, whose credentials they use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._agents import personal
from nhiscan.collectors.repo._agents.client import belongs, place_of
from nhiscan.collectors.repo._agents.formats import read_tree
from nhiscan.collectors.repo._agents.grouping import groups, inventory
from nhiscan.collectors.repo._agents.inventory import Part
from nhiscan.collectors.repo._collector import with_owners
from nhiscan.collectors.repo._config.nodes import Document
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import classed
from nhiscan.collectors.repo._tree import Checkout, units_of
from nhiscan.plugin import Collector, Gap, Record, Target, TargetKind, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.plugin import Context

SOURCE = "repo.agents"
_COVERS = ("consumer", "tool", "use", "credential")


class RepoAgents:
    """Agent and MCP configuration of a checkout, read and never started."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Agent and MCP configuration in a checkout"
    requires: ClassVar[Mapping[str, str]] = {}
    local: ClassVar[bool] = True

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for a path; raises TargetError when it cannot be read."""
        yield from units_of(SOURCE, target, ctx)
        if target.kind is TargetKind.PATH and ctx.user:
            person = personal.scope()
            # One unit however many paths are named: units of one id are one.
            yield Unit(f"{SOURCE}:{person.id}", SOURCE, person.id, target, {"whose": "user"})

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """Agents, tool servers, tools, uses, credentials and exposures; a file that cannot be read is a gap."""
        if unit.params.get("whose") == "user":
            scope = personal.scope()
            yield scope
            yield from _records(personal.parts(personal.Machine(), scope.id, _COVERS), scope.id, ctx, whole=True)
            return
        checkout = Checkout.open(Path(unit.target.value), ctx)
        yield checkout.scope
        parts = _parts(Files(checkout, SOURCE, _COVERS))
        yield from with_owners(checkout, SOURCE, _records(parts, checkout.scope.id, ctx, whole=False))


def _records(sources: Iterable[Part | Gap], scope_id: str, ctx: Context, *, whole: bool) -> Iterator[Record]:
    parts: list[Part] = []
    for found in sources:
        if isinstance(found, Gap):
            yield found
        else:
            parts.append(found)
    yield from classed(inventory(groups(parts, scope_id, whole=whole), scope_id, SOURCE, ctx.key))


def _parts(files: Files) -> Iterator[Part | Gap]:
    """The files that are what their names promise; a broken one is kept as far as it makes sense, with its gap."""
    checkout = files.checkout
    for file in checkout.files():
        if (place := place_of(file.path)) is None:
            continue
        text = files.text(file)
        if text is None or isinstance(text, Gap):
            if text is not None:
                yield text
            continue
        root, error = read_tree(file.path, text)
        if error is not None:
            yield files.malformed(file.path, error)
        if root is not None and belongs(place.client, place.file, root):
            yield Part(place, Document(file.path, root, file.visibility, checkout.at_head(file.visibility)))


COLLECTOR: Collector = RepoAgents()
