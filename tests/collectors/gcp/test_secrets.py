"""Secret Manager and Cloud KMS, where the inventory of assets is open and where it is not."""

import random

import pytest

from nhiscan.collectors.gcp.secrets import COLLECTOR
from tests.collectors.gcp.answers_lab import ORGANIZATION, SHOP, denied, faults, fixture, mangled, of, run

ASSETS, SECRETS, VERSIONS = "cloudasset:assets.list", "secretmanager:secrets.list", "secretmanager:versions.list"
STORE = "//secretmanager.googleapis.com/projects/acme-shop/secrets"
DELIBERATE = {".futureField"}


def test_the_fixture_says_what_the_discovery_documents_know():
    schemas = {"Secret": "secretmanager.v1", "SecretVersion": "secretmanager.v1", "CryptoKey": "cloudkms.v1"}
    for asset in fixture("gcp.secrets", "organization")[ASSETS]["assets"]:
        kind = asset["assetType"].partition("/")[2]
        if kind in schemas:
            found = faults(asset["resource"]["data"], schemas[kind], kind)
            assert [f for f in found if f.partition(" ")[0] not in DELIBERATE] == []


def test_one_list_tells_of_every_project():
    records, asked = run(COLLECTOR, fixture("gcp.secrets", "organization"), ORGANIZATION)
    assert asked == [ASSETS]
    assert len(of(records, "store")) == 12
    assert of(records, "gap") == {}


def test_without_the_inventory_secrets_are_asked_for_and_keys_are_a_gap():
    records, asked = run(COLLECTOR, fixture("gcp.secrets", "project"), SHOP)
    stores, (gap,) = of(records, "store"), of(records, "gap").values()
    assert asked == [ASSETS, SECRETS, *[VERSIONS] * 3]
    assert {i: (s.state, s.rotation) for i, s in stores.items()} == {
        f"{STORE}/stripe": ("enabled", False),
        f"{STORE}/smtp": ("disabled", True),
        f"{STORE}/gone-meanwhile": (None, False),
    }
    assert (gap.covers, gap.operation, gap.subject_id) == (("store",), ASSETS, SHOP.scope_id)


def test_every_project_below_an_organisation_is_asked_where_there_is_no_inventory():
    known = {
        "cloudresourcemanager:projects.search": {
            "projects": [
                {"projectId": "acme-shop", "parent": "organizations/710000000001", "state": "ACTIVE"},
                {"projectId": "acme-data", "parent": "folders/1", "state": "ACTIVE"},
                {"projectId": "elsewhere", "parent": "organizations/9", "state": "ACTIVE"},
            ]
        },
        "cloudresourcemanager:folders.search": {
            "folders": [{"name": "folders/1", "parent": "organizations/710000000001"}]
        },
        SECRETS: lambda params: {"secrets": [{"name": f"projects/{params['project']}/secrets/db"}]},
        VERSIONS: {"versions": []},
    }
    records, _ = run(COLLECTOR, known, ORGANIZATION)
    assert {s.scope_id: (s.name, s.state) for s in of(records, "store").values()} == {
        "gcp:project/acme-shop": ("db", "empty"),
        "gcp:project/acme-data": ("db", "empty"),
    }
    assert {"gcp:project/acme-shop", "gcp:project/acme-data"} <= set(of(records, "scope"))


def test_where_nobody_lists_projects_the_gap_says_so():
    records, _ = run(COLLECTOR, {}, ORGANIZATION)
    assert of(records, "store") == {}
    assert {g.operation for g in of(records, "gap").values()} == {ASSETS}


@pytest.mark.parametrize("single", [True, False])
def test_versions_that_are_refused_leave_the_age_of_the_secret_open(single):
    def versions(params):
        return denied(VERSIONS) if not single or "stripe" in params["secret"] else {"versions": [{"state": "ENABLED"}]}

    names = [f"projects/410000000001/secrets/{n}" for n in ("a", "stripe")]
    records, _ = run(COLLECTOR, {SECRETS: {"secrets": [{"name": n} for n in names]}, VERSIONS: versions}, SHOP)
    stores = of(records, "store")
    assert (stores[f"{STORE}/stripe"].state, stores[f"{STORE}/a"].state) == (None, "enabled" if single else None)
    gaps = [g for g in of(records, "gap").values() if g.operation == VERSIONS]
    assert {g.covers for g in gaps} == {("store.changed_at", "store.state")}
    assert (f"{STORE}/stripe" if single else SHOP.scope_id) in {g.subject_id for g in gaps}


def test_one_project_that_refuses_hurts_no_other():
    def secrets(params):
        return denied(SECRETS) if params["project"] == "acme-shop" else {"secrets": [{"name": "projects/5/secrets/x"}]}

    found = {"projects": [{"projectId": p, "parent": "organizations/710000000001"} for p in ("acme-data", "acme-shop")]}
    known = {"cloudresourcemanager:projects.search": found, SECRETS: secrets, VERSIONS: denied(VERSIONS, missing=True)}
    records, _ = run(COLLECTOR, known, ORGANIZATION)
    assert [s.scope_id for s in of(records, "store").values()] == ["gcp:project/acme-data"]
    assert {g.subject_id for g in of(records, "gap").values() if g.operation == SECRETS} == {"gcp:project/acme-shop"}


def test_a_service_that_is_switched_off_for_the_caller_is_a_gap_and_no_clean_pass():
    records, _ = run(COLLECTOR, {ASSETS: denied(ASSETS, missing=True, code="SERVICE_DISABLED")}, SHOP)
    assert {g.operation for g in of(records, "gap").values()} == {ASSETS, SECRETS}


@pytest.mark.parametrize("case", ["organization", "project"])
def test_strange_answers_break_nothing(case):
    answers, dice = fixture("gcp.secrets", case), random.Random(6)
    place = ORGANIZATION if case == "organization" else SHOP
    operation = ASSETS if case == "organization" else SECRETS
    for _ in range(150):
        run(COLLECTOR, {**answers, operation: mangled(answers[operation], dice)}, place)
