import pytest

from nhiscan.model import Declared
from tests.analysis.aws.sample import ACCOUNT, Account, arn, trusting

GITHUB = "token.actions.githubusercontent.com"
OTHER = "999988887777"


def only(*statements, **more):
    account = Account()
    account.role("r", trust=statements, **more)
    return account.trusts()


def web(issuer=GITHUB, **conditions):
    return {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer}"},
        "Condition": {
            op.replace("_", ":"): {f"{issuer}:{k}": v for k, v in block.items()} for op, block in conditions.items()
        },
    }


@pytest.mark.parametrize(
    ("principal", "kind", "name", "account", "external"),
    [
        ("*", "anyone", "*", None, True),
        (ACCOUNT, "account", ACCOUNT, ACCOUNT, False),
        (f"arn:aws:iam::{OTHER}:root", "account", OTHER, OTHER, True),
        (arn("user", "x", OTHER), "identity", arn("user", "x", OTHER), OTHER, True),
        (arn("user", "x"), "identity", arn("user", "x"), ACCOUNT, False),
        ("AIDAEXAMPLE", "deleted", "AIDAEXAMPLE", None, None),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/r/session", "identity", arn("role", "r"), ACCOUNT, False),
        (f"arn:aws:sts::{OTHER}:assumed-role/q/session", "identity", arn("role", "q", OTHER), OTHER, True),
    ],
)
def test_what_a_principal_names(principal, kind, name, account, external):
    (row,) = only(trusting(principal))
    assert (row.principal_kind, row.principal, row.account_id, row.external) == (kind, name, account, external)
    assert (row.kind, row.external_id, row.certainty) == ("assume", None if kind == "deleted" else False, "certain")


def test_services_lose_region_and_partition():
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": ["ec2.amazonaws.com.cn", "logs.eu-west-1.amazonaws.com", "pods.eks.amazonaws.com"]},
    }
    rows = only(statement)
    assert [r.principal for r in rows] == ["ec2.amazonaws.com", "logs.amazonaws.com", "pods.eks.amazonaws.com"]
    assert {(r.principal_kind, r.external, r.external_id) for r in rows} == {("service", False, None)}


def test_a_trusted_account_is_not_external():
    account = Account()
    account.role("r", trust=[trusting(OTHER)])
    account.declared.append(Declared(id="d", scope_id="c", source="c", kind="trusted_account", value=OTHER))
    assert account.trusts()[0].external is False


@pytest.mark.parametrize(("value", "demanded"), [("abc", True), ("*", False), (["abc", "*"], False)])
def test_an_external_id_that_accepts_everything_is_none(value, demanded):
    (row,) = only(trusting(OTHER, Condition={"StringLike": {"sts:ExternalId": value}}))
    assert (row.external_id, row.certainty) == (demanded, "certain")


def test_oidc_demands_are_kept_apart():
    (row,) = only(
        web(
            StringLike={"sub": ["repo:acme/*", "repo:b/c:*"], "repository": "acme/app"},
            StringEquals={"aud": "sts.amazonaws.com", "job_workflow_ref": "acme/x@main"},
        )
    )
    assert (row.kind, row.principal_kind, row.principal, row.external) == ("federate", "oidc", GITHUB, None)
    assert row.subjects == ("repo:acme/*", "repo:b/c:*")
    assert row.audiences == ("sts.amazonaws.com",)
    assert row.claims == ("job_workflow_ref=acme/x@main", "repository=acme/app")
    assert row.certainty == "certain"


def test_an_oidc_trust_without_demands_has_none():
    (row,) = only(web(StringNotEquals={"sub": "repo:x/y"}, StringLike={"repository": "*"}))
    assert (row.subjects, row.audiences, row.claims) == ((), (), ())


def test_an_exact_subject_wins_over_a_pattern_that_must_hold_too():
    (row,) = only(web(StringLike={"sub": "repo:acme/*"}, StringEquals={"sub": "repo:acme/app:ref:refs/heads/main"}))
    assert row.subjects == ("repo:acme/app:ref:refs/heads/main",)


def test_saml_and_bare_providers_are_federated():
    saml = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithSAML",
        "Principal": {"Federated": arn("saml-provider", "corp")},
        "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
    }
    bare = {"Effect": "Allow", "Action": "sts:*", "Principal": {"Federated": "accounts.google.com"}}
    rows = only(saml, bare)
    assert [(r.principal_kind, r.principal, r.certainty) for r in rows] == [
        ("saml", arn("saml-provider", "corp"), "certain"),
        ("oidc", "accounts.google.com", "certain"),
    ]
    assert rows[0].audiences == ("https://signin.aws.amazon.com/saml",)


def test_a_statement_about_something_else_is_no_trust():
    assert only({"Effect": "Allow", "Action": "sts:TagSession", "Principal": {"AWS": OTHER}}) == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, "conditional"),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, None),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-x"}}, "conditional"),
        ({"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}}, "certain"),
    ],
)
def test_conditions_of_a_trust_decide_how_sure_it_is(condition, expected):
    rows = only(trusting(OTHER, Condition=condition))
    assert [r.certainty for r in rows] == ([expected] if expected else [])


def test_everybody_under_a_condition_on_the_caller_is_somebody():
    def parties(key, values, op="StringLike"):
        rows = only(trusting("*", Condition={op: {key: values}}))
        return [(r.principal_kind, r.principal, r.external) for r in rows]

    assert parties("aws:PrincipalAccount", [OTHER]) == [("account", OTHER, True)]
    assert parties("aws:PrincipalArn", [arn("role", "ci")]) == [("identity", arn("role", "ci"), False)]
    assert parties("aws:PrincipalArn", [arn("role", "ci-*")], "ArnLike") == [("account", ACCOUNT, False)]
    assert parties("aws:PrincipalArn", ["*"]) == [("anyone", "*", True)]
    assert parties("aws:PrincipalOrgID", ["o-x"]) == [("anyone", "*", None)]


def denying(principal, not_principal=False, **more):
    key = "NotPrincipal" if not_principal else "Principal"
    return {
        "Effect": "Deny",
        "Action": "sts:AssumeRole",
        key: principal if principal == "*" else {"AWS": principal},
        **more,
    }


@pytest.mark.parametrize(
    ("trusted", "deny", "expected"),
    [
        (OTHER, denying("*"), None),
        (OTHER, denying(OTHER), None),
        (OTHER, denying(ACCOUNT), "certain"),
        (OTHER, denying(arn("user", "x", OTHER)), "conditional"),
        (arn("user", "x"), denying(ACCOUNT), None),
        ("*", denying(OTHER), "conditional"),
        (OTHER, denying("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}}), "conditional"),
        (OTHER, denying("*", Condition={"StringNotEquals": {"aws:PrincipalAccount": OTHER}}), "certain"),
        (OTHER, denying("*", Condition={"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}}), None),
        (arn("user", "x"), denying("*", Condition={"ArnEquals": {"aws:PrincipalArn": arn("user", "x")}}), None),
        (OTHER, denying([OTHER], not_principal=True), "certain"),
        (OTHER, denying([ACCOUNT], not_principal=True), None),
        (OTHER, denying([arn("user", "x", OTHER)], not_principal=True), "conditional"),
        (OTHER, {**denying("*"), "Action": "sts:TagSession"}, "certain"),
    ],
)
def test_a_deny_in_the_trust_policy_wins(trusted, deny, expected):
    for statements in ((trusting(trusted), deny), (deny, trusting(trusted))):
        assert [r.certainty for r in only(*statements)] == ([expected] if expected else [])


def test_everybody_but_somebody_is_everybody_perhaps():
    (row,) = only({"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": {"AWS": OTHER}})
    assert (row.principal_kind, row.certainty) == ("anyone", "conditional")


def test_a_principal_written_twice_is_one_trust():
    assert len(only(trusting([OTHER, f"arn:aws:iam::{OTHER}:root"]))) == 1


@pytest.mark.parametrize("name", ["AIDAQX3EXAMPLE7PLEASE1", "AROAQX3EXAMPLE7PLEASE1"])
def test_what_aws_leaves_of_a_deleted_user_or_role_is_told_from_living_ones(name):
    (row,) = only(trusting(name))
    assert (row.principal_kind, row.principal, row.account_id, row.external) == ("deleted", name, None, None)


def served(**condition):
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "scheduler.amazonaws.com"}}
    return only(statement | ({"Condition": condition} if condition else {}))[0]


@pytest.mark.parametrize(
    ("condition", "bound"),
    [
        ({}, False),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:scheduler:*:{ACCOUNT}:*"}}, True),
        ({"StringEquals": {"aws:SourceOrgID": "o-1"}}, True),
        ({"StringLike": {"aws:SourceAccount": "*"}}, False),
        ({"StringEqualsIfExists": {"aws:SourceAccount": ACCOUNT}}, False),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
    ],
)
def test_a_service_is_bound_by_the_account_resource_or_organisation_it_acts_for(condition, bound):
    assert served(**condition).source_bound is bound
    assert only(trusting(OTHER))[0].source_bound is None


def test_a_claim_that_may_be_missing_is_demanded_only_where_null_says_so():
    key = f"{GITHUB}:environment"
    optional = web(StringEqualsIfExists={"environment": "prod"}, StringLike={"sub": "repo:acme/app:*"})
    (row,) = only(optional)
    assert row.claims == ()
    optional["Condition"]["Null"] = {key: "false"}
    assert only(optional)[0].claims == ("environment=prod",)
    (row,) = only(web(ForAllValues_StringEquals={"environment": "prod"}))
    assert row.claims == ()
    (row,) = only(web(ForAnyValue_StringEquals={"environment": "prod"}))
    assert row.claims == ("environment=prod",)


def test_a_subject_is_in_every_token_so_that_if_exists_still_demands_it():
    (row,) = only(web(StringLikeIfExists={"sub": "repo:acme/app:*"}, StringEqualsIfExists={"aud": "sts.amazonaws.com"}))
    assert (row.subjects, row.audiences) == (("repo:acme/app:*",), ("sts.amazonaws.com",))


def test_the_keys_of_a_cluster_and_of_circleci_are_read_with_their_paths():
    cluster = "oidc.eks.eu-west-1.amazonaws.com/id/AB12CD"
    (row,) = only(web(cluster, StringEquals={"sub": "system:serviceaccount:web:app", "aud": "sts.amazonaws.com"}))
    assert (row.principal, row.subjects) == (cluster, ("system:serviceaccount:web:app",))
    circle = "oidc.circleci.com/org/2e1a"
    (row,) = only(web(circle, StringEquals={"oidc.circleci.com/project-id": "9f0b"}))
    assert row.claims == ("oidc.circleci.com/project-id=9f0b",)
