"""Google ADK agents written as configuration (`root_agent.yaml` and what it names).

Source (read 2026-11): google.github.io/adk-docs agents/config (`agent_class` is LlmAgent by default; `sub_agents` by
`config_path` or `code`; tools by name with `args`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.abilities import (
    at_address,
    beside,
    credential_spots,
    items,
    traits_of,
    with_traits,
)
from nhiscan.collectors.repo._config.servers import command_line, launch_of
from nhiscan.collectors.repo._config.spots import entry_spots
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import ConsumerKind, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record

_CLASSES = ("LlmAgent", "SequentialAgent", "ParallelAgent", "LoopAgent", "BaseAgent")


def _is_adk(root: Node) -> bool:
    class_ = (root.text_at("agent_class") or "LlmAgent").rpartition(".")[2]
    parts = {"instruction", "sub_agents", "tools", "model"}
    return bool(root.text_at("name")) and class_ in _CLASSES and not parts.isdisjoint(root.map)


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    tools = [n for n in items(root, "tools") if n.text_at("name")]
    found = sheet.found(s for t in tools if not _connection(t) and (a := t.at("args")) for s in credential_spots(a))
    agent = sheet.consumer(ConsumerKind.AGENT, "agent", root.text_at("name") or "", root.line)
    yield agent
    yield from sheet.held(agent, found)
    for tool in tools:
        name = tool.text_at("name") or ""
        if (connection := _connection(tool)) is not None:
            yield from _server(sheet, agent, name, tool, connection)
        elif name.rpartition(".")[2] == "AgentTool":
            yield from _hop(sheet, agent, tool.at("args", "agent"), "agent_tool")
        else:
            yield with_traits(sheet.tool(agent.id, name, tool.line), traits_of(name.rpartition(".")[2]))
    for sub in items(root, "sub_agents"):
        yield from _hop(sheet, agent, sub, "sub_agent")


def _connection(tool: Node) -> Node | None:
    """What an MCP toolset is given to reach its server."""
    for key in ("stdio_server_params", "stdio_connection_params", "sse_connection_params",
                "streamable_http_connection_params", "connection_params"):  # fmt: skip
        if node := tool.at("args", key):
            return node.at("server_params") or node
    return None


def _server(sheet: Sheet, agent: Consumer, name: str, tool: Node, connection: Node) -> Iterator[Record]:
    argv = command_line(connection)
    found = sheet.found(entry_spots(connection, argv))
    launch = launch_of(argv)
    server = replace(
        sheet.consumer(ConsumerKind.TOOL_SERVER, f"agent/{launch.package or name}", launch.package or name, tool.line),
        parent_id=agent.id,
        launcher=sheet.book.scrub(launch.launcher) if launch.launcher else None,
        package=sheet.book.scrub(launch.package) if launch.package else None,
        pin=launch.pin,
    )
    yield at_address(server, connection.text_at("url"), Transport.STDIO if argv else None)
    yield from sheet.held(server, found)


def _hop(sheet: Sheet, agent: Consumer, node: Node | None, via: str) -> Iterator[Record]:
    if node is None or not (file := node.text_at("config_path")):
        return
    path = beside(sheet.document.path, file)
    if path and path in sheet.others and _is_adk(sheet.others[path]):
        yield sheet.hop(agent.id, f"{sheet.book.scope_id}#{path}:agent", via, node.line)


FORMATS = (
    Format(
        "google_adk", yaml=True, named=None,
        marks=((b"agent_class:",), (b"AgentConfig.json",), (b"config_path:", b"sub_agents:")),
        belongs=_is_adk, read=_read, joined=True,
    ),
)  # fmt: skip
