"""Declarative agents of Microsoft Agent Framework and Foundry (`kind: Prompt`, hosted agents).

Sources (read 2026-11): microsoft/agent-framework declarative-agents (schema and samples), learn.microsoft.com/azure
/ai-foundry/agents (a tool of kind mcp asks before every call unless `approvalMode` says otherwise).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.abilities import at_address, traits_of, with_traits
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import Approval, Auth, Basis, ConsumerKind, Form, Transport, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record

_KINDS = frozenset({"prompt", "promptagent", "hosted", "container", "containeragent", "hosted_agent"})
_FORMULA = re.compile(r"=\s*Env\.([A-Za-z_]\w*)\s*")
_CONNECTIONS = {"anonymous": Auth.NONE, "key": Auth.API_KEY, "apikey": Auth.API_KEY, "oauth": Auth.OAUTH}
_APPROVALS = {"never": Approval.AUTO, "always": Approval.ASK}
_DEEPEST = 12


def _is_agent(root: Node) -> bool:
    kind = (root.text_at("kind") or root.text_at("template", "kind") or "").lower()
    return kind in _KINDS and bool(_body(root).text_at("name") or root.text_at("name"))


def _body(root: Node) -> Node:
    template = root.at("template")
    return template if template and template.at("kind") else root


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    body = _body(root)
    found = sheet.found(_spots(body, 0))
    name = root.text_at("name") or body.text_at("name") or ""
    hosted = (body.text_at("kind") or "").lower() not in {"prompt", "promptagent"}
    agent = sheet.consumer(ConsumerKind.AGENT, "agent", name, root.line)
    agent = replace(agent, platform="azure_foundry" if hosted or body.at("model", "connection") else None)
    yield agent
    yield from sheet.held(agent, found)
    connection = body.at("model", "connection")
    if connection and (connection.text_at("kind") or "").lower() in {"remote", "default"}:
        # A connection without a key of its own signs in as whoever runs the agent.
        yield replace(sheet.use(agent.id, "host", "environment", connection.line), how=UseHow.RUNS_AS)
    tools = body.at("tools")
    for tool in tools.list if tools else []:
        yield from _tool(sheet, agent, tool)


def _tool(sheet: Sheet, agent: Consumer, tool: Node) -> Iterator[Record]:
    kind = (tool.text_at("kind") or tool.text_at("type") or "").lower()
    name = tool.text_at("name") or tool.text_at("serverName") or kind
    if not name:
        return
    approval = _approval(tool) if kind == "mcp" else None
    if kind == "mcp":
        server = sheet.consumer(ConsumerKind.TOOL_SERVER, f"agent/{name}", name, tool.line)
        auth = _CONNECTIONS.get((tool.text_at("connection", "kind") or "").lower(), Auth.UNDECLARED)
        yield replace(
            at_address(server, tool.text_at("url") or tool.text_at("serverUrl"), Transport.HTTP),
            parent_id=agent.id,
            auth=auth,
            approval=approval[0] if approval else None,
            approval_basis=approval[1] if approval else None,
        )
    allowed = tool.at("allowedTools")
    for item in allowed.list if allowed and kind == "mcp" else []:
        if item.text:
            said = f"mcp__{name}__{item.text}"
            yield with_traits(sheet.tool(agent.id, said, item.line, approval=approval), traits_of(item.text))
    if kind != "mcp" or not (allowed and allowed.list):
        said = f"mcp__{name}__*" if kind == "mcp" else name
        record = sheet.tool(agent.id, said, tool.line, approval=approval)
        traits = traits_of(kind if kind not in {"function", "mcp", "openapi", "custom"} else name)
        yield replace(with_traits(record, traits), unrestricted=True if kind == "mcp" else None)


def _approval(tool: Node) -> tuple[Approval, Basis] | None:
    node = tool.at("approvalMode") or tool.at("requireApproval")
    if node is None:
        return Approval.ASK, Basis.DEFAULT
    said = _APPROVALS.get((node.text or node.text_at("kind") or "").lower())
    return (said, Basis.EXPLICIT) if said else None


def _spots(node: Node, depth: int) -> Iterator[Spot | Found]:
    """Credentials below the node: named keys, `{name, value}` pairs, and formulas over the environment."""
    pair = node.text_at("name"), node.at("value")
    if pair[0] and pair[1] and pair[1].text is not None:
        yield from _spot(pair[0], pair[1])
    for name, member in node.map.items():
        if member.text is not None:
            yield from _spot(name, member)
        elif depth < _DEEPEST:
            yield from _spots(member, depth + 1)
    for item in node.list if depth < _DEEPEST else []:
        yield from _spots(item, depth + 1)


def _spot(name: str, node: Node) -> Iterator[Spot | Found]:
    text = node.text or ""
    if formula := _FORMULA.fullmatch(text):
        if words.names_credential(name) or words.names_credential(formula[1]):
            yield Found("key", name, node.line, Form.REFERENCE, reference=formula[1])
    elif words.names_credential(name) and not text.startswith(("=", "{{")):
        yield Spot("key", name, text, node.line)


FORMATS = (
    Format(
        "microsoft_agent", yaml=True, named=None,
        marks=(
            (b"kind: Prompt", b"instructions:"), (b"kind: Prompt", b"model:"), (b"kind: prompt", b"model:"),
            (b"kind: hosted", b"name:"), (b"kind: Hosted", b"name:"), (b"kind: container", b"protocols:"),
        ),
        belongs=_is_agent, read=_read,
    ),
)  # fmt: skip
