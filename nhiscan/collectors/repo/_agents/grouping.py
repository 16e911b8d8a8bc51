"""Which files make one agent, and which agent starts which."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.client import Place, all_clients
from nhiscan.collectors.repo._agents.inventory import Group, Part, records
from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._config.records import Book
from nhiscan.plugin import Hop

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.plugin import Record
    from nhiscan.sensitive import FingerprintKey

_MOST_INLINE = 200


def groups(parts: Iterable[Part], scope_id: str, *, whole: bool = False) -> list[Group]:
    """The agents that the files make: one for each client and directory, one for each file that is an agent itself."""
    merged: dict[tuple[str, str], list[Part]] = defaultdict(list)
    own: list[Part] = []
    for part in parts:
        if part.place.own:
            own.append(part)
        else:
            merged[part.place.directory, part.place.client.slug].append(part)
    found = []
    for (directory, slug), files in sorted(merged.items()):
        files.sort(key=_precedence)
        found.append(Group(f"{scope_id}#{directory}:{slug}", slug, files[0].place.client, tuple(files), whole=whole))
    started = {g.agent_id for g in found}
    for part in sorted(own, key=lambda p: p.document.path):
        client, path = part.place.client, part.document.path
        parent = f"{scope_id}#{part.place.directory}:{client.started_by}"
        stem = path.rpartition("/")[2].partition(".")[0]
        name = clean(part.document.root.text_at("name") or stem)
        parent_id = parent if parent in started else None
        found.append(Group(f"{scope_id}#{path}:{client.slug}", name, client, (part,), parent_id, whole))
    return [*found, *(inner for g in found if g.client.inline for inner in _inline(g, scope_id))]


def _inline(group: Group, scope_id: str) -> Iterator[Group]:
    """The agents that stand in a client's own settings, each under its name; what is switched off starts nothing."""
    client = next(c for c in all_clients() if c.started_by == group.client.slug)
    for part in group.parts:
        document = part.document
        named = [e for key in group.client.inline if (n := document.root.at(key)) for e in n.map.items()]
        for name, node in named[:_MOST_INLINE]:
            if node.map and not node.is_true("disable") and not node.is_true("disabled"):
                place = Place(client, part.place.directory, part.place.file, own=True)
                inner = Part(place, replace(document, root=node))
                agent_id = f"{scope_id}#{document.path}:{client.slug}:{clean(name)}"
                yield Group(agent_id, clean(name), client, (inner,), group.agent_id, group.whole)


def _precedence(part: Part) -> tuple[int, str]:
    client, file = part.place.client, part.place.file
    order = (*client.files, *client.user, *client.system)
    return (order.index(file) if file in order else len(order), part.document.path)


def inventory(found: Iterable[Group], scope_id: str, source: str, key: FingerprintKey) -> Iterator[Record]:
    """The records of all agents, and the hops to those that another one starts in its own process."""
    for group in found:
        yield from records(group, Book(scope_id, source, key))
        if group.parent_id:
            yield Hop(
                id=f"{group.parent_id}>{group.agent_id}",
                scope_id=scope_id,
                source=source,
                locator=group.parts[0].document.path,
                from_id=group.parent_id,
                to_id=group.agent_id,
                via="sub_agent",
                # It works in the process of its parent, with the same environment.
                forwards=True,
            )
