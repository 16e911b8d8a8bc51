import base64
import json
import logging
import pickle
import re
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import pytest

from nhiscan.collect.protocol import Collector
from nhiscan.collectors.aws import _session
from nhiscan.collectors.aws.iam import COLLECTOR
from nhiscan.model import COLLECTED, RELATIONS
from nhiscan.plugin import Target, TargetError, TargetKind

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:"
CANARY = "c4nary" + "S3cretV4lue" * 3
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
TRUST = json.dumps(
    {"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}}
)
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBRzCBzqADAgECAgEHMAoGCCqGSM49BAMCMA4xDDAKBgNVBAMMA2ZhcjAgFw0y
NDAxMDEwMDAwMDBaGA8yMDYwMDEwMTAwMDAwMFowDjEMMAoGA1UEAwwDZmFyMHYw
EAYHKoZIzj0CAQYFK4EEACIDYgAEVW02p4IxZRDsPCO7tYKdPwitOg6/NvTDYNzg
TF1Ye2uL8R43svuxvZP7EJ6HnMvJYYbfIipJ99Xrc6gQKKko/WyqwKsAvJxcPhxZ
uG6irmp4iTOieWcsKhEsfKP4YhHhMAoGCCqGSM49BAMCA2gAMGUCMQC9SWrUV5LS
3xAYtSO1ciR577q0tYMdKaHcEFdo2NsfysKejmc4zx424uI2WwY0KNICMDCiNs3u
CTsAdSZX2DcAZqg8zis0Lm0A4eWWGan0qosdeJCnHG/zqUw05EYXgJBiEw==
-----END CERTIFICATE-----"""
ONLINE = Target("aws", "aws", "")
DENIABLE = sorted(set(COLLECTOR.requires) - {"sts:GetCallerIdentity"})


@pytest.fixture
def estate(lab):
    iam = lab.iam
    iam.create_user(
        UserName="etl", Path="/svc/", Tags=[{"Key": "Owner", "Value": "data"}, {"Key": "note", "Value": CANARY}]
    )
    lab.secret = iam.create_access_key(UserName="etl")["AccessKey"]["SecretAccessKey"]
    iam.create_user(UserName="idle")
    iam.create_group(GroupName="ops")
    iam.add_user_to_group(GroupName="ops", UserName="etl")
    iam.put_group_policy(GroupName="ops", PolicyName="all", PolicyDocument=ALLOW)
    policy = iam.create_policy(PolicyName="deploy", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="etl", PolicyArn=policy)
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=policy)
    iam.create_instance_profile(InstanceProfileName="box")
    iam.add_role_to_instance_profile(InstanceProfileName="box", RoleName="deploy")
    iam.create_open_id_connect_provider(
        Url="https://token.example.com", ThumbprintList=["0" * 40], Tags=[{"Key": "team", "Value": "ci"}]
    )
    iam.create_saml_provider(Name="sso", SAMLMetadataDocument="m" * 1024)
    lab.calls.clear()
    return lab


@pytest.fixture
def holding(estate):
    """The same, with something in every list besides access keys."""
    iam = estate.iam
    iam.put_user_policy(
        UserName="etl", PolicyName="git", PolicyDocument=ALLOW.replace('"*"', '"codecommit:GitPull"', 1)
    )
    iam.upload_ssh_public_key(UserName="etl", SSHPublicKeyBody="ssh-rsa AAAA")
    iam.upload_signing_certificate(UserName="etl", CertificateBody=CERTIFICATE)
    iam.upload_server_certificate(ServerCertificateName="web", CertificateBody=CERTIFICATE, PrivateKey="none")
    estate.rewrite["iam:GetCredentialReport"] = _with_active_certificate
    estate.service_credentials = (
        "<member><UserName>etl</UserName><Status>Active</Status><ServiceUserName>etl-at-1</ServiceUserName>"
        "<CreateDate>2025-08-01T00:00:00Z</CreateDate><ExpirationDate>2026-12-01T00:00:00Z</ExpirationDate>"
        "<ServiceSpecificCredentialId>ACCA1</ServiceSpecificCredentialId>"
        "<ServiceName>bedrock.amazonaws.com</ServiceName></member>"
    )
    estate.saml_tags = "<member><Key>Owner</Key><Value>it</Value></member>"
    estate.calls.clear()
    return estate


def _with_active_certificate(out):
    encoded = re.search(rb"<Content>(.*?)</Content>", out, re.DOTALL)[1]
    header, *rows = base64.b64decode(encoded).decode().splitlines()
    at = header.split(",").index("cert_1_active")
    cells = [row.split(",") for row in rows]
    for row in cells:
        row[at] = "true" if row[0] == "etl" else row[at]
    text = "\n".join([header, *(",".join(row) for row in cells)])
    return out.replace(encoded, base64.b64encode(text.encode()))


def _dump(records):
    return "\n".join(map(repr, records))


def test_collector_has_the_shape_the_registry_asks_for():
    assert isinstance(COLLECTOR, Collector)
    assert pickle.loads(pickle.dumps(ONLINE)) == ONLINE
    assert set(COLLECTOR.covers) <= {r.table for r in COLLECTED}


def test_importing_the_collector_loads_no_sdk():
    code = "import sys, nhiscan.collectors.aws.iam; print([m for m in sys.modules if m.startswith('boto')])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_live_account_gives_every_kind_of_record(estate, audit, pick):
    records = audit()
    identities = pick(records, "identity")
    kinds = Counter(i.kind.value for i in identities.values())
    assert kinds == {"user": 2, "group": 1, "role": 1, "instance_profile": 1, "oidc_provider": 1, "saml_provider": 1}
    assert identities[f"{ARN}user/svc/etl"].interactive is False
    assert [o.name for o in pick(records, "owner").values()] == ["data", "ci"]
    assert {(m.identity_id, m.group_id) for m in pick(records, "member").values()} == {
        (f"{ARN}user/svc/etl", f"{ARN}group/ops"),
        (f"{ARN}role/deploy", f"{ARN}instance-profile/box"),
    }
    assert pick(records, "gap") == {}


def test_live_key_carries_id_state_and_age(estate, audit, pick):
    (key,) = pick(audit(), "credential").values()
    assert key.id == f"aws:access_key/{key.key_id}"
    assert (key.state, key.last_used, key.identity_id) == ("active", "never", f"{ARN}user/svc/etl")
    assert key.issued_at is not None


def test_ids_are_unique_and_relations_lead_somewhere(estate, audit):
    records = audit()
    ids = Counter((r.table, r.id) for r in records)
    assert max(ids.values()) == 1
    for record in records:
        for column, table in RELATIONS.get(record.table, {}).items():
            value = getattr(record, column)
            if value is not None and table != "*":
                assert (table, value) in ids


def test_calls_made_are_exactly_the_permissions_declared(holding, audit, ctx):
    holding.no_documents = True  # so that GetPolicy and GetPolicyVersion are needed
    records = audit()
    assert set(holding.calls) == set(COLLECTOR.requires)
    assert dict(holding.calls) == ctx.calls
    assert all(p.document for p in records if p.table == "policy")
    assert set(COLLECTOR.writes) - {"sts:AssumeRole"} <= set(COLLECTOR.requires)


def test_one_call_per_user_with_a_key_and_none_for_others(lab, audit):
    for n in range(6):
        lab.iam.create_user(UserName=f"u{n}")
        if n < 5:
            lab.iam.create_access_key(UserName=f"u{n}")
    lab.calls.clear()
    audit()
    assert lab.calls["iam:ListAccessKeys"] == 5
    account_level = 6 + 3  # caller, report twice, details, providers twice; service credentials twice, certificates
    assert sum(lab.calls.values()) == 5 + account_level


def test_inactive_keys_are_told_by_the_report_without_asking_for_their_ids(lab, audit, pick):
    lab.iam.create_user(UserName="old")
    key = lab.iam.create_access_key(UserName="old")["AccessKey"]["AccessKeyId"]
    lab.iam.update_access_key(UserName="old", AccessKeyId=key, Status="Inactive")
    lab.calls.clear()
    (credential,) = pick(audit(), "credential").values()
    assert lab.calls["iam:ListAccessKeys"] == 0
    assert (credential.id, credential.state) == (f"{ARN}user/old#access_key/1", "inactive")


def test_everything_that_users_hold_is_told(holding, audit, pick):
    records = audit()
    held = {c.kind.value: c for c in pick(records, "credential").values()}
    assert set(held) == {"access_key", "api_key", "ssh_key", "signing_certificate", "certificate"}
    bedrock = held["api_key"]
    assert (bedrock.identity_id, bedrock.format, bedrock.facts) == (
        f"{ARN}user/svc/etl", "aws-bedrock-api-key", {"service": "bedrock.amazonaws.com"}
    )  # fmt: skip
    assert bedrock.expires_at.year == 2026
    assert held["signing_certificate"].expires_at.year == 2060
    assert held["signing_certificate"].facts["key_algorithm"] == "EC"
    assert "reported_at" in held["access_key"].facts
    assert [o.name for o in pick(records, "owner").values() if "saml" in o.subject_id] == ["it"]
    assert [g.subject_id for g in pick(records, "gap").values()] == [f"{ARN}ssh-public-key/*"]  # of user idle


def test_ssh_keys_are_asked_for_only_where_a_policy_names_codecommit(holding, audit, pick):
    holding.iam.create_user(UserName="other")
    (gap,) = pick(audit(), "gap").values()
    assert holding.calls["iam:ListSSHPublicKeys"] == 1
    assert (gap.subject_id, gap.reason) == (f"{ARN}ssh-public-key/*", "skipped")


def test_a_quarantined_user_and_each_of_its_keys_bear_the_signal(estate, audit, pick):
    estate.iam.create_policy(PolicyName="AWSCompromisedKeyQuarantineV3", PolicyDocument=ALLOW)
    estate.iam.attach_user_policy(UserName="etl", PolicyArn=f"{ARN}policy/AWSCompromisedKeyQuarantineV3")
    records = audit()
    (key,) = pick(records, "credential")
    signals = pick(records, "signal").values()
    assert {(s.subject_id, s.kind, s.active) for s in signals} == {
        (f"{ARN}user/svc/etl", "quarantined", True),
        (key, "quarantined", True),
    }


@pytest.mark.parametrize("operation", DENIABLE)
def test_each_denied_operation_leaves_a_gap_with_its_remedy(holding, audit, pick, operation):
    holding.no_documents = True
    holding.iam.delete_user(UserName="idle")  # whose SSH keys are not listed, a gap of its own
    holding.refuse[operation] = (403, "AccessDenied")
    records = audit()
    gaps = pick(records, "gap").values()
    assert {g.remedy for g in gaps} == {f"allow {operation}"}
    assert {g.operation for g in gaps} == {operation}
    assert {g.reason for g in gaps} == {"denied"}
    assert f"{ARN}user/svc/etl" in pick(records, "identity")


def test_everything_denied_still_gives_the_account_and_names_each_permission(estate, audit, pick):
    for operation in DENIABLE:
        estate.refuse[operation] = (403, "AccessDenied")
    records = audit()
    assert {r.table for r in records} == {"scope", "gap"}
    assert {g.remedy for g in pick(records, "gap").values()} == {
        "allow iam:GetAccountAuthorizationDetails",
        "allow iam:GenerateCredentialReport and iam:GetCredentialReport",
        "allow iam:ListOpenIDConnectProviders",
        "allow iam:ListSAMLProviders",
        "allow iam:ListServiceSpecificCredentials",
        "allow iam:ListServerCertificates",
    }


def test_denied_caller_identity_is_a_target_error(lab, ctx):
    lab.refuse["*"] = (403, "AccessDenied")
    with pytest.raises(TargetError) as caught:
        list(COLLECTOR.units(ONLINE, ctx))
    assert caught.value.remedy == "allow sts:GetCallerIdentity"


def test_expired_credentials_are_a_target_error_with_a_way_out(lab, ctx):
    lab.refuse["*"] = (403, "ExpiredToken")
    lab.message = CANARY
    with pytest.raises(TargetError, match="refused the credentials") as caught:
        list(COLLECTOR.units(ONLINE, ctx))
    assert "renew" in caught.value.remedy
    assert CANARY not in str(caught.value)


def test_credentials_that_expire_midway_stop_further_calls_and_leave_gaps(estate, audit, pick):
    estate.refuse["iam:GetAccountAuthorizationDetails"] = (400, "ExpiredToken")
    records = audit()
    assert estate.calls["iam:ListAccessKeys"] == 0
    assert {"user", "oidc_provider"} & {i.kind.value for i in pick(records, "identity").values()} == {"user"}
    (key,) = pick(records, "credential").values()
    assert key.id == f"{ARN}user/svc/etl#access_key/1"
    assert len(pick(records, "gap")) == 6


def test_throttling_after_all_retries_is_a_gap_of_its_own(estate, audit, pick, monkeypatch):
    monkeypatch.setattr(_session, "_ATTEMPTS", 1)
    estate.refuse["iam:ListAccessKeys"] = (400, "Throttling")
    (gap,) = pick(audit(), "gap").values()
    assert gap.reason == "throttled"
    assert gap.covers == ("credential.key_id",)


def test_no_secret_value_reaches_a_record(estate, audit):
    shown = _dump(audit())
    assert CANARY not in shown
    assert estate.secret not in shown


def test_unit_names_the_caller_and_the_account(lab, ctx):
    (unit,) = COLLECTOR.units(ONLINE, ctx)
    assert (unit.id, unit.scope_id) == (f"aws.iam:{ACCOUNT}", f"aws:{ACCOUNT}")
    assert unit.params["caller"].startswith("arn:aws:sts::123456789012:")


def test_unexpected_account_stops_the_target(lab, ctx):
    assert len(list(COLLECTOR.units(ONLINE, replace(ctx, expect_account=ACCOUNT)))) == 1
    with pytest.raises(TargetError, match="not 210987654321 as expected"):
        list(COLLECTOR.units(ONLINE, replace(ctx, expect_account="210987654321")))


def test_answer_without_an_account_is_a_target_error(lab, ctx, monkeypatch):
    monkeypatch.setattr(_session.Session, "probe", lambda *_: {"Arn": "who knows"})
    with pytest.raises(TargetError, match="names no account"):
        list(COLLECTOR.units(ONLINE, ctx))


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"AWS_ENDPOINT_URL": "http://user:hunter2@127.0.0.1:9"}, "cannot reach AWS at 127.0.0.1:9"),
        ({"AWS_ENDPOINT_URL": "http://[hunter2"}, "address is not valid"),
        ({"AWS_PROFILE": "hunter2"}, "profile does not exist"),
        ({"AWS_CONFIG_FILE": __file__}, "configuration cannot be read"),
        ({"HTTP_PROXY": "http://u:hunter2@127.0.0.1:9"}, "cannot reach AWS"),
    ],
)
def test_unusable_surroundings_are_target_errors_that_quote_nothing(
    lab, ctx, environment, monkeypatch, variables, message
):
    monkeypatch.setattr(_session, "_PROBE_ATTEMPTS", 1)
    environment.setenv("NO_PROXY", "") if "HTTP_PROXY" in variables else None
    for name, value in variables.items():
        environment.setenv(name, value)
    with pytest.raises(TargetError, match=message) as caught:
        list(COLLECTOR.units(ONLINE, ctx))
    assert "hunter2" not in str(caught.value) + caught.value.remedy
    assert caught.value.remedy


def test_no_credentials_is_a_target_error(lab, ctx, environment):
    environment.delenv("AWS_ACCESS_KEY_ID")
    environment.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(TargetError, match="no usable AWS credentials"):
        list(COLLECTOR.units(ONLINE, ctx))


def test_profile_of_the_target_is_used(lab, ctx, environment, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "[profile prod]\nregion = eu-west-1\naws_access_key_id = testing\naws_secret_access_key = testing\n"
    )
    environment.setenv("AWS_CONFIG_FILE", str(config))
    (unit,) = COLLECTOR.units(Target("aws:prod", "aws", "prod"), ctx)
    assert unit.params["profile"] == "prod"


def test_other_targets_are_none_of_its_business(ctx, tmp_path):
    assert list(COLLECTOR.units(Target(".", TargetKind.PATH, str(tmp_path)), ctx)) == []


def test_sdk_logs_stay_off_at_debug(estate, audit, caplog):
    with caplog.at_level(logging.DEBUG):
        audit()
    assert [r.name for r in caplog.records if r.name.startswith(("boto", "urllib3"))] == []


def test_answers_that_are_not_of_aws_are_malformed_not_a_crash(estate, audit, pick, monkeypatch):
    monkeypatch.setattr(_session, "_ATTEMPTS", 1)
    monkeypatch.setattr(estate, "_without_documents", lambda _env, start: start("200 OK", []) or [b"<html>login"])
    estate.no_documents = True
    gaps = pick(audit(), "gap").values()
    assert {g.reason.value for g in gaps} == {"malformed"}


def test_user_deleted_while_we_look_is_deleted_with_its_keys(lab, audit, pick):
    lab.iam.create_user(UserName="gone")
    lab.iam.create_access_key(UserName="gone")
    lab.refuse["iam:ListAccessKeys"] = (404, "NoSuchEntity")
    records = audit()
    (key,) = pick(records, "credential").values()
    assert key.state == "deleted"
    assert [i.state.value for i in records if i.table == "identity"] == ["enabled", "deleted"]
    assert pick(records, "gap") == {}
