"""An invented tenant of any size, as Microsoft Graph would tell it, with a table of what is true of it.

A row is a dictionary with its type under `@odata.type`; relations are kept beside it, by id and name.  Every number
that decides what somebody has follows from his own number, so an estate is the same on every machine.
"""

from __future__ import annotations

from tests.twins.graph_applications import api_rows, application, foreign, managed
from tests.twins.graph_rows import (
    APPLICATION_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
    Estate,
    guid,
    joins,
    password_rows,
    principal_id,
    principal_row,
)


def estate(size: int = 40) -> Estate:
    """A tenant with `size` applications, and of everything else in proportion."""
    made = Estate()
    people = [_person(made, n) for n in range(max(30, size // 10))]
    apis = api_rows(made)
    groups = [_group(made, n, people) for n in range(4)]
    for number in range(size):
        application(made, number, people, apis, groups)
    for number in range(size // 4):
        foreign(made, number)
        managed(made, number, apis, groups)
    _agents(made, max(2, size // 10), people, groups)
    _roles(made, people, groups)
    _settings(made)
    return made


def _person(made: Estate, number: int) -> dict:
    name = f"Person {number}"
    row = {"id": guid(0x90, number), "displayName": name, "userPrincipalName": f"person{number}@acme.example"}
    made.left |= {principal_id(row["id"])} if number % 5 == 4 else set()
    more = {"mail": row["userPrincipalName"], "businessPhones": [], "jobTitle": None, "accountEnabled": number % 5 != 4}
    return made.add("user", {**row, **more})


def _group(made: Estate, number: int, people: list[dict]) -> dict:
    row = made.add("group", {
        "id": guid(0x30, number), "displayName": f"group {number}", "createdDateTime": "2024-05-05T00:00:00Z",
        "securityEnabled": True, "isAssignableToRole": number == 0, "membershipRule": None,
    })  # fmt: skip
    made.relate(row, "owners", people[number])
    group = principal_id(row["id"])
    made.identities[group] = "group"
    made.owners.add((group, people[number]["userPrincipalName"]))
    made.trusts.add(("impersonate", principal_id(people[number]["id"]), group))
    if number == 1:  # group 2 lies in group 3
        return row
    if number == 3:
        made.relate(made.rows["group"][2], "transitiveMemberOf", row)
        made.members.add((principal_id(guid(0x30, 2)), group))
    return row


def _agents(made: Estate, count: int, people: list[dict], groups: list[dict]) -> None:
    client = guid(0x14, 0)
    blueprint = made.add("agentIdentityBlueprint", {
        "id": guid(0x15, 0), "appId": client, "displayName": "agents", "createdDateTime": "2026-05-01T08:00:00Z",
        "signInAudience": "AzureADMyOrg", "keyCredentials": [], "tags": [], "passwordCredentials": password_rows(1),
        "createdByAppId": None,
    })  # fmt: skip
    principal = principal_row(made, guid(0x23, 0), client, "agents", kind="agentIdentityBlueprintPrincipal")
    owner = principal_id(principal["id"])
    made.credentials.add(f"{owner}#password/{blueprint['passwordCredentials'][0]['keyId']}")
    made.relate(blueprint, "sponsors", people[1])
    made.owners.add((owner, people[1]["userPrincipalName"]))
    for number in range(count):
        object_id = guid(0x24, number)
        agent = principal_row(
            made, object_id, object_id, f"agent {number}", kind="agentIdentity", servicePrincipalType="ServiceIdentity",
            agentIdentityBlueprintId=client, createdDateTime="2026-05-02T08:00:00Z",
        )  # fmt: skip
        made.trusts.add(("impersonate", owner, principal_id(object_id)))
        if number % 2 == 0:
            made.relate(agent, "sponsors", people[2])
            made.owners.add((principal_id(object_id), people[2]["userPrincipalName"]))
    user = made.add("agentUser", {
        "id": guid(0x91, 0), "displayName": "Agent user", "userPrincipalName": "agent@acme.example", "mail": None,
        "accountEnabled": True, "identityParentId": guid(0x24, 0), "createdDateTime": "2026-05-03T08:00:00Z",
    })  # fmt: skip
    made.identities[principal_id(user["id"])] = "user"
    made.trusts.add(("impersonate", principal_id(guid(0x24, 0)), principal_id(user["id"])))
    joins(made, user, groups[0])


def _roles(made: Estate, people: list[dict], groups: list[dict]) -> None:
    for role, name in ((GLOBAL_ADMINISTRATOR, "Global Administrator"), (APPLICATION_ADMINISTRATOR, "App Admin")):
        made.add("unifiedRoleDefinition", {
            "id": role, "displayName": name, "description": name, "isBuiltIn": True, "isEnabled": True,
            "templateId": role, "version": "1", "resourceScopes": ["/"],
            "rolePermissions": [{"allowedResourceActions": ["microsoft.directory/applications/credentials/update"]}],
        })  # fmt: skip
    holders = ((guid(0x20, 1), APPLICATION_ADMINISTRATOR, "/"), (groups[0]["id"], GLOBAL_ADMINISTRATOR, "/"))
    for n, (holder, role, scope) in enumerate(
        (*holders, (guid(0x20, 2), APPLICATION_ADMINISTRATOR, f"/{guid(0x10, 1)}"))
    ):
        row = {"id": f"ra{n}", "principalId": holder, "roleDefinitionId": role, "directoryScopeId": scope}
        full = made.add("unifiedRoleAssignment", {**row, "appScopeId": None, "condition": None})
        made.relate(full, "principal", *_objects(made, holder))
        made.grants.add((principal_id(holder), f"entra:role/{role}", scope, False))
    row = made.add("unifiedRoleEligibilitySchedule", {
        "id": "el0", "principalId": people[0]["id"], "roleDefinitionId": GLOBAL_ADMINISTRATOR, "directoryScopeId": "/",
        "appScopeId": None, "status": "Provisioned", "memberType": "Direct", "scheduleInfo": None,
        "createdDateTime": None, "modifiedDateTime": None, "createdUsing": None,
    })  # fmt: skip
    made.relate(row, "principal", people[0])
    made.grants.add((principal_id(people[0]["id"]), f"entra:role/{GLOBAL_ADMINISTRATOR}", "/", True))


def _settings(made: Estate) -> None:
    role = {"allowedToCreateApps": True, "permissionGrantPoliciesAssigned": [
        "ManagePermissionGrantsForSelf.microsoft-user-default-legacy"]}  # fmt: skip
    made.add("authorizationPolicy", {
        "id": "authorizationPolicy", "allowUserConsentForRiskyApps": None, "defaultUserRolePermissions": role,
    })  # fmt: skip
    limit = {"restrictionType": "passwordLifetime", "maxLifetime": "P180D", "state": "enabled",
             "restrictForAppsCreatedAfterDateTime": "2025-01-01T00:00:00Z", "excludeActors": None}  # fmt: skip
    made.add("tenantAppManagementPolicy", {
        "id": guid(0xA0, 0), "isEnabled": True, "servicePrincipalRestrictions": None,
        "applicationRestrictions": {"passwordCredentials": [limit], "keyCredentials": []},
    })  # fmt: skip


def _objects(made: Estate, object_id: str) -> list[dict]:
    return [row for kind in ("servicePrincipal", "group", "user") for row in made.rows[kind] if row["id"] == object_id]
