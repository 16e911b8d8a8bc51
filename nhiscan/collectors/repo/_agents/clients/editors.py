"""Editors and desktops whose files hold a map of tool servers and nothing else.

docs.windsurf.com, docs.roocode.com, docs.cline.bot, jetbrains.com/help/junie, docs.warp.dev and lmstudio.ai/docs,
November 2026.  All of them ask before a tool unless its entry approves it.
"""

from __future__ import annotations

from nhiscan.collectors.repo._agents.client import Client, keys

_STORAGE = "{config}/Code/User/globalStorage"
_ASKS = "documentation of the product, 2026-11: asks before each tool"

CLIENTS = (
    Client(
        slug="claude-desktop",
        files=("claude_desktop_config.json",),
        user=("{config}/Claude/claude_desktop_config.json",),
        since=_ASKS,
    ),
    Client(
        slug="roo-code",
        files=(".roo/mcp.json",),
        user=(f"{_STORAGE}/rooveterinaryinc.roo-cline/settings/mcp_settings.json",),
        since=_ASKS,
    ),
    Client(
        slug="windsurf",
        files=(".windsurf/mcp.json", ".windsurf/mcp_config.json", ".codeium/windsurf/mcp_config.json"),
        user=("~/.codeium/windsurf/mcp_config.json",),
        since=_ASKS,
    ),
    Client(
        slug="cline",
        files=("cline_mcp_settings.json", ".cline/mcp_settings.json"),
        user=(f"{_STORAGE}/saoudrizwan.claude-dev/settings/cline_mcp_settings.json",),
        since=_ASKS,
    ),
    Client(
        slug="junie",
        files=(".junie/mcp/mcp.json", ".junie/mcp.json"),
        user=("~/.junie/mcp/mcp.json",),
        since=_ASKS,
    ),
    Client(
        slug="jetbrains",
        files=(".idea/mcp.json",),
        user=("~/.config/github-copilot/intellij/mcp.json",),
        servers=(("mcpServers",), ("servers",)),
        since=_ASKS,
    ),
    Client(
        slug="warp", files=(".warp/.mcp.json",), user=("~/.warp/.mcp.json",), flat=keys(".warp/.mcp.json"), since=_ASKS
    ),
    Client(slug="trae", files=(".trae/mcp.json",), user=("~/.trae/mcp.json",), since=_ASKS),
    Client(slug="lm-studio", files=(".lmstudio/mcp.json",), user=("~/.lmstudio/mcp.json",), since=_ASKS),
    Client(slug="tabnine", files=(".tabnine/mcp_servers.json",), user=("~/.tabnine/mcp_servers.json",), since=_ASKS),
    Client(slug="void", files=(".void/mcp.json",), user=("~/.void/mcp.json",), since=_ASKS),
)
