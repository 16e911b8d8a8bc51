"""One `grant` row for each statement that bears on an identity, groups and boundaries included."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.actions import level_of
from nhiscan.analysis.aws.library import SOURCE
from nhiscan.analysis.aws.patterns import overlap
from nhiscan.model import Grant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.aws.documents import Statement
    from nhiscan.analysis.aws.estate import Estate
    from nhiscan.analysis.aws.evaluate import Bound

# Verbs that open the name of an action too new for the table, by what they let happen; whatever has none of these
# writes.
_LIST = ("list", "describe", "search", "head")
_READ = ("get", "batchget", "read", "query", "scan", "select", "view", "lookup", "download", "decrypt", "check")
_PERMISSIONS = (
    "put*policy", "attach*policy", "detach*policy", "delete*policy", "create*policy*", "set*policy*", "passrole",
    "add*permission", "addusertogroup", "createaccesskey", "*loginprofile", "updateassumerolepolicy", "*boundary",
)  # fmt: skip
RANKS = ("list", "read", "write", "permissions", "wildcard")
"""Levels of a grant in rising order."""


def grants(estate: Estate) -> Iterator[Grant]:
    """Rows ordered by identity; `level` is None for Deny, and for what a boundary only permits."""
    for principal in estate.principals.values():
        scope = estate.identities[principal.id].scope_id
        for bound in principal.allows:
            yield _row(principal.id, scope, bound, "allow")
        for bound in principal.denies:
            yield _row(principal.id, scope, bound, "deny")
        for ceiling in principal.ceilings:
            for bound in ceiling:
                effect = "boundary_allow" if bound.statement.allow else "boundary_deny"
                yield _row(principal.id, scope, bound, effect)


def _row(identity_id: str, scope_id: str, bound: Bound, effect: str) -> Grant:
    s = bound.statement
    through = f"{bound.via}|" if bound.via else ""
    kind = "boundary|" if effect.startswith("boundary") else ""
    return Grant(
        id=f"{identity_id}|{kind}{through}{bound.policy_id}|{s.number}",
        scope_id=scope_id,
        source=SOURCE,
        locator=bound.policy_id,
        identity_id=identity_id,
        policy_id=bound.policy_id,
        statement=s.number,
        effect=effect,
        actions=s.actions,
        not_actions=s.not_actions,
        resources=s.resources,
        not_resources=s.not_resources,
        condition=s.condition_json,
        level=level(s) if effect == "allow" else None,
        via=bound.via,
    )


def level(statement: Statement) -> str:
    """`wildcard` for all actions of everything or of a service on every resource, else the highest action's level."""
    return _levels(statement.actions, statement.not_actions, "*" in statement.resources)


@lru_cache(1 << 16)
def _levels(actions: tuple[str, ...], not_actions: tuple[str, ...], everywhere: bool) -> str:  # noqa: FBT001 - a key
    if everywhere and any(is_wildcard(a) for a in actions):
        return RANKS[-1]
    if not_actions:
        return RANKS[-1] if everywhere else "write"
    return max((_level(a) for a in actions), key=RANKS.index)


def is_wildcard(action: str) -> bool:
    """`*`, `*:*` or `service:*`."""
    return action == "*" or action.partition(":")[2] == "*"


@lru_cache(1 << 14)
def _level(action: str) -> str:
    """The level the table of actions knows; by its verb for an action it does not know."""
    known = level_of(action if ":" in action else f"{action}:*")
    if known is not None:
        return known
    name = action.lower().partition(":")[2]
    if name.startswith(_LIST):
        return "list"
    if name.startswith(_READ):
        return "read"
    return "permissions" if any(overlap(p, name or "*") for p in _PERMISSIONS) else "write"
