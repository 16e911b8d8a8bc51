"""Answers of Google in which something is not what it should be: what can be read is, and the rest is a gap."""

from __future__ import annotations

import pytest

from nhiscan.collectors._common.group import covers_of
from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors.gcp.iam_policies import COLLECTOR as POLICIES
from nhiscan.collectors.gcp.secrets import COLLECTOR as SECRETS
from nhiscan.collectors.gcp.service_accounts import COLLECTOR as ACCOUNTS
from tests.collectors.gcp.answers_lab import SHOP, Held, of
from tests.collectors.gcp.google_lab import context

EMAIL = "a@acme-shop.iam.gserviceaccount.com"
NAME = f"projects/acme-shop/serviceAccounts/{EMAIL}"
ACCOUNT = {"name": NAME, "email": EMAIL, "uniqueId": "17", "projectId": "acme-shop"}
KEY = {"name": f"{NAME}/keys/1f", "keyType": "USER_MANAGED"}
CHAIN = ["projects/410000000001"]
TOPIC = "//pubsub.googleapis.com/projects/acme-shop/topics/t"


def asset(kind: str, data: object) -> dict:
    name = "//iam.googleapis.com/projects/acme-shop/serviceAccounts/17"
    return {"name": name, "assetType": f"iam.googleapis.com/{kind}", "resource": {"data": data}, "ancestors": CHAIN}


GOOD = [asset("ServiceAccount", ACCOUNT), asset("ServiceAccountKey", KEY)]


def run(collector, known: dict) -> list:
    """All records of a group over answers in memory, with the gaps of lists that were read in part."""
    ctx = context()
    return list(collector.records_of(Ask(Held(known), SHOP, collector.name, ctx, covers_of(collector.operations(ctx)))))


def reasons(records) -> set[tuple]:
    """What was answered and could not be read."""
    return {(g.operation, g.detail.partition(" holds ")[2]) for g in of(records, "gap").values() if "holds" in g.detail}


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (None, "entries that have no name"),
        (["a"], "entries that have no name"),
        ({**GOOD[0], "assetType": []}, "entries that have no name"),
        ({**GOOD[0], "resource": "x"}, "assets without what their own service says of them"),
        (asset("ServiceAccount", {"uniqueId": "18"}), "accounts or keys that nothing names"),
        (asset("ServiceAccountKey", {**KEY, "name": KEY["name"].replace(EMAIL, "18")}),
         "accounts or keys that nothing names"),
    ],
)  # fmt: skip
def test_an_asset_that_cannot_be_read_is_a_gap_and_the_others_stay(broken, why):
    records = run(ACCOUNTS, {"cloudasset:assets.list": {"assets": [broken, *GOOD]}})
    assert set(of(records, "identity")) == {f"gcp:sa/{EMAIL}"}
    assert set(of(records, "credential")) == {f"gcp:sa/{EMAIL}#key/1f"}
    whole = run(ACCOUNTS, {"cloudasset:assets.list": {"assets": GOOD}})
    assert reasons(records) - reasons(whole) == {("cloudasset:assets.list", why)}


def test_a_secret_without_a_name_is_a_gap_of_its_list():
    named = {"name": "projects/acme-shop/secrets/s"}
    records = run(SECRETS, {"secretmanager:secrets.list": {"secrets": [{"createTime": "2024-01-01"}, named]}})
    assert [store.name for store in of(records, "store").values()] == ["s"]
    assert reasons(records) == {("secretmanager:secrets.list", "entries that have no name")}


@pytest.mark.parametrize(
    ("bindings", "torn"),
    [
        ([], False),
        ([{"role": "roles/x"}], False),
        ([None, {"role": 3}], True),
        ("x", True),
        ([{"role": "roles/x", "members": [{"a": None}]}], True),
        ([{"role": "roles/x", "members": "allUsers"}], True),
        ([{"role": "roles/x", "members": ["7"]}], True),
    ],
)
def test_what_cannot_be_read_of_a_policy_is_a_gap_of_its_project_that_names_the_thing(bindings, torn):
    owner = {"role": "roles/y", "members": ["user:a@b.example"]}
    told = [*bindings, owner] if isinstance(bindings, list) else bindings
    policy = {"name": TOPIC, "assetType": "pubsub.googleapis.com/Topic", "ancestors": CHAIN,
              "iamPolicy": {"bindings": told}}  # fmt: skip
    records = run(POLICIES, {"cloudasset:assets.listIamPolicies": {"assets": [policy]}})
    gaps = [gap for gap in of(records, "gap").values() if TOPIC in gap.detail]
    assert [(gap.subject_id, gap.covers) for gap in gaps] == [("gcp:project/acme-shop", ("attachment",))] * torn
    holders = {row.principal_id for row in of(records, "attachment").values()}
    assert holders == (set() if told == "x" else {"gcp:user/a@b.example"})


@pytest.mark.parametrize("permissions", ["*", {"a": 1}, [None, "iam.roles.get"]])
def test_a_role_whose_permissions_cannot_be_read_is_no_role_without_any(permissions):
    name = "projects/acme-shop/roles/deployer"
    role = {"name": f"//iam.googleapis.com/{name}", "assetType": "iam.googleapis.com/Role", "ancestors": CHAIN,
            "resource": {"data": {"name": name, "includedPermissions": permissions}}}  # fmt: skip
    answers = {"cloudasset:assets.list": {"assets": [role]}, "cloudasset:assets.listIamPolicies": {}}
    records = run(POLICIES, answers)
    assert of(records, "policy")[f"gcp:{name}"].document is None
    gaps = [gap for gap in of(records, "gap").values() if gap.subject_id == f"gcp:{name}"]
    assert [gap.covers for gap in gaps] == [("policy.document",)]
