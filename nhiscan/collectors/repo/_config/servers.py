"""One tool server: how it is reached, how it proves itself, what starts it, whether it may start unasked."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.launch import Launch, read_launch, split_command
from nhiscan.collectors.repo._config.spots import HEADER_KEYS, LONGEST_URL, URL_KEYS
from nhiscan.plugin import Approval, Auth, Basis, Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collectors.repo._config.judge import Found
    from nhiscan.collectors.repo._config.nodes import Node

_TRANSPORTS = {
    "stdio": Transport.STDIO, "local": Transport.STDIO, "sse": Transport.SSE, "http": Transport.HTTP,
    "remote": Transport.HTTP, "streamable-http": Transport.HTTP, "streamablehttp": Transport.HTTP,
    "streamable_http": Transport.HTTP, "websocket": Transport.WEBSOCKET, "ws": Transport.WEBSOCKET,
}  # fmt: skip
_LOCAL_HOSTS = frozenset({"localhost", "host.docker.internal", "0.0.0.0"})  # noqa: S104 - a name to recognise, nothing is bound
_BASIC = re.compile(r"basic\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a server is and how it is spoken to; `tls` and `loopback` are None where the URL is a reference."""

    transport: Transport | None = None
    url: str | None = None
    tls: bool | None = None
    loopback: bool | None = None


def command_line(entry: Node) -> list[tuple[str, int]]:
    """The words of a server's command and arguments, each with its line; nested command objects are opened."""
    command = entry.at("command") or entry.at("cmd")
    if command is None:
        image = entry.at("image")
        return [("docker", image.line), ("run", image.line), (image.text, image.line)] if image and image.text else []
    inner = command.at("path")
    head = inner or command
    argv = [(w, head.line) for w in split_command(head.text)] if head.text else []
    argv += [(n.text, n.line) for n in command.list if n.text is not None]
    args = command.at("args") if inner else entry.at("args")
    if args and args.text:
        argv += [(w, args.line) for w in split_command(args.text)]
    return argv + [(n.text, n.line) for n in (args.list if args else []) if n.text is not None]


def launch_of(argv: Sequence[tuple[str, int]]) -> Launch:
    """How the command line starts the server."""
    return read_launch([w for w, _ in argv])


def reached(entry: Node, launch: Launch, argv: Sequence[tuple[str, int]]) -> Reached:
    """How the server is reached; a local proxy to a URL counts as the remote server it is."""
    transport = entry.at("transport")
    said = _TRANSPORTS.get(
        (
            entry.text_at("type") or (transport.text if transport else "") or entry.text_at("transport", "type") or ""
        ).lower()
    )
    url = next((u for k in URL_KEYS if (u := entry.text_at(k))), None) or entry.text_at("transport", "url")
    url = url or entry.text_at("remote", "url")
    if launch.proxied:
        url = next((w for w, _ in argv if re.match(r"https?://|\$", w)), None)
        said = Transport.SSE if any(w == "sse-only" for w, _ in argv) else None
    if url is None:
        return Reached(said or (Transport.STDIO if argv else None))
    if said is None or said is Transport.STDIO:
        said = (
            Transport.WEBSOCKET
            if url.startswith(("ws:", "wss:"))
            else Transport.SSE
            if re.search(r"/sse/?(?:$|\?)", url)
            else Transport.HTTP
        )
    return _place(url, said)


def _place(url: str, transport: Transport) -> Reached:
    if len(url) > LONGEST_URL:
        return Reached(transport)
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return Reached(transport)
    if not parts.scheme or not host or "$" in host or "{" in host:
        return Reached(transport, url.partition("?")[0].rpartition("@")[2] or None)
    kept = (
        [(k, v) for k, v in parse_qsl(parts.query, max_num_fields=100) if not words.names_credential(k)]
        if parts.query.count("&") < 100
        else []
    )
    query = "&".join(f"{quote(k)}={quote(v, safe=',$' + '{}:')}" for k, v in kept)
    shown = f"[{host}]" if ":" in host else host
    address = f"{parts.scheme}://{shown}{f':{port}' if port else ''}{parts.path}{f'?{query}' if query else ''}"
    return Reached(transport, address, parts.scheme in {"https", "wss"}, _is_loopback(host))


def _is_loopback(host: str) -> bool:
    if host in _LOCAL_HOSTS or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def auth_of(entry: Node, found: Sequence[Found], transport: Transport | None) -> Auth | None:
    """How the agent proves itself to a remote server; None for a local one and where a helper decides."""
    if transport in {None, Transport.STDIO}:
        return None
    return _declared_auth(entry) or _auth_by_place(entry, found)


def _declared_auth(entry: Node) -> Auth | None:
    if entry.at("oauth") or entry.is_true("requiresOAuth"):
        return Auth.OAUTH
    if provider := entry.text_at("authProviderType"):
        return Auth.OAUTH if provider == "dynamic_discovery" else Auth.IAM
    return None


def _auth_by_place(entry: Node, found: Sequence[Found]) -> Auth | None:
    headers = [f for f in found if f.place == "header"]
    if any(words.words(f.name)[-1:] == ["authorization"] for f in headers):
        basic = [
            n.text for k in HEADER_KEYS if (m := entry.at(k)) for n in m.map.values() if n.text and _BASIC.match(n.text)
        ]
        return Auth.BASIC if basic else Auth.STATIC_BEARER
    if headers or any(f.place in {"url", "key"} and f.name != "userinfo" for f in found):
        return Auth.API_KEY
    if any(f.name == "userinfo" for f in found):
        return Auth.BASIC
    return None if any(f.place == "helper" for f in found) else Auth.UNDECLARED


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether a server starts, and whether anybody is asked; None where nothing says so."""

    enabled: bool | None = None
    approval: Approval | None = None
    basis: Basis | None = None
    bypass: str | None = None


def consent_of(name: str, entry: Node, settings: Sequence[Node], *, project_consent: bool) -> Consent:
    """The consent for a server: its own entry first, then the settings beside it."""
    off = entry.is_true("disabled") or _is_false(entry.at("enabled"))
    off = off or any(_lists(s, name, *p) for s in settings for p in (("disabledMcpjsonServers",), ("mcp", "excluded")))
    enabled = False if off else None if project_consent else True
    if entry.is_true("trust"):
        return Consent(enabled, Approval.AUTO, Basis.EXPLICIT, "trust")
    for key in ("alwaysAllow", "autoApprove"):
        if _lists(entry, "*", key):
            return Consent(enabled, Approval.AUTO, Basis.EXPLICIT, key)
    if not project_consent:
        return Consent(enabled)
    if any(s.is_true("enableAllProjectMcpServers") for s in settings):
        return Consent(not off, Approval.AUTO, Basis.EXPLICIT, "enableAllProjectMcpServers")
    if any(_lists(s, name, "enabledMcpjsonServers") for s in settings):
        return Consent(not off, Approval.AUTO, Basis.EXPLICIT, "enabledMcpjsonServers")
    return Consent(enabled, Approval.ASK, Basis.DEFAULT)


def _is_false(node: Node | None) -> bool:
    return node is not None and node.value is False


def _lists(node: Node, name: str, *path: str) -> bool:
    found = node.at(*path)
    return found is not None and any(n.text == name for n in found.list)
