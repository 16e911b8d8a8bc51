"""Entra against a twin of Microsoft Graph: everything that is planted is found, in few calls, and faults leave gaps."""

from __future__ import annotations

import math

import pytest

from nhiscan.model import IdentityClass
from tests.collectors.azure.entra_lab import collect, differences, gaps
from tests.twins.exchange import Fault
from tests.twins.graph import GraphTwin
from tests.twins.graph_estate import estate

LISTS = {
    "applications", "servicePrincipals", "agentIdentity", "agentIdentityBlueprint", "agentUser", "groups",
    "agentIdentityBlueprintPrincipal", "oauth2PermissionGrants", "roleDefinitions", "roleAssignments",
    "roleEligibilitySchedules", "roleAssignmentSchedules", "servicePrincipalSignInActivities",
    "appCredentialSignInActivities", "users",
}  # fmt: skip


@pytest.fixture
def twin():
    with GraphTwin(estate(41)) as made:
        yield made


def test_everything_that_is_planted_is_found_and_nothing_else(twin, monkeypatch):
    found = collect(twin, monkeypatch)
    assert differences(found, twin.estate) == {}
    assert (twin.violations, twin.faulty, found["gap"]) == ([], [], [])


def test_small_pages_lose_nothing(twin, monkeypatch):
    twin.pages.cap = 7
    found = collect(twin, monkeypatch)
    assert differences(found, twin.estate) == {}
    assert twin.violations == []


def test_a_thousand_identities_take_few_calls(monkeypatch):
    with GraphTwin(estate(1000)) as twin:
        found = collect(twin, monkeypatch)
        assert differences(found, twin.estate) == {}
        rows = {kind: len(entries) for kind, entries in twin.estate.rows.items()}
        calls = twin.count()
    applications = rows["application"] + rows["agentIdentityBlueprint"]
    principals = rows["servicePrincipal"] + rows["agentIdentity"] + rows["agentIdentityBlueprintPrincipal"]
    pages = 2 * math.ceil(applications / 999) + 3 * math.ceil(principals / 999)
    pages += math.ceil(rows["oAuth2PermissionGrant"] / 999) + len(LISTS) - 3
    policies = calls["authorizationPolicy"] + calls["defaultAppManagementPolicy"]
    assert policies == 2
    lists = sum(count for route, count in calls.items() if route.endswith(".list"))
    assert lists <= 1.2 * pages
    # One by one only those of whom 20 relations came, and two calls for each group that counts.
    single = sum(calls.values()) - lists - policies
    full = sum(len(others) >= 20 for others in twin.estate.related.values())
    assert single <= full + 2 * rows["group"]


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_denied_list_is_a_gap_and_hurts_no_other(twin, monkeypatch, name):
    whole = {(r.table, r.id) for records in collect(twin, monkeypatch).values() for r in records}
    twin.mend()
    twin.fail(f"{name}.list", Fault("status", status=403, code="Authorization_RequestDenied"))
    found = collect(twin, monkeypatch)
    assert {reason for _, reason in gaps(found)} == {"denied"}
    assert all(gap.remedy.startswith("grant ") for gap in found["gap"] if gap.operation)
    part = {(r.table, r.id) for records in found.values() for r in records if r.table != "gap"}
    renamed = {"applications": set(), "servicePrincipals": {"identity", "credential", "owner", "trust"}}
    odd = {(table, key) for table, key in part - whole if table not in renamed.get(name, ())}
    assert odd == set()


@pytest.mark.parametrize("name", ["applications.list", "servicePrincipals.list", "roleAssignments.list"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault("throttle", times=1, headers={"Retry-After": "0"}),
        Fault("status", times=1, status=503),
        Fault("cut", times=1),
        Fault("empty", times=1),
        Fault("expired", times=1),
    ],
    ids=lambda fault: fault.kind,
)
def test_what_passes_by_itself_leaves_no_trace(twin, monkeypatch, name, fault):
    twin.fail(name, fault)
    found = collect(twin, monkeypatch)
    assert differences(found, twin.estate) == {}
    assert found["gap"] == []


def test_a_cloud_without_expansions_is_read_one_by_one(twin, monkeypatch):
    twin.expands = False
    found = collect(twin, monkeypatch)
    left = differences(found, twin.estate)
    assert left == {}
    assert twin.violations == []


def test_a_tenant_without_licence_has_no_eligible_roles_and_no_gap(twin, monkeypatch):
    twin.unlicensed = True
    twin.estate.rows["unifiedRoleEligibilitySchedule"].clear()
    found = collect(twin, monkeypatch)
    assert found["gap"] == []
    assert {r.time_bound for r in found["attachment"] if r.eligible is False} == {False}


def test_people_who_left_are_disabled_and_the_others_enabled(twin, monkeypatch):
    found = collect(twin, monkeypatch)
    people = {r.id: r.state.value for r in found["identity"] if r.class_ is IdentityClass.HUMAN}
    assert {i for i, state in people.items() if state == "disabled"} == twin.estate.left & set(people)
    assert set(people.values()) == {"enabled", "disabled"}


def test_people_of_whom_not_all_could_be_listed_have_no_state_and_leave_a_gap(twin, monkeypatch):
    twin.pages.cap = 2  # the list breaks off after its first page
    twin.fail("users.list", Fault("status", status=403, code="Authorization_RequestDenied", after=1))
    found = collect(twin, monkeypatch)
    assert {r.state for r in found["identity"] if r.class_ is IdentityClass.HUMAN} == {None}
    (gap,) = found["gap"]
    assert (gap.covers, gap.subject_id) == (("identity.state",), found["scope"][0].id)
    assert "User.Read.All" in gap.remedy


@pytest.fixture
def small():
    with GraphTwin(estate(1)) as made:
        yield made


def _signals(found) -> dict[str, tuple[bool | None, str | None]]:
    return {r.kind: (r.active, r.detail) for r in found["signal"]}


def test_settings_of_the_tenant_are_signals_on_it(small, monkeypatch):
    found = collect(small, monkeypatch)
    assert {r.subject_id for r in found["signal"]} == {found["scope"][0].id}
    assert _signals(found) == {
        "user_consent": (True, "microsoft-user-default-legacy"),
        "risky_consent": (False, None),
        "user_registration": (True, None),
        "lifetime_limit": (True, "passwords of applications: 180 days at most, of applications made after 2025-01-01"),
    }


@pytest.mark.parametrize("name", ["authorizationPolicy", "defaultAppManagementPolicy"])
def test_a_policy_that_may_not_be_read_is_a_gap_of_the_tenant_and_the_other_is_read(small, monkeypatch, name):
    small.fail(name, Fault("status", status=403, code="Authorization_RequestDenied"))
    found = collect(small, monkeypatch)
    (gap,) = found["gap"]
    assert (gap.covers, gap.subject_id) == (("signal",), found["scope"][0].id)
    assert "Policy.Read.All" in gap.remedy
    assert found["signal"]


def test_microsofts_own_are_provider_managed_and_agents_are_agents(twin, monkeypatch):
    classes = {r.name: r.class_ for r in collect(twin, monkeypatch)["identity"]}
    assert classes["Microsoft Graph"] is IdentityClass.PROVIDER_MANAGED
    assert classes["agent 0"] is classes["agents"] is classes["agent@acme.example"] is IdentityClass.AGENT
    assert classes["app 1"] is None


def test_only_reads_are_sent(twin, monkeypatch):
    collect(twin, monkeypatch)
    assert {request.method for request in twin.requests} == {"GET"}


SINGLE = (
    "applications.owners", "applications.federatedIdentityCredentials", "servicePrincipals.owners", "groups.owners",
    "servicePrincipals.appRoleAssignments", "servicePrincipals.memberOf", "agentIdentity.sponsors",
    "groups.transitiveMemberOf",
)  # fmt: skip


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_object_that_is_denied_is_a_gap_of_its_own(twin, monkeypatch, name):
    twin.expands = False
    twin.fail(name, Fault("status", times=1, status=403, code="Authorization_RequestDenied"))
    found = collect(twin, monkeypatch)
    (gap,) = found["gap"]
    assert gap.reason.value == "denied"
    assert gap.subject_id in twin.estate.identities


@pytest.mark.parametrize("name", SINGLE)
def test_a_single_object_that_is_gone_meanwhile_is_no_gap(twin, monkeypatch, name):
    twin.expands = False
    twin.fail(name, Fault("status", times=1, status=404, code="Request_ResourceNotFound"))
    assert collect(twin, monkeypatch)["gap"] == []


@pytest.mark.parametrize("name", SINGLE)
def test_single_objects_that_are_all_denied_are_a_gap_of_the_tenant(twin, monkeypatch, name):
    twin.expands = False
    twin.fail(name, Fault("status", status=403, code="Authorization_RequestDenied"))
    found = collect(twin, monkeypatch)
    assert {gap.subject_id for gap in found["gap"]} & {None, found["scope"][0].id}
    assert {gap.reason.value for gap in found["gap"]} == {"denied"}


def test_names_that_may_not_be_read_are_a_gap_and_the_owner_stays(twin, monkeypatch):
    for person in twin.estate.rows["user"]:
        person.update(displayName=None, userPrincipalName=None)
    found = collect(twin, monkeypatch)
    assert {gap.covers for gap in found["gap"]} == {("owner.name",)}
    assert {(r.subject_id) for r in found["owner"]} == {subject for subject, _ in twin.estate.owners}
