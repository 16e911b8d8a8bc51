"""Escalations by taking away what limits somebody: his boundary, a policy that denies, a group that does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.candidate import Candidate, is_managed, surest, title
from nhiscan.analysis.aws.evaluate import Level
from nhiscan.analysis.aws.ground import admin
from nhiscan.model import IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.aws.escalations import Escalation
    from nhiscan.analysis.aws.evaluate import Bound, Principal
    from nhiscan.analysis.aws.ground import Ground


def _kind(escalation: Escalation) -> IdentityKind:
    return IdentityKind.USER if "User" in escalation.targeted[0] else IdentityKind.ROLE


def own_boundary(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """Itself, or a role that it can assume, when only its boundary keeps that one from being administrator."""
    kind, found = _kind(escalation), list[Candidate]()
    if ground.estate.identities[who.id].kind is kind:
        words = "its permissions boundary alone keeps it from being administrator"
        found.append(Candidate(who.id, _unlimited(ground, who), (words,)))
    for role, hop in sorted(ground.become(who.id).items()) if kind is IdentityKind.ROLE else ():
        name = ground.estate.identities[role].name
        words = f"the permissions boundary of role {name} alone keeps it from being administrator"
        cap = min(hop.level, _unlimited(ground, ground.estate.principals[role]))
        found.append(Candidate(role, cap, (*hop.steps(ground.estate), words)))
    yield from surest(found)


def _unlimited(ground: Ground, who: Principal) -> Level:
    if not who.ceilings or ground.power.get(who.id) is Level.YES:
        return Level.NO
    return admin(replace(who, ceilings=())).level


def own_deny(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """Itself, for each policy whose Deny alone is in the way: attached ones are detached, inline ones deleted."""
    if ground.estate.identities[who.id].kind is not _kind(escalation):
        return
    detach = "Detach" in escalation.targeted[0]
    for policy_id in _denying(who.denies):
        direct = any(b.policy_id == policy_id and b.via is None for b in who.denies)
        if not direct or is_managed(policy_id) is not detach:
            continue
        if cap := _without(ground, who, {(policy_id, None)}):
            words = f"policy {title(policy_id)} alone keeps it from being administrator"
            facts = {"iam:policyarn": (policy_id,)} if detach else {}
            yield Candidate(who.id, cap, (words,), facts)


def group_deny(ground: Ground, who: Principal, escalation: Escalation) -> Iterator[Candidate]:
    """The group whose Deny alone is in the way."""
    leaving = escalation.targeted[0] == "iam:RemoveUserFromGroup"
    detach = escalation.targeted[0] == "iam:DetachGroupPolicy"
    for group in ground.estate.member_of.get(who.id, ()):
        name = ground.estate.identities[group].name
        denying = _denying(b for b in who.denies if b.via == group)
        if leaving:
            cap = _without(ground, who, {(p, group) for p in denying}, leaves=group) if denying else Level.NO
            if cap:
                yield Candidate(group, cap, (f"group {name} alone keeps it from being administrator",))
            continue
        for policy_id in denying:
            if is_managed(policy_id) is detach and (cap := _without(ground, who, {(policy_id, group)})):
                words = f"policy {title(policy_id)} of group {name} alone keeps it from being administrator"
                yield Candidate(group, cap, (words,), {"iam:policyarn": (policy_id,)} if detach else {})


def _denying(denies: Iterator[Bound] | tuple[Bound, ...]) -> list[str]:
    return sorted({b.policy_id for b in denies})


def _without(ground: Ground, who: Principal, gone: set[tuple[str, str | None]], leaves: str | None = None) -> Level:
    """How surely it would be administrator without these policies, NO where it is already."""
    if ground.power.get(who.id) is Level.YES:
        return Level.NO

    def stays(bound: Bound) -> bool:
        return (bound.policy_id, bound.via) not in gone and (leaves is None or bound.via != leaves)

    rest = replace(who, allows=tuple(filter(stays, who.allows)), denies=tuple(filter(stays, who.denies)))
    return admin(rest).level
