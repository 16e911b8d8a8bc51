"""Resource Manager against its twin: everything planted is found, in few calls, and what is refused leaves a gap."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from nhiscan.model import AttachmentKind, TrustKind
from tests.collectors.azure.arm_lab import NAMES, collect, gaps
from tests.twins.arm import KQL, ArmTwin
from tests.twins.arm_estate import SUBSCRIPTIONS, arm_estate
from tests.twins.exchange import Fault


@pytest.fixture
def twin():
    with ArmTwin(arm_estate(24)) as made:
        yield made


def differences(found, true) -> dict[str, set]:
    """What is missing of what is true, and what is told and not true."""
    grants = [a for a in found["attachment"] if a.kind is AttachmentKind.GRANTS]
    told = {
        "identities": {r.id for r in found["identity"]},
        "consumers": {r.id for r in found["consumer"]},
        "runs_as": {(r.consumer_id, r.identity_id) for r in found["use"] if r.how.value == "runs_as"},
        "grants": {(a.principal_id, a.policy_id, a.target_id, a.condition, a.eligible) for a in grants},
        "denials": {
            (a.principal_id, a.kind.value, a.target_id)
            for a in found["attachment"]
            if a.kind is not AttachmentKind.GRANTS
        },
        "policies": {r.id for r in found["policy"]},
        "stores": {r.id for r in found["store"]},
        "trusts": {
            (t.principal, "".join(t.subjects) if t.kind is TrustKind.FEDERATE else "", t.target_id)
            for t in found["trust"]
        },
        "credentials": {r.id for r in found["credential"]},
        "resources": {(r.id, r.local_auth) for r in found["resource"]},
        "logged": {
            (r.subject_id if r.kind != "secret_access" else r.id.rpartition("/")[2], r.kind)
            for r in found["logging"]
            if r.enabled
        },
    }
    return {name: rows ^ getattr(true, name) for name, rows in told.items() if rows != getattr(true, name)}


def test_everything_that_is_planted_is_found_and_nothing_else(twin, monkeypatch):
    found = collect(monkeypatch, twin)
    assert differences(found, twin.estate) == {}
    assert (twin.violations, twin.faulty, found["gap"]) == ([], [], [])


def test_only_reads_are_sent_and_one_post_alone(twin, monkeypatch):
    collect(monkeypatch, twin)
    assert {(r.method, r.path) for r in twin.requests if r.method != "GET"} == {
        ("POST", "/providers/Microsoft.ResourceGraph/resources")
    }


def test_every_query_is_one_that_the_twin_knows_word_for_word(twin, monkeypatch):
    collect(monkeypatch, twin)
    assert {r.body["query"] for r in twin.requests if r.route == "resourceGraph"} == set(KQL.values())


@pytest.mark.parametrize("fault", [None, Fault("empty")])
def test_small_and_empty_pages_lose_nothing(twin, monkeypatch, fault):
    twin.pages.cap = 5
    if fault:
        for name in ("resourceGraph", "denyAssignments", "secrets", "connections"):
            twin.fail(name, fault)
    found = collect(monkeypatch, twin)
    assert differences(found, twin.estate) == {}
    assert twin.violations == []


def test_without_resource_graph_the_lists_of_subscriptions_tell_the_same(twin, monkeypatch):
    by_query = differences(collect(monkeypatch, twin), twin.estate)
    twin.mend()
    twin.fail("resourceGraph", Fault("status", status=403, code="AccessDenied"))
    found = collect(monkeypatch, twin)
    assert differences(found, twin.estate) == by_query == {}
    assert found["gap"] == []
    assert {r.route for r in twin.requests} >= {
        "roleAssignments",
        "roleDefinitions",
        "provider",
        "resources",
        "projects",
    }


def test_a_thousand_identities_take_few_calls(monkeypatch):
    with ArmTwin(arm_estate(1000)) as twin:
        found = collect(monkeypatch, twin)
        assert differences(found, twin.estate) == {}
        calls, rows = twin.count(), {kind: len(rows) for kind, rows in twin.estate.rows.items()}
    identities = rows["microsoft.managedidentity/userassignedidentities"]
    vaults, projects = rows["microsoft.keyvault/vaults"], rows["microsoft.cognitiveservices/accounts/projects"]
    authorization = rows["microsoft.authorization/roleassignments"] + rows["microsoft.authorization/roledefinitions"]
    pages = math.ceil(authorization / 1000) + math.ceil((2 * identities + projects) / 1000) + 4
    assert calls.pop("resourceGraph") <= 1.2 * pages
    # What is in no list of its own: credentials of identities, entries of vaults, what projects hold, PIM and denials.
    assert calls == Counter({
        "federatedIdentityCredentials": identities, "secrets": vaults, "keys": vaults, "connections": 2 * projects,
        "applications": projects, "denyAssignments": 2, "roleEligibilityScheduleInstances": 2,
        "roleAssignmentScheduleInstances": 2, "vaultLogs": vaults, "activityLogs": 2, "signInLogs": 1,
    })  # fmt: skip


def test_a_subscription_that_resource_graph_leaves_out_is_asked_directly(twin, monkeypatch):
    twin.silent = {SUBSCRIPTIONS[1]}
    found = collect(monkeypatch, twin, "role_assignments")
    assert differences(found, twin.estate).get("grants", set()) <= _vault_grants(twin)
    twin.mend()
    twin.fail("roleAssignments", Fault("status", status=403, code="AuthorizationFailed"))
    found = collect(monkeypatch, twin, "role_assignments")
    assert ("arm:roleAssignments.list", "denied", ("attachment",)) in gaps(found)


def _vault_grants(twin) -> set:
    return {grant for grant in twin.estate.grants if "#access_policy" in grant[1]}


FAULTS = {
    "403": (Fault("status", status=403, code="AuthorizationFailed"), "denied"),
    "404": (Fault("status", status=404, code="SubscriptionNotFound"), None),
    "429": (Fault("throttle", headers={"Retry-After": "0"}), "throttled"),
    "500": (Fault("status", status=500), "failed"),
    "cut": (Fault("cut"), "failed"),
    "text": (Fault("text"), "malformed"),
    "foreign": (Fault("foreign"), "malformed"),
}
# Which collector makes the call, and a table that it fills all the same.
LISTS = {
    "roleAssignments": ("role_assignments", "policy"),
    "denyAssignments": ("role_assignments", "policy"),
    "roleEligibilityScheduleInstances": ("role_assignments", "attachment"),
    "roleAssignmentScheduleInstances": ("role_assignments", "attachment"),
    "federatedIdentityCredentials": ("managed_identities", "identity"),
    "secrets": ("key_vaults", "resource"),
    "keys": ("key_vaults", "resource"),
    "connections": ("foundry", "consumer"),
    "applications": ("foundry", "consumer"),
    "vaultLogs": ("key_vaults", "store"),
    "activityLogs": ("logging", "logging"),
    "signInLogs": ("logging", "logging"),
}
OF_ONE = {"vaultLogs", "federatedIdentityCredentials", "secrets", "keys", "connections", "applications"}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("route", LISTS)
def test_what_is_refused_is_a_gap_and_the_rest_is_read(twin, monkeypatch, route, kind):
    fault, reason = FAULTS[kind]
    twin.fail(route, fault)
    if route == "roleAssignments":
        twin.fail("resourceGraph", Fault("status", status=403, code="AccessDenied"))
    name, table = LISTS[route]
    found = collect(monkeypatch, twin, name)
    told = {gap.reason.value for gap in found["gap"]}
    if kind == "404":  # an entry that is gone is no loss; a subscription that is not found was not read
        assert told == set() if route in OF_ONE else told
    else:
        assert told == {reason}
        assert all(gap.operation and gap.covers for gap in found["gap"])
    assert found[table]


@pytest.mark.parametrize("name", NAMES)
def test_without_any_permission_there_is_a_gap_that_names_one(twin, monkeypatch, name):
    twin.granted = set()
    found = collect(monkeypatch, twin, name)
    assert found["gap"]
    assert all(gap.remedy.lower().startswith("grant microsoft.") or "*/read" in gap.remedy for gap in found["gap"])
    assert not any(found[table] for table in found if table not in {"gap", "scope"})


def test_a_token_that_ends_in_the_middle_is_renewed(twin, monkeypatch):
    twin.fail("secrets", Fault("expired", times=1))
    found = collect(monkeypatch, twin)
    assert differences(found, twin.estate) == {}


def test_the_vendors_client_reads_the_same_rows(twin, monkeypatch):
    from azure.core.credentials import AccessToken
    from azure.core.pipeline.policies import HeadersPolicy
    from azure.mgmt.authorization import AuthorizationManagementClient

    class Credential:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            return AccessToken("token-0", 4102444800)

    twin.pages.cap = 3
    found = collect(monkeypatch, twin, "role_assignments")
    roles, granted, denied = {}, set(), set()
    for subscription in SUBSCRIPTIONS:
        with AuthorizationManagementClient(
            Credential(),
            subscription,
            base_url=twin.url,
            authentication_policy=HeadersPolicy({"Authorization": "Bearer t"}),
        ) as client:
            roles |= {r.name: r for r in client.role_definitions.list(f"/subscriptions/{subscription}")}
            granted |= {
                (a.principal_id, a.role_definition_id.rpartition("/")[2], a.scope.lower(), a.condition)
                for a in client.role_assignments.list_for_subscription()
            }
            denied |= {(d.id.lower(), d.scope.lower()) for d in client.deny_assignments.list()}
    grants = [a for a in found["attachment"] if a.kind is AttachmentKind.GRANTS and not a.eligible]
    assert {
        (a.principal_id.rpartition("/")[2], a.policy_id.rpartition("/")[2], a.target_id, a.condition) for a in grants
    } == granted
    policies = {p.id.rpartition("/")[2]: p.name for p in found["policy"] if p.kind.value != "deny"}
    assert policies == {name: role.role_name for name, role in roles.items()}
    assert {(p.id, a.target_id) for p in found["policy"] if p.kind.value == "deny"
            for a in found["attachment"] if a.policy_id == p.id} == denied  # fmt: skip
    assert (twin.violations, twin.faulty) == ([], [])
