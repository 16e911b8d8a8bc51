"""What `nhiscan explain` tells of power: each step with its statement, and what stops."""

import json
import re

import pytest

from nhiscan import analysis, api
from nhiscan.model import (
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Form,
    Use,
    UseHow,
)
from nhiscan.store.inventory import Inventory
from nhiscan.triage.result import Subject
from tests.analysis.aws.sample import EVERYTHING, NOW, Account, allow, trusting
from tests.conftest import AS_OF, ROOT

KEY = "aws:access_key/x"
REPO = "repo:host/acme/app"


class About:
    """A finding as far as a proof reads it."""

    def __init__(self, table, subject_id):
        self.subject = Subject(table, subject_id, None, "aws", "s", None)


@pytest.fixture
def estate():
    """A user whose key an agent holds, who escalates, reaches an administrator, and is one nowhere by himself."""
    account = Account()
    etl = account.user("etl", allow("iam:PutUserPolicy", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    top = account.role("top", EVERYTHING, trust=[trusting(etl)])
    plain = account.user("plain", allow("s3:GetObject"))
    common = {"scope_id": REPO, "source": "t"}
    with Inventory.memory() as inventory:
        for rows in (account.scopes, account.identities, account.policies.values(), account.attachments):
            inventory.add(rows)
        inventory.add([
            Credential(id=KEY, **common, provider="aws", kind=CredentialKind.ACCESS_KEY, identity_id=etl, state=CredentialState.ACTIVE),
            Credential(id="lost", **common),
            Consumer(id="agent", **common, kind=ConsumerKind.AGENT, name="claude-code"),
            Consumer(id="server", **common, kind=ConsumerKind.TOOL_SERVER, name="warehouse", parent_id="agent", uri=".mcp.json"),
            Consumer(id="old", **common, kind=ConsumerKind.AGENT, name="old", enabled=False),
            Consumer(id="job", **common, kind=ConsumerKind.WORKLOAD, name="job", platform="aws_ecs"),
            Use(id="1", **common, consumer_id="server", credential_id=KEY, how=UseHow.ENV, form=Form.LITERAL, uri=".mcp.json"),
            Use(id="2", **common, consumer_id="old", credential_id=KEY, how=UseHow.ENV),
            Use(id="3", **common, consumer_id="agent", credential_id=KEY, how=UseHow.ENV, form=Form.PLACEHOLDER),
            Use(id="4", **common, consumer_id="job", identity_id=etl, how=UseHow.RUNS_AS),
        ])  # fmt: skip
        analysis.run(inventory, NOW)
        inventory.lock()
        yield inventory, {"etl": etl, "top": top, "plain": plain}


def test_a_path_over_roles_comes_before_an_escalation_and_every_step_has_its_statement(estate):
    inventory, ids = estate
    found = api.proof(inventory, About("identity", ids["etl"]))
    assert (found.kind, found.name, found.omitted) == ("user", "etl", 0)
    assert [w.title for w in found.ways] == ["etl → top", "iam:PutUserPolicy (under a condition)"]
    assert found.ways[0].steps == (
        f"trust policy of role top statement 1 lets {ids['etl']} assume it",
        "role top is administrator: top-inline statement 1 allows iam:AttachRolePolicy on *",
    )


def test_a_credential_and_a_trust_are_judged_by_the_identity_they_lead_to(estate):
    inventory, ids = estate
    assert api.proof(inventory, About("credential", KEY)).identity_id == ids["etl"]
    (trust,) = inventory.sql("SELECT id FROM trust")
    found = api.proof(inventory, About("trust", trust["id"]))
    assert [w.title for w in found.ways] == ["administrator"]
    assert found.ways[0].steps == ("top-inline statement 1 allows iam:AttachRolePolicy on *",)


@pytest.mark.parametrize(("table", "name"), [("credential", "lost"), ("identity", "plain"), ("store", "x")])
def test_what_has_no_power_or_no_identity_has_no_proof(estate, table, name):
    inventory, ids = estate
    assert api.proof(inventory, About(table, ids.get(name, name))) is None


def test_what_stops_names_consumers_that_are_switched_on_and_hold_something(estate):
    inventory, ids = estate
    assert api.stops(inventory, About("credential", KEY)) == ("tool server warehouse of claude-code, .mcp.json",)
    assert api.stops(inventory, About("identity", ids["etl"])) == (
        "tool server warehouse of claude-code, .mcp.json",
        "workload job (aws_ecs), job",
    )
    assert api.stops(inventory, About("trust", "t")) == ()


def test_more_ways_than_can_be_read_are_counted(estate, monkeypatch):
    inventory, ids = estate
    monkeypatch.setattr("nhiscan.api.paths.MAX_WAYS", 1)
    found = api.proof(inventory, About("identity", ids["etl"]))
    assert (len(found.ways), found.omitted) == (1, 1)


def test_explain_prints_the_path_of_the_example_s_leaked_key_statement_by_statement(nhiscan, acme, tmp_path):
    options = ("--as-of", AS_OF, "-j", 1, "--config", ROOT / "fixtures/acme/nhiscan.yaml")
    report, run = tmp_path / "r.json", tmp_path / "run"
    nhiscan("audit", acme / "repo", f"snapshot:{acme / 'aws'}", *options, "-o", report, "--save", run)
    where = (run, *options)
    findings = json.loads(report.read_text())["findings"]
    leaked = next(f for f in findings if f["rule"]["id"] == "NS-TOX-001")
    assert re.search(
        r"of etl is leaked and live: 412 days old, last used 2026-10-31, shared by 3 agents, "
        r"reaches administrator: etl → deploy → platform-admin; nobody owns etl",
        leaked["message"],
    )
    page = nhiscan("explain", leaked["id"], *where).out
    section = page.partition("## Path to more power\n\n")[2].partition("\n\n## ")[0].splitlines()
    assert section == [
        "It proves user etl (arn:aws:iam::123456789012:user/service/etl).", "", "**etl → deploy → platform-admin**", "",
        "1. release-jobs statement 1 allows sts:AssumeRole on arn:aws:iam::123456789012:role/deploy",
        "2. trust policy of role deploy statement 1 lets arn:aws:iam::123456789012:user/service/etl assume it",
        "3. escalate-for-migrations statement 1 allows sts:AssumeRole on arn:aws:iam::123456789012:role/platform-admin",
        "4. trust policy of role platform-admin statement 1 lets arn:aws:iam::123456789012:role/deploy assume it",
        "5. role platform-admin is administrator: AdministratorAccess statement 1 allows iam:AttachRolePolicy on *",
    ]  # fmt: skip
    stops = page.partition("## What stops with it\n\n")[2].partition("\n\n## ")[0]
    assert all(f"of {agent}, " in stops for agent in ("claude-code", "codex", "cursor"))
    release = next(f for f in findings if f["message"].startswith("role ci-release can make"))
    assert release["severity"] == "high"
    assert (
        "platform-migrate (aws_lambda) runs as role lambda-migrations" in nhiscan("explain", release["id"], *where).out
    )
    assert not [f for f in findings if "sandbox-builder" in f["message"]]
