"""Who from outside may use a thing, by the policy that stands on it."""

import json
from datetime import UTC, datetime

import pytest

from nhiscan.analysis.aws.library import library
from nhiscan.analysis.aws.shares import shares
from nhiscan.analysis.aws.trusts import World
from nhiscan.model import Attachment, AttachmentKind, Certainty, Policy, PolicyKind, PrincipalKind, TrustKind

NOW = datetime(2026, 11, 1, tzinfo=UTC)
OWN, SISTER, STRANGER = "111122223333", "222233334444", "999988887777"
QUEUE = f"arn:aws:sqs:eu-west-1:{OWN}:orders"
SECRET = f"arn:aws:secretsmanager:eu-west-1:{OWN}:secret:db-AbCdEf"
BUCKET = "arn:aws:s3:::exports"
KNOWN = World(frozenset({OWN, SISTER}), {}, NOW)


def statement(principal, action="sqs:SendMessage", effect="Allow", **more):
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": "*", **more}


def rows(*statements, thing=QUEUE, mark="policy", document=None):
    body = document or json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    base = {"scope_id": f"aws:{OWN}", "source": "test"}
    policy = Policy(**base, id=f"{thing}#{mark}", provider="aws", kind=PolicyKind.RESOURCE, name="p", document=body)
    attachment = Attachment(
        **base, id=f"{thing}#resource", policy_id=policy.id, principal_id=thing, kind=AttachmentKind.RESOURCE
    )
    return list(shares([attachment], library([policy]), KNOWN))


def one(*statements, **more):
    found = rows(*statements, **more)
    assert len(found) == 1
    return found[0]


def test_everybody_without_a_condition_is_a_stranger():
    row = one(statement("*"))
    assert (row.kind, row.principal_kind, row.principal) == (TrustKind.ACCESS, PrincipalKind.ANYONE, "*")
    assert (row.target_id, row.external, row.certainty) == (QUEUE, True, Certainty.CERTAIN)
    assert row.id == f"{QUEUE}#access:policy:1:anyone:*"


@pytest.mark.parametrize(
    ("condition", "external"),
    [
        ({"Bool": {"aws:SecureTransport": "true"}}, True),
        ({"StringEquals": {"s3:x-amz-acl": "private"}}, True),
        ({"StringEquals": {"aws:SourceAccount": OWN}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": [OWN, SISTER]}}, False),
        ({"StringEquals": {"aws:PrincipalAccount": [OWN, STRANGER]}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:eu-west-1:{OWN}:t"}}, False),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:eu-west-1:{STRANGER}:t"}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::exports"}}, False),
        ({"StringLike": {"aws:PrincipalArn": "*"}}, True),
        ({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}, True),
        ({"ForAllValues:StringEquals": {"aws:SourceAccount": OWN}}, True),
        ({"StringNotEquals": {"aws:SourceAccount": OWN}}, True),
        ({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "0.0.0.0/0"]}}, True),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}, None),
    ],
)
def test_a_condition_narrows_everybody_or_does_not(condition, external):
    assert one(statement({"AWS": "*"}, Condition=condition)).external is external


@pytest.mark.parametrize(
    ("principal", "kind", "name", "external"),
    [
        ({"AWS": STRANGER}, PrincipalKind.ACCOUNT, STRANGER, True),
        ({"AWS": f"arn:aws:iam::{STRANGER}:root"}, PrincipalKind.ACCOUNT, STRANGER, True),
        ({"AWS": f"arn:aws:iam::{STRANGER}:role/r"}, PrincipalKind.IDENTITY, f"arn:aws:iam::{STRANGER}:role/r", True),
        ({"AWS": f"arn:aws:iam::{SISTER}:root"}, PrincipalKind.ACCOUNT, SISTER, False),
        ({"AWS": "AROAEXAMPLEEXAMPLEAAA"}, PrincipalKind.DELETED, "AROAEXAMPLEEXAMPLEAAA", False),
        ({"Service": "SNS.amazonaws.com"}, PrincipalKind.SERVICE, "sns.amazonaws.com", False),
    ],
)
def test_whom_a_principal_names(principal, kind, name, external):
    row = one(statement(principal))
    assert (row.principal_kind, row.principal, row.external) == (kind, name, external)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": OWN},
        {"AWS": f"arn:aws:iam::{OWN}:role/r"},
        {"AWS": "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},
        {"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"},
        {"Federated": "cognito-identity.amazonaws.com"},
    ],
)
def test_nobody_from_outside(principal):
    assert rows(statement(principal)) == []


def test_a_service_is_bound_by_its_source_alone():
    assert one(statement({"Service": "sns.amazonaws.com"})).source_bound is False
    bound = {"ArnEquals": {"aws:SourceArn": f"arn:aws:sns:eu-west-1:{OWN}:t"}}
    assert one(statement({"Service": "sns.amazonaws.com"}, Condition=bound)).source_bound is True
    assert one(statement("*")).source_bound is None


def test_a_deny_on_whose_request_it_is_leaves_the_question_open():
    open_to_all = statement("*")
    others = {"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}
    plain_text = {"Bool": {"aws:SecureTransport": "false"}}
    assert one(open_to_all, statement("*", effect="Deny", Condition=others)).external is None
    assert one(open_to_all, statement("*", effect="Deny", Condition=plain_text)).external is True
    assert one(open_to_all, statement({"AWS": SISTER}, effect="Deny")).external is True
    excepted = {"Effect": "Deny", "NotPrincipal": {"AWS": SISTER}, "Action": "*", "Resource": "*"}
    assert one(open_to_all, excepted).external is None
    assert one(open_to_all, statement("*", effect="Deny")).external is None


def test_allow_with_not_principal_names_everybody_but_a_few():
    row = one({"Effect": "Allow", "NotPrincipal": {"AWS": STRANGER}, "Action": "sqs:*", "Resource": "*"})
    assert (row.principal, row.certainty) == ("*", Certainty.CONDITIONAL)


def test_of_a_secret_only_reading_counts():
    assert rows(statement("*", "secretsmanager:DescribeSecret"), thing=SECRET) == []
    assert one(statement("*", "secretsmanager:Get*"), thing=SECRET).external is True
    assert one(statement("*", "sqs:GetQueueUrl")).external is True


def test_a_bucket_belongs_to_the_account_it_was_seen_in():
    assert rows(statement({"AWS": OWN}, "s3:GetObject"), thing=BUCKET) == []
    assert one(statement({"AWS": STRANGER}, "s3:GetObject"), thing=BUCKET).external is True


def test_one_row_for_a_principal_named_twice_and_none_for_a_broken_policy():
    assert len(rows(statement({"AWS": [STRANGER, STRANGER]}))) == 1
    assert rows(document="no policy") == []


def test_what_stands_on_the_principal_is_no_share():
    base = {"scope_id": f"aws:{OWN}", "source": "test"}
    policy = Policy(
        **base,
        id="p",
        provider="aws",
        kind=PolicyKind.TRUST,
        name="p",
        document=json.dumps({"Statement": statement("*")}),
    )
    attachment = Attachment(**base, id="a", policy_id="p", principal_id=QUEUE, kind=AttachmentKind.TRUST)
    assert list(shares([attachment], library([policy]), KNOWN)) == []
