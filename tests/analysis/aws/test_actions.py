"""The table of actions, and sets of actions as bits."""

from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.analysis.aws import actions
from nhiscan.analysis.aws.actions import ActionTableError, level_of, table
from nhiscan.analysis.aws.bitsets import Index
from nhiscan.analysis.aws.documents import Statement, parse
from nhiscan.analysis.aws.evaluate import concerns
from nhiscan.analysis.aws.grants import level
from tests.analysis.aws.sample import allow, doc


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("s3:GetObject", "read"),
        ("S3:getobject", "read"),
        ("s3:Get*", "read"),
        ("s3:List*", "list"),
        ("s3:*", "permissions"),
        ("s3:PutObject", "write"),
        ("s3:PutObjectTagging", "write"),
        ("iam:PassRole", "permissions"),
        ("lambda:AddPermission", "permissions"),
        ("s*:GetObject", "read"),
        ("*", None),
        ("s3:GetObjekt", None),
        ("nope:*", None),
    ],
)
def test_levels_come_from_the_table(pattern, expected):
    assert level_of(pattern) == expected


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("newservice:ListThings", "list"),
        ("newservice:GetThing", "read"),
        ("newservice:PutResourcePolicy", "permissions"),
        ("newservice:MakeThing", "write"),
    ],
)
def test_an_action_the_table_does_not_know_goes_by_its_verb(action, expected):
    assert level(parse(doc(allow(action, "arn:x")))[0]) == expected


def test_the_table_knows_actions_and_services():
    assert table().knows("s3:getobject")
    assert table().knows("s3:Get*")
    assert not table().knows("s3:GetObjekt")
    assert table().knows_service("s3:anything")
    assert not table().knows_service("nope:x")
    assert table().date >= "2026-11-01"


TEXT = resources.files("nhiscan.analysis.aws").joinpath(actions.FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[: len(TEXT) // 4],
        TEXT.partition("\n")[2],
        TEXT.replace("s3 read", "s3 write"),
        TEXT.replace(" PassRole", ""),
    ],
    ids=["empty", "cut off", "undated", "changed", "action lost"],
)
def test_a_damaged_table_is_an_error_never_an_empty_table(text):
    with pytest.raises(ActionTableError):
        actions.read(text)


def test_a_missing_table_is_an_error(monkeypatch):
    monkeypatch.setattr(actions, "FILE", "gone.txt")
    with pytest.raises(ActionTableError):
        actions.table.__wrapped__()


ACTIONS = ("s3:GetObject", "s3:GetBucketAcl", "s3:PutObject", "iam:CreateUser", "iam:CreateRole", "sqs:SendMessage")
PATTERNS = st.sampled_from([
    "*", "*:*", "s3:*", "S3:get*", "s3:GetObject", "s3:?etObject", "s3:*Object", "*:Create*", "iam:Create?ser", "x:y", "s3", "nope:*",
])  # fmt: skip
SOME = st.lists(PATTERNS, min_size=1, max_size=3).map(tuple)
INDEX = Index(ACTIONS)


def statement(patterns, negative):
    kind = "not_actions" if negative else "actions"
    return Statement(number=1, allow=True, **{kind: patterns})


@settings(max_examples=200, deadline=None)
@given(SOME, st.booleans())
def test_bits_agree_with_matching_one_by_one(patterns, negative):
    s = statement(patterns, negative)
    assert INDEX.names(INDEX.spoken(s)) == {a for a in ACTIONS if concerns(s, a)}


@given(SOME, SOME)
def test_the_union_of_statements_is_the_union_of_their_bits(left, right):
    both = [statement(left, negative=False), statement(right, negative=False)]
    assert INDEX.union(both) == INDEX.spoken(both[0]) | INDEX.spoken(both[1])


def test_a_mask_holds_just_its_actions():
    assert INDEX.names(INDEX.mask(["IAM:createuser", "s3:PutObject"])) == {"iam:CreateUser", "s3:PutObject"}
    assert INDEX.matched("s3:Unknown") == 0
    with pytest.raises(KeyError):
        INDEX.mask(["s3:Unknown"])
