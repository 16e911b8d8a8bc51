"""Gemini CLI and Qwen Code, which grew from it.

Source: google-gemini/gemini-cli schemas/settings.schema.json, November 2026.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import all_keys
from nhiscan.collectors.repo._agents.client import Client, keys, origin_of
from nhiscan.collectors.repo._agents.hooks import hooks_of
from nhiscan.collectors.repo._agents.stance import Log, Stance, is_on, last, listed, refuses, rule, switch, wide
from nhiscan.plugin import Approval, Autonomy, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document

_LISTS = (
    (("tools", "allowed"), Approval.AUTO),
    (("allowedTools",), Approval.AUTO),
    (("permissions", "allow"), Approval.AUTO),
    (("tools", "exclude"), Approval.DENY),
    (("excludeTools",), Approval.DENY),
    (("permissions", "deny"), Approval.DENY),
    (("permissions", "ask"), Approval.ASK),
)
_MODES = {
    "default": Autonomy.INTERACTIVE,
    "plan": Autonomy.INTERACTIVE,
    "auto_edit": Autonomy.SUPERVISED,
    "auto-edit": Autonomy.SUPERVISED,
}


def read(documents: Sequence[Document]) -> Stance:
    """The stance of Gemini CLI: `yolo` is refused in a settings file, so there it says nothing."""
    rules = [r for d in documents for r in listed([d], _LISTS)]
    sandbox = switch(last(documents, "tools", "sandbox") or last(documents, "sandbox"))
    mode = last(documents, "general", "defaultApprovalMode") or last(documents, "tools", "approvalMode")
    hooks = hooks_of(documents)
    said = mode[0].text if mode else None
    shared = [d for d in documents if origin_of(d.path) is not Origin.USER]
    trusting = any(
        n.is_true("trust") for d in documents if origin_of(d.path) is Origin.PROJECT if (s := d.root.at("mcpServers"))
        for n in s.map.values()
    )  # fmt: skip
    decided = any(h.decides for h in hooks) or is_on(documents, "admin", "secureModeEnabled")
    found = Stance(
        sandbox=sandbox, logs=tuple(_logs(documents)), enforced=decided or refuses(rules),
        alters=True if trusting or hooks_of(shared) or wide(rules) else None, notes=_notes(said),
    )  # fmt: skip
    if mode is None or said not in _MODES:
        return replace(found, rules=tuple(rules))
    node, uri = mode
    if _MODES[said] is Autonomy.SUPERVISED:
        rules.append(rule("replace", Approval.AUTO, uri, node.line))
    return replace(
        found, approval=Approval.ASK, autonomy=_MODES[said], uri=uri, line=node.line, rules=tuple(rules)
    )  # fmt: skip


def _notes(said: str | None) -> dict[str, str]:
    if not said or said in _MODES:
        return {}
    return {"ignored" if said == "yolo" else "invalid": f"approvalMode={said}"}


def read_qwen(documents: Sequence[Document]) -> Stance:
    """The stance of Qwen Code, which takes `yolo` from a settings file."""
    found = read(documents)
    mode = last(documents, "tools", "approvalMode")
    if mode is None or mode[0].text != "yolo":
        return found
    node, uri = mode
    return replace(
        found, approval=Approval.AUTO, autonomy=Autonomy.UNATTENDED, bypass="tools.approvalMode=yolo", uri=uri,
        line=node.line, rules=(rule("*", Approval.AUTO, uri, node.line), *found.rules), notes={}, alters=True,
    )  # fmt: skip


def _logs(documents: Sequence[Document]) -> Iterator[Log]:
    found = last(documents, "telemetry", "enabled")
    if found and isinstance(found[0].value, bool):
        to = last(documents, "telemetry", "otlpEndpoint") or last(documents, "telemetry", "target")
        on = found[0].value is True
        yield Log("tool_calls", on, found[1], found[0].line, to[0].text if to and on else None)


_MARKS = keys(
    "tools general security mcp model coreTools excludeTools allowedTools context hooks ui telemetry permissions"
)
CLIENTS = (
    Client(
        slug="gemini-cli",
        files=("gemini-extension.json", ".gemini/settings.json"),
        extension=frozenset({"gemini-extension.json"}),
        user=("~/.gemini/extensions/*/gemini-extension.json", "~/.gemini/settings.json"),
        system=("{data}/gemini-cli/settings.json", "{data}/GeminiCli/settings.json"),
        marks=_MARKS,
        since="geminicli.com/docs/reference/configuration, 2026-11: default mode asks",
        stance=read,
        spots=all_keys,
    ),
    Client(
        slug="qwen-code",
        files=(".qwen/settings.json",),
        user=("~/.qwen/settings.json",),
        system=("{data}/qwen-code/settings.json",),
        marks=_MARKS | {"modelProviders"},
        since="qwenlm.github.io/qwen-code-docs, 2026-11: default mode asks",
        stance=read_qwen,
        spots=all_keys,
    ),
)
