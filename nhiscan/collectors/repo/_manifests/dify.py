"""Applications of Dify as its DSL exports them.

Source (read 2026-11): docs.dify.ai (an export with secrets holds the values of `value_type: secret` in clear text).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.abilities import at_address, traits_of, with_traits
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._config.spots import url_spots
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import ConsumerKind, ToolClass, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.judge import Found
    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record

_VARIABLE = re.compile(r"\{\{#?[^{}]*#?\}\}")


def _is_dify(root: Node) -> bool:
    return root.text_at("kind") == "app" and bool(root.text_at("app", "mode"))


def _nodes(root: Node) -> list[Node]:
    nodes = root.at("workflow", "graph", "nodes")
    return [d for n in (nodes.list if nodes else []) if (d := n.at("data")) and d.text_at("type")]


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    nodes = _nodes(root)
    found = sheet.found(_spots(root, nodes))
    agents = root.text_at("app", "mode") == "agent-chat" or any(n.text_at("type") == "agent" for n in nodes)
    kind = ConsumerKind.AGENT if agents else ConsumerKind.APPLICATION
    app = sheet.consumer(kind, "app", root.text_at("app", "name") or "app", root.line)
    app = replace(app, platform="dify")
    yield app
    yield from sheet.held(app, found)
    mode = root.at("model_config", "agent_mode", "tools")
    for tool in mode.list if mode else []:
        enabled = tool.at("enabled")
        if (name := tool.text_at("tool_name")) and not (enabled and enabled.value is False):
            yield with_traits(sheet.tool(app.id, name, tool.line), traits_of(name))
    for node in nodes:
        yield from _node(sheet, app, node)


def _node(sheet: Sheet, app: Consumer, node: Node) -> Iterator[Record]:
    type_, title = node.text_at("type") or "", node.text_at("title") or node.text_at("type") or ""
    if type_ == "code":
        # Runs in the sandbox service that Dify ships.
        yield sheet.tool(app.id, title, node.line, ToolClass.EXEC)
    elif type_ == "http-request":
        yield with_traits(sheet.tool(app.id, title, node.line), traits_of("http_request"))
    elif type_ == "tool":
        called = node.text_at("tool_name") or title
        yield with_traits(sheet.tool(app.id, called, node.line), traits_of(called))
    elif type_ == "agent":
        listed = node.at("agent_parameters", "tools", "value")
        for tool in listed.list if listed else []:
            if name := tool.text_at("tool_name") or tool.text_at("provider_name"):
                yield with_traits(sheet.tool(app.id, name, tool.line), traits_of(name))
        server = node.text_at("agent_parameters", "mcp_server", "value")
        if server and server.startswith("http"):
            record = sheet.consumer(ConsumerKind.TOOL_SERVER, f"app/{title}/mcp", title, node.line)
            yield replace(at_address(record, server, Transport.SSE if "/sse" in server else None), parent_id=app.id)


def _spots(root: Node, nodes: list[Node]) -> Iterator[Spot | Found]:
    variables = root.at("workflow", "environment_variables")
    for item in variables.list if variables else []:
        name, value = item.text_at("name"), item.at("value")
        if name and value and item.text_at("value_type") == "secret":
            yield Spot("env", name, value.text or "", item.line, forced=True)
        elif name and value and value.text and words.names_credential(name):
            yield Spot("env", name, value.text, item.line)
    for node in nodes:
        key = node.at("authorization", "config", "api_key")
        if key and key.text and not _VARIABLE.search(key.text):
            header = node.text_at("authorization", "config", "header") or "Authorization"
            yield Spot("header", header, key.text, key.line, forced=True)
        headers = node.at("headers") or node
        for line in (headers.text or "").splitlines():
            header, _, said = line.partition(":")
            if said.strip() and not _VARIABLE.search(said):
                yield Spot("header", header.strip(), said.strip(), headers.line)
        server = node.at("agent_parameters", "mcp_server", "value")
        if server and server.text:
            yield from url_spots(server.text, server.line)


FORMATS = (
    Format(
        "dify", yaml=True, named=None, marks=((b"kind: app", b"mode:"), (b"kind: 'app'", b"mode:")),
        belongs=_is_dify, read=_read,
    ),
)  # fmt: skip
