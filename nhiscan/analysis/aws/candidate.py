"""Candidates: what an escalation could act on, and the sets of identities they are taken from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.estate import account_of
from nhiscan.analysis.aws.ground import mutable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.analysis.aws.conditions import Fact
    from nhiscan.analysis.aws.evaluate import Level, Principal
    from nhiscan.analysis.aws.ground import Ground
    from nhiscan.model import IdentityKind


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target with the most that could be sure about it, and the sentences that say why it is one.

    `resource` None asks nothing more about the target; `loose`: the action names the target otherwise than by this
    ARN, so that a permission for some of its resources is not surely one for this; `facts` are those of the request.
    """

    resource: str | None
    cap: Level
    proof: tuple[str, ...]
    facts: Mapping[str, tuple[str, ...] | Fact] = field(default_factory=dict, hash=False)
    loose: bool = False


def account_mates(ground: Ground, who: Principal, ids: Iterable[str]) -> Iterator[str]:
    """Those of `ids` in the principal's account, itself apart, that the account can change or pass."""
    account = account_of(who.id)
    return (i for i in ids if account_of(i) == account and i != who.id and mutable(ground.estate.identities[i]))


def of_kind(ground: Ground, who: Principal, kind: IdentityKind) -> tuple[str, ...]:
    """The changeable identities of a kind in the principal's account, in order."""
    key = ("kind", kind, account_of(who.id))
    if key not in ground.ordered:
        found = (i.id for i in ground.estate.identities.values() if i.kind is kind and mutable(i))
        ground.ordered[key] = tuple(i for i in found if account_of(i) == account_of(who.id))
    return ground.ordered[key]


def strong(ground: Ground, who: Principal, kind: IdentityKind) -> Iterator[str]:
    """Those of them that are worth becoming, the surest first."""
    ids = ground.powerful(of_kind(ground, who, kind), (kind, account_of(who.id)))
    return (i for i in ids if i != who.id)


def own_policies(ground: Ground, who: Principal) -> tuple[str, ...]:
    """The customer-managed policies of the principal's account, in order."""
    account = account_of(who.id)
    key = ("policies", account)
    if key not in ground.ordered:
        ids = sorted(p for p, bearers in ground.estate.attached.items() if bearers and is_managed(p))
        ground.ordered[key] = tuple(p for p in ids if account_of(p) == account)
    return ground.ordered[key]


def is_managed(policy_id: str) -> bool:
    """Whether a policy is one of its own that is attached, rather than written into its principal."""
    return ":policy/" in policy_id and "#" not in policy_id


def title(policy_id: str) -> str:
    """The name of a policy."""
    return policy_id.rpartition("/")[2]


def surest(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The candidates that can be one at all, the surest first."""
    return iter(sorted((c for c in candidates if c.cap), key=lambda c: -c.cap))
