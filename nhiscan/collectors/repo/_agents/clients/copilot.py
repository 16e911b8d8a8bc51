"""Copilot CLI, and custom agents of the Copilot coding agent (docs.github.com/copilot, November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.hooks import hooks_of
from nhiscan.collectors.repo._agents.stance import Stance, rule
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collectors.repo._config.nodes import Document


def read(documents: Sequence[Document]) -> Stance:
    """Hooks that may refuse a call are all that a file says."""
    return Stance(enforced=True if any(h.decides for h in hooks_of(documents)) else None)


def read_agent(documents: Sequence[Document]) -> Stance:
    """The tools of a custom agent; without a list it has all of them (custom-agents-configuration)."""
    (document,) = documents
    node = document.root.at("tools")
    names = [n for n in node.text.split(",") if n.strip()] if node and node.text else []
    names += [n.text for n in node.list if n.text] if node else []
    line = node.line if node else 1
    rules = [rule(_name(n.strip()), None, document.path, line) for n in names]
    return Stance(rules=tuple(rules))


def _name(text: str) -> str:
    server, slash, tool = text.partition("/")
    return f"mcp__{server}__{tool}" if slash else text


CLIENTS = (
    Client(
        slug="copilot-cli",
        files=(".copilot/mcp-config.json", ".github/mcp.json", ".github/hooks/hooks.json"),
        user=("~/.copilot/mcp-config.json",),
        marks=keys("hooks"),
        since="docs.github.com/copilot/concepts/agents/about-copilot-cli, 2026-11: asks before each tool",
        stance=read,
    ),
    Client(
        slug="copilot-coding-agent",
        agents=(".github/agents/*.md",),
        user=("~/.copilot/agents/*.md",),
        servers=(("mcp-servers",),),
        marks=keys("tools"),
        default=Approval.AUTO,
        autonomy=Autonomy.UNATTENDED,
        since="docs.github.com/copilot/how-tos/agents/coding-agent/extend-coding-agent-with-mcp, 2026-11: uses tools "
        "autonomously and does not ask",
        stance=read_agent,
    ),
)
