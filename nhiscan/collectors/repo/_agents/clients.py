"""The agents we know: which files configure them, where servers stand in those, and what holds when nothing is said.

A further client is one more row.  Paths, keys and defaults as the products documented them in November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.plugin import Approval

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._agents.nodes import Node


def _keys(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One agent product.

    `files` are paths below the directory the agent works in, the later overriding the earlier; `servers` the keys
    that may hold the map of tool servers; `marks` further top-level keys that show a file to be this client's;
    `flat` files may be the map itself.  `default` is what happens before a tool runs when no file says otherwise.
    """

    slug: str
    files: tuple[str, ...]
    servers: tuple[tuple[str, ...], ...] = (("mcpServers",),)
    marks: frozenset[str] = frozenset()
    flat: frozenset[str] = frozenset()
    default: Approval = Approval.ASK
    project_consent: bool = False


CLIENTS: tuple[Client, ...] = (
    Client(
        slug="claude-code",
        files=(".mcp.json", ".claude/settings.json", ".claude/settings.local.json"),
        marks=_keys(
            "permissions env hooks sandbox model apiKeyHelper awsAuthRefresh awsCredentialExport otelHeadersHelper "
            "enableAllProjectMcpServers enabledMcpjsonServers disabledMcpjsonServers enabledPlugins statusLine"
        ),
        flat=frozenset({".mcp.json"}),
        project_consent=True,
    ),
    Client(slug="cursor", files=(".cursor/mcp.json",)),
    Client(
        slug="vscode-copilot",
        files=(".vscode/mcp.json", ".vscode/settings.json"),
        servers=(("servers",), ("mcp", "servers"), ("mcpServers",)),
        marks=_keys("chat.tools.global.autoApprove chat.tools.autoApprove chat.tools.terminal.autoApprove"),
    ),
    Client(slug="claude-desktop", files=("claude_desktop_config.json",)),
    Client(
        slug="codex",
        files=(".codex/config.toml",),
        servers=(("mcp_servers",),),
        marks=_keys(
            "approval_policy sandbox_mode sandbox_workspace_write model model_provider model_providers profiles "
            "features agents projects shell_environment_policy default_permissions"
        ),
    ),
    Client(
        slug="gemini-cli",
        files=(".gemini/settings.json",),
        marks=_keys("tools general security mcp model coreTools excludeTools allowedTools context hooks ui"),
    ),
    Client(slug="roo-code", files=(".roo/mcp.json",)),
    Client(slug="windsurf", files=(".windsurf/mcp.json",)),
)


def client_of(path: str) -> tuple[Client, str, str] | None:
    """The client a path belongs to by its name, the directory that client works in (`.`: the root), and the file."""
    for client in CLIENTS:
        for file in client.files:
            if path == file:
                return client, ".", file
            if path.endswith(f"/{file}"):
                return client, path[: -len(file) - 1], file
    return None


def server_maps(client: Client, file: str, root: Node) -> Iterator[Node]:
    """Every map of tool servers in a file: under its keys, or the file itself where it is a flat map."""
    found = False
    for keys in client.servers:
        if node := root.at(*keys):
            found = True
            yield node
    if not found and file in client.flat and any(is_server(n) for n in root.map.values()):
        yield root


def is_server(node: Node) -> bool:
    """Whether a value has the shape of a tool server's entry."""
    return any(k in node.map for k in ("command", "url", "httpUrl", "serverUrl", "transport"))


def belongs(client: Client, file: str, root: Node) -> bool:
    """Whether the content bears out what the file's name promises."""
    return not client.marks.isdisjoint(root.map) or any(True for _ in server_maps(client, file, root))
