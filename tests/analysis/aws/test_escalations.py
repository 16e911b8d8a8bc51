"""The catalogue as data, and escalations that need more than one permission to be judged."""

import pytest

from nhiscan.analysis.aws import escalations
from nhiscan.analysis.aws.escalations import CATALOGUE, LISTED, CatalogueError, Need
from nhiscan.model import Attachment, AttachmentKind, Gap, GapReason, IdentityClass, PolicyKind, Scope, ScopeKind
from tests.analysis.aws.sample import ACCOUNT, EVERYTHING, Account, allow, arn, deny, joined, serves, trusting

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
OTHER = "999988887777"
HOME = f"aws:{ACCOUNT}"

# Every path id of pathfinding.cloud: its newest stored tree, and 022 to 026 of its iam paths from an open change.
PATHFINDING = {
    *(f"apprunner-{n:03}" for n in (1, 2)), *(f"batch-{n:03}" for n in (1, 2, 3)),
    *(f"bedrock-{n:03}" for n in range(1, 8)), "braket-001", *(f"cloudformation-{n:03}" for n in range(1, 6)),
    *(f"codebuild-{n:03}" for n in range(1, 5)), "codedeploy-001", "cognitoidentity-001", "datapipeline-001",
    *(f"ec2-{n:03}" for n in range(1, 6)), "ec2instanceconnect-003", *(f"ecs-{n:03}" for n in range(1, 10)), "emr-001",
    "emrserverless-001", "gamelift-001", *(f"glue-{n:03}" for n in range(1, 8)),
    *(f"iam-{n:03}" for n in range(1, 27)), "imagebuilder-001", "kinesisanalytics-001",
    *(f"lambda-{n:03}" for n in range(1, 7)), "omics-001", *(f"sagemaker-{n:03}" for n in range(1, 6)), "scheduler-001",
    *(f"ssm-{n:03}" for n in (1, 2, 3)), "stepfunctions-001", "stepfunctions-002", "sts-001",
}  # fmt: skip


def test_every_path_of_a_public_catalogue_is_mapped_and_no_name_is_made_up():
    names = {n for e in (*CATALOGUE, *LISTED) for n in e.names() if n.startswith("pathfinding:")}
    assert {n.removeprefix("pathfinding:").partition("@")[0] for n in names} == PATHFINDING
    pacu = {n for e in (*CATALOGUE, *LISTED) for n in e.names() if n.startswith("pacu:")}
    assert len(pacu) == 22


def test_action_sets_are_distinct_and_more_than_any_public_catalogue_counts():
    assert len({s for e in CATALOGUE for s in e.sets()}) >= 200
    assert len({frozenset(e.actions) for e in CATALOGUE}) == len(CATALOGUE) >= 190


def test_entries_say_what_they_need():
    for entry in CATALOGUE:
        assert all(a.partition(":")[2] for a in entry.actions), entry.id
        handed = entry.need in {Need.PASSED_ROLE, Need.PROFILED_ROLE, Need.LIVE_ROLE}
        assert (entry.service is not None) is handed, entry.id
        assert bool(entry.workload) is (entry.platform is not None), entry.id
        assert not entry.platform or entry.need is Need.LIVE_ROLE, entry.id
        assert entry.targeted or entry.need in {Need.NOTHING, Need.SAML_ROLE, Need.OIDC_ROLE, Need.PERMISSION_SET}


def test_an_entry_of_unknown_need_is_an_error_and_not_a_harmless_account():
    with pytest.raises(CatalogueError, match="no need"):
        escalations._entry({"need": "luck", "target": "iam:CreateUser", "source": "x"})


def test_what_ended_or_is_followed_elsewhere_is_listed_only():
    assert {e.id for e in LISTED} == {
        "iam:PassRole+codestar:CreateProject", "iam:PassRole+codestar:CreateProjectFromTemplate", "sts:AssumeRole"
    }  # fmt: skip
    assert not {e.id for e in LISTED} & {e.id for e in CATALOGUE}


# Live workloads


def updating(resource="*", **more):
    """A user who may replace the code of functions, and a role worth running as."""
    account = Account()
    low = account.user("low", allow("lambda:UpdateFunctionCode", resource, **more))
    return account, low, account.role("power", EVERYTHING, trust=[serves("lambda")])


WAY = "lambda:UpdateFunctionCode"


def test_without_knowing_the_functions_it_stays_conditional():
    account, low, _ = updating()
    assert account.ways(low) == {WAY: "conditional"}


def test_a_function_that_runs_as_the_role_makes_it_certain_and_is_named():
    account, low, role = updating()
    account.runs("lambda:function:migrate", "aws_lambda", role)
    assert account.ways(low) == {WAY: "certain"}
    assert account.steps(low, WAY) == (
        "low-inline statement 1 allows lambda:UpdateFunctionCode on *",
        "function:migrate (aws_lambda) runs as role power",
        "role power is administrator: power-inline statement 1 allows iam:AttachRolePolicy on *",
    )


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (f"arn:aws:lambda:*:{ACCOUNT}:function:migrate", "certain"),
        (f"arn:aws:lambda:*:{ACCOUNT}:function:migrate:*", "certain"),
        (f"arn:aws:lambda:*:{ACCOUNT}:function:web-*", None),
        (f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:*", None),
    ],
)
def test_only_functions_in_the_statement_s_scope_count_once_functions_were_read(resource, expected):
    account, low, role = updating(resource)
    account.runs("lambda:function:migrate", "aws_lambda", role)
    account.collected = {(HOME, "aws.functions")}
    assert account.ways(low).get(WAY) == expected


def test_the_region_of_a_workload_is_that_of_the_request():
    elsewhere = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    account, low, role = updating(Condition=elsewhere)
    account.runs("lambda:function:migrate", "aws_lambda", role)
    account.collected = {(HOME, "aws.functions")}
    assert account.ways(low) == {}


def test_functions_that_were_read_and_run_as_nobody_powerful_are_no_escalation():
    account, low, _ = updating()
    account.runs("lambda:function:web", "aws_lambda", account.role("weak", trust=[serves("lambda")]))
    assert account.ways(low) == {WAY: "conditional"}
    account.collected = {(HOME, "aws.functions")}
    assert account.ways(low) == {}


def test_a_gap_in_what_was_read_leaves_it_open():
    account, low, _ = updating()
    account.collected = {(HOME, "aws.functions")}
    gap = Gap(id="g", scope_id=HOME, source="aws.functions", covers=("consumer",), reason=GapReason.DENIED, remedy="x")
    account.gaps = [gap]
    assert account.ways(low) == {WAY: "conditional"}


def test_a_function_that_is_switched_off_is_no_certain_way():
    account, low, role = updating()
    account.runs("lambda:function:old", "aws_lambda", role, enabled=False)
    account.collected = {(HOME, "aws.functions")}
    assert account.ways(low) == {WAY: "conditional"}


def test_a_role_in_its_own_function_gains_nothing_by_it():
    account = Account()
    role = account.role("self", allow("lambda:UpdateFunctionCode"), trust=[serves("lambda")])
    account.runs("lambda:function:self", "aws_lambda", role)
    assert account.ways(role) == {}


def test_functions_of_another_account_are_not_its_targets():
    here, low, _ = updating()
    there = Account(OTHER)
    there.runs("lambda:function:x", "aws_lambda", there.role("power", EVERYTHING, trust=[serves("lambda")]))
    whole = joined(here, there)
    whole.collected = {(HOME, "aws.functions")}
    assert whole.ways(low) == {}


def test_an_instance_is_reached_through_its_profile_and_a_document():
    account = Account()
    role = account.role("power", EVERYTHING, trust=[serves("ec2")], profile=True)
    account.runs("ec2:instance/i-1", "aws_ec2", arn("instance-profile", "power"), which="instance_profile")
    on_instances = allow("ssm:SendCommand", "arn:aws:ec2:*:*:instance/*")
    both = account.user("both", on_instances, allow("ssm:SendCommand", "arn:aws:ssm:*:*:document/*"))
    half = account.user("half", on_instances)
    assert account.ways(both) == {"ssm:SendCommand": "certain"}
    assert account.ways(half) == {}
    assert account.running().by_kind[ACCOUNT, "aws_ec2"][0].role_id == role


def test_the_role_that_starts_a_container_is_not_what_its_code_runs_as():
    account = Account()
    role = account.role("power", EVERYTHING, trust=[serves("ecs-tasks")])
    low = account.user("low", allow("ecs:ExecuteCommand"))
    narrow = account.user("narrow", allow("ecs:ExecuteCommand", "arn:aws:ecs:*:*:task/dev/*"))
    account.collected = {(HOME, "aws.containers")}
    account.runs("ecs:task-definition/api", "aws_ecs", role, which="execution_role")
    assert account.ways(low) == {}
    account.runs("ecs:task-definition/job", "aws_ecs", role, which="task_role")
    assert account.ways(low) == {"ecs:ExecuteCommand": "certain"} | {}
    assert account.ways(narrow) == {"ecs:ExecuteCommand": "conditional"}


def test_platforms_are_read_by_the_collectors_whose_fixtures_show_them():
    import json
    from pathlib import Path

    from nhiscan.analysis.aws.workloads import COLLECTORS

    seen = set()
    for file in Path(__file__).parents[3].joinpath("fixtures", "collectors").glob("aws.*/*/expected.jsonl"):
        rows = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
        seen |= {(r["platform"], r["source"]) for r in rows if r.get("platform") in COLLECTORS}
    assert {(p, COLLECTORS[p]) for p, _ in seen} <= seen
    assert {e.platform for e in CATALOGUE if e.platform} <= set(COLLECTORS)


# Power over roles


def test_somebody_who_can_assume_an_administrator_is_worth_becoming():
    account = Account()
    etl = account.user("etl", allow("sts:AssumeRole", arn("role", "power")))
    account.role("power", EVERYTHING, trust=[trusting(ACCOUNT)])
    low = account.user("low", allow("iam:CreateAccessKey", etl))
    assert account.ways(low) == {"iam:CreateAccessKey": "certain"}
    assert account.steps(low, "iam:CreateAccessKey") == (
        f"low-inline statement 1 allows iam:CreateAccessKey on {etl}",
        f"etl-inline statement 1 allows sts:AssumeRole on {arn('role', 'power')}",
        f"trust policy of role power statement 1 lets {ACCOUNT} assume it",
        "role power is administrator: power-inline statement 1 allows iam:AttachRolePolicy on *",
    )


def test_two_who_could_only_become_each_other_are_not_powerful():
    account = Account()
    account.user("a", allow("iam:CreateAccessKey", arn("user", "b")))
    account.user("b", allow("iam:CreateAccessKey", arn("user", "a")))
    assert [e for e in account.effective() if e.capability == "escalate"] == []


def test_a_chain_across_accounts_makes_its_start_worth_becoming():
    here, there = Account(), Account(OTHER)
    hub = here.role("hub", allow("sts:AssumeRole", arn("role", "ops", OTHER)), trust=[serves("lambda")])
    there.role("ops", EVERYTHING, trust=[trusting(hub)])
    low = here.user("low", allow(["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]))
    key = "iam:PassRole+lambda:CreateFunction+lambda:InvokeFunction"
    assert joined(here, there).ways(low) == {key: "certain"}
    assert here.ways(low) == {}


def test_a_role_it_can_assume_and_change_is_certain_whoever_is_named():
    account = Account()
    account.role("mine", trust=[trusting(ACCOUNT)])
    low = account.user("low", allow(["iam:AttachRolePolicy", "sts:AssumeRole"], arn("role", "mine")))
    far = account.user("far", allow("iam:AttachRolePolicy", arn("role", "mine")))
    assert account.ways(low) == {"iam:AttachRolePolicy": "certain"}
    assert account.ways(far) == {"iam:AttachRolePolicy": "conditional"}


def test_a_version_of_a_policy_of_a_role_it_can_assume_is_certain():
    account = Account()
    role = account.role("mine", trust=[trusting(ACCOUNT)])
    policy = account.managed("shared", allow("s3:GetObject"))
    account.attach(role, policy)
    low = account.user("low", allow("iam:CreatePolicyVersion", policy), allow("sts:AssumeRole", role))
    assert account.ways(low) == {"iam:CreatePolicyVersion": "certain"}


# Two rights on one target


def test_rights_and_a_key_for_one_user_or_rights_and_a_trust_for_one_role_are_certain():
    account = Account()
    account.user("plain", interactive=False)
    account.role("idle", trust=[serves("lambda")])
    user = account.user("u", allow(["iam:PutUserPolicy", "iam:CreateAccessKey"], arn("user", "plain")))
    role = account.user("r", allow(["iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"], arn("role", "idle")))
    apart = account.user(
        "apart", allow("iam:PutUserPolicy", arn("user", "plain")), allow("iam:CreateAccessKey", arn("user", "nobody"))
    )
    login = account.user("login", allow(["iam:AttachUserPolicy", "iam:CreateLoginProfile"], arn("user", "plain")))
    assert account.ways(user)["iam:PutUserPolicy+iam:CreateAccessKey"] == "certain"
    assert account.ways(role)["iam:PutRolePolicy+iam:UpdateAssumeRolePolicy"] == "certain"
    assert account.ways(login)["iam:AttachUserPolicy+iam:CreateLoginProfile"] == "certain"
    assert account.ways(apart) == {"iam:PutUserPolicy": "conditional"}


def test_a_boundary_of_the_target_makes_its_rights_worthless():
    account = Account()
    held = account.user("held", boundary=[allow("s3:*")])
    low = account.user("low", allow(["iam:PutUserPolicy", "iam:CreateAccessKey"], held))
    assert account.ways(low) == {}


def test_a_policy_that_bears_on_a_role_whose_trust_can_be_changed():
    account = Account()
    role = account.role("borne", trust=[serves("lambda")])
    policy = account.managed("shared", allow("s3:GetObject"))
    account.attach(role, policy)
    low = account.user("low", allow("iam:CreatePolicyVersion", policy), allow("iam:UpdateAssumeRolePolicy", role))
    assert account.ways(low)["iam:UpdateAssumeRolePolicy+iam:CreatePolicyVersion"] == "certain"
    other = account.user("other", allow("iam:CreatePolicyVersion", policy), allow("iam:UpdateAssumeRolePolicy", "x"))
    assert "iam:UpdateAssumeRolePolicy+iam:CreatePolicyVersion" not in account.ways(other)


# What limits somebody, and can be taken away


@pytest.mark.parametrize(("action", "inline"), [("iam:DetachUserPolicy", False), ("iam:DeleteUserPolicy", True)])
def test_a_deny_that_it_may_take_off_itself_is_no_limit(action, inline):
    account = Account()
    guard = deny(["iam:Attach*", "iam:Put*", "iam:Create*"])
    low = account.user("low", EVERYTHING, *([guard] if inline else []))
    if not inline:
        account.attach(low, account.managed("guard", guard))
        assert account.ways(low)[action] == "certain"
        return
    # An inline policy holds the rights as well: without it nothing is left.
    assert action not in account.ways(low)
    rich = account.user("rich", guard)
    account.attach(rich, account.managed("all", EVERYTHING))
    assert account.ways(rich)[action] == "certain"


def test_a_deny_that_forbids_its_own_removal_stays():
    account = Account()
    low = account.user("low", EVERYTHING)
    account.attach(low, account.managed("guard", deny(["iam:*"])))
    assert account.ways(low) == {}


@pytest.mark.parametrize("action", ["iam:DetachGroupPolicy", "iam:RemoveUserFromGroup"])
def test_a_group_s_deny_that_it_may_remove_is_no_limit(action):
    account = Account()
    group = account.group("limited")
    account.attach(group, account.managed("guard", deny(["iam:Put*", "iam:Attach*", "iam:Create*"])))
    low = account.user("low", EVERYTHING, groups=[group])
    assert account.ways(low)[action] == "certain"
    name = "policy guard of group limited" if "Detach" in action else "group limited"
    assert account.steps(low, action)[-1] == f"{name} alone keeps it from being administrator"


def test_the_boundary_of_a_role_it_can_assume_is_lifted():
    account = Account()
    role = account.role("held", EVERYTHING, boundary=[allow("s3:*")], trust=[trusting(ACCOUNT)])
    low = account.user("low", allow(["iam:DeleteRolePermissionsBoundary", "sts:AssumeRole"], role))
    far = account.user("far", allow("iam:DeleteRolePermissionsBoundary", role))
    assert account.ways(low) == {"iam:DeleteRolePermissionsBoundary": "certain"}
    assert account.ways(far) == {}


# Limits that hold


def test_a_deny_under_mfa_only_leaves_the_rest_conditional():
    account = Account()
    unless = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    low = account.user("low", allow("iam:PutUserPolicy"), deny("iam:*", Condition=unless))
    assert account.ways(low) == {"iam:PutUserPolicy": "conditional"}


def test_self_managed_credentials_are_no_escalation():
    account = Account()
    account.user("boss", EVERYTHING)
    mine = arn("user", "${aws:username}")
    low = account.user(
        "low", allow(["iam:*AccessKey*", "iam:*LoginProfile", "iam:*MFADevice", "iam:*SSHPublicKey*"], mine)
    )
    assert account.ways(low) == {}


def test_roles_below_a_path_are_passed_only_below_it():
    account = Account()
    account.role("power", EVERYTHING, trust=[serves("lambda")])
    both = ["lambda:CreateFunction", "lambda:InvokeFunction"]
    low = account.user("low", allow(both), allow("iam:PassRole", arn("role", "app/*")))
    assert account.ways(low) == {}
    account.role("app/power", EVERYTHING, trust=[serves("lambda")])
    assert account.ways(low) == {"iam:PassRole+lambda:CreateFunction+lambda:InvokeFunction": "certain"}


def test_a_power_user_without_iam_reaches_nothing_that_needs_it():
    account = Account()
    account.role("power", EVERYTHING, trust=[serves("lambda", "ec2", "ecs-tasks")])
    power_user = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
    low = account.user("low", power_user)
    assert not [w for w in account.ways(low) if "iam:" in w]
    account.collected = {
        (HOME, f"aws.{c}") for c in ("functions", "compute", "containers", "pipelines", "data_jobs", "agentcore")
    }
    assert "certain" not in account.ways(low).values()


def test_tags_of_the_principal_limit_it_where_they_do_not_match():
    account = Account()
    account.user("boss", EVERYTHING, tags={"team": "platform"})
    same = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    web = account.user("web", allow("iam:CreateAccessKey", Condition=same), tags={"team": "web"})
    ops = account.user("ops", allow("iam:CreateAccessKey", Condition=same), tags={"team": "platform"})
    bare = account.user("bare", allow("iam:CreateAccessKey", Condition=same))
    assert account.ways(web) == {}
    assert account.ways(ops) == {"iam:CreateAccessKey": "certain"}
    assert account.ways(bare) == {}


def test_service_linked_roles_and_disabled_targets_are_no_targets():
    account = Account()
    account.role(
        "aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
        EVERYTHING,
        trust=[serves("lambda")],
        class_=IdentityClass.PROVIDER_MANAGED,
    )
    low = account.user("low", allow(["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"]))
    assert account.ways(low) == {}


def under(account, *statements, leaving=EVERYTHING):
    """Puts the account under an organisation whose root has a service control policy."""
    chain = [("aws:o-1", ScopeKind.ORGANIZATION, None), ("aws:r-1", ScopeKind.ORGANIZATIONAL_UNIT, "aws:o-1")]
    scopes = [Scope(id=i, scope_id=i, source="t", provider="aws", kind=k, name=i, parent_id=p) for i, k, p in chain]
    own = Scope(
        id=HOME, scope_id=HOME, source="t", provider="aws", kind=ScopeKind.ACCOUNT, name=ACCOUNT, parent_id="aws:r-1"
    )
    account.scopes = [*scopes, own]
    policy = f"arn:aws:organizations::{OTHER}:policy/o-1/service_control_policy/p-1"
    from tests.analysis.aws.sample import doc

    account._policy(policy, PolicyKind.SERVICE_CONTROL, doc(leaving, *statements))
    account.attachments.append(
        Attachment(
            id="scp",
            scope_id="aws:r-1",
            source="t",
            policy_id=policy,
            principal_id="aws:r-1",
            kind=AttachmentKind.CONTROL,
        )
    )
    # Every level must allow: the account itself has the policy that allows everything.
    full = f"arn:aws:organizations::{OTHER}:policy/o-1/service_control_policy/p-FullAWSAccess"
    account._policy(full, PolicyKind.SERVICE_CONTROL, doc(EVERYTHING))
    for scope in (HOME, "aws:o-1"):
        account.attachments.append(
            Attachment(
                id=f"full-{scope}",
                scope_id=scope,
                source="t",
                policy_id=full,
                principal_id=scope,
                kind=AttachmentKind.CONTROL,
            )
        )


def test_a_service_control_policy_takes_the_way_and_the_worth_of_a_target():
    account = Account()
    low = account.user("low", allow("iam:PutUserPolicy"))
    assert account.ways(low) == {"iam:PutUserPolicy": "certain"}
    under(account, deny("iam:PutUserPolicy"))
    assert account.ways(low) == {}
    later = Account()
    low = later.user("low", allow("iam:AttachUserPolicy"))
    under(later, deny(["iam:CreateRole", "iam:CreateUser"]))
    assert later.ways(low) == {}


def test_a_service_control_policy_forbids_assuming_even_a_role_that_names_the_user():
    account = Account()
    u = account.user("u")
    account.role("r", EVERYTHING, trust=[trusting(u)])
    under(account, deny("sts:AssumeRole"))
    assert account.reach() == []


def test_a_service_control_policy_that_leaves_assuming_out_forbids_it_as_well():
    account = Account()
    u = account.user("u")
    account.role("r", EVERYTHING, trust=[trusting(u)])
    under(account, leaving=allow(["s3:*", "iam:*"]))
    assert account.reach() == []


def test_what_documentation_leaves_open_is_never_certain():
    account = Account()
    account.role("power", EVERYTHING, trust=[serves("sagemaker")])
    low = account.user("low", allow(["iam:PassRole", "sagemaker:CreateNotebookInstance"]))
    assert account.ways(low) == {"iam:PassRole+sagemaker:CreateNotebookInstance": "conditional"}
    assert account.steps(low, "iam:PassRole+sagemaker:CreateNotebookInstance")[-1] == (
        "whether it works is open: somebody must still open the notebook"
    )
