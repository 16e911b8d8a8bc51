"""What the agents of a Foundry project can use: the keys that its connections store, and shared ones of its account.

Source: learn.microsoft.com/azure/ai-foundry, "Connections" (`isSharedToAll`: every project of the account has it).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.plugin import Consumer, ConsumerKind, Credential, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.plugin import Record

_INSIDE = ("/projects/", "/applications/")


def with_agents(records: Iterable[Record]) -> Iterator[Record]:
    """The records; a stored key is used by each agent below what holds it, and by the holder where there is none.

    An application in which agents are published is told by these.
    """
    agents: dict[str, list[Consumer]] = defaultdict(list)
    held: list[Use] = []
    shared: set[str] = set()
    for record in records:
        if isinstance(record, Use) and (record.credential_id or "").startswith(f"{record.consumer_id}/"):
            held.append(record)
            continue
        yield record
        if isinstance(record, Consumer) and record.kind is ConsumerKind.AGENT and all(p in record.id for p in _INSIDE):
            agents[record.id.partition("/applications/")[0]].append(record)
        elif isinstance(record, Credential) and record.facts.get("sharedToAll") == "true":
            shared.add(record.id)
    leaves = {project: _leaves(mine) for project, mine in sorted(agents.items())}
    for use in held:
        below = [*leaves.get(use.consumer_id, ())]
        if use.credential_id in shared:
            below += [a for p, mine in leaves.items() if p.partition("/projects/")[0] == use.consumer_id for a in mine]
        for agent in below:
            yield replace(use, id=f"{use.id}/{agent.id}", scope_id=agent.scope_id, consumer_id=agent.id)
        yield from () if below else (use,)


def _leaves(agents: list[Consumer]) -> list[Consumer]:
    parents = {agent.parent_id for agent in agents}
    return [agent for agent in agents if agent.id not in parents]
