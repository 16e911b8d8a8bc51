"""Amp: settings under `amp.` keys (ampcode.com/manual, November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import all_keys
from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.stance import Rule, Stance, is_on, last, refuses, rule, wide
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document

_SAID = {"allow": Approval.AUTO, "ask": Approval.ASK, "reject": Approval.DENY, "delegate": Approval.ASK}
_ALL = "amp.dangerouslyAllowAll"


def read(documents: Sequence[Document]) -> Stance:
    """The stance of Amp: a list of permissions, or everything at once."""
    rules = [r for d in documents for r in _rules(d)]
    every = last(documents, _ALL)
    if every and is_on(documents, _ALL):
        node, uri = every
        rules.insert(0, rule("*", Approval.AUTO, uri, node.line))
        return Stance(Approval.AUTO, Autonomy.UNATTENDED, _ALL, None, uri, node.line, tuple(rules), alters=True)
    return Stance(rules=tuple(rules), enforced=refuses(rules), alters=wide(rules) or None)


def _rules(document: Document) -> Iterator[Rule]:
    node = document.root.at("amp.permissions")
    for item in node.list if node else ():
        tool, said = item.text_at("tool"), _SAID.get(item.text_at("action") or "")
        command = item.text_at("matches", "cmd")
        if tool and said:
            yield rule(f"{tool}({command})" if command else tool, said, document.path, item.line)


CLIENT = Client(
    slug="amp",
    files=(".amp/settings.json", ".amp/settings.jsonc"),
    user=("~/.config/amp/settings.json", "~/.config/amp/settings.jsonc"),
    system=("{data}/ampcode/managed-settings.json",),
    servers=(("amp.mcpServers",),),
    marks=keys("amp.permissions amp.dangerouslyAllowAll amp.url amp.tools.disable"),
    since="ampcode.com/manual#permissions, 2026-11: asks before what its built-in list does not allow",
    stance=read,
    spots=all_keys,
)
