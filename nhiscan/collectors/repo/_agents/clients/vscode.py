"""VS Code and Copilot Chat in it, also inside a dev container (code.visualstudio.com/docs/copilot, November 2026)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import agent_spots
from nhiscan.collectors.repo._agents.client import Client, keys, origin_of
from nhiscan.collectors.repo._agents.stance import Log, Rule, Stance, last, refuses, rule
from nhiscan.collectors.repo._config.spots import env_spots
from nhiscan.plugin import Approval, Autonomy, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.judge import Found, Spot
    from nhiscan.collectors.repo._config.nodes import Document, Node

_EVERY = ("chat.tools.global.autoApprove", "chat.tools.autoApprove")
_TERMINAL = ("chat.tools.terminal.autoApprove", "github.copilot.chat.agent.terminal.allowList")
_LOG = "github.copilot.chat.otel.enabled"


def read(documents: Sequence[Document]) -> Stance:
    """The stance of the agent mode: what workspace settings approve, for everybody who trusts the workspace."""
    layers = [layer for d in documents for layer in _layers(d)]
    rules = [r for d in layers for r in _rules(d)]
    shared = any(r.approval is Approval.AUTO and origin_of(r.uri) is Origin.PROJECT for r in rules)
    found = Stance(rules=tuple(rules), alters=shared or None, enforced=refuses(rules), logs=tuple(_logs(layers)))
    for key in _EVERY:
        every = last(layers, key)
        if every and every[0].value is True:
            node, uri = every
            rules.insert(0, rule("*", Approval.AUTO, uri, node.line))
            return replace(
                found, approval=Approval.AUTO, autonomy=Autonomy.UNATTENDED, bypass=key, uri=uri, line=node.line,
                rules=tuple(rules), alters=True,
            )  # fmt: skip
    return found


def _layers(document: Document) -> Iterator[Document]:
    yield document
    inner = document.root.at("customizations", "vscode", "settings")
    if inner:
        yield replace(document, root=inner)


def _rules(document: Document) -> Iterator[Rule]:
    for key in _TERMINAL:
        terminal = document.root.at(key)
        for command, node in (terminal.map if terminal else {}).items():
            said = node.at("approve") or node
            if isinstance(said.value, bool):
                approval = Approval.AUTO if said.value else Approval.ASK
                yield rule(f"Bash({command}*)", approval, document.path, node.key_line)
    edits = document.root.at("chat.tools.edits.autoApprove")
    for pattern, node in (edits.map if edits else {}).items():
        if isinstance(node.value, bool):
            approval = Approval.AUTO if node.value else Approval.ASK
            yield rule(f"Edit({pattern})", approval, document.path, node.key_line)


def _logs(documents: Sequence[Document]) -> Iterator[Log]:
    found = last(documents, _LOG)
    if found and isinstance(found[0].value, bool):
        to = last(documents, "github.copilot.chat.otel.otlpEndpoint")
        yield Log("tool_calls", found[0].value is True, found[1], found[0].line, to[0].text if to else None)


def spots(document: Document) -> Iterator[Spot | Found]:
    """The environments of a dev container and of the terminal, beside what every agent has."""
    yield from agent_spots(document)
    root = document.root
    held: list[Node | None] = [root.at(k) for k in ("containerEnv", "remoteEnv")]
    held += [root.at(f"terminal.integrated.env.{system}") for system in ("linux", "osx", "windows")]
    for node in held:
        yield from env_spots(node)


CLIENT = Client(
    slug="vscode-copilot",
    files=(".devcontainer.json", ".devcontainer/devcontainer.json", ".vscode/mcp.json", ".vscode/settings.json"),
    user=("{config}/Code/User/mcp.json", "{config}/Code/User/settings.json"),
    servers=(
        *(("servers",), ("mcp", "servers"), ("mcpServers",)),
        *(("customizations", "vscode", "mcp", "servers"), ("customizations", "vscode", "settings", "mcp", "servers")),
    ),
    marks=keys(" ".join((*_EVERY, *_TERMINAL, _LOG, "chat.tools.edits.autoApprove"))),
    since="code.visualstudio.com/docs/copilot/agents/agent-tools, 2026-11: asks before each tool",
    stance=read,
    spots=spots,
)
