"""Azure's tenant, management groups and subscriptions: what lies in what, and what of it could not be seen.

Calls: one list of subscriptions, one of everything below the root management group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import guid, mapping, text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.azure._estate import DESCENDANTS, SUBSCRIPTIONS
from nhiscan.plugin import Scope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_HIDDEN = ("identity", "credential", "consumer", "store", "resource", "attachment", "policy")
_OF_ENTRA = ("identity", "credential", "owner", "member", "trust", "attachment")
_NOT_READ = {"Deleted"}


def _scopes(ask: Ask) -> Iterator[Record]:
    """The subscriptions, with their management groups above them where these can be read."""
    chosen = {number for number in ask.place.params.get("subscriptions", "").split(",") if number}
    listed, refused = _listed(ask)
    if "whole" not in ask.place.params and not chosen:  # an export of the tenant alone
        chosen = set(listed)
    parents, names, gap = _tree(ask)
    for number in sorted(chosen):
        yield from _subscription(ask, number, listed.get(number, {}), parents.get(number))
    tenants = {guid(listed.get(number, {}).get("tenantId")) for number in chosen} - {None, ask.place.params["tenant"]}
    for tenant in sorted(map(str, tenants)):
        yield _customer(ask, tenant)
    above = {parent for number in chosen for parent in _above(number, parents)}
    for group in sorted(above):
        yield _group(ask, group, names.get(group), parents.get(group))
    yield from [gap] if gap else []
    if refused is not None:
        yield ask.refused(refused, covers=_HIDDEN)
    for number in filter(None, ask.place.params.get("missing", "").split(",")):
        yield _unseen(ask, number)
    if ask.place.params.get("whole") == "false":
        detail = "the identities of the tenant were not asked for, only what subscriptions say of them"
        yield ask.gap("tenant", _OF_ENTRA, detail, "audit azure:all")


def _listed(ask: Ask) -> tuple[dict[str, Json], RefusedError | None]:
    found: dict[str, Json] = {}
    try:
        for entry in ask.items(SUBSCRIPTIONS):
            number = guid(entry.get("subscriptionId"))
            if number and entry.get("state") not in _NOT_READ:
                found[number] = entry
    except RefusedError as e:
        return found, e
    return found, None


def _tree(ask: Ask) -> tuple[dict[str, str], dict[str, str], Record | None]:
    """What each subscription and group lies in, the names of groups, and a gap when nobody may say so."""
    parents: dict[str, str] = {}
    names: dict[str, str] = {}
    top = ask.place.params.get("group") or ask.place.params["tenant"]
    try:
        for entry in ask.items(DESCENDANTS, group=top):
            name, kind = text(entry.get("name")), (text(entry.get("type")) or "").lower()
            properties = mapping(entry.get("properties"))
            parent = (text(mapping(properties.get("parent")).get("id")) or "").rpartition("/")[2]
            if name is None:
                continue
            key = (guid(name) or name.lower()) if kind.endswith("/subscriptions") else _key(name)
            if parent:
                parents[key] = _key(parent)
            if not kind.endswith("/subscriptions"):
                names[key] = text(properties.get("displayName")) or name
    except RefusedError as e:
        # The root group exists in every tenant that has ever used management groups; one without has none.
        return parents, names, ask.refused(e, covers=("scope.parent_id", "attachment")) if not e.missing else None
    return parents, names, None


def _key(group: str) -> str:
    return f"mg/{group.lower()}"


def _above(number: str, parents: dict[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    parent = parents.get(number)
    while parent is not None and parent not in seen:
        seen.add(parent)
        yield parent
        parent = parents.get(parent)


def _subscription(ask: Ask, number: str, entry: Json, parent: str | None) -> Iterator[Record]:
    scope_id = f"azure:sub/{number}"
    tags = tagging.read(entry.get("tags"))
    tenant = guid(entry.get("tenantId")) or ask.place.params["tenant"]
    above = parent is not None and tenant == ask.place.params["tenant"]
    yield Scope(
        id=scope_id, scope_id=scope_id, source=ask.source, locator=f"/subscriptions/{number}", provider="azure",
        kind=ScopeKind.ACCOUNT, name=text(entry.get("displayName")) or number,
        parent_id=f"azure:{parent}" if above else f"azure:tenant/{tenant}",
        environment=tagging.environment(tags),
    )  # fmt: skip
    yield from tagging.owners(tags, subject_id=scope_id, scope_id=scope_id, source=ask.source)


def _customer(ask: Ask, tenant: str) -> Scope:
    """Another tenant, which lets the caller manage some of its subscriptions (Azure Lighthouse)."""
    scope_id = f"azure:tenant/{tenant}"
    return Scope(
        id=scope_id, scope_id=scope_id, source=ask.source, provider="azure", kind=ScopeKind.ORGANIZATION, name=tenant
    )


def _group(ask: Ask, key: str, name: str | None, parent: str | None) -> Scope:
    scope_id = f"azure:{key}"
    group = key.partition("/")[2]
    return Scope(
        id=scope_id, scope_id=scope_id, source=ask.source,
        locator=f"/providers/Microsoft.Management/managementGroups/{group}", provider="azure",
        kind=ScopeKind.ORGANIZATIONAL_UNIT, name=name or group,
        parent_id=f"azure:{parent}" if parent else ask.scope_id,
    )  # fmt: skip


def _unseen(ask: Ask, number: str) -> Record:
    detail = f"subscription {number} was named, and the caller does not see it"
    remedy = "grant the caller the role Reader there, or correct --accounts"
    return ask.gap(f"subscription/{number}", _HIDDEN, detail, remedy)


COLLECTOR = Group(
    name="azure.subscriptions",
    evidence=False,  # having planned is no evidence that anything was read
    title="Azure tenant, management groups and subscriptions",
    place="estate",
    parts=(
        Part(
            name="scopes",
            kind="Subscription, management group",
            facts=("name", "parent", "environment", "owner"),
            calls={SUBSCRIPTIONS: "scope, scope.environment, owner", DESCENDANTS: "scope, scope.parent_id"},
            read=_scopes,
        ),
    ),
)
