"""One `grant` row for each statement that bears on an identity, groups and boundaries included."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.estate import SOURCE
from nhiscan.analysis.aws.patterns import overlap
from nhiscan.model import Grant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.aws.documents import Statement
    from nhiscan.analysis.aws.estate import Estate
    from nhiscan.analysis.aws.evaluate import Bound

# Verbs that open an action's name, by what they let happen (after the access levels of the Service Authorization
# Reference); whatever is none of these writes.
_LIST = ("list", "describe", "search", "head")
_READ = ("get", "batchget", "read", "query", "scan", "select", "view", "lookup", "download", "decrypt", "check")
_PERMISSIONS = (
    "put*policy", "attach*policy", "detach*policy", "delete*policy", "create*policy*", "set*policy*", "passrole",
    "add*permission", "addusertogroup", "createaccesskey", "*loginprofile", "updateassumerolepolicy", "*boundary",
)  # fmt: skip
_PERMITTING = frozenset({"iam", "sts", "*", "lambda", "kms", "s3", "organizations", "sso"})
RANKS = ("list", "read", "write", "permissions", "wildcard")
"""Levels of a grant in rising order."""


def grants(estate: Estate) -> Iterator[Grant]:
    """Rows ordered by identity; `level` is None for Deny, and for what a boundary only permits."""
    for principal in estate.principals.values():
        scope = estate.identities[principal.id].scope_id
        for bound in (*principal.allows, *principal.denies):
            yield _row(principal.id, scope, bound, "allow" if bound.statement.allow else "deny")
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
    """`wildcard` for all actions of everything or of a service on every resource, else the strongest verb's level."""
    everywhere = "*" in statement.resources
    if everywhere and any(is_wildcard(a) for a in statement.actions):
        return RANKS[-1]
    if statement.not_actions:
        return RANKS[-1] if everywhere else "write"
    return max((_level(a) for a in statement.actions), key=RANKS.index)


def is_wildcard(action: str) -> bool:
    """`*`, `*:*` or `service:*`."""
    return action == "*" or action.partition(":")[2] == "*"


@lru_cache(1 << 14)
def _level(action: str) -> str:
    service, _, name = action.lower().partition(":")
    if name.startswith(_LIST):
        return "list"
    if name.startswith(_READ):
        return "read"
    if (service in _PERMITTING or not name) and any(overlap(p, name or "*") for p in _PERMISSIONS):
        return "permissions"
    return "write"
