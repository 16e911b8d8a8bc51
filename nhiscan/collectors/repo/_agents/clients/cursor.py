"""Cursor: tool servers, permissions of the editor and of its CLI, hooks (cursor.com/docs, November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.client import Client, keys, origin_of
from nhiscan.collectors.repo._agents.hooks import hooks_of
from nhiscan.collectors.repo._agents.stance import Stance, listed, refuses, rule, wide
from nhiscan.plugin import Approval, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._agents.stance import Rule
    from nhiscan.collectors.repo._config.nodes import Document

_CLI = ((("permissions", "allow"), Approval.AUTO), (("permissions", "deny"), Approval.DENY))


def read(documents: Sequence[Document]) -> Stance:
    """What runs unasked: allow lists of the editor (`mcpAllowlist`, `terminalAllowlist`) and of the CLI."""
    rules = [r for d in documents for r in _rules(d)]
    hooks = hooks_of(documents)
    shared = any(r.approval is Approval.AUTO and origin_of(r.uri) is Origin.PROJECT for r in rules) or (
        bool(hooks) and any(origin_of(h.uri) is Origin.PROJECT for h in hooks)
    )
    enforced = True if any(h.decides for h in hooks) else refuses(rules)
    return Stance(rules=tuple(rules), enforced=enforced, alters=True if shared or wide(rules) else None)


def _rules(document: Document) -> Iterator[Rule]:
    yield from listed([document], _CLI)
    yield from listed([document], ((("terminalAllowlist",), Approval.AUTO),), "Bash({}*)")
    for found in listed([document], ((("mcpAllowlist",), Approval.AUTO),)):
        server, _, tool = found.name.partition(":")
        if server:
            name = "*" if server == "*" and tool in {"", "*"} else f"mcp__{server}__{tool or '*'}"
            yield rule(name, Approval.AUTO, found.uri, found.line)


_FILES = ("mcp.json", "permissions.json", "cli.json", "hooks.json")
CLIENT = Client(
    slug="cursor",
    files=tuple(f".cursor/{name}" for name in _FILES),
    user=(*(f"~/.cursor/{name}" for name in _FILES), "~/.cursor/cli-config.json"),
    system=("{data}/cursor/hooks.json",),
    servers=(("mcpServers",), ("tools",)),
    marks=keys("mcpAllowlist terminalAllowlist autoRun permissions hooks"),
    since="cursor.com/docs/agent/terminal, 2026-11: asks outside the allow lists",
    stance=read,
)
