"""Managed identities and the resources that act as them, as records.

A managed identity is the service principal that Entra keeps for it, so its id is that of the principal.  Which resource
holds it stands in the `identity` block that every type of resource has alike ("What are managed identities for Azure
resources?", learn.microsoft.com/entra/identity/managed-identities-azure-resources).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.values import facts, guid, mapping, moment, text
from nhiscan.collectors.azure._arm import entra, in_tenant, name_of, owners, resource_id, seen, tenant_of
from nhiscan.plugin import Identity, IdentityKind, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

SYSTEM, USER = "system_assigned", "user_assigned"


def user_assigned(ask: Ask, resource: str, row: Json) -> Iterator[Record]:
    """The identity that a resource of type userAssignedIdentities is, and its owners; nothing without a principal."""
    known = mapping(row.get("properties"))
    principal = guid(known.get("principalId"))
    if principal is None:
        return
    tenant = tenant_of(ask, known.get("tenantId"), row.get("tenantId"))
    said = facts(client_id=guid(known.get("clientId")), isolation=text(known.get("isolationScope")), assigned="user")
    yield from _identity(ask, entra(tenant, principal), resource, row, said)


def system_assigned(ask: Ask, resource: str, row: Json) -> Iterator[Record]:
    """The identity that a resource has of its own, and its owners, which are those of the resource."""
    principal = _own(ask, row)
    if principal is not None:
        yield from _identity(ask, principal, resource, row, facts(assigned="system"))


def unreadable(ask: Ask, resource: str, row: Json) -> Iterator[Record]:
    """The gap of a resource that acts as somebody and does not say as which principal."""
    held = row.get("identity")
    own = "systemassigned" in (text(mapping(held).get("type")) or "").lower() and _own(ask, row) is None
    if own or (held is not None and not isinstance(held, Mapping)):
        yield ask.gap(
            "identity", ("identity", "use.identity_id"), f"nothing says which principal {resource} acts as",
            "run again or export it again with the identity of the resource", subject_id=resource,
        )  # fmt: skip


def runs_as(ask: Ask, consumer: str, row: Json, principals: Mapping[str, str]) -> Iterator[Use]:
    """The identities that a resource acts as; `principals` are those of user-assigned identities by resource id.

    A user-assigned identity whose principal is not known is named by its resource id.
    """
    own = _own(ask, row)
    if own is not None:
        yield use(ask, consumer, own, SYSTEM)
    for name, each in mapping(mapping(row.get("identity")).get("userAssignedIdentities")).items():
        held = resource_id(name)
        principal = guid(mapping(each).get("principalId"))
        if principal is not None:
            yield use(ask, consumer, entra(_tenant(ask, row), principal), USER, held)
        elif held is not None:
            yield use(ask, consumer, principals.get(held), USER, held)


def use(ask: Ask, consumer: str, identity: str | None, name: str, place: str | None = None) -> Use:
    """A resource acts as an identity; `place` is the resource id of the identity or what else names it."""
    return Use(
        **seen(ask, f"{consumer}#runs_as/{identity or place}", consumer),
        consumer_id=consumer,
        identity_id=identity,
        how=UseHow.RUNS_AS,
        name=name,
        place=place,
    )


def _own(ask: Ask, row: Json) -> str | None:
    principal = guid(mapping(row.get("identity")).get("principalId"))
    return entra(_tenant(ask, row), principal) if principal else None


def _tenant(ask: Ask, row: Json) -> str:
    return tenant_of(ask, mapping(row.get("identity")).get("tenantId"), row.get("tenantId"))


def _identity(
    ask: Ask, identity: str, resource: str, row: Json, said: Mapping[str, str]
) -> Iterator[Record]:  # fmt: skip
    tags = tagging.read(row.get("tags"))
    yield Identity(
        **in_tenant(ask, identity, resource),
        provider="azure",
        kind=IdentityKind.MANAGED_IDENTITY,
        name=name_of(row, resource),
        interactive=False,
        native_id=resource,
        created_at=moment(mapping(row.get("systemData")).get("createdAt")),
        environment=tagging.environment(tags),
        tags={**tags, **said},
    )
    yield from owners(ask, identity, ask.scope_id, tags)
