"""Policies, what they are attached to, and who may become whom."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from nhiscan.model.base import Record
from nhiscan.model.derived import Certainty


class PolicyKind(StrEnum):
    """What a policy document does.

    `service_control` and `resource_control` limit what is in a scope; `resource` stands on a resource and names who may
    use it; `session` limits the sessions of a role that is handed out; `deny` takes away from those it names.
    """

    MANAGED = "managed"
    PROVIDER = "provider"
    INLINE = "inline"
    TRUST = "trust"
    BOUNDARY = "boundary"
    SERVICE_CONTROL = "service_control"
    RESOURCE_CONTROL = "resource_control"
    RESOURCE = "resource"
    SESSION = "session"
    DENY = "deny"


class AttachmentKind(StrEnum):
    """How a policy bears on its principal: an identity, a scope that it controls, or the resource it stands on."""

    GRANTS = "grants"
    BOUNDARY = "boundary"
    TRUST = "trust"
    CONTROL = "control"
    RESOURCE = "resource"
    SESSION = "session"
    DENIES = "denies"
    EXEMPT = "exempt"


class TrustKind(StrEnum):
    """In which way one principal may become another; `access`: not become it, but use a resource or store."""

    ASSUME = "assume"
    IMPERSONATE = "impersonate"
    FEDERATE = "federate"
    ACT_AS = "act_as"
    DELEGATE = "delegate"
    ACCESS = "access"


class PrincipalKind(StrEnum):
    """What the `principal` of a trust names.  `deleted`: the unique id that AWS leaves behind of a user or role."""

    IDENTITY = "identity"
    ACCOUNT = "account"
    SERVICE = "service"
    OIDC = "oidc"
    SAML = "saml"
    ANYONE = "anyone"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy(Record):
    """A policy document as its provider states it (JSON text), kept so that analysis can run again."""

    table: ClassVar[str] = "policy"

    provider: str
    kind: PolicyKind
    name: str
    document: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment(Record):
    """A policy and what it bears on: an identity or group, a scope it controls, or the resource it stands on.

    `target_id` is the scope or thing at and below which it applies, NULL where the policy itself says so (AWS);
    `condition` what it depends on, in the provider's words.  `time_bound` says whether the grant ends, or must be
    activated, by itself; `eligible` that it must be activated first.
    What is `exempt` is left out of a policy that denies.
    """

    table: ClassVar[str] = "attachment"

    policy_id: str
    principal_id: str
    kind: AttachmentKind
    target_id: str | None = None
    condition: str | None = None
    time_bound: bool | None = None
    eligible: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust(Record):
    """Who may become whom, and for kind `access` who from outside may use which thing by the policy that stands on it.

    `principal` is an identity id, an account number, a service name, an issuer host or `*`.  `subjects`, `audiences`
    and `claims` are what the conditions demand (patterns); `external_id` says whether one is demanded; `external` is
    NULL until the set of own accounts is known; `source_bound` says whether a service must name the account,
    resource or organisation it acts for (NULL where no service is trusted); `condition` is the raw JSON; `certainty`
    tells whether the conditions can be met by whoever the principal names.
    """

    table: ClassVar[str] = "trust"

    principal: str
    principal_kind: PrincipalKind
    target_id: str
    kind: TrustKind
    account_id: str | None = None
    external: bool | None = None
    external_id: bool | None = None
    subjects: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    source_bound: bool | None = None
    condition: str | None = None
    certainty: Certainty = Certainty.CERTAIN
