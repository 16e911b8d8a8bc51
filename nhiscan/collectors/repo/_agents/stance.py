"""How far an agent goes without a person: approval mode, bypass, sandbox, and the tools it may or may not call."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.tools import classify, is_unrestricted
from nhiscan.plugin import Approval, Autonomy, Basis, ToolClass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._agents.nodes import Document, Node


@dataclass(frozen=True, slots=True)
class Rule:
    """One tool or pattern and what happens before it runs."""

    name: str
    approval: Approval
    uri: str
    line: int
    class_: ToolClass | None
    unrestricted: bool
    basis: Basis = Basis.EXPLICIT


@dataclass(frozen=True, slots=True)
class Stance:
    """What the files of one agent say; None where they say nothing and the client's default holds."""

    approval: Approval | None = None
    autonomy: Autonomy | None = None
    bypass: str | None = None
    sandbox: str | None = None
    uri: str | None = None
    line: int | None = None
    rules: tuple[Rule, ...] = ()


def read_stance(client: str, documents: Sequence[Document]) -> Stance:
    """The stance of an agent from its files in rising precedence."""
    reader = _READERS.get(client)
    return reader(documents) if reader else Stance()


def rule(name: str, approval: Approval, uri: str, line: int, *, bounded: bool = False) -> Rule:
    """A rule with its class; only what runs without asking can be unrestricted, and a sandbox bounds it."""
    free = approval is Approval.AUTO and not bounded and is_unrestricted(name)
    return Rule(name, approval, uri, line, classify(name), free)


def _last(documents: Sequence[Document], *path: str) -> tuple[Node, str] | None:
    found = [(node, d.path) for d in documents if (node := d.root.at(*path)) is not None]
    return found[-1] if found else None


# `auto` has no effect in a project's files.  `bypassPermissions` had until version 2.1.257 (September 2026); which
# version runs is not written in a checkout, so it counts.
_CLAUDE_MODES: Mapping[str, tuple[Approval, Autonomy]] = {
    "default": (Approval.ASK, Autonomy.INTERACTIVE),
    "plan": (Approval.ASK, Autonomy.INTERACTIVE),
    "acceptEdits": (Approval.ASK, Autonomy.SUPERVISED),
    "dontAsk": (Approval.DENY, Autonomy.SUPERVISED),
    "bypassPermissions": (Approval.AUTO, Autonomy.UNATTENDED),
}


def _claude(documents: Sequence[Document]) -> Stance:
    rules = _overruled([r for d in documents for r in _claude_rules(d)])
    sandbox = _switch(_last(documents, "sandbox", "enabled"))
    if sandbox == "enabled":
        rules += _sandboxed_shell(documents, rules)
    mode = _last(documents, "permissions", "defaultMode")
    if mode is None or mode[0].text not in _CLAUDE_MODES:
        return Stance(sandbox=sandbox, rules=tuple(rules))
    node, uri = mode
    approval, autonomy = _CLAUDE_MODES[node.text or ""]
    bypass: str | None = None
    if approval is Approval.AUTO:
        bypass = f"permissions.defaultMode={node.text}"
        rules.insert(0, rule("*", Approval.AUTO, uri, node.line))
    elif node.text == "acceptEdits":
        rules.append(rule("Edit", Approval.AUTO, uri, node.line))
    return Stance(approval, autonomy, bypass, sandbox, uri, node.line, tuple(rules))


def _sandboxed_shell(documents: Sequence[Document], rules: Sequence[Rule]) -> Iterator[Rule]:
    """Inside its sandbox the shell runs unasked unless a setting or a rule for the whole shell says otherwise."""
    setting = _last(documents, "sandbox", "autoAllowBashIfSandboxed")
    barred = any(r.name in {"Bash", "Bash(*)"} and r.approval is not Approval.AUTO for r in rules)
    place = setting or _last(documents, "sandbox", "enabled")
    if place and not barred and (setting is None or setting[0].value is True):
        basis = Basis.EXPLICIT if setting else Basis.DEFAULT
        yield replace(rule("Bash", Approval.AUTO, place[1], place[0].line, bounded=True), basis=basis)


def _switch(place: tuple[Node, str] | None) -> str | None:
    """A setting that is a name or a switch, in one word; None when it is neither."""
    if place is None:
        return None
    value = place[0].value
    return value if isinstance(value, str) else "enabled" if value is True else "disabled" if value is False else None


def _claude_rules(document: Document) -> Iterator[Rule]:
    for key, approval in (("deny", Approval.DENY), ("ask", Approval.ASK), ("allow", Approval.AUTO)):
        node = document.root.at("permissions", key)
        for item in node.list if node else []:
            if item.text:
                yield rule(item.text, approval, document.path, item.line)


def _overruled(rules: list[Rule]) -> list[Rule]:
    """The rules that bind: deny before ask before allow, for the same pattern or for the whole tool."""
    strength = {Approval.DENY: 0, Approval.ASK: 1, Approval.AUTO: 2}
    bars: dict[str, int] = {}
    for r in rules:
        key = r.name.removesuffix("(*)").removesuffix("(:*)")
        bars[key] = min(strength[r.approval], bars.get(key, 9))
    return [
        r for r in rules if strength[r.approval] <= min(bars.get(k, 9) for k in (r.name, r.name.partition("(")[0], "*"))
    ]


def _codex(documents: Sequence[Document]) -> Stance:
    policy, sandbox = _last(documents, "approval_policy"), _last(documents, "sandbox_mode")
    said = policy[0].text if policy else None
    box = sandbox[0].text if sandbox else None
    if policy is None or said not in {"untrusted", "on-failure", "on-request", "never"}:
        return Stance(sandbox=box)
    node, uri = policy
    if said != "never":
        autonomy = Autonomy.SUPERVISED if said == "on-failure" else Autonomy.INTERACTIVE
        return Stance(Approval.ASK, autonomy, None, box, uri, node.line)
    free = rule("shell", Approval.AUTO, uri, node.line, bounded=box != "danger-full-access")
    return Stance(Approval.AUTO, Autonomy.UNATTENDED, "approval_policy=never", box, uri, node.line, (free,))


def _gemini(documents: Sequence[Document]) -> Stance:
    rules = [rule(i.text, a, d.path, i.line) for d in documents for a, i in _gemini_lists(d) if i.text]
    mode, sandbox = _last(documents, "general", "defaultApprovalMode"), _switch(_last(documents, "tools", "sandbox"))
    said = mode[0].text if mode else None
    # `yolo` is refused in a settings file, so it says nothing.
    modes = {"default": Autonomy.INTERACTIVE, "plan": Autonomy.INTERACTIVE, "auto_edit": Autonomy.SUPERVISED}
    if mode is None or said not in modes:
        return Stance(sandbox=sandbox, rules=tuple(rules))
    node, uri = mode
    if said == "auto_edit":
        rules.append(rule("replace", Approval.AUTO, uri, node.line))
    return Stance(Approval.ASK, modes[said], None, sandbox, uri, node.line, tuple(rules))


def _gemini_lists(document: Document) -> Iterator[tuple[Approval, Node]]:
    for keys, approval in _GEMINI_LISTS:
        node = document.root.at(*keys)
        for item in node.list if node else []:
            yield approval, item


_GEMINI_LISTS = (
    (("tools", "allowed"), Approval.AUTO),
    (("allowedTools",), Approval.AUTO),
    (("tools", "exclude"), Approval.DENY),
    (("excludeTools",), Approval.DENY),
)


def _vscode(documents: Sequence[Document]) -> Stance:
    rules: list[Rule] = []
    for document in documents:
        terminal = document.root.at("chat.tools.terminal.autoApprove")
        for command, node in (terminal.map if terminal else {}).items():
            if node.value in (True, False):
                approval = Approval.AUTO if node.value else Approval.ASK
                rules.append(rule(f"Bash({command}*)", approval, document.path, node.key_line))
    for key in ("chat.tools.global.autoApprove", "chat.tools.autoApprove"):
        every = _last(documents, key)
        if every and every[0].value is True:
            node, uri = every
            rules.insert(0, rule("*", Approval.AUTO, uri, node.line))
            return Stance(Approval.AUTO, Autonomy.UNATTENDED, key, None, uri, node.line, tuple(rules))
    return Stance(rules=tuple(rules))


def server_rules(server: str, entry: Node, uri: str) -> Iterator[Rule]:
    """The tools of one server that its own entry approves or refuses, named as an agent calls them."""
    if (trust := entry.at("trust")) and entry.is_true("trust"):
        yield rule(f"mcp__{server}__*", Approval.AUTO, uri, trust.line)
    for key, approval in _SERVER_LISTS:
        node = entry.at(key)
        for item in node.list if node else []:
            if item.text:
                yield rule(f"mcp__{server}__{item.text}", approval, uri, item.line)


_SERVER_LISTS = (
    ("alwaysAllow", Approval.AUTO),
    ("autoApprove", Approval.AUTO),
    ("excludeTools", Approval.DENY),
    ("disabledTools", Approval.DENY),
    ("disabled_tools", Approval.DENY),
)
_READERS: Mapping[str, Callable[[Sequence[Document]], Stance]] = {
    "claude-code": _claude,
    "codex": _codex,
    "gemini-cli": _gemini,
    "vscode-copilot": _vscode,
}
