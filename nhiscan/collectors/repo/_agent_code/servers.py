"""MCP in code: the servers a file connects to, and the servers it is."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agent_code import names
from nhiscan.collectors.repo._agent_code.forwarding import forwards
from nhiscan.collectors.repo._agent_code.source import is_known
from nhiscan.collectors.repo._agent_code.tools import decorated, function_traits, said_approval
from nhiscan.collectors.repo._config import servers
from nhiscan.collectors.repo._config.abilities import with_traits
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._config.nodes import Node
from nhiscan.collectors.repo._config.spots import entry_spots, not_its_own
from nhiscan.plugin import Approval, Auth, Basis, ConsumerKind, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._agent_code.agents import Agent
    from nhiscan.collectors.repo._agent_code.source import Module
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record

_ENTRY_KEYS = frozenset({"command", "args", "env", "url", "server_url", "serverUrl", "headers", "transport", "type",
                         "connector_id", "authorization", "require_approval", "server_label"})  # fmt: skip
_TRANSPORTS = {
    "streamable-http": Transport.HTTP,
    "http": Transport.HTTP,
    "sse": Transport.SSE,
    "stdio": Transport.STDIO,
}
_AUTH_KEYS = ("auth", "auth_server_provider", "token_verifier", "auth_provider")
_SAFE = re.compile(r"[\w.@/-]{1,80}")


def client_records(module: Module, sheet: Sheet, agents: Sequence[Agent]) -> Iterator[Record]:
    """A tool server for every connection the file makes, started by the agent that is given it."""
    taken: dict[str, int] = {}
    for call in module.calls:
        last = module.dotted(call.func).rpartition(".")[2]
        if last in names.SERVERS:
            entry = _entry(module, call)
            entries = [(_name(module, call, entry), entry)]
        elif last in names.SERVER_MAPS:
            argument = module.argument(call, "connections") or (call.args[0] if call.args else None)
            entries = list(module.value(argument).map.items())
        else:
            continue
        for name, entry in entries:
            if not (entry.at("command") or entry.at("url") or entry.at("connector_id")):
                continue
            owner = _owner(call, agents)
            yield from _server(module, sheet, owner, (name, entry, call), taken)


def _entry(module: Module, call: ast.Call) -> Node:
    """The connection as client settings would write it: `command`, `args`, `env`, `url`, `headers`."""
    members: dict[str, Node] = {}
    for key in ("params", "tool_config", "server_params"):
        held = module.argument(call, key)
        if held is not None and not isinstance(module.resolved(held), ast.Call):
            members.update({k: n for k, n in module.value(held).map.items() if k in _ENTRY_KEYS})
    for keyword in call.keywords:
        if keyword.arg in _ENTRY_KEYS:
            members[keyword.arg] = module.value(keyword.value)
    first = module.value(call.args[0]) if call.args else None
    if "url" not in members and "command" not in members and first and first.text and "://" in first.text:
        members["url"] = first
    for key in ("server_url", "serverUrl"):
        if key in members:
            members["url"] = members.pop(key)
    if token := members.pop("authorization", None):
        headers = members["headers"].map if "headers" in members else {}
        members["headers"] = Node({**headers, "Authorization": token}, token.line, token.key_line)
    if "command" in members and members["command"].value is None:
        del members["command"]
    return Node(members, call.lineno, call.lineno)


def _name(module: Module, call: ast.Call, entry: Node) -> str:
    said = module.value(module.argument(call, "name")).text or entry.text_at("server_label")
    if said and is_known(said) and _SAFE.fullmatch(said):
        return said
    launch = servers.launch_of(servers.command_line(entry))
    return launch.package or module.names.get(id(call), "").rpartition(".")[2] or "mcp"


def _owner(call: ast.Call, agents: Sequence[Agent]) -> Agent | None:
    """The agent in whose arguments the connection stands; the only one of a file where it stands apart."""
    found = next((a for a in agents if id(call) in a.reached), None)
    local = [a for a in agents if a.reached]
    return found or (local[0] if len(local) == 1 else None)


def _server(
    module: Module, sheet: Sheet, owner: Agent | None, what: tuple[str, Node, ast.Call], taken: dict[str, int]
) -> Iterator[Record]:
    name, entry, call = what
    argv = servers.command_line(entry)
    spots = entry_spots(entry, argv)
    found = sheet.found(s for s in spots if not isinstance(s, Spot) or is_known(s.value))
    launch = servers.launch_of(argv)
    place = servers.reached(entry, launch, argv)
    key = f"mcp/{name}"
    taken[key] = taken.get(key, 0) + 1
    key = key if taken[key] == 1 else f"{key}:{taken[key]}"
    consent = said_approval(module, call) or _consent(entry)
    server = replace(sheet.consumer(ConsumerKind.TOOL_SERVER, key, name, entry.line), framework="mcp")
    yield replace(
        server,
        parent_id=owner.consumer.id if owner else None,
        transport=place.transport,
        url=sheet.book.scrub(place.url) if place.url and is_known(place.url) else None,
        tls=place.tls,
        loopback=place.loopback,
        auth=servers.auth_of(entry, found, place.transport),
        launcher=sheet.book.scrub(launch.launcher) if launch.launcher else None,
        package=sheet.book.scrub(launch.package) if launch.package else None,
        pin=launch.pin,
        approval=consent[0] if consent else None,
        approval_basis=consent[1] if consent else None,
        bypass="require_approval" if consent and consent[0] is Approval.AUTO else None,
    )
    yield from sheet.held(server, not_its_own(entry, found))


def _consent(entry: Node) -> tuple[Approval, Basis] | None:
    said = {"never": Approval.AUTO, "always": Approval.ASK}.get(entry.text_at("require_approval") or "")
    return (said, Basis.EXPLICIT) if said else None


def served_records(module: Module, sheet: Sheet) -> Iterator[Record]:
    """The MCP servers a file is: their tools, how they are spoken to, whether a caller's token goes on."""
    made: dict[str, Consumer] = {}
    for call in module.calls:
        name = module.dotted(call.func)
        if not (name.startswith(("mcp.", "fastmcp")) and name.endswith((".FastMCP", ".Server", ".MCPServer"))):
            continue
        variable = module.names.get(id(call), "server").rpartition(".")[2]
        said = module.value(call.args[0] if call.args else module.argument(call, "name")).text
        server = sheet.consumer(ConsumerKind.TOOL_SERVER, f"server/{variable}", said or variable, call.lineno)
        transport = _transport(module, variable)
        auth = Auth.OAUTH if any(_given(module, call, k) for k in _AUTH_KEYS) else Auth.UNDECLARED
        made[variable] = replace(
            server,
            framework="mcp",
            transport=transport,
            auth=auth if transport in {Transport.HTTP, Transport.SSE} else None,
            forwards=True if forwards(module) else None,
        )
    yield from made.values()
    for function, owner, decorator in decorated(module):
        if owner in made:
            tool = sheet.tool(made[owner].id, function.name, function.lineno)
            approval = said_approval(module, decorator) if isinstance(decorator, ast.Call) else None
            if approval:
                tool = replace(tool, approval=approval[0], approval_basis=approval[1])
            yield with_traits(tool, function_traits(module, function))


def _given(module: Module, call: ast.Call, key: str) -> bool:
    held = module.argument(call, key)
    return held is not None and not (isinstance(held, ast.Constant) and held.value is None)


def _transport(module: Module, variable: str) -> Transport | None:
    """As `run()` says; it speaks over standard input when it says nothing (MCP Python SDK, 2026-11)."""
    for call in module.calls:
        owner = call.func.value if isinstance(call.func, ast.Attribute) else None
        if not (isinstance(owner, ast.Name) and owner.id == variable and isinstance(call.func, ast.Attribute)):
            continue
        method = call.func.attr
        if method in {"streamable_http_app", "http_app", "run_streamable_http_async", "run_http_async"}:
            return Transport.HTTP
        if method in {"sse_app", "run_sse_async"}:
            return Transport.SSE
        if method in {"run", "run_async"}:
            argument = module.argument(call, "transport") or (call.args[0] if call.args else None)
            return _TRANSPORTS.get(module.value(argument).text or "") if argument is not None else Transport.STDIO
    return None
