"""Builds a small account from documents, and asks the analysis what its principals can do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nhiscan.analysis.aws.effective import effective
from nhiscan.analysis.aws.estate import Estate, build, library
from nhiscan.analysis.aws.ground import prepare
from nhiscan.analysis.aws.trusts import trusts, world
from nhiscan.analysis.aws.workloads import Workloads, workloads
from nhiscan.analysis.reach import reach
from nhiscan.model import (
    Attachment,
    AttachmentKind,
    Capability,
    Consumer,
    ConsumerKind,
    Declared,
    Effective,
    Gap,
    Identity,
    IdentityKind,
    Member,
    Policy,
    PolicyKind,
    Reach,
    Scope,
    ScopeKind,
    Trust,
    Use,
    UseHow,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ACCOUNT = "111122223333"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def arn(kind: str, name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:{kind}/{name}"


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def doc(*statements) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def serves(*services: str):
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": [f"{s}.amazonaws.com" for s in services]},
    }


def trusting(principal, **more):
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}, **more}


@dataclass
class Account:
    """An account under construction; every method returns the ARN of what it made."""

    number: str = ACCOUNT
    identities: list[Identity] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    declared: list[Declared] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    collected: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self):
        own = f"aws:{self.number}"
        self.scopes.append(
            Scope(id=own, scope_id=own, source="t", provider="aws", kind=ScopeKind.ACCOUNT, name=self.number)
        )

    def _policy(self, policy_id: str, kind: PolicyKind, document: str | None) -> None:
        name = policy_id.rpartition("/")[2]
        self.policies[policy_id] = Policy(
            id=policy_id,
            scope_id=f"aws:{self.number}",
            source="t",
            provider="aws",
            kind=kind,
            name=name,
            document=document,
        )

    def attach(self, principal: str, policy_id: str, kind=AttachmentKind.GRANTS) -> None:
        self.attachments.append(
            Attachment(
                id=f"{principal}|{policy_id}|{kind}",
                scope_id="s",
                source="t",
                policy_id=policy_id,
                principal_id=principal,
                kind=kind,
            )
        )

    def managed(self, name: str, *statements) -> str:
        policy_id = arn("policy", name, self.number)
        self._policy(policy_id, PolicyKind.MANAGED, doc(*statements))
        return policy_id

    def identity(self, kind: IdentityKind, name: str, *statements, boundary=None, groups=(), **more) -> str:
        ident = arn(kind.value, name, self.number)
        self.identities.append(
            Identity(id=ident, scope_id=f"aws:{self.number}", source="t", provider="aws", kind=kind, name=name, **more)
        )
        if statements:
            self._policy(f"{ident}#policy/{name}-inline", PolicyKind.INLINE, doc(*statements))
            self.attach(ident, f"{ident}#policy/{name}-inline")
        if boundary is not None:
            limit = arn("policy", f"{name}-limit", self.number)
            self._policy(limit, PolicyKind.MANAGED, doc(*boundary))
            self.attach(ident, limit, AttachmentKind.BOUNDARY)
        for group in groups:
            self.members.append(
                Member(id=f"{ident}>{group}", scope_id="s", source="t", identity_id=ident, group_id=group)
            )
        return ident

    def user(self, name: str, *statements, **more) -> str:
        return self.identity(IdentityKind.USER, name, *statements, **more)

    def group(self, name: str, *statements) -> str:
        return self.identity(IdentityKind.GROUP, name, *statements)

    def role(self, name: str, *statements, trust=(), profile=False, **more) -> str:
        ident = self.identity(IdentityKind.ROLE, name, *statements, **more)
        if trust:
            self._policy(f"{ident}#trust", PolicyKind.TRUST, doc(*trust))
            self.attach(ident, f"{ident}#trust", AttachmentKind.TRUST)
        if profile:
            ident_profile = arn("instance-profile", name, self.number)
            self.members.append(
                Member(id=ident_profile, scope_id="s", source="t", identity_id=ident, group_id=ident_profile)
            )
        return ident

    def runs(self, resource: str, platform: str, role: str, *, which: str = "role", enabled: bool | None = None) -> str:
        """A workload `service:region:account:resource` that runs as a role."""
        service, _, rest = resource.partition(":")
        ident = f"arn:aws:{service}:eu-west-1:{self.number}:{rest}"
        common = {"scope_id": f"aws:{self.number}", "source": "t"}
        self.consumers.append(
            Consumer(id=ident, kind=ConsumerKind.WORKLOAD, name=rest, platform=platform, enabled=enabled, **common)
        )
        self.uses.append(
            Use(
                id=f"{ident}#runs_as/{role}",
                consumer_id=ident,
                identity_id=role,
                how=UseHow.RUNS_AS,
                name=which,
                **common,
            )
        )
        return ident

    def running(self) -> Workloads:
        return workloads(self.consumers, self.uses, self.members, self.gaps, self.collected)

    def estate(self) -> Estate:
        return build(
            self.identities,
            library(self.policies.values()),
            self.attachments,
            self.members,
            NOW,
            scopes=self.scopes,
        )

    def trusts(self) -> list[Trust]:
        known = world(self.scopes, self.declared, self.identities, NOW)
        return list(trusts(self.identities, library(self.policies.values()), self.attachments, known))

    def effective(self) -> list[Effective]:
        return list(effective(prepare(self.estate(), self.trusts(), self.running())))

    def reach(self) -> list[Reach]:
        return list(reach(self.estate(), self.trusts(), self.effective()))

    def can(self, ident: str) -> dict[str, str]:
        """Capabilities of one identity with their certainty, the surer one where there are several."""
        found: dict[str, str] = {}
        for e in self.effective():
            if e.identity_id == ident:
                found[e.capability.value] = min(e.certainty.value, found.get(e.capability.value, "z"))
        return found

    def steps(self, ident: str, method: str) -> tuple[str, ...]:
        """The sentences that prove one escalation of an identity."""
        rows = [e for e in self.effective() if e.capability is Capability.ESCALATE and e.method == method]
        (row,) = [e for e in rows if e.identity_id == ident]
        return row.steps

    def ways(self, ident: str) -> dict[str, str]:
        """Escalations of one identity with their certainty."""
        rows = [e for e in self.effective() if e.identity_id == ident and e.capability is Capability.ESCALATE]
        return {e.method or "": e.certainty.value for e in rows}


def joined(*accounts: Account) -> Account:
    """Several collected accounts in one inventory."""
    whole = Account()
    whole.scopes = [s for a in accounts for s in a.scopes]
    for a in accounts:
        whole.identities += a.identities
        whole.policies |= a.policies
        whole.attachments += a.attachments
        whole.members += a.members
        whole.consumers += a.consumers
        whole.uses += a.uses
        whole.collected |= a.collected
    return whole
