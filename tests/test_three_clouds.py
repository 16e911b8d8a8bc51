"""The example estate over three clouds, as the program itself tells it: what is planted, and what must stay quiet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import ROOT, furnish

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = "2026-11-01"
MAIL = "{}@acme-analytics-4821.iam.gserviceaccount.com"
COMPUTE = "482110934415-compute@developer.gserviceaccount.com"
LEAKED = "AKIA…BK"

PLANTED = {
    ("agent_blueprint", "support-agents"),
    ("agent_identity", "refunds"),
    ("agent_identity", "triage"),
    ("app", "Inbox Insights"),
    ("app", "platform-deploy"),
    ("app", "reporting-portal"),
    ("app", "warehouse-sync"),
    ("identity_pool", "aws"),
    ("identity_pool", "github"),
    ("identity_pool", "github-lake"),
    ("managed_identity", "acme-ai"),
    ("managed_identity", "acme-thumbnails"),
    ("managed_identity", "id-orders-tasks"),
    ("managed_identity", "support"),
    ("oidc_provider", "actions"),
    ("oidc_provider", "platform"),
    *(("service_account", MAIL.format(n)) for n in ("bigquery-export", "ci-publish", "dashboards", "forecast-agent")),
    ("service_account", MAIL.format("lake-sync")),
    ("service_account", COMPUTE),
}
FOUND = {
    ("NS-AUT-002", "acmeexports"),
    ("NS-CID-001", MAIL.format("lake-sync")),
    ("NS-CID-003", "GCP_EXPORT_KEY"),
    ("NS-LIF-003", "app reporting-portal"),
    ("NS-AGT-011", "agent triage"),
    ("NS-LLV-001", "Maps on the storefront"),
    ("NS-LLV-001", "key1 of acmeexports"),
    ("NS-LLV-001", "of reporting-portal"),
    ("NS-LLV-003", "2027-12-01"),
    ("NS-LLV-004", "partner-sftp"),
    ("NS-LLV-004", "smtp-password"),
    ("NS-PRV-001", "app warehouse-sync"),
    ("NS-PRV-003", COMPUTE),
    ("NS-PRV-006", "id-orders-tasks"),
    ("NS-PRV-010", COMPUTE),
    ("NS-PRV-010", "warehouse-sync holds Owner of azure"),
    ("NS-REU-004", "notebooks"),
    ("NS-TOX-001", f"of {MAIL.format('bigquery-export')} is leaked and live: 1103 days old"),
    ("NS-TOX-011", MAIL.format("lake-sync")),
    ("NS-TOX-014", "jobs/export/bigquery-sa.json:5 since 2024-07-09"),
    ("NS-TPY-002", "Inbox Insights"),
}
QUIET = (
    "platform-deploy", "acme-thumbnails", "acmethumbs", "kv-acme-payments", "acquirer-token", "card-data", "stripe-webhook",
    "ci-publish", "dashboards@", "forecast", "warehouse-password", "Geocoding", "cloudservices", "Microsoft Graph",
    "ines.okafor", "functions.yml", "lake.yml", "owns agent identity", "owns agent refunds",
)  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A saved audit of the estate, and the program to ask more of it."""

    report: Any
    saved: Path
    environment: dict[str, str]

    def ask(self, *argv: str) -> str:
        """What the program says of the saved run."""
        targets = (f"snapshot:{self.saved}", "--as-of", AS_OF)
        done = _program([*argv, *targets], self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def finding(self, rule: str, words: str) -> Any:
        """The only finding of a rule whose message holds these words."""
        (found,) = (f for f in self.report["findings"] if f["rule"]["id"] == rule and words in f["message"])
        return found

    def explained(self, rule: str, words: str) -> str:
        """The explanation of that finding."""
        return self.ask("explain", self.finding(rule, words)["id"])


def _program(argv: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nhiscan", *argv]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, check=False)


@pytest.fixture(scope="module")
def run(acme, warm_cache, tmp_path_factory) -> Run:
    """The audit of `make audit`, in a process and an environment of its own, once."""
    root = tmp_path_factory.mktemp("clouds")
    home = str(furnish(root / "home", warm_cache))
    environment = {"PATH": os.environ["PATH"], "HOME": home, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
    targets = [str(acme / "repo"), *(f"snapshot:{acme / cloud}" for cloud in ("aws", "azure", "gcp"))]
    config = str(ROOT / "fixtures" / "acme" / "nhiscan.yaml")
    options = ["--as-of", AS_OF, "--config", config, "--fail-on", "none", "-q", "-f", "json", "-j", "1"]
    done = _program(["audit", *targets, *options, "--save", str(root / "saved")], environment)
    assert done.returncode == 0, done.stderr
    return Run(json.loads(done.stdout), root / "saved", environment)


def test_what_is_planted_in_both_clouds_is_in_the_inventory(run):
    tables = json.loads(run.ask("inventory", "-f", "json"))
    clouds = [i for i in tables["identity"] if i["provider"] in {"azure", "gcp"}]
    assert {(i["kind"], i["name"]) for i in clouds} >= PLANTED
    classes = {i["name"]: i["class"] for i in clouds}
    assert classes["Microsoft Graph"] == classes["482110934415@cloudservices.gserviceaccount.com"] == "provider_managed"
    states = {c["name"]: c["state"] for c in tables["credential"] if c["kind"] == "client_secret"}
    assert states == {"portal 2024": "expired", "portal 2025": "active"}
    parents = {s["id"]: s["parent_id"] for s in tables["scope"]}
    assert parents["gcp:project/acme-analytics-4821"] == "gcp:folder/318840295671"
    assert parents["gcp:folder/318840295671"] == "gcp:org/604418002117"


def test_the_key_file_of_the_repository_is_the_key_that_google_lists(run):
    assert run.report["summary"]["severity"]["critical"] >= 7
    leaked = run.finding("NS-TOX-001", MAIL.format("bigquery-export"))
    places = {place["uri"] for place in leaked["locations"]}
    assert "jobs/export/bigquery-sa.json" in places
    assert any(place.startswith("//iam.googleapis.com/projects/acme-analytics-4821/") for place in places)
    assert leaked["facts"]["live"] is True


def test_one_leaked_key_leads_through_three_clouds_statement_by_statement(run):
    told = run.explained("NS-TOX-001", LEAKED)
    way = f"**etl → deploy → {MAIL.format('bigquery-export')} → warehouse-sync**"
    assert way in told  # certain: no "(under a condition)"
    steps = told.partition(way)[2].partition("\n## ")[0]
    said = (
        "sts:AssumeRole on arn:aws:iam::123456789012:role/deploy",
        "aws_role=arn:aws:sts::123456789012:assumed-role/deploy",
        "federated credential of it: app warehouse-sync",
        "role Owner is assigned at subscription 50c790d2-4273-42cc-a622-a39baa34e171",
    )
    assert [steps.find(words) for words in said] == sorted(steps.find(words) for words in said)
    assert -1 not in [steps.find(words) for words in said]


def test_any_repository_of_github_becomes_administrator_of_aws_by_way_of_google(run):
    told = run.explained("NS-TOX-011", MAIL.format("lake-sync"))
    assert "trusts GitHub Actions for any subject" in told
    assert f"**{MAIL.format('lake-sync')} → lake-bridge → deploy → platform-admin" in told
    for words in (
        "/providers/actions takes tokens of token.actions.githubusercontent.com as lake-sync@",
        "role lake-bridge takes tokens of accounts.google.com",
        "lake statement 2 allows sts:AssumeRole on arn:aws:iam::123456789012:role/deploy",
        "trust policy of role platform-admin statement 1 lets arn:aws:iam::123456789012:role/deploy assume it",
        "AdministratorAccess statement 1 allows",
    ):
        assert words in told


def test_a_stored_key_is_told_which_job_signs_in_without_one(run):
    stored = run.finding("NS-AUT-001", "GCP_EXPORT_KEY")
    assert f"as {MAIL.format('lake-sync')}" in stored["facts"]["breaks"]
    assert "deploy / orders as ci-deploy" in run.finding("NS-TOX-001", LEAKED)["fix"]


def test_each_planted_situation_is_found_and_nothing_healthy_is(run):
    told = [(f["rule"]["id"], f["message"]) for f in run.report["findings"]]
    assert {(rule, words) for rule, words in FOUND if not any(r == rule and words in m for r, m in told)} == set()
    assert [(rule, message) for rule, message in told if any(words in message for words in QUIET)] == []
