import pytest

from nhiscan.analysis.aws.documents import parse
from nhiscan.analysis.aws.escalations import CATALOGUE, Need
from nhiscan.analysis.aws.grants import RANKS, grants, level
from nhiscan.model import Certainty, IdentityClass, IdentityKind
from tests.analysis.aws.sample import ACCOUNT, EVERYTHING, Account, allow, arn, deny, doc, serves, trusting

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@pytest.mark.parametrize(
    ("stmts", "admin"),
    [
        ([EVERYTHING], "certain"),
        ([allow("iam:*")], "certain"),
        ([allow(["s3:*", "IAM:*"])], "certain"),
        ([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}], "certain"),
        ([{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}], None),
        ([allow("*", "arn:aws:s3:::x/*")], None),
        ([allow("*", Condition=MFA)], "conditional"),
        ([EVERYTHING, deny("iam:*")], None),
        ([EVERYTHING, deny("*")], None),
        ([EVERYTHING, deny("s3:*")], "certain"),
        ([EVERYTHING, deny("*", Condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}})], "conditional"),
        ([EVERYTHING, deny("iam:*", "arn:aws:iam::*:role/audit")], "conditional"),
        ([deny("*")], None),
    ],
)
def test_who_is_administrator(stmts, admin):
    account = Account()
    assert account.can(account.user("u", *stmts)).get("admin") == admin


def test_a_boundary_takes_administrator_away():
    account = Account()
    limited = account.user("u", EVERYTHING, boundary=[allow(["s3:*", "ec2:*"])])
    kept = account.user("v", EVERYTHING, boundary=[EVERYTHING])
    assert "admin" not in account.can(limited)
    assert account.can(kept)["admin"] == "certain"


def test_root_is_administrator():
    account = Account()
    root = account.identity(IdentityKind.ROOT, "root")
    assert account.can(root) == {"admin": "certain"}


@pytest.mark.parametrize(
    ("stmts", "expected"),
    [
        ([allow("secretsmanager:GetSecretValue")], {"read_secrets": "certain"}),
        ([allow("ssm:GetParameter*", f"arn:aws:ssm:*:{ACCOUNT}:parameter/*")], {"read_secrets": "certain"}),
        ([allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:app/*")], {}),
        ([allow("secretsmanager:ListSecrets")], {}),
        ([allow("s3:PutObject")], {"write_data": "certain"}),
        ([allow("s3:PutObject", "arn:aws:s3:::one/*")], {}),
        ([allow("dynamodb:*")], {"write_data": "certain", "wildcard": "certain"}),
        ([allow("dynamodb:*"), deny("dynamodb:*")], {}),
        ([allow("dynamodb:*", Condition=MFA)], {"write_data": "conditional", "wildcard": "conditional"}),
        ([allow("iam:CreateLoginProfile", arn("user", "other"))], {"grant_access": "certain"}),
        ([allow("iam:CreateAccessKey", arn("user", "${aws:username}"))], {}),
        (
            [{"Effect": "Allow", "Action": "iam:CreateAccessKey", "NotResource": "arn:aws:s3:::*"}],
            {"grant_access": "certain"},
        ),
    ],
)
def test_capabilities_short_of_administrator(stmts, expected):
    account = Account()
    assert account.can(account.user("u", *stmts)) == expected


def powerful() -> tuple[Account, dict[str, str]]:
    """An account with somebody worth becoming in every way."""
    a = Account()
    services = sorted({(e.service or "").removesuffix(".amazonaws.com") for e in CATALOGUE if e.service})
    group = a.group("admins", EVERYTHING)
    return a, {
        "role": a.role("power", EVERYTHING, trust=[serves(*services)], profile=True),
        "sso": a.role(
            "saml",
            EVERYTHING,
            trust=[
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRoleWithSAML",
                    "Principal": {"Federated": arn("saml-provider", "x")},
                }
            ],
        ),
        "ci": a.role(
            "oidc",
            EVERYTHING,
            trust=[
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Principal": {"Federated": arn("oidc-provider", "h")},
                }
            ],
        ),
        "user": a.user("boss", EVERYTHING, interactive=True),
        "robot": a.user("robot", EVERYTHING, interactive=False),
        "group": group,
        "member": a.user("member", groups=[group]),
        "tagged": borne(a),
        "reserved": a.role(
            "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1", class_=IdentityClass.PROVIDER_MANAGED
        ),
    }


def borne(account):
    """A role under a customer-managed policy."""
    role = account.role("borne")
    account.attach(role, account.managed("reading", allow("s3:GetObject")))
    return role


# These need a principal that something limits: they have tests of their own.
LIMITING = {Need.OWN_BOUNDARY, Need.OWN_DENY, Need.GROUP_DENY}
TARGETED = [e for e in CATALOGUE if e.need not in LIMITING]
NO_TARGET = {Need.NOTHING, Need.POLICY_VERSION, Need.POLICY_HISTORY, Need.USER_POLICY}


def low_with(account, name, actions):
    """A user whose only policy, a customer-managed one, allows the actions everywhere."""
    who = account.user(name)
    account.attach(who, account.managed(name, allow(list(actions) or ["s3:ListBucket"])))
    return who


def methods(account):
    found: dict[str, set[str]] = {}
    for e in account.effective():
        if e.capability == "escalate":
            found.setdefault(e.identity_id, set()).add(e.method)
    return found


def test_every_entry_of_the_catalogue_is_found_where_its_target_exists():
    account, _ = powerful()
    lows = {low_with(account, f"low{n}", e.actions): e.id for n, e in enumerate(TARGETED)}
    found = methods(account)
    assert [i for who, i in lows.items() if i not in found.get(who, ())] == []


def test_no_entry_is_found_without_its_target():
    for entry in TARGETED:
        account = Account()
        who = low_with(account, "low", entry.actions)
        assert (entry.id in methods(account).get(who, ())) is (entry.need in NO_TARGET), entry.id


def test_no_entry_survives_the_loss_of_one_action():
    account, _ = powerful()
    lows = {}
    for n, entry in enumerate(TARGETED):
        for lost in entry.actions:
            rest = [a for a in entry.actions if a != lost]
            lows[low_with(account, f"low{n}-{entry.actions.index(lost)}", rest)] = entry.id
    found = methods(account)
    assert [i for who, i in lows.items() if i in found.get(who, ())] == []


@pytest.mark.parametrize("action", ["DeleteUserPermissionsBoundary", "PutUserPermissionsBoundary"])
def test_an_administrator_who_may_lift_his_own_boundary_escalates(action):
    account = Account()
    held = account.user("held", EVERYTHING, boundary=[allow(["s3:*", f"iam:{action}"])])
    plain = account.user("plain", allow("s3:*"), boundary=[allow(["s3:*", f"iam:{action}"])])
    assert account.ways(held)[f"iam:{action}"] == "certain"
    assert account.ways(plain) == {}


def test_there_are_at_least_124_distinct_action_sets_and_ids_name_them():
    assert len({frozenset(e.actions) for e in CATALOGUE}) >= 124
    assert len({e.id for e in CATALOGUE}) == len(CATALOGUE)
    assert all(e.source.startswith("https://docs.aws.amazon.com/") for e in CATALOGUE)


def ways(*stmts, **more):
    account, _ = powerful()
    return account.ways(account.user("low", *stmts, **more))


def test_a_policy_of_the_provider_cannot_be_given_versions():
    assert ways(allow("iam:CreatePolicyVersion", "arn:aws:iam::aws:policy/*")) == {}


def test_a_version_of_a_policy_that_only_others_have_is_conditional():
    account = Account()
    account.attach(account.user("other"), account.managed("theirs", allow("s3:GetObject")))
    low = account.user("low", allow("iam:CreatePolicyVersion", arn("policy", "th*")))
    assert account.ways(low) == {"iam:CreatePolicyVersion": "conditional"}


def test_attaching_to_itself_is_certain_and_to_others_conditional():
    assert ways(allow("iam:AttachUserPolicy", arn("user", "${aws:username}"))) == {"iam:AttachUserPolicy": "certain"}
    assert ways(allow("iam:AttachUserPolicy", arn("user", "member"))) == {"iam:AttachUserPolicy": "conditional"}
    assert ways(allow("iam:AttachUserPolicy", arn("user", "nobody"))) == {}


def test_attaching_only_a_harmless_policy_is_no_escalation():
    only = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}
    assert ways(allow("iam:AttachUserPolicy", Condition=only)) == {}


def test_a_boundary_makes_attaching_to_itself_useless():
    account = Account()
    low = account.user("low", allow("iam:AttachUserPolicy"), boundary=[allow(["iam:AttachUserPolicy", "s3:*"])])
    assert account.ways(low) == {}


def test_changing_a_role_that_trusts_the_principal_is_certain():
    account = Account()
    low = account.user("low", allow("iam:PutRolePolicy"))
    account.role("closed", trust=[serves("lambda")])
    assert account.ways(low) == {"iam:PutRolePolicy": "conditional"}
    account.role("mine", trust=[trusting(low)])
    assert account.ways(low) == {"iam:PutRolePolicy": "certain"}


def test_roles_of_the_provider_are_no_targets():
    account = Account()
    low = account.user("low", allow(["iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy"]))
    account.role("managed", EVERYTHING, trust=[serves("lambda")], class_=IdentityClass.PROVIDER_MANAGED)
    assert account.ways(low) == {}


def test_passing_a_role_needs_one_that_trusts_the_service_in_scope_and_allowed_for_it():
    both = ["lambda:CreateFunction", "lambda:InvokeFunction"]
    key = "iam:PassRole+lambda:CreateFunction+lambda:InvokeFunction"
    assert ways(allow(both), allow("iam:PassRole", arn("role", "power")))[key] == "certain"
    assert ways(allow(both), allow("iam:PassRole", arn("role", "oidc"))) == {}
    ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    assert ways(allow(both), allow("iam:PassRole", Condition=ec2)) == {}
    right = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    assert ways(allow(both), allow("iam:PassRole", Condition=right))[key] == "certain"
    assert ways(allow(both, "arn:aws:s3:::bucket"), allow("iam:PassRole")) == {}


def test_tags_of_the_target_decide_where_they_are_known():
    account = Account()
    account.user("boss", EVERYTHING, tags={"tier": "top"})
    tagged = {"StringEquals": {"iam:ResourceTag/tier": "top"}}
    low = account.user("low", allow("iam:CreateAccessKey", Condition=tagged))
    assert account.ways(low) == {"iam:CreateAccessKey": "certain"}


def test_an_instance_profile_is_needed_where_profiles_are_known():
    account = Account()
    account.role("power", EVERYTHING, trust=[serves("ec2")])
    low = account.user("low", allow(["iam:PassRole", "ec2:RunInstances", "ssm:StartSession"]))
    assert account.ways(low) == {"iam:PassRole+ec2:RunInstances": "conditional", "ssm:StartSession": "conditional"}
    account.role("weak", trust=[serves("ec2")], profile=True)
    assert account.ways(low) == {}


@pytest.mark.parametrize(
    ("has", "create", "change", "replace"),
    [
        (True, None, "certain", "certain"),
        (False, "certain", "conditional", None),
        (None, "conditional", "conditional", "conditional"),
    ],
)
def test_a_password_is_made_where_there_is_none_and_changed_where_there_is_one(has, create, change, replace):
    account = Account()
    boss = account.user("boss", EVERYTHING, interactive=has)
    maker = account.user("maker", allow("iam:CreateLoginProfile", boss))
    changer = account.user("changer", allow("iam:UpdateLoginProfile", boss))
    both = account.user("both", allow(["iam:DeleteLoginProfile", "iam:CreateLoginProfile"], boss))
    assert account.ways(maker).get("iam:CreateLoginProfile") == create
    assert account.ways(changer).get("iam:UpdateLoginProfile") == change
    assert account.ways(both).get("iam:DeleteLoginProfile+iam:CreateLoginProfile") == replace


def test_groups_raise_their_members_for_sure_and_others_perhaps():
    account = Account()
    group = account.group("g")
    inside = account.user("in", allow("iam:PutGroupPolicy"), groups=[group])
    outside = account.role("out", allow("iam:PutGroupPolicy"))
    assert account.ways(inside) == {"iam:PutGroupPolicy": "certain"}
    assert account.ways(outside) == {"iam:PutGroupPolicy": "conditional"}


def test_a_role_cannot_join_a_group_itself():
    account, _ = powerful()
    role = account.role("low", allow(["iam:AddUserToGroup", "iam:CreateGroup", "iam:PutGroupPolicy"]))
    found = account.ways(role)
    assert found["iam:AddUserToGroup"] == "conditional"
    assert found["iam:CreateGroup+iam:PutGroupPolicy+iam:AddUserToGroup"] == "conditional"


def test_becoming_somebody_who_escalates_is_an_escalation():
    account = Account()
    account.user("middle", allow("iam:PutUserPolicy", arn("user", "middle")))
    low = account.user("low", allow("iam:CreateAccessKey", arn("user", "middle")))
    (row,) = [e for e in account.effective() if e.identity_id == low and e.capability == "escalate"]
    assert row.certainty is Certainty.CERTAIN
    assert row.steps == (
        "low-inline statement 1 allows iam:CreateAccessKey on arn:aws:iam::111122223333:user/middle",
        "user middle can raise its own privileges (iam:PutUserPolicy)",
        "middle-inline statement 1 allows iam:PutUserPolicy on arn:aws:iam::111122223333:user/middle",
        "user middle is itself",
    )


def test_accounts_are_worlds_of_their_own():
    from tests.analysis.aws.sample import joined

    other = Account("999988887777")
    other.user("boss", EVERYTHING)
    mine = Account()
    low = mine.user("low", allow("iam:CreateAccessKey"))
    assert joined(mine, other).ways(low) == {}


def test_a_certain_administrator_is_not_listed_as_escalating():
    account, ids = powerful()
    assert account.ways(ids["user"]) == {}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("*"), "wildcard"),
        (allow("s3:*"), "wildcard"),
        (allow("sqs:*", "arn:aws:sqs:*:*:a"), "permissions"),
        (allow("sqs:Send*", "arn:aws:sqs:*:*:a"), "write"),
        (allow("s3:*", "arn:aws:s3:::a"), "permissions"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "wildcard"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:x"}, "write"),
        (allow(["s3:ListBucket", "s3:GetObject"]), "read"),
        (allow("ec2:DescribeInstances"), "list"),
        (allow(["s3:GetObject", "s3:PutObject"]), "write"),
        (allow("iam:PassRole"), "permissions"),
        (allow("iam:*", "arn:x"), "permissions"),
    ],
)
def test_levels_of_a_statement(statement, expected):
    assert level(parse(doc(statement))[0]) == expected
    assert expected in RANKS


def test_grants_keep_statement_group_boundary_and_condition():
    account = Account()
    group = account.group("g", allow("s3:*"))
    ident = account.user(
        "u", deny("iam:*"), allow("ec2:*", Condition=MFA), groups=[group], boundary=[allow("*"), deny("s3:*")]
    )
    rows = {(g.effect, g.statement, g.via): g for g in grants(account.estate()) if g.identity_id == ident}
    assert set(rows) == {
        ("deny", 1, None),
        ("allow", 2, None),
        ("allow", 1, group),
        ("boundary_allow", 1, None),
        ("boundary_deny", 2, None),
    }
    assert rows["allow", 2, None].condition == '{"Bool": {"aws:MultiFactorAuthPresent": "true"}}'
    assert rows["deny", 1, None].level is None
    assert len({g.id for g in rows.values()}) == 5
