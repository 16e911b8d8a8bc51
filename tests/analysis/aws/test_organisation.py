"""Control policies above an account, as the search for escalations meets them."""

import dataclasses

import pytest

from nhiscan.analysis.aws.estate import build
from nhiscan.analysis.aws.evaluate import Level, decide, denied
from nhiscan.analysis.aws.grants import grants
from nhiscan.analysis.aws.library import library
from nhiscan.model import PolicyKind
from tests.analysis.aws.sample import NOW, Account, allow, deny
from tests.analysis.aws.test_question import HOME, control, tree

SCP, RCP = PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL
LINKED = "aws-service-role/x.amazonaws.com/AWSServiceRoleForX"


def estate(account, *rows, scopes=None):
    policies = [*account.policies.values(), *(r for r in rows if r.table == "policy")]
    attachments = [*account.attachments, *(r for r in rows if r.table == "attachment")]
    found = list(tree(HOME)) if scopes is None else scopes
    policies += [r for r in found if r.table == "policy"]
    attachments += [r for r in found if r.table == "attachment"]
    scopes = [r for r in found if r.table == "scope"]
    return build(account.identities, library(policies), attachments, account.members, NOW, scopes=scopes)


def level(account, ident, *rows, action="s3:GetObject", resource="arn:aws:s3:::a/b", **more):
    return decide(estate(account, *rows, **more).principals[ident], action, resource).level


@pytest.fixture
def someone():
    account = Account()
    return account, account.user("u", allow("*"))


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow("*")], 2),
        ([allow("s3:*")], 2),
        ([allow("sqs:*")], 0),
        ([allow("*"), deny("s3:*")], 0),
        ([allow("*"), deny("s3:*", Condition={"StringNotLike": {"aws:PrincipalArn": "*:user/u"}})], 2),
        ([allow("*"), deny("s3:*", Condition={"StringNotLike": {"aws:PrincipalArn": "*:user/x"}})], 0),
        ([allow("*"), deny("s3:*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})], 1),
        ([allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-a"}})], 2),
        ([allow("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-b"}})], 0),
        ([allow("*", Condition={"StringLike": {"aws:PrincipalOrgPaths": "o-a/r-a/ou-a/*"}})], 2),
    ],
)
def test_every_node_above_must_allow_and_none_may_deny(someone, statements, expected):
    assert level(*someone, *control("x", SCP, statements)) == expected


def test_an_explicit_deny_of_the_organisation_is_one(someone):
    account, ident = someone
    who = estate(account, *control("x", SCP, [allow("*"), deny("sts:*")])).principals[ident]
    assert denied(who, "sts:AssumeRole", "arn:x") is Level.YES


def test_the_management_account_and_service_linked_roles_are_exempt(someone):
    account, ident = someone
    linked = account.role(LINKED, allow("*"))
    rows = list(control("x", SCP, [deny("*")]))
    assert level(account, ident, *rows, scopes=list(tree(HOME, management=HOME))) is Level.YES
    assert level(account, linked, *rows) is Level.YES
    assert level(account, ident, *rows) is Level.NO


def test_without_control_policies_nothing_is_limited(someone):
    account, ident = someone
    bare = [r for r in tree(HOME) if r.table == "scope"]
    assert level(account, ident, scopes=bare) is Level.YES
    assert level(account, ident, scopes=[]) is Level.YES
    # A node on which nothing was seen: AWS keeps a policy there, so it was not read, and the search goes on.
    assert (
        level(account, ident, *control("x", SCP, [deny("s3:*")], "aws:ou-else"), scopes=list(tree(HOME))) is Level.YES
    )


def test_an_unread_control_policy_makes_nothing_certain(someone):
    account, ident = someone
    policy, attachment = control("x", SCP, [allow("*")])
    assert level(account, ident, dataclasses.replace(policy, document=None), attachment) is Level.MAYBE


def test_resource_control_policies_are_walls_of_the_account(someone):
    account, _ = someone
    found = estate(account, *control("x", RCP, [{**deny("s3:*"), "Principal": "*"}])).organisation
    assert [b.policy for b in found.walls(HOME)] == ["resource control policy px of aws:ou-a"]
    assert found.walls("999988887777") == ()
    exempt = estate(account, scopes=list(tree(HOME, management=HOME))).organisation
    assert exempt.walls(HOME) == ()


def test_control_policies_are_no_grants(someone):
    account, _ = someone
    rows = list(grants(estate(account, *control("x", SCP, [allow("s3:*"), deny("*")]))))
    assert {r.policy_id.rpartition("/")[2] for r in rows} == {"u-inline"}


def test_principals_share_a_key_when_their_conditions_come_out_alike():
    account = Account()
    policy = account.managed("shared", allow("s3:*"))
    users = [account.user(name, tags={"team": team}) for name, team in (("a", "x"), ("b", "x"), ("c", "y"))]
    for user in users:
        account.attach(user, policy)
    guard = [allow("*"), deny("iam:*", Condition={"StringNotEquals": {"aws:PrincipalTag/team": "y"}})]
    keys = [estate(account, *control("x", SCP, guard)).principals[u].key for u in users]
    assert keys[0] == keys[1] != keys[2]


def test_a_circle_of_scopes_ends(someone):
    account, ident = someone
    scopes = [dataclasses.replace(s, parent_id=f"aws:{HOME}") if s.id == "aws:o-a" else s for s in tree(HOME)]
    assert level(account, ident, scopes=scopes) is Level.YES
