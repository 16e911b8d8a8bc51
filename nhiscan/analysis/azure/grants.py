"""One `grant` row for each entry of a role that an identity holds, by groups too, and of a denial that bears on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.analysis.azure.estate import SOURCE
from nhiscan.analysis.azure.roles import Plane
from nhiscan.model import Grant, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.azure.estate import Assignment, Denied, Estate
    from nhiscan.analysis.azure.roles import Block
    from nhiscan.model import Identity

_READS = ("/read", "/readmetadata/action")
_ACCESS = ("microsoft.authorization/", "microsoft.directory/roleassignments/", "microsoft.directory/groupsassignable")
_MOST_ACTIONS = 2_000


def grants(estate: Estate) -> Iterator[Grant]:
    """Rows ordered by identity; the statement of an entry is twice its number, one more for its data actions.

    `resources` is the scope; of application permissions the appId of the API.
    """
    for identity_id, identity in estate.identities.items():
        if identity.kind is IdentityKind.GROUP or estate.deleted(identity_id):
            continue
        for one in estate.assignments(identity_id):
            for number, block in enumerate(one.role.blocks or ()):
                yield from _of(identity, one, number, block)
        # What denies everybody is told of those who hold something there: there is nothing to take from others.
        places = {a.scope for a in estate.assignments(identity_id) if a.role.plane is Plane.ARM}
        for found in sorted({n for place in places for n in estate.denying(identity_id, place, below=True)}):
            denied = estate.denials[found]
            for number, block in enumerate(denied.denial.blocks or ()):
                yield from _denied(identity, denied, number, block)


def _sides(block: Block) -> Iterator[tuple[int, tuple[str, ...], tuple[str, ...]]]:
    if block.actions:
        yield 0, block.actions[:_MOST_ACTIONS], block.not_actions
    if block.data_actions:
        yield 1, block.data_actions[:_MOST_ACTIONS], block.not_data_actions


def _of(identity: Identity, one: Assignment, number: int, block: Block) -> Iterator[Grant]:
    for side, actions, taken in _sides(block):
        through = f"{one.via}|" if one.via else ""
        yield Grant(
            id=f"{identity.id}|{through}{one.id}|{2 * number + side}",
            scope_id=identity.scope_id,
            source=SOURCE,
            locator=one.role.id,
            identity_id=identity.id,
            policy_id=one.role.id,
            statement=2 * number + side,
            effect="allow",
            actions=actions,
            not_actions=taken,
            resources=(one.role.api or one.scope,),
            condition=" AND ".join(f"({c})" for c in (one.condition, block.condition) if c) or None,
            level=level(actions, one.role.plane),
            via=one.via,
        )


def _denied(identity: Identity, denied: Denied, number: int, block: Block) -> Iterator[Grant]:
    for side, actions, taken in _sides(block):
        yield Grant(
            id=f"{identity.id}|{denied.denial.id}|{2 * number + side}",
            scope_id=identity.scope_id,
            source=SOURCE,
            locator=denied.denial.id,
            identity_id=identity.id,
            policy_id=denied.denial.id,
            statement=2 * number + side,
            effect="deny",
            actions=actions,
            not_actions=taken,
            resources=(denied.scope,),
            condition=denied.condition or block.condition,
            level=level(actions, Plane.ARM),
        )


def level(actions: tuple[str, ...], plane: Plane) -> str:
    """`wildcard`, or the highest that an action reaches: `permissions`, `write`, `read`."""
    if "*" in actions:
        return "wildcard"
    if plane in {Plane.APP_ROLE, Plane.DELEGATED}:
        return "write" if any("write" in a or "send" in a or "fullcontrol" in a for a in actions) else "read"
    if any(a.startswith(_ACCESS) and not a.endswith(_READS) for a in actions):
        return "permissions"
    return "read" if all(a.endswith(_READS) for a in actions) else "write"
