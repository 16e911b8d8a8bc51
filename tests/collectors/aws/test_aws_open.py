"""Who is let in by resource policies, and whether buckets and functions are open to everybody."""

import json

import pytest

from nhiscan.collectors.aws._openness import anybody
from nhiscan.plugin import Auth, GapReason
from tests.collectors.aws.consumers import Answers, denied, group, missing, part

BLOCKED = {"PublicAccessBlockConfiguration": {"RestrictPublicBuckets": True, "IgnorePublicAcls": True}}
OPEN_GRANT = {"Grants": [{"Grantee": {"URI": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}}]}


def statement(principal="*", effect="Allow", **more):
    return {"Effect": effect, "Principal": principal, "Action": "*", "Resource": "*", **more}


def policy(*statements):
    return json.dumps({"Statement": list(statements)})


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, False),
        ("", False),
        ("{broken", None),
        (policy(statement()), True),
        (policy(statement({"AWS": "*"})), True),
        (policy(statement({"AWS": ["1", "*"]})), True),
        (json.dumps({"Statement": statement()}), True),
        (policy(statement({"AWS": "arn:aws:iam::210987654321:root"})), False),
        (policy(statement({"Service": "s3.amazonaws.com"})), False),
        (policy(statement(effect="Deny")), False),
        (policy(statement(), statement(effect="Deny")), None),
        (policy(statement(Condition={"StringEquals": {"aws:SourceAccount": "1"}})), None),
        (policy(statement(Condition={"StringEquals": {"k": "1"}}), statement()), True),
        (policy({"Effect": "Allow", "NotPrincipal": {"AWS": "1"}}), True),
        (policy("malformed", None), False),
        ("{}", False),
    ],
)
def test_anybody(raw, expected):
    assert anybody(raw) is expected


def test_conditions_that_are_always_met_count_as_none():
    url = policy(statement(Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}))
    also = policy(
        statement(
            Condition={
                "StringEquals": {"lambda:FunctionUrlAuthType": "NONE"},
                "IpAddress": {"aws:SourceIp": "10.0.0.0/8"},
            }
        )
    )
    met = {"lambda:functionurlauthtype"}
    assert anybody(url, met=met) is True
    assert anybody(also, met=met) is None
    assert anybody(url) is None


def buckets(**answers):
    given = {
        "s3:ListBuckets": {"Buckets": [{"Name": "b"}]}, "s3:GetBucketPolicy": missing(),
        "s3control:GetPublicAccessBlock": missing(), "s3:GetPublicAccessBlock": missing(),
        "s3:GetBucketAcl": {"Grants": []},
    }  # fmt: skip
    found = Answers()
    found.given = given | {name.replace("__", ":"): answer for name, answer in answers.items()}
    records = part(group("buckets"), "buckets", found)
    return records.resource["arn:aws:s3:::b"].public, records, {op for op, _ in found.asked}


OPEN = {"Policy": policy(statement())}
PUBLIC, PRIVATE = ({"PolicyStatus": {"IsPublic": v}} for v in (True, False))


@pytest.mark.parametrize(
    ("answers", "public"),
    [
        ({}, False),
        ({"s3__GetBucketAcl": OPEN_GRANT}, True),
        ({"s3__GetBucketAcl": OPEN_GRANT, "s3__GetPublicAccessBlock": BLOCKED}, False),
        ({"s3__GetBucketAcl": OPEN_GRANT, "s3control__GetPublicAccessBlock": BLOCKED}, False),
        ({"s3__GetBucketAcl": denied("s3:GetBucketAcl")}, None),
        ({"s3__GetBucketPolicy": OPEN, "s3__GetBucketPolicyStatus": PUBLIC}, True),
        ({"s3__GetBucketPolicy": OPEN, "s3__GetBucketPolicyStatus": PRIVATE}, False),
        ({"s3__GetBucketPolicy": OPEN, "s3__GetBucketPolicyStatus": denied("s3:GetBucketPolicyStatus")}, True),
        ({"s3__GetBucketPolicy": denied("s3:GetBucketPolicy")}, None),
        ({"s3__GetBucketAcl": OPEN_GRANT, "s3control__GetPublicAccessBlock": denied("s3control:GetPublicAccessBlock")}, None),
        ({"s3__GetBucketAcl": OPEN_GRANT, "s3__GetPublicAccessBlock": denied("s3:GetPublicAccessBlock")}, None),
        ({"s3control__GetPublicAccessBlock": denied("s3control:GetPublicAccessBlock")}, False),
    ],
)  # fmt: skip
def test_a_bucket_is_open_by_policy_or_by_grant_unless_blocked(answers, public):
    assert buckets(**answers)[0] is public


def test_a_complete_block_of_the_account_saves_every_call_but_that_for_the_policy():
    _, _, asked = buckets(s3control__GetPublicAccessBlock=BLOCKED, s3__GetBucketPolicy=OPEN)
    assert asked == {"s3:ListBuckets", "s3:GetBucketPolicy", "s3control:GetPublicAccessBlock"}


def test_a_bucket_without_a_policy_is_no_gap_and_one_that_is_refused_is_its_own():
    _, records, _ = buckets()
    assert records.gap == {}
    several = {"Buckets": [{"Name": n} for n in "abcdefgh"]}

    def policy_of(params):
        return denied("s3:GetBucketPolicy") if params["Bucket"] == "g" else missing()

    found = Answers()
    found.given = {
        "s3:ListBuckets": several,
        "s3:GetBucketPolicy": policy_of,
        "s3control:GetPublicAccessBlock": BLOCKED,
    }
    (gap,) = part(group("buckets"), "buckets", found).gap.values()
    assert (gap.subject_id, gap.reason) == ("arn:aws:s3:::g", GapReason.DENIED)


URL = "arn:aws:lambda:us-east-1:123456789012:function:f"
BY_URL = {"Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, "Action": "lambda:InvokeFunctionUrl"}


def function(policies, urls=None):
    found = Answers()
    found.given = {
        "lambda:ListFunctions": {"Functions": [{"FunctionName": "f", "FunctionArn": URL, "Role": "x"}]},
        "lambda:GetPolicy": policies, "lambda:ListFunctionUrlConfigs": urls or {},
    }  # fmt: skip
    records = part(group("functions"), "functions", found)
    return records.consumer[URL], records, {op for op, _ in found.asked}


def urls(*kinds):
    return {"FunctionUrlConfigs": [{"AuthType": k, "FunctionUrl": f"https://{k}.on.aws/"} for k in kinds]}


def test_a_url_without_sign_in_that_the_policy_opens_is_public():
    found, _, _ = function({"Policy": policy(statement(**BY_URL))}, urls("AWS_IAM", "NONE"))
    assert (found.public, found.auth, found.url) == (True, Auth.NONE, "https://NONE.on.aws/")


def test_a_url_that_only_some_may_call_is_not_public():
    narrow = statement({"AWS": "arn:aws:iam::123456789012:role/x"}, **BY_URL)
    assert function({"Policy": policy(narrow)}, urls("NONE"))[0].public is False
    assert function({"Policy": policy(statement(**BY_URL))}, urls("AWS_IAM"))[0].public is False


def test_functions_whose_policy_speaks_of_no_url_are_not_asked_for_one():
    found, _, asked = function({"Policy": policy(statement({"Service": "s3.amazonaws.com"}))})
    assert "lambda:ListFunctionUrlConfigs" not in asked
    assert found.public is False


@pytest.mark.parametrize(
    ("policies", "configs"),
    [
        (denied("lambda:GetPolicy"), None),
        ({"Policy": policy(statement(**BY_URL))}, denied("lambda:ListFunctionUrlConfigs")),
    ],
)
def test_what_was_not_read_leaves_it_open_whether_a_function_is_public(policies, configs):
    found, records, _ = function(policies, configs)
    assert found.public is None
    assert {c for g in records.gap.values() for c in g.covers} >= {"consumer.public"}


def test_a_url_that_is_gone_by_the_time_is_none():
    found, records, _ = function({"Policy": policy(statement(**BY_URL))}, missing())
    assert found.public is False
    assert records.gap == {}
