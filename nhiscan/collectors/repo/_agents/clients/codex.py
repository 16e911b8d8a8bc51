"""Codex: `.codex/config.toml`, read where the project is trusted, and agents.

Source: developers.openai.com/codex, November 2026.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.hooks import hooks_of
from nhiscan.collectors.repo._agents.stance import Log, Rule, Stance, last, rule
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document

_POLICIES = frozenset({"untrusted", "on-failure", "on-request", "never"})
_BOXES = frozenset({"read-only", "workspace-write", "danger-full-access"})


def read(documents: Sequence[Document]) -> Stance:
    """The stance of Codex.  Its sandbox holds for the shell alone: tool servers run outside of it."""
    policy, sandbox = last(documents, "approval_policy"), last(documents, "sandbox_mode")
    said = policy[0].text if policy else None
    box = sandbox[0].text if sandbox else None
    decided = any(h.decides for h in hooks_of(documents)) or any(
        d.root.at("approval_policy", "granular") for d in documents
    )
    notes = {}
    if box and box not in _BOXES:
        notes["invalid"] = f"sandbox_mode={box}"
    if said and said not in _POLICIES:
        notes["invalid"] = f"approval_policy={said}"
    found = Stance(
        sandbox=box,
        rules=tuple(_networked(documents)),
        logs=tuple(_logs(documents)),
        notes=notes,
        enforced=decided or None,
    )
    if policy is None or said not in _POLICIES:
        return found
    node, uri = policy
    if said != "never":
        autonomy = Autonomy.SUPERVISED if said == "on-failure" else Autonomy.INTERACTIVE
        return replace(found, approval=Approval.ASK, autonomy=autonomy, uri=uri, line=node.line)
    free = rule("shell", Approval.AUTO, uri, node.line, bounded=box != "danger-full-access")
    return replace(
        found, approval=Approval.AUTO, autonomy=Autonomy.UNATTENDED, bypass="approval_policy=never", uri=uri,
        line=node.line, rules=(free, *found.rules), alters=True if free.unrestricted else None,
    )  # fmt: skip


def _networked(documents: Sequence[Document]) -> Iterator[Rule]:
    """A web search that is switched on runs unasked."""
    for path in (("tools", "web_search"), ("features", "web_search_request"), ("web_search",)):
        found = last(documents, *path)
        if found and (found[0].value is True or found[0].text == "live"):
            yield rule("web_search", Approval.AUTO, found[1], found[0].line)


def _logs(documents: Sequence[Document]) -> Iterator[Log]:
    found = last(documents, "otel", "exporter")
    if found:
        node, uri = found
        where = next((n for n in node.map.values() if n.map), None)
        off = node.text == "none"
        yield Log("tool_calls", not off, uri, node.line, where.text_at("endpoint") if where else None)


CLIENTS = (
    Client(
        slug="codex",
        files=(".codex/config.toml", ".codex/hooks.json"),
        # The machine's defaults stand below the person's settings, what it demands above them.
        user=("/etc/codex/config.toml", "~/.codex/config.toml", "~/.codex/hooks.json"),
        system=("/etc/codex/managed_config.toml",),
        servers=(("mcp_servers",),),
        marks=keys(
            "approval_policy sandbox_mode sandbox_workspace_write model model_provider model_providers profiles "
            "features agents projects shell_environment_policy default_permissions otel hooks"
        ),
        since="developers.openai.com/codex/config-reference, 2026-11: on-request in a trusted project",
        stance=read,
    ),
    Client(
        slug="codex-agent",
        started_by="codex",
        agents=(".codex/agents/*.toml",),
        user=("~/.codex/agents/*.toml",),
        servers=(("mcp_servers",),),
        marks=keys("developer_instructions sandbox_mode approval_policy"),
        since="developers.openai.com/codex/subagents, 2026-11: inherits the policy of its session",
        stance=read,
    ),
)
