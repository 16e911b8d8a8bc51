"""Who holds a role of Azure, as far as the assignment itself says it: an object id and what sort of thing that is.

Microsoft Graph tells of service principals and of the people it is asked about, and its rows come first, so whatever
it tells of a principal stands; for all others this is the only trace (REST reference of roleAssignments,
`principalType`).  `Unknown` is what Azure shows for an identity that no longer exists ("Troubleshoot Azure RBAC":
role assignments with identity not found).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import guid, mapping, text
from nhiscan.collectors.azure._arm import entra, in_tenant, tenant_of
from nhiscan.plugin import Identity, IdentityClass, IdentityKind, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask

_UNKNOWN = "unknown"
_KINDS = {
    "user": IdentityKind.USER, "group": IdentityKind.GROUP, "foreigngroup": IdentityKind.GROUP,
    "serviceprincipal": IdentityKind.APP, _UNKNOWN: IdentityKind.APP,
}  # fmt: skip


def principals(ask: Ask, rows: Iterable[Json]) -> Iterator[Identity]:
    """The holders of assignments, each once; none of whom nothing is said but an id, and no devices."""
    told: set[str] = set()
    for row in rows:
        known = mapping(row.get("properties"))
        held_by, sort = guid(known.get("principalId")), text(known.get("principalType")) or ""
        kind = _KINDS.get(sort.lower())
        if held_by is None or kind is None:
            continue
        own = entra(tenant_of(ask, row.get("tenantId")), held_by)
        if own not in told:
            told.add(own)
            yield Identity(
                **in_tenant(ask, own, None),
                provider="azure",
                kind=kind,
                name=held_by,
                class_=IdentityClass.HUMAN if kind is IdentityKind.USER else None,
                state=IdentityState.DELETED if sort.lower() == _UNKNOWN else None,
                interactive=None if kind is IdentityKind.GROUP else kind is IdentityKind.USER,
                tags={"principal_type": sort},
            )
