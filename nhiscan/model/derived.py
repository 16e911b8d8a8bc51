"""What analysis makes of the records, never a collector."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from nhiscan.model.base import Record

if TYPE_CHECKING:
    from nhiscan.model.base import Confidence, Severity


class Capability(StrEnum):
    """What an identity can effectively do.  `read_data`: it reads the mail, files or messages of everybody."""

    ADMIN = "admin"
    ESCALATE = "escalate"
    GRANT_ACCESS = "grant_access"
    READ_SECRETS = "read_secrets"
    WILDCARD = "wildcard"
    WRITE_DATA = "write_data"
    READ_DATA = "read_data"
    ALTER_LOGS = "alter_logs"


class Certainty(StrEnum):
    """`certain`: holds whatever the request.  `conditional`: holds when a condition we cannot evaluate is met."""

    CERTAIN = "certain"
    CONDITIONAL = "conditional"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Record):
    """Derived: one statement of a policy that bears on an identity, with its conditions kept."""

    table: ClassVar[str] = "grant"

    identity_id: str
    policy_id: str
    statement: int
    effect: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    condition: str | None = None
    level: str | None = None
    via: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective(Record):
    """Derived: an identity has a capability after union, Deny and boundary.

    `method` names the escalation or the action that gives it, `steps` prove it statement by statement.
    """

    table: ClassVar[str] = "effective"

    identity_id: str
    capability: Capability
    certainty: Certainty
    method: str | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach(Record):
    """Derived: an identity can become another within five hops; `path` lists the identities passed, ends included.

    `steps` prove each hop by the statements that allow it, and end with why the target is worth reaching.
    """

    table: ClassVar[str] = "reach"

    identity_id: str
    target_id: str
    hops: int
    path: tuple[str, ...]
    certainty: Certainty
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster(Record):
    """Derived: `member_id` is the place-bound record that turned out to be the credential `credential_id`."""

    table: ClassVar[str] = "cluster"

    credential_id: str
    member_id: str
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingRecord(Record):
    """Derived: a failed verdict after triage; `state` is new, known or suppressed."""

    table: ClassVar[str] = "finding"

    rule_id: str
    severity: Severity
    confidence: Confidence
    subject_table: str
    subject_id: str
    message: str
    state: str
    folded_into: str | None = None
