from datetime import UTC, datetime

import pytest

from nhiscan.analysis.aws.conditions import Fact, Facts, Truth, holds, substitute

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
    assert substitute("a/${aws:username}/${*}", FACTS) == "a/ann/*"
    assert substitute("${aws:PrincipalTag/none, 'x'}", FACTS) == "x"
    assert substitute("${aws:PrincipalTag/none}", FACTS) is Fact.ABSENT
    assert substitute("${aws:userid}", FACTS) is Fact.UNKNOWN
