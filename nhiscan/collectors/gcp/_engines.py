"""Reasoning engines of Vertex AI (Agent Engine): the agents that run there, and the identity each runs as.

Fields: aiplatform.v1 `ReasoningEngine`, `ReasoningEngineSpec` (discovery document, October 2026).  `effectiveIdentity`
is a service agent, a service account, or the engine's own agent identity; where it is missing, the account named in
the spec, else the service agent of the project ("If not specified, the Vertex AI Reasoning Engine Service Agent in the
project will be used", `serviceAccount`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import mapping, moment, objects, text
from nhiscan.collectors.gcp._names import account, principal
from nhiscan.collectors.gcp._things import labelled, owned
from nhiscan.collectors.gcp._using import reads, runs_as, store_of
from nhiscan.plugin import Consumer, ConsumerKind, Identity, IdentityKind, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.gcp._assets import Asset
    from nhiscan.collectors.gcp._names import Principal
    from nhiscan.collectors.gcp._things import Estate, Thing
    from nhiscan.plugin import Record

ENGINE = "aiplatform.googleapis.com/ReasoningEngine"
PLATFORM = "gcp_vertex"
_AGENTS = "gcp-sa-aiplatform-re.iam.gserviceaccount.com"
_AGENT = re.compile(r"agents\.[a-z]+\.[\w-]+\.system\.id\.goog/.+")
_RESOURCE = re.compile(r"(?:.*/)?(projects/[^/]+/locations/[^/]+/reasoningEngines/[^/]+)")


def engines(around: Estate) -> Iterator[Record]:
    """Every engine as an agent, with its identity and the secrets it is handed."""
    for asset in around.found:
        if asset.type == ENGINE:
            yield from _engine(around, asset)


def _engine(around: Estate, asset: Asset) -> Iterator[Record]:
    thing, data = around.thing(asset.name, asset.project), asset.data
    spec, labels = mapping(data.get("spec")), labelled(data.get("labels"))
    deployed = mapping(spec.get("deploymentSpec"))
    gateway = mapping(deployed.get("agentGatewayConfig"))
    yield Consumer(
        **thing.seen(),
        kind=ConsumerKind.AGENT,
        name=text(data.get("displayName")) or asset.name.rpartition("/")[2],
        framework=text(spec.get("agentFramework")),
        platform=PLATFORM,
        environment=labels.environment,
        created_at=moment(data.get("createTime")),
        # "When unset, outgoing traffic is not routed through an Agent Gateway."
        enforced=bool(gateway.get("agentToAnywhereConfig")) if deployed else None,
        tags=labels.tags,
    )
    yield from owned(thing, labels)
    who = identity_of(text(spec.get("effectiveIdentity")) or text(spec.get("serviceAccount")))
    number = around.number(asset.project)
    if who is None and spec and number is not None:
        who = account(f"service-{number}@{_AGENTS}")
    if who is not None:
        yield from agent_identity(thing, who)
        yield runs_as(thing, who.id, "effective_identity")
    for entry in objects(deployed.get("secretEnv")):
        secret = mapping(entry.get("secretRef")).get("secret")
        yield from reads(thing, entry.get("name"), store_of(around, asset.project, secret))


def identity_of(value: str | None) -> Principal | None:
    """The principal that an answer names as an e-mail address or an agent identity, with any scheme or none."""
    if value is None:
        return None
    bare = value.removeprefix("principal://").removeprefix("spiffe://")
    if bare != value or _AGENT.fullmatch(bare):
        return principal(f"principal://{bare}")
    if "@" not in value:
        return None
    # The document writes the service agent with the host of an API; its address is that of an account.
    local, _, host = value.rpartition("/")[2].lower().partition("@")
    return account(f"{local}@{_AGENTS}" if host == "gcp-sa-aiplatform-re.googleapis.com" else f"{local}@{host}")


def agent_identity(thing: Thing, who: Principal) -> Iterator[Identity]:
    """The identity of an agent itself, which only those who use it tell of; accounts have a collector of their own."""
    if who.kind is IdentityKind.AGENT_IDENTITY:
        yield Identity(
            id=who.id, scope_id=thing.scope_id, source=thing.ask.source, locator=thing.id, provider="gcp",
            kind=who.kind, name=who.name, class_=who.class_, state=IdentityState.ENABLED, interactive=False,
        )  # fmt: skip


def resource_in(name: str | None) -> str | None:
    """The engine (`projects/…/reasoningEngines/…`) that an address or an agent identity speaks of, else None."""
    match = _RESOURCE.fullmatch(name or "")
    return match[1] if match else None


class Engines:
    """Engines by resource, whether a project is written as its id or its number."""

    def __init__(self, around: Estate) -> None:
        self._around = around
        self._ids = {around.named(a.name) for a in around.found if a.type == ENGINE}

    def find(self, name: str | None) -> str | None:
        """The consumer that an engine is, by any name of it."""
        resource = resource_in(name)
        found = self._around.named(f"//aiplatform.googleapis.com/{resource}") if resource else None
        return found if found in self._ids else None
