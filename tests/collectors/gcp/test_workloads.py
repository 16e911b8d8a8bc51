"""What runs on Google Cloud, as which account; and which reads of data are recorded."""

import random

import pytest

from nhiscan.collectors.gcp.logging import COLLECTOR as LOGGING
from nhiscan.collectors.gcp.workloads import COLLECTOR
from nhiscan.model import Auth, Trigger, UseHow
from tests.collectors.gcp.answers_lab import ORGANIZATION, SHOP, denied, faults, fixture, mangled, of, run

ASSETS, POLICIES = "cloudasset:assets.list", "cloudasset:assets.listIamPolicies"
DIRECT = "cloudresourcemanager:projects.getIamPolicy"
SCHEMAS = {
    "compute.googleapis.com/Instance": ("compute.v1", "Instance"),
    "container.googleapis.com/Cluster": ("container.v1", "Cluster"),
    "cloudfunctions.googleapis.com/CloudFunction": ("cloudfunctions.v1", "CloudFunction"),
    "cloudfunctions.googleapis.com/Function": ("cloudfunctions.v2", "Function"),
    "appengine.googleapis.com/Version": ("appengine.v1", "Version"),
    "composer.googleapis.com/Environment": ("composer.v1", "Environment"),
    "dataflow.googleapis.com/Job": ("dataflow.v1b3", "Job"),
    "dataproc.googleapis.com/Cluster": ("dataproc.v1", "Cluster"),
    "notebooks.googleapis.com/Instance": ("notebooks.v2", "Instance"),
    "aiplatform.googleapis.com/CustomJob": ("aiplatform.v1", "GoogleCloudAiplatformV1CustomJob"),
    "aiplatform.googleapis.com/Endpoint": ("aiplatform.v1", "GoogleCloudAiplatformV1Endpoint"),
    "cloudbuild.googleapis.com/BuildTrigger": ("cloudbuild.v1", "BuildTrigger"),
    "workflows.googleapis.com/Workflow": ("workflows.v1", "Workflow"),
    "cloudscheduler.googleapis.com/Job": ("cloudscheduler.v1", "Job"),
}
RUN = {
    ("run.googleapis.com/Service", True): ("run.v1", "Service"),
    ("run.googleapis.com/Job", True): ("run.v1", "Job"),
    ("run.googleapis.com/Service", False): ("run.v2", "GoogleCloudRunV2Service"),
    ("run.googleapis.com/Job", False): ("run.v2", "GoogleCloudRunV2Job"),
}


def test_the_fixture_says_what_the_discovery_documents_know():
    found = []
    for asset in fixture("gcp.workloads", "organization")[ASSETS]["assets"]:
        data, kind = asset["resource"]["data"], asset["assetType"]
        schema = SCHEMAS.get(kind) or RUN.get((kind, "metadata" in (data or {})))
        if schema and data:
            found += [f"{kind}{f}" for f in faults(data, *schema)]
    assert found == []


def test_one_list_tells_of_everything():
    records, asked = run(COLLECTOR, fixture("gcp.workloads", "organization"), ORGANIZATION)
    assert asked == [ASSETS]
    assert len(of(records, "consumer")) == 23


def asset(kind, data, name="projects/acme-shop/locations/l/things/x"):
    return {
        "name": f"//{kind.partition('/')[0]}/{name}",
        "assetType": kind,
        "resource": {"data": data},
        "ancestors": [],
    }


def one(kind, data, **options):
    records, _ = run(COLLECTOR, {ASSETS: {"assets": [asset(kind, data)]}}, SHOP, **options)
    (consumer,) = of(records, "consumer").values()
    return consumer, {u.name: u.identity_id or u.place for u in of(records, "use").values()}, records


def test_a_machine_without_accounts_runs_as_nobody():
    assert one("compute.googleapis.com/Instance", {"name": "x"})[1] == {}


@pytest.mark.parametrize(
    ("kind", "data", "account"),
    [
        ("run.googleapis.com/Service", {"template": {"containers": []}}, "410000000001-compute@developer"),
        ("cloudfunctions.googleapis.com/CloudFunction", {"status": "ACTIVE"}, "acme-shop@appspot"),
        ("cloudfunctions.googleapis.com/Function", {"serviceConfig": {}}, "410000000001-compute@developer"),
        ("container.googleapis.com/Cluster", {"nodePools": [{"config": {"serviceAccount": "default"}}]}, "410000000001-compute@developer"),
        ("workflows.googleapis.com/Workflow", {"state": "ACTIVE"}, "410000000001-compute@developer"),
    ],
)  # fmt: skip
def test_an_account_that_nobody_named_is_the_default_that_google_documents(kind, data, account):
    assert list(one(kind, data)[1].values()) == [f"gcp:sa/{account}.gserviceaccount.com"]


@pytest.mark.parametrize(
    "kind", ["run.googleapis.com/Service", "cloudfunctions.googleapis.com/CloudFunction", "dataflow.googleapis.com/Job"]
)
def test_where_the_answer_is_missing_no_account_is_guessed(kind):
    assert one(kind, None)[1] == {}


@pytest.mark.parametrize(
    ("data", "public", "auth"),
    [
        ({"ingress": "INGRESS_TRAFFIC_ALL"}, None, Auth.IAM),
        ({"ingress": "INGRESS_TRAFFIC_ALL", "invokerIamDisabled": True}, True, Auth.NONE),
        ({"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY", "invokerIamDisabled": True}, False, Auth.NONE),
        ({"ingress": "INGRESS_TRAFFIC_NEW"}, None, Auth.IAM),
        ({"metadata": {"annotations": {"run.googleapis.com/ingress": "internal"}}}, False, Auth.IAM),
        ({}, None, None),
    ],
)
def test_the_door_of_a_service(data, public, auth):
    consumer, _, _ = one("run.googleapis.com/Service", data)
    assert (consumer.public, consumer.auth) == (public, auth)


@pytest.mark.parametrize(
    ("data", "trigger", "untrusted", "names"),
    [
        ({"github": {"pullRequest": {}}}, Trigger.UNTRUSTED, True, ("pull_request",)),
        (
            {"github": {"pullRequest": {"commentControl": "COMMENTS_DISABLED"}}},
            Trigger.UNTRUSTED,
            True,
            ("pull_request",),
        ),
        ({"github": {"pullRequest": {"commentControl": "COMMENTS_ENABLED"}}}, Trigger.EVENT, False, ("pull_request",)),
        ({"github": {"push": {"branch": "main"}}}, Trigger.EVENT, False, ("push",)),
        (
            {"webhookConfig": {"state": "OK"}, "pubsubConfig": {"topic": "t"}},
            Trigger.EVENT,
            False,
            ("webhook", "pubsub"),
        ),
        ({"triggerTemplate": {"branchName": "main"}}, Trigger.EVENT, False, ("push",)),
        ({"sourceToBuild": {}}, Trigger.MANUAL, False, ("manual",)),
    ],
)
def test_what_sets_a_build_to_work(data, trigger, untrusted, names):
    consumer, _, _ = one("cloudbuild.googleapis.com/BuildTrigger", {"name": "x", **data})
    assert (consumer.trigger, consumer.runs_untrusted, consumer.triggers) == (trigger, untrusted, names)


def test_a_secret_is_named_as_its_store_is_whoever_writes_it():
    template = {
        "containers": [{"env": [
            {"name": "A", "valueSource": {"secretKeyRef": {"secret": "db"}}},
            {"name": "B", "valueSource": {"secretKeyRef": {"secret": "projects/410000000001/secrets/db"}}},
            {"name": "C", "valueSource": {"secretKeyRef": {"secret": "projects/77/secrets/db"}}},
            {"name": "D", "valueSource": {"secretKeyRef": {"secret": "no/secret"}}},
            {"name": "E", "valueSource": {"secretKeyRef": {"secret": "projects/p/locations/l/secrets/db/versions/3"}}},
        ]}],
    }  # fmt: skip
    _, uses, _ = one("run.googleapis.com/Service", {"template": template})
    at = "//secretmanager.googleapis.com/projects"
    uses.pop("service_account")
    assert uses == {
        "A": f"{at}/acme-shop/secrets/db", "B": f"{at}/acme-shop/secrets/db", "C": f"{at}/77/secrets/db",
        "E": f"{at}/p/locations/l/secrets/db",
    }  # fmt: skip


def test_plain_values_are_read_only_when_asked_for():
    canary = "xoxb-" + "1" * 12 + "-" + "2" * 13 + "-" + "a1B2c3D4e5F6g7H8i9J0k1L2"
    data = {
        "template": {"containers": [{"env": [{"name": "SLACK_TOKEN", "value": canary}, {"name": "N", "value": 3}]}]}
    }
    _, _, records = one("run.googleapis.com/Service", data)
    (gap,) = of(records, "gap").values()
    assert (gap.covers, gap.remedy) == (("exposure",), "run again with --read-config-values")
    assert "1 workload " in gap.detail
    _, _, records = one("run.googleapis.com/Service", data, read_config_values=True)
    (credential,) = of(records, "credential").values()
    assert (credential.name, credential.provider) == ("SLACK_TOKEN", "slack")
    assert [u.how for u in of(records, "use").values() if u.credential_id] == [UseHow.ENV]
    assert canary not in repr([r for r in records if r.table != "credential"])
    assert canary not in repr(credential)


def test_a_closed_inventory_is_a_gap():
    records, _ = run(COLLECTOR, {}, SHOP)
    assert [(g.operation, g.covers) for g in of(records, "gap").values()] == [(ASSETS, ("consumer", "use", "owner"))]


def test_strange_answers_break_nothing():
    answers, dice = fixture("gcp.workloads", "organization")[ASSETS], random.Random(9)
    for _ in range(300):
        run(COLLECTOR, {ASSETS: mangled(answers, dice)}, ORGANIZATION)


def logged(records):
    return {(r.subject_id, r.kind): r.enabled for r in of(records, "logging").values()}


def test_reads_are_recorded_where_a_policy_above_says_so():
    records, asked = run(LOGGING, fixture("gcp.logging", "organization"), ORGANIZATION)
    assert asked == [ASSETS, POLICIES]
    shop, data, nightly = (
        "gcp:project/acme-shop",
        "gcp:project/acme-data",
        "gcp:sa/nightly@acme-shop.iam.gserviceaccount.com",
    )
    assert logged(records) == {
        (shop, "api_calls"): True, (shop, "secret_access"): True, (shop, "data_events"): True,
        (data, "api_calls"): True, (data, "secret_access"): False, (data, "data_events"): False,
        (nightly, "secret_access"): False, ("gcp:user/boss@acme.example", "secret_access"): False,
    }  # fmt: skip


def test_what_a_project_does_not_record_itself_may_be_recorded_above():
    records, _ = run(LOGGING, {DIRECT: {"auditConfigs": []}}, SHOP)
    assert logged(records)[SHOP.scope_id, "secret_access"] is None
    assert of(records, "gap") == {}


def test_policies_that_are_refused_are_a_gap():
    records, _ = run(LOGGING, {}, SHOP)
    assert logged(records) == {}
    assert {g.operation for g in of(records, "gap").values()} == {DIRECT}
    records, _ = run(LOGGING, {}, ORGANIZATION)
    assert {g.operation for g in of(records, "gap").values()} == {POLICIES}
    found = {"projects": [{"projectId": p, "parent": "organizations/710000000001"} for p in ("acme-data", "acme-shop")]}

    def policy(params):
        return denied(DIRECT) if params["name"] == "acme-shop" else {}

    known = {"cloudresourcemanager:projects.search": found, DIRECT: policy}
    records, _ = run(LOGGING, known, ORGANIZATION)
    assert [g.subject_id for g in of(records, "gap").values()] == ["gcp:project/acme-shop"]


def test_strange_policies_break_nothing():
    answers, dice = fixture("gcp.logging", "organization"), random.Random(9)
    for _ in range(100):
        run(LOGGING, {**answers, POLICIES: mangled(answers[POLICIES], dice)}, ORGANIZATION)
