"""Looks for what an escalation needs: a target that exists, is worth it, and that the permission can reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.aws import limits, live
from nhiscan.analysis.aws.candidate import Candidate, is_managed, of_kind, own_policies, strong, surest, title
from nhiscan.analysis.aws.conditions import Fact
from nhiscan.analysis.aws.escalations import Escalation, Need, resources_of
from nhiscan.analysis.aws.estate import account_of, partition_of, target_facts
from nhiscan.analysis.aws.evaluate import Decision, Extent, Level, Principal
from nhiscan.analysis.aws.ground import is_user, plausible
from nhiscan.analysis.aws.patterns import matches
from nhiscan.model import IdentityKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from nhiscan.analysis.aws.assume import Hop
    from nhiscan.analysis.aws.ground import Ground, Request


@dataclass(frozen=True, slots=True)
class Path:
    """A proven escalation: how sure it is, and the sentences that prove it."""

    level: Level
    steps: tuple[str, ...]


def find(ground: Ground, who: Principal, escalation: Escalation) -> Path | None:
    """The surest path of one escalation, None when an action or a target is missing."""
    request = _request(who, escalation)
    free = _anywhere(ground, who, escalation.actions[len(escalation.targeted) :], request)
    if free is None:
        return None
    ceiling = min(free.level, Level.MAYBE if escalation.doubt else Level.YES)
    best: Path | None = None
    for candidate in _FINDERS[escalation.need](ground, who, escalation):
        # Candidates come with the surest first: once none can be surer, the rest need not be asked.
        if best and best.level >= min(ceiling, candidate.cap):
            break
        path = _try(ground, who, escalation, candidate, request)
        if path and (best is None or path.level > best.level):
            best = Path(min(ceiling, path.level), (*path.steps, *free.steps, *candidate.proof))
    if best and escalation.doubt:
        return Path(best.level, (*best.steps, f"whether it works is open: {escalation.doubt}"))
    return best


def _anywhere(ground: Ground, who: Principal, actions: tuple[str, ...], request: Request) -> Path | None:
    """Whether the actions are allowed on any resource of theirs, and by which statements."""
    level, steps, account = Level.YES, list[str](), account_of(who.id) or "*"
    for action in actions:
        decision: Decision | None = None
        for resource in resources_of(action, account, partition_of(who.id)):
            decision = ground.ask(who, action, resource, Extent.SOME, request)
            if decision.level is Level.NO:
                return None
            level = min(level, decision.level)
        steps.append((decision and decision.step) or action)
    return Path(level, tuple(steps))


def _try(ground: Ground, who: Principal, escalation: Escalation, candidate: Candidate, request: Request) -> Path | None:
    """The actions asked about the candidate itself; about anything of their kind where it has no ARN to ask for."""
    request = {**request, **candidate.facts}
    if candidate.resource is None:
        path = _anywhere(ground, who, escalation.targeted, request)
        return path and Path(min(path.level, candidate.cap), path.steps)
    facts = {**request, **target_facts(ground.estate.identities.get(candidate.resource))}
    if region := candidate.resource.split(":", 4)[3]:
        facts["aws:requestedregion"] = (region,)
    level, steps = candidate.cap, []
    for action in escalation.targeted:
        decision = _on(ground, who, action, candidate, facts)
        if decision.level is Level.NO:
            return None
        level = min(level, decision.level)
        steps.append(decision.step or action)
    return Path(level, tuple(steps))


def _on(ground: Ground, who: Principal, action: str, candidate: Candidate, facts: Request) -> Decision:
    """One action on the candidate: by its ARN where the action takes that, else by all that it could be called."""
    resource, found = candidate.resource or "*", list[Decision]()
    for pattern in resources_of(action, account_of(who.id) or "*", partition_of(who.id)):
        if matches(pattern, resource):
            decision = ground.ask(who, action, resource, Extent.ONE, facts)
            if decision.level is Level.NO and ":iam:" not in resource:
                # Revisions and versions follow the name in an ARN: a permission for all of them is one for this.
                decision = ground.ask(who, action, f"{resource}:1", Extent.ONE, facts)
        elif candidate.loose:
            decision = ground.ask(who, action, pattern, Extent.ALL, facts)
            if decision.level is Level.NO:
                some = ground.ask(who, action, pattern, Extent.SOME, facts)
                decision = Decision(min(some.level, Level.MAYBE), some.step)
        else:
            decision = ground.ask(who, action, pattern, Extent.SOME, facts)
        found.append(decision)
    return min(found, key=lambda d: d.level)


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


def _versions(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    history = escalation.need is Need.POLICY_HISTORY
    note = ", if an older version allows more" if history else ""
    own = {b.policy_id for b in (*who.allows, *who.denies)}
    account = account_of(who.id)
    limit = Level.MAYBE if history else Level.YES
    mine = (p for p in sorted(own) if is_managed(p) and account_of(p) == account)
    cap = min(ground.unbounded(who.id), limit)
    near = [Candidate(p, cap, (f"policy {title(p)} bears on itself{note}",)) for p in mine]
    rest = [p for p in plausible(who, escalation.targeted[0], own_policies(ground, who)) if p not in own]
    for policy_id, role, hop in _in_reach(ground, who, rest):
        bears = f"policy {title(policy_id)} bears on role {ground.estate.identities[role].name}{note}"
        cap = min(hop.level, ground.unbounded(role), limit)
        near.append(Candidate(policy_id, cap, (bears, *hop.steps(ground.estate))))
    yield from surest(near)
    for policy_id in rest:
        words = f"policy {title(policy_id)} bears on others whom it may be able to become{note}"
        yield Candidate(policy_id, Level.MAYBE, (words,))


def _in_reach(ground: Ground, who: Principal, policies: Iterable[str]) -> Iterator[tuple[str, str, Hop]]:
    """The policies that bear on roles it can assume."""
    roles = ground.become(who.id)
    for policy_id in policies if roles else ():
        for bearer in ground.estate.attached.get(policy_id, ()):
            if bearer in roles:
                yield policy_id, bearer, roles[bearer]


def _user_policies(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    yield from _policies(ground, who, escalation, IdentityKind.USER)


def _role_policies(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    yield from _policies(ground, who, escalation, IdentityKind.ROLE)


def _policies(ground: Ground, who: Principal, escalation: Escalation, kind: IdentityKind) -> Iterator[Candidate]:
    """Itself for sure, a role as surely as it can be assumed, others perhaps: it must still become them."""
    estate, near = ground.estate, list[Candidate]()
    if estate.identities[who.id].kind is kind:
        itself = f"{kind} {estate.identities[who.id].name} is itself"
        near.append(Candidate(who.id, ground.unbounded(who.id), (itself,)))
    mates, roles = of_kind(ground, who, kind), ground.become(who.id)
    for other in plausible(who, escalation.targeted[0], sorted(set(roles).intersection(mates) if roles else ())):
        given = f"{kind} {estate.identities[other].name} could be given every right"
        cap = min(roles[other].level, ground.unbounded(other))
        near.append(Candidate(other, cap, (given, *roles[other].steps(estate))))
    yield from surest(near)
    for other in plausible(who, escalation.targeted[0], mates):
        if other != who.id and (cap := min(Level.MAYBE, ground.unbounded(other))):
            yield Candidate(other, cap, (f"{kind} {estate.identities[other].name} could be given every right",))


def _group_policies(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    estate = ground.estate
    for group in estate.member_of.get(who.id, ()):
        if cap := ground.unbounded(who.id):
            yield Candidate(group, cap, (f"group {estate.identities[group].name} has it as a member",))
    for group in plausible(who, escalation.targeted[0], of_kind(ground, who, IdentityKind.GROUP)):
        if estate.members.get(group):
            name = estate.identities[group].name
            yield Candidate(group, Level.MAYBE, (f"group {name} has members whom it may be able to become",))


def _group_seats(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    user = is_user(ground.estate.identities[who.id])
    made = len(escalation.actions) > 1
    limit = Level.YES if made else (ground.unbounded(who.id) if user else Level.MAYBE)
    for group in strong(ground, who, IdentityKind.GROUP):
        cap = min(ground.power[group], limit)
        if cap and group not in ground.estate.member_of.get(who.id, ()):
            yield Candidate(group, cap, ground.proof(group))


def _users(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    for wanted in (Level.YES, Level.MAYBE):
        for user in plausible(who, escalation.targeted[0], strong(ground, who, IdentityKind.USER)):
            if min(_password_cap(ground, user, escalation), ground.power[user]) is wanted:
                yield Candidate(user, wanted, ground.proof(user))


def _password_cap(ground: Ground, user: str, escalation: Escalation) -> Level:
    """Creating a password needs a user without one, changing it a user with one."""
    has = ground.estate.identities[user].interactive
    match escalation.need:
        case Need.NEW_PASSWORD | Need.FRESH_USER:
            return Level.MAYBE if has is None else (Level.NO if has else Level.YES)
        case Need.OLD_PASSWORD if len(escalation.actions) == 1:
            # The permission lies ready for the day a password is made.
            return Level.YES if has else Level.MAYBE
        case Need.OLD_PASSWORD:
            return Level.YES if has else (Level.MAYBE if has is None else Level.NO)
    return Level.YES


def _givable(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """Anybody who can be given rights and, in the same breath, a credential or a trust."""
    kind = IdentityKind.ROLE if escalation.need is Need.ANY_ROLE else IdentityKind.USER
    for wanted in (Level.YES, Level.MAYBE):
        for other in plausible(who, escalation.targeted[0], of_kind(ground, who, kind)):
            cap = min(_password_cap(ground, other, escalation), ground.unbounded(other))
            if other != who.id and cap is wanted:
                name = ground.estate.identities[other].name
                yield Candidate(other, cap, (f"{kind} {name} could be given every right",))


def _borne(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """A role under a policy that can be rewritten; `who` must be able to rewrite that very policy."""
    yield from surest(_borne_by(ground, who, escalation))


def _borne_by(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    roles = set(of_kind(ground, who, IdentityKind.ROLE)) - {who.id}
    for policy_id in plausible(who, "iam:CreatePolicyVersion", own_policies(ground, who)):
        decision = ground.ask(who, "iam:CreatePolicyVersion", policy_id, Extent.ONE)
        for role in plausible(who, escalation.targeted[0], ground.estate.attached.get(policy_id, ())):
            if role in roles:
                cap = min(decision.level, ground.unbounded(role))
                words = f"policy {title(policy_id)} bears on role {ground.estate.identities[role].name}"
                yield Candidate(role, cap, (words,))


def _role_trusts(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    for role in plausible(who, escalation.targeted[0], strong(ground, who, IdentityKind.ROLE)):
        yield Candidate(role, ground.power[role], ground.proof(role))


def _nothing(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    needs_user = "iam:AddUserToGroup" in escalation.actions and not is_user(ground.estate.identities[who.id])
    yield Candidate(None, Level.MAYBE if needs_user else Level.YES, ("what it makes can be given every right",))


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
    Need.ANY_USER: _givable,
    Need.FRESH_USER: _givable,
    Need.ANY_ROLE: _givable,
    Need.BORNE_POLICY: _borne,
    Need.OWN_BOUNDARY: limits.own_boundary,
    Need.OWN_DENY: limits.own_deny,
    Need.GROUP_DENY: limits.group_deny,
    Need.NOTHING: _nothing,
    Need.PASSED_ROLE: live.passed,
    Need.PROFILED_ROLE: live.profiled,
    Need.LIVE_ROLE: live.running,
    Need.SAML_ROLE: live.federated,
    Need.OIDC_ROLE: live.federated,
    Need.PERMISSION_SET: live.permission_sets,
}
