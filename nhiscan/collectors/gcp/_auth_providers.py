"""Auth providers of Agent Identity: the keys and clients that are kept for agents, and which agents use them.

Fields: agentidentity.v1 `AuthProvider`, `AccessSummary` (discovery document, October 2026).  Keys and client secrets
are input only, so no answer holds them.  An empty list of allowed scopes allows all ("If this list is empty, all
scopes may be requested").  Access summaries are of users who worked through an agent, to the hour: without one, last
use is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import facts, mapping, moment, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._assets import unseen
from nhiscan.collectors.gcp._engines import Engines, agent_identity, identity_of
from nhiscan.collectors.gcp._locations import each_location, located
from nhiscan.collectors.gcp._things import Thing, labelled, owned
from nhiscan.collectors.gcp._using import runs_as
from nhiscan.plugin import (
    Auth,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Form,
    LastUsed,
    Lifetime,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._things import Estate
    from nhiscan.plugin import Record

HOST = "//agentidentity.googleapis.com/"
PROVIDERS, SUMMARIES = (located("agentidentity", what, 1000) for what in ("authProviders", "accessSummaries"))
WORKLOADS = Operation(
    "agentidentity:authProviders.queryWorkloads", "/v1/{+provider}:queryWorkloads",
    ("agentidentity.authProviders.get",), query={"pageSize": "1000"},
)  # fmt: skip
_STATES = {"ENABLED": CredentialState.ACTIVE, "DISABLED": CredentialState.INACTIVE}
_SECRET = CredentialKind.CLIENT_SECRET, Lifetime.STATIC, Auth.OAUTH
_SORTS = {
    "apiKey": ("api_key", (CredentialKind.API_KEY, Lifetime.STATIC, Auth.API_KEY)),
    "twoLeggedOauth": ("two_legged_oauth", _SECRET),
    "threeLeggedOauth": ("three_legged_oauth", _SECRET),
    "xaaAuthProvider": ("cross_app_access", _SECRET),
    "geAuthProvider": ("gemini_enterprise", (CredentialKind.UNKNOWN, None, None)),
    "connectorReferenceAuthProvider": ("connector_reference", (CredentialKind.UNKNOWN, None, None)),
}
_UNKNOWN = "unknown", (CredentialKind.UNKNOWN, None, None)
_ASSERTION = CredentialKind.FEDERATED, Lifetime.FEDERATED, Auth.OAUTH


@dataclass(slots=True)
class Seen:
    """Who was seen to use what: the last time each provider served, and the agents that used it."""

    last: dict[str, datetime] = field(default_factory=dict)
    agents: dict[str, set[str]] = field(default_factory=dict)


def provider_id(around: Estate, name: object) -> str:
    """The credential that a provider is, by its resource name; `""` for none."""
    known = text(name)
    return around.named(f"{HOST}{known.removeprefix(HOST)}") if known else ""


def sort_of(data: Json) -> tuple[str, CredentialKind, Lifetime | None, Auth | None]:
    """What a provider keeps, in our words and as a kind of credential."""
    params = mapping(data.get("authProviderTypeParams"))
    name, (kind, lifetime, auth) = next((_SORTS[k] for k in _SORTS if k in params), _UNKNOWN)
    if name == "cross_app_access" and "clientSecretAuth" not in mapping(params.get("xaaAuthProvider")):
        kind, lifetime, auth = _ASSERTION
    return name, kind, lifetime, auth


def listed(around: Estate) -> Generator[Record, None, list[tuple[str, Json]]]:
    """The providers of all projects, with the project of each."""
    found = yield from each_location(around, PROVIDERS, "authProviders")
    return [(project, entry) for project, entry in found if text(entry.get("name"))]


def auth_of(around: Estate, found: list[tuple[str, Json]]) -> dict[str, Auth | None]:
    """How each provider, by its id, lets an agent prove itself."""
    return {provider_id(around, entry.get("name")): sort_of(entry)[3] for _, entry in found}


def auth_providers(around: Estate, found: list[tuple[str, Json]], agents: Mapping[str, str]) -> Iterator[Record]:
    """Every provider as a credential, and the agents that used it as consumers of it.

    `agents` are the consumers that are known already, by the id of the identity they run as.
    """
    if not found:
        return
    seen = yield from _seen(around, found)
    engines = Engines(around)
    for project, entry in found:
        thing = around.thing(f"{HOST}{text(entry.get('name'))}", project)
        yield from _provider(thing, entry, seen.last.get(thing.id))
        for agent in sorted(seen.agents.get(thing.id, ())):
            yield from _used(engines, agents, thing, agent)


def _seen(around: Estate, found: list[tuple[str, Json]]) -> Generator[Record, None, Seen]:
    """What was seen of these providers; the gaps of what was refused on the way."""
    seen, ask = Seen(), around.ask
    inside = sorted({project for project, _ in found})
    for _, entry in (yield from each_location(around, SUMMARIES, "accessSummaries", inside)):
        own, at = provider_id(around, entry.get("authProvider")), moment(entry.get("lastAccessTime"))
        if own and at is not None:
            seen.last[own] = max(at, seen.last.get(own, at))
            if agent := text(entry.get("workloadId")):
                seen.agents.setdefault(own, set()).add(agent)
    wanted: list[Json] = [{"provider": name, "project": p} for p, e in found if (name := text(e.get("name")))]
    for _, entry in found:
        seen.agents.setdefault(provider_id(around, entry.get("name")), set()).update(texts(entry.get("workloadIds")))
    try:
        for request, answer in ask.each_items(WORKLOADS, "workloadIds", wanted):
            own = provider_id(around, request["provider"])
            if isinstance(answer, RefusedError):
                yield from unseen(ask, answer, subject_id=own)
            else:
                seen.agents.setdefault(own, set()).update(a for e in answer if (a := text(e.get(""))))
    except RefusedError as e:
        yield from unseen(ask, e)
    return seen


def _provider(thing: Thing, data: Json, last: datetime | None) -> Iterator[Record]:
    sort, kind, lifetime, _ = sort_of(data)
    labels, gone = labelled(data.get("labels")), data.get("deleted") is True
    params = mapping(mapping(data.get("authProviderTypeParams")).get(_field_of(sort)))
    secret = mapping(params.get("clientSecretAuth")) or mapping(params.get("clientAssertionJwtAuth"))
    asked = urlsplit(text(params.get("tokenUrl")) or text(mapping(params.get("customIssuer")).get("tokenUrl")) or "")
    allowed, oauth = texts(data.get("allowedScopes")), sort not in {"api_key", "unknown"}
    yield Credential(
        **thing.seen(),
        kind=kind,
        name=thing.id.rpartition("/")[2],
        state=CredentialState.DELETED if gone else _STATES.get(text(data.get("state")) or ""),
        lifetime=lifetime,
        issued_at=moment(data.get("createTime")),
        expires_at=moment(data.get("expireTime")),
        last_used_at=last,
        last_used=LastUsed.KNOWN if last else None,
        environment=labels.environment,
        scopes=(allowed or ("*",)) if oauth else None,
        facts=facts(
            type=sort,
            client_id=text(params.get("clientId")) or text(secret.get("clientId")),
            token_host=asked.hostname,
            pkce=params.get("enablePkce") if sort == "three_legged_oauth" else None,
            blocked_scopes=" ".join(texts(data.get("blockedScopes"))) or None,
            connector=text(params.get("connector")),
        ),
    )
    yield from owned(thing, labels)


def _field_of(sort: str) -> str:
    return next((name for name, (said, _) in _SORTS.items() if said == sort), "")


def _used(engines: Engines, agents: Mapping[str, str], provider: Thing, agent: str) -> Iterator[Record]:
    """The agent that used a provider: an engine, one that is registered, else a consumer of its own."""
    who = identity_of(agent)
    if who is None:
        return
    known = engines.find(who.name) or agents.get(who.id)
    consumer_id = known or f"{who.id}#agent"
    agent_at = Thing(provider.ask, consumer_id, provider.scope_id)
    yield from agent_identity(provider, who)
    if known is None:
        yield Consumer(
            **agent_at.seen(), kind=ConsumerKind.AGENT, name=who.name.rpartition("/")[2], platform="gcp_agent_identity"
        )
        yield runs_as(agent_at, who.id, "agent_identity")
    yield Use(
        **agent_at.seen(f"#presents/{provider.id}"), consumer_id=consumer_id, credential_id=provider.id,
        how=UseHow.OBSERVED, form=Form.VAULT, name=provider.id.rpartition("/")[2], uri=consumer_id,
    )  # fmt: skip
