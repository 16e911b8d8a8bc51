"""An AWS account through the command line: what is planted is found, and what is refused is said, never passed."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta
from functools import cache
from types import SimpleNamespace

import pytest

from nhiscan.collect import registry
from nhiscan.collectors.aws import _session
from nhiscan.collectors.aws.iam import COLLECTOR
from nhiscan.engine import rule
from tests.collectors.aws.lab import empty_account, serving, share_models
from tests.conftest import text_of

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:"
AS_OF = "2026-11-01"
NOW = datetime(2026, 11, 1)  # noqa: DTZ001 - moto keeps naive times
ADMIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}
LISTING = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::reports"}
GITHUB = "token.actions.githubusercontent.com"
CALLER = "sts:GetCallerIdentity"
# Asked only for users who have such a thing, and nobody here has.
SELDOM = {"iam:ListSSHPublicKeys", "iam:ListSigningCertificates"}
DENIABLE = sorted(set(COLLECTOR.requires) - {CALLER} - SELDOM)

# What is planted, by rule: the subject every audit that sees everything must name.
PLANTED = {
    ("NS-LLV-001", "etl"),
    ("NS-LIF-001", "idle"),
    ("NS-LIF-002", "etl"),
    ("NS-LIF-003", "idle"),
    ("NS-PRV-001", "idle"),
    ("NS-TOX-002", "idle"),
    ("NS-PRV-003", "etl"),
    ("NS-CID-001", "ci-open"),
    ("NS-TPY-001", "vendor"),
}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def assume(principal, action="sts:AssumeRole", **condition):
    found = {"Effect": "Allow", "Principal": principal, "Action": action}
    return document(found | ({"Condition": condition} if condition else {}))


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch, serving() as lab:
        share_models(patch)
        known = cache(rule.load)  # reading the same rules anew is a third of what a small audit costs
        patch.setattr(rule, "load", lambda directories, cases=True: known(tuple(directories)))
        yield lab


@pytest.fixture
def lab(server, monkeypatch):
    """An account with every plant; retries do not sleep."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    empty_account(server)
    plant(server)
    server.clear()
    yield server
    server.clear()


def plant(lab):
    iam, backend = lab.iam, lab.backend
    iam.create_role(RoleName="admin", AssumeRolePolicyDocument=assume({"AWS": f"{ARN}role/deploy"}))
    iam.put_role_policy(RoleName="admin", PolicyName="all", PolicyDocument=document(ADMIN))
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=assume({"AWS": f"{ARN}user/svc/etl"}))
    iam.put_role_policy(RoleName="deploy", PolicyName="up", PolicyDocument=may_assume("admin"))
    iam.create_user(UserName="etl", Path="/svc/", Tags=[{"Key": "Owner", "Value": "data"}])
    iam.put_user_policy(UserName="etl", PolicyName="deploy", PolicyDocument=may_assume("deploy"))
    iam.create_user(UserName="idle")
    iam.attach_user_policy(UserName="idle", PolicyArn=managed(iam, "everything", ADMIN))
    iam.create_user(UserName="report", Tags=[{"Key": "team", "Value": "finance"}])
    iam.put_user_policy(UserName="report", PolicyName="read", PolicyDocument=document(LISTING))
    for name in ("etl", "idle", "report"):
        iam.create_access_key(UserName=name)
    provider = iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ThumbprintList=["0" * 40])
    web = {"Federated": provider["OpenIDConnectProviderArn"]}
    anybody = assume(web, "sts:AssumeRoleWithWebIdentity", StringEquals={f"{GITHUB}:aud": "sts.amazonaws.com"})
    iam.create_role(RoleName="ci-open", AssumeRolePolicyDocument=anybody)
    iam.create_role(RoleName="vendor", AssumeRolePolicyDocument=assume({"AWS": "arn:aws:iam::999988887777:root"}))
    iam.create_saml_provider(Name="sso", SAMLMetadataDocument="m" * 1024)
    for name, days in (("etl", 412), ("idle", 300), ("report", 5)):
        user = backend.get_user(name)
        user.create_date = user.access_keys[0].create_date = NOW - timedelta(days=days)


def may_assume(role):
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"{ARN}role/{role}"})


def managed(iam, name, *statements):
    return iam.create_policy(PolicyName=name, PolicyDocument=document(*statements))["Policy"]["Arn"]


@pytest.fixture(scope="module", autouse=True)
def _only_iam():
    """These tests are about IAM; what else is read of an account has tests of its own (test_aws_groups.py)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "names", lambda: (COLLECTOR.name,))
        registry.schemes.cache_clear()
        yield
    registry.schemes.cache_clear()  # else whoever asks next knows of one provider alone


@pytest.fixture
def audit(nhiscan, whole, tmp_path):
    """One audit of the account by the rules that speak of it: how it ended, its text with every gap, and its JSON."""
    speaking = [c["rule"] for c in whole["coverage"]["rules"] if c["passed"] or c["failed"] or c["not_assessed"]]
    assert len(speaking) > 20
    selected = [part for name in speaking for part in ("--select", name)]

    def run():
        file = tmp_path / "report.json"
        done = nhiscan("audit", "aws", "--as-of", AS_OF, "-j", 1, "--no-cache", "-o", f"json={file}", *selected)
        return done, json.loads(file.read_text())

    return run


def found(report):
    return {(f["rule"]["id"], f["subject"]["id"]) for f in report["findings"]}


def planted(report):
    """The plants that a report names, by rule and name of the user, role, or user of the key."""
    said = {(f["rule"]["id"], f["message"]) for f in report["findings"]}
    return {
        (rule, name)
        for rule, name in PLANTED
        if any(r == rule and name in re.findall(r"[\w-]+", text) for r, text in said)
    }


def coverage(report):
    return {c["rule"]: c for c in report["coverage"]["rules"]}


def remedies(report):
    return {g["remedy"] for g in report["coverage"]["gaps"]}


def assert_nothing_passes_on_less(report, whole):
    """A rule passes no subject that it would not pass with everything in sight."""
    before, after = coverage(whole), coverage(report)
    for name, now in after.items():
        assert now["passed"] <= before[name]["passed"], name
        lost = before[name]["failed"] - now["failed"]
        assert lost <= 0 or now["gaps"], name


@pytest.fixture(scope="module")
def whole(server, tmp_path_factory, _only_iam):
    """The report of the account when everything may be read."""
    from nhiscan.cli.main import invoke

    file = tmp_path_factory.mktemp("whole") / "report.json"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_ENDPOINT_URL", server.url)
        empty_account(server)
        plant(server)
        assert invoke(["audit", "aws", "--as-of", AS_OF, "-j", "1", "--no-cache", "-q", "-o", f"json={file}"]) == 1
    return json.loads(file.read_text())


def test_a_process_finds_every_plant_among_60_users_and_60_roles_in_90_calls(lab, program):
    for n in range(57):
        name = f"app-{n:03}"
        lab.backend.create_user("us-east-1", name, "/", [])
        lab.backend.create_access_key(name)
    service = assume({"Service": "ec2.amazonaws.com"})
    for n in range(56):
        lab.backend.create_role(f"job-{n:03}", service, "/", None, "", [], "3600")
    keys = {"AWS_ENDPOINT_URL": lab.url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    rules = [part for name in sorted({name for name, _ in PLANTED}) for part in ("--select", name)]
    argv = ("audit", "aws", "--as-of", AS_OF, "-f", "json", "-vv", *rules)
    done = program(*argv, env=keys | {"AWS_EC2_METADATA_DISABLED": "1"})
    assert done.code == 1, done.err
    assert planted(done.json) == PLANTED
    assert done.json["targets"][0]["identities"] == 60 + 60 + 2
    assert sum(n for operation, n in lab.calls.items() if operation.startswith("iam:")) <= 90
    assert lab.calls["iam:ListAccessKeys"] == 60
    assert done.err.splitlines()[0].startswith(f"auditing as arn:aws:sts::{ACCOUNT}:")
    assert "iam:ListAccessKeys 60" in done.err


def test_calls_sent_are_the_calls_declared_and_none_of_them_changes_anything(lab, audit):
    lab.no_documents = True  # so that GetPolicy and GetPolicyVersion are needed
    done, report = audit()
    assert set(lab.calls) == set(COLLECTOR.requires) - SELDOM
    changing = {op for op in lab.calls if not op.partition(":")[2].startswith(("Get", "List"))}
    assert changing == {"iam:GenerateCredentialReport"} == set(COLLECTOR.writes) - {"sts:AssumeRole"}
    assert (done.code, planted(report), remedies(report)) == (1, PLANTED, set())


@pytest.mark.parametrize("operation", DENIABLE)
def test_a_denied_operation_is_named_with_its_permission_and_nothing_passes_for_it(lab, audit, whole, operation):
    lab.no_documents = operation in {"iam:GetPolicy", "iam:GetPolicyVersion"}
    lab.refuse[operation] = (403, "AccessDenied")
    if operation == "iam:GenerateCredentialReport":
        lab.refuse["iam:GetCredentialReport"] = (410, "ReportNotPresent")
    done, report = audit()
    assert done.code == (0 if operation == "iam:GetAccountAuthorizationDetails" else 1)
    assert remedies(report) == {f"allow {operation}"}
    assert f"→ allow {operation}" in done.out
    assert "denied" in done.out
    assert_nothing_passes_on_less(report, whole)


def test_all_denied_is_nothing_audited_and_names_every_permission_to_begin_with(lab, audit):
    lab.judge = lambda operation, *_: None if operation == CALLER else (403, "AccessDenied")
    done, report = audit()
    assert done.code == 4
    assert done.err.count("nothing could be read") == 1
    assert not any(
        c["passed"] or c["failed"] for c in report["coverage"]["rules"] if not c["rule"].startswith("NS-COV")
    )
    for operation in set(DENIABLE) - {"iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListAccessKeys"}:
        assert operation in done.out or operation in {"iam:GetOpenIDConnectProvider", "iam:ListSAMLProviderTags"}
    assert "because iam:GetAccountAuthorizationDetails denied → allow iam:GetAccountAuthorizationDetails" in done.out


def test_a_caller_that_may_not_even_ask_who_it_is_fails_with_the_way_out(lab, nhiscan):
    lab.refuse["*"] = (403, "AccessDenied")
    done = nhiscan("audit", "aws", "-j", 1, "--no-cache")
    assert done.code == 4
    assert f"error: aws: {CALLER} was denied\n  try: allow {CALLER}\n" in done.err


def test_keys_denied_for_some_users_are_unknown_for_those_alone(lab, audit, whole):
    lab.judge = lambda operation, body, _: (
        (403, "AccessDenied") if operation == "iam:ListAccessKeys" and b"UserName=idle" in body else None
    )
    _, report = audit()
    (gap,) = report["coverage"]["gaps"]
    assert (gap["subject_id"], gap["remedy"]) == (f"{ARN}user/idle", "allow iam:ListAccessKeys")
    assert planted(report) == PLANTED
    keys = {f["subject"]["id"] for f in report["findings"] if f["rule"]["id"] == "NS-LLV-001"}
    assert f"{ARN}user/idle#access_key/1" in keys
    assert len([k for k in keys if k.startswith("aws:access_key/AKIA")]) == 1
    assert_nothing_passes_on_less(report, whole)


def test_throttling_of_every_fifth_call_costs_retries_and_no_finding(lab, audit, whole, monkeypatch):
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None, time=time.time))
    lab.judge = lambda _operation, _body, number: (429, "Throttling") if number % 5 == 0 else None
    done, report = audit()
    assert (done.code, remedies(report)) == (1, set())
    assert report["summary"]["verdicts"] == whole["summary"]["verdicts"]


def test_throttling_without_end_is_said_and_may_be_continued(lab, audit, whole, monkeypatch):
    monkeypatch.setattr(_session, "_ATTEMPTS", 1)
    lab.refuse["iam:GetAccountAuthorizationDetails"] = (429, "Throttling")
    _, report = audit()
    (gap,) = report["coverage"]["gaps"]
    assert (gap["reason"], gap["operation"]) == ("throttled", "iam:GetAccountAuthorizationDetails")
    assert "--save" in gap["remedy"]
    assert_nothing_passes_on_less(report, whole)


@pytest.mark.parametrize(("last", "code"), [(2, 4), (4, 1)], ids=["before the report", "before the keys"])
def test_credentials_that_expire_midway_are_said_and_nothing_passes_for_them(lab, audit, whole, last, code):
    lab.judge = lambda _operation, _body, number: (403, "ExpiredToken") if number > last else None
    done, report = audit()
    assert done.code == code
    assert {g["reason"] for g in report["coverage"]["gaps"]} == {"failed"}
    assert all("renew the credentials" in r for r in remedies(report))
    assert "renew the credentials" in done.out
    assert_nothing_passes_on_less(report, whole)


CANARY = "c4nary" + "Zq7" * 8
"""Looks like a secret and is none: 30 letters and digits without a pattern of any provider."""


def test_a_canary_planted_wherever_an_account_has_text_reaches_no_output(lab, nhiscan, tmp_path, monkeypatch, caplog):
    iam = lab.iam
    iam.create_user(UserName="tagged", Tags=[{"Key": k, "Value": CANARY} for k in ("note", "Owner", "env", "Name")])
    iam.tag_user(UserName="tagged", Tags=[{"Key": CANARY, "Value": "x"}])
    iam.create_role(RoleName="described", Description=CANARY, AssumeRolePolicyDocument=guarded(), Tags=tags())
    iam.create_policy(PolicyName="worded", Description=CANARY, PolicyDocument=guarded_grant(), Tags=tags())
    iam.attach_user_policy(UserName="tagged", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/worded")
    iam.put_user_policy(UserName="tagged", PolicyName="inline", PolicyDocument=guarded_grant())
    secret = iam.create_access_key(UserName="tagged")["AccessKey"]["SecretAccessKey"]
    lab.rewrite["iam:GetCredentialReport"] = odd_columns
    lab.refuse["iam:ListSAMLProviders"] = (403, "AccessDenied")
    lab.message = f"User x is not authorized ({CANARY})"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{CANARY}/secret")
    saved, files = tmp_path / "run", [tmp_path / "report.json", tmp_path / "report.sarif"]
    outputs = [arg for file in files for arg in ("-o", file)]
    with caplog.at_level("DEBUG"):
        done = nhiscan("audit", "aws", "-vv", "-j", 1, "--as-of", AS_OF, "--save", saved, *outputs)
        table, listing = (nhiscan("inventory", f"snapshot:{saved}", "-f", form) for form in ("csv", "json"))
    written = [done.text, table.text, listing.err, documents_apart(listing.out), *(f.read_text() for f in files)]
    spool = [p for p in saved.rglob("*") if p.is_file()]
    shown = "\n".join([*written, caplog.text, *(text_of(p) for p in spool if p.stem not in {"policy", "grant"})])
    assert "tagged" in shown
    assert CANARY not in shown
    assert CANARY[3:-3] not in shown
    assert secret not in shown + "".join(text_of(p) for p in spool)


def tags():
    return [{"Key": "purpose", "Value": CANARY}]


def guarded():
    """A trust whose condition holds a value that looks like a secret."""
    return assume({"AWS": "arn:aws:iam::999988887777:root"}, StringEquals={"sts:ExternalId": CANARY})


def guarded_grant():
    return document(ADMIN | {"Sid": CANARY, "Condition": {"StringEquals": {"aws:PrincipalTag/token": CANARY}}})


def odd_columns(out):
    """The credential report with columns that nobody knows, holding the canary."""
    import base64

    content = re.search(rb"<Content>(.*?)</Content>", out, re.DOTALL).group(1)
    lines = base64.b64decode(content).decode().strip().splitlines()
    wide = [lines[0] + ",new_column", *(f"{line},{CANARY}" for line in lines[1:])]
    return out.replace(content, base64.b64encode("\n".join(wide).encode()))


def documents_apart(inventory):
    """The inventory without policy documents and the conditions in them, which are kept as the account has them."""
    tables = json.loads(inventory)
    for table, column in (("policy", "document"), ("trust", "condition"), ("grant", "condition")):
        for row in tables[table]:
            del row[column]
    return json.dumps(tables)
