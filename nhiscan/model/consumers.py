"""What uses identities and credentials: agents, workloads, pipelines; and how agents hand over."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from nhiscan.model.base import Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from nhiscan.model.base import Basis, FileClass
    from nhiscan.model.credentials import Visibility
    from nhiscan.model.tools import Auth, Pin, Transport


class ConsumerKind(StrEnum):
    """What acts through an identity.  `step`: code of somebody else inside a pipeline (an action, orb, image)."""

    AGENT = "agent"
    TOOL_SERVER = "tool_server"
    PIPELINE = "pipeline"
    STEP = "step"
    WORKLOAD = "workload"
    FUNCTION = "function"
    APPLICATION = "application"


class Trigger(StrEnum):
    """What sets a consumer to work.  `untrusted`: an event that somebody without write access can cause and shape."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    EVENT = "event"
    UNTRUSTED = "untrusted"


class Origin(StrEnum):
    """Which level of settings declares a consumer: the machine, a person, a project, or an extension."""

    SYSTEM = "system"
    USER = "user"
    PROJECT = "project"
    EXTENSION = "extension"


class Autonomy(StrEnum):
    """How far a consumer acts without a person."""

    INTERACTIVE = "interactive"
    SUPERVISED = "supervised"
    UNATTENDED = "unattended"


class Approval(StrEnum):
    """What happens before a tool runs."""

    ASK = "ask"
    AUTO = "auto"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer(Record):
    """What acts through an identity.

    A tool server has the agent that starts it as `parent_id`; `uri` and `line` are where it is declared;
    `bypass` names the setting that switches approval off, when one does.  `platform` is where it runs (`aws_lambda`);
    `public` says that its endpoint answers the internet, `metadata_v1` that its instance metadata answers without a
    session token, `metadata_hops` how many network hops that answer may travel, `guardrail` that one is bound to it.

    `origin` is the level of settings it stands in. `trigger` is the least trusted thing that sets it to work and
    `triggers` their names; `runs_untrusted` says that it then runs what outsiders wrote. `gated`: a
    person or a protected environment stands before it; `self_hosted`: it runs on a machine of one's own; `issuer` and
    `subjects` are what its federated token says of it (patterns where parts are not known). `automount`: a token of
    its identity is mounted although nothing asks for it; `host_network`: it shares the network, and so the identity,
    of its machine. `alters_itself`: it may write its own settings, permissions or instructions; `enforced`: a policy
    decision stands between it and its tools; `forwards`: it hands the token it was given on to others.  `file_class`
    says what the file at `uri` is for: what tests and documents declare acts for nobody.
    """

    table: ClassVar[str] = "consumer"

    kind: ConsumerKind
    name: str
    framework: str | None = None
    parent_id: str | None = None
    uri: str | None = None
    line: int | None = None
    environment: str | None = None
    enabled: bool | None = None
    visibility: Visibility | None = None
    autonomy: Autonomy | None = None
    autonomy_basis: Basis | None = None
    approval: Approval | None = None
    approval_basis: Basis | None = None
    bypass: str | None = None
    sandbox: str | None = None
    platform: str | None = None
    transport: Transport | None = None
    url: str | None = None
    tls: bool | None = None
    loopback: bool | None = None
    auth: Auth | None = None
    launcher: str | None = None
    package: str | None = None
    pin: Pin | None = None
    created_at: datetime | None = None
    public: bool | None = None
    metadata_v1: bool | None = None
    metadata_hops: int | None = None
    guardrail: bool | None = None
    origin: Origin | None = None
    trigger: Trigger | None = None
    triggers: tuple[str, ...] = ()
    runs_untrusted: bool | None = None
    gated: bool | None = None
    self_hosted: bool | None = None
    issuer: str | None = None
    subjects: tuple[str, ...] = ()
    automount: bool | None = None
    host_network: bool | None = None
    alters_itself: bool | None = None
    enforced: bool | None = None
    forwards: bool | None = None
    file_class: FileClass | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop(Record):
    """Which agent hands work to which other agent or server, and how it proves itself there.

    `forwards` says that it hands on its own credential or environment instead of a token made for that hop.
    """

    table: ClassVar[str] = "hop"

    from_id: str
    to_id: str
    via: str
    auth: Auth | None = None
    forwards: bool | None = None
