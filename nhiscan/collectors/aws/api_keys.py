"""API keys that AWS services issue themselves, and the APIs they open; never the value of a key.

A key is a credential of kind `api_key`, the API a resource: `local_auth` says that it takes such a key, `public` that
its endpoint answers the internet.  Calls: one per 500 keys and APIs of API Gateway, one for each AppSync API that takes
keys, one for each Grafana workspace and service account, one for each Lightsail bucket.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import facts, flag, listing, mapping, moment, number, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, pages, policy_on, seen
from nhiscan.plugin import (
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    LastUsed,
    Lifetime,
    Resource,
    Sensitive,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_APPSYNC_KEYS = "appsync:ListApiKeys"
_ACCOUNTS, _TOKENS = "grafana:ListWorkspaceServiceAccounts", "grafana:ListWorkspaceServiceAccountTokens"
_BUCKETS, _BUCKET_KEYS = "lightsail:GetBuckets", "lightsail:GetBucketAccessKeys"
_STATES = {True: CredentialState.ACTIVE, False: CredentialState.INACTIVE, None: None}
_GONE = ("ResourceNotFoundException", "NotFoundException", "BadRequestException")


def _gateway(ask: Ask) -> Iterator[Record]:
    # `includeValues` is never asked for.
    for entry in ask.items("apigateway:GetApiKeys", "items", limit=500):
        key_id = text(entry.get("id"))
        if key_id is None:
            continue
        arn = f"arn:{ask.account.partition}:apigateway:{ask.region}::/apikeys/{key_id}"
        tags = _tags.read(entry.get("tags"))
        yield Credential(
            **seen(ask, arn),
            provider="aws",
            kind=CredentialKind.API_KEY,
            format="aws-api-gateway-key",
            name=text(entry.get("name")) or key_id,
            state=_STATES.get(flag(entry.get("enabled"))),
            lifetime=Lifetime.STATIC,
            issued_at=moment(entry.get("createdDate")),
            key_id=key_id,
            account_id=ask.account.number,
            environment=_tags.environment(tags),
            facts=facts(stages=len(listing(entry.get("stageKeys")))),
        )
        yield from owners(ask, arn, tags)


def _rest_apis(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("apigateway:GetRestApis", "items", limit=500):
        api = text(entry.get("id"))
        if api is None:
            continue
        arn = ask.arn("execute-api", api)
        tags = _tags.read(entry.get("tags"))
        types = listing(mapping(entry.get("endpointConfiguration")).get("types"))
        yield Resource(
            **seen(ask, arn, f"arn:{ask.account.partition}:apigateway:{ask.region}::/restapis/{api}"),
            provider="aws",
            kind="rest_api",
            name=text(entry.get("name")) or api,
            public="PRIVATE" not in types if types else None,
            created_at=moment(entry.get("createdDate")),
            environment=_tags.environment(tags),
            tags=tags,
        )
        yield from owners(ask, arn, tags)
        raw = entry.get("policy")
        # The answer holds the text with its quotes escaped once more (API reference, RestApi).
        yield from policy_on(ask, arn, raw.replace('\\"', '"') if isinstance(raw, str) else raw)


def _appsync(ask: Ask) -> Iterator[Record]:
    keyed: dict[str, Json] = {}
    for entry in ask.items("appsync:ListGraphqlApis", "graphqlApis", maxResults=25):
        arn, api = text(entry.get("arn")), text(entry.get("apiId"))
        if arn is None or api is None:
            continue
        tags = _tags.read(entry.get("tags"))
        others = [
            mapping(item).get("authenticationType") for item in listing(entry.get("additionalAuthenticationProviders"))
        ]
        with_key = "API_KEY" in (entry.get("authenticationType"), *others)
        yield Resource(
            **seen(ask, arn),
            provider="aws",
            kind="graphql_api",
            name=text(entry.get("name")) or api,
            public={"GLOBAL": True, "PRIVATE": False}.get(text(entry.get("visibility")) or ""),
            local_auth=with_key,
            environment=_tags.environment(tags),
            tags=tags,
        )
        yield from owners(ask, arn, tags)
        if with_key:
            keyed[arn] = {"apiId": api, "maxResults": 25}
    asking = Asking(ask)
    for arn, keys in asking.each_items(_APPSYNC_KEYS, "apiKeys", keyed, absent=_GONE):
        yield from (key for entry in keys if (key := _appsync_key(ask, arn, entry)))
    yield from asking.gaps


def _appsync_key(ask: Ask, arn: str, entry: Json) -> Credential | None:
    """A key of an API.  What the API calls its `id` is the value that clients send: it is reduced here and dropped."""
    value = text(entry.get("id"))
    if value is None:
        return None
    expires = number(entry.get("expires"))
    name = text(entry.get("description"))
    return Credential(
        # 48 bits of a digest of more than 100 random ones tell keys apart and lead back to none.
        **seen(ask, f"{arn}#api_key/{sha256(value.encode()).hexdigest()[:12]}", arn),
        provider="aws",
        kind=CredentialKind.API_KEY,
        format="aws-appsync-key",
        name=name if name and not _tags.looks_secret(name) else None,
        state=CredentialState.ACTIVE,
        lifetime=Lifetime.STATIC,
        expires_at=datetime.fromtimestamp(expires, UTC) if expires and 0 < expires < 2**33 else None,
        account_id=ask.account.number,
        fingerprint=ask.ctx.key.fingerprint(Sensitive(value)),
    )


def _grafana(ask: Ask) -> Iterator[Record]:
    asking = Asking(ask)
    workspaces: dict[str, Json] = {}
    for entry in ask.items("grafana:ListWorkspaces", "workspaces"):
        workspace = text(entry.get("id"))
        if workspace is None:
            continue
        arn = ask.arn("grafana", f"/workspaces/{workspace}")
        tags = _tags.read(entry.get("tags"))
        workspaces[arn] = {"workspaceId": workspace}
        yield Resource(
            **seen(ask, arn), provider="aws", kind="grafana_workspace", name=text(entry.get("name")) or workspace,
            created_at=moment(entry.get("created")), environment=_tags.environment(tags), tags=tags,
        )  # fmt: skip
        yield from owners(ask, arn, tags)
    accounts: dict[str, Json] = {}
    for arn, found in asking.each_items(_ACCOUNTS, "serviceAccounts", workspaces, absent=_GONE):
        for entry in found:
            account = text(entry.get("id"))
            if account is not None:
                accounts[f"{arn}/service-account/{account}"] = {**workspaces[arn], "serviceAccountId": account}
                yield _service_account(ask, f"{arn}/service-account/{account}", account, entry)
    for account_id, tokens in asking.each_items(_TOKENS, "serviceAccountTokens", accounts, absent=_GONE):
        yield from (_token(ask, account_id, token) for token in tokens if text(token.get("id")))
    yield from asking.gaps


def _service_account(ask: Ask, account_id: str, account: str, entry: Json) -> Identity:
    disabled = (text(entry.get("isDisabled")) or "").lower()
    return Identity(
        **seen(ask, account_id),
        provider="aws",
        kind=IdentityKind.SERVICE_ACCOUNT,
        name=text(entry.get("name")) or account,
        class_=IdentityClass.WORKLOAD,
        state={"true": IdentityState.DISABLED, "false": IdentityState.ENABLED}.get(disabled),
        interactive=False,
    )


def _token(ask: Ask, account_id: str, entry: Json) -> Credential:
    last = moment(entry.get("lastUsedAt"))
    expires = moment(entry.get("expiresAt"))
    return Credential(
        **seen(ask, f"{account_id}#token/{text(entry.get('id'))}", account_id),
        provider="aws",
        kind=CredentialKind.TOKEN,
        format="grafana-service-account-token",
        name=text(entry.get("name")),
        identity_id=account_id,
        state=CredentialState.EXPIRED if expires and expires <= ask.ctx.as_of else CredentialState.ACTIVE,
        lifetime=Lifetime.STATIC,
        issued_at=moment(entry.get("createdAt")),
        expires_at=expires,
        last_used_at=last,
        # "Returns when the token was last used", left out for one that never was (API reference).
        last_used=LastUsed.KNOWN if last else LastUsed.NEVER,
        account_id=ask.account.number,
    )


def _lightsail(ask: Ask) -> Iterator[Record]:
    requests: dict[str, Json] = {}
    for page in pages(ask, _BUCKETS, "pageToken", "nextPageToken"):
        for entry in map(mapping, listing(page.get("buckets"))):
            arn, name = text(entry.get("arn")), text(entry.get("name"))
            if arn is None or name is None:
                continue
            tags = _tags.read(entry.get("tags"))
            access = text(mapping(entry.get("accessRules")).get("getObject"))
            requests[arn] = {"bucketName": name}
            yield Resource(
                **seen(ask, arn), provider="aws", kind="lightsail_bucket", name=name,
                public={"public": True, "private": False}.get(access or ""), created_at=moment(entry.get("createdAt")),
                environment=_tags.environment(tags), tags=tags,
            )  # fmt: skip
            yield from owners(ask, arn, tags)
    asking = Asking(ask)
    for arn, answer in asking.each(_BUCKET_KEYS, requests, absent=_GONE):
        for entry in map(mapping, listing(answer.get("accessKeys"))):
            key_id = text(entry.get("accessKeyId"))
            if key_id is not None:
                yield _bucket_key(ask, arn, key_id, entry)
    yield from asking.gaps


def _bucket_key(ask: Ask, arn: str, key_id: str, entry: Json) -> Credential:
    used = mapping(entry.get("lastUsed"))
    last = moment(used.get("lastUsedDate"))
    status = text(entry.get("status")) or ""
    return Credential(
        **seen(ask, f"aws:access_key/{key_id}", arn),
        provider="aws",
        kind=CredentialKind.ACCESS_KEY,
        state={"Active": CredentialState.ACTIVE, "Inactive": CredentialState.INACTIVE}.get(status),
        lifetime=Lifetime.STATIC,
        issued_at=moment(entry.get("createdAt")),
        last_used_at=last,
        # N/A where the key has not been used (API reference, AccessKeyLastUsed).
        last_used=LastUsed.KNOWN if last else LastUsed.NEVER if used.get("serviceName") == "N/A" else None,
        key_id=key_id,
        account_id=ask.account.number,
        facts=facts(service="lightsail"),
    )


COLLECTOR = Group(
    name="aws.api_keys",
    title="AWS API keys: API Gateway, AppSync, Managed Grafana, Lightsail",
    parts=(
        Part(
            name="gateway keys",
            kind="API Gateway API key",
            facts=("created", "enabled", "stages", "owner"),
            calls={"apigateway:GetApiKeys": "credential, owner"},
            read=_gateway,
        ),
        Part(
            name="rest apis",
            kind="API Gateway REST API",
            facts=("created", "private or public", "resource policy", "owner"),
            calls={"apigateway:GetRestApis": "resource, policy, attachment, owner"},
            read=_rest_apis,
        ),
        Part(
            name="appsync keys",
            kind="AppSync API key",
            facts=("expires", "API", "owner of the API"),
            calls={"appsync:ListGraphqlApis": "resource, credential, owner", _APPSYNC_KEYS: "credential"},
            read=_appsync,
        ),
        Part(
            name="grafana tokens",
            kind="Grafana service account and token",
            facts=("created", "expires", "last used", "disabled", "owner of the workspace"),
            calls={
                "grafana:ListWorkspaces": "resource, identity, credential, owner",
                _ACCOUNTS: "identity, credential",
                _TOKENS: "credential",
            },
            read=_grafana,
        ),
        Part(
            name="bucket keys",
            kind="Lightsail bucket access key",
            facts=("created", "status", "last used", "bucket", "owner of the bucket"),
            calls={_BUCKETS: "resource, credential, owner", _BUCKET_KEYS: "credential"},
            read=_lightsail,
        ),
    ),
)
