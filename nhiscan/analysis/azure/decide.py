"""Whether a principal may do something: role assignments, groups, conditions, eligibility, and deny assignments.

Source: learn.microsoft.com/azure/role-based-access-control/overview: access is granted by any role assignment at the
scope or above, unless a deny assignment applies, which comes first; .../deny-assignments for principals left out and
for denials that do not apply to child scopes.  Key vaults that use access policies take no data actions from roles
(.../azure/key-vault/general/rbac-access-policy).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from nhiscan.analysis.azure import scopes as places
from nhiscan.analysis.azure.conditions import met
from nhiscan.analysis.azure.estate import names_of, object_of
from nhiscan.analysis.azure.roles import Plane
from nhiscan.model import IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nhiscan.analysis.azure.estate import Assignment, Estate
    from nhiscan.analysis.azure.roles import Block

ASSIGN = "microsoft.authorization/roleassignments/write"
_ATTRIBUTE = "request[microsoft.authorization/roleassignments:{}]"
_VAULTS = "microsoft.keyvault/vaults/"


class Level(IntEnum):
    """How sure an answer is; `unknown`: something that bears on it could not be read."""

    NO = 0
    UNKNOWN = 1
    CONDITIONAL = 2
    YES = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """A level, the sentences that prove it, and the assignment that gives it."""

    level: Level
    steps: tuple[str, ...] = ()
    by: Assignment | None = None


NO = Answer(Level.NO)


@dataclass(frozen=True, slots=True)
class Question:
    """An action at a scope, with what is known of the request (attributes as conditions name them)."""

    action: str
    scope: str
    data: bool = False
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def decide(
    estate: Estate,
    principal_id: str,
    action: str,
    scope: str,
    *,
    data: bool = False,
    attributes: Mapping[str, tuple[str, ...]] | None = None,
) -> Answer:
    """Whether a principal may do an action of Azure Resource Manager at a scope, by the surest of its assignments."""
    question = Question(action.lower(), places.normal(scope), data, attributes or {})
    if estate.deleted(principal_id):
        return NO
    best = NO
    for one in estate.assignments(principal_id):
        if one.role.plane is Plane.ARM:
            answer = _by(estate, one, question)
            if answer.level > best.level:
                best = answer
            if best.level is Level.YES:
                break
    return restrained(estate, estate.denying(principal_id, question.scope), question, best) if best.level else best


def _by(estate: Estate, one: Assignment, question: Question) -> Answer:
    """What one assignment says."""
    covered = estate.tree.covers(one.scope, question.scope)
    if covered is False:
        return NO
    level = allowed(one, question.action, data=question.data, attributes=question.attributes)
    if question.data and not one.role.vault and level and _policies_alone(estate, question):
        return NO
    if covered is None:
        level = min(level, Level.UNKNOWN)
    return Answer(level, (step(one, level),), one) if level else NO


def _policies_alone(estate: Estate, question: Question) -> bool:
    """Whether the question is about a vault that uses access policies."""
    if not question.action.startswith(_VAULTS):
        return False
    return any(estate.vaults.get(place) for place in estate.tree.chain(question.scope))


def allowed(
    one: Assignment, action: str, *, data: bool = False, attributes: Mapping[str, tuple[str, ...]] | None = None
) -> Level:
    """How surely an assignment gives an action (in lower case) at its scope; denials are not asked."""
    if one.role.blocks is None:
        return Level.UNKNOWN
    best = Level.NO
    for block in one.role.blocks:
        if block.allows(action, data=data):
            best = max(best, _under((one.condition, block.condition), action, attributes or {}))
    return min(best, Level.CONDITIONAL) if one.eligible else best


def _under(conditions: Iterable[str | None], action: str, attributes: Mapping[str, tuple[str, ...]]) -> Level:
    answers = [met(c, action, attributes) for c in conditions]
    if False in answers:
        return Level.NO
    return Level.CONDITIONAL if None in answers else Level.YES


def restrained(estate: Estate, denials: Iterable[int], question: Question, answer: Answer) -> Answer:
    """The answer after deny assignments, given by number: those that bear on the principal."""
    for denied in (estate.denials[n] for n in denials):
        covered = estate.tree.covers(denied.scope, question.scope)
        if covered is False or (not denied.denial.children and denied.scope != question.scope):
            continue
        blocks = denied.denial.blocks
        level = _denies(blocks, denied.condition, question) if blocks is not None else Level.CONDITIONAL
        if level is Level.YES and covered:
            return NO
        if level > Level.UNKNOWN:
            words = f"deny assignment {denied.denial.name} may take it away"
            answer = Answer(min(answer.level, Level.CONDITIONAL), (*answer.steps, words), answer.by)
    return answer


def _denies(blocks: Sequence[Block], condition: str | None, question: Question) -> Level:
    """Whether the entries of a denial take an action away."""
    hit = [b for b in blocks if b.allows(question.action, data=question.data)]
    return max((_under((condition, b.condition), question.action, question.attributes) for b in hit), default=Level.NO)


def directs(estate: Estate, principal_id: str, action: str, target_id: str | None = None) -> Answer:
    """Whether a directory role of a principal gives an action of Entra, on everything or on one identity.

    A role at an administrative unit gives it on what belongs to the unit, which nobody asked: conditional.  One at an
    application gives it there alone.
    """
    best, action = NO, action.lower()
    for one in estate.assignments(principal_id) if not estate.deleted(principal_id) else ():
        if one.role.plane is not Plane.DIRECTORY:
            continue
        level = min(_directed(one, action), _reaches(estate, one.scope, target_id))
        if level > best.level:
            best = Answer(level, (step(one, level),), one)
    return best


def _directed(one: Assignment, action: str) -> Level:
    if one.role.blocks is None:
        return Level.UNKNOWN
    found = [Level.CONDITIONAL if b.condition else Level.YES for b in one.role.blocks if b.directs(action)]
    best = max(found, default=Level.NO)
    return min(best, Level.CONDITIONAL) if one.eligible or one.condition else best


def _reaches(estate: Estate, scope: str, target_id: str | None) -> Level:
    if scope == places.ROOT:
        return Level.YES
    target = estate.identities.get(target_id or "")
    if target is None:
        return Level.NO
    if scope.startswith("/administrativeunits/"):
        return Level.CONDITIONAL if target.kind in {IdentityKind.USER, IdentityKind.GROUP} else Level.NO
    return Level.YES if scope.strip("/") in names_of(target) else Level.NO


def step(one: Assignment, level: Level = Level.YES) -> str:
    """The sentence that proves an assignment: which role, where, through which group, and what it depends on."""
    match one.role.plane:
        case Plane.APP_ROLE:
            words = f"application permission {one.role.value} is granted"
        case Plane.DELEGATED:
            words = f"delegated permission {one.role.value} is granted"
        case Plane.DIRECTORY:
            at = "" if one.scope == places.ROOT else f" at {one.scope}"
            words = f"directory role {one.role.name} is assigned{at}"
        case _ if one.role.vault:
            words = f"access policy of {places.words(one.scope)} names it"
        case _:
            words = f"role {one.role.name} is assigned at {places.words(one.scope)}"
    if one.via:
        words += f" through group {object_of(one.via)}"
    if one.eligible:
        words += ", after activation"
    elif level is Level.CONDITIONAL:
        words += ", under a condition"
    elif level is Level.UNKNOWN:
        words += ", whose actions could not be read"
    elif one.ends:
        words += ", until it ends"
    return words


def assigning(estate: Estate, principal_id: str, role: str) -> dict[str, tuple[str, ...]]:
    """What conditions see of the request to assign a role (its GUID) to oneself.

    Source: learn.microsoft.com/azure/role-based-access-control/conditions-authorization-actions-attributes.
    """
    found: dict[str, tuple[str, ...]] = {
        _ATTRIBUTE.format("roledefinitionid"): (role,),
        _ATTRIBUTE.format("principalid"): (object_of(principal_id),),
    }
    identity = estate.identities.get(principal_id)
    if identity is not None:
        named = {IdentityKind.USER: "User", IdentityKind.GROUP: "Group"}.get(identity.kind, "ServicePrincipal")
        found[_ATTRIBUTE.format("principaltype")] = (named,)
    return found


STRONG = (
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
)
"""Roles worth assigning to oneself, the strongest first (.../role-based-access-control/built-in-roles/privileged)."""


def raises(estate: Estate, principal_id: str, scope: str) -> tuple[Answer, str]:
    """The surest way to assign a strong role to oneself at a scope, and the name of that role."""
    best, name = NO, STRONG[0][1]
    for guid, called in STRONG:
        answer = decide(estate, principal_id, ASSIGN, scope, attributes=assigning(estate, principal_id, guid))
        if answer.level > best.level:
            best, name = answer, called
        if best.level is Level.YES:
            break
    return best, name
