"""What the agent configuration of a checkout, or of the person at the machine, says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents import COVERS, SOURCE, personal
from nhiscan.collectors.repo._agents.client import belongs, place_of
from nhiscan.collectors.repo._agents.formats import read_tree
from nhiscan.collectors.repo._agents.grouping import groups, inventory
from nhiscan.collectors.repo._agents.inventory import Part
from nhiscan.collectors.repo._config.nodes import Document
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import classed
from nhiscan.plugin import Gap, Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Context


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """Agents, tool servers, tools, uses, credentials and exposures of a checkout; a file left unread is a gap."""
    yield from _records(_parts(Files(checkout, SOURCE, COVERS)), checkout.scope.id, ctx, whole=False)


def of_the_person(ctx: Context) -> Iterator[Record]:
    """The same of the person who runs this and of the machine, with their scope."""
    scope = personal.scope()
    yield scope
    yield from _records(personal.parts(personal.Machine(), scope.id, COVERS), scope.id, ctx, whole=True)


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
