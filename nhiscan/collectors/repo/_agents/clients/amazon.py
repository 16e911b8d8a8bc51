"""Amazon Q Developer CLI and Kiro: tool servers and agent files whose `allowedTools` run unasked.

aws/amazon-q-developer-cli docs/agent-format.md and kiro.dev/docs/cli/custom-agents, November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.hooks import hooks_of
from nhiscan.collectors.repo._agents.stance import Rule, Stance, rule, wide
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document


def read_agent(documents: Sequence[Document]) -> Stance:
    """The stance of one agent: its tools, and which of them nobody is asked about (`*`: all)."""
    rules = [r for d in documents for r in _rules(d)]
    every = next((r for r in rules if r.name == "*" and r.approval is Approval.AUTO), None)
    hooks = hooks_of(documents)
    enforced = True if any(h.decides for h in hooks) else None
    alters = True if wide(rules) else None
    if every is None:
        return Stance(rules=tuple(rules), enforced=enforced, alters=alters)
    return Stance(
        Approval.AUTO, Autonomy.UNATTENDED, "allowedTools=*", None, every.uri, every.line, tuple(rules),
        enforced=enforced, alters=alters,
    )  # fmt: skip


def _rules(document: Document) -> Iterator[Rule]:
    for key, approval in (("allowedTools", Approval.AUTO), ("tools", None)):
        node = document.root.at(key)
        for item in node.list if node else ():
            if item.text:
                yield rule(_name(item.text), approval, document.path, item.line)


def _name(text: str) -> str:
    """`@server/tool` and `@server` as other clients name them."""
    if not text.startswith("@") or text == "@builtin":
        return text
    server, _, tool = text[1:].partition("/")
    return f"mcp__{server}__{tool or '*'}"


_MARKS = keys("allowedTools toolsSettings useLegacyMcpJson includeMcpJson")
_SINCE = "aws/amazon-q-developer-cli docs/built-in-tools.md, 2026-11: asks unless allowed; fs_read is allowed"
CLIENTS = (
    Client(slug="amazon-q", files=(".amazonq/mcp.json",), user=("~/.aws/amazonq/mcp.json",), since=_SINCE),
    Client(
        slug="amazon-q-agent",
        started_by="amazon-q",
        agents=(".amazonq/cli-agents/*.json", ".amazonq/agents/*.json"),
        user=("~/.aws/amazonq/cli-agents/*.json", "~/.aws/amazonq/agents/*.json"),
        marks=_MARKS,
        since=_SINCE,
        stance=read_agent,
    ),
    Client(slug="kiro", files=(".kiro/settings/mcp.json",), user=("~/.kiro/settings/mcp.json",), since=_SINCE),
    Client(
        slug="kiro-agent",
        started_by="kiro",
        agents=(".kiro/agents/*.json",),
        user=("~/.kiro/agents/*.json",),
        marks=_MARKS,
        since=_SINCE,
        stance=read_agent,
    ),
)
