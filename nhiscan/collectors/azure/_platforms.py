"""Types of Azure resources that run something, with the platform that consumers of them are on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.plugin import ConsumerKind

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORKLOAD, _FUNCTION = ConsumerKind.WORKLOAD, ConsumerKind.FUNCTION
_PLATFORMS: Mapping[str, tuple[str, ConsumerKind]] = {
    "microsoft.app/containerapps": ("azure_container_apps", _WORKLOAD),
    "microsoft.app/jobs": ("azure_container_apps", _FUNCTION),
    "microsoft.apimanagement/service": ("azure_api_management", _WORKLOAD),
    "microsoft.appplatform/spring/apps": ("azure_spring_apps", _WORKLOAD),
    "microsoft.automation/automationaccounts": ("azure_automation", _FUNCTION),
    "microsoft.batch/batchaccounts": ("azure_batch", _WORKLOAD),
    "microsoft.botservice/botservices": ("azure_bot", ConsumerKind.APPLICATION),
    "microsoft.cognitiveservices/accounts": ("azure_ai_services", _WORKLOAD),
    "microsoft.cognitiveservices/accounts/projects": ("azure_foundry", _WORKLOAD),
    "microsoft.compute/virtualmachines": ("azure_vm", _WORKLOAD),
    "microsoft.compute/virtualmachinescalesets": ("azure_vm_scale_set", _WORKLOAD),
    "microsoft.containerinstance/containergroups": ("azure_container_instances", _WORKLOAD),
    "microsoft.containerservice/managedclusters": ("azure_aks", _WORKLOAD),
    "microsoft.databricks/accessconnectors": ("azure_databricks", _WORKLOAD),
    "microsoft.datafactory/factories": ("azure_data_factory", _WORKLOAD),
    "microsoft.hybridcompute/machines": ("azure_arc", _WORKLOAD),
    "microsoft.kubernetes/connectedclusters": ("azure_arc_kubernetes", _WORKLOAD),
    "microsoft.logic/workflows": ("azure_logic_apps", _FUNCTION),
    "microsoft.machinelearningservices/workspaces": ("azure_machine_learning", _WORKLOAD),
    "microsoft.machinelearningservices/workspaces/onlineendpoints": ("azure_machine_learning", _WORKLOAD),
    "microsoft.resources/deploymentscripts": ("azure_deployment_scripts", _FUNCTION),
    "microsoft.servicefabric/managedclusters": ("azure_service_fabric", _WORKLOAD),
    "microsoft.synapse/workspaces": ("azure_synapse", _WORKLOAD),
}
_SITES = frozenset({"microsoft.web/sites", "microsoft.web/sites/slots"})


def platform(type_: str, kind: str | None) -> tuple[str, ConsumerKind]:
    """The platform and kind of consumer of a resource of this type (lower case), by its `kind` where that matters.

    A type that is not in the table acts through its identity all the same, and gives its platform its own name.
    """
    if type_ in _SITES:
        words = {word.strip() for word in (kind or "").lower().split(",")}
        if "workflowapp" in words:
            return "azure_logic_apps", _FUNCTION
        return ("azure_functions", _FUNCTION) if "functionapp" in words else ("azure_app_service", _WORKLOAD)
    plain = re.sub(r"[^a-z0-9]+", "_", type_.removeprefix("microsoft.")).strip("_")
    return _PLATFORMS.get(type_, (f"azure_{plain}" if plain else "azure", _WORKLOAD))
