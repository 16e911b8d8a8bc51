"""Applications and service principals of an invented tenant: own, foreign and managed ones, and what they hold."""

from __future__ import annotations

from nhiscan.collectors.azure._entra import MICROSOFT
from tests.twins.graph_rows import (
    GITHUB,
    GRAPH_CLIENT,
    OUTSIDE,
    Estate,
    granted,
    guid,
    joins,
    key_rows,
    password_rows,
    principal_id,
    principal_row,
)

_ROLES = ("Application.ReadWrite.All", "User.Read.All", "Mail.Send", "RoleManagement.ReadWrite.Directory")


def api_rows(made: Estate) -> list[dict]:
    roles = [
        {"id": guid(0x80, n), "value": value, "allowedMemberTypes": ["Application"], "displayName": value,
         "description": value, "isEnabled": True, "origin": "Application"}
        for n, value in enumerate(_ROLES)
    ]  # fmt: skip
    microsoft = min(MICROSOFT)
    graph = principal_row(
        made, guid(0x20, 0xFFFF), GRAPH_CLIENT, "Microsoft Graph", appOwnerOrganizationId=microsoft, appRoles=roles
    )
    return [graph]


def application(made: Estate, number: int, people: list[dict], apis: list[dict], groups: list[dict]) -> None:
    name, client, lonely = f"app {number}", guid(0x11, number), number % 10 == 9
    app = made.add("application", {
        "id": guid(0x10, number), "appId": client, "displayName": name, "createdDateTime": "2024-02-11T09:30:00Z",
        "signInAudience": "AzureADMyOrg", "isFallbackPublicClient": None, "publicClient": {"redirectUris": []},
        "web": {"homePageUrl": None, "logoutUrl": None, "redirectUris": [f"https://{number}.acme.example"],
                "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": True},
                "redirectUriSettings": []},
        "spa": {"redirectUris": []}, "tags": [], "serviceManagementReference": None, "publisherDomain": "acme.example",
        "verifiedPublisher": {"addedDateTime": None, "displayName": None, "verifiedPublisherId": None},
        "passwordCredentials": password_rows(number), "keyCredentials": key_rows(number),
        "disabledByMicrosoftStatus": None, "servicePrincipalLockConfiguration": None, "createdByAppId": None,
    })  # fmt: skip
    row = app if lonely else principal_row(made, guid(0x20, number), client, name, accountEnabled=number % 7 != 0)
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
    granted(made, row, apis[0], 24 if number % 40 == 6 else number % 3)
    if number % 5 == 0:
        joins(made, row, groups[number % 3])
    if number % 2:
        _signed_in(made, app, row)


def _federation(made: Estate, app: dict, number: int, identity: str) -> None:
    row = made.add("federatedIdentityCredential", {
        "id": guid(0x70, number), "name": f"github-{number}", "issuer": f"https://{GITHUB}", "description": None,
        "subject": f"repo:acme/api{number}:ref:refs/heads/main", "audiences": ["api://AzureADTokenExchange"],
    })  # fmt: skip
    made.relate(app, "federatedIdentityCredentials", row)
    made.credentials.add(f"{identity}#federated/{row['id']}")
    made.trusts.add(("federate", GITHUB, identity))


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


def foreign(made: Estate, number: int) -> None:
    row = principal_row(
        made, guid(0x21, number), guid(0x12, number), f"vendor {number}", appOwnerOrganizationId=OUTSIDE,
        signInAudience="AzureADMultipleOrgs",
    )  # fmt: skip
    made.trusts.add(("impersonate", OUTSIDE, principal_id(row["id"])))


def managed(made: Estate, number: int, apis: list[dict], groups: list[dict]) -> None:
    where = f"/subscriptions/{guid(1, 1)}/resourcegroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
    row = principal_row(
        made, guid(0x22, number), guid(0x13, number), f"id-{number}", servicePrincipalType="ManagedIdentity",
        alternativeNames=["isExplicit=True", f"{where}/id-{number}"], appOwnerOrganizationId=None,
        keyCredentials=key_rows(4 * number),
    )  # fmt: skip
    granted(made, row, apis[0], 1)
    if number % 4 == 0:
        joins(made, row, groups[2])
