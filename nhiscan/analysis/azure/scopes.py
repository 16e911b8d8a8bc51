"""Where an Azure role assignment applies: resource, resource group, subscription, management groups, root.

Source: learn.microsoft.com/azure/role-based-access-control/scope-overview ("Scope levels", "Scope format"): an
assignment applies at its scope and at everything below it; ids of scopes compare without regard to case.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.model import Scope

ROOT = "/"
_MANAGEMENT_GROUP = "/providers/microsoft.management/managementgroups/"
_SUBSCRIPTION = "/subscriptions/"
_TENANT, _GROUP, _SUB = "azure:tenant/", "azure:mg/", "azure:sub/"


def normal(scope: str) -> str:
    """The id of a scope as it is compared: lower-case, without a slash at the end; the root is `/`."""
    return "/" + scope.strip().strip("/").lower()


def arm_id(text: str | None) -> str | None:
    """The Azure resource id that stands in a record's id, None where there is none."""
    if not text:
        return None
    start = text.lower().find(_SUBSCRIPTION)
    return normal(text[start:].partition("#")[0]) if start >= 0 else None


def is_wide(scope: str) -> bool:
    """Whether it is a subscription, a management group or the root."""
    return scope == ROOT or scope.startswith(_MANAGEMENT_GROUP) or scope.count("/") == 2


def is_group(scope: str) -> bool:
    """Whether it is a management group."""
    return scope.startswith(_MANAGEMENT_GROUP)


def words(scope: str) -> str:
    """What people call it."""
    if scope == ROOT:
        return "the root scope of the tenant"
    if scope.startswith(_MANAGEMENT_GROUP):
        return f"management group {scope.removeprefix(_MANAGEMENT_GROUP)}"
    parts = scope.split("/")
    if len(parts) == 3:
        return f"subscription {parts[2]}"
    if len(parts) == 5 and parts[3] == "resourcegroups":
        return f"resource group {parts[4]} of subscription {parts[2]}"
    return scope


def of_record(scope_id: str) -> str | None:
    """The Azure scope of a `scope` record: a subscription or management group, None for a tenant."""
    if scope_id.startswith(_SUB):
        return _SUBSCRIPTION + scope_id.removeprefix(_SUB).lower()
    if scope_id.startswith(_GROUP):
        return _MANAGEMENT_GROUP + scope_id.removeprefix(_GROUP).lower()
    return None


@dataclass(slots=True)
class Tree:
    """Which scope lies in which: management groups as the records say, everything below by its id.

    Of a subscription whose place nobody could read it is `open` which management groups hold it.
    """

    parents: dict[str, str | None] = field(default_factory=dict)
    _chains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _open: dict[str, bool] = field(default_factory=dict)

    def chain(self, scope: str) -> tuple[str, ...]:
        """The scope and all that hold it, up to the root."""
        known = self._chains.get(scope)
        if known is None:
            known = self._chains[scope] = self._climb(scope)
        return known

    def open(self, scope: str) -> bool:
        """Whether a management group that is not in its chain could hold it."""
        top = self.chain(scope)[-2:-1]
        return bool(top) and top[0].startswith(_SUBSCRIPTION)

    def covers(self, above: str, scope: str) -> bool | None:
        """Whether the first scope is the second or holds it; None where the tree was not seen."""
        if above in self.chain(scope):
            return True
        return None if above.startswith(_MANAGEMENT_GROUP) and self.open(scope) else False

    def _climb(self, scope: str) -> tuple[str, ...]:
        found = [scope]
        while (parent := self._parent(found[-1])) is not None and parent not in found:
            found.append(parent)
        return (*found, ROOT) if found[-1] != ROOT else tuple(found)

    def _parent(self, scope: str) -> str | None:
        if scope == ROOT:
            return None
        if scope in self.parents:
            return self.parents[scope]
        if not scope.startswith(_SUBSCRIPTION):
            return ROOT
        parts = scope.split("/")
        if len(parts) <= 3:
            return ROOT
        cut = len(parts) - 2
        if parts[cut - 2] == "providers" and parts[cut] != "providers":
            cut -= 2
        return "/".join(parts[:cut])


def tree(scopes: Iterable[Scope]) -> Tree:
    """The management groups and subscriptions of the records; what lies in a tenant lies in its root group.

    Source: learn.microsoft.com/azure/governance/management-groups/overview: the root management group has the id of
    the tenant, and every subscription and management group folds up to it.
    """
    found = Tree()
    for scope in scopes:
        here = of_record(scope.id)
        if here is None or scope.parent_id is None:
            continue
        if scope.parent_id.startswith(_TENANT):
            top = _MANAGEMENT_GROUP + scope.parent_id.removeprefix(_TENANT).lower()
            found.parents[here] = top if here != top else ROOT
        else:
            found.parents[here] = of_record(scope.parent_id)
    return found
