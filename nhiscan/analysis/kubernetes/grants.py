"""One `grant` row for each rule that a binding gives to an identity, groups included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.analysis.kubernetes.estate import EVERYWHERE, SOURCE, everybody
from nhiscan.model import Grant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.analysis.kubernetes.estate import Bound, Estate
    from nhiscan.analysis.kubernetes.rules import Rule

_READ = frozenset({"get"})
_LIST = frozenset({"list", "watch"})
_RBAC = frozenset({"roles", "clusterroles", "rolebindings", "clusterrolebindings"})
_RIGHTS = frozenset({"bind", "escalate", "impersonate", "approve", "sign"})
_TOKENS = "serviceaccounts/token"
# A rule of ten groups, a hundred resources and ten verbs is one sentence, not ten thousand actions.
_MOST_ACTIONS = 2_000


def grants(estate: Estate) -> Iterator[Grant]:
    """Rows ordered by identity.

    `actions` are `group/resource:verb` (group `core` for the first API), or `/url:verb`; `resources` say where: `*`,
    `namespace/*` or `namespace/name`.
    """  # fmt: skip
    for identity_id, rules in everybody(estate):
        scope_id = estate.identities[identity_id].scope_id
        for bound in rules:
            through = f"{bound.via}|" if bound.via else ""
            yield Grant(
                id=f"{identity_id}|{through}{bound.binding_id}|{bound.policy_id}|{bound.number}",
                scope_id=scope_id,
                source=SOURCE,
                locator=bound.policy_id,
                identity_id=identity_id,
                policy_id=bound.policy_id,
                statement=bound.number,
                effect="allow",
                actions=tuple(_actions(bound.rule)),
                resources=tuple(_where(bound)),
                level=level(bound.rule),
                via=bound.via,
            )


def _actions(rule: Rule) -> list[str]:
    """Every action of the rule in order, bounded."""
    found: list[str] = [f"{url}:{verb}" for url in sorted(rule.urls) for verb in sorted(rule.verbs)]
    for group in sorted(rule.groups):
        for resource in sorted(rule.resources):
            found += [f"{group or 'core'}/{resource}:{verb}" for verb in sorted(rule.verbs)]
            if len(found) > _MOST_ACTIONS:
                return found[:_MOST_ACTIONS]
    return found


def _where(bound: Bound) -> list[str]:
    if not bound.rule.names:
        return ["*" if bound.namespace == EVERYWHERE else f"{bound.namespace}/*"]
    return [f"{bound.namespace}/{name}" for name in sorted(bound.rule.names)]


def level(rule: Rule) -> str:
    """`wildcard` for every verb on every resource of a group, else the highest that a verb of the rule reaches."""
    if "*" in rule.verbs and "*" in rule.resources and not rule.names:
        return "wildcard"
    changing = rule.verbs - _READ - _LIST
    if rule.verbs & _RIGHTS or (changing and (not rule.resources.isdisjoint(_RBAC) or _TOKENS in rule.resources)):
        return "permissions"
    if changing:
        return "write"
    return "read" if rule.verbs & _READ else "list"
