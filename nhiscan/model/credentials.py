"""Credentials, the places where they were seen, and the stores that keep them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from nhiscan.model.base import Confidence, Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nhiscan.model.base import FileClass


class CredentialKind(StrEnum):
    """What sort of proof a credential is."""

    ACCESS_KEY = "access_key"
    API_KEY = "api_key"
    TOKEN = "token"  # noqa: S105 - a kind, not a value
    PASSWORD = "password"  # noqa: S105 - a kind, not a value
    CLIENT_SECRET = "client_secret"  # noqa: S105 - a kind, not a value
    CONNECTION_STRING = "connection_string"
    PRIVATE_KEY = "private_key"
    CERTIFICATE = "certificate"
    JWT = "jwt"
    WEBHOOK = "webhook"
    FEDERATED = "federated"
    SIGNING_CERTIFICATE = "signing_certificate"
    SSH_KEY = "ssh_key"
    UNKNOWN = "unknown"


class CredentialState(StrEnum):
    """What the issuer says of a credential.

    `not_in_scope`: its issuer is known and was not collected.  `declared`: infrastructure code says that it
    shall exist.
    """

    DECLARED = "declared"
    ACTIVE = "active"
    INACTIVE = "inactive"
    EXPIRED = "expired"
    DELETED = "deleted"
    NOT_IN_SCOPE = "not_in_scope"


class Lifetime(StrEnum):
    """How long a credential is meant to live."""

    STATIC = "static"
    SHORT_LIVED = "short_lived"
    FEDERATED = "federated"


class LastUsed(StrEnum):
    """`known`: `last_used_at` holds it.  `never`: the issuer says it was never used.  NULL: nobody could say."""

    KNOWN = "known"
    NEVER = "never"


class Visibility(StrEnum):
    """Who can see a file: everybody with the repository, or only this machine."""

    TRACKED = "tracked"
    UNTRACKED = "untracked"
    LOCAL = "local"


class ExposurePart(StrEnum):
    """Which part of a credential lies there: the secret value, or only its public key id."""

    VALUE = "value"
    KEY_ID = "key_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(Record):
    """Proof of an identity; never the value.

    `fingerprint` is the keyed digest of the value and never leaves the run; `key_id` and `account_id` are the public
    facts of its format; `public` says that the value is public by design (a Supabase `anon` key), `sample` that it is a
    documented example or a placeholder in a known format and opens nothing.  `scopes` are what it allows in its
    provider's words (`contents: write`, `repo`), NULL where nobody could say; `ttl` is its longest life in seconds and
    `max_uses` how often it serves (0: without end), `bound` whether it works from known networks only; `encrypted`
    says whether a private key asks for a passphrase.
    """

    table: ClassVar[str] = "credential"

    provider: str | None = None
    kind: CredentialKind = CredentialKind.UNKNOWN
    name: str | None = None
    format: str | None = None
    identity_id: str | None = None
    state: CredentialState | None = None
    lifetime: Lifetime | None = None
    issued_at: datetime | None = None
    rotated_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used: LastUsed | None = None
    key_id: str | None = None
    account_id: str | None = None
    fingerprint: str | None = None
    public: bool | None = None
    human: bool | None = None
    environment: str | None = None
    sample: bool | None = None
    scopes: tuple[str, ...] | None = None
    ttl: int | None = None
    max_uses: int | None = None
    bound: bool | None = None
    encrypted: bool | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    confidence: Confidence = Confidence.HIGH


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure(Record):
    """A place where a credential's value (or only its key id) lies; `uri` is relative to the repository root.

    `detector` is the format or layer that recognised it, `basis` why it is believed (`format + checksum`);
    `file_class` says what the file is for.
    """

    table: ClassVar[str] = "exposure"

    credential_id: str
    uri: str
    line: int | None = None
    key_name: str | None = None
    detector: str | None = None
    basis: str | None = None
    part: ExposurePart = ExposurePart.VALUE
    commit: str | None = None
    author: str | None = None
    first_seen: datetime | None = None
    at_head: bool | None = None
    visibility: Visibility | None = None
    config: str | None = None
    file_class: FileClass | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Store(Record):
    """A vault mount, secret manager, one secret entry or one key that never leaves its service (metadata only).

    Periods are in seconds, `rotation_days` in days; `rotation` says whether it rotates by itself, `rotated_at` when it
    last did, `changed_at` when the value last changed for whatever reason; `encrypted_with` is the id of the key.
    """

    table: ClassVar[str] = "store"

    provider: str
    kind: str
    name: str
    rotation: bool | None = None
    rotation_days: int | None = None
    ttl: int | None = None
    max_ttl: int | None = None
    state: str | None = None
    created_at: datetime | None = None
    changed_at: datetime | None = None
    rotated_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used: LastUsed | None = None
    encrypted_with: str | None = None
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
