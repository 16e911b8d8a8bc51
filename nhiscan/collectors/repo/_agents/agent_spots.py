"""What an agent itself holds: the environment of its shell, its hooks and permission patterns, its model's key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.hooks import commands
from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.launch import shell_words
from nhiscan.collectors.repo._config.spots import HEADER_KEYS, arg_spots, env_spots
from nhiscan.plugin import Form

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node

_HELPERS = ("apiKeyHelper", "awsAuthRefresh", "awsCredentialExport", "gcpAuthRefresh", "otelHeadersHelper")
_BODY = re.compile(r"[^()]*\((.*)\)\s*", re.DOTALL)
_DEEPEST = 12
_RULES = frozenset({"permission", "permissions", "tools"})
_MOST = 2_000
# Walked with more knowledge elsewhere.
_ELSEWHERE = frozenset(
    [
        "mcpServers",
        "mcp",
        "mcp_servers",
        "servers",
        "context_servers",
        "extensions",
        "hooks",
        "permissions",
        "permission",
        "env",
        "shell_environment_policy",
        "model_providers",
        "otel",
        "telemetry",
        "inputs",
    ]
)


def agent_spots(document: Document) -> Iterator[Spot | Found]:
    """The spots of one file outside its tool servers."""
    root = document.root
    yield from env_spots(root.at("env"))
    yield from env_spots(root.at("shell_environment_policy", "set"))
    for key in _HELPERS:
        if (node := root.at(key)) and node.text:
            yield Found("helper", key, node.line, Form.HELPER_COMMAND)
    if (node := root.at("primaryApiKey")) and node.text:
        yield Spot("key", "primaryApiKey", node.text, node.line)
    for event in found.map.values() if (found := root.at("hooks")) else ():
        for command in commands(event):
            yield from _in_place(arg_spots([(w, command.line) for w in shell_words(command.text or "")]), "hook")
    for key in ("allow", "ask", "deny"):
        patterns = root.at("permissions", key)
        for item in patterns.list if patterns else []:
            yield from _in_place(pattern_values(item.text or "", item.line), "permission")
    for _, provider in found.map.items() if (found := root.at("model_providers")) else ():
        yield from _model_provider(provider)
    for path in (("otel",), ("telemetry",)):
        yield from keyed_spots(root.at(*path))


def all_keys(document: Document) -> Iterator[Spot | Found]:
    """Those, and every further key of the file that names a credential (`provider.x.options.apiKey`)."""
    yield from agent_spots(document)
    for name, node in document.root.map.items():
        if name not in _ELSEWHERE:
            yield from _keyed(name, node)


def keyed_spots(node: Node | None, skip: Iterable[str] = ()) -> Iterator[Spot]:
    """The keys below a node that name a credential and hold text; `skip` names members that are left out."""
    left = frozenset(skip)
    for name, member in (node.map if node else {}).items():
        if name not in left:
            yield from _keyed(name, member)


def _keyed(name: str, node: Node) -> Iterator[Spot]:
    """Whatever stands below under a credential's name, in order, within bounds."""
    waiting = [(name, node, 0)]
    seen = 0
    while waiting and seen < _MOST:
        key, here, depth = waiting.pop()
        seen += 1
        if here.text is not None and words.names_credential(key):
            header = key.lower() == "authorization"
            yield Spot("header" if header else "key", key, here.text, here.line)
        # Names of tools and commands there are no names of credentials (`pwd: allow`).
        if depth < _DEEPEST and key not in _RULES:
            waiting += [(k, n, depth + 1) for k, n in reversed(list(here.map.items()))]
            waiting += [(key, n, depth + 1) for n in reversed(here.list) if n.map]


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


def _model_provider(provider: Node) -> Iterator[Spot | Found]:
    if (node := provider.at("env_key")) and node.text:
        yield Found("env", node.text, node.line, Form.REFERENCE, reference=node.text)
    if (node := provider.at("auth", "command")) and node.text:
        yield Found("helper", "auth.command", node.line, Form.HELPER_COMMAND)
    for key in HEADER_KEYS:
        for name, node in found.map.items() if (found := provider.at(key)) else ():
            if node.text is not None and words.names_credential(name):
                yield Spot("header", name, node.text, node.line)
    for name, node in found.map.items() if (found := provider.at("env_http_headers")) else ():
        if node.text and (words.names_credential(name) or words.names_credential(node.text)):
            yield Found("header", name, node.line, Form.REFERENCE, reference=node.text)
    if (node := provider.at("experimental_bearer_token")) and node.text:
        yield Spot("key", "experimental_bearer_token", node.text, node.line)
