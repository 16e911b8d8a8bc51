"""Azure resources that accept a key or password of their own, and how old the keys of storage accounts are.

One Resource Graph query reads the settings of all chosen subscriptions.  Keys are never listed (`listKeys` gives their
values): Azure tells of storage accounts when each key was made, of other services nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.values import facts, mapping, moment, number
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.azure._arm import in_scopes, name_of, owners, seen, type_of, unique
from nhiscan.collectors.azure._key_settings import ACCEPTING
from nhiscan.collectors.azure._resource_graph import Reading, graph_query, subscription_list
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Lifetime, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.azure._key_settings import Accepting
    from nhiscan.plugin import Record

QUERY = """resources
| where type in~ ('microsoft.storage/storageaccounts', 'microsoft.cognitiveservices/accounts',
    'microsoft.documentdb/databaseaccounts', 'microsoft.servicebus/namespaces', 'microsoft.eventhub/namespaces',
    'microsoft.eventgrid/topics', 'microsoft.eventgrid/domains', 'microsoft.search/searchservices',
    'microsoft.containerregistry/registries', 'microsoft.sql/servers', 'microsoft.synapse/workspaces',
    'microsoft.dbforpostgresql/flexibleservers', 'microsoft.cache/redis',
    'microsoft.appconfiguration/configurationstores', 'microsoft.signalrservice/signalr',
    'microsoft.signalrservice/webpubsub', 'microsoft.maps/accounts', 'microsoft.batch/batchaccounts',
    'microsoft.devices/iothubs', 'microsoft.automation/automationaccounts',
    'microsoft.operationalinsights/workspaces', 'microsoft.containerservice/managedclusters',
    'microsoft.machinelearningservices/workspaces/onlineendpoints')
| project id, name, type, kind, tenantId, subscriptionId, tags, properties = pack(
    'allowSharedKeyAccess', properties.allowSharedKeyAccess, 'allowBlobPublicAccess', properties.allowBlobPublicAccess,
    'supportsHttpsTrafficOnly', properties.supportsHttpsTrafficOnly, 'keyCreationTime', properties.keyCreationTime,
    'keyPolicy', properties.keyPolicy, 'disableLocalAuth', properties.disableLocalAuth,
    'disableLocalAccounts', properties.disableLocalAccounts, 'adminUserEnabled', properties.adminUserEnabled,
    'anonymousPullEnabled', properties.anonymousPullEnabled, 'administrators', properties.administrators,
    'azureADOnlyAuthentication', properties.azureADOnlyAuthentication, 'authConfig', properties.authConfig,
    'disableAccessKeyAuthentication', properties.disableAccessKeyAuthentication,
    'enableNonSslPort', properties.enableNonSslPort, 'features', properties.features,
    'allowedAuthenticationModes', properties.allowedAuthenticationModes, 'authMode', properties.authMode,
    'publicNetworkAccess', properties.publicNetworkAccess, 'networkAcls', properties.networkAcls,
    'networkRuleSet', properties.networkRuleSet, 'ipRules', properties.ipRules,
    'inboundIpRules', properties.inboundIpRules,
    'isVirtualNetworkFilterEnabled', properties.isVirtualNetworkFilterEnabled,
    'creationTime', properties.creationTime, 'dateCreated', properties.dateCreated,
    'creationDate', properties.creationDate)
| order by id asc"""
"""Settings of the resources of all chosen subscriptions that could accept keys."""

RESOURCES = graph_query("localAuth", QUERY, *(f"{each.type}/read" for each in ACCEPTING.values()))
LISTS = tuple(
    subscription_list(
        each.type.removeprefix("Microsoft.").replace("/", "."), each.type, each.version, f"{each.type}/read"
    )
    for each in ACCEPTING.values()
    if each.type.count("/") == 1  # what lies inside another resource has no list of its own
)
_COVERS = "resource, credential"
_BORN = ("creationTime", "dateCreated", "creationDate")
_KEYS = ("key1", "key2")


def _read(ask: Ask) -> Iterator[Record]:
    reading = Reading(ask)
    for resource, row in unique(reading.rows(RESOURCES, *LISTS)):
        accepting = ACCEPTING.get(type_of(row))
        if accepting is not None:
            yield from _resource(ask, resource, row, accepting)
    yield from reading.gaps


def _resource(ask: Ask, resource: str, row: Json, accepting: Accepting) -> Iterator[Record]:
    known, tags = mapping(row.get("properties")), tagging.read(row.get("tags"))
    at = seen(ask, resource, resource)
    local = accepting.local(known)
    yield Resource(
        **at,
        provider="azure",
        kind=accepting.kind,
        name=name_of(row, resource),
        public=accepting.reach(known),
        local_auth=local,
        authenticated=accepting.authenticated(known),
        tls=accepting.tls(known),
        created_at=_born(known, row),
        environment=tagging.environment(tags),
        tags=tags,
    )
    yield from owners(ask, resource, at["scope_id"], tags)
    if accepting.kind == "storage_account":
        yield from _keys(ask, resource, known, local=local)


def _born(known: Json, row: Json) -> datetime | None:
    said = (*(known.get(name) for name in _BORN), mapping(row.get("systemData")).get("createdAt"))
    return next((found for each in said if (found := moment(each))), None)


def _keys(ask: Ask, resource: str, known: Json, *, local: bool | None) -> Iterator[Credential]:
    """The two keys that every storage account has ("Manage storage account access keys"); never their values.

    Azure reminds of a key's age by a policy and never ends one, so none of them expires.
    """
    made = mapping(known.get("keyCreationTime"))
    for name in _KEYS:
        yield Credential(
            **seen(ask, f"{resource}#key/{name}", resource),
            provider="azure",
            kind=CredentialKind.API_KEY,
            format="azure-storage-key",
            name=f"{resource.rpartition('/')[2]}/{name}",
            state={True: CredentialState.ACTIVE, False: CredentialState.INACTIVE}.get(local)
            if local is not None
            else None,
            lifetime=Lifetime.STATIC,
            issued_at=moment(made.get(name)),
            key_id=name,
            facts=facts(
                resource=resource,
                reminder_days=number(mapping(known.get("keyPolicy")).get("keyExpirationPeriodInDays")),
            ),
        )


COLLECTOR = Group(
    name="azure.local_auth",
    title="Azure resources that accept shared keys or passwords, and the age of storage account keys",
    place="estate",
    parts=(
        Part(
            name="resources",
            kind="Azure resource that may accept keys, storage account key",
            facts=("accepts keys", "network", "demands proof", "encryption in transit", "age of keys", "owner"),
            calls={RESOURCES: _COVERS, **dict.fromkeys(LISTS, _COVERS)},
            read=in_scopes(_read),
        ),
    ),
)
