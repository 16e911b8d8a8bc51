"""Connections of Azure AI Foundry: what a project reaches, and the keys of others that are stored for it.

How a connection proves itself is its `authType` (REST reference, Microsoft.CognitiveServices 2025-06-01,
ConnectionPropertiesV2).  Lists leave the credentials out, and `listSecrets`, which gives them, is never called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nhiscan.collectors._common.values import facts, flag, mapping, moment, text
from nhiscan.collectors.azure._arm import name_of, seen
from nhiscan.plugin import (
    Auth,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Form,
    Lifetime,
    Purpose,
    Store,
    Transport,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

# What is stored, by the way a connection proves itself; the other ways store nothing.
_STORED: Mapping[str, CredentialKind] = {
    "accesskey": CredentialKind.ACCESS_KEY,
    "accountkey": CredentialKind.API_KEY,
    "apikey": CredentialKind.API_KEY,
    "customkeys": CredentialKind.API_KEY,
    "oauth2": CredentialKind.CLIENT_SECRET,
    "pat": CredentialKind.TOKEN,
    "sas": CredentialKind.TOKEN,
    "serviceprincipal": CredentialKind.CLIENT_SECRET,
    "usernamepassword": CredentialKind.PASSWORD,
}
_IDENTITIES = frozenset({
    "aad", "managedidentity", "projectmanagedidentity", "accountmanagedidentity", "agenticidentity",
    "agenticidentitytoken", "userentratoken", "agentuserimpersonation",
})  # fmt: skip
# Who issues the key of a connection, by its category, where only one could.
_ISSUERS: Mapping[str, str] = {
    "openai": "openai", "azureopenai": "azure", "aiservices": "azure", "cognitiveservice": "azure",
    "cognitivesearch": "azure", "azureblob": "azure", "azurestorageaccount": "azure", "adlsgen2": "azure",
    "cosmosdb": "azure", "appinsights": "azure", "azurekeyvault": "azure", "groundingwithbingsearch": "azure",
    "groundingwithcustomsearch": "azure", "apimanagement": "azure", "s3": "aws", "amazonredshift": "aws",
    "googlebigquery": "gcp", "googlecloudstorage": "gcp", "snowflake": "snowflake", "salesforce": "salesforce",
    "databricks": "databricks", "pinecone": "pinecone", "servicenow": "servicenow", "jira": "atlassian",
}  # fmt: skip
_MODELS = frozenset({"openai", "azureopenai", "aiservices", "cognitiveservice", "serverless", "modelgateway"})
_TOOLS: Mapping[str, str] = {"remotetool": "mcp", "remotea2a": "a2a"}
_AUTH: Mapping[str, Auth] = {
    "apikey": Auth.API_KEY, "customkeys": Auth.API_KEY, "oauth2": Auth.OAUTH, "pat": Auth.STATIC_BEARER,
    "usernamepassword": Auth.BASIC, "none": Auth.NONE,
}  # fmt: skip


def connection(ask: Ask, resource: str, row: Json, holder: str) -> Iterator[Record]:
    """A connection of `holder` (a project or account): the credential stored for it, or the identity it goes by.

    A connection to a tool server or to another agent is a consumer of its own.
    """
    known = mapping(row.get("properties"))
    how = (text(known.get("authType")) or "").lower()
    category = (text(known.get("category")) or "").lower()
    target = _host(known.get("target"))
    if category in _TOOLS:
        yield _tool_server(ask, resource, row, holder, _TOOLS[category])
    held = _STORED.get(how)
    if held is not None:
        yield _credential(ask, resource, row, held, target)
        yield _store(ask, resource, row)
    by_identity = how in _IDENTITIES
    yield Use(
        **seen(ask, f"{resource}#use", resource),
        consumer_id=resource if category in _TOOLS else holder,
        credential_id=resource if held is not None else None,
        how=UseHow.CONFIGURED,
        form=Form.VAULT if held is not None else Form.FEDERATED if by_identity else None,
        name=name_of(row, resource),
        place=target,
        purpose=Purpose.MODEL if category in _MODELS else Purpose.DATA,
        uri=resource,
    )


def _credential(ask: Ask, resource: str, row: Json, kind: CredentialKind, target: str | None) -> Credential:
    known = mapping(row.get("properties"))
    category = text(known.get("category"))
    return Credential(
        **seen(ask, resource, resource),
        provider=_ISSUERS.get((category or "").lower()),
        kind=kind,
        name=name_of(row, resource),
        state=CredentialState.NOT_IN_SCOPE,
        lifetime=Lifetime.STATIC,
        expires_at=moment(known.get("expiryTime")),
        facts=facts(
            category=category,
            authType=text(known.get("authType")),
            target=target,
            sharedToAll=flag(known.get("isSharedToAll")),
        ),
    )


def _store(ask: Ask, resource: str, row: Json) -> Store:
    known, when = mapping(row.get("properties")), mapping(row.get("systemData"))
    return Store(
        **seen(ask, resource, resource),
        provider="azure",
        kind="foundry_connection",
        name=name_of(row, resource),
        rotation=False,  # whoever made the connection has to put the next key into it
        created_at=moment(when.get("createdAt")),
        changed_at=moment(when.get("lastModifiedAt")),
        expires_at=moment(known.get("expiryTime")),
    )


def _tool_server(ask: Ask, resource: str, row: Json, holder: str, framework: str) -> Consumer:
    known = mapping(row.get("properties"))
    address, how = text(known.get("target")), (text(known.get("authType")) or "").lower()
    scheme = urlsplit(address).scheme.lower() if address and _host(address) else ""
    return Consumer(
        **seen(ask, resource, resource),
        kind=ConsumerKind.TOOL_SERVER if framework == "mcp" else ConsumerKind.AGENT,
        name=name_of(row, resource),
        framework=framework,
        parent_id=holder,
        platform="azure_foundry",
        transport=Transport.HTTP if scheme in {"http", "https"} else None,
        url=f"{scheme}://{_host(address)}" if scheme else None,
        tls={"https": True, "http": False}.get(scheme),
        auth=_AUTH.get(how) or (Auth.OAUTH if how in _IDENTITIES else None),
        created_at=moment(mapping(row.get("systemData")).get("createdAt")),
    )


def _host(address: object) -> str | None:
    """The host of an address: its path and query may hold keys, and are not kept."""
    found = text(address)
    if found is None:
        return None
    try:
        return urlsplit(found if "//" in found else f"//{found}").hostname
    except ValueError:
        return None
