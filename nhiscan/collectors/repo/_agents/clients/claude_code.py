"""Claude Code: `.mcp.json`, settings of five levels, sub-agents and plugins (code.claude.com/docs, November 2026)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.client import Client, keys, origin_of
from nhiscan.collectors.repo._agents.hooks import hooks_of
from nhiscan.collectors.repo._agents.stance import (
    Log,
    Rule,
    Stance,
    last,
    listed,
    overruled,
    refuses,
    rule,
    switch,
    wide,
)
from nhiscan.plugin import Approval, Autonomy, Basis, Origin

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._config.nodes import Document, Node

# `bypassPermissions` in a project's file had effect until version 2.1.257 (September 2026); which version runs is not
# written in a checkout, so it counts.
_MODES: Mapping[str, tuple[Approval, Autonomy]] = {
    "default": (Approval.ASK, Autonomy.INTERACTIVE),
    "plan": (Approval.ASK, Autonomy.INTERACTIVE),
    "acceptEdits": (Approval.ASK, Autonomy.SUPERVISED),
    "dontAsk": (Approval.DENY, Autonomy.SUPERVISED),
    "auto": (Approval.AUTO, Autonomy.SUPERVISED),
    "bypassPermissions": (Approval.AUTO, Autonomy.UNATTENDED),
}
# These have no effect in the files of a project: only the person or the machine may set them.
_NOT_FROM_PROJECTS = frozenset({"auto"})
_PERSONAL = ("skipDangerousModePermissionPrompt", "autoMode")
_LISTS = (
    (("permissions", "deny"), Approval.DENY),
    (("permissions", "ask"), Approval.ASK),
    (("permissions", "allow"), Approval.AUTO),
)
_ENABLING = ("enableAllProjectMcpServers", "enabledMcpjsonServers")


def read(documents: Sequence[Document]) -> Stance:
    """The stance of Claude Code from its files in rising precedence."""
    rules = overruled([r for d in documents for r in listed([d], _LISTS)])
    sandbox = switch(last(documents, "sandbox", "enabled"))
    if sandbox == "enabled":
        rules += _sandboxed_shell(documents, rules)
    hooks = hooks_of(documents)
    notes = _notes(documents)
    mode = _mode(documents)
    found = Stance(sandbox=sandbox, logs=tuple(_logs(documents)), notes=notes)
    if mode is not None:
        node, uri = mode
        approval, autonomy = _MODES[node.text or ""]
        bypass = f"permissions.defaultMode={node.text}" if node.text == "bypassPermissions" else None
        if approval is Approval.AUTO:
            rules.insert(0, rule("*", Approval.AUTO, uri, node.line, bounded=bypass is None))
        elif node.text == "acceptEdits":
            rules.append(rule("Edit", Approval.AUTO, uri, node.line))
        found = replace(found, approval=approval, autonomy=autonomy, bypass=bypass, uri=uri, line=node.line)
    enforced = True if any(h.decides for h in hooks) else refuses(rules)
    return replace(found, rules=tuple(rules), enforced=enforced, alters=_alters(documents, found, rules))


def _mode(documents: Sequence[Document]) -> tuple[Node, str] | None:
    """The mode that binds: one that exists, that the file may set, and that nobody has switched off."""
    off = (found := last(documents, "permissions", "disableBypassPermissionsMode")) and found[0].text == "disable"
    able = [
        (n, d.path)
        for d in documents
        if (n := d.root.at("permissions", "defaultMode")) and n.text in _MODES
        if not (n.text in _NOT_FROM_PROJECTS and origin_of(d.path) is Origin.PROJECT)
        if not (off and n.text == "bypassPermissions")
    ]
    return able[-1] if able else None


def _notes(documents: Sequence[Document]) -> dict[str, str]:
    notes: dict[str, str] = {}
    for document in documents:
        project = origin_of(document.path) is Origin.PROJECT
        said = document.root.text_at("permissions", "defaultMode")
        if said and said not in _MODES:
            notes["invalid"] = f"permissions.defaultMode={said}"
        elif said in _NOT_FROM_PROJECTS and project:
            notes["ignored"] = f"permissions.defaultMode={said}"
        for key in _PERSONAL:
            if project and document.root.at(key) and not document.path.endswith(".local.json"):
                notes["ignored"] = key
    return notes


def _alters(documents: Sequence[Document], found: Stance, rules: Sequence[Rule]) -> bool | None:
    """A project's own file opens servers or runs hooks for whoever opens it, or a free shell may rewrite them all."""
    shared = [d for d in documents if origin_of(d.path) in {Origin.PROJECT, Origin.EXTENSION}]
    opened = any(d.root.is_true(_ENABLING[0]) or ((n := d.root.at(_ENABLING[1])) and n.list) for d in shared)
    return True if opened or hooks_of(shared) or found.bypass or wide(rules) else None


def _sandboxed_shell(documents: Sequence[Document], rules: Sequence[Rule]) -> Iterator[Rule]:
    """Inside its sandbox the shell runs unasked unless a setting or a rule for the whole shell says otherwise."""
    setting = last(documents, "sandbox", "autoAllowBashIfSandboxed")
    barred = any(r.name in {"Bash", "Bash(*)"} and r.approval is not Approval.AUTO for r in rules)
    place = setting or last(documents, "sandbox", "enabled")
    if place and not barred and (setting is None or setting[0].value is True):
        basis = Basis.EXPLICIT if setting else Basis.DEFAULT
        yield replace(rule("Bash", Approval.AUTO, place[1], place[0].line, bounded=True), basis=basis)


def _logs(documents: Sequence[Document]) -> Iterator[Log]:
    """Events of OpenTelemetry name every tool call; they are off unless the variable is set."""
    found = last(documents, "env", "CLAUDE_CODE_ENABLE_TELEMETRY")
    if found:
        node, uri = found
        on = node.text in {"1", "true"} or node.value in (1, True)
        to = last(documents, "env", "OTEL_EXPORTER_OTLP_ENDPOINT")
        yield Log("tool_calls", on, uri, node.line, to[0].text if to and on else None)


def read_agent(documents: Sequence[Document]) -> Stance:
    """The stance of one sub-agent, from the head of its file: its tools, and a mode of its own."""
    (document,) = documents
    root = document.root
    rules = [
        rule(name.strip(), approval, document.path, node.line)
        for key, approval in (("disallowedTools", Approval.DENY), ("tools", None))
        if (node := root.at(key))
        for name in (node.text.split(",") if node.text else [n.text or "" for n in node.list])
        if name.strip()
    ]
    mode = root.at("permissionMode")
    if mode is None or (said := mode.text or "") not in _MODES:
        return Stance(rules=tuple(rules))
    approval, autonomy = _MODES[said]
    free = approval is Approval.AUTO
    if free:
        rules.insert(0, rule("*", Approval.AUTO, document.path, mode.line, bounded=mode.text == "auto"))
    bypass = f"permissionMode={mode.text}" if mode.text == "bypassPermissions" else None
    return Stance(approval, autonomy, bypass, None, document.path, mode.line, tuple(rules), alters=bool(bypass) or None)


_HELD = keys(
    "permissions env hooks sandbox model apiKeyHelper awsAuthRefresh awsCredentialExport gcpAuthRefresh "
    "otelHeadersHelper enableAllProjectMcpServers enabledMcpjsonServers disabledMcpjsonServers enabledPlugins "
    "statusLine allowManagedPermissionRulesOnly allowManagedHooksOnly strictKnownMarketplaces"
)
_SYSTEM = tuple(
    f"{{data}}/{folder}/{file}"
    for folder in ("claude-code", "ClaudeCode")
    for file in ("managed-mcp.json", "managed-settings.json")
)
CLIENTS = (
    Client(
        slug="claude-code",
        files=(
            *(".claude-plugin/plugin.json", "hooks/hooks.json", ".mcp.json", "managed-mcp.json"),
            *(".claude/settings.json", ".claude/settings.local.json", "managed-settings.json"),
        ),
        extension=frozenset({".claude-plugin/plugin.json", "hooks/hooks.json"}),
        user=("~/.claude.json", "~/.claude/plugins/cache/**/.mcp.json", "~/.claude/settings.json"),
        system=_SYSTEM,
        marks=_HELD,
        flat=frozenset({".mcp.json"}),
        project_consent=True,
        since="code.claude.com/docs/en/permission-modes, 2026-11: default mode asks",
        stance=read,
    ),
    Client(
        slug="claude-code-agent",
        started_by="claude-code",
        agents=(".claude/agents/*.md",),
        user=("~/.claude/agents/*.md",),
        marks=keys("tools disallowedTools permissionMode hooks"),
        since="code.claude.com/docs/en/sub-agents, 2026-11: inherits the mode of its session",
        stance=read_agent,
    ),
)
