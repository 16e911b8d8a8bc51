"""The read-only roles for Azure with Entra and for Google Cloud, from what their collectors declare.

Azure: a custom role for Resource Manager, and the application permissions of Microsoft Graph as an app manifest names
them.  Google Cloud: a custom role of the organisation.  Each also as a Terraform module.  Nothing in them writes.
"""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING

from nhiscan.collect.permissions import required

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.collect.protocol import Collector

NAME = "nhiscan audit"
GRAPH = "00000003-0000-0000-c000-000000000000"
"""The application id of Microsoft Graph, the same in every tenant and cloud."""
_DESCRIPTION = "Read-only inventory of machine identities"
_ROLE_ID = "nhiscanAudit"
# learn.microsoft.com/graph/permissions-reference (application permissions), and for agent identities
# learn.microsoft.com/entra/agent-id "Microsoft Graph permissions for agents".
_GRAPH_IDS: Mapping[str, str] = {
    "AgentIdentity.Read.All": "b2b8f011-2898-4234-9092-5059f6c1ebfa",
    "AgentIdentityBlueprint.Read.All": "7547a7d1-36fa-4479-9c31-559a600eaa4f",
    "AgentIdentityBlueprintPrincipal.Read.All": "9361dea9-4524-493d-941d-f1b65aaf6c7c",
    "Application.Read.All": "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30",
    "AuditLog.Read.All": "b0afded3-3588-46d8-8b3d-9842eff778da",
    "DelegatedPermissionGrant.Read.All": "81b4724a-58aa-41c1-8a55-84ef97466587",
    "Directory.Read.All": "7ab1d382-f21e-4acd-a863-ba3e13f7da61",
    "Group.Read.All": "5b567255-7703-4780-807c-7be8301ae99b",
    "GroupMember.Read.All": "98830695-27a2-44f7-8c18-0c3ebc9698f6",
    "Organization.Read.All": "498476ce-e0fe-48b0-b801-37ba7e2685c6",
    "Policy.Read.All": "246dd0d5-5bd0-4def-940b-0421030a5b68",
    "Reports.Read.All": "230c1aed-a721-4c5d-9cb4-a90514e508ef",
    "RoleAssignmentSchedule.Read.Directory": "d5fe8ce8-684c-4c83-a52c-46e882ce4be1",
    "RoleEligibilitySchedule.Read.Directory": "ff278e11-4a33-4d0c-83d2-d01dc58929a5",
    "RoleManagement.Read.All": "c7fbd983-d9aa-4fa7-84b8-17382c103bc4",
    "RoleManagement.Read.Directory": "483bed4a-2ad3-4361-a73b-c83ccdbdc53c",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "User.ReadBasic.All": "97235f07-e226-4f63-ace3-39588e11d3a1",
}

_AZURE_MODULE = """\
# The read-only access of nhiscan. Printed by `nhiscan permissions azure --terraform`.
# It makes a role for Resource Manager and an application without any secret; let a workload sign in as it by a
# federated credential, or add one. Then: nhiscan audit azure:all

terraform {
  required_providers {
    azuread = {
      source  = "hashicorp/azuread"
      version = ">= 3.0"
    }
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.0"
    }
  }
}

variable "management_group_id" {
  description = "Management group whose subscriptions are read: the id of the tenant, for all of them."
  type        = string
}

variable "name" {
  description = "Name of the role and of the application."
  type        = string
  default     = "%(name)s"
}

locals {
  scope = "/providers/Microsoft.Management/managementGroups/${var.management_group_id}"

  actions = %(actions)s

  graph_permissions = %(graph)s
}

data "azuread_application_published_app_ids" "well_known" {}

data "azuread_service_principal" "graph" {
  client_id = data.azuread_application_published_app_ids.well_known.result["MicrosoftGraph"]
}

resource "azuread_application" "nhiscan" {
  display_name = var.name

  required_resource_access {
    resource_app_id = data.azuread_service_principal.graph.client_id

    dynamic "resource_access" {
      for_each = local.graph_permissions

      content {
        id   = data.azuread_service_principal.graph.app_role_ids[resource_access.value]
        type = "Role"
      }
    }
  }
}

resource "azuread_service_principal" "nhiscan" {
  client_id = azuread_application.nhiscan.client_id
}

resource "azuread_app_role_assignment" "graph" {
  for_each            = toset(local.graph_permissions)
  app_role_id         = data.azuread_service_principal.graph.app_role_ids[each.value]
  principal_object_id = azuread_service_principal.nhiscan.object_id
  resource_object_id  = data.azuread_service_principal.graph.object_id
}

resource "azurerm_role_definition" "nhiscan" {
  name        = var.name
  scope       = local.scope
  description = "%(description)s"

  permissions {
    actions = local.actions
  }

  assignable_scopes = [local.scope]
}

resource "azurerm_role_assignment" "nhiscan" {
  scope              = local.scope
  role_definition_id = azurerm_role_definition.nhiscan.role_definition_resource_id
  principal_id       = azuread_service_principal.nhiscan.object_id
  principal_type     = "ServicePrincipal"
}

output "client_id" {
  description = "AZURE_CLIENT_ID of whoever audits."
  value       = azuread_application.nhiscan.client_id
}
"""

_GOOGLE_MODULE = """\
# The read-only role of nhiscan. Printed by `nhiscan permissions gcp --terraform`.
# Then: nhiscan audit gcp:org/<organization_id>

terraform {
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.0"
    }
  }
}

variable "organization_id" {
  description = "Number of the organisation that is read."
  type        = string
}

variable "member" {
  description = "Who audits: serviceAccount:…, group:…, or a principal of a workload identity pool."
  type        = string
}

resource "google_organization_iam_custom_role" "nhiscan" {
  org_id      = var.organization_id
  role_id     = "%(role)s"
  title       = "%(name)s"
  description = "%(description)s"
  stage       = "GA"
  permissions = %(permissions)s
}

resource "google_organization_iam_member" "nhiscan" {
  org_id = var.organization_id
  role   = google_organization_iam_custom_role.nhiscan.id
  member = var.member
}

output "role" {
  description = "The role, to grant it on a folder or project instead."
  value       = google_organization_iam_custom_role.nhiscan.id
}
"""


def azure_actions(collectors: Iterable[Collector], options: Sequence[str] = ()) -> list[str]:
    """The actions of Resource Manager that are needed, without those that another one with `*` contains."""
    actions = _of(collectors, "azure", "arm", options)
    wide = [action for action in actions if "*" in action]
    return [
        action
        for action in actions
        if not any(action != other and fnmatch.fnmatchcase(action.lower(), other.lower()) for other in wide)
    ]


def graph_permissions(collectors: Iterable[Collector], options: Sequence[str] = ()) -> list[str]:
    """The application permissions of Microsoft Graph that are needed, by name."""
    return _of(collectors, "azure", "graph", options)


def google_permissions(collectors: Iterable[Collector], options: Sequence[str] = ()) -> list[str]:
    """The permissions of Google Cloud that are needed."""
    return _of(collectors, "gcp", "gcp", options)


def azure(collectors: Sequence[Collector], options: Sequence[str] = ()) -> str:
    """JSON with `roleDefinition`, for `az role definition create`, and `requiredResourceAccess`, as manifests have it.

    The role is assignable at the root management group; whoever has none writes a subscription there.
    """
    root = "/providers/Microsoft.Management/managementGroups/TENANT_ID"
    role = {
        "Name": NAME, "IsCustom": True, "Description": _DESCRIPTION, "Actions": azure_actions(collectors, options),
        "NotActions": [], "DataActions": [], "NotDataActions": [], "AssignableScopes": [root],
    }  # fmt: skip
    names = graph_permissions(collectors, options)
    access = [{"id": _GRAPH_IDS[name], "type": "Role"} for name in names if name in _GRAPH_IDS]
    found = {
        "roleDefinition": role,
        "requiredResourceAccess": [{"resourceAppId": GRAPH, "resourceAccess": access}],
        "graphPermissions": names,
    }
    return json.dumps(found, indent=2) + "\n"


def google(collectors: Sequence[Collector], options: Sequence[str] = ()) -> str:
    """YAML for `gcloud iam roles create nhiscanAudit --organization=N --file=…`."""
    import yaml

    role = {
        "title": NAME, "description": _DESCRIPTION, "stage": "GA",
        "includedPermissions": google_permissions(collectors, options),
    }  # fmt: skip
    return yaml.safe_dump(role, sort_keys=False, width=120)


def azure_terraform(collectors: Sequence[Collector], options: Sequence[str] = ()) -> str:
    """A module with the role, an application that has it and the permissions of Graph, and no secret."""
    return _AZURE_MODULE % {
        "name": NAME,
        "description": _DESCRIPTION,
        "actions": _list(azure_actions(collectors, options)),
        "graph": _list(graph_permissions(collectors, options)),
    }


def google_terraform(collectors: Sequence[Collector], options: Sequence[str] = ()) -> str:
    """A module with the role of the organisation, granted to whoever audits."""
    return _GOOGLE_MODULE % {
        "name": NAME,
        "role": _ROLE_ID,
        "description": _DESCRIPTION,
        "permissions": _list(google_permissions(collectors, options)),
    }


def _of(collectors: Iterable[Collector], provider: str, family: str, options: Sequence[str]) -> list[str]:
    prefix = f"{family}:"
    needed = required(collectors, provider, options)
    return sorted(name.removeprefix(prefix) for name in needed if name.startswith(prefix))


def _list(values: Sequence[str]) -> str:
    """JSON, which is an expression of Terraform too, indented to stand inside a block."""
    return json.dumps(list(values), indent=2).replace("\n", "\n  ")
