"""Whether a principal may use a permission on a resource: allow policies of it and all above, less what is denied.

Source: docs.cloud.google.com/iam/docs/policy-types (a deny beats every allow), .../resource-hierarchy-access-control
(policies are inherited and add up), .../service-accounts-disable-enable.  Principal access boundaries, organisation
policies and VPC Service Controls are not asked: what they keep back is still said to be allowed by IAM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.conditions import Answer, Facts, holds
from nhiscan.analysis.gcp.members import contains
from nhiscan.model import IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.gcp.deny import Denial
    from nhiscan.analysis.gcp.estate import Binding, Estate

_DEAD = frozenset({IdentityState.DISABLED, IdentityState.DELETED})


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, the binding that gives it (`via` a group), and the denial that may take it away or does."""

    answer: Answer
    permission: str = ""
    binding: Binding | None = None
    via: str | None = None
    denial: Denial | None = None

    def step(self, estate: Estate) -> str:
        """The sentence that proves it: which binding gives which role on what to whom."""
        if self.binding is None:
            return f"nothing grants {self.permission}"
        bound = self.binding
        via = f", by {estate.who(self.via)}" if self.via and self.via != bound.principal_id else ""
        under = f" under the condition {bound.condition}" if bound.condition else ""
        under += " after activation" if bound.eligible else ""
        unsure = " unless a deny policy applies" if self.denial else ""
        given = f"{bound.role.name} on {estate.title(bound.target)} is granted to {estate.who(bound.principal_id)}"
        return f"{given}{via}{under}{unsure}"


def decide(estate: Estate, principal: str, permission: str, resource: str, *, below: bool = False) -> Decision:
    """The surest answer; `below` asks about whatever lies in the resource rather than about the resource itself.

    Deny policies that are attached further down are not part of the answer about what lies below.
    """
    if dead(estate, principal):
        return Decision(Answer.NO, permission)
    chain = estate.chain(resource)
    facts: Facts | None = None
    best = Decision(Answer.NO, permission)
    for asker in estate.askers(principal):
        held = estate.bindings.get(asker.id)
        for node in chain if held else ():
            for bound in (held or {}).get(node, ()):
                if bound.role.permissions is None or permission not in bound.role.permissions:
                    continue
                answer = min(asker.answer, Answer.CONDITIONAL if bound.eligible else Answer.YES)
                if bound.condition:
                    facts = facts or _facts(estate, permission, chain[0], below=below)
                    answer = min(answer, holds(bound.condition, facts))
                if answer > best.answer:
                    best = Decision(answer, permission, bound, asker.via)
        if best.answer is Answer.YES:
            break
    return _less(estate, principal, best, chain, below=below) if best.answer and estate.denials else best


def dead(estate: Estate, principal: str) -> bool:
    """Whether an identity is known not to be able to act."""
    identity = estate.identities.get(principal)
    return identity is not None and identity.state in _DEAD


def _facts(estate: Estate, permission: str, resource: str, *, below: bool) -> Facts:
    """What is known of the request; of what lies below a resource, only the service it belongs to."""
    if below:
        return Facts(estate.as_of, names.service_of(permission))
    service = names.split(resource)[0]
    return Facts(estate.as_of, service, names.kind_of(resource), estate.forms(resource) if service else ())


def _less(estate: Estate, principal: str, allowed: Decision, chain: tuple[str, ...], *, below: bool) -> Decision:
    """What is left after the deny policies at the resource and above."""
    worst, by = Answer.NO, None
    for rule in denied(estate, allowed.permission, chain):
        hit = min(strikes(estate, rule, principal), _applies(estate, rule, allowed.permission, chain[0], below=below))
        if hit > worst:
            worst, by = hit, rule
    if worst is Answer.YES:
        return Decision(Answer.NO, allowed.permission, None, None, by)
    if worst is Answer.CONDITIONAL:
        return Decision(Answer.CONDITIONAL, allowed.permission, allowed.binding, allowed.via, by)
    return allowed


def denied(estate: Estate, permission: str, chain: tuple[str, ...]) -> Iterator[Denial]:
    """The rules at these resources that speak of a permission."""
    for node in chain:
        for rule in estate.denials.get(node, ()):
            if rule.concerns(permission):
                yield rule


def _applies(estate: Estate, rule: Denial, permission: str, resource: str, *, below: bool) -> Answer:
    if not rule.readable:
        return Answer.CONDITIONAL
    return holds(rule.condition, _facts(estate, permission, resource, below=below)) if rule.condition else Answer.YES


def strikes(estate: Estate, rule: Denial, principal: str) -> Answer:
    """Whether a rule is about a principal: named, and not exempt."""
    named = max((_named(estate, w, principal) for w in rule.who), default=Answer.NO)
    if not named:
        return named
    spared = max((_named(estate, w, principal) for w in rule.but), default=Answer.NO)
    return min(named, Answer(Answer.YES - spared))


def _named(estate: Estate, who: str, principal: str) -> Answer:
    if who in {principal, names.EVERYBODY}:
        return Answer.YES
    if who.startswith(names.GROUP):
        if principal.startswith(names.FEDERATED):
            return Answer.NO
        if who in estate.groups:
            return Answer.YES if any(a.id == who for a in estate.askers(principal)) else Answer.NO
        # Nobody read who is in the group.
        return Answer.CONDITIONAL
    if who.startswith(f"{names.FEDERATED}goog/cloudIdentityCustomerId/"):
        human = principal.startswith((names.USER, names.GROUP))
        return Answer.CONDITIONAL if human else Answer.NO
    return contains(estate, who, principal) if who.startswith(names.FEDERATED) else Answer.NO
