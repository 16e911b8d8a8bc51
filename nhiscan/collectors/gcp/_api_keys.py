"""What the API Keys API says of a key: what it opens, for whom it works, and whom it acts as; never its string.

Fields: apikeys.v2 `V2Key`, `V2Restrictions` (discovery document).  A key without API targets opens every API that is
enabled in its project; one that is bound to a service account acts as that account (cloud.google.com/docs/
authentication/api-keys, November 2026).  The API knows no time of last use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import facts, mapping, moment, objects, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import shown
from nhiscan.collectors.gcp._names import account_id
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

KEY = "apikeys.googleapis.com/Key"


def key_uid(data: Json) -> str | None:
    """The id of a key, its own or the end of its name, else None."""
    return text(data.get("uid")) or (text(data.get("name")) or "").rpartition("/")[2] or None


LIST = Operation(
    "apikeys:projects.locations.keys.list", "/v2/projects/{project}/locations/global/keys", ("apikeys.keys.list",),
    query={"pageSize": "300"}, named=key_uid,
)  # fmt: skip
_EVERYWHERE = frozenset({"0.0.0.0/0", "::/0", "*"})
_ANY_SITE = frozenset({"*", "*/*", "http://*", "https://*", "*://*", "http://*/*", "https://*/*", "*://*/*"})
_CLIENTS = {
    "server": ("serverKeyRestrictions", "allowedIps"),
    "browser": ("browserKeyRestrictions", "allowedReferrers"),
    "android": ("androidKeyRestrictions", "allowedApplications"),
    "ios": ("iosKeyRestrictions", "allowedBundleIds"),
}


def bound_account(data: Json) -> str | None:
    """The address of the service account that a key acts as, in lower case, else None."""
    email = text(data.get("serviceAccountEmail"))
    return email.lower() if email and "@" in email else None


def read_api_key(ask: Ask, data: Json, scope_id: str, project: str | None) -> Iterator[Record]:
    """An API key; `bound` is about networks, other restrictions of its clients stand in `facts`."""
    name, uid = text(data.get("name")), key_uid(data)
    if uid is None:
        return
    limits = mapping(data.get("restrictions"))
    client = _client(limits)
    email = bound_account(data)
    yield Credential(
        id=f"gcp:api_key/{project or '-'}/{uid}", scope_id=scope_id, source=ask.source,
        locator=f"//apikeys.googleapis.com/{name}" if name else None, provider="gcp", kind=CredentialKind.API_KEY,
        name=shown(data.get("displayName")) or uid, identity_id=account_id(email) if email else None,
        state=CredentialState.DELETED if moment(data.get("deleteTime")) else CredentialState.ACTIVE,
        lifetime=Lifetime.STATIC, issued_at=moment(data.get("createTime")), account_id=project, human=False,
        scopes=_targets(limits), bound=client == "server" and _networks(limits),
        facts=facts(client_restriction=client, bound_account=email, expires="never"),
    )  # fmt: skip


def _targets(limits: Json) -> tuple[str, ...]:
    """Services, or single methods of them; `*` where nothing limits it."""
    found = []
    for target in objects(limits.get("apiTargets")):
        service = text(target.get("service"))
        if service is not None:
            methods = texts(target.get("methods"))
            found += [f"{service}/{method}" for method in methods] or [service]
    return tuple(found) or ("*",)


def _client(limits: Json) -> str:
    """What sort of client it is meant for, `none` where anybody may use it; only one sort can be set."""
    for client, (group, key) in _CLIENTS.items():
        named = mapping(limits.get(group)).get(key)
        if client == "browser" and set(texts(named)) & _ANY_SITE:
            continue
        if texts(named) or objects(named):
            return client
    return "none"


def _networks(limits: Json) -> bool:
    return not set(texts(mapping(limits.get("serverKeyRestrictions")).get("allowedIps"))) & _EVERYWHERE
