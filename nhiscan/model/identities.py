"""Where things are, which identities there are, who belongs to whom and who answers for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from nhiscan.model.base import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nhiscan.model.base import Confidence
    from nhiscan.model.credentials import LastUsed


class ScopeKind(StrEnum):
    """What a scope is."""

    ACCOUNT = "account"
    ORGANIZATION = "organization"
    ORGANIZATIONAL_UNIT = "organizational_unit"
    REPOSITORY = "repository"
    DIRECTORY = "directory"


class IdentityKind(StrEnum):
    """What sort of principal an identity is."""

    USER = "user"
    ROLE = "role"
    GROUP = "group"
    ROOT = "root"
    INSTANCE_PROFILE = "instance_profile"
    OIDC_PROVIDER = "oidc_provider"
    SAML_PROVIDER = "saml_provider"
    TRUST_ANCHOR = "trust_anchor"
    PERMISSION_SET = "permission_set"
    WORKLOAD_IDENTITY = "workload_identity"
    MANAGED_IDENTITY = "managed_identity"
    IDENTITY_POOL = "identity_pool"
    AGENT_IDENTITY = "agent_identity"
    AGENT_BLUEPRINT = "agent_blueprint"
    OAUTH_CLIENT = "oauth_client"
    SERVICE_ACCOUNT = "service_account"
    APP = "app"
    BOT = "bot"


class IdentityClass(StrEnum):
    """Who stands behind an identity; decided by analysis unless a collector knows it for certain."""

    HUMAN = "human"
    WORKLOAD = "workload"
    AGENT = "agent"
    BREAK_GLASS = "break_glass"
    PROVIDER_MANAGED = "provider_managed"


class IdentityState(StrEnum):
    """Whether an identity can act.  `declared`: infrastructure code says that it shall exist, no provider was asked."""

    DECLARED = "declared"
    ENABLED = "enabled"
    DISABLED = "disabled"
    DELETED = "deleted"


class OwnerKind(StrEnum):
    """Who is accountable."""

    PERSON = "person"
    TEAM = "team"


class OwnerBasis(StrEnum):
    """Why we believe it; in falling order of trust."""

    DECLARED = "declared"
    TAG = "tag"
    SPONSOR = "sponsor"
    CODEOWNERS = "codeowners"
    CREATOR = "creator"
    BLAME = "blame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope(Record):
    """An account, organisation, unit of one, repository or directory; `scope_id` equals `id`.

    `management` says whether an account is the one that its organisation's policies do not bind; `delegated` names the
    services that an account administers for its organisation.
    """

    table: ClassVar[str] = "scope"

    provider: str
    kind: ScopeKind
    name: str
    parent_id: str | None = None
    environment: str | None = None
    management: bool | None = None
    delegated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity(Record):
    """A principal that can be granted access.

    `native_id` is the id under which its provider knows it (an ARN), where that is known and is not the `id`: what
    infrastructure code declares joins what exists by it.  `max_session` is the longest session it hands out, in
    seconds.  `public_client`, `implicit_grant`, `password_grant` and `redirect_uris` are settings of OAuth clients.
    """

    table: ClassVar[str] = "identity"

    provider: str
    kind: IdentityKind
    name: str
    class_: IdentityClass | None = None
    state: IdentityState | None = None
    created_at: datetime | None = None
    last_used_at: datetime | None = None
    last_used: LastUsed | None = None
    interactive: bool | None = None
    native_id: str | None = None
    max_session: int | None = None
    public_client: bool | None = None
    implicit_grant: bool | None = None
    password_grant: bool | None = None
    redirect_uris: tuple[str, ...] = ()
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Record):
    """An identity and a group it belongs to, or a role and the instance profile that hands it out."""

    table: ClassVar[str] = "member"

    identity_id: str
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner(Record):
    """An accountable person or team for any record (`subject_id`)."""

    table: ClassVar[str] = "owner"

    subject_id: str
    name: str
    kind: OwnerKind
    basis: OwnerBasis
    confidence: Confidence
