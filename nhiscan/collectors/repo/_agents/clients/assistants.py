"""Clients whose files hold models and tool servers: Continue, LibreChat and Aider.

docs.continue.dev/reference, librechat.ai/docs/configuration, aider.chat/docs/config, November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import all_keys
from nhiscan.collectors.repo._agents.client import Client, keys
from nhiscan.collectors.repo._agents.stance import Stance, last, rule
from nhiscan.plugin import Approval, Autonomy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.collectors.repo._config.nodes import Document


def read_aider(documents: Sequence[Document]) -> Stance:
    """The stance of Aider: `yes-always` answers every question."""
    found = last(documents, "yes-always")
    if found is None or found[0].value is not True:
        return Stance()
    node, uri = found
    free = rule("*", Approval.AUTO, uri, node.line)
    return Stance(Approval.AUTO, Autonomy.UNATTENDED, "yes-always", None, uri, node.line, (free,), alters=True)


CLIENTS = (
    Client(
        slug="continue",
        files=(".continue/config.yaml", ".continue/config.yml", ".continue/config.json", ".continuerc.json"),
        blocks=tuple(f".continue/mcpServers/*.{suffix}" for suffix in ("yaml", "yml", "json")),
        user=("~/.continue/config.yaml", "~/.continue/config.json", "~/.continue/mcpServers/*.yaml"),
        servers=(("mcpServers",), ("experimental", "modelContextProtocolServers")),
        marks=keys("models tabAutocompleteModel embeddingsProvider"),
        since="docs.continue.dev/ide-extensions/agent/how-it-works, 2026-11: asks first",
        spots=all_keys,
    ),
    Client(
        slug="librechat",
        files=("librechat.yaml", "librechat.yml"),
        marks=keys("endpoints"),
        default=Approval.AUTO,
        since="librechat.ai/docs/features/mcp, 2026-11: an agent calls its tools unasked",
        spots=all_keys,
    ),
    Client(
        slug="aider",
        files=(".aider.conf.yml",),
        user=("~/.aider.conf.yml",),
        marks=keys("model openai-api-key anthropic-api-key api-key yes-always set-env auto-commits read"),
        since="aider.chat/docs/config/options.html, 2026-11: asks before commands",
        stance=read_aider,
        spots=all_keys,
    ),
)
