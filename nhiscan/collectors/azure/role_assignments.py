"""Azure RBAC: role definitions, role assignments, deny assignments, and what Privileged Identity Management adds.

One Resource Graph query reads definitions and assignments of all chosen subscriptions, with what they inherit; where it
is refused, two lists of each subscription do.  Resource Graph knows neither deny assignments nor when an assignment
ends, so those are asked of each subscription (REST reference of Microsoft.Authorization, 2022-04-01 and 2020-10-01).
Classic administrators are retired and are not read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import mapping, text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.azure import _roles
from nhiscan.collectors.azure._arm import (
    in_scopes,
    offline,
    resource_id,
    subscription_of,
    subscriptions,
    type_of,
    unique,
)
from nhiscan.collectors.azure._principals import principals
from nhiscan.collectors.azure._resource_graph import NO_LICENCE, Reading, graph_query, subscription_list

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Attachment, Policy, Record

_READ = "Microsoft.Authorization/{}/read"

QUERY = """authorizationresources
| where type in~ ('microsoft.authorization/roleassignments', 'microsoft.authorization/roledefinitions')
| project id, name, type, tenantId, subscriptionId, properties
| order by id asc"""
"""Role assignments and role definitions of all chosen subscriptions, with those they inherit."""

ROLES = graph_query("roles", QUERY, _READ.format("roleAssignments"), _READ.format("roleDefinitions"), above=True)
ASSIGNMENTS = subscription_list(
    "roleAssignments", "Microsoft.Authorization/roleAssignments", "2022-04-01", _READ.format("roleAssignments")
)
DEFINITIONS = subscription_list(
    "roleDefinitions", "Microsoft.Authorization/roleDefinitions", "2022-04-01", _READ.format("roleDefinitions")
)
DENIED = subscription_list(
    "denyAssignments", "Microsoft.Authorization/denyAssignments", "2022-04-01", _READ.format("denyAssignments")
)
ELIGIBLE = subscription_list(
    "roleEligibilityScheduleInstances", "Microsoft.Authorization/roleEligibilityScheduleInstances", "2020-10-01",
    _READ.format("roleEligibilityScheduleInstances"),
)  # fmt: skip
SCHEDULED = subscription_list(
    "roleAssignmentScheduleInstances", "Microsoft.Authorization/roleAssignmentScheduleInstances", "2020-10-01",
    _READ.format("roleAssignmentScheduleInstances"),
)  # fmt: skip


def _authorization(ask: Ask) -> Iterator[Record]:
    reading = Reading(ask)
    found = reading.rows(ROLES, DEFINITIONS, ASSIGNMENTS)
    found += _unanswered(ask, reading, found)
    policies: dict[str, Policy] = {}
    for resource, row in unique(r for r in found if type_of(r) == "microsoft.authorization/roledefinitions"):
        policy, role = _roles.definition(ask, resource, row), _roles.role_guid(resource)
        if policy is not None and role is not None:
            policies.setdefault(role, policy)
    roles = {role: policy.id for role, policy in policies.items()}
    eligible = list(reading.tried(ELIGIBLE))
    yield from principals(ask, (*filter(_assigned, found), *eligible))
    granted = [*_standing(ask, reading, found, roles), *_eligible(ask, eligible, roles)]
    known = set(roles.values())
    missing = dict.fromkeys(g.policy_id for g in granted if g.policy_id not in known)
    for policy in (*policies.values(), *(_roles.unlisted(ask, policy_id) for policy_id in missing)):
        yield policy
        if policy.document is None:
            yield _roles.unread(ask, policy)
    yield from granted
    yield from reading.gaps


def _unanswered(ask: Ask, reading: Reading, found: list[Json]) -> list[Json]:
    """The assignments of subscriptions that Resource Graph said nothing of: it leaves out what a caller may not see.

    Hardly any subscription is without an assignment of its own, so those few are asked directly.
    """
    if offline(ask) or reading.fell_back:
        return []
    scopes_ = (resource_id(mapping(row.get("properties")).get("scope")) for row in found if _assigned(row))
    told = {subscription_of(scope) for scope in scopes_ if scope}
    silent = [s for s in subscriptions(ask) if s not in told]
    return list(reading.tried(ASSIGNMENTS, silent)) if silent else []


def _assigned(row: Json) -> bool:
    return type_of(row) == "microsoft.authorization/roleassignments"


def _standing(ask: Ask, reading: Reading, found: list[Json], roles: Mapping[str, str]) -> Iterator[Attachment]:
    ends = _ends(reading)
    for resource, row in unique(row for row in found if _assigned(row)):
        granted = _roles.grant(ask, resource, row, roles, time_bound=ends.get(resource, ends.get("")))
        if granted is not None:
            yield granted


def _ends(reading: Reading) -> dict[str, bool]:
    """Which assignments end by themselves, by id; under "" what holds for all others, when that is known."""
    found: dict[str, bool] = {}
    for row in reading.tried(SCHEDULED):
        known = mapping(row.get("properties"))
        origin = resource_id(known.get("originRoleAssignmentId"))
        sort = (text(known.get("assignmentType")) or "").lower()
        if origin is not None and sort in {"activated", "assigned"}:
            ending = sort == "activated" or known.get("endDateTime") is not None
            found[origin] = ending or found.get(origin, False)
    # Without the licence eligible assignments are taken away and what is left stands ("License requirements to use
    # Privileged Identity Management", "What happens when a license expires?").
    return {"": False} if reading.codes.get(SCHEDULED.name) in NO_LICENCE else found


def _eligible(ask: Ask, rows: list[Json], roles: Mapping[str, str]) -> Iterator[Attachment]:
    for resource, row in unique(rows):
        granted = _roles.grant(ask, resource, row, roles, time_bound=True, eligible=True)
        if granted is not None:
            yield granted


def _denied(ask: Ask) -> Iterator[Record]:
    reading = Reading(ask)
    for resource, row in unique(reading.each(DENIED)):
        yield from _roles.denial(ask, resource, row)
    yield from reading.gaps


COLLECTOR = Group(
    name="azure.role_assignments",
    title="Azure RBAC: roles, assignments and denials of all subscriptions, eligible and standing",
    place="estate",
    parts=(
        Part(
            name="roles",
            kind="Azure role definition, role assignment",
            facts=("actions", "data actions", "scope", "who holds it", "condition", "eligible", "ends by itself"),
            calls={
                ROLES: "policy, attachment, identity",
                DEFINITIONS: "policy",
                ASSIGNMENTS: "attachment, identity",
                SCHEDULED: "attachment.time_bound",
                ELIGIBLE: "attachment.eligible, attachment",
            },
            read=in_scopes(_authorization),
        ),
        Part(
            name="denials",
            kind="Azure deny assignment",
            facts=("actions", "principals", "exclusions", "scope"),
            calls={DENIED: "policy.kind, attachment.kind"},
            read=in_scopes(_denied),
        ),
    ),
)
