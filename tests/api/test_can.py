"""How a question is understood: names for ARNs, and what they are looked up in."""

import pytest

from nhiscan.analysis.aws.question import Question, QuestionError
from nhiscan.api.can import named
from nhiscan.model import Store
from tests.analysis.aws.sample import Account

USER, ROLE = "arn:aws:iam::111122223333:user/deploy", "arn:aws:iam::111122223333:role/deploy"


@pytest.fixture
def records():
    account = Account()
    account.user("deploy")
    account.role("deploy")
    account.role("etl")
    account.group("staff")
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf"
    account.identities.append(
        Store(id=secret, scope_id="aws:111122223333", source="t", provider="aws", kind="secret", name="db")
    )
    return account.identities


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("etl", "arn:aws:iam::111122223333:role/etl"),
        ("user/deploy", USER),
        ("role/deploy", ROLE),
        (ROLE, ROLE),
        ("lambda.amazonaws.com", "lambda.amazonaws.com"),
        ("*", "*"),
        ("arn:aws:iam::999988887777:role/elsewhere", "arn:aws:iam::999988887777:role/elsewhere"),
    ],
)
def test_a_principal_is_an_arn_a_service_or_a_name_that_occurs_once(records, principal, expected):
    assert named(Question(principal, "s3:GetObject"), records).principal == expected


@pytest.mark.parametrize(("resource", "end"), [("db", ":secret:db-AbCdEf"), ("role/etl", ":role/etl"), ("*", "*")])
def test_a_resource_may_be_a_name(records, resource, end):
    assert named(Question(ROLE, "s3:GetObject", resource), records).resource.endswith(end)


@pytest.mark.parametrize(
    ("principal", "message", "remedy"),
    [
        ("deploy", "names 2 of what was collected", "by its ARN"),
        ("staff", "no principal 'staff'", "by its ARN"),
        ("elt", "no principal 'elt'", "did you mean etl"),
    ],
)
def test_a_name_that_says_too_little_is_asked_back(records, principal, message, remedy):
    with pytest.raises(QuestionError, match=message) as caught:
        named(Question(principal, "s3:GetObject"), records)
    assert remedy in caught.value.remedy


def test_without_identities_there_is_nobody_to_ask_for():
    with pytest.raises(QuestionError, match="no AWS account was read"):
        named(Question("*", "s3:GetObject"), [])
