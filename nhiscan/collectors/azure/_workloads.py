"""A resource that acts through identities as a consumer, with the identities it acts as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.values import flag, guid, mapping, moment, text
from nhiscan.collectors.azure import _identities
from nhiscan.collectors.azure._arm import entra, host, name_of, owners, resource_id, seen, tenant_of, type_of
from nhiscan.collectors.azure._platforms import platform
from nhiscan.plugin import Consumer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record, Use

_CLUSTER = "microsoft.containerservice/managedclusters"
_ON = frozenset({"running", "enabled", "powerstate/running"})
_OFF = frozenset({
    "stopped", "disabled", "suspended", "powerstate/stopped", "powerstate/deallocated", "powerstate/deallocating",
})  # fmt: skip


def workload(ask: Ask, resource: str, row: Json, principals: Mapping[str, str]) -> Iterator[Record]:
    """A resource that acts as somebody, its own identity, and whom else it acts as; nothing when it acts as nobody."""
    yield from _identities.unreadable(ask, resource, row)
    uses = [*_identities.runs_as(ask, resource, row, principals), *_of_cluster(ask, resource, row, principals)]
    if not uses:
        return
    yield from consumer(ask, resource, row)
    yield from _identities.system_assigned(ask, resource, row)
    for use in {use.id: use for use in reversed(uses)}.values():
        yield use
        if use.identity_id is None and (use.place or "").startswith("/"):
            yield ask.gap(
                "identity", ("use.identity_id",), f"nothing says which principal {use.place} is",
                f"grant Microsoft.ManagedIdentity/userAssignedIdentities/read on {use.place}", subject_id=use.id,
            )  # fmt: skip


def consumer(ask: Ask, resource: str, row: Json) -> Iterator[Record]:
    """The consumer that a resource is, and its owners."""
    known, tags = mapping(row.get("properties")), tagging.read(row.get("tags"))
    where, kind = platform(type_of(row), text(row.get("kind")))
    ingress = mapping(known.get("ingress") or mapping(known.get("configuration")).get("ingress"))
    name = text(known.get("defaultHostName")) or text(ingress.get("fqdn"))
    at = seen(ask, resource, resource)
    issuer = host(mapping(known.get("oidcIssuerProfile")).get("issuerURL")) if type_of(row) == _CLUSTER else None
    yield Consumer(
        **at,
        kind=kind,
        name=name_of(row, resource),
        platform=where,
        environment=tagging.environment(tags),
        enabled=_enabled(known),
        created_at=moment(mapping(row.get("systemData")).get("createdAt")),
        url=f"https://{name}" if name else None,
        tls=flag(known.get("httpsOnly")) if text(known.get("defaultHostName")) else None,
        public=_public(known, ingress),
        issuer=issuer,
        subjects=("system:serviceaccount:*",) if issuer else (),
        tags=tags,
    )
    yield from owners(ask, resource, at["scope_id"], tags)


def _enabled(known: Json) -> bool | None:
    """Whether it runs, as far as its type says so."""
    power = mapping(known.get("powerState")).get("code") or known.get("instancePower")
    view = mapping(mapping(known.get("extended")).get("instanceView"))
    said = power or mapping(view.get("powerState")).get("code") or known.get("runningStatus") or known.get("state")
    plain = (text(said) or "").lower()
    return True if plain in _ON else False if plain in _OFF else None


def _public(known: Json, ingress: Json) -> bool | None:
    """False where it is known that the internet cannot reach it; whether it can depends on rules that are not read."""
    closed = (text(known.get("publicNetworkAccess")) or "").lower() == "disabled"
    return False if closed or flag(ingress.get("external")) is False else None


def _of_cluster(ask: Ask, resource: str, row: Json, principals: Mapping[str, str]) -> Iterator[Use]:
    """Whom the nodes and add-ons of a cluster act as, and the application of a cluster without managed identity."""
    if type_of(row) != _CLUSTER:
        return
    known = mapping(row.get("properties"))
    tenant = tenant_of(ask, mapping(row.get("identity")).get("tenantId"), row.get("tenantId"))
    held = [(name, mapping(each)) for name, each in mapping(known.get("identityProfile")).items()]
    held += [
        (name, mapping(mapping(each).get("identity"))) for name, each in mapping(known.get("addonProfiles")).items()
    ]
    for name, each in held:
        place, principal = resource_id(each.get("resourceId")), guid(each.get("objectId"))
        identity = entra(tenant, principal) if principal else principals.get(place or "")
        if identity or place:
            yield _identities.use(ask, resource, identity, name, place)
    client = guid(mapping(known.get("servicePrincipalProfile")).get("clientId"))  # "msi" for managed identities
    if client is not None:
        yield _identities.use(ask, resource, None, "service_principal", client)
