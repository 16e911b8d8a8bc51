"""Ways by rights in the directory: adding credentials to applications, people to groups, resetting passwords.

A right comes from a directory role (its actions, or the role itself where escalations.yaml names it) or from an
application permission of Microsoft Graph.  Roles at an administrative unit lead nowhere here: which people and groups
belong to a unit is not collected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.analysis.azure import scopes as places
from nhiscan.analysis.azure.catalogue import Need, searched, tiers
from nhiscan.analysis.azure.decide import NO, Answer, Level, directs, step
from nhiscan.analysis.azure.estate import is_app, tenant_of
from nhiscan.analysis.azure.hubs import End, Hub, Way
from nhiscan.analysis.azure.roles import GRAPH, Plane
from nhiscan.model import Capability, IdentityClass, IdentityKind, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.azure.catalogue import Escalation, Permission
    from nhiscan.analysis.azure.estate import Assignment, Estate
    from nhiscan.model import Identity

_NEEDS = (Need.APP, Need.BLUEPRINT, Need.PERSON, Need.GROUP, Need.ROLE_GROUP)


def entra_ways(estate: Estate) -> Iterator[Way]:
    """Ways of every principal with a directory role or application permission, in order of principal."""
    hubs: dict[tuple[str, str], Hub] = {}
    people = _privileged(estate)
    for principal in sorted(estate.identities):
        if not any(a.role.plane in {Plane.DIRECTORY, Plane.APP_ROLE} for a in estate.assignments(principal)):
            continue
        if estate.deleted(principal) or tenant_admin(estate, principal).level is Level.YES:
            continue
        for need in _NEEDS:
            for entry in searched(need, "entra"):
                answer = right(estate, principal, entry)
                if answer.level > Level.UNKNOWN:
                    key = (entry.id, tenant_of(principal))
                    if key not in hubs:
                        hubs[key] = Hub(dict(_ends(estate, entry, key[1], people)))
                    yield Way(principal, answer.level, answer.steps, hubs[key])
                yield from _single(estate, principal, entry)


def right(estate: Estate, principal_id: str, entry: Escalation) -> Answer:
    """How surely a principal may do what an entry asks for, in the whole tenant."""
    found = [_graph(estate, principal_id, entry), _by_role(estate, principal_id, entry)]
    answers = [max((directs(estate, principal_id, a) for a in t), key=_level) for t in entry.targets]
    if answers:
        steps = tuple(dict.fromkeys(s for a in answers for s in a.steps))
        found.append(Answer(min(a.level for a in answers), steps))
    best = max(found, key=_level)
    return Answer(min(best.level, Level.CONDITIONAL), best.steps) if entry.doubt else best


def _graph(estate: Estate, principal_id: str, entry: Escalation) -> Answer:
    for one, permission in permissions(estate, principal_id):
        if permission.api == GRAPH and permission.value.lower() in entry.app_roles:
            return Answer(Level.YES, (step(one),))
    return NO


def _by_role(estate: Estate, principal_id: str, entry: Escalation) -> Answer:
    """The surest assignment of one of the entry's own roles in the whole tenant."""
    best = NO
    for one in estate.assignments(principal_id) if entry.roles else ():
        if one.role.plane is Plane.DIRECTORY and one.role.value in entry.roles and one.scope == places.ROOT:
            level = Level.CONDITIONAL if one.eligible or one.condition else Level.YES
            best = max(best, Answer(level, (step(one, level),)), key=_level)
    return best


def permissions(estate: Estate, principal_id: str) -> Iterator[tuple[Assignment, Permission]]:
    """The application permissions of a principal that matter."""
    known = tiers()
    for one in estate.assignments(principal_id):
        if one.role.plane is Plane.APP_ROLE:
            found = known.get((one.role.api or "", one.role.value.lower()))
            if found is not None:
                yield one, found


def tenant_admin(estate: Estate, principal_id: str) -> Answer:
    """Whether a principal is administrator of the tenant: Global Administrator, or a permission that amounts to it."""
    best = NO
    for one in estate.assignments(principal_id):
        if one.role.plane is Plane.DIRECTORY and one.scope == places.ROOT and _everything(one):
            level = Level.CONDITIONAL if one.eligible or one.condition else Level.YES
            best = max(best, Answer(level, (step(one, level),), one), key=_level)
    for one, permission in permissions(estate, principal_id):
        if permission.capability is Capability.ADMIN:
            best = max(best, Answer(Level.YES, (step(one), f"it {permission.why}"), one), key=_level)
    return best


def _everything(one: Assignment) -> bool:
    return any("*" in b.actions for b in one.role.blocks or ())


def _single(estate: Estate, principal_id: str, entry: Escalation) -> Iterator[Way]:
    """A right on one application alone, by a role that is assigned there."""
    if entry.need is not Need.APP:
        return
    narrow = {a.scope for a in estate.assignments(principal_id) if a.role.plane is Plane.DIRECTORY} - {places.ROOT}
    for scope in sorted(narrow):
        for target in estate.named.get(scope.strip("/"), ()):
            answers = [max((directs(estate, principal_id, a, target) for a in t), key=_level) for t in entry.targets]
            level = min((a.level for a in answers), default=Level.NO)
            end = _end(estate, entry, estate.identities[target])
            if level > Level.UNKNOWN and end is not None:
                yield Way(principal_id, level, tuple(s for a in answers for s in a.steps), Hub({target: end}))


def _level(answer: Answer) -> Level:
    return answer.level


def _ends(estate: Estate, entry: Escalation, tenant: str, people: frozenset[str]) -> Iterator[tuple[str, End]]:
    for identity in estate.identities.values():
        if tenant_of(identity.id) == tenant and identity.id not in people:
            end = _end(estate, entry, identity)
            if end is not None:
                yield identity.id, end


def _end(estate: Estate, entry: Escalation, identity: Identity) -> End | None:
    """How an identity is reached by an entry, None where it is no target of it."""
    if identity.state is IdentityState.DELETED or identity.class_ is IdentityClass.PROVIDER_MANAGED:
        return None
    if not _is_target(estate, entry, identity):
        return None
    level, notes = (Level.CONDITIONAL, [entry.doubt]) if entry.doubt else (Level.YES, [])
    if _foreign(identity):
        level = Level.CONDITIONAL
        notes.append("its publisher may have locked its credentials")
    if identity.state is IdentityState.DISABLED:
        level = Level.CONDITIONAL
        notes.append("it must be enabled first")
    note = f" ({'; '.join(notes)})" if notes else ""
    return End(entry.id, level, f"it {entry.says} {estate.who(identity.id)}{note}")


def _is_target(estate: Estate, entry: Escalation, identity: Identity) -> bool:
    match entry.need:
        case Need.APP:
            # What is registered in another tenant has no application here to add a credential to, but its principal.
            here = not _foreign(identity) if ".application_" in entry.id else True
            return is_app(identity) and here
        case Need.BLUEPRINT:
            return identity.kind is IdentityKind.AGENT_BLUEPRINT
        case Need.PERSON:
            return identity.kind is IdentityKind.USER
        case Need.ROLE_GROUP:
            return identity.kind is IdentityKind.GROUP and estate.role_group(identity.id)
        case _:
            fixed = identity.tags.get("membership_rule") or identity.tags.get("synced") == "true"
            return identity.kind is IdentityKind.GROUP and not fixed and not estate.role_group(identity.id)


def _foreign(identity: Identity) -> bool:
    home = identity.tags.get("home_tenant")
    return home is not None and home != tenant_of(identity.id)


def _privileged(estate: Estate) -> frozenset[str]:
    """People whom only a privileged administrator may reset: holders of roles, members and owners of such groups.

    Source: learn.microsoft.com/entra/identity/role-based-access-control/privileged-roles-permissions, "Who can reset
    passwords".
    """
    owners = ((t.principal, t.target_id) for t in estate.trusts)
    found = {o for o, g in owners if g in estate.identities and estate.role_group(g)}
    for identity in estate.identities.values():
        if identity.kind is IdentityKind.USER:
            holds = any(a.role.plane is Plane.DIRECTORY for a in estate.assignments(identity.id))
            if holds or any(estate.role_group(g) for g in estate.groups_of(identity.id)):
                found.add(identity.id)
    return frozenset(found & {i for i, x in estate.identities.items() if x.kind is IdentityKind.USER})
