"""An invented tenant of any size, as Microsoft Graph would tell it, with a table of what is true of it.

A row is a dictionary with its type under `@odata.type`; relations are kept beside it, by id and name.  Every number
that decides what somebody has follows from his own number, so an estate is the same on every machine.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from nhiscan.collectors.azure._entra import MICROSOFT

TENANT = "5d3c9b1e-7f2a-4e6b-9a80-c1d2e3f4a5b6"
GRAPH_CLIENT = "00000003-0000-0000-c000-000000000000"
OUTSIDE = "0e0e0e0e-1111-4222-8333-444455556666"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
GITHUB = "token.actions.githubusercontent.com"
_ROLES = ("Application.ReadWrite.All", "User.Read.All", "Mail.Send", "RoleManagement.ReadWrite.Directory")


def guid(kind: int, number: int) -> str:
    """An invented id: `kind` tells objects apart."""
    return f"{kind:08x}-7a1b-4c2d-8e3f-{number:012x}"


@dataclass
class Estate:
    """Rows by type, relations, and what an inventory of it must hold (ids as nhiscan writes them)."""

    rows: dict[str, list[dict]] = field(default_factory=lambda: defaultdict(list))
    related: dict[tuple[str, str], list[dict]] = field(default_factory=lambda: defaultdict(list))
    identities: dict[str, str] = field(default_factory=dict)
    credentials: set[str] = field(default_factory=set)
    trusts: set[tuple[str, str, str]] = field(default_factory=set)
    grants: set[tuple[str, str, str | None, bool | None]] = field(default_factory=set)
    owners: set[tuple[str, str]] = field(default_factory=set)
    members: set[tuple[str, str]] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def add(self, kind: str, row: dict) -> dict:
        """Add a row of a type."""
        full = {"@odata.type": f"#microsoft.graph.{kind}", **row}
        self.rows[kind].append(full)
        return full

    def relate(self, row: dict, relation: str, *others: dict) -> None:
        """Add to a relation of a row."""
        self.related[(row["id"], relation)] += others


def principal_id(object_id: str) -> str:
    """The identity id of a principal."""
    return f"entra:{TENANT}/{object_id}"


def estate(size: int = 40) -> Estate:
    """A tenant with `size` applications, and of everything else in proportion."""
    made = Estate()
    people = [_person(made, n) for n in range(max(30, size // 10))]
    apis = _apis(made)
    groups = [_group(made, n, people) for n in range(4)]
    for number in range(size):
        _application(made, number, people, apis, groups)
    for number in range(size // 4):
        _foreign(made, number)
        _managed(made, number, apis, groups)
    _agents(made, max(2, size // 10), people, groups)
    _roles(made, people, groups)
    return made


def _person(made: Estate, number: int) -> dict:
    name = f"Person {number}"
    row = {"id": guid(0x90, number), "displayName": name, "userPrincipalName": f"person{number}@acme.example"}
    return made.add("user", {**row, "mail": row["userPrincipalName"], "businessPhones": [], "jobTitle": None})


def _principal(made: Estate, object_id: str, client: str, name: str, kind: str = "servicePrincipal", **more) -> dict:
    row = {
        "id": object_id, "appId": client, "displayName": name, "servicePrincipalType": "Application",
        "accountEnabled": True, "appOwnerOrganizationId": TENANT, "appRoles": [], "passwordCredentials": [],
        "keyCredentials": [], "alternativeNames": [], "replyUrls": [], "tags": [], "signInAudience": "AzureADMyOrg",
        "verifiedPublisher": {"addedDateTime": None, "displayName": None, "verifiedPublisherId": None}, **more,
    }  # fmt: skip
    words = {"agentIdentity": "agent_identity", "agentIdentityBlueprintPrincipal": "agent_blueprint"}
    managed = row["servicePrincipalType"] == "ManagedIdentity"
    made.identities[principal_id(object_id)] = words.get(kind, "managed_identity" if managed else "app")
    return made.add(kind, row)


def _apis(made: Estate) -> list[dict]:
    roles = [
        {"id": guid(0x80, n), "value": value, "allowedMemberTypes": ["Application"], "displayName": value,
         "description": value, "isEnabled": True, "origin": "Application"}
        for n, value in enumerate(_ROLES)
    ]  # fmt: skip
    microsoft = min(MICROSOFT)
    graph = _principal(
        made, guid(0x20, 0xFFFF), GRAPH_CLIENT, "Microsoft Graph", appOwnerOrganizationId=microsoft, appRoles=roles
    )
    return [graph]


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


def _application(made: Estate, number: int, people: list[dict], apis: list[dict], groups: list[dict]) -> None:
    name, client, lonely = f"app {number}", guid(0x11, number), number % 10 == 9
    app = made.add("application", {
        "id": guid(0x10, number), "appId": client, "displayName": name, "createdDateTime": "2024-02-11T09:30:00Z",
        "signInAudience": "AzureADMyOrg", "isFallbackPublicClient": None, "publicClient": {"redirectUris": []},
        "web": {"homePageUrl": None, "logoutUrl": None, "redirectUris": [f"https://{number}.acme.example"],
                "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
                "redirectUriSettings": []},
        "spa": {"redirectUris": []}, "tags": [], "serviceManagementReference": None, "publisherDomain": "acme.example",
        "verifiedPublisher": {"addedDateTime": None, "displayName": None, "verifiedPublisherId": None},
        "passwordCredentials": _passwords(number), "keyCredentials": _keys(number),
        "disabledByMicrosoftStatus": None, "servicePrincipalLockConfiguration": None, "createdByAppId": None,
    })  # fmt: skip
    row = app if lonely else _principal(made, guid(0x20, number), client, name, accountEnabled=number % 7 != 0)
    identity = principal_id(row["id"])
    made.identities[identity] = "app"
    made.credentials |= {f"{identity}#password/{entry['keyId']}" for entry in app["passwordCredentials"]}
    made.credentials |= {f"{identity}#certificate/{entry['keyId']}" for entry in app["keyCredentials"]}
    if number % 3 == 0:
        _federation(made, app, number, identity)
    owned_by = people[: 25 if number % 40 == 5 else number % 3]
    made.relate(app, "owners", *owned_by)
    for person in owned_by:
        made.owners.add((identity, person["userPrincipalName"]))
        made.trusts.add(("impersonate", principal_id(person["id"]), identity))
    if lonely:
        return
    _granted(made, row, apis[0], 24 if number % 40 == 6 else number % 3)
    if number % 5 == 0:
        _joins(made, row, groups[number % 3])
    if number % 2:
        _signed_in(made, app, row)


def _passwords(number: int) -> list[dict]:
    ends = ("2027-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2299-12-31T00:00:00Z")
    return [
        {"customKeyIdentifier": None, "displayName": f"secret {k}", "endDateTime": ends[(number + k) % 3],
         "hint": "abc", "keyId": guid(0x50 + k, number), "secretText": None, "startDateTime": "2023-01-01T00:00:00Z"}
        for k in range(number % 3)
    ]  # fmt: skip


def _keys(number: int) -> list[dict]:
    if number % 4:
        return []
    return [{
        "customKeyIdentifier": f"{number:040X}", "displayName": f"CN={number}", "endDateTime": "2027-06-01T00:00:00Z",
        "key": None, "keyId": guid(0x5F, number), "startDateTime": "2025-06-01T00:00:00Z",
        "type": "AsymmetricX509Cert", "usage": "Verify",
    }]  # fmt: skip


def _federation(made: Estate, app: dict, number: int, identity: str) -> None:
    row = made.add("federatedIdentityCredential", {
        "id": guid(0x70, number), "name": f"github-{number}", "issuer": f"https://{GITHUB}", "description": None,
        "subject": f"repo:acme/api{number}:ref:refs/heads/main", "audiences": ["api://AzureADTokenExchange"],
    })  # fmt: skip
    made.relate(app, "federatedIdentityCredentials", row)
    made.credentials.add(f"{identity}#federated/{row['id']}")
    made.trusts.add(("federate", GITHUB, identity))


def _granted(made: Estate, row: dict, api: dict, count: int) -> None:
    for n in range(count):
        role = api["appRoles"][n % len(api["appRoles"])]
        grant = made.add("appRoleAssignment", {
            "id": f"g{row['id'][-6:]}{n}", "appRoleId": role["id"], "createdDateTime": "2026-01-01T00:00:00Z",
            "principalDisplayName": row["displayName"], "principalId": row["id"], "principalType": "ServicePrincipal",
            "resourceDisplayName": api["displayName"], "resourceId": api["id"], "deletedDateTime": None,
        })  # fmt: skip
        made.relate(row, "appRoleAssignments", grant)
        policy = f"entra:app_role/{GRAPH_CLIENT}/{role['value']}"
        made.grants.add((principal_id(row["id"]), policy, f"entra:{TENANT}", None))
    made.add("oAuth2PermissionGrant", {
        "id": f"d{row['id'][-6:]}", "clientId": row["id"], "consentType": "AllPrincipals", "principalId": None,
        "resourceId": api["id"], "scope": "User.Read openid",
    })  # fmt: skip
    for scope in ("User.Read", "openid"):
        policy = f"entra:delegated/{GRAPH_CLIENT}/{scope}"
        made.grants.add((principal_id(row["id"]), policy, f"entra:{TENANT}", None))


def _joins(made: Estate, row: dict, group: dict) -> None:
    made.relate(row, "memberOf", group)
    made.members.add((principal_id(row["id"]), principal_id(group["id"])))


def _signed_in(made: Estate, app: dict, row: dict) -> None:
    when = {"lastSignInDateTime": "2026-10-30T11:00:00Z", "lastSignInRequestId": guid(0xF0, 1)}
    made.add("servicePrincipalSignInActivity", {
        "id": app["appId"], "appId": app["appId"], "lastSignInActivity": when,
        "applicationAuthenticationClientSignInActivity": when, "delegatedClientSignInActivity": None,
        "applicationAuthenticationResourceSignInActivity": None, "delegatedResourceSignInActivity": None,
    })  # fmt: skip
    made.used.add(principal_id(row["id"]))
    for entry in app["passwordCredentials"][:1]:
        made.add("appCredentialSignInActivity", {
            "id": entry["keyId"], "appId": app["appId"], "appObjectId": app["id"], "keyId": entry["keyId"],
            "keyType": "clientSecret", "keyUsage": "verify", "credentialOrigin": "application",
            "createdDateTime": entry["startDateTime"], "expirationDateTime": entry["endDateTime"],
            "resourceId": GRAPH_CLIENT, "servicePrincipalObjectId": row["id"], "signInActivity": when,
        })  # fmt: skip
        made.used.add(f"{principal_id(row['id'])}#password/{entry['keyId']}")


def _foreign(made: Estate, number: int) -> None:
    row = _principal(
        made, guid(0x21, number), guid(0x12, number), f"vendor {number}", appOwnerOrganizationId=OUTSIDE,
        signInAudience="AzureADMultipleOrgs",
    )  # fmt: skip
    made.trusts.add(("impersonate", OUTSIDE, principal_id(row["id"])))


def _managed(made: Estate, number: int, apis: list[dict], groups: list[dict]) -> None:
    where = f"/subscriptions/{guid(1, 1)}/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    row = _principal(
        made, guid(0x22, number), guid(0x13, number), f"id-{number}", servicePrincipalType="ManagedIdentity",
        alternativeNames=["isExplicit=True", f"{where}/id-{number}"], appOwnerOrganizationId=None,
        keyCredentials=_keys(4 * number),
    )  # fmt: skip
    _granted(made, row, apis[0], 1)
    if number % 4 == 0:
        _joins(made, row, groups[2])


def _agents(made: Estate, count: int, people: list[dict], groups: list[dict]) -> None:
    client = guid(0x14, 0)
    blueprint = made.add("agentIdentityBlueprint", {
        "id": guid(0x15, 0), "appId": client, "displayName": "agents", "createdDateTime": "2026-05-01T08:00:00Z",
        "signInAudience": "AzureADMyOrg", "keyCredentials": [], "tags": [], "passwordCredentials": _passwords(1),
        "createdByAppId": None,
    })  # fmt: skip
    principal = _principal(made, guid(0x23, 0), client, "agents", kind="agentIdentityBlueprintPrincipal")
    owner = principal_id(principal["id"])
    made.credentials.add(f"{owner}#password/{blueprint['passwordCredentials'][0]['keyId']}")
    made.relate(blueprint, "sponsors", people[1])
    made.owners.add((owner, people[1]["userPrincipalName"]))
    for number in range(count):
        object_id = guid(0x24, number)
        agent = _principal(
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
    _joins(made, user, groups[0])


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


def _objects(made: Estate, object_id: str) -> list[dict]:
    return [row for kind in ("servicePrincipal", "group", "user") for row in made.rows[kind] if row["id"] == object_id]
