"""What the answers of IAM say of a service account and of its keys, as records.

Fields: iam.v1 `ServiceAccount`, `ServiceAccountKey` (discovery document).  A service account has no time of creation
there, and no labels; owners are what people write into its description.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.tags import looks_secret
from nhiscan.collectors._common.values import facts, flag, moment, objects, text
from nhiscan.collectors.gcp._assets import dated
from nhiscan.collectors.gcp._names import account, account_id, account_type
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import (
    Confidence,
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityState,
    Lifetime,
    Owner,
    OwnerBasis,
    OwnerKind,
    Signal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_KEY = re.compile(r"projects/([^/]+)/serviceAccounts/([^/]+)/keys/([^/]+)")
_ACCOUNT = re.compile(r"projects/([^/]+)/serviceAccounts/([^/]+@[^/]+)")
_OWNER = re.compile(r"\b(?:owner|owned by|team|contact|maintainer)\s*[:=]\s*([^\s,;()<>\[\]]{2,100})", re.IGNORECASE)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_LEAKED = {
    "SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED": "found in public",
    "SERVICE_ACCOUNT_KEY_DISABLE_REASON_COMPROMISE_DETECTED": "seen in misuse",
    "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_EXPOSED": "found in public",
    "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_COMPROMISE_DETECTED": "seen in misuse",
}
_REASON = "SERVICE_ACCOUNT_KEY_DISABLE_REASON_"
SYSTEM, USER = "SYSTEM_MANAGED", "USER_MANAGED"


def email_of(data: Json) -> str | None:
    """The address of a service account, from its own field or its name, in lower case; else None."""
    found = text(data.get("email"))
    match = _ACCOUNT.fullmatch(text(data.get("name")) or "")
    email = found or (match[2] if match else None)
    return email.lower() if email and "@" in email else None


def read_account(ask: Ask, data: Json, scope_id: str, project: str | None) -> Iterator[Record]:
    """A service account and the owner that its description names."""
    email = email_of(data)
    if email is None:
        return
    known = account(email, project)
    yield Identity(
        id=known.id, scope_id=scope_id, source=ask.source,
        locator=f"//iam.googleapis.com/projects/{project or '-'}/serviceAccounts/{email}", provider="gcp",
        kind=known.kind, name=email, class_=known.class_, state=_state(data.get("disabled")), interactive=False,
        native_id=text(data.get("uniqueId")),
        tags=facts(type=account_type(email, project), display_name=shown(data.get("displayName"))),
    )  # fmt: skip
    yield from _owner(ask, known.id, scope_id, text(data.get("description")))


def _state(disabled: object) -> IdentityState | None:
    if disabled is None:  # proto3 leaves out what is false
        return IdentityState.ENABLED
    known = flag(disabled)
    return None if known is None else IdentityState.DISABLED if known else IdentityState.ENABLED


def shown(value: object) -> str | None:
    """A name that people chose, without anything that looks like a secret."""
    name = text(value)
    return None if name is None or looks_secret(name) else conceal(name)[:200]


def _owner(ask: Ask, subject_id: str, scope_id: str, description: str | None) -> Iterator[Owner]:
    match = _OWNER.search(description or "")
    if match is None or looks_secret(match[1]):
        return
    name = match[1].rstrip(".:")
    yield Owner(
        id=f"{subject_id}#owner/description", scope_id=scope_id, source=ask.source, locator="description",
        subject_id=subject_id, name=name, kind=OwnerKind.PERSON if _EMAIL.fullmatch(name) else OwnerKind.TEAM,
        basis=OwnerBasis.TAG, confidence=Confidence.MEDIUM,
    )  # fmt: skip


def key_id(email: str, number: str) -> str:
    """The credential id of a key."""
    return f"{account_id(email)}#key/{number}"


def key_names(data: Json, emails: dict[str, str]) -> tuple[str, str] | None:
    """The address of a key's account and the key's own id; `emails` are addresses by numeric account id."""
    match = _KEY.fullmatch(text(data.get("name")) or "")
    if match is None:
        return None
    email = match[2] if "@" in match[2] else emails.get(match[2])
    return (email.lower(), match[3]) if email else None


def read_key(ask: Ask, data: Json, names: tuple[str, str], scope_id: str, project: str | None) -> Iterator[Record]:
    """A key of a service account, and what Google says of its leak."""
    email, number = names
    own = key_id(email, number)
    type_, disabled = text(data.get("keyType")), data.get("disabled")
    expires = moment(data.get("validBeforeTime"))
    reason = (text(data.get("disableReason")) or "").removeprefix(_REASON).lower()
    where = f"//iam.googleapis.com/projects/{project or '-'}/serviceAccounts/{email}/keys/{number}"
    yield Credential(
        id=own, scope_id=scope_id, source=ask.source, locator=where, provider="gcp", kind=CredentialKind.PRIVATE_KEY,
        name=f"key {number[:12]} of {email}", identity_id=account_id(email), state=_key_state(disabled),
        lifetime={USER: Lifetime.STATIC, SYSTEM: Lifetime.SHORT_LIVED}.get(type_ or ""),
        issued_at=moment(data.get("validAfterTime")), expires_at=dated(expires), key_id=number, account_id=project,
        human=False,
        facts=facts(
            managed_by={USER: "user", SYSTEM: "provider"}.get(type_ or ""),
            origin={"GOOGLE_PROVIDED": "generated", "USER_PROVIDED": "uploaded"}.get(text(data.get("keyOrigin")) or ""),
            algorithm=text(data.get("keyAlgorithm")),
            expires="never" if expires is not None and dated(expires) is None else None,
            disabled_because=reason or None,
        ),
    )  # fmt: skip
    yield from _leak(ask, data, own, scope_id, where)


def _key_state(disabled: object) -> CredentialState | None:
    if disabled is None:
        return CredentialState.ACTIVE
    known = flag(disabled)
    return None if known is None else CredentialState.INACTIVE if known else CredentialState.ACTIVE


def _leak(ask: Ask, data: Json, subject_id: str, scope_id: str, where: str) -> Iterator[Signal]:
    """Google's own verdict that a key is out (cloud.google.com/iam/docs, "Disable leaked service account keys")."""
    said = [text(data.get("disableReason")), *(text(entry.get("key")) for entry in objects(data.get("extendedStatus")))]
    for words in sorted({_LEAKED[each] for each in said if each in _LEAKED}):
        yield Signal(
            id=f"{subject_id}#signal/{words.replace(' ', '_')}", scope_id=scope_id, source=ask.source, locator=where,
            subject_id=subject_id, kind="compromised", provider="gcp", active=True, detail=f"Google: {words}",
        )  # fmt: skip
