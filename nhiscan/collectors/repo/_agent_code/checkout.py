"""What one Python file declares of agents."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agent_code import SOURCE, agents, holding, names, servers, source
from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node, decode
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._config.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.reading import Files
    from nhiscan.collectors.repo._tree import SourceFile
    from nhiscan.plugin import Context, Record


def records(files: Files, file: SourceFile, data: bytes, ctx: Context) -> Iterator[Record]:
    """The agents and servers of a file; one that does not parse is a gap."""
    try:
        module = source.parse(decode(data))
    except MalformedError as e:
        yield files.malformed(file.path, e)
        return
    try:
        yield from list(classed(_records(module, _sheet(files, file, ctx))))
    except RecursionError:
        yield files.malformed(file.path, MalformedError("nested too deeply", 1))


def _sheet(files: Files, file: SourceFile, ctx: Context) -> Sheet:
    root = Node(None, 1, 1)
    document = Document(file.path, root, file.visibility, files.checkout.at_head(file.visibility))
    return Sheet(document, Book(files.checkout.scope.id, SOURCE, ctx.key), "python")


def _records(module: source.Module, sheet: Sheet) -> Iterator[Record]:
    """Everything one file declares; credentials are read first, so that no name shows a value."""
    found = agents.find_agents(module, sheet)
    holders = holding.Holders(sheet, found)
    clients = list(servers.client_records(module, sheet, found))
    keys = list(holding.key_records(module, sheet, holders, _served(module)))
    ambient = list(holding.ambient_records(module, sheet, holders)) if found or keys else []
    vault = list(holding.vault_records(module, sheet, holders))
    if holders.module is not None:
        yield holders.module
    for agent in found:
        yield agent.consumer
        yield from agents.agent_records(module, sheet, agent, found)
    yield from clients
    yield from servers.served_records(module, sheet)
    yield from keys
    yield from ambient
    yield from vault
    yield from holding.memory_records(module, sheet, found)
    yield from holding.log_records(module, sheet, found)


def _served(module: source.Module) -> set[int]:
    """The nodes inside connections to tool servers, whose credentials are the servers'."""
    last = ((c, module.dotted(c.func).rpartition(".")[2]) for c in module.calls)
    calls = [c for c, n in last if n in names.SERVERS or n in names.SERVER_MAPS]
    return {id(node) for call in calls for node in module.reached(call) if isinstance(node, ast.expr)}
