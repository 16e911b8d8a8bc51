"""Commands that a client runs by itself when something happens, with the identity of the person who uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node

# Events at which a hook may refuse a tool call: Claude Code and Codex, Gemini CLI, Cursor, Copilot, Kiro.
_DECIDING = frozenset(
    {
        *("PreToolUse", "PermissionRequest", "BeforeTool", "preToolUse"),
        *("beforeShellExecution", "beforeMCPExecution", "beforeReadFile"),
    }
)
_EVENTS = _DECIDING | frozenset(
    {
        *("PostToolUse", "UserPromptSubmit", "Notification", "Stop", "SubagentStop", "PreCompact", "SessionStart"),
        *("SessionEnd", "SubagentStart", "PostToolUseFailure", "Setup"),
        *("AfterTool", "BeforeAgent", "AfterAgent", "BeforeModel", "AfterModel", "BeforeToolSelection"),
        *("afterFileEdit", "stop", "beforeSubmitPrompt", "afterShellExecution", "afterMCPExecution"),
        *("sessionStart", "sessionEnd", "userPromptSubmitted", "postToolUse", "errorOccurred"),
        *("agentSpawn", "userPromptSubmit", "afterAgentResponse"),
    }
)
_COMMANDS = ("command", "bash", "powershell")
_MOST = 200


@dataclass(frozen=True, slots=True)
class Hook:
    """A command and the event that runs it."""

    event: str
    command: str
    uri: str
    line: int

    @property
    def decides(self) -> bool:
        """Whether it may refuse a tool call."""
        return self.event in _DECIDING


def hooks_of(documents: Iterable[Document]) -> list[Hook]:
    """The hooks of all files, in order."""
    found: list[Hook] = []
    for document in documents:
        events = document.root.at("hooks")
        for event, node in events.map.items() if events else ():
            if event in _EVENTS:
                found += [Hook(event, c.text or "", document.path, c.line) for c in commands(node)]
    return found[:_MOST]


def names_events(root: Node) -> bool:
    """Whether a file that is nothing but hooks names events that a client knows."""
    events = root.at("hooks")
    return events is not None and not _EVENTS.isdisjoint(events.map)


def commands(event: Node) -> Iterator[Node]:
    """The commands below an event: beside a matcher, or in the list of it."""
    for item in event.list:
        inner = item.at("hooks")
        for hook in (item, *(inner.list if inner else ())):
            for key in _COMMANDS:
                if (command := hook.at(key)) and command.text:
                    yield command
