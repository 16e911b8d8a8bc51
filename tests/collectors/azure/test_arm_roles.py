"""Roles, assignments and denials: what each row of Microsoft.Authorization says."""

from __future__ import annotations

import json

import pytest

from nhiscan.collectors.azure import _roles
from nhiscan.model import AttachmentKind, PolicyKind
from tests.collectors.azure.arm_lab import ask_of, denied, gaps, read
from tests.twins.arm_estate import OWNER, READER, SUBSCRIPTIONS, guid
from tests.twins.graph_rows import TENANT

SUB = f"/subscriptions/{SUBSCRIPTIONS[0]}"
NOTHING = {"denyAssignments__list": [], "roleEligibilityScheduleInstances__list": [],
           "roleAssignmentScheduleInstances__list": [], "roleAssignments__list": []}  # fmt: skip


def role(name: str = OWNER, kind: str = "BuiltInRole", **more) -> dict:
    allowed = [{"actions": ["*"], "notActions": None, "dataActions": []}]
    return {"id": f"/providers/Microsoft.Authorization/RoleDefinitions/{name}", "type": "microsoft.authorization/roledefinitions",
            "properties": {"roleName": "A role", "type": kind, "permissions": allowed, "assignableScopes": ["/"], **more}}  # fmt: skip


def assignment(number: int = 1, scope: str = SUB, held: str = OWNER, **more) -> dict:
    return {"id": f"{scope}/providers/Microsoft.Authorization/RoleAssignments/{guid(1, number)}",
            "type": "microsoft.authorization/roleassignments",
            "properties": {"scope": scope, "principalId": guid(2, number), "roleDefinitionId": f"/x/{held}", **more}}  # fmt: skip


def authorization(*rows: dict, **more) -> dict:
    return read("role_assignments", SUBSCRIPTIONS[:1], **{"resourceGraph__roles": list(rows), **NOTHING, **more})


def test_a_built_in_role_is_the_same_in_every_tenant_and_a_custom_one_is_not():
    found = authorization(role(), role(READER, "CustomRole"), role(guid(3, 1), "Foreseen"), assignment())
    assert {(p.id, p.kind) for p in found["policy"]} == {
        (f"azure:role/{OWNER}", PolicyKind.PROVIDER),
        (f"azure:role/{TENANT}/{READER}", PolicyKind.MANAGED),
        (f"azure:role/{TENANT}/{guid(3, 1)}", PolicyKind.MANAGED),
    }
    assert json.loads(found["policy"][0].document) == {
        "permissions": [{"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}],
        "assignableScopes": ["/"],
    }


def test_a_role_that_nobody_could_read_is_unknown_and_a_gap():
    found = authorization(role(READER, permissions=None), assignment(), assignment(2, held=READER))
    assert [p.document for p in found["policy"]] == [None, None]
    assert {g.subject_id for g in found["gap"]} == {f"azure:role/{OWNER}", f"azure:role/{READER}"}
    assert {g.covers for g in found["gap"]} == {("policy.document",)}


@pytest.mark.parametrize("broken", ["scope", "principalId", "roleDefinitionId"])
@pytest.mark.parametrize("value", [None, "", 7, "nothing like it"])
def test_an_assignment_without_one_of_its_ends_grants_nothing(broken, value):
    found = authorization(role(), assignment(), assignment(2, **{broken: value}))
    assert [a.id.rpartition("/")[2] for a in found["attachment"]] == [guid(1, 1)]


def test_a_condition_is_kept_as_it_is_written_and_without_secrets():
    key = "AKIA" + "IOSFODNN7" + "EXAMPLQ"
    found = authorization(
        role(), assignment(condition=f"  @Resource[x] StringEquals '{key}' "), assignment(2, condition=5)
    )
    conditions = {a.id.rpartition("/")[2]: a.condition for a in found["attachment"]}
    assert conditions[guid(1, 2)] is None
    assert conditions[guid(1, 1)].startswith("@Resource[x] StringEquals")
    assert key not in conditions[guid(1, 1)]


def schedule(number: int, sort: str | None, end: str | None = None, origin: int | None = 1) -> dict:
    at = f"{SUB}/providers/Microsoft.Authorization"
    return {"id": f"{at}/roleAssignmentScheduleInstances/{guid(4, number)}",
            "properties": {"assignmentType": sort, "endDateTime": end,
                           "originRoleAssignmentId": origin and f"{at}/roleAssignments/{guid(1, origin)}"}}  # fmt: skip


@pytest.mark.parametrize(
    ("schedules", "ends"),
    [
        ([], None),
        ([schedule(1, "Assigned")], False),
        ([schedule(1, "Assigned", "2026-12-31T00:00:00Z")], True),
        ([schedule(1, "Activated")], True),
        ([schedule(1, "Activated"), schedule(2, "Assigned")], True),
        ([schedule(1, "Foreseen")], None),
        ([schedule(1, None)], None),
        ([schedule(1, "Assigned", origin=None)], None),
    ],
)
def test_whether_an_assignment_ends_by_itself(schedules, ends):
    found = authorization(role(), assignment(), roleAssignmentScheduleInstances__list=schedules)
    assert [a.time_bound for a in found["attachment"]] == [ends]


def test_without_a_licence_nothing_is_eligible_and_what_stands_does_not_end():
    name = "roleAssignmentScheduleInstances.list"
    refusal = denied(f"arm:{name}", "AadPremiumLicenseRequired")
    found = authorization(role(), assignment(), roleAssignmentScheduleInstances__list=refusal,
                          roleEligibilityScheduleInstances__list=refusal)  # fmt: skip
    assert [a.time_bound for a in found["attachment"]] == [False]
    assert found["gap"] == []


def test_when_the_schedules_are_denied_the_assignments_stay_and_a_gap_says_what_is_unknown():
    found = authorization(
        role(), assignment(), roleAssignmentScheduleInstances__list=denied("arm:roleAssignmentScheduleInstances.list")
    )
    assert [a.time_bound for a in found["attachment"]] == [None]
    assert gaps(found) == [("arm:roleAssignmentScheduleInstances.list", "denied", ("attachment.time_bound",))]


def test_an_eligible_assignment_must_be_activated():
    row = assignment(5)
    found = authorization(role(), assignment(), roleEligibilityScheduleInstances__list=[row, {**row, "id": None}])
    assert [(a.eligible, a.time_bound) for a in found["attachment"]] == [(None, None), (True, True)]


def test_a_denial_takes_from_everybody_but_those_left_out():
    row = {"id": f"{SUB}/providers/Microsoft.Authorization/denyAssignments/{guid(6, 1)}", "properties": {
        "scope": f"{SUB}/resourceGroups/RG", "denyAssignmentName": None, "doNotApplyToChildScopes": True, "condition": "@x",
        "permissions": [{"actions": ["*"]}],
        "principals": [{"id": guid(0, 0).replace("5a5a-4a5a-8a5a", "0000-0000-0000"), "type": "SystemDefined"}, None, {"type": "Everyone"}],
        "excludePrincipals": [{"id": guid(2, 9)}, {"id": guid(2, 9)}, {"id": "x"}]}}  # fmt: skip
    found = authorization(
        role(), assignment(), denyAssignments__list=[row, {"id": f"{SUB}/x", "properties": {"scope": None}}]
    )
    policy = found["policy"][-1]
    assert (policy.kind, policy.name) == (PolicyKind.DENY, guid(6, 1))
    assert json.loads(policy.document)["doNotApplyToChildScopes"] is True
    told = {
        (a.kind, a.principal_id, a.target_id, a.condition)
        for a in found["attachment"]
        if a.kind is not AttachmentKind.GRANTS
    }
    scope = f"{SUB}/resourcegroups/rg"
    assert told == {
        (AttachmentKind.DENIES, f"entra:{TENANT}/everyone", scope, "@x"),
        (AttachmentKind.EXEMPT, f"entra:{TENANT}/{guid(2, 9)}", scope, "@x"),
    }


def test_a_subscription_of_another_tenant_has_its_principals_there():
    other = guid(9, 9)
    found = authorization(role(), {**assignment(), "tenantId": other})
    assert [a.principal_id for a in found["attachment"]] == [f"entra:{other}/{guid(2, 1)}"]


def test_a_definition_without_a_guid_is_none():
    assert _roles.definition(ask_of(), "/x/roledefinitions/owner", role()) is None
    assert authorization({**role(), "id": "/x/y"}, assignment())["policy"][0].document is None


@pytest.mark.parametrize(
    ("sort", "told"),
    [
        ("User", ("user", "human", None, True)),
        ("Group", ("group", None, None, None)),
        ("ForeignGroup", ("group", None, None, None)),
        ("ServicePrincipal", ("app", None, None, False)),
        ("Unknown", ("app", None, "deleted", False)),
    ],
)
def test_an_assignment_tells_what_sort_of_thing_holds_it(sort, told):
    rows = [assignment(1, principalType=sort), assignment(1, SUB + "/resourceGroups/rg", principalType=sort)]
    (found,) = authorization(role(), *rows)["identity"]
    assert (found.kind, found.class_, found.state, found.interactive) == told
    assert (found.id, found.name) == (f"entra:{TENANT}/{guid(2, 1)}", guid(2, 1))


@pytest.mark.parametrize("sort", ["Device", None, 7, "Whatever"])
def test_a_holder_of_a_sort_that_is_no_identity_is_left_out(sort):
    assert "identity" not in authorization(role(), assignment(1, principalType=sort))


def test_who_is_eligible_is_told_too():
    row = assignment(3, principalType="User") | {"type": "Microsoft.Authorization/roleEligibilityScheduleInstances"}
    found = authorization(role(), **{**NOTHING, "roleEligibilityScheduleInstances__list": [row]})
    assert [i.name for i in found["identity"]] == [guid(2, 3)]
