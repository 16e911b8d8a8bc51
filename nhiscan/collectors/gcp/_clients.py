"""OAuth clients of an organisation's workforce with their secrets, and HMAC keys of service accounts; never a value.

Fields: iam.v1 `OauthClient`, `OauthClientCredential`; storage.v1 `HmacKeyMetadata` (discovery documents).  Neither API
knows when a secret or key was last used; OAuth clients and their secrets have no time of creation there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import Json, facts, flag, moment, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import shown
from nhiscan.collectors.gcp._names import account_id
from nhiscan.plugin import (
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityKind,
    IdentityState,
    Lifetime,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

CLIENT, SECRET = "iam.googleapis.com/OauthClient", "iam.googleapis.com/OauthClientCredential"
CLIENTS = Operation(
    "iam:projects.locations.oauthClients.list", "/v1/projects/{project}/locations/global/oauthClients",
    ("iam.oauthClients.list",), query={"pageSize": "100"},
)  # fmt: skip
SECRETS = Operation(
    "iam:projects.locations.oauthClients.credentials.list", "/v1/{+client}/credentials",
    ("iam.oauthClientCredentials.list",),
)  # fmt: skip
HMAC_KEYS = Operation(
    "storage:projects.hmacKeys.list", "/storage/v1/projects/{project}/hmacKeys", ("storage.hmacKeys.list",),
    query={"maxResults": "250"},
)  # fmt: skip
"""At most 250 a page; deleted keys are left out (storage.v1, discovery document)."""
_HMAC_STATES = {
    "ACTIVE": CredentialState.ACTIVE, "INACTIVE": CredentialState.INACTIVE, "DELETED": CredentialState.DELETED,
}  # fmt: skip


def _gone(data: Json) -> bool:
    return text(data.get("state")) == "DELETED"


def _off(data: Json) -> bool | None:
    return False if data.get("disabled") is None else flag(data.get("disabled"))


def read_client(ask: Ask, data: Json, name: str, scope_id: str) -> Iterator[Record]:
    """An OAuth client; `implicit_grant` is False because no grant type of this API is the implicit one."""
    off = _off(data)
    state = IdentityState.DISABLED if off else IdentityState.ENABLED
    grants = texts(data.get("allowedGrantTypes"))
    yield Identity(
        id=f"gcp:oauth_client/{name}", scope_id=scope_id, source=ask.source, locator=f"//iam.googleapis.com/{name}",
        provider="gcp", kind=IdentityKind.OAUTH_CLIENT, name=shown(data.get("displayName")) or name.rpartition("/")[2],
        state=IdentityState.DELETED if _gone(data) else None if off is None else state,
        native_id=text(data.get("clientId")),
        public_client={"PUBLIC_CLIENT": True, "CONFIDENTIAL_CLIENT": False}.get(text(data.get("clientType")) or ""),
        implicit_grant=False if grants else None, password_grant=False if grants else None,
        redirect_uris=texts(data.get("allowedRedirectUris")),
        tags=facts(scopes=" ".join(texts(data.get("allowedScopes"))) or None, grants=" ".join(grants) or None),
    )  # fmt: skip


def read_secret(ask: Ask, data: Json, name: str, scope_id: str) -> Iterator[Record]:
    """A secret of an OAuth client: its name and whether it works, for ever as far as the API tells."""
    client, _, own = name.partition("/credentials/")
    if not own:
        return
    off = _off(data)
    yield Credential(
        id=f"gcp:oauth_client/{client}#secret/{own}", scope_id=scope_id, source=ask.source,
        locator=f"//iam.googleapis.com/{name}", provider="gcp", kind=CredentialKind.CLIENT_SECRET,
        name=shown(data.get("displayName")) or own, identity_id=f"gcp:oauth_client/{client}",
        state=None if off is None else CredentialState.INACTIVE if off else CredentialState.ACTIVE,
        lifetime=Lifetime.STATIC, human=False,
    )  # fmt: skip


def read_hmac_key(ask: Ask, data: Json, project: str, scope_id: str) -> Iterator[Record]:
    """A key that signs requests to Cloud Storage as a service account; it never expires."""
    number, email = text(data.get("accessId")), text(data.get("serviceAccountEmail"))
    if number is None:
        return
    yield Credential(
        id=f"gcp:hmac_key/{number}", scope_id=scope_id, source=ask.source, provider="gcp",
        locator=f"//storage.googleapis.com/projects/{project}/hmacKeys/{number}", kind=CredentialKind.ACCESS_KEY,
        name=f"HMAC key of {email}" if email else "HMAC key", identity_id=account_id(email) if email else None,
        state=_HMAC_STATES.get(text(data.get("state")) or ""), lifetime=Lifetime.STATIC,
        issued_at=moment(data.get("timeCreated")), key_id=number, account_id=text(data.get("projectId")) or project,
        human=False, facts=facts(expires="never", changed=text(data.get("updated"))),
    )  # fmt: skip
