"""What every principal of AWS can effectively do, as `effective` rows with the statements that prove it.

Certain: holds whatever the request.  Conditional: a condition, an unread document or an unseen workload decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.assume import MAX_HOPS, hops
from nhiscan.analysis.aws.bitsets import Index
from nhiscan.analysis.aws.escalations import CATALOGUE, Escalation
from nhiscan.analysis.aws.estate import SOURCE
from nhiscan.analysis.aws.evaluate import Decision, Extent, Level, Principal, decide
from nhiscan.analysis.aws.grants import is_wildcard
from nhiscan.analysis.aws.ground import ADMIN_PROBES, Ground, admin, pattern, patterns_of
from nhiscan.analysis.aws.targets import Path, find
from nhiscan.model import Capability, Certainty, Effective, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.model import Identity

ROUNDS = 5
"""Escalating into somebody who can escalate counts; longer chains than this are not followed."""

SECRET_READS = (
    ("secretsmanager:GetSecretValue", "secretsmanager:*:{account}:secret:*"),
    ("ssm:GetParameter", "ssm:*:{account}:parameter/*"),
    ("ssm:GetParameters", "ssm:*:{account}:parameter/*"),
    ("ssm:GetParametersByPath", "ssm:*:{account}:parameter/*"),
)
"""Calls that return secret values (Service Authorization Reference: Secrets Manager, Systems Manager)."""

DATA_WRITES = (
    ("s3:PutObject", "s3:::*"),
    ("s3:DeleteObject", "s3:::*"),
    ("dynamodb:PutItem", "dynamodb:*:{account}:table/*"),
    ("dynamodb:UpdateItem", "dynamodb:*:{account}:table/*"),
    ("dynamodb:DeleteItem", "dynamodb:*:{account}:table/*"),
    ("rds:DeleteDBInstance", "rds:*:{account}:db:*"),
    ("rds-data:ExecuteStatement", "rds:*:{account}:cluster:*"),
    ("kinesis:PutRecord", "kinesis:*:{account}:stream/*"),
    ("sqs:SendMessage", "sqs:*:{account}:*"),
)
"""Calls that change what an application stores, wherever they are allowed on all of it."""

LOG_CHANGES = (
    ("cloudtrail:StopLogging", "cloudtrail:*:{account}:trail/*"),
    ("cloudtrail:DeleteTrail", "cloudtrail:*:{account}:trail/*"),
    ("cloudtrail:UpdateTrail", "cloudtrail:*:{account}:trail/*"),
    ("cloudtrail:PutEventSelectors", "cloudtrail:*:{account}:trail/*"),
    ("cloudtrail:DeleteEventDataStore", "cloudtrail:*:{account}:eventdatastore/*"),
)
"""Calls that end or blind the account's own audit trail (Service Authorization Reference: CloudTrail)."""

ACCESS_GRANTS = (
    "iam:AttachUserPolicy", "iam:AttachRolePolicy", "iam:AttachGroupPolicy", "iam:PutUserPolicy", "iam:PutRolePolicy",
    "iam:PutGroupPolicy", "iam:AddUserToGroup", "iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy", "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile",
)  # fmt: skip
"""Calls that give rights or a credential to somebody."""

_KNOWN = frozenset(
    (
        *(a for e in CATALOGUE for a in e.actions),
        *(a for a, _ in (*SECRET_READS, *DATA_WRITES, *LOG_CHANGES)),
        *ACCESS_GRANTS,
        *ADMIN_PROBES,
    )
)
_INDEX = Index(_KNOWN)

_LISTED = (
    (Capability.READ_SECRETS, SECRET_READS),
    (Capability.WRITE_DATA, DATA_WRITES),
    (Capability.ALTER_LOGS, LOG_CHANGES),
)


@dataclass(frozen=True, slots=True)
class _Fact:
    capability: Capability
    method: str
    level: Level
    steps: tuple[str, ...]
    several: bool = False


def effective(ground: Ground) -> Iterator[Effective]:
    """Rows for users, roles and root, ordered by identity; `ground.power` is filled on the way."""
    estate = ground.estate
    for who in (*estate.groups.values(), *estate.principals.values()):
        decision = _admin(ground, who)
        if decision.level:
            ground.admins[who.id] = decision
            ground.power[who.id] = decision.level
    sure = frozenset(i for i, decision in ground.admins.items() if decision.level is Level.YES)
    ground.edges = hops(estate, ground.trusts, sure)
    escalations = _escalations(ground)
    shared: dict[tuple[str, ...], tuple[_Fact, ...]] = {}
    for identity in estate.identities.values():
        if identity.kind is IdentityKind.ROOT:
            yield _row(
                identity, _Fact(Capability.ADMIN, "root", Level.YES, ("the root user of an account can do everything",))
            )
        who_else = estate.principals.get(identity.id)
        if who_else is None:
            continue
        if who_else.key not in shared:
            shared[who_else.key] = tuple(_common(ground, who_else))
        for fact in shared[who_else.key]:
            yield _row(identity, fact)
        for escalation, path in escalations.get(identity.id, {}).items():
            yield _row(identity, _Fact(Capability.ESCALATE, escalation.id, path.level, path.steps, several=True))


def _admin(ground: Ground, who: Principal) -> Decision:
    key = ("admin", who.key)
    if key not in ground.answers:
        ground.answers[key] = admin(who) if possible(who).issuperset(ADMIN_PROBES) else Decision(Level.NO)
    return ground.answers[key]


def _row(identity: Identity, fact: _Fact) -> Effective:
    suffix = f":{fact.method}" if fact.several else ""
    return Effective(
        id=f"{identity.id}#{fact.capability}{suffix}",
        scope_id=identity.scope_id,
        source=SOURCE,
        locator=identity.locator,
        identity_id=identity.id,
        capability=fact.capability,
        certainty=Certainty.CERTAIN if fact.level is Level.YES else Certainty.CONDITIONAL,
        method=fact.method,
        steps=fact.steps,
    )


def _common(ground: Ground, who: Principal) -> Iterator[_Fact]:
    """Everything but escalation: the same for all principals with the same documents."""
    able, decision = possible(who), _admin(ground, who)
    if decision.level:
        yield _Fact(Capability.ADMIN, "all IAM actions on *", decision.level, _steps([decision]))
    yield from _wildcards(who)
    for capability, questions in _LISTED:
        asked = [(a, decide(who, a, pattern(who, rest), Extent.ALL)) for a, rest in questions if a in able]
        yield from _best(capability, dict(asked))
    yield from _best(Capability.GRANT_ACCESS, {a: _others(who, a) for a in ACCESS_GRANTS if a in able})


def _others(who: Principal, action: str) -> Decision:
    """Whether an IAM action is allowed on anybody but the principal itself."""
    if patterns_of(who, action) == (who.id,):
        return Decision(Level.NO)
    return decide(who, action, pattern(who, "iam::{account}:*"), Extent.SOME)


def _best(capability: Capability, answers: Mapping[str, Decision]) -> Iterator[_Fact]:
    """One row for the surest answers, all of which are its steps."""
    top = max((d.level for d in answers.values()), default=Level.NO)
    if top:
        chosen = {a: d for a, d in answers.items() if d.level is top}
        yield _Fact(capability, next(iter(chosen)), top, _steps(chosen.values()))


def _steps(decisions: Iterable[Decision]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(d.step for d in decisions if d.step))


def _wildcards(who: Principal) -> Iterator[_Fact]:
    asked = sorted({a for b in who.allows for a in b.statement.actions if is_wildcard(a)})
    for action in asked:
        decision = decide(who, action, "*", Extent.ALL)
        if decision.level:
            yield _Fact(Capability.WILDCARD, action, decision.level, _steps([decision]), several=True)


def possible(who: Principal) -> frozenset[str]:
    """The actions of the catalogue that some Allow of the principal speaks of."""
    return _INDEX.names(_INDEX.union(b.statement for b in who.allows))


@lru_cache(1 << 12)
def _entries(actions: frozenset[str]) -> tuple[Escalation, ...]:
    return tuple(e for e in CATALOGUE if actions.issuperset(e.actions))


def _escalations(ground: Ground) -> dict[str, dict[Escalation, Path]]:
    """Paths of everybody who is not surely administrator; repeated while new escalators become targets of others."""
    found: dict[str, dict[Escalation, Path]] = {}
    waiting = {
        who.id: entries
        for who in ground.estate.principals.values()
        if ground.power.get(who.id) is not Level.YES and (entries := _entries(possible(who)))
    }
    back = _back(ground)
    spread(ground, back, ground.power)
    for _ in range(ROUNDS):
        grown: dict[str, Level] = {}
        for identity_id, entries in waiting.items():
            paths = found.setdefault(identity_id, {})
            who = ground.estate.principals[identity_id]
            for entry in entries:
                if (entry not in paths or paths[entry].level is not Level.YES) and (path := find(ground, who, entry)):
                    paths[entry] = path
            sure = next((e for e, p in paths.items() if p.level is Level.YES), None)
            if sure and ground.power.get(identity_id) is not Level.YES:
                grown[identity_id] = Level.YES
                ground.ways[identity_id] = (sure.id, paths[sure].steps)
        if not grown:
            break
        ground.power.update(grown)
        spread(ground, back, grown)
        ground.ordered.clear()
    return found


def _back(ground: Ground) -> dict[str, list[str]]:
    back: dict[str, list[str]] = {}
    for start, ends in ground.edges.items():
        for end in ends:
            back.setdefault(end, []).append(start)
    return back


def spread(ground: Ground, back: Mapping[str, Sequence[str]], fresh: Iterable[str]) -> None:
    """Whoever can assume somebody powerful is powerful too; as surely as the hop and the target are."""
    layer = sorted(fresh)
    for _ in range(MAX_HOPS):
        following: list[str] = []
        for end in layer:
            for start in back.get(end, ()):
                hop = ground.edges[start][end]
                level = min(hop.level, ground.power[end])
                if start not in ground.estate.principals or level <= ground.power.get(start, Level.NO):
                    continue
                ground.power[start] = level
                if start not in ground.admins:
                    ground.ways[start] = ("", (*hop.steps(ground.estate), *ground.proof(end)))
                following.append(start)
        if not following:
            break
        layer = sorted(following)
