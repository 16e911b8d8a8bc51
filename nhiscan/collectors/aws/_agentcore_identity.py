"""AgentCore Identity: workload identities and the outbound credentials kept for agents in its token vault.

A provider keeps an OAuth client or an API key in Secrets Manager and hands tokens to whoever may ask; it is the
credential, and `facts.secret` names the secret.  An API key changes whenever its provider does, so that time is its
rotation; of an OAuth client other settings change too, so its rotation stays unknown.  Clients that prove themselves by
a signed token instead of a secret are federated or hold a private key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import facts, mapping, moment, text
from nhiscan.collectors.aws._agentcore import CLIENT, TAGGED, TAGS
from nhiscan.collectors.aws._agents import Kind, address, texts, things
from nhiscan.collectors.aws._group import Part
from nhiscan.collectors.aws._seen import owners, seen
from nhiscan.plugin import (
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    Lifetime,
    Resource,
    Store,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_PAYMENT, _VAULT = f"{CLIENT}:ListPaymentCredentialProviders", f"{CLIENT}:GetTokenVault"
_IDENTITIES = Kind(
    list_all=f"{CLIENT}:ListWorkloadIdentities", entries="workloadIdentities", arn="workloadIdentityArn",
    number="name", describe=f"{CLIENT}:GetWorkloadIdentity", parameter="name", tags=TAGS, params={"maxResults": 20},
)  # fmt: skip
_OAUTH = Kind(
    list_all=f"{CLIENT}:ListOauth2CredentialProviders", entries="credentialProviders", arn="credentialProviderArn",
    number="name", describe=f"{CLIENT}:GetOauth2CredentialProvider", parameter="name", tags=TAGS,
    params={"maxResults": 20},
)  # fmt: skip
_API_KEYS = Kind(
    list_all=f"{CLIENT}:ListApiKeyCredentialProviders", entries="credentialProviders", arn="credentialProviderArn",
    number="name", describe=f"{CLIENT}:GetApiKeyCredentialProvider", parameter="name", tags=TAGS,
    params={"maxResults": 100},
)  # fmt: skip
# Under this key of `tags`, which no tag of a customer can have, stand the addresses a workload identity may return to.
RETURN_URLS = "aws:bedrock-agentcore:allowed-return-urls"
_PROOF = {
    "PRIVATE_KEY_JWT": (CredentialKind.PRIVATE_KEY, Lifetime.STATIC),
    "AWS_IAM_ID_TOKEN_JWT": (CredentialKind.FEDERATED, Lifetime.FEDERATED),
}
_STATE = {"READY": CredentialState.ACTIVE, "UPDATING": CredentialState.ACTIVE, "UPDATE_FAILED": CredentialState.ACTIVE}


def _identities(ask: Ask) -> Iterator[Record]:
    for thing in (yield from things(ask, _IDENTITIES)):
        urls = texts(thing.detail.get("allowedResourceOauth2ReturnUrls"))
        returns = sorted({address(url)[0] or url.partition("?")[0] for url in urls})
        yield Identity(
            **seen(ask, thing.arn), provider="aws", kind=IdentityKind.WORKLOAD_IDENTITY, name=thing.number,
            class_=IdentityClass.AGENT, state=IdentityState.ENABLED, created_at=moment(thing.detail.get("createdTime")),
            interactive=False, environment=_tags.environment(thing.tags),
            tags={**thing.tags, **({RETURN_URLS: " ".join(returns)} if returns else {})},
        )  # fmt: skip
        yield from owners(ask, thing.arn, thing.tags)


def _oauth_clients(ask: Ask) -> Iterator[Record]:
    for thing in (yield from things(ask, _OAUTH)):
        detail, vendor = thing.detail, text(thing.entry.get("credentialProviderVendor"))
        client: Json = next((mapping(v) for v in mapping(detail.get("oauth2ProviderConfigOutput")).values()), {})
        proof = text(client.get("clientAuthenticationMethod"))
        kind, lifetime = _PROOF.get(proof or "", (CredentialKind.CLIENT_SECRET, Lifetime.STATIC))
        yield Credential(
            **seen(ask, thing.arn), provider=_issuer(vendor), kind=kind, name=thing.number, lifetime=lifetime,
            state=_STATE.get(text(detail.get("status")) or ""), issued_at=moment(thing.entry.get("createdTime")),
            environment=_tags.environment(thing.tags),
            facts=facts(
                vendor=vendor, client_id=client.get("clientId"), client_authentication=proof,
                secret=mapping(detail.get("clientSecretArn")).get("secretArn"),
                secret_source=detail.get("clientSecretSource"),
            ),
        )  # fmt: skip
        yield from owners(ask, thing.arn, thing.tags)


def _issuer(vendor: str | None) -> str | None:
    known = (vendor or "").removesuffix("Oauth2").lower()
    return known if known and known != "custom" else None


def _api_keys(ask: Ask) -> Iterator[Record]:
    for thing in (yield from things(ask, _API_KEYS)):
        yield Credential(
            **seen(ask, thing.arn), kind=CredentialKind.API_KEY, name=thing.number, lifetime=Lifetime.STATIC,
            issued_at=moment(thing.entry.get("createdTime")), rotated_at=moment(thing.entry.get("lastUpdatedTime")),
            environment=_tags.environment(thing.tags),
            facts=facts(
                secret=mapping(thing.detail.get("apiKeySecretArn")).get("secretArn"),
                secret_source=thing.detail.get("apiKeySecretSource"),
            ),
        )  # fmt: skip
        yield from owners(ask, thing.arn, thing.tags)


def _payment_keys(ask: Ask) -> Iterator[Record]:
    for entry in ask.items(_PAYMENT, "credentialProviders", maxResults=20):
        if arn := text(entry.get("credentialProviderArn")):
            yield Credential(
                **seen(ask, arn), kind=CredentialKind.API_KEY, name=text(entry.get("name")), lifetime=Lifetime.STATIC,
                issued_at=moment(entry.get("createdTime")), facts=facts(vendor=entry.get("credentialProviderVendor")),
            )  # fmt: skip


def _token_vault(ask: Ask) -> Iterator[Record]:
    vault = ask.call(_VAULT)
    name = text(vault.get("tokenVaultId"))
    if name is not None:
        arn = ask.arn("bedrock-agentcore", f"token-vault/{name}")
        yield Store(
            **seen(ask, arn), provider="aws", kind="token_vault", name=name,
            changed_at=moment(vault.get("lastModifiedDate")),
            encrypted_with=text(mapping(vault.get("kmsConfiguration")).get("kmsKeyArn")),
        )  # fmt: skip


def _policy_engines(ask: Ask) -> Iterator[Record]:
    for entry in ask.items(f"{CLIENT}:ListPolicyEngines", "policyEngines", maxResults=100):
        if arn := text(entry.get("policyEngineArn")):
            yield Resource(
                **seen(ask, arn), provider="aws", kind="policy_engine", name=text(entry.get("name")) or arn,
                public=False, encrypted_with=text(entry.get("encryptionKeyArn")),
                created_at=moment(entry.get("createdAt")),
            )  # fmt: skip


WORKLOAD_IDENTITIES = Part(
    name="workload-identities",
    kind="AgentCore workload identity",
    facts=("created", "allowed return addresses", "owner"),
    calls={
        _IDENTITIES.list_all: "identity, owner",
        _IDENTITIES.describe: "identity.created_at, identity.tags",
        TAGS: TAGGED,
    },
    read=_identities,
)
OAUTHCLIENTS = Part(
    name="oauth-clients",
    kind="AgentCore OAuth2 credential provider",
    facts=("created", "vendor", "client", "its secret", "owner"),
    calls={
        _OAUTH.list_all: "credential, owner",
        _OAUTH.describe: "credential.facts, credential.state, credential.lifetime",
        TAGS: TAGGED,
    },
    read=_oauth_clients,
)
API_KEYS = Part(
    name="api-keys",
    kind="AgentCore API-key credential provider",
    facts=("created", "changed", "its secret", "owner"),
    calls={
        _API_KEYS.list_all: "credential, owner",
        _API_KEYS.describe: "credential.facts",
        TAGS: TAGGED,
    },
    read=_api_keys,
)
PAYMENT_KEYS = Part(
    name="payment-keys",
    kind="AgentCore payment credential provider",
    facts=("created", "vendor"),
    calls={_PAYMENT: "credential"},
    read=_payment_keys,
)
TOKEN_VAULT = Part(
    name="token-vault",
    kind="AgentCore token vault",
    facts=("changed", "key"),
    calls={_VAULT: "store"},
    read=_token_vault,
)
POLICY_ENGINES = Part(
    name="policy-engines",
    kind="AgentCore policy engine",
    facts=("created", "key"),
    calls={f"{CLIENT}:ListPolicyEngines": "resource"},
    read=_policy_engines,
)
