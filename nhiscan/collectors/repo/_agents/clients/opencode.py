"""OpenCode: `opencode.json`, and agents in it or in Markdown; what is not forbidden runs unasked.

Source: opencode.ai/docs, November 2026.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import all_keys
from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.stance import Log, Rule, Stance, last, refuses, rule
from nhiscan.plugin import Approval, Autonomy, Basis

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document, Node

_SAID = {"allow": Approval.AUTO, "ask": Approval.ASK, "deny": Approval.DENY}
_EVERY = "bash"


def read(documents: Sequence[Document]) -> Stance:
    """The stance of OpenCode; the shell is free unless `permission` says otherwise."""
    found = last(documents, "permission")
    every = found[0].text if found else None
    general = found[0].at("*") if found else None
    whole = _SAID.get(every or (general.text if general else None) or "")
    rules = [r for d in documents if (node := d.root.at("permission")) for r in _rules(node, d.path)]
    shell = [r for r in rules if r.name.partition("(")[0] in {_EVERY, "*"}]
    first = documents[0]
    if not shell:
        free = rule(_EVERY, Approval.AUTO, first.path, first.root.line)
        rules.append(replace(free, basis=Basis.DEFAULT))
    free_shell = any(r.unrestricted for r in rules)
    autonomy = None if whole is None else Autonomy.UNATTENDED if whole is Approval.AUTO else Autonomy.INTERACTIVE
    node, uri = found or (None, None)
    return Stance(
        whole, autonomy, "permission=allow" if whole is Approval.AUTO else None, None, uri, node.line if node else None,
        tuple(rules), enforced=refuses(rules), alters=free_shell or None, logs=tuple(_logs(documents)),
    )  # fmt: skip


def _rules(node: Node, path: str) -> Iterator[Rule]:
    if node.text in _SAID:
        yield rule("*", _SAID[node.text], path, node.line)
    for tool, said in node.map.items():
        if said.text in _SAID:
            yield rule(tool, _SAID[said.text], path, said.key_line)
        for pattern, inner in said.map.items():
            if inner.text in _SAID:
                yield rule(f"{tool}({pattern})", _SAID[inner.text], path, inner.key_line)


def _logs(documents: Sequence[Document]) -> Iterator[Log]:
    found = last(documents, "experimental", "openTelemetry")
    if found and isinstance(found[0].value, bool):
        yield Log("tool_calls", found[0].value is True, found[1], found[0].line)


def read_agent(documents: Sequence[Document]) -> Stance:
    """What one agent's head says of its tools."""
    rules = [r for d in documents if (node := d.root.at("permission")) for r in _rules(node, d.path)]
    # What a tool is switched off by, before `permission` did both.
    for d in documents:
        off = d.root.at("tools")
        rules += [
            rule(t, Approval.DENY, d.path, n.key_line) for t, n in (off.map if off else {}).items() if n.value is False
        ]
    return Stance(rules=tuple(rules), enforced=refuses(rules), alters=any(r.unrestricted for r in rules) or None)


_NAMES = ("opencode.json", "opencode.jsonc")
_SINCE = "opencode.ai/docs/permissions, 2026-11: most permissions default to allow"
CLIENTS = (
    Client(
        slug="opencode",
        files=(*_NAMES, ".opencode/opencode.json", ".opencode/opencode.jsonc"),
        user=tuple(f"~/.config/opencode/{name}" for name in _NAMES),
        system=("{data}/opencode/opencode.json",),
        servers=(("mcp", "servers"), ("mcp",)),  # since version 2, and before
        marks=keys("permission agent mode provider model plugin instructions tools command"),
        default=Approval.AUTO,
        since=_SINCE,
        stance=read,
        spots=all_keys,
        inline=("agent", "agents"),
    ),
    Client(
        slug="opencode-agent",
        started_by="opencode",
        agents=(".opencode/agent/*.md", ".opencode/agents/*.md"),
        user=("~/.config/opencode/agent/*.md", "~/.config/opencode/agents/*.md"),
        marks=keys("permission tools"),
        default=Approval.AUTO,
        since=_SINCE,
        stance=read_agent,
    ),
)
