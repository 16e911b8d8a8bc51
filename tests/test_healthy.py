"""A healthy estate stays quiet, because its rules pass and not because they could not look; each fault is found."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT, furnish
from tests.healthy.estate import AS_OF, CONFIG, KEY, all_faults, build, opened, targets

# Rules of which no subject can pass in an estate without findings, and why.
CANNOT_PASS = {
    "NS-LEK-005": "a value in the settings of a workload passes only when it is dead, and that is NS-LLV-008",
    "NS-TOX-010": "it judges strangers, and that there is a stranger is NS-TPY-002",
    "NS-TOX-014": "it judges live values in a repository, and each of those is NS-LEK-001",
    "NS-TPY-003": "it judges strangers, and that there is a stranger is NS-TPY-002",
    "NS-TPY-004": "it judges strangers, and that there is a stranger is NS-TPY-002",
}


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    return build(tmp_path_factory.mktemp("healthy") / "estate")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return tmp_path_factory.mktemp("healthy") / "saved"


@pytest.fixture(scope="module")
def audited(estate, saved, warm_cache, tmp_path_factory):
    """How the program ended, and what it reported."""
    home = furnish(tmp_path_factory.mktemp("healthy") / "home", warm_cache)
    argv = [sys.executable, "-m", "nhiscan", "audit", *targets(estate), "--config", str(CONFIG), "--as-of", AS_OF]
    argv += ["-j", "1", "-q", "-f", "json", "--fail-on", "low", "--read-config-values", "--save", str(saved)]
    clean = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "NHISCAN_FINGERPRINT_KEY": KEY}
    done = subprocess.run(argv, capture_output=True, env=clean, check=False)
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout)


def test_a_healthy_estate_has_no_findings(audited):
    code, report = audited
    assert [(f["rule"]["id"], f["message"]) for f in report["findings"]] == []
    assert code == 0


def test_it_is_of_many_identities_of_every_provider_and_was_read_whole(audited):
    _, report = audited
    counts = report["summary"]["inventory"]
    assert counts["identity"] >= 500
    assert counts["gap"] == 0
    providers = {scope.partition(":")[0] for scope in report["summary"]["scopes"]}
    assert {"aws", "azure", "gcp", "github", "repo", "vault"} <= providers


def test_every_rule_passes_for_somebody(audited):
    _, report = audited
    silent = {covered["rule"] for covered in report["coverage"]["rules"] if not covered["passed"]}
    assert silent == CANNOT_PASS.keys()


def test_every_rule_has_a_fault(audited):
    _, report = audited
    assert {rule["id"] for rule in report["rules"]} == all_faults().keys()


def test_each_fault_is_found_and_nothing_else(audited, estate, saved):
    # All at once: each stands on subjects of its own.  `python -m tests.healthy` puts them in one by one.
    wanted = all_faults()
    found = opened(estate, saved).says(wanted.values())
    expected = set().union(*(fault.findings for fault in wanted.values()))
    assert sorted(expected - found.keys()) == []
    assert {finding: message for finding, message in found.items() if finding not in expected} == {}
