"""What runs in Azure and as whom: the `identity` block of every resource, by one Resource Graph query.

A system-assigned identity is told here, with the resource it belongs to; a resource without any identity is not.
Kubernetes clusters have more of them: that of the nodes and those of add-ons, and an issuer whose tokens other
identities may trust (REST reference, Microsoft.ContainerService managedClusters).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import guid, mapping
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.azure._arm import entra, in_scopes, known_by, tenant_of, type_of, unique
from nhiscan.collectors.azure._resource_graph import Reading, graph_query
from nhiscan.collectors.azure._workloads import workload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

QUERY = """resources
| where isnotempty(identity) or type in~ ('microsoft.containerservice/managedclusters', \
'microsoft.managedidentity/userassignedidentities')
| project id, name, type, kind, tenantId, subscriptionId, tags, identity, properties = pack(
    'principalId', properties.principalId, 'tenantId', properties.tenantId, 'state', properties.state,
    'runningStatus', properties.runningStatus, 'powerState', properties.powerState,
    'instancePower', properties.extended.instanceView.powerState.code, 'httpsOnly', properties.httpsOnly,
    'defaultHostName', properties.defaultHostName, 'publicNetworkAccess', properties.publicNetworkAccess,
    'ingress', properties.configuration.ingress, 'identityProfile', properties.identityProfile,
    'addonProfiles', properties.addonProfiles, 'oidcIssuerProfile', properties.oidcIssuerProfile,
    'servicePrincipalProfile', properties.servicePrincipalProfile)
| order by id asc"""
"""Resources with an identity, and clusters and user-assigned identities, of all chosen subscriptions."""

_READ = "*/read"
RESOURCES = graph_query("identities", QUERY, _READ)
LIST = Operation(
    "arm:resources.list",
    "/subscriptions/{subscription}/resources",
    (_READ,),
    query={"api-version": "2021-04-01"},
    named=known_by,
)
CLUSTERS = Operation(
    "arm:managedClusters.list",
    "/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters",
    ("Microsoft.ContainerService/managedClusters/read",),
    query={"api-version": "2024-05-01"},
    named=known_by,
)
_USER_ASSIGNED = "microsoft.managedidentity/userassignedidentities"


def _read(ask: Ask) -> Iterator[Record]:
    reading = Reading(ask)
    # Clusters first: the list of all resources holds them too, without what makes them clusters.
    rows = list(unique(reading.rows(RESOURCES, CLUSTERS, LIST)))
    principals = dict(_principals(ask, rows))
    for resource, row in rows:
        if type_of(row) != _USER_ASSIGNED:
            yield from workload(ask, resource, row, principals)
    yield from reading.gaps


def _principals(ask: Ask, rows: list[tuple[str, Json]]) -> Iterator[tuple[str, str]]:
    for resource, row in rows:
        known = mapping(row.get("properties"))
        principal = guid(known.get("principalId"))
        if principal is not None and type_of(row) == _USER_ASSIGNED:
            yield resource, entra(tenant_of(ask, known.get("tenantId"), row.get("tenantId")), principal)


COLLECTOR = Group(
    name="azure.workloads",
    title="Azure workloads: what runs, and the managed identities it runs as",
    place="estate",
    parts=(
        Part(
            name="workloads",
            kind="Azure resource with a managed identity, system-assigned managed identity",
            facts=("platform", "identities", "running", "public address", "OIDC issuer", "owner"),
            calls={
                RESOURCES: "consumer, use, identity",
                CLUSTERS: "consumer, use",
                LIST: "consumer, use, identity",
            },
            read=in_scopes(_read),
        ),
    ),
)
