"""Which kind of resource is read by what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform import aws, azure, cluster, google, grants, others, running, things, vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record

HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    **aws.HANDLERS,
    **things.HANDLERS,
    **dict.fromkeys(running.KINDS, running.running),
    **google.HANDLERS,
    **azure.HANDLERS,
    **cluster.HANDLERS,
    **vault.HANDLERS,
    **others.HANDLERS,
}


def records(desk: Desk) -> Iterator[Record]:
    """The records of everything declared, each id once, and the gaps of what no form tells."""
    for thing in desk.things:
        handler = None if thing.data else HANDLERS.get(thing.kind)
        if handler is not None:
            desk.put(handler(desk, thing))
    yield from desk.records.values()
    yield from desk.gaps()
    yield from grants.untold(desk)
