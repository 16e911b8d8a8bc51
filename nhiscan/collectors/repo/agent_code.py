"""Agents written in Python: what they may call, whom they hand over to, which keys and identities they use."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._agent_code import agents, holding, names, servers, source
from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._config.glance import glances
from nhiscan.collectors.repo._config.nodes import Document, MalformedError, Node, decode
from nhiscan.collectors.repo._config.reading import LARGEST, Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._config.sheet import Sheet
from nhiscan.collectors.repo._file_class import is_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Collector, Context, Record

SOURCE = "repo.agent_code"
_COVERS = ("consumer", "tool", "hop", "use", "credential", "logging")
_FOREIGN = ("site-packages/", "node_modules/", ".venv/")


class RepoAgentCode(CheckoutCollector):
    """Python code of agent frameworks, parsed and never imported."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Agents written in Python in a checkout"

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Agents, servers, tools, hops, uses, memories and logs; a file that does not parse is a gap."""
        files = Files(checkout, SOURCE, _COVERS)
        for file in checkout.files():
            if not file.path.endswith(".py") or any(f in file.path for f in _FOREIGN):
                continue
            if is_test(file.path):
                # Agents of tests act for nobody; a key in a test is still found by the scan of all files.
                continue
            data = checkout.read(file, LARGEST) if glances(checkout).any_of(file, names.WORDS) else None
            if data is None or not names.PREFILTER.search(data):
                continue
            try:
                module = source.parse(decode(data))
            except MalformedError as e:
                yield files.malformed(file.path, e)
                continue
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


COLLECTOR: Collector = RepoAgentCode()
