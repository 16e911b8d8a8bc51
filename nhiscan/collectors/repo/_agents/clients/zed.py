"""Zed: `context_servers` and tool permissions (zed.dev/docs/ai/tool-permissions, November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import agent_spots, keyed_spots
from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.stance import Rule, Stance, last, refuses, rule, wide
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.judge import Found, Spot
    from nhiscan.collectors.repo._config.nodes import Document

_SAID = {"allow": Approval.AUTO, "confirm": Approval.ASK, "deny": Approval.DENY}
_LISTS = {"always_allow": Approval.AUTO, "always_confirm": Approval.ASK, "always_deny": Approval.DENY}
_PERMISSIONS = ("agent", "tool_permissions")


def read(documents: Sequence[Document]) -> Stance:
    """The stance of Zed's agent: the default for every tool, and patterns of single ones."""
    rules = [r for d in documents for r in _rules(d)]
    every = last(documents, *_PERMISSIONS, "default")
    approval = _SAID.get(every[0].text or "") if every else None
    bypass = "agent.tool_permissions.default=allow" if approval is Approval.AUTO else None
    if approval is None and (every := last(documents, "agent", "always_allow_tool_actions")) and every[0].value is True:
        approval, bypass = Approval.AUTO, "agent.always_allow_tool_actions"
    if every and approval:
        node, uri = every
        autonomy = Autonomy.UNATTENDED if bypass else Autonomy.INTERACTIVE
        if bypass:
            rules.insert(0, rule("*", Approval.AUTO, uri, node.line))
        return Stance(
            approval, autonomy, bypass, None, uri, node.line, tuple(rules), enforced=refuses(rules),
            alters=bool(bypass) or None,
        )  # fmt: skip
    return Stance(rules=tuple(rules), enforced=refuses(rules), alters=wide(rules) or None)


def _rules(document: Document) -> Iterator[Rule]:
    tools = document.root.at(*_PERMISSIONS, "tools")
    for tool, node in (tools.map if tools else {}).items():
        if (said := node.at("default")) and said.text in _SAID:
            yield rule(tool, _SAID[said.text], document.path, said.line)
        for key, approval in _LISTS.items():
            for item in found.list if (found := node.at(key)) else ():
                pattern = item.text or item.text_at("pattern")
                if pattern:
                    yield rule(f"{tool}({pattern})", approval, document.path, item.line)


def spots(document: Document) -> Iterator[Spot | Found]:
    """The keys of models, beside what every agent has."""
    yield from agent_spots(document)
    for key in ("agent", "assistant", "language_models"):
        yield from keyed_spots(document.root.at(key))


CLIENT = Client(
    slug="zed",
    files=(".zed/settings.json",),
    user=("~/.config/zed/settings.json", "{config}/Zed/settings.json"),
    servers=(("context_servers",),),
    shape=frozenset({"command", "url", "settings"}),
    marks=keys("agent assistant"),
    since="zed.dev/docs/ai/tool-permissions, 2026-11: default confirm",
    stance=read,
    spots=spots,
)
