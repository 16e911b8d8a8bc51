"""Amazon Cognito and Verified Permissions: app clients with secrets, roles handed to signed-in and anonymous visitors.

An app client is an identity of kind `app`; when it has a secret, a credential of kind `client_secret` (the secret
stands in the answer that describes the client: it is dropped before anything else is read).  The roles of an identity
pool are trusts; the one of visitors who did not sign in is open to `*` where the pool allows them.  Calls: one for each
user pool and client, two for each identity pool, one for each policy store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import facts, flag, listing, mapping, moment, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, role_arn, seen
from nhiscan.plugin import (
    Certainty,
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    Lifetime,
    PrincipalKind,
    Resource,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_CLIENTS, _CLIENT = "cognito-idp:ListUserPoolClients", "cognito-idp:DescribeUserPoolClient"
_POOL, _ROLES = "cognito-identity:DescribeIdentityPool", "cognito-identity:GetIdentityPoolRoles"
_SOURCES = "verifiedpermissions:ListIdentitySources"
_ISSUER = "cognito-identity.amazonaws.com"
_GONE = ("ResourceNotFoundException",)


def _clients(ask: Ask) -> Iterator[Record]:
    pools: dict[str, Json] = {}
    for entry in ask.items("cognito-idp:ListUserPools", "UserPools", MaxResults=60):
        pool = text(entry.get("Id"))
        if pool is not None:
            arn = ask.arn("cognito-idp", f"userpool/{pool}")
            pools[arn] = {"UserPoolId": pool, "MaxResults": 60}
            yield Resource(
                **seen(ask, arn), provider="aws", kind="user_pool", name=text(entry.get("Name")) or pool,
                created_at=moment(entry.get("CreationDate")),
            )  # fmt: skip
    asking = Asking(ask)
    requests: dict[str, Json] = {}
    for arn, found in asking.each_items(_CLIENTS, "UserPoolClients", pools, absent=_GONE):
        for entry in found:
            client = text(entry.get("ClientId"))
            if client is not None:
                requests[f"{arn}/client/{client}"] = {"UserPoolId": pools[arn]["UserPoolId"], "ClientId": client}
    for client_id, answer in asking.each(_CLIENT, requests, absent=_GONE):
        yield from _client(ask, client_id, *_without_secret(mapping(answer.get("UserPoolClient"))))
    yield from asking.gaps


def _without_secret(entry: Json) -> tuple[Json, bool]:
    return {key: value for key, value in entry.items() if key != "ClientSecret"}, "ClientSecret" in entry


def _client(ask: Ask, client_id: str, entry: Json, secret: bool) -> Iterator[Record]:  # noqa: FBT001 - a fact
    flows = [text(flow) for flow in listing(entry.get("AllowedOAuthFlows"))]
    machine = "client_credentials" in flows and entry.get("AllowedOAuthFlowsUserPoolClient") is not False
    name = text(entry.get("ClientName")) or client_id.rsplit("/", 1)[-1]
    yield Identity(
        **seen(ask, client_id),
        provider="aws",
        kind=IdentityKind.APP,
        name=name,
        class_=IdentityClass.WORKLOAD if machine else None,
        state=IdentityState.ENABLED,
        created_at=moment(entry.get("CreationDate")),
        # Any other client signs people in on behalf of an application.
        interactive=not machine,
    )
    if secret:
        yield Credential(
            **seen(ask, f"{client_id}#secret", client_id),
            provider="aws",
            kind=CredentialKind.CLIENT_SECRET,
            format="cognito-client-secret",
            name=name,
            identity_id=client_id,
            state=CredentialState.ACTIVE,
            lifetime=Lifetime.STATIC,
            # Made with the client; whether it was added or exchanged since is not told.
            issued_at=moment(entry.get("CreationDate")),
            account_id=ask.account.number,
            facts=facts(flows=" ".join(sorted(flow for flow in flows if flow)), machine=machine),
        )


def _identity_pools(ask: Ask) -> Iterator[Record]:
    requests = {
        ask.arn("cognito-identity", f"identitypool/{pool}"): {"IdentityPoolId": pool}
        for entry in ask.items("cognito-identity:ListIdentityPools", "IdentityPools", MaxResults=60)
        if (pool := text(entry.get("IdentityPoolId")))
    }
    asking = Asking(ask)
    described = dict(asking.each(_POOL, requests, absent=_GONE))
    roles = dict(asking.each(_ROLES, requests, absent=_GONE))
    for arn, request in requests.items():
        answer = described.get(arn, {})
        anonymous = flag(answer.get("AllowUnauthenticatedIdentities"))
        yield Resource(
            **seen(ask, arn), provider="aws", kind="identity_pool",
            name=text(answer.get("IdentityPoolName")) or request["IdentityPoolId"], public=anonymous,
        )  # fmt: skip
        given = roles.get(arn, {})
        for mode, value in sorted(mapping(given.get("Roles")).items()):
            role = role_arn(ask, value)
            if role is not None and not (mode == "unauthenticated" and anonymous is False):
                yield _handed(ask, arn, request["IdentityPoolId"], mode, role)
        for role in sorted(_mapped(given)):
            yield _handed(ask, arn, request["IdentityPoolId"], "mapped", role)
    yield from asking.gaps


def _mapped(answer: Json) -> set[str]:
    """Roles that rules on the claims of a token choose."""
    rules = [
        mapping(rule)
        for found in mapping(answer.get("RoleMappings")).values()
        for rule in listing(mapping(mapping(found).get("RulesConfiguration")).get("Rules"))
    ]
    return {role for rule in rules if (role := text(rule.get("RoleARN")))}


def _handed(ask: Ask, pool_arn: str, pool: str, mode: str, role: str) -> Trust:
    """A role that a pool hands out; it works only where the role's own trust policy names the pool."""
    anyone = mode == "unauthenticated"
    return Trust(
        **seen(ask, f"{pool_arn}#{mode}/{role}", pool_arn),
        principal="*" if anyone else _ISSUER,
        principal_kind=PrincipalKind.ANYONE if anyone else PrincipalKind.OIDC,
        target_id=role,
        kind=TrustKind.FEDERATE,
        audiences=(pool,),
        claims=(f"amr={'unauthenticated' if anyone else 'authenticated'}",),
        certainty=Certainty.CONDITIONAL,
    )


def _policy_stores(ask: Ask) -> Iterator[Record]:
    stores: dict[str, Json] = {}
    for entry in ask.items("verifiedpermissions:ListPolicyStores", "policyStores", maxResults=50):
        arn, store = text(entry.get("arn")), text(entry.get("policyStoreId"))
        if arn is not None and store is not None:
            stores[arn] = {"policyStoreId": store, "maxResults": 50}
            yield Resource(
                **seen(ask, arn), provider="aws", kind="policy_store", name=store,
                created_at=moment(entry.get("createdDate")),
            )  # fmt: skip
    asking = Asking(ask)
    for arn, found in asking.each_items(_SOURCES, "identitySources", stores, absent=_GONE):
        yield from (identity for entry in found if (identity := _source(ask, arn, entry)))
    yield from asking.gaps


def _source(ask: Ask, store: str, entry: Json) -> Identity | None:
    source = text(entry.get("identitySourceId"))
    if source is None:
        return None
    settings = mapping(entry.get("configuration"))
    cognito, oidc = (
        mapping(settings.get("cognitoUserPoolConfiguration")),
        mapping(settings.get("openIdConnectConfiguration")),
    )
    issuer = text(oidc.get("issuer")) or text(cognito.get("issuer")) or text(cognito.get("userPoolArn"))
    return Identity(
        **seen(ask, f"{store}/identity-source/{source}", store), provider="aws", kind=IdentityKind.OIDC_PROVIDER,
        name=(issuer or source).removeprefix("https://"), state=IdentityState.ENABLED,
        created_at=moment(entry.get("createdDate")),
    )  # fmt: skip


COLLECTOR = Group(
    name="aws.sign_in",
    title="Amazon Cognito clients and identity pools, Verified Permissions identity sources",
    parts=(
        Part(
            name="clients",
            kind="Cognito app client (secret)",
            facts=("created", "has a secret", "flows", "for machines or people"),
            calls={
                "cognito-idp:ListUserPools": "resource, identity, credential",
                _CLIENTS: "identity, credential",
                _CLIENT: "identity, credential",
            },
            read=_clients,
        ),
        Part(
            name="identity pools",
            kind="Cognito identity pool roles",
            facts=("anonymous visitors", "roles"),
            calls={
                "cognito-identity:ListIdentityPools": "resource, trust",
                _POOL: "resource.public",
                _ROLES: "trust",
            },
            read=_identity_pools,
        ),
        Part(
            name="policy stores",
            kind="Verified Permissions identity source",
            facts=("created", "issuer"),
            calls={"verifiedpermissions:ListPolicyStores": "resource, identity", _SOURCES: "identity"},
            read=_policy_stores,
        ),
    ),
)
