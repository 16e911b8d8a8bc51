"""The tools an agent may call, from the rules its settings and servers make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import pattern_values
from nhiscan.collectors.repo._agents.stance import Rule
from nhiscan.collectors.repo._agents.traits import Traits, tool_traits
from nhiscan.collectors.repo._config.judge import Judge
from nhiscan.plugin import Consumer, Tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.collectors.repo._config.records import Book


def whole_server(server: Consumer, traits: Traits, *, free: bool) -> Iterator[Rule]:
    """All tools of a server of which it is known what they carry, approved as the agent's are; `free`: unasked."""
    if traits.known and server.enabled is not False:
        yield Rule(f"mcp__{server.name}__*", None, server.uri or "", server.line or 1, traits.class_, free, None)


def tools(agent_id: str, rules: Iterable[Rule], known: Mapping[str, Traits], book: Book) -> Iterator[Tool]:
    """One record for each pattern and what happens before it runs; `known` are the servers by name."""
    rules = list(rules)
    written = {r.name for r in rules if r.approval}
    seen: set[str] = set()
    for r in rules:
        name = shown(r.name, book)
        tool_id = f"{agent_id}#tool:{r.approval or 'listed'}:{name}"
        if tool_id in seen or (r.approval is None and r.name in written):
            continue
        seen.add(tool_id)
        traits = tool_traits(r.name, r.class_, known, unrestricted=r.unrestricted)
        yield Tool(
            id=tool_id,
            scope_id=book.scope_id,
            source=book.source,
            locator=f"{r.uri}:{r.line}",
            consumer_id=agent_id,
            name=name,
            class_=r.class_,
            approval=r.approval,
            approval_basis=r.basis if r.approval else None,
            unrestricted=r.unrestricted,
            reads_untrusted=traits.untrusted,
            reads_private=traits.private,
            sends=traits.sends,
            uri=r.uri,
            line=r.line,
        )


def shown(pattern: str, book: Book) -> str:
    """The pattern as written, without the values in it, however short."""
    judge = Judge()
    for found in (f for spot in pattern_values(pattern) for f in judge.spot(spot)):
        if found.literal is not None:
            pattern = pattern.replace(found.literal.value.reveal(), "***")
    return book.scrub(pattern)
