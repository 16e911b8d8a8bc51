"""An invented Azure estate in the form that Resource Manager answers with, and what is true of it.

Its shapes are those of recorded answers and of the vendor's examples: camel case where Resource Manager has it, nulls
for makers that nobody remembers, built-in roles at the root, inherited assignments in every list.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.twins.graph_rows import TENANT

OWNER, READER, CONTRIBUTOR = (
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
)  # fmt: skip
CONDITION = "@Resource[Microsoft.Storage/storageAccounts:name] StringEquals 'acmelogs'"
MAKER = {"createdBy": None, "createdByType": "User", "createdAt": "2026-05-22T20:34:46.9095499Z"}


def guid(kind: int, number: int) -> str:
    return f"{kind:08x}-5a5a-4a5a-8a5a-{number:012x}"


SUBSCRIPTIONS = tuple(guid(0x5B, n) for n in (1, 2))


@dataclass
class ArmEstate:
    """Rows by type in lower case (of all subscriptions), what lies inside a resource, and sets of true facts."""

    rows: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    inside: dict[tuple[str, str], list[dict]] = field(default_factory=dict)
    identities: set[str] = field(default_factory=set)
    consumers: set[str] = field(default_factory=set)
    runs_as: set[tuple[str, str]] = field(default_factory=set)
    grants: set[tuple] = field(default_factory=set)
    denials: set[tuple] = field(default_factory=set)
    policies: set[str] = field(default_factory=set)
    stores: set[str] = field(default_factory=set)
    trusts: set[tuple[str, str, str]] = field(default_factory=set)
    credentials: set[str] = field(default_factory=set)
    resources: set[tuple[str, bool | None]] = field(default_factory=set)
    logged: set[tuple[str, str]] = field(default_factory=set)
    """Ids of scopes and names of vaults whose logs are kept, with the kind of log."""

    def add(self, type_: str, name: str, subscription: str, *, group: str = "rg-App", **more: object) -> str:
        """Put a resource of a type (`Microsoft.X/y`, `…/y/z` inside the last one) there; its id in lower case."""
        resource = f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{type_}/{name}"
        self.rows[type_.lower()].append({"id": resource, "name": name, "type": type_, "location": "westeurope", **more})
        return resource.lower()


def entra(object_id: str) -> str:
    return f"entra:{TENANT}/{object_id}"


def arm_estate(size: int = 40) -> ArmEstate:
    """About `size` managed identities, half of them user-assigned, spread over two subscriptions."""
    made = ArmEstate()
    _roles(made, size)
    _identities(made, size)
    _vaults(made, max(2, size // 50))
    _accepting(made, max(2, size // 20))
    _foundry(made, max(1, size // 200))
    _logs(made)
    return made


def _assignment(made: ArmEstate, number: int, scope: str, role: str, principal: str, **more: object) -> str:
    made.identities.add(entra(principal))
    base = "" if scope == "/" else scope
    name = f"{base}/providers/Microsoft.Authorization/roleAssignments/{guid(0xA5, number)}"
    made.rows["microsoft.authorization/roleassignments"].append({
        "id": name, "name": guid(0xA5, number), "type": "Microsoft.Authorization/roleAssignments",
        "properties": {
            "roleDefinitionId": f"{base}/providers/Microsoft.Authorization/roleDefinitions/{role}", "scope": scope,
            "principalId": principal, "principalType": "ServicePrincipal", "createdOn": "2026-02-01T09:00:00Z",
            "updatedOn": "2026-02-01T09:00:00Z", "createdBy": None, "updatedBy": None, "condition": None,
            "conditionVersion": None, "description": None, "delegatedManagedIdentityResourceId": None, **more,
        },
    })  # fmt: skip
    return name


def _roles(made: ArmEstate, size: int) -> None:
    custom = guid(0xCC, 1)
    for role, name, kind, actions, scopes in (
        (OWNER, "Owner", "BuiltInRole", ["*"], ["/"]),
        (READER, "Reader", "BuiltInRole", ["*/read"], ["/"]),
        (CONTRIBUTOR, "Contributor", "BuiltInRole", ["*"], ["/"]),
        (custom, "Vault Opener", "CustomRole", ["Microsoft.KeyVault/*"], [f"/subscriptions/{SUBSCRIPTIONS[0]}"]),
    ):
        base = scopes[0] if kind == "CustomRole" else ""
        made.rows["microsoft.authorization/roledefinitions"].append({
            "id": f"{base}/providers/Microsoft.Authorization/roleDefinitions/{role}", "name": role,
            "type": "Microsoft.Authorization/roleDefinitions",
            "properties": {
                "roleName": name, "type": kind, "description": "", "assignableScopes": scopes, "createdBy": None,
                "permissions": [{"actions": actions, "notActions": [], "dataActions": [], "notDataActions": []}],
                "createdOn": "2015-02-02T21:55:09.8806423Z", "updatedOn": "2022-05-17T00:00:00Z", "updatedBy": None,
            },
        })  # fmt: skip
        made.policies.add(f"azure:role/{role}" if kind == "BuiltInRole" else f"azure:role/{TENANT}/{role}")
    for number in range(size):
        scope = f"/subscriptions/{SUBSCRIPTIONS[number % 2]}"
        scope = "/" if number == 2 else scope + ("/resourceGroups/rg-App" if number % 3 else "")
        role = custom if number % 7 == 0 else (OWNER, READER, CONTRIBUTOR)[number % 3]
        condition = CONDITION if number % 5 == 0 else None
        _assignment(made, number, scope, role, guid(0xE0, number), condition=condition)
        policy = f"azure:role/{TENANT}/{role}" if role == custom else f"azure:role/{role}"
        made.grants.add((entra(guid(0xE0, number)), policy, scope.lower(), condition, None))
    _pim(made)
    _deny(made)


def _pim(made: ArmEstate) -> None:
    scope = f"/subscriptions/{SUBSCRIPTIONS[0]}"
    shared = {"scope": scope, "roleDefinitionId": f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{OWNER}",
              "principalId": guid(0xE1, 1), "principalType": "User", "status": "Provisioned", "memberType": "Direct",
              "startDateTime": "2026-09-09T21:32:27.91Z", "endDateTime": None, "condition": None}  # fmt: skip
    for kind, more in (
        ("roleEligibilityScheduleInstances", {}),
        ("roleAssignmentScheduleInstances", {"assignmentType": "Activated", "originRoleAssignmentId": made.rows[
            "microsoft.authorization/roleassignments"][0]["id"]}),
    ):  # fmt: skip
        made.rows[f"microsoft.authorization/{kind.lower()}"].append({
            "id": f"{scope}/providers/Microsoft.Authorization/{kind}/{guid(0xB0, 1)}", "name": guid(0xB0, 1),
            "type": f"Microsoft.Authorization/{kind}", "properties": shared | more,
        })  # fmt: skip
    made.grants.add((entra(guid(0xE1, 1)), f"azure:role/{OWNER}", scope, None, True))
    made.identities.add(entra(guid(0xE1, 1)))


def _deny(made: ArmEstate) -> None:
    scope = f"/subscriptions/{SUBSCRIPTIONS[1]}/resourceGroups/rg-Managed"
    name = f"{scope}/providers/Microsoft.Authorization/denyAssignments/{guid(0xD0, 1)}"
    made.rows["microsoft.authorization/denyassignments"].append({
        "id": name, "name": guid(0xD0, 1), "type": "Microsoft.Authorization/denyAssignments",
        "properties": {
            "denyAssignmentName": "Managed application", "description": None, "scope": scope,
            "permissions": [{"actions": ["*"], "notActions": ["*/read"], "dataActions": [], "notDataActions": []}],
            "doNotApplyToChildScopes": False, "isSystemProtected": True, "condition": None,
            "principals": [{"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}],
            "excludePrincipals": [{"id": guid(0xE0, 0), "type": "ServicePrincipal"}],
        },
    })  # fmt: skip
    made.policies.add(name.lower())
    made.denials |= {
        (f"entra:{TENANT}/everyone", "denies", scope.lower()),
        (entra(guid(0xE0, 0)), "exempt", scope.lower()),
    }


def _identities(made: ArmEstate, size: int) -> None:
    for number in range(size // 2):
        subscription = SUBSCRIPTIONS[number % 2]
        principal, client = guid(0xE0, number), guid(0xC1, number)
        held = made.add(
            "Microsoft.ManagedIdentity/userAssignedIdentities", f"id-{number}", subscription,
            tags={"owner": "platform"} if number % 4 else None,
            properties={"principalId": principal, "clientId": client, "tenantId": TENANT},
        )  # fmt: skip
        made.identities.add(entra(principal))
        subject = f"repo:acme/app-{number}:ref:refs/heads/main"
        made.inside[held, "federatedIdentityCredentials"] = [] if number % 10 else [{
            "id": f"{held}/federatedIdentityCredentials/gh", "name": "gh",
            "type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
            "properties": {"issuer": "https://token.actions.githubusercontent.com", "subject": subject,
                           "audiences": ["api://AzureADTokenExchange"]},
        }]  # fmt: skip
        if number % 10 == 0:
            made.trusts.add(("token.actions.githubusercontent.com", subject, entra(principal)))
            made.credentials.add(f"{entra(principal)}#federated/gh")
        own = guid(0xE2, number)
        machine = made.add(
            "Microsoft.Compute/virtualMachines", f"vm-{number}", subscription,
            identity={"type": "SystemAssigned, UserAssigned", "principalId": own, "tenantId": TENANT,
                      "userAssignedIdentities": {held: {"principalId": principal, "clientId": client}}},
            properties={"vmId": guid(0xF0, number), "extended": {"instanceView": {"powerState": {"code": "PowerState/running"}}}},
        )  # fmt: skip
        made.identities.add(entra(own))
        made.consumers.add(machine)
        made.runs_as |= {(machine, entra(own)), (machine, entra(principal))}
    made.add("Microsoft.Network/virtualNetworks", "net", SUBSCRIPTIONS[0], properties={})


def _logged(made: ArmEstate, where: str, kind: str, name: str, *categories: str) -> None:
    """A diagnostic setting that keeps these categories."""
    logs = [{"category": each, "categoryGroup": None, "enabled": True, "retentionPolicy": None} for each in categories]
    made.inside[where, "logs"] = [{"id": f"{where}/providers/microsoft.insights/diagnosticSettings/keep", "name": "keep",
                                   "properties": {"logs": logs, "metrics": [], "workspaceId": "/subscriptions/w"}}]  # fmt: skip
    made.logged.add((name, kind))


def _logs(made: ArmEstate) -> None:
    tenant, sub = f"azure:tenant/{TENANT}", SUBSCRIPTIONS[0]
    _logged(made, "", "sign_ins", tenant, "ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs")
    _logged(made, f"/subscriptions/{sub}", "api_calls_kept", f"azure:sub/{sub}", "Administrative")
    _logged(made, made.rows["microsoft.keyvault/vaults"][0]["id"].lower(), "secret_access", "kv-0", "AuditEvent")


def _vaults(made: ArmEstate, count: int) -> None:
    for number in range(count):
        principal = guid(0xE0, number)
        vault = made.add(
            "Microsoft.KeyVault/vaults", f"kv-{number}", SUBSCRIPTIONS[number % 2], tags={},
            properties={
                "sku": {"family": "A", "name": "standard"}, "tenantId": TENANT,
                "enableRbacAuthorization": number % 2 == 0,
                "accessPolicies": [{"tenantId": TENANT, "objectId": principal, "permissions": {"secrets": ["Get"]}}],
            },
        )  # fmt: skip
        times = {"enabled": True, "created": 1674079373, "updated": 1674079373}
        for kind in ("secrets", "keys"):
            made.inside[vault, kind] = [
                {"id": f"{vault}/{kind}/{n}", "name": n, "type": f"Microsoft.KeyVault/vaults/{kind}", "tags": None,
                 "properties": {"attributes": times | ({"exp": 1798761600} if n == "b" else {})}}
                for n in ("a", "b")
            ]  # fmt: skip
            made.stores |= {f"{vault}/{kind}/{n}" for n in ("a", "b")}
        made.resources.add((vault, False))
        if number % 2:
            policy = f"{vault}#access_policy/{principal}"
            made.policies.add(policy)
            made.grants.add((entra(principal), policy, vault, None, None))


def _accepting(made: ArmEstate, count: int) -> None:
    for number in range(count):
        shared = (None, True, False)[number % 3]
        account = made.add(
            "Microsoft.Storage/storageAccounts", f"acme{number}", SUBSCRIPTIONS[number % 2],
            properties={"allowSharedKeyAccess": shared, "keyCreationTime": {"key1": "2024-01-05T10:00:00Z", "key2": None}},
        )  # fmt: skip
        made.resources.add((account, shared is not False))
        made.credentials |= {f"{account}#key/key1", f"{account}#key/key2"}


def _foundry(made: ArmEstate, count: int) -> None:
    for number in range(count):
        own, agent, blueprint = guid(0xE3, number), guid(0xE4, number), guid(0xE5, number)
        account = made.add(
            "Microsoft.CognitiveServices/accounts", f"ai-{number}", SUBSCRIPTIONS[0], kind="AIServices",
            properties={"allowProjectManagement": True, "disableLocalAuth": True}, systemData=MAKER,
        )  # fmt: skip
        project = made.add(
            "Microsoft.CognitiveServices/accounts/projects", f"ai-{number}/projects/p", SUBSCRIPTIONS[0],
            identity={"type": "SystemAssigned", "principalId": own, "tenantId": TENANT}, properties={"isDefault": True},
        ).replace("/accounts/projects/", "/accounts/")  # fmt: skip
        row = made.rows["microsoft.cognitiveservices/accounts/projects"][-1]
        row["id"], row["name"] = row["id"].replace("/accounts/projects/", "/accounts/"), f"ai-{number}/p"
        made.resources.add((account, False))
        made.inside[account, "projects"] = [row]
        made.inside[account, "connections"] = []
        made.inside[project, "connections"] = [{
            "id": f"{project}/connections/openai", "name": "openai", "systemData": MAKER, "tags": None, "location": None,
            "type": "Microsoft.CognitiveServices/accounts/projects/connections",
            "properties": {"authType": "ApiKey", "category": "OpenAI", "target": "https://api.openai.com", "expiryTime": None},
        }]  # fmt: skip
        held = {"tenantId": TENANT, "type": "System"}
        application = f"{project}/applications/support"
        made.inside[project, "applications"] = [{
            "id": application, "name": "support", "systemData": MAKER,
            "type": "Microsoft.CognitiveServices/accounts/projects/applications",
            "properties": {
                "displayName": "Support", "isEnabled": True, "agents": [{"agentId": "a", "agentName": "triage"}],
                "agentIdentityBlueprint": held | {"kind": "AgentBlueprint", "clientId": blueprint, "principalId": blueprint},
                "defaultInstanceIdentity": held | {"kind": "AgentInstance", "clientId": agent, "principalId": agent},
            },
        }]  # fmt: skip
        made.identities.add(entra(own))
        made.consumers |= {account, project, application, f"{application}/agents/triage"}
        made.runs_as |= {
            (project, entra(own)),
            (application, entra(agent)),
            (f"{application}/agents/triage", entra(agent)),
        }
        made.credentials.add(f"{project}/connections/openai")
        made.stores.add(f"{project}/connections/openai")
        made.trusts.add((entra(blueprint), "", entra(agent)))
