"""Service principals that hold roles of Azure and that their directory no longer knows.

A role assignment stays when its principal is deleted ("Troubleshoot Azure RBAC", learn.microsoft.com), and names it by
its object id.  Service principals are listed whole, so one that is not among them is gone; of people and groups only
some are listed, so of those nothing follows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.model import IdentityState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from nhiscan.model import Gap, Identity

DIRECTORY = "azure.entra"
"""The collector that lists the service principals of a tenant."""

_LIST = "graph:servicePrincipals.list"


def departed(
    identities: Sequence[Identity], gaps: Iterable[Gap], collected: Collection[tuple[str, str]]
) -> list[Identity]:
    """The same identities in the same order, those deleted whose tenant was read whole and does not have them."""
    read = {scope_id for scope_id, collector in collected if collector == DIRECTORY}
    read -= {g.scope_id for g in gaps if g.source == DIRECTORY and _hides(g)}
    return [replace(i, state=IdentityState.DELETED) if i.scope_id in read and _nameless(i) else i for i in identities]


def _hides(gap: Gap) -> bool:
    """Whether the list of service principals may be among what was not seen."""
    return gap.operation is None or gap.operation.startswith(_LIST)


def _nameless(identity: Identity) -> bool:
    """Whether nothing but an assignment tells of a service principal: Graph gives each its client id."""
    said = identity.tags.get("principal_type", "").lower() == "serviceprincipal"
    return said and identity.native_id is None and identity.state is None
