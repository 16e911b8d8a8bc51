"""The clouds of Azure, and the addresses and audiences of the services that are asked.

Sources: learn.microsoft.com/graph/deployments ("Microsoft Graph and Graph Explorer service root endpoints"),
learn.microsoft.com/entra/identity-platform/authentication-national-cloud, and `az cloud list` for Resource Manager.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nhiscan.collect.endpoints import base_of
from nhiscan.plugin import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping

AUTHORITY, ARM, GRAPH = "azure-authority", "azure-arm", "azure-graph"
_CLOUD = "azure"


@dataclass(frozen=True, slots=True)
class Cloud:
    """Where to sign in, where Resource Manager and Graph are, and for whom their tokens are made out.

    `private` says that the authority is none of Microsoft's public ones.
    """

    name: str
    authority: str
    arm: str
    graph: str
    arm_audience: str
    graph_audience: str
    private: bool = False

    def base(self, service: str) -> str | None:
        """The address of a service (`arm`, `graph`)."""
        return {"arm": self.arm, "graph": self.graph}.get(service)

    def scope(self, service: str) -> str:
        """What a token for it is asked for."""
        return f"{self.arm_audience if service == 'arm' else self.graph_audience}/.default"


def _cloud(name: str, authority: str, arm: str, graph: str) -> Cloud:
    return Cloud(
        name, f"https://{authority}", f"https://{arm}", f"https://{graph}", f"https://{arm}", f"https://{graph}"
    )


CLOUDS: Mapping[str, Cloud] = {
    cloud.name.lower(): cloud
    for cloud in (
        _cloud("AzureCloud", "login.microsoftonline.com", "management.azure.com", "graph.microsoft.com"),
        _cloud("AzureUSGovernment", "login.microsoftonline.us", "management.usgovcloudapi.net", "graph.microsoft.us"),
        _cloud(
            "AzureUSGovernmentDoD", "login.microsoftonline.us", "management.usgovcloudapi.net", "dod-graph.microsoft.us"
        ),
        _cloud(
            "AzureChinaCloud",
            "login.chinacloudapi.cn",
            "management.chinacloudapi.cn",
            "microsoftgraph.chinacloudapi.cn",
        ),
    )
}
_KNOWN = {cloud.authority for cloud in CLOUDS.values()} | {
    "https://login.partner.microsoftonline.cn", "https://login.microsoft.com", "https://login.windows.net",
    "https://sts.windows.net",
}  # fmt: skip


def cloud_of(endpoints: Mapping[str, str]) -> Cloud:
    """The cloud that `--endpoint azure=NAME`, AZURE_CLOUD or AZURE_AUTHORITY_HOST mean, with the addresses given.

    Raises TargetError for a cloud or an endpoint that there is not, and for an address that is not safe.
    """
    unknown = {name for name in endpoints if name.startswith("azure-")} - {AUTHORITY, ARM, GRAPH}
    if unknown:
        message = f"azure has no endpoint {min(unknown)}"
        raise TargetError(message, f"use azure=CLOUD, {AUTHORITY}=URL, {ARM}=URL or {GRAPH}=URL")
    host = os.environ.get("AZURE_AUTHORITY_HOST", "").strip()
    authority = _checked(AUTHORITY, host if "://" in host else f"https://{host}") if host else None
    found = _named(endpoints.get(_CLOUD) or os.environ.get("AZURE_CLOUD", "").strip() or _by_authority(authority))
    given = {name: _checked(name, endpoints[name]) for name in (AUTHORITY, ARM, GRAPH) if name in endpoints}
    signs_in = given.get(AUTHORITY) or authority or found.authority
    return replace(
        found,
        authority=signs_in,
        arm=given.get(ARM, found.arm),
        graph=given.get(GRAPH, found.graph),
        private=signs_in not in _KNOWN,
    )


def _named(name: str) -> Cloud:
    found = CLOUDS.get(name.lower())
    if found is None:
        message = "there is no such Azure cloud"
        raise TargetError(message, f"use one of {', '.join(c.name for c in CLOUDS.values())}")
    return found


def _by_authority(authority: str | None) -> str:
    return next((cloud.name for cloud in CLOUDS.values() if cloud.authority == authority), "AzureCloud")


def _checked(name: str, address: str) -> str:
    base = base_of(address)
    if base is None or (name == AUTHORITY and urlsplit(base).scheme != "https"):
        message = f"the address of {name} cannot be used"
        remedy = "write https://HOST; plain http is taken for this machine alone, and never for the authority"
        raise TargetError(message, remedy)
    return base
