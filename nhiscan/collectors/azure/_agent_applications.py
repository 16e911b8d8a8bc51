"""Agent applications of Azure AI Foundry, the agents in them, and the Entra agent identity they act as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.values import flag, guid, mapping, moment, objects, text
from nhiscan.collectors.azure._arm import entra, in_tenant, name_of, owners, seen, tenant_of
from nhiscan.collectors.azure._identities import use
from nhiscan.plugin import Auth, Consumer, ConsumerKind, PrincipalKind, Trust, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_PLATFORM = "azure_foundry"
# Callers of these policies sign in with Entra; those of channels (Teams) with whatever the channel has.
_AUTH = {"default": Auth.OAUTH, "organizationscope": Auth.OAUTH}


def application(ask: Ask, resource: str, row: Json, project: str) -> Iterator[Record]:
    """The agent that an application is, each agent published in it, and whom they act as."""
    known = mapping(row.get("properties"))
    tags = tagging.read(known.get("tags"))
    at = seen(ask, resource, resource)
    policy = mapping(known.get("authorizationPolicy"))
    yield Consumer(
        **at,
        kind=ConsumerKind.AGENT,
        name=text(known.get("displayName")) or name_of(row, resource),
        framework=_PLATFORM,
        parent_id=project,
        platform=_PLATFORM,
        environment=tagging.environment(tags),
        enabled=flag(known.get("isEnabled")),
        url=_address(known),
        auth=_AUTH.get((text(policy.get("type") or policy.get("authorizationScheme")) or "").lower()),
        created_at=moment(mapping(row.get("systemData")).get("createdAt")),
        tags=tags,
    )
    yield from owners(ask, resource, at["scope_id"], tags)
    identity = _principal(ask, known, "defaultInstanceIdentity")
    if identity is not None:
        yield use(ask, resource, identity, "agent_identity")
        yield from _blueprint(ask, resource, known, identity)
    yield from _agents(ask, resource, known, identity)


def _blueprint(ask: Ask, resource: str, known: Json, identity: str) -> Iterator[Trust]:
    """A blueprint signs in and asks for the tokens of the identities made from it ("Agent identity blueprints")."""
    blueprint = _principal(ask, known, "agentIdentityBlueprint")
    if blueprint is not None:
        client = guid(mapping(known.get("agentIdentityBlueprint")).get("clientId")) or blueprint.rpartition("/")[2]
        yield Trust(
            **in_tenant(ask, f"{identity}#trust/blueprint/{client}", resource),
            principal=blueprint,
            principal_kind=PrincipalKind.IDENTITY,
            target_id=identity,
            kind=TrustKind.IMPERSONATE,
        )


def _agents(ask: Ask, application_id: str, known: Json, identity: str | None) -> Iterator[Record]:
    told: set[str] = set()
    for entry in objects(known.get("agents")):
        name = text(entry.get("agentName")) or text(entry.get("agentId"))
        if name is None or name in told:
            continue
        told.add(name)
        agent = f"{application_id}/agents/{name.lower()}"
        yield Consumer(
            **seen(ask, agent, application_id),
            kind=ConsumerKind.AGENT,
            name=name,
            framework=_PLATFORM,
            parent_id=application_id,
            platform=_PLATFORM,
            enabled=flag(known.get("isEnabled")),
        )
        if identity is not None:
            yield use(ask, agent, identity, "agent_identity")


def _address(known: Json) -> str | None:
    """Where it is called: without query, which may hold a key."""
    found = text(known.get("baseUrl")) or text(known.get("baseUri"))
    return found.partition("?")[0] if found and found.lower().startswith(("https://", "http://")) else None


def _principal(ask: Ask, known: Json, name: str) -> str | None:
    """The Entra principal that a part of an application is, else None (an application may have none yet)."""
    held = mapping(known.get(name))
    principal = guid(held.get("principalId"))
    return entra(tenant_of(ask, held.get("tenantId")), principal) if principal else None
