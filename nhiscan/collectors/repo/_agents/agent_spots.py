"""What an agent itself holds: the environment of its shell, its hooks and permission patterns, its model's key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents import words
from nhiscan.collectors.repo._agents.judge import Found, Spot
from nhiscan.collectors.repo._agents.launch import shell_words
from nhiscan.collectors.repo._agents.spots import HEADER_KEYS, arg_spots, env_spots
from nhiscan.plugin import Form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._agents.nodes import Document, Node

_HELPERS = ("apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "otelHeadersHelper")
_BODY = re.compile(r"[^()]*\((.*)\)\s*", re.DOTALL)


def agent_spots(document: Document) -> Iterator[Spot | Found]:
    """The spots of one file outside its tool servers."""
    root = document.root
    yield from env_spots(root.at("env"))
    yield from env_spots(root.at("shell_environment_policy", "set"))
    for key in _HELPERS:
        if (node := root.at(key)) and node.text:
            yield Found("helper", key, node.line, Form.HELPER_COMMAND)
    for command in _hook_commands(root):
        yield from _in_place(arg_spots([(w, command.line) for w in shell_words(command.text or "")]), "hook")
    for key in ("allow", "ask", "deny"):
        patterns = root.at("permissions", key)
        for item in patterns.list if patterns else []:
            yield from _in_place(pattern_values(item.text or "", item.line), "permission")
    for _, provider in found.map.items() if (found := root.at("model_providers")) else ():
        yield from _model_provider(provider)


def pattern_values(pattern: str, line: int = 0) -> Iterator[Spot]:
    """The spots inside a permission pattern: people approve whole command lines, passwords included."""
    body = _BODY.fullmatch(pattern[:8_000])
    text = (body[1] if body else pattern).removesuffix(":*")
    for spot in arg_spots([(w, line) for w in shell_words(text)]):
        # A reference or a blank in a pattern is resolved by nobody.
        if isinstance(spot, Spot) and spot.value and "$" not in spot.value and "*" not in spot.value:
            yield spot


def _in_place(spots: Iterator[Spot | Found] | Iterator[Spot], place: str) -> Iterator[Spot]:
    for spot in spots:
        if isinstance(spot, Spot) and "$" not in spot.value:
            yield Spot(place, spot.name, spot.value, spot.line, spot.forced)


def _hook_commands(root: Node) -> Iterator[Node]:
    for event in found.map.values() if (found := root.at("hooks")) else ():
        for matcher in event.list:
            for hook in hooks.list if (hooks := matcher.at("hooks")) else []:
                if (command := hook.at("command")) and command.text:
                    yield command


def _model_provider(provider: Node) -> Iterator[Spot | Found]:
    if (node := provider.at("env_key")) and node.text:
        yield Found("env", node.text, node.line, Form.REFERENCE, reference=node.text)
    for key in HEADER_KEYS:
        for name, node in found.map.items() if (found := provider.at(key)) else ():
            if node.text is not None and words.names_credential(name):
                yield Spot("header", name, node.text, node.line)
    if (node := provider.at("experimental_bearer_token")) and node.text:
        yield Spot("key", "experimental_bearer_token", node.text, node.line)
