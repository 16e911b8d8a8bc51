"""What escalation stands on: cached decisions, roles by the service they trust, workloads, everybody's power so far.

Power is what makes a target worth becoming: to be administrator, to be able to make oneself one, or to be able to
become, over roles, somebody who is.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact, fill
from nhiscan.analysis.aws.estate import account_of, partition_of
from nhiscan.analysis.aws.evaluate import Bound, Decision, Extent, Level, Principal, concerns, decide
from nhiscan.analysis.aws.workloads import Workloads
from nhiscan.model import IdentityClass, IdentityKind, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.analysis.aws.assume import Hop
    from nhiscan.analysis.aws.estate import Estate
    from nhiscan.model import Identity, Trust

# Actions no narrow policy needs together: who may do all of them to everything can make himself anything.
ADMIN_PROBES = (
    "iam:AttachRolePolicy", "iam:AttachUserPolicy", "iam:PutRolePolicy", "iam:PutUserPolicy",
    "iam:CreatePolicyVersion", "iam:CreateAccessKey", "iam:CreateRole", "iam:CreateUser", "iam:DeleteRole",
    "iam:PassRole", "iam:UpdateAssumeRolePolicy",
)  # fmt: skip
Request = dict[str, "tuple[str, ...] | Fact"]


@dataclass(slots=True)
class Ground:
    """The state of one computation.

    `services` has the trust of each role in each service; `edges` are the roles everybody can assume.  `power` grows
    while escalations are found, and `ways` says of everybody in it how he comes to it: the method and what proves it.
    """

    estate: Estate
    trusts: tuple[Trust, ...]
    services: Mapping[str, Mapping[str, Trust]]
    by_federation: Mapping[PrincipalKind, tuple[str, ...]]
    workloads: Workloads = field(default_factory=Workloads)
    edges: Mapping[str, Mapping[str, Hop]] = field(default_factory=dict)
    ways: dict[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    power: dict[str, Level] = field(default_factory=dict)
    admins: dict[str, Decision] = field(default_factory=dict)
    ordered: dict[object, tuple[str, ...]] = field(default_factory=dict)
    answers: dict[object, Decision] = field(default_factory=dict)
    free: dict[str, Level] = field(default_factory=dict)

    def ask(
        self, who: Principal, action: str, resource: str, extent: Extent = Extent.ONE, more: Request | None = None
    ) -> Decision:
        """`decide`, remembered for all principals that share their documents."""
        key = (who.key, action, resource, extent, tuple(sorted(more.items())) if more else None)
        found = self.answers.get(key)
        if found is None:
            found = self.answers[key] = decide(who, action, resource, extent, more)
        return found

    def proof(self, identity_id: str) -> tuple[str, ...]:
        """Why a target is worth becoming, in sentences that end with the administrator or the escalation."""
        identity = self.estate.identities[identity_id]
        sure = "" if self.power.get(identity_id) is Level.YES else " under a condition"
        name = f"{identity.kind} {identity.name}"
        if identity_id in self.admins:
            by = self.admins[identity_id].step
            return (f"{name} is administrator{sure}" + (f": {by}" if by else ""),)
        method, steps = self.ways.get(identity_id, ("", ()))
        if not method:
            return steps
        return (f"{name} can raise its own privileges{sure} ({method})", *steps)

    def become(self, who: str) -> Mapping[str, Hop]:
        """The roles somebody can assume."""
        return self.edges.get(who, {})

    def powerful(self, ids: Iterable[str], name: object) -> tuple[str, ...]:
        """Those of `ids` that are worth becoming, the surest first; remembered under `name` until power grows."""
        key = (name, len(self.power))
        if key not in self.ordered:
            strong = [i for i in ids if i in self.power]
            self.ordered[key] = tuple(sorted(strong, key=lambda i: (-self.power[i], i not in self.admins, i)))
        return self.ordered[key]

    def unbounded(self, identity_id: str) -> Level:
        """Whether the ceilings of an identity would let an administrator's policy take effect."""
        if identity_id not in self.free:
            who = self.estate.principals.get(identity_id) or self.estate.groups[identity_id]
            limited = who.limits or who.bars or who.incomplete
            self.free[identity_id] = admin(with_everything(who)).level if limited else Level.YES
        return self.free[identity_id]


def prepare(estate: Estate, trusts: Iterable[Trust], running: Workloads | None = None) -> Ground:
    """The ground before anybody is known to be powerful."""
    services: dict[str, dict[str, Trust]] = defaultdict(dict)
    federations: dict[PrincipalKind, set[str]] = defaultdict(set)
    every = tuple(sorted(trusts, key=lambda t: t.id))
    for trust in every:
        if trust.target_id not in estate.principals:
            continue
        if trust.principal_kind is PrincipalKind.SERVICE:
            services[trust.principal].setdefault(trust.target_id, trust)
        else:
            federations[trust.principal_kind].add(trust.target_id)
    return Ground(
        estate=estate,
        trusts=every,
        services=services,
        by_federation={k: tuple(sorted(v)) for k, v in federations.items()},
        workloads=running or Workloads(),
    )


def admin(who: Principal) -> Decision:
    """Administrator: every probe is allowed on everything.  The step is that of the weakest probe."""
    return weakest(decide(who, probe, "*", Extent.ALL) for probe in ADMIN_PROBES)


def weakest(decisions: Iterable[Decision]) -> Decision:
    """The least sure of several answers, the first one where they are equal; stops at the first NO."""
    worst: Decision | None = None
    for decision in decisions:
        if worst is None or decision.level < worst.level:
            worst = decision
        if decision.level is Level.NO:
            break
    return worst or Decision(Level.NO)


def with_everything(who: Principal) -> Principal:
    """The principal as if it had every right and no Deny of its own: what its ceilings and its organisation leave."""
    from dataclasses import replace

    from nhiscan.analysis.aws.documents import Statement

    everything = Bound("", "", Statement(number=1, allow=True, actions=("*",), resources=("*",)))
    return replace(who, allows=(everything,), denies=())


def patterns_of(who: Principal, action: str) -> tuple[str, ...] | None:
    """The resource patterns under which an action is allowed; None when they cannot be listed."""
    found: set[str] = set()
    for bound in who.allows:
        if concerns(bound.statement, action):
            if bound.statement.not_resources or not bound.statement.resources:
                return None
            for pattern in bound.statement.resources:
                text = fill(pattern, who.facts)
                if isinstance(text, str):
                    found.add(text)
                elif text is Fact.UNKNOWN:
                    return None
    return tuple(sorted(found))


def plausible(who: Principal, action: str, ids: Iterable[str]) -> Iterator[str]:
    """The ids whose beginning fits one of the patterns: a cheap sieve before the real question."""
    patterns = patterns_of(who, action)
    everything = patterns is None or "*" in patterns
    heads = tuple(p.partition("*")[0].partition("?")[0] for p in patterns or ())
    return (i for i in ids if everything or i.startswith(heads))


def mutable(identity: Identity) -> bool:
    """Whether an account may change or pass an identity: roles that AWS manages are out of its hands."""
    return identity.class_ is not IdentityClass.PROVIDER_MANAGED and ":role/aws-" not in identity.id


def pattern(who: Principal, rest: str) -> str:
    """An ARN pattern in the principal's partition; `{account}` is its account."""
    text = rest.replace("{account}", account_of(who.id) or "*")
    return f"arn:{partition_of(who.id)}:{text}"


def is_user(identity: Identity) -> bool:
    """Users can join groups and own keys; roles cannot."""
    return identity.kind is IdentityKind.USER
