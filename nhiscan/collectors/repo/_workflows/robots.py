"""Agents that a pipeline starts: which one, who may set it to work, what it may do, and what lifts the bounds.

Sources (read 2026-11): the action.yml and docs of anthropics/claude-code-action (docs/security.md: only people with
write access set it off unless `allowed_non_write_users`), openai/codex-action (`allow-users`, `safety-strategy`),
google-github-actions/run-gemini-cli (checks nobody, runs with `--yolo`), and each command line's own `--help`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.launch import shell_words
from nhiscan.plugin import Approval, Basis

if TYPE_CHECKING:
    from nhiscan.collectors.repo._workflows.shape import Step

_ACTIONS = (
    ("claude-code", re.compile(r"anthropics/claude-code(?:-base)?-action(?:/.*)?", re.IGNORECASE)),
    ("gemini-cli", re.compile(r"google-github-actions/run-gemini-cli|google-gemini/gemini-cli-action", re.IGNORECASE)),
    ("codex", re.compile(r"openai/codex-action", re.IGNORECASE)),
    ("opencode", re.compile(r"(?:sst|anomalyco)/opencode/github", re.IGNORECASE)),
    ("openhands", re.compile(r"(?:all-hands-ai|openhands)/[\w.-]*(?:resolver|action)[\w/.-]*", re.IGNORECASE)),
    ("warp", re.compile(r"warpdotdev/(?:warp|oz)-agent-action", re.IGNORECASE)),
)
_COMMANDS = re.compile(
    r"(?:^|[;&|(]|\bthen\b|\bdo\b|\bsudo\b|\bexec\b|\btimeout \S+|\bnpx(?: -y| --yes)*|\bbunx|\buvx|\$\()[ \t]*"
    r"(?:\w+=\S*[ \t]+)*"
    r"(?P<command>"
    r"(?:@anthropic-ai/)?claude(?:-code)?(?:@\S+)?(?=[ \t][^\n]*(?:-p\b|--print\b|--dangerously|--allowed))"
    r"|(?:@google/)?gemini(?:-cli)?(?:@\S+)?(?=[ \t][^\n]*(?:-p\b|--prompt|--yolo|-y\b|--approval-mode))"
    r"|(?:@openai/)?codex(?:@\S+)?(?=[ \t]+(?:exec|e)\b|[ \t][^\n]*--full-auto)"
    r"|aider(?=[ \t][^\n]*--(?:message|yes|msg))|cursor-agent(?=[ \t])|(?:opencode|goose)(?=[ \t]+run\b)"
    r"|(?:@github/)?copilot(?=[ \t][^\n]*(?:-p\b|--prompt|--allow-all))|q(?=[ \t]+chat\b)"
    r"|amp(?=[ \t]+(?:-x|--execute)\b)|qwen(?=[ \t][^\n]*(?:-p\b|--prompt|--yolo|-y\b)))"
    r"(?P<rest>[^\n]*)",
    re.MULTILINE,
)
_NAMED = re.compile(r"claude|gemini|codex|aider|cursor-agent|opencode|goose|copilot|\bq[ \t]+chat|\bamp\b|qwen")
_FRAMEWORKS = {
    "claude": "claude-code", "gemini": "gemini-cli", "codex": "codex", "aider": "aider", "cursor-agent": "cursor",
    "opencode": "opencode", "goose": "goose", "copilot": "copilot-cli", "q": "amazon-q", "amp": "amp",
    "qwen": "qwen-code",
}  # fmt: skip
_LIFTED = re.compile(
    r"--dangerously-skip-permissions|--permission-mode[= ]bypassPermissions|--yolo|--approval-mode[= ]yolo"
    r"|--dangerously-bypass-approvals-and-sandbox|--dangerously-allow-all|--allow-all-tools|--allow-all\b|--trust-all-tools"
    r"|--yes-always|--full-auto|--sandbox[= ]danger-full-access"
)
_SHORT = {"gemini-cli": re.compile(r"(?:^| )-y\b"), "qwen-code": re.compile(r"(?:^| )-y\b"),
          "cursor": re.compile(r"(?:^| )(?:-f\b|--force\b)"), "aider": re.compile(r"(?:^| )--yes\b")}  # fmt: skip
_ALLOWED = ("--allowedTools", "--allowed-tools", "--allow-tool")
_DENIED = ("--disallowedTools", "--disallowed-tools", "--deny-tool")
_LONGEST = 50_000
_MOST_TOOLS = 200


@dataclass(frozen=True, slots=True)
class Robot:
    """An agent and its bounds; `open_to` is the setting that lets people without write access set it off.

    `checks`: it refuses people without write access by itself (None where it leaves that to the workflow).
    """

    framework: str
    bypass: str | None = None
    approval: Approval | None = None
    basis: Basis | None = None
    open_to: str | None = None
    checks: bool | None = None
    sandbox: str | None = None
    allowed: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)


def robot(step: Step, action: str) -> Robot | None:
    """The agent that a step starts, or None."""
    if action:
        framework = next((name for name, pattern in _ACTIONS if pattern.fullmatch(action)), None)
        return _by_action(step, framework) if framework else None
    if not _NAMED.search(step.run):
        return None
    found = _COMMANDS.search(step.run[:_LONGEST].replace("\\\n", "  "))
    return _by_command(found["command"], found["rest"]) if found else None


def _by_action(step: Step, framework: str) -> Robot:
    match framework:
        case "claude-code":
            return _claude(step)
        case "codex":
            return _codex(step)
        case "gemini-cli":
            return Robot(framework, "--yolo", Approval.AUTO, Basis.DEFAULT, checks=False)
    return Robot(framework)


def _claude(step: Step) -> Robot:
    line = step.text("claude_args")[:_LONGEST]
    allowed, denied = _options(line, _ALLOWED), _options(line, _DENIED)
    allowed += _split(step.text("allowed_tools"))
    denied += _split(step.text("disallowed_tools"))
    lifted = _LIFTED.search(line)
    bypass = (
        lifted[0]
        if lifted
        else "defaultMode: bypassPermissions"
        if "bypassPermissions" in step.text("settings")
        else None
    )
    anyone = step.text("allowed_non_write_users").strip()
    bots = step.text("allowed_bots").strip()
    opened = f"allowed_non_write_users: {anyone[:60]}" if anyone else "allowed_bots: *" if bots == "*" else None
    tags = {"show_full_output": "true"} if step.text("show_full_output") == "true" else {}
    # Nobody is there to ask, so what is not listed is refused.
    approval = Approval.AUTO if bypass else Approval.DENY
    basis = Basis.EXPLICIT if bypass else Basis.DEFAULT
    return Robot(
        "claude-code", bypass, approval, basis, opened, "base-action" not in step.uses,
        allowed=allowed[:_MOST_TOOLS], denied=denied[:_MOST_TOOLS], tags=tags,
    )  # fmt: skip


def _codex(step: Step) -> Robot:
    strategy, sandbox = step.text("safety-strategy"), step.text("sandbox") or None
    lifted = _LIFTED.search(step.text("codex-args"))
    bypass = lifted[0] if lifted else None
    if bypass is None and sandbox == "danger-full-access":
        bypass = "sandbox: danger-full-access"
    if bypass is None and strategy == "unsafe":
        bypass = "safety-strategy: unsafe"
    users, bots = step.text("allow-users").strip(), step.text("allow-bots").strip()
    opened = "allow-users: *" if users == "*" else "allow-bots: true" if bots == "true" else None
    basis = Basis.EXPLICIT if bypass else Basis.DEFAULT
    return Robot("codex", bypass, Approval.AUTO, basis, opened, checks=True, sandbox=sandbox)


def _by_command(command: str, rest: str) -> Robot:
    name = re.sub(r"^@[\w-]+/", "", command).partition("@")[0]
    framework = _FRAMEWORKS[next(k for k in _FRAMEWORKS if name == k or name.startswith(f"{k}-"))]
    lifted = _LIFTED.search(rest) or (_SHORT[framework].search(rest) if framework in _SHORT else None)
    bypass = lifted[0].strip() if lifted else None
    allowed, denied = _options(rest, _ALLOWED), _options(rest, _DENIED)
    return Robot(
        framework, bypass, Approval.AUTO if bypass else None, Basis.EXPLICIT if bypass else None, None, None,
        allowed=allowed[:_MOST_TOOLS], denied=denied[:_MOST_TOOLS],
    )  # fmt: skip


def _options(line: str, names: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    words = shell_words(line)
    for i, word in enumerate(words):
        flag, assigned, value = word.partition("=")
        if flag not in names:
            continue
        if assigned:
            found += _split(value)
            continue
        for following in words[i + 1 :]:
            if following.startswith("--"):
                break
            found += _split(following)
    return tuple(dict.fromkeys(found))


def _split(text: str) -> tuple[str, ...]:
    """Tool patterns separated by commas or line ends outside brackets: `Bash(gh pr view:*),Edit`."""
    parts, depth, current = [], 0, ""
    for c in text[:_LONGEST]:
        depth += (c == "(") - (c == ")")
        if c in ",\n" and depth <= 0:
            parts.append(current)
            current, depth = "", 0
        else:
            current += c
    return tuple(t for p in [*parts, current] if (t := p.strip()))
