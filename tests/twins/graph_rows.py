"""The rows of an invented tenant as Microsoft Graph would tell them, and what is true of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

TENANT = "5d3c9b1e-7f2a-4e6b-9a80-c1d2e3f4a5b6"
GRAPH_CLIENT = "00000003-0000-0000-c000-000000000000"
OUTSIDE = "0e0e0e0e-1111-4222-8333-444455556666"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
GITHUB = "token.actions.githubusercontent.com"


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
    left: set[str] = field(default_factory=set)
    """People whose accounts are disabled."""

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


def principal_row(made: Estate, object_id: str, client: str, name: str, kind: str = "servicePrincipal", **more) -> dict:
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


def password_rows(number: int) -> list[dict]:
    ends = ("2027-01-01T00:00:00Z", "2024-01-01T00:00:00Z", "2299-12-31T00:00:00Z")
    return [
        {"customKeyIdentifier": None, "displayName": f"secret {k}", "endDateTime": ends[(number + k) % 3],
         "hint": "abc", "keyId": guid(0x50 + k, number), "secretText": None, "startDateTime": "2023-01-01T00:00:00Z"}
        for k in range(number % 3)
    ]  # fmt: skip


def key_rows(number: int) -> list[dict]:
    if number % 4:
        return []
    return [{
        "customKeyIdentifier": f"{number:040X}", "displayName": f"CN={number}", "endDateTime": "2027-06-01T00:00:00Z",
        "key": None, "keyId": guid(0x5F, number), "startDateTime": "2025-06-01T00:00:00Z",
        "type": "AsymmetricX509Cert", "usage": "Verify",
    }]  # fmt: skip


def granted(made: Estate, row: dict, api: dict, count: int) -> None:
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


def joins(made: Estate, row: dict, group: dict) -> None:
    made.relate(row, "memberOf", group)
    made.members.add((principal_id(row["id"]), principal_id(group["id"])))
