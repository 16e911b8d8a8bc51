"""How each client and platform writes "the value is elsewhere": what to put where a literal credential stands.

Checked in November 2026: claude-code (code.claude.com/docs/en/mcp, "Environment variable expansion in .mcp.json"),
librechat (librechat.ai/docs/configuration/librechat_yaml/object_structure/mcp_servers), goose
(block.github.io/goose/docs/guides/config-files), cursor and windsurf (by guides of servers that show `${env:NAME}` in
their files, not by their own pages).  The others follow the configuration pages of their products without a date.  A
client that is not listed has no syntax of its own that we know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHELL = "${{{name}}}"
_ENV = "${{env:{name}}}"
_BARE = "${name}"

# By the slug in Exposure.config; `{name}` is the variable, `{id}` the same as the id of an input.
_SYNTAX: Mapping[str, str] = {
    "amp": _SHELL,
    "claude-code": _SHELL,
    "codex": 'bearer_token_env_var = "{name}" (an address) or env_vars = ["{name}"] (a command)',
    "continue": "${{{{ secrets.{name} }}}}",
    "copilot-cli": _SHELL,
    "copilot-coding-agent": "COPILOT_MCP_{name}, a secret of the repository's copilot environment,",
    "cursor": _ENV,
    "docker_compose": _SHELL,
    "gemini-cli": _BARE,
    "github-actions": "${{{{ secrets.{name} }}}}",
    "goose": "env_keys: [{name}], which reads the keyring,",
    "kubernetes": "valueFrom.secretKeyRef with the name of a Secret",
    "librechat": _SHELL,
    "opencode": "{{env:{name}}}",
    "qwen-code": _BARE,
    "roo-code": _ENV,
    "vscode-copilot": '${{input:{id}}} with {{"id": "{id}", "type": "promptString", "password": true}} under inputs',
    "windsurf": _ENV,
}
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
UNNAMED = "NAME"


def reference(client: str | None, key_name: str | None) -> str | None:
    """What this client writes instead of the value of this variable; None for a client without such a syntax.

    A header or flag is no variable, and reads `NAME`.
    """
    syntax = _SYNTAX.get(client or "")
    if syntax is None:
        return None
    name = key_name if key_name and _VARIABLE.fullmatch(key_name) else UNNAMED
    return syntax.format(name=name, id=name.lower().replace("_", "-"))
