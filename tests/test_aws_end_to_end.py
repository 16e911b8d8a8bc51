"""An AWS account through the command line: what is planted is found, and what is refused is said, never passed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from nhiscan.collectors.aws import _live, _session
from nhiscan.collectors.aws.iam import COLLECTOR
from tests.collectors.aws.lab import empty_account, serving, share_models

ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:"
AS_OF = "2026-11-01"
NOW = datetime(2026, 11, 1)  # noqa: DTZ001 - moto keeps naive times
ADMIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}
LISTING = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::reports"}
GITHUB = "token.actions.githubusercontent.com"
CALLER = "sts:GetCallerIdentity"
DENIABLE = sorted(set(COLLECTOR.requires) - {CALLER})

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


@pytest.fixture
def audit(nhiscan):
    def run(*more, form="json"):
        return nhiscan("audit", "aws", "--as-of", AS_OF, "-j", 1, "-f", form, *more)

    return run
