"""User-assigned managed identities and the outside tokens that may be exchanged for theirs.

One Resource Graph query reads the identities of all chosen subscriptions.  Their federated credentials are in no list
above the identity, so each is asked (REST reference, Microsoft.ManagedIdentity 2023-01-31).  Which resources act as
them, and the identities that resources have of their own, are told by `azure.workloads`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import guid, mapping
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.azure import _identities
from nhiscan.collectors.azure._arm import in_scopes, local_gap, name_of, unique
from nhiscan.collectors.azure._entra_credentials import Holder, federated
from nhiscan.collectors.azure._resource_graph import Reading, graph_query, subscription_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_READ = "Microsoft.ManagedIdentity/userAssignedIdentities/read"

QUERY = """resources
| where type =~ 'microsoft.managedidentity/userassignedidentities'
| project id, name, type, tenantId, subscriptionId, tags, properties
| order by id asc"""
"""User-assigned managed identities of all chosen subscriptions."""

IDENTITIES = graph_query("userAssignedIdentities", QUERY, _READ)
LIST = subscription_list(
    "userAssignedIdentities", "Microsoft.ManagedIdentity/userAssignedIdentities", "2023-01-31", _READ
)
FEDERATED = Operation(
    "arm:federatedIdentityCredentials.list", "/{+id}/federatedIdentityCredentials",
    ("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read",),
    query={"api-version": "2023-01-31"},
)  # fmt: skip


def _read(ask: Ask) -> Iterator[Record]:
    reading = Reading(ask)
    held: dict[str, str] = {}
    for resource, row in unique(reading.rows(IDENTITIES, LIST)):
        yield from _identities.user_assigned(ask, resource, row)
        known = mapping(row.get("properties"))
        principal = guid(known.get("principalId"))
        if principal is not None:
            held[resource] = principal
    yield from reading.gaps
    for request, answer in ask.each_items(FEDERATED, "value", [{"id": resource} for resource in held]):
        resource = str(request["id"])
        if not isinstance(answer, RefusedError):
            holder = Holder(held[resource], resource, "managed_identity")
            for entry in answer:
                name = name_of(entry, "") or None
                yield from federated(ask, {**mapping(entry.get("properties")), "name": name}, holder)
        elif not answer.missing:
            yield local_gap(ask, answer, resource, ("trust", "credential"))


COLLECTOR = Group(
    name="azure.managed_identities",
    title="Azure user-assigned managed identities and who outside may become them",
    place="estate",
    parts=(
        Part(
            name="identities",
            kind="Azure user-assigned managed identity, its federated credential",
            facts=("client id", "owner", "issuer", "subject", "audience"),
            calls={
                IDENTITIES: "identity",
                LIST: "identity",
                FEDERATED: "trust, credential",
            },
            read=in_scopes(_read),
        ),
    ),
)
