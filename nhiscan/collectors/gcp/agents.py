"""Agents of Google Cloud: where they run, as whom, what they reach, and the keys that are kept for them.

Reasoning engines come from Cloud Asset Inventory, for all projects at once; Agent Registry and Agent Identity are
asked project by project, all locations at once where they allow it (_locations).
Agents of Dialogflow and Gemini Enterprise act as service agents of Google and are not among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.gcp._assets import ASSETS, unseen
from nhiscan.collectors.gcp._auth_providers import PROVIDERS, SUMMARIES, WORKLOADS, auth_of, auth_providers, listed
from nhiscan.collectors.gcp._below import ASKED
from nhiscan.collectors.gcp._engines import ENGINE, engines
from nhiscan.collectors.gcp._locations import calls
from nhiscan.collectors.gcp._registry import AGENTS, BINDINGS, ENDPOINTS, SERVERS, bindings, registered
from nhiscan.collectors.gcp._things import estate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_SEEN_IN = "credential, consumer, use, identity"
_LISTS = {
    PROVIDERS: _SEEN_IN,
    SUMMARIES: "credential.last_used, use",
    AGENTS: "consumer, use, identity, hop",
    SERVERS: "consumer, use, identity, tool, hop",
    ENDPOINTS: "consumer, hop",
    BINDINGS: "hop, use",
}


def _engines(ask: Ask) -> Iterator[Record]:
    around = estate(ask, ENGINE)
    if around.error is not None:
        yield from unseen(ask, around.error)
    yield from engines(around)
    yield from around.scopes.rows()


def _called(ask: Ask) -> Iterator[Record]:
    around = estate(ask, ENGINE)
    providers = yield from listed(around)
    known = yield from registered(around)
    yield from auth_providers(around, providers, known.agents)
    yield from bindings(known, auth_of(around, providers))
    yield from around.scopes.rows()


COLLECTOR = Group(
    name="gcp.agents",
    title="Google Cloud agents: reasoning engines, Agent Registry, and the credentials of Agent Identity",
    place="estate",
    parts=(
        Part(
            name="engines",
            kind="Vertex AI reasoning engine",
            facts=("identity", "framework", "created", "secrets it is handed", "agent gateway", "owner"),
            calls={ASSETS: "consumer, use, identity, owner"},
            read=_engines,
        ),
        Part(
            name="registry",
            kind="Agent Identity auth provider; agent, MCP server, endpoint and binding of Agent Registry",
            facts=("kind of credential", "scopes", "state", "created", "last used", "users", "tools", "identity"),
            calls={
                ASSETS: _SEEN_IN,
                **dict.fromkeys(ASKED, f"{_SEEN_IN}, tool, hop"),
                **calls(_LISTS),
                WORKLOADS: "use",
            },
            read=_called,
        ),
    ),
)
