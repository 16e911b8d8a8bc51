"""Looks for what an escalation needs: a target that exists, is worth it, and that the permission can reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact
from nhiscan.analysis.aws.escalations import Escalation, Need, resources_of
from nhiscan.analysis.aws.estate import account_of, partition_of, target_facts
from nhiscan.analysis.aws.evaluate import Extent, Level, Principal
from nhiscan.analysis.aws.ground import admin, is_user, mutable, plausible
from nhiscan.model import IdentityKind, PrincipalKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nhiscan.analysis.aws.ground import Ground, Request


@dataclass(frozen=True, slots=True)
class Path:
    """A proven escalation: how sure it is, and the sentences that prove it."""

    level: Level
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target with the most that could be sure about it; `resource` None asks nothing more."""

    resource: str | None
    cap: Level
    words: str


def find(ground: Ground, who: Principal, escalation: Escalation) -> Path | None:
    """The surest path of one escalation, None when an action or a target is missing."""
    request = _request(who, escalation)
    free = [a for a in escalation.actions if a not in escalation.targeted]
    level, steps = Level.YES, []
    account = account_of(who.id) or "*"
    for action in free:
        for resource in resources_of(action, account):
            decision = ground.ask(who, action, resource, Extent.SOME, request)
            if decision.level is Level.NO:
                return None
            level = min(level, decision.level)
        steps.append(decision.step or action)
    best: Path | None = None
    for candidate in _FINDERS[escalation.need](ground, who, escalation):
        # Candidates come with the surest first: once none can be surer, the rest need not be asked.
        if best and best.level >= min(level, candidate.cap):
            break
        path = _try(ground, who, escalation, candidate, request)
        if path and (best is None or path.level > best.level):
            best = Path(min(level, path.level), (*path.steps[:-1], *steps, path.steps[-1]))
    return best


def _try(ground: Ground, who: Principal, escalation: Escalation, candidate: Candidate, request: Request) -> Path | None:
    level, steps = candidate.cap, []
    if candidate.resource is not None:
        facts = {**request, **target_facts(ground.estate.identities.get(candidate.resource))}
        for action in escalation.targeted:
            decision = ground.ask(who, action, candidate.resource, Extent.ONE, facts)
            if decision.level is Level.NO:
                return None
            level = min(level, decision.level)
            steps.append(decision.step or action)
    return Path(level, (*steps, candidate.words))


def _request(who: Principal, escalation: Escalation) -> Request:
    """What the request would carry: the widest policy there is, and no boundary on what is made."""
    widest = f"arn:{partition_of(who.id)}:iam::aws:policy/AdministratorAccess"
    boundary: tuple[str, ...] | Fact = (widest,) if escalation.need is Need.OWN_BOUNDARY else Fact.ABSENT
    found: Request = {"iam:policyarn": (widest,)}
    if escalation.need in {Need.NOTHING, Need.OWN_BOUNDARY}:
        found["iam:permissionsboundary"] = boundary
    if escalation.service:
        found["iam:passedtoservice"] = (escalation.service,)
        found["iam:associatedresourcearn"] = Fact.CHOICE
    return found


def _account_mates(ground: Ground, who: Principal, ids: Iterable[str]) -> Iterator[str]:
    account = account_of(who.id)
    return (i for i in ids if account_of(i) == account and i != who.id and mutable(ground.estate.identities[i]))


def _of_kind(ground: Ground, who: Principal, kind: IdentityKind) -> tuple[str, ...]:
    key = ("kind", kind, account_of(who.id))
    if key not in ground.ordered:
        found = (i.id for i in ground.estate.identities.values() if i.kind is kind and mutable(i))
        ground.ordered[key] = tuple(i for i in found if account_of(i) == account_of(who.id))
    return ground.ordered[key]


def _strong(ground: Ground, who: Principal, kind: IdentityKind) -> Iterator[str]:
    ids = ground.powerful(_of_kind(ground, who, kind), (kind, account_of(who.id)))
    return (i for i in ids if i != who.id)


def _own_policies(ground: Ground, who: Principal) -> tuple[str, ...]:
    """The customer-managed policies of the principal's account, in order."""
    account = account_of(who.id)
    key = ("policies", account)
    if key not in ground.ordered:
        ids = sorted(p for p, bearers in ground.estate.attached.items() if bearers and ":policy/" in p)
        ground.ordered[key] = tuple(p for p in ids if account_of(p) == account)
    return ground.ordered[key]


def _versions(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    history = escalation.need is Need.POLICY_HISTORY
    note = ", if an older version allows more" if history else ""
    own = {b.policy_id for b in (*who.allows, *who.denies)}
    account = account_of(who.id)
    cap = min(ground.unbounded(who.id), Level.MAYBE if history else Level.YES)
    for policy_id in sorted(p for p in own if ":policy/" in p and account_of(p) == account):
        if cap:
            yield Candidate(policy_id, cap, f"policy {policy_id.rpartition('/')[2]} bears on itself{note}")
    rest = (p for p in _own_policies(ground, who) if p not in own)
    for policy_id in plausible(who, escalation.targeted[0], rest):
        name = policy_id.rpartition("/")[2]
        yield Candidate(policy_id, Level.MAYBE, f"policy {name} bears on others whom it may be able to become{note}")


def _user_policies(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    yield from _policies(ground, who, escalation, IdentityKind.USER)


def _role_policies(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    yield from _policies(ground, who, escalation, IdentityKind.ROLE)


def _policies(ground: Ground, who: Principal, escalation: Escalation, kind: IdentityKind) -> Iterator[Candidate]:
    """Itself for sure, a role that trusts it for sure, others perhaps: it must still become them."""
    me = ground.estate.identities[who.id]
    if me.kind is kind and (cap := ground.unbounded(who.id)):
        yield Candidate(who.id, cap, f"{kind} {me.name} is itself")
    trusting = ground.direct.get(who.id, frozenset())
    mates = _of_kind(ground, who, kind)
    for limit, ids in ((Level.YES, sorted(trusting.intersection(mates))), (Level.MAYBE, mates)):
        for other in plausible(who, escalation.targeted[0], ids):
            if other != who.id and (cap := min(limit, ground.unbounded(other))):
                name = ground.estate.identities[other].name
                yield Candidate(other, cap, f"{kind} {name} could be given every right")


def _group_policies(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    estate = ground.estate
    for group in estate.member_of.get(who.id, ()):
        if cap := ground.unbounded(who.id):
            yield Candidate(group, cap, f"group {estate.identities[group].name} has it as a member")
    for group in plausible(who, escalation.targeted[0], _of_kind(ground, who, IdentityKind.GROUP)):
        if estate.members.get(group):
            name = estate.identities[group].name
            yield Candidate(group, Level.MAYBE, f"group {name} has members whom it may be able to become")


def _group_seats(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    user = is_user(ground.estate.identities[who.id])
    made = len(escalation.actions) > 1
    limit = Level.YES if made else (ground.unbounded(who.id) if user else Level.MAYBE)
    for group in _strong(ground, who, IdentityKind.GROUP):
        cap = min(ground.power[group], limit)
        if cap and group not in ground.estate.member_of.get(who.id, ()):
            yield Candidate(group, cap, ground.words(group))


def _users(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    for wanted in (Level.YES, Level.MAYBE):
        for user in plausible(who, escalation.targeted[0], _strong(ground, who, IdentityKind.USER)):
            if min(_password_cap(ground, user, escalation), ground.power[user]) is wanted:
                yield Candidate(user, wanted, ground.words(user))


def _password_cap(ground: Ground, user: str, escalation: Escalation) -> Level:
    """Creating a password needs a user without one, changing it a user with one."""
    has = ground.estate.identities[user].interactive
    match escalation.need:
        case Need.NEW_PASSWORD:
            return Level.MAYBE if has is None else (Level.NO if has else Level.YES)
        case Need.OLD_PASSWORD if len(escalation.actions) == 1:
            # The permission lies ready for the day a password is made.
            return Level.YES if has else Level.MAYBE
        case Need.OLD_PASSWORD:
            return Level.YES if has else (Level.MAYBE if has is None else Level.NO)
    return Level.YES


def _role_trusts(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    for role in plausible(who, escalation.targeted[0], _strong(ground, who, IdentityKind.ROLE)):
        yield Candidate(role, ground.power[role], ground.words(role))


def _own_boundary(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    me = ground.estate.identities[who.id]
    wanted = IdentityKind.USER if "User" in escalation.actions[0] else IdentityKind.ROLE
    if who.ceilings and me.kind is wanted and ground.unbounded(who.id) is not Level.YES:
        cap = admin(replace(who, ceilings=())).level
        if cap:
            yield Candidate(who.id, cap, "its permissions boundary alone keeps it from being administrator")


def _nothing(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    needs_user = "iam:AddUserToGroup" in escalation.actions and not is_user(ground.estate.identities[who.id])
    yield Candidate(None, Level.MAYBE if needs_user else Level.YES, "what it makes can be given every right")


def _serving(ground: Ground, who: Principal, service: str) -> Iterator[str]:
    roles = ground.powerful(ground.by_service.get(service, ()), service)
    return _account_mates(ground, who, roles)


def _passed(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    service = escalation.service or ""
    for role in plausible(who, escalation.targeted[0], _serving(ground, who, service)):
        yield Candidate(role, ground.power[role], f"{ground.words(role)} and trusts {service}")


def _profiled(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """Where no instance profile at all is known, none was read rather than none exists."""
    profiles = ground.estate.profiled
    for candidate in _passed(ground, who, escalation):
        if not profiles:
            yield replace(candidate, cap=Level.MAYBE)
        elif candidate.resource in profiles:
            yield candidate


def _live(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    service = escalation.service or ""
    profiles = ground.estate.profiled
    for role in _serving(ground, who, service):
        if service != "ec2.amazonaws.com" or not profiles or role in profiles:
            words = f"{ground.words(role)} and trusts {service}; whether a workload runs with it was not seen"
            yield Candidate(None, Level.MAYBE, words)
            return


def _federated(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    kind = PrincipalKind.SAML if escalation.need is Need.SAML_ROLE else PrincipalKind.OIDC
    limit = Level.YES if kind is PrincipalKind.SAML else Level.MAYBE
    for role in _account_mates(ground, who, ground.powerful(ground.by_federation.get(kind, ()), kind)):
        yield Candidate(None, min(limit, ground.power[role]), f"{ground.words(role)} and trusts the provider")
        return


_FINDERS: dict[Need, Callable[[Ground, Principal, Escalation], Iterator[Candidate]]] = {
    Need.POLICY_VERSION: _versions,
    Need.POLICY_HISTORY: _versions,
    Need.USER_POLICY: _user_policies,
    Need.ROLE_POLICY: _role_policies,
    Need.GROUP_POLICY: _group_policies,
    Need.GROUP_SEAT: _group_seats,
    Need.ACCESS_KEY: _users,
    Need.NEW_PASSWORD: _users,
    Need.OLD_PASSWORD: _users,
    Need.ROLE_TRUST: _role_trusts,
    Need.OWN_BOUNDARY: _own_boundary,
    Need.NOTHING: _nothing,
    Need.PASSED_ROLE: _passed,
    Need.PROFILED_ROLE: _profiled,
    Need.LIVE_ROLE: _live,
    Need.SAML_ROLE: _federated,
    Need.OIDC_ROLE: _federated,
}
