"""Which setting of which type of Azure resource says whether it accepts a key or password of its own.

Each entry is the setting in the REST reference of its provider; what an absent setting means stands beside it and is
the default that the reference gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import flag, mapping, text, texts
from nhiscan.collectors.azure._network import closed, listed, ruled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nhiscan.collectors._common.values import Json


@dataclass(frozen=True, slots=True)
class Accepting:
    """A type of resource: what it is called, the provider's spelling of its type, the version that lists it.

    `local` reads from its properties whether a key or password is accepted, `reach` whether the internet reaches it,
    `authenticated` whether it demands proof at all, and `tls` whether it is reached with encryption alone.
    """

    kind: str
    type: str
    version: str
    local: Callable[[Json], bool | None]
    reach: Callable[[Json], bool | None] = closed
    authenticated: Callable[[Json], bool | None] = lambda _: True
    tls: Callable[[Json], bool | None] = lambda _: None


def _unless(name: str, *, absent: bool | None = True) -> Callable[[Json], bool | None]:
    """Accepted unless a flag is set; `absent` is what holds without it."""

    def read(known: Json) -> bool | None:
        return _or(_not(flag(known.get(name))), known.get(name), absent=absent)

    return read


def _if(name: str, *, absent: bool | None = True) -> Callable[[Json], bool | None]:
    """Accepted if a flag is set."""

    def read(known: Json) -> bool | None:
        return _or(flag(known.get(name)), known.get(name), absent=absent)

    return read


def _or(said: bool | None, value: object, *, absent: bool | None) -> bool | None:  # noqa: FBT001 - three answers
    """What was said; where nothing was, what holds then; None for a value that is not understood."""
    return said if said is not None else absent if value is None else None


def _not(value: bool | None) -> bool | None:  # noqa: FBT001 - of a flag that may be unknown
    return None if value is None else not value


def _sql(known: Json) -> bool | None:
    """Whether a SQL server takes passwords: it does unless it has an administrator of Entra and takes no other."""
    return _unless("azureADOnlyAuthentication")(mapping(known.get("administrators")))


def _password(known: Json) -> bool | None:
    """Whether a PostgreSQL server takes passwords, as it does unless it was told not to."""
    value = mapping(known.get("authConfig")).get("passwordAuth")
    return _or({"enabled": True, "disabled": False}.get((text(value) or "").lower()), value, absent=True)


def _batch(known: Json) -> bool | None:
    """Whether a Batch account takes its shared key: the list of modes names it, or is absent."""
    modes = known.get("allowedAuthenticationModes")
    return True if modes is None else "sharedkey" in {mode.lower() for mode in texts(modes)}


def _blobs(known: Json) -> bool | None:
    """Whether a storage account demands proof: containers can only be opened to anybody where the account lets them."""
    return True if flag(known.get("allowBlobPublicAccess")) is False else None


def _workspace(known: Json) -> bool | None:
    return _unless("disableLocalAuth")(mapping(known.get("features")))


def _endpoint(known: Json) -> bool | None:
    """Whether an online endpoint takes a key; tokens of the workspace and of Entra end by themselves."""
    return {"key": True, "amltoken": False, "aadtoken": False}.get((text(known.get("authMode")) or "").lower())


_LOCAL = _unless("disableLocalAuth")
_ALL = (
    Accepting("storage_account", "Microsoft.Storage/storageAccounts", "2023-05-01", _if("allowSharedKeyAccess"), ruled,
              _blobs, _if("supportsHttpsTrafficOnly", absent=None)),
    Accepting("ai_account", "Microsoft.CognitiveServices/accounts", "2025-06-01", _LOCAL, ruled),
    Accepting("cosmos_account", "Microsoft.DocumentDB/databaseAccounts", "2024-11-15", _LOCAL, listed),
    Accepting("service_bus", "Microsoft.ServiceBus/namespaces", "2024-01-01", _LOCAL),
    Accepting("event_hubs", "Microsoft.EventHub/namespaces", "2024-01-01", _LOCAL),
    Accepting("event_grid_topic", "Microsoft.EventGrid/topics", "2022-06-15", _LOCAL, listed),
    Accepting("event_grid_domain", "Microsoft.EventGrid/domains", "2022-06-15", _LOCAL, listed),
    Accepting("search_service", "Microsoft.Search/searchServices", "2023-11-01", _LOCAL, listed),
    Accepting("container_registry", "Microsoft.ContainerRegistry/registries", "2023-07-01",
              _if("adminUserEnabled", absent=False), ruled, _unless("anonymousPullEnabled")),
    Accepting("sql_server", "Microsoft.Sql/servers", "2023-08-01", _sql),
    Accepting("synapse_workspace", "Microsoft.Synapse/workspaces", "2021-06-01", _unless("azureADOnlyAuthentication")),
    Accepting("postgresql_server", "Microsoft.DBforPostgreSQL/flexibleServers", "2024-08-01", _password),
    Accepting("redis_cache", "Microsoft.Cache/redis", "2024-11-01", _unless("disableAccessKeyAuthentication"),
              tls=_unless("enableNonSslPort", absent=None)),
    Accepting("app_configuration", "Microsoft.AppConfiguration/configurationStores", "2024-05-01", _LOCAL, listed),
    Accepting("signalr", "Microsoft.SignalRService/signalR", "2024-03-01", _LOCAL),
    Accepting("web_pubsub", "Microsoft.SignalRService/webPubSub", "2024-03-01", _LOCAL),
    Accepting("maps_account", "Microsoft.Maps/accounts", "2023-06-01", _LOCAL, listed),
    Accepting("batch_account", "Microsoft.Batch/batchAccounts", "2024-07-01", _batch),
    Accepting("iot_hub", "Microsoft.Devices/IotHubs", "2023-06-30", _LOCAL),
    Accepting("automation_account", "Microsoft.Automation/automationAccounts", "2023-11-01", _LOCAL),
    Accepting("log_workspace", "Microsoft.OperationalInsights/workspaces", "2023-09-01", _workspace),
    Accepting("kubernetes_cluster", "Microsoft.ContainerService/managedClusters", "2024-05-01",
              _unless("disableLocalAccounts")),
    Accepting("model_endpoint", "Microsoft.MachineLearningServices/workspaces/onlineEndpoints", "2024-04-01", _endpoint,
              listed),
)  # fmt: skip
ACCEPTING: Mapping[str, Accepting] = MappingProxyType({each.type.lower(): each for each in _ALL})
"""By type in lower case."""
