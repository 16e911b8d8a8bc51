"""One `grant` row for each role that a binding gives to an identity and for each rule that denies it something."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp import names
from nhiscan.analysis.gcp.conditions import Answer
from nhiscan.analysis.gcp.decide import strikes
from nhiscan.analysis.gcp.estate import SOURCE
from nhiscan.model import Gap, GapReason, Grant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.gcp.deny import Denial
    from nhiscan.analysis.gcp.estate import Binding, Estate
    from nhiscan.analysis.gcp.roles import Role

_MOST_ACTIONS = 300
"""A role of more permissions than this is told by its services: `compute.*` then says that it has some of them."""

_GLOBAL = frozenset({names.EVERYBODY, names.SIGNED_IN})


def grants(estate: Estate) -> Iterator[Grant]:
    """Rows ordered by identity; what everybody has is told once, of everybody.

    `actions` are permissions, or `service.*` for roles of more than 300; `resources` is the full name of the resource
    at and below which they hold; a denial names its permissions in the form of deny policies.
    """
    for identity_id in estate.identities:
        for asker in estate.askers(identity_id):
            if asker.id in _GLOBAL and asker.id != identity_id:
                continue
            for target in sorted(estate.bindings.get(asker.id, {})):
                for bound in estate.bindings[asker.id][target]:
                    yield _grant(estate, identity_id, bound, asker.id if asker.id != identity_id else None)
    yield from _denials(estate)


def _grant(estate: Estate, identity_id: str, bound: Binding, via: str | None) -> Grant:
    return Grant(
        id=f"{identity_id}|{f'{via}|' if via else ''}{bound.attachment_id}",
        scope_id=estate.identities[identity_id].scope_id,
        source=SOURCE,
        locator=bound.target,
        identity_id=identity_id,
        policy_id=bound.role.policy_id,
        statement=0,
        effect="allow",
        actions=_actions(bound.role),
        resources=(bound.target,),
        condition=bound.condition,
        level=_level(bound.role),
        via=via,
    )


@lru_cache(1 << 12)
def _level(role: Role) -> str | None:
    return role.level if role.permissions is not None else None


@lru_cache(1 << 12)
def _actions(role: Role) -> tuple[str, ...]:
    held = sorted(role.permissions or ())
    if len(held) <= _MOST_ACTIONS:
        return tuple(held)
    return tuple(dict.fromkeys(p if "/" in p else f"{p.partition('.')[0]}.*" for p in held))


def _denials(estate: Estate) -> Iterator[Grant]:
    for point in sorted(estate.denials):
        for rule in estate.denials[point]:
            for identity_id in estate.identities:
                if rule.readable and strikes(estate, rule, identity_id) is Answer.YES and _speaks(estate, identity_id):
                    yield _denial(estate, identity_id, rule, point)


def _speaks(estate: Estate, identity_id: str) -> bool:
    """Whether the identity has anything that could be denied; a deny of everybody is no news of all the others."""
    return any(a.id in estate.bindings for a in estate.askers(identity_id) if a.id not in _GLOBAL)


def _denial(estate: Estate, identity_id: str, rule: Denial, point: str) -> Grant:
    return Grant(
        id=f"{identity_id}|{rule.policy_id}|{rule.number}|{point}",
        scope_id=estate.identities[identity_id].scope_id,
        source=SOURCE,
        locator=rule.policy_id,
        identity_id=identity_id,
        policy_id=rule.policy_id,
        statement=rule.number,
        effect="deny",
        actions=rule.permissions,
        not_actions=rule.spared,
        resources=(point,),
        condition=rule.condition,
    )


def gaps(estate: Estate) -> Iterator[Gap]:
    """A gap for each document that is there and cannot be read, ordered by policy."""
    for policy_id, policy in sorted(estate.unread.items()):
        yield Gap(
            id=f"{policy_id}#gap:malformed",
            scope_id=policy.scope_id,
            source=SOURCE,
            covers=("policy",),
            reason=GapReason.MALFORMED,
            remedy="export the role or deny policy again as JSON",
            detail=f"the document of {policy.name} cannot be read",
            subject_id=policy_id,
        )
