"""Allow policies, roles, deny policies and organisation policies, with the inventory and without it."""

from __future__ import annotations

import json

import pytest

from nhiscan.collectors.gcp._assets import Projects, Scopes
from nhiscan.collectors.gcp._bindings import Around, Place, kind_of, read_policy
from nhiscan.collectors.gcp._direct import above
from nhiscan.collectors.gcp.iam_policies import COLLECTOR
from nhiscan.model import AttachmentKind, PolicyKind
from tests.collectors.gcp.google_lab import ASSET, collect, context, everything_but, ids
from tests.twins.exchange import Fault
from tests.twins.google_estate import FOLDER, ORG, ROLES, planted
from tests.twins.google_rest import GoogleTwin

SHOP = "//cloudresourcemanager.googleapis.com/projects/acme-shop"


class At:
    """As much of a place as readers of single answers need."""

    params: dict = {"project": "acme-shop", "parent": "projects/acme-shop"}  # noqa: RUF012 - never changed


class Asker:
    source, scope_id, ctx, place = "gcp.test", "gcp:project/acme-shop", context(), At


def around() -> Around:
    known = Projects({"310000000001": "acme-shop"})
    return Around(Asker, known, Scopes(Asker, known), {"17": "a@acme-shop.iam.gserviceaccount.com"})


def grants(found) -> set[tuple[str, str, str]]:
    rows = [a for a in found["attachment"] if a.kind is AttachmentKind.GRANTS]
    return {(a.policy_id, a.principal_id, a.target_id) for a in rows}


def test_every_binding_and_role_of_an_organisation_is_found(monkeypatch):
    estate = planted(40)
    with GoogleTwin(estate) as twin:
        found = collect(COLLECTOR, twin, monkeypatch)
        assert (twin.violations, twin.faulty, found["gap"]) == ([], [], [])
        effective = {"orgpolicy:organizations.policies.getEffectivePolicy": 5}
        assert twin.count() == {"cloudasset:assets.list": 3, "iam:roles.list": 1, **effective}
        assert {r.method for r in twin.requests} == {"GET"}
    assert grants(found) == estate.grants
    roles = {
        p.id: json.loads(p.document)["includedPermissions"] for p in found["policy"] if p.kind is not PolicyKind.DENY
    }
    assert roles == {
        **{f"gcp:{name}": sorted(held) for name, held in ROLES.items()},
        f"gcp:organizations/{ORG}/roles/keyAuditor": ["iam.serviceAccountKeys.list"],
    }
    deny = next(p for p in found["policy"] if p.kind is PolicyKind.DENY)
    named = {(a.kind, a.principal_id, a.target_id) for a in found["attachment"] if a.policy_id == deny.id}
    where = f"//cloudresourcemanager.googleapis.com/organizations/{ORG}"
    assert named == {("denies", "gcp:allUsers", where), ("exempt", "gcp:group/key-admins@acme.example", where)}
    parents = {s.id: s.parent_id for s in found["scope"] if s.parent_id}
    assert parents == {
        f"gcp:folder/{FOLDER}": f"gcp:org/{ORG}", **{f"gcp:project/{p}": f"gcp:folder/{FOLDER}" for p in estate.projects},
    }  # fmt: skip


@pytest.mark.parametrize("closed", [False, True])
def test_a_project_inherits_what_stands_above_it(monkeypatch, closed):
    """With the inventory and without: the policies of its folder and its organisation bear on it too."""
    estate = planted(9)
    with GoogleTwin(estate) as twin:
        if closed:
            twin.granted = everything_but(twin, *ASSET)
        found = collect(COLLECTOR, twin, monkeypatch, project="acme-shop")
        assert (twin.violations, twin.faulty) == ([], [])
    there = {g for g in (estate.direct if closed else estate.grants) if "/acme-data" not in g[2]}
    assert grants(found) == there
    assert {g.covers for g in found["gap"]} == ({("attachment.target_id",)} if closed else set())
    assert next(s.parent_id for s in found["scope"] if s.id == "gcp:project/acme-shop" and s.parent_id)
    assert any(p.kind is PolicyKind.DENY and p.document for p in found["policy"])


@pytest.mark.parametrize("how", ["denied", "disabled", "cut"])
def test_without_the_inventory_projects_folders_and_accounts_are_asked(monkeypatch, how):
    estate = planted(12)
    with GoogleTwin(estate) as twin:
        if how == "disabled":
            twin.closed.add("cloudasset")
        elif how == "cut":
            twin.fail("cloudasset:assets.list", Fault("cut"))
        else:
            twin.granted = everything_but(twin, *ASSET)
        found = collect(COLLECTOR, twin, monkeypatch)
        assert (twin.violations, twin.faulty) == ([], [])
    assert grants(found) == estate.direct
    assert ("attachment.target_id",) in {g.covers for g in found["gap"]}
    assert any(p.kind is PolicyKind.DENY and p.document for p in found["policy"])
    assert next(p for p in found["policy"] if p.id.endswith("keyAuditor")).document


def test_what_may_not_be_read_above_a_project_is_a_gap_of_that_scope(monkeypatch):
    with GoogleTwin(planted(3)) as twin:
        twin.granted = everything_but(twin, "resourcemanager.organizations.getIamPolicy", "iam.denypolicies.list")
        found = collect(COLLECTOR, twin, monkeypatch, project="acme-shop")
    told = {(g.subject_id, g.operation): g.remedy for g in found["gap"]}
    own = "cloudresourcemanager:organizations.getIamPolicy"
    assert told[f"gcp:org/{ORG}", own] == "grant resourcemanager.organizations.getIamPolicy"
    assert any(operation == "iam:policies.listPolicies" for _, operation in told)


@pytest.mark.parametrize("how", ["iam.roles.list", "iam.roles.get"])
def test_a_role_that_nobody_may_read_stays_unknown(monkeypatch, how):
    estate = planted(4, 1)
    with GoogleTwin(estate) as twin:
        twin.granted = everything_but(twin, how, *(ASSET if how.endswith("get") else ()))
        found = collect(COLLECTOR, twin, monkeypatch)
    unread = {p.id for p in found["policy"] if p.document is None}
    own = f"gcp:organizations/{ORG}/roles/keyAuditor"
    assert unread == ({own} if how.endswith("get") else {p for p, _, _ in estate.grants} - {own})
    assert any(how in g.remedy for g in found["gap"])


def test_a_deny_policy_without_its_rules_is_read_by_itself(monkeypatch):
    estate = planted(3)
    with GoogleTwin(estate) as twin:
        twin.granted = everything_but(twin, *ASSET, "iam.denypolicies.get")
        found = collect(COLLECTOR, twin, monkeypatch)
    deny = next(p for p in found["policy"] if p.kind is PolicyKind.DENY)
    assert deny.document is None
    assert any(g.remedy == "grant iam.denypolicies.get" for g in found["gap"])


@pytest.mark.parametrize(
    ("condition", "written", "ends"),
    [
        (None, None, False),
        ({}, None, False),
        ({"title": "t", "expression": "request.time < timestamp('2027-01-01T00:00:00Z')"}, True, True),
        ({"expression": "timestamp('2027-01-01T00:00:00Z') >= request.time"}, True, True),
        ({"expression": "request.time > timestamp('2027-01-01T00:00:00Z')"}, True, False),
        ({"expression": "resource.name == 'x'", "title": None, "location": "x"}, True, False),
        ({"expression": None}, "{}", False),  # it depends on something that nobody can read
        (7, "{}", False),
    ],
)
def test_conditions_are_kept_and_say_whether_a_grant_ends(condition, written, ends):
    policy = {"bindings": [{"role": "roles/x", "members": ["user:a@b.example"], "condition": condition}]}
    place = Place(SHOP, "cloudresourcemanager.googleapis.com/Project", "gcp:project/acme-shop")
    (row,) = read_policy(around(), place, policy)
    assert row.time_bound is ends
    assert row.eligible is False
    wanted = {k: v for k, v in condition.items() if v and k != "location"} if written is True else written
    assert (json.loads(row.condition) if written is True else row.condition) == wanted


@pytest.mark.parametrize(
    ("member", "condition", "type_", "public"),
    [
        ("allUsers", None, "storage.googleapis.com/Bucket", True),
        ("allAuthenticatedUsers", None, "run.googleapis.com/Service", True),
        ("allUsers", {"expression": "resource.name == 'x'"}, "storage.googleapis.com/Bucket", False),
        ("user:a@b.example", None, "storage.googleapis.com/Bucket", False),
        ("allUsers", None, "cloudresourcemanager.googleapis.com/Project", False),
    ],
)
def test_what_is_open_to_everybody_is_a_public_resource(member, condition, type_, public):
    policy = {"bindings": [{"role": "roles/x", "members": [member], "condition": condition}]}
    rows = list(read_policy(around(), Place("//storage.googleapis.com/b", type_, "gcp:project/p"), policy))
    assert [r.public for r in rows if r.table == "resource"] == ([True] if public else [])


@pytest.mark.parametrize("policy", [{}, {"bindings": None}, {"bindings": [{"role": "r"}]}])
def test_a_policy_of_nulls_gives_nothing(policy):
    place = Place(SHOP, "cloudresourcemanager.googleapis.com/Project", "gcp:project/acme-shop")
    assert list(read_policy(around(), place, policy)) == []


def test_names_go_by_project_id_and_address():
    seen = around()
    number = "//iam.googleapis.com/projects/310000000001/serviceAccounts"
    assert seen.named(f"{number}/17") == (
        "//iam.googleapis.com/projects/acme-shop/serviceAccounts/a@acme-shop.iam.gserviceaccount.com"
    )
    assert not seen.unnamed
    assert seen.named(f"{number}/18").endswith("/18")
    assert seen.unnamed
    assert seen.named("//run.googleapis.com/projects/42/x") == "//run.googleapis.com/projects/42/x"


def test_kinds_of_resources_follow_their_type():
    assert kind_of("storage.googleapis.com/Bucket") == "storage_bucket"
    assert kind_of("cloudfunctions.googleapis.com/CloudFunction") == "cloudfunctions_cloud_function"
    assert kind_of("odd") == "odd"


def test_a_folder_that_lies_in_itself_ends_the_search():
    class Loop(Asker):
        class place:  # noqa: N801 - stands for an attribute
            params: dict = {"parent": "folders/1"}  # noqa: RUF012 - never changed

        @staticmethod
        def call(operation, **params):
            return {"parent": f"folders/{3 - int(params['folder'])}"}

    assert above(Loop, ()) == ("folders/2", "folders/1")[:1]


def test_every_member_gets_a_row_in_the_scope_it_names(monkeypatch):
    estate = planted(9)
    with GoogleTwin(estate) as twin:
        found = collect(COLLECTOR, twin, monkeypatch)
    principals = {a.principal_id for a in found["attachment"]}
    assert principals <= ids(found["identity"])
    scopes = {i.id: i.scope_id for i in found["identity"]}
    number = estate.numbers["acme-data-1"]
    assert scopes[f"gcp:sa/{number}-compute@developer.gserviceaccount.com"] == "gcp:project/acme-data-1"
    assert scopes["gcp:user/kim.aoki@acme.example"] == f"gcp:org/{ORG}"
    pools = [s for i, s in scopes.items() if "workloadIdentityPools" in i]
    assert pools == ["gcp:project/acme-shop"]


def test_a_list_of_roles_without_permissions_is_not_taken_for_empty_roles(monkeypatch):
    """What `gcloud iam roles list` prints: the BASIC view."""
    with GoogleTwin(planted(4)) as twin:
        monkeypatch.setattr(twin, "_role_row", lambda name, **_: {"name": name, "title": name})
        found = collect(COLLECTOR, twin, monkeypatch)
    assert {p.document for p in found["policy"] if p.kind is PolicyKind.PROVIDER} == {None}
    assert [g.remedy for g in found["gap"]] == ["export it again with view=FULL"]
