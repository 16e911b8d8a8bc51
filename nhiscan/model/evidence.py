"""Resources, what was seen of their use, what is logged, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from nhiscan.model.base import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nhiscan.model.credentials import LastUsed


class GapReason(StrEnum):
    """Why something could not be seen."""

    DENIED = "denied"
    THROTTLED = "throttled"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"
    MALFORMED = "malformed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource(Record):
    """Something identities act on that has a policy or a way to sign in of its own: a bucket, a queue, an API.

    `public` says that anybody may reach it; `local_auth` that it accepts a key or password of its own where it could
    demand an identity; `authenticated` that it demands proof at all, `tls` that it is reached with encryption
    (webhooks, stores).
    """

    table: ClassVar[str] = "resource"

    provider: str
    kind: str
    name: str
    public: bool | None = None
    local_auth: bool | None = None
    authenticated: bool | None = None
    tls: bool | None = None
    encrypted_with: str | None = None
    created_at: datetime | None = None
    environment: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Record):
    """When an identity last used a service, or one action of it, as its provider reports."""

    table: ClassVar[str] = "usage"

    identity_id: str
    service: str
    action: str | None = None
    last_used: LastUsed | None = None
    last_used_at: datetime | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal(Record):
    """What a provider itself reports of a record: a leaked key put under quarantine, an unused role, outside access.

    `kind` is one of compromised, quarantined, unused_identity, unused_credential, unused_permission, external_access;
    of a scope, what it lets everybody do (user_consent, risky_consent, user_registration) and which limits it sets
    (lifetime_limit, domain_limit).  `active` FALSE: it was looked for and is not so.
    """

    table: ClassVar[str] = "signal"

    subject_id: str
    kind: str
    provider: str
    active: bool | None = None
    seen_at: datetime | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging(Record):
    """Tool-call, secret-access and policy-decision logs, each apart."""

    table: ClassVar[str] = "logging"

    subject_id: str
    kind: str
    enabled: bool | None = None
    destination: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap(Record):
    """What could not be seen.

    `covers` lists tables or `table.column`; `subject_id` narrows it to one record; `remedy` is the permission or the
    act that would fix it; `operation` the call that failed.  What was skipped and covers nothing is left out by design
    (pictures, links): it is counted and hides nothing.
    """

    table: ClassVar[str] = "gap"

    covers: tuple[str, ...]
    reason: GapReason
    remedy: str
    detail: str | None = None
    operation: str | None = None
    subject_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Record):
    """A fact a team declared under `context:` in nhiscan.yaml (trusted account, approved tool server, …)."""

    table: ClassVar[str] = "declared"

    kind: str
    value: str
    note: str | None = None
