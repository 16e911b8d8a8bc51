"""Groups that count: those with an application, agent or managed identity in them, and those that can hold roles.

Read from the side of the members, in pages of all service principals: no group is opened, so nothing is learnt of the
people in it, and groups to which only a subscription gives rights are found as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import facts, flag, guid, listing, moment, text
from nhiscan.collectors.azure import _entra
from nhiscan.collectors.azure._entra_calls import (
    AGENT_USERS,
    GROUPS_OF_AGENT_USER,
    GROUPS_OF_GROUP,
    GROUPS_OF_PRINCIPAL,
    MEMBERSHIPS,
    MOST_EXPANDED,
    OWNERS_OF_GROUP,
    ROLE_GROUPS,
)
from nhiscan.collectors.azure._entra_owners import accountable, acting, without_names
from nhiscan.plugin import Identity, IdentityKind, Member, OwnerBasis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record


def groups(ask: Ask) -> Iterator[Record]:
    """Groups, their members that are no people, the groups around them, and their owners."""
    yield from _entra.living(ask, _groups(ask))


def _groups(ask: Ask) -> Iterator[Record]:
    found: dict[str, Json] = {}
    yield from _members(ask, found)
    inner = tuple(found)
    for request, around in ask.each_items(GROUPS_OF_GROUP, "value", [{"id": group} for group in inner]):
        yield from _joined(ask, str(request["id"]), around, found)
    assignable = {group: row for row in _entra.rows(ask, ROLE_GROUPS) if (group := guid(row.get("id")))}
    for group, row in {**found, **assignable}.items():
        yield _group(ask, group, row)
    yield from _owners(ask, {**{group: {} for group in found}, **assignable})


def _members(ask: Ask, found: dict[str, Json]) -> Iterator[Record]:
    for row, around in _entra.related(ask, MEMBERSHIPS, "memberOf", GROUPS_OF_PRINCIPAL):
        if (member := guid(row.get("id"))) is not None:
            yield from _joined(ask, member, around, found)
    try:
        for row, around in _entra.related(ask, AGENT_USERS, "memberOf", GROUPS_OF_AGENT_USER):
            if (member := guid(row.get("id"))) is not None:
                yield from _joined(ask, member, around, found)
    except RefusedError as e:
        if not e.missing:
            yield ask.refused(e, covers=("member",))


def _joined(ask: Ask, member: str, around: list[Json] | RefusedError, found: dict[str, Json]) -> Iterator[Record]:
    subject = _entra.identity_id(ask, member)
    if isinstance(around, RefusedError):
        if not around.missing:
            yield ask.refused(around, subject_id=subject)
        return
    for row in around:
        group = guid(row.get("id"))
        # Directory roles and administrative units are listed here too; roles have a list of their own.
        if group is None or str(row.get("@odata.type") or "#microsoft.graph.group") != "#microsoft.graph.group":
            continue
        found.setdefault(group, row)
        group_id = _entra.identity_id(ask, group)
        yield Member(**_entra.seen(ask, f"{subject}#member/{group}"), identity_id=subject, group_id=group_id)


def _group(ask: Ask, group: str, row: Json) -> Identity:
    return Identity(
        **_entra.seen(ask, _entra.identity_id(ask, group), f"groups/{group}"),
        provider="azure",
        kind=IdentityKind.GROUP,
        name=text(row.get("displayName")) or group,
        created_at=moment(row.get("createdDateTime")),
        tags=facts(
            role_assignable=flag(row.get("isAssignableToRole")),
            security=flag(row.get("securityEnabled")),
            membership_rule=text(row.get("membershipRule")),
            synced=flag(row.get("onPremisesSyncEnabled")),
        ),
    )


def _owners(ask: Ask, found: dict[str, Json]) -> Iterator[Record]:
    nameless: set[str] = set()
    again = []
    for group, row in found.items():
        entries = row.get("owners")
        if isinstance(entries, list) and len(entries) < MOST_EXPANDED:
            yield from _owned(ask, group, [e for e in listing(entries) if isinstance(e, dict)], nameless)
        else:
            again.append(group)
    for request, answer in ask.each_items(OWNERS_OF_GROUP, "value", [{"id": group} for group in again]):
        group = str(request["id"])
        if isinstance(answer, RefusedError):
            if not answer.missing:
                yield ask.refused(answer, subject_id=_entra.identity_id(ask, group))
            continue
        yield from _owned(ask, group, answer, nameless)
    yield from without_names(ask, nameless)


def _owned(ask: Ask, group: str, people: list[Json], nameless: set[str]) -> Iterator[Record]:
    subject = _entra.identity_id(ask, group)
    yield from accountable(ask, subject, people, OwnerBasis.DECLARED, nameless)
    yield from acting(ask, subject, people)
