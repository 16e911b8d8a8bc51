import json
from datetime import UTC, datetime

import pytest

from nhiscan.analysis.aws.conditions import Fact, Facts, Truth, condition, fill, holds, open_keys
from nhiscan.analysis.aws.documents import CURRENT, MalformedDocumentError, parse, read_conditions
from nhiscan.analysis.aws.patterns import matches, shown

FACTS = Facts(
    datetime(2026, 11, 1, tzinfo=UTC),
    {
        "aws:username": ("ann",),
        "aws:principaltag/": Fact.ABSENT,
        "aws:principaltag/team": ("Data",),
        "many": ("a", "b"),
        "n": ("7",),
        "gone": Fact.ABSENT,
    },
)
T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


@pytest.mark.parametrize(
    ("operator", "key", "values", "allowed", "denied"),
    [
        ("StringEquals", "aws:username", ["bob", "ann"], T, T),
        ("StringEquals", "aws:username", ["Ann"], F, F),
        ("StringEqualsIgnoreCase", "aws:PrincipalTag/team", ["data"], T, T),
        ("StringNotEquals", "aws:username", ["bob"], T, T),
        ("StringNotEquals", "aws:username", ["bob", "ann"], F, F),
        ("StringLike", "aws:username", ["a*"], T, T),
        ("StringNotLike", "aws:username", ["a*"], F, F),
        ("StringEquals", "aws:username", ["${aws:username}"], T, T),
        ("StringEquals", "aws:username", ["${aws:userid}"], U, U),
        ("StringEquals", "gone", ["x"], F, F),
        ("StringEqualsIfExists", "gone", ["x"], T, T),
        ("StringNotEquals", "gone", ["x"], T, T),
        ("ForAllValues:StringEquals", "gone", ["x"], T, T),
        ("ForAnyValue:StringEquals", "gone", ["x"], F, F),
        ("ForAllValues:StringEquals", "many", ["a", "b", "c"], T, T),
        ("ForAllValues:StringEquals", "many", ["a"], F, F),
        ("ForAnyValue:StringEquals", "many", ["a"], T, T),
        ("NumericLessThan", "n", ["8"], T, T),
        ("NumericLessThanEquals", "n", ["7"], T, T),
        ("NumericGreaterThan", "n", ["7"], F, F),
        ("NumericGreaterThanEquals", "n", ["7"], T, T),
        ("NumericEquals", "n", ["7"], T, T),
        ("NumericNotEquals", "n", ["7"], F, F),
        ("NumericEquals", "n", ["x"], U, U),
        ("Null", "gone", ["true"], T, T),
        ("Null", "aws:username", ["true"], F, F),
        ("Null", "aws:username", ["false"], T, T),
        ("Null", "aws:sourcevpce", ["true"], U, U),
        ("Null", "aws:RequestTag/x", ["true"], T, F),
        ("StringEquals", "aws:PrincipalTag/other", ["x"], F, F),
        ("Bool", "aws:MultiFactorAuthPresent", ["true"], U, U),
        ("StringEquals", "aws:RequestedRegion", ["eu-west-1"], T, F),
        ("StringEquals", "aws:RequestTag/x", ["y"], T, F),
        ("IpAddress", "aws:SourceIp", ["10.0.0.0/8"], U, U),
        ("IpAddress", "n", ["10.0.0.0/8"], U, U),
        ("NoSuchOperator", "aws:username", ["ann"], U, U),
        ("DateLessThan", "aws:TokenIssueTime", ["2020-01-01T00:00:00Z"], F, F),
        ("DateGreaterThan", "aws:TokenIssueTime", ["2020-01-01T00:00:00"], T, T),
        ("DateGreaterThan", "aws:CurrentTime", ["2099-01-01T00:00:00Z"], U, U),
        ("DateLessThan", "aws:CurrentTime", ["2099-01-01T00:00:00Z"], T, T),
        ("NumericLessThan", "aws:EpochTime", ["1"], F, F),
        ("DateEquals", "aws:CurrentTime", ["2020-01-01T00:00:00Z"], F, F),
        ("DateEquals", "aws:CurrentTime", ["2099-01-01T00:00:00Z"], U, U),
        ("DateNotEquals", "aws:CurrentTime", ["2020-01-01T00:00:00Z"], T, T),
        ("DateLessThan", "aws:CurrentTime", ["soon"], U, U),
        ("DateLessThan", "aws:CurrentTime", ["9" * 30], U, U),
    ],
)
def test_one_condition(operator, key, values, allowed, denied):
    block = ((operator, key, tuple(values)),)
    assert holds(block, FACTS, allow=True) is allowed
    assert holds(block, FACTS, allow=False) is denied


def test_all_conditions_of_a_block_must_hold():
    yes = ("StringEquals", "aws:username", ("ann",))
    no = ("StringEquals", "aws:username", ("bob",))
    perhaps = ("Bool", "aws:MultiFactorAuthPresent", ("true",))
    assert holds((yes, perhaps), FACTS, allow=True) is U
    assert holds((perhaps, no), FACTS, allow=True) is F
    assert holds((), FACTS, allow=True) is T


def test_variables_are_filled_from_known_facts_only():
    assert fill("a/${aws:username}", FACTS) == "a/ann"
    assert fill("${aws:PrincipalTag/none, 'x'}", FACTS) == "x"
    assert fill("${many, 'x'}", FACTS) == "x"
    assert fill("${many}", FACTS) is Fact.ABSENT
    assert fill("${aws:PrincipalTag/none}", FACTS) is Fact.ABSENT
    assert fill("${aws:userid}", FACTS) is Fact.UNKNOWN


def test_what_a_variable_puts_in_is_no_wildcard():
    text = fill("a/${*}/*", FACTS)
    assert shown(text) == "a/*/*"
    assert matches(text, "a/*/b")
    assert not matches(text, "a/x/b")


REQUEST = Facts(
    datetime(2026, 11, 1, tzinfo=UTC),
    {
        "ip": ("203.0.113.7",),
        "ip6": ("2001:db8::7",),
        "arn": ("arn:aws:sns:eu-west-1:111122223333:a:b",),
        "bytes": ("QmluYXJ5",),
        "when": ("2026-05-01T12:00:00Z",),
        "epoch": ("1767225600",),
        "n": ("10",),
        "keys": ("a", "b"),
        "empty": ("",),
        "tag/": Fact.ABSENT,
        "tag/team": ("blue",),
    },
    chooses=False,
    closed=True,
)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("IpAddress", "ip", ["203.0.113.0/24"], T),
        ("IpAddress", "ip", ["203.0.113.7"], T),
        ("IpAddress", "ip", ["203.0.113.9/24"], T),
        ("IpAddress", "ip", ["10.0.0.0/8", "2001:db8::/32"], F),
        ("IpAddress", "ip6", ["10.0.0.0/8", "2001:DB8::/32"], T),
        ("NotIpAddress", "ip", ["10.0.0.0/8", "192.0.2.0/24"], T),
        ("NotIpAddress", "ip", ["10.0.0.0/8", "203.0.113.0/24"], F),
        ("NotIpAddress", "gone", ["10.0.0.0/8"], T),
        ("IpAddress", "ip", ["here"], U),
        ("ArnLike", "arn", ["arn:aws:sns:*:111122223333:a:b"], T),
        ("ArnLike", "arn", ["arn:aws:sns:*:b"], U),
        ("ArnEquals", "arn", ["arn:aws:sns:*:*:a*"], T),
        ("ArnLike", "arn", ["*"], T),
        ("ArnLike", "arn", ["arn:*"], U),
        ("ArnLike", "arn", ["arn"], F),
        ("ArnNotLike", "arn", ["arn:aws:sqs:*:*:*"], T),
        ("StringLike", "arn", ["arn:aws:sns:*:b"], T),
        ("BinaryEquals", "bytes", ["QmluYXJ5"], T),
        ("BinaryEquals", "bytes", ["eA=="], F),
        ("BinaryEquals", "n", ["not base64!"], F),
        ("DateLessThan", "when", ["2026-05-02"], T),
        ("DateGreaterThanEquals", "when", ["2026-05-01T12:00:00Z"], T),
        ("DateEquals", "epoch", ["2026-01-01T00:00:00Z"], T),
        ("DateGreaterThan", "when", ["2026"], T),
        ("DateGreaterThan", "when", ["2026-06"], F),
        ("DateNotEquals", "when", ["2026-05-01T12:00:00Z"], F),
        ("DateEquals", "when", ["noon"], U),
        ("NumericLessThanEquals", "n", ["10"], T),
        ("NumericNotEquals", "n", ["10.0"], F),
        ("NumericEquals", "n", ["ten"], U),
        ("NumericEquals", "n", ["NaN"], U),
        ("ForAllValues:StringEquals", "keys", ["a", "b", "c"], T),
        ("ForAllValues:StringEquals", "keys", ["a"], F),
        ("ForAllValues:StringEquals", "gone", ["a"], T),
        ("ForAllValues:StringEquals", "empty", ["a"], T),
        ("ForAnyValue:StringEquals", "keys", ["b"], T),
        ("ForAnyValue:StringEquals", "gone", ["b"], F),
        ("ForAnyValue:StringEquals", "empty", [""], F),
        ("ForAnyValue:StringNotEquals", "keys", ["a"], T),
        ("ForAnyValue:StringNotEquals", "keys", ["a", "b"], F),
        ("ForAnyValue:StringNotEquals", "gone", ["a"], F),
        ("ForAnyValue:StringEqualsIfExists", "gone", ["a"], T),
        ("ForAllValues:StringNotLike", "keys", ["c*"], T),
        ("ForAllValues:StringNotLike", "keys", ["a*"], F),
        ("StringNotEquals", "keys", ["a"], F),
        ("StringEquals", "tag/other", ["x"], F),
        ("StringNotEqualsIfExists", "tag/other", ["x"], T),
        ("StringEquals", "tag/team", ["${tag/none}"], F),
        ("StringNotEquals", "tag/team", ["${tag/none}"], T),
        ("StringEquals", "tag/team", ["${tag/none, 'blue'}"], T),
        ("NumericEquals", "n", ["${n}"], U),
        ("Null", "gone", ["true"], T),
        ("Null", "n", ["false"], T),
        ("Null", "n", ["true"], F),
        ("Null", "n", ["true", "false"], U),
        ("NullIfExists", "n", ["true"], U),
        ("ForMostValues:StringEquals", "keys", ["a"], U),
        ("BoolIfExists", "gone", ["true"], T),
    ],
)
def test_a_condition_of_a_whole_request(operator, key, values, expected):
    assert condition(operator, key, values, REQUEST) is expected


def test_what_the_caller_chooses_is_unknown_until_he_says_it():
    block = (("StringEquals", "aws:RequestTag/a", ("x",)), ("Bool", "aws:SecureTransport", ("true",)))
    asked = Facts(REQUEST.as_of, chooses=False)
    assert holds(block, Facts(REQUEST.as_of), allow=True) is T
    assert holds(block, asked, allow=True) is U
    assert list(open_keys(block, asked)) == ["aws:RequestTag/a", "aws:SecureTransport"]
    assert holds(block, Facts(REQUEST.as_of, chooses=False, closed=True), allow=True) is F


def test_variables_in_a_document_of_another_version_are_text():
    body = {
        "Statement": {
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": "b/${aws:username}",
            "Condition": {"StringEquals": {"k": "${aws:username}"}},
        }
    }
    (old,), (new,) = parse(json.dumps(body)), parse(json.dumps({"Version": CURRENT, **body}))
    assert [fill(s.resources[0], FACTS) for s in (old, new)] == ["b/${aws:username}", "b/ann"]
    assert [fill(s.conditions[0][2][0], FACTS) for s in (old, new)] == ["${aws:username}", "ann"]
    assert (new.variable, read_conditions(new.condition_json)) == (True, new.conditions)


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000])
def test_a_condition_column_that_is_none_is_refused(text):
    assert read_conditions(None) == ()
    with pytest.raises(MalformedDocumentError):
        read_conditions(text)
