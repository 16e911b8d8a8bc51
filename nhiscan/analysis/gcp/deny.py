"""Deny policies: whom they keep from which permissions.

Source: docs.cloud.google.com/iam/docs/deny-overview and .../deny-permissions-support (names of permissions, and groups
of them).  Each rule is evaluated by itself; what it exempts is left out of that rule only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from nhiscan.analysis.gcp.names import denied_id, service_of
from nhiscan.analysis.gcp.roles import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.model import Policy


@dataclass(frozen=True, slots=True)
class Denial:
    """One rule.  `readable` False: the policy is there and nobody could read it, so it may deny anything to `who`."""

    policy_id: str
    number: int
    who: tuple[str, ...]
    but: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    spared: tuple[str, ...] = ()
    condition: str | None = None
    readable: bool = True

    def concerns(self, permission: str) -> bool:
        """Whether the rule speaks of the permission."""
        if not self.readable:
            return True
        name = spelled(permission)
        return any(covers(p, name) for p in self.permissions) and not any(covers(p, name) for p in self.spared)


def spelled(permission: str) -> str:
    """A permission as deny policies write it: `iam.roles.create` is `iam.googleapis.com/roles.create`."""
    return permission if "/" in permission else f"{service_of(permission)}/{permission.partition('.')[2]}"


def covers(pattern: str, permission: str) -> bool:
    """Whether a permission is the one, or in the group, that a rule names."""
    if pattern == permission:
        return True
    service, _, rest = pattern.partition("/")
    own_service, _, own = permission.partition("/")
    kind, _, verb = rest.rpartition(".")
    own_kind, _, own_verb = own.rpartition(".")
    return service == own_service and kind in {"*", own_kind} and verb in {"*", own_verb} and "*" in {kind, verb}


def denials(policy: Policy) -> Iterator[Denial]:
    """The rules of a deny policy in order; those of one that cannot be read are none, `unreadable` stands for them."""
    document = read(policy.document) or {}
    listed = document.get("rules")
    for number, item in enumerate(listed if isinstance(listed, list) else [document]):
        rule = _mapping(_mapping(item).get("denyRule", item))
        who = tuple(denied_id(p) for p in _texts(rule.get("deniedPrincipals")))
        if who:
            expression = _mapping(rule.get("denialCondition")).get("expression")
            yield Denial(
                policy.id, number, who,
                but=tuple(denied_id(p) for p in _texts(rule.get("exceptionPrincipals"))),
                permissions=_texts(rule.get("deniedPermissions")),
                spared=_texts(rule.get("exceptionPermissions")),
                condition=expression if isinstance(expression, str) else None,
            )  # fmt: skip


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _mapping(value: object) -> dict[str, object]:
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}
