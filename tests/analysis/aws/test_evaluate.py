import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.analysis.aws.evaluate import Extent, Level, decide, denied
from nhiscan.model import Capability
from tests.analysis.aws.sample import Account, allow, deny

ACTIONS = ["s3:GetObject", "s3:*", "*", "iam:*", "iam:CreatePolicyVersion", "iam:Attach*"]
RESOURCES = ["*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/b", "arn:aws:iam::111122223333:user/*"]
CONDITIONS = [
    {},
    {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
    {"Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}},
    {"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}},
]


@st.composite
def statements(draw, effects=("Allow", "Deny")):
    s = {"Effect": draw(st.sampled_from(effects)), **draw(st.sampled_from(CONDITIONS))}
    s[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(
        st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2)
    )
    s[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(
        st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2)
    )
    return s


QUESTIONS = [
    ("s3:GetObject", "arn:aws:s3:::a/b", Extent.ONE),
    ("s3:GetObject", "arn:aws:s3:::a/*", Extent.ALL),
    ("iam:CreatePolicyVersion", "arn:aws:iam::*:*", Extent.SOME),
    ("iam:AttachUserPolicy", "*", Extent.ALL),
]


def level(stmts, question, **more):
    account = Account()
    ident = account.user("u", *stmts, **more)
    return decide(account.estate().principals[ident], *question).level


many = st.lists(statements(), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(many, statements(effects=("Deny",)), st.sampled_from(QUESTIONS))
def test_adding_a_deny_never_widens(stmts, extra, question):
    assert level([*stmts, extra], question) <= level(stmts, question)


@settings(max_examples=60, deadline=None)
@given(many, st.randoms(), st.sampled_from(QUESTIONS))
def test_the_order_of_statements_is_irrelevant(stmts, random, question):
    shuffled = random.sample(stmts, len(stmts))
    assert level(shuffled, question) == level(stmts, question)


@settings(max_examples=60, deadline=None)
@given(many, many, st.sampled_from(QUESTIONS))
def test_a_boundary_never_widens(stmts, boundary, question):
    assert level(stmts, question, boundary=boundary) <= level(stmts, question)


@settings(max_examples=60, deadline=None)
@given(many, statements(effects=("Allow",)), st.sampled_from(QUESTIONS))
def test_adding_an_allow_never_narrows(stmts, extra, question):
    assert level([*stmts, extra], question) >= level(stmts, question)


@settings(max_examples=25, deadline=None)
@given(many, many, st.randoms())
def test_capabilities_do_not_depend_on_the_order_of_records(first, second, random):
    def build():
        account = Account()
        group = account.group("g", *second)
        account.user("u", *first, groups=[group])
        account.role("r", *second, boundary=first)
        return account

    plain, mixed = build(), build()
    random.shuffle(mixed.identities)
    random.shuffle(mixed.attachments)
    mixed.policies = dict(random.sample(list(mixed.policies.items()), len(mixed.policies)))
    assert {(e.id, e.certainty, e.steps) for e in plain.effective()} == {
        (e.id, e.certainty, e.steps) for e in mixed.effective()
    }


ONE = ("s3:GetObject", "arn:aws:s3:::a/b", Extent.ONE)
SOME = ("s3:GetObject", "arn:aws:s3:::*", Extent.SOME)
ALL = ("s3:GetObject", "arn:aws:s3:::*", Extent.ALL)


@pytest.mark.parametrize(
    ("stmts", "one", "some", "every"),
    [
        ([allow("s3:*")], 2, 2, 2),
        ([allow("s3:Get*", "arn:aws:s3:::a/*")], 2, 2, 0),
        ([allow("s3:Get*", "arn:aws:s3:::z/*")], 0, 2, 0),
        ([allow("s3:Get*", "arn:aws:sqs:*")], 0, 0, 0),
        ([allow("s3:*"), deny("s3:GetObject")], 0, 0, 0),
        ([allow("s3:*"), deny("s3:*", "arn:aws:s3:::a/*")], 0, 2, 1),
        ([allow("s3:*", "arn:aws:s3:::a/*"), deny("s3:*", "arn:aws:s3:::a/*")], 0, 0, 0),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], 2, 2, 2),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], 0, 0, 0),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::a/*"}], 0, 2, 0),
        ([{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::*"}], 0, 0, 0),
        ([allow("*"), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::a/*"}], 2, 2, 1),
        ([allow("*"), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:sqs:*"}], 0, 0, 0),
        ([allow("*"), {"Effect": "Deny", "Action": "*", "NotResource": "arn:aws:s3:::*"}], 2, 2, 2),
        ([allow("s3:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})], 1, 1, 1),
        ([allow("s3:*", Condition={"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})], 0, 0, 0),
        ([allow("s3:*"), deny("*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], 1, 1, 1),
        ([allow("s3:*"), deny("*", Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})], 2, 2, 2),
        ([allow("s3:*", "arn:aws:s3:::${aws:username}/*")], 0, 2, 0),
        ([allow("s3:*", "arn:aws:s3:::${aws:userid}/*")], 1, 1, 0),
        ([allow("s3:*"), deny("s3:*", "arn:aws:s3:::${aws:userid}/*")], 1, 2, 1),
        ([allow("s3:*", "arn:aws:s3:::${aws:PrincipalTag/none}/*")], 0, 0, 0),
    ],
)
def test_what_statements_come_to(stmts, one, some, every):
    assert [int(level(stmts, q)) for q in (ONE, SOME, ALL)] == [one, some, every]


def test_all_of_one_region_counts_as_all():
    stmts = [allow("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/*")]
    assert level(stmts, ("ssm:GetParameter", "arn:aws:ssm:*:111122223333:parameter/*", Extent.ALL)) is Level.YES


def test_iam_is_called_in_its_one_region_whatever_the_caller_likes():
    stmts = [allow("iam:*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})]
    assert level(stmts, ("iam:CreateUser", "*", Extent.ALL)) is Level.NO


def test_an_unread_document_makes_nothing_certain():
    account = Account()
    ident = account.user("u", allow("*"))
    account.attach(ident, "arn:aws:iam::aws:policy/NotExported")
    assert account.can(ident)["admin"] == "conditional"


def test_a_malformed_document_is_a_gap_on_the_policy():
    account = Account()
    ident = account.user("u", allow("*"))
    policy_id = f"{ident}#policy/u-inline"
    account._policy(policy_id, account.policies[policy_id].kind, "{broken")
    (gap,) = account.estate().library.gaps
    assert (gap.covers, gap.subject_id, gap.reason) == (("policy",), policy_id, "malformed")
    assert "broken" not in json.dumps([gap.detail, gap.remedy])
    assert account.can(ident) == {}


def test_an_explicit_deny_is_told_apart_from_silence():
    account = Account()
    silent, surely, perhaps, limited = (
        account.user("a"),
        account.user("b", deny("sts:*")),
        account.user("c", deny("sts:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})),
        account.user("d", boundary=[deny("*")]),
    )
    who = account.estate().principals
    found = [denied(who[i], "sts:AssumeRole", "arn:x") for i in (silent, surely, perhaps, limited)]
    assert found == [Level.NO, Level.YES, Level.MAYBE, Level.YES]


def test_steps_name_policy_statement_and_group():
    account = Account()
    group = account.group("ops", allow("*"))
    ident = account.user("u", groups=[group])
    (row,) = [e for e in account.effective() if e.identity_id == ident and e.capability is Capability.ADMIN]
    assert row.steps == ("ops-inline statement 1 through group ops allows iam:AttachRolePolicy on *",)
