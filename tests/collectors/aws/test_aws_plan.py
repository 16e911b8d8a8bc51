"""Which accounts and regions are read: the organisation, roles, regions in use, and what is told of the rest."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors.aws import _session
from nhiscan.collectors.aws._accounts import DEFAULT_ROLE
from nhiscan.collectors.aws._plan import accounts, places, regions_of, session_of
from nhiscan.collectors.aws._regions import HOME_PROBES, PROBES, Fate
from nhiscan.collectors.aws.regions import COLLECTOR
from nhiscan.plugin import Target, TargetError
from tests.collectors.aws.answers import keys_of, serving

HOME, SHOP, LOCKED = "111122223333", "123456789012", "444455556666"
CALLER = "sts:GetCallerIdentity"
OPERATIONS = {"organizations:ListAccounts", "ec2:DescribeRegions", "iam:ListSAMLProviders", *PROBES, *HOME_PROBES}
ORGANISATION = Target("aws:org", "aws", "org")
OWN = Target("aws", "aws", "")


def role(account, name=DEFAULT_ROLE):
    return f"arn:aws:iam::{account}:role/{name}"


@pytest.fixture
def estate(tmp_path, environment):
    """The management account and two members; eu-west-1 is in use in all, us-east-1 in the shop."""

    def write(account, where, operation, answer):
        path = tmp_path / "estate" / account / where / f"{operation.replace(':', '.')}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(answer))

    listed = [{"Id": number, "Name": name, "Status": "ACTIVE"} for number, name in ((SHOP, "shop"), (HOME, "main"))]
    listed += [{"Id": LOCKED, "State": "ACTIVE"}, {"Id": "999999999999", "State": "SUSPENDED", "Status": "ACTIVE"}]
    write(HOME, "global", "organizations:ListAccounts", {"Accounts": listed})
    for account in (HOME, SHOP):
        names = ("eu-west-1", "us-east-1", "ap-south-1")
        write(account, "global", "ec2:DescribeRegions", {"Regions": [{"RegionName": n} for n in names]})
        for operation, (key, _) in {**PROBES, **HOME_PROBES}.items():
            write(account, "global", operation, {key: []})
        write(
            account,
            "eu-west-1",
            "resourcegroupstaggingapi:GetResources",
            {"ResourceTagMappingList": [{"ResourceARN": "a"}]},
        )
    write(SHOP, "us-east-1", "kms:ListKeys", {"Keys": [{"KeyId": "k"}]})
    environment.setattr("time.sleep", lambda _s: None)
    for name, value in keys_of(HOME).items():
        environment.setenv(name, value)
    with serving(tmp_path / "estate", OPERATIONS) as answers:
        answers.roles = {role(SHOP): ""}
        answers.write = write
        environment.setenv("AWS_ENDPOINT_URL", answers.url)
        yield answers


@pytest.fixture
def told(ctx):
    """The gaps of the collector that tells about accounts and regions, by account."""

    def run(target, context=None):
        context = context or ctx
        found = {}
        for unit in COLLECTOR.units(target, context):
            try:
                records = list(COLLECTOR.collect(unit, context))
            except TargetError as e:
                records = [e]
            found[unit.scope_id.removeprefix("aws:")] = [r for r in records if getattr(r, "table", "gap") == "gap"]
        return found

    return run


def where(target, ctx, **how):
    return [(p.account.number, p.region) for p in places(target, ctx, **how)]


def test_the_organisation_is_its_active_accounts_entered_by_role_and_the_own_one_directly(estate, ctx):
    found = {e.account.number: e for e in accounts(ORGANISATION, ctx)}
    assert set(found) == {HOME, SHOP, LOCKED}
    assert (found[HOME].role, found[HOME].home, found[HOME].name) == ("", True, "main")
    assert found[SHOP].role == role(SHOP)
    assert found[SHOP].caller == f"arn:aws:sts::{SHOP}:assumed-role/{DEFAULT_ROLE}/nhiscan"
    assert found[LOCKED].refused
    assert where(ORGANISATION, ctx, regional=False) == [(HOME, "us-east-1"), (SHOP, "us-east-1")]


def test_planning_is_done_once_for_all_collectors_and_counted(estate, ctx):
    for _ in range(3):
        where(ORGANISATION, ctx, regional=True)
    assert dict(ctx.calls) == dict(estate.calls)
    assert estate.calls["organizations:ListAccounts"] == 1
    assert estate.calls["sts:AssumeRole"] == 2
    assert estate.calls["ec2:DescribeRegions"] == 2


def test_only_regions_in_use_are_read(estate, ctx):
    assert where(ORGANISATION, ctx, regional=True) == [(HOME, "eu-west-1"), (SHOP, "eu-west-1"), (SHOP, "us-east-1")]
    assert estate.calls["resourcegroupstaggingapi:GetResources"] == 6
    assert estate.calls["kms:ListKeys"] == 4, "asked only where the tagging service knew nothing"


def test_a_role_that_cannot_be_assumed_is_told_once_and_names_the_account(estate, ctx, told):
    error = told(ORGANISATION)[LOCKED][0]
    assert f"the role role/{DEFAULT_ROLE} of account {LOCKED} cannot be assumed" in str(error)
    assert f"create it in {LOCKED}" in error.remedy
    assert {"identity", "credential", "consumer", "policy"} <= set(COLLECTOR.covers)


def test_regions_passed_over_are_one_gap_that_bears_on_nothing(estate, ctx, told):
    (gap,) = told(ORGANISATION)[SHOP]
    assert gap.detail == "regions not read further: nothing was found in ap-south-1"
    assert (gap.reason, gap.remedy, gap.subject_id) == ("skipped", "--regions all", f"aws:{SHOP}/regions")


def test_regions_can_be_named_or_all_be_read(estate, ctx, told):
    named = replace(ctx, regions=("eu-north-1",), memo={})
    assert where(OWN, named, regional=True) == [(HOME, "eu-north-1")]
    assert "ec2:DescribeRegions" not in estate.calls
    every = replace(ctx, regions=("all",), memo={})
    assert where(OWN, every, regional=True) == [(HOME, r) for r in ("ap-south-1", "eu-west-1", "us-east-1")]
    assert not set(PROBES) & set(estate.calls)
    assert told(OWN, every)[HOME] == []


def test_a_region_with_nothing_but_identity_center_is_read_for_that_alone(estate, ctx, told):
    estate.write(HOME, "ap-south-1", "sso-admin:ListInstances", {"Instances": [{"InstanceArn": "arn"}]})
    assert where(OWN, ctx, regional=True) == [(HOME, "eu-west-1")]
    assert where(OWN, ctx, regional=True, sign_in=True) == [(HOME, "ap-south-1"), (HOME, "eu-west-1")]
    (gap,) = told(OWN)[HOME]
    assert "nothing but Identity Center in ap-south-1" in gap.detail


def test_a_region_closed_by_the_organisation_is_told_with_the_unused_ones(estate, ctx, told):
    message = "not authorized with an explicit deny in a service control policy"
    estate.judge = lambda o, _n: (403, "AccessDeniedException", message) if o in PROBES else None
    (gap,) = told(OWN)[HOME]
    assert gap.detail.endswith("ap-south-1, eu-west-1, us-east-1 closed by the organisation")
    assert where(OWN, ctx, regional=True) == []


def test_a_region_nobody_may_ask_about_is_read_and_the_missing_permission_named(estate, ctx, told):
    estate.judge = lambda o, _n: (403, "AccessDeniedException", "no") if o in PROBES else None
    assert len(where(OWN, ctx, regional=True)) == 3
    (gap,) = told(OWN)[HOME]
    assert gap.remedy.startswith("allow tag:GetResources, lambda:ListFunctions")
    assert gap.subject_id == f"aws:{HOME}/regions", "what is read in full hides nothing"


def test_without_the_list_the_regions_of_the_sdk_are_asked(estate, ctx, told):
    estate.judge = lambda o, _n: (403, "UnauthorizedOperation", "no") if o == "ec2:DescribeRegions" else None
    found = regions_of(accounts(OWN, ctx)[0], ctx)
    assert "eu-west-1" in found.read
    assert len(found.asked) > 15
    assert any(g.remedy == "allow ec2:DescribeRegions" for g in told(OWN)[HOME])


def test_a_region_that_hangs_is_a_real_gap_and_costs_the_others_nothing(estate, ctx, told, monkeypatch):
    monkeypatch.setattr(_session, "_FIRST_READ_S", 0.3)
    estate.silent_region = "ap-south-1"
    found = regions_of(accounts(OWN, ctx)[0], ctx)
    assert found.by_use[Fate.SILENT] == ("ap-south-1",)
    assert found.read == ("eu-west-1",)
    gap = next(g for g in told(OWN)[HOME] if g.subject_id is None)
    assert gap.detail == "nobody answers in ap-south-1"


def test_accounts_can_be_chosen_left_out_and_missed(estate, ctx, told):
    chosen = replace(ctx, accounts=(SHOP, "777788889999"), memo={})
    assert [e.account.number for e in accounts(ORGANISATION, chosen)] == [SHOP, "777788889999"]
    assert "no active account of this organisation" in str(told(ORGANISATION, chosen)["777788889999"][0])
    others = replace(ctx, accounts=(f"!{LOCKED}",), memo={})
    assert [e.account.number for e in accounts(ORGANISATION, others)] == [HOME, SHOP]
    with pytest.raises(TargetError, match="no account is left"):
        accounts(OWN, replace(ctx, accounts=(f"!{HOME}",), memo={}))


def test_named_accounts_need_no_organisation(estate, ctx):
    named = replace(ctx, accounts=(SHOP, HOME), memo={})
    assert [(e.account.number, bool(e.role)) for e in accounts(OWN, named)] == [(HOME, False), (SHOP, True)]
    assert "organizations:ListAccounts" not in estate.calls


@pytest.mark.parametrize("wanted", ["arn:aws:iam::{account}:role/ops/audit", f"arn:aws:iam::{SHOP}:role/ops/audit"])
def test_a_role_can_be_a_whole_arn(estate, ctx, wanted):
    estate.roles = {role(SHOP, "ops/audit"): "shared-word"}
    given = replace(ctx, role=wanted, external_id="shared-word", accounts=(SHOP,), memo={})
    (entry,) = accounts(OWN, given)
    assert entry.refused is None
    assert accounts(OWN, replace(given, external_id="other", role=wanted + "x", memo={}))[0].refused


def test_a_role_of_one_account_cannot_be_that_of_all(estate, ctx):
    with pytest.raises(TargetError, match="a role of one account"):
        accounts(ORGANISATION, replace(ctx, role=role(SHOP), memo={}))
    assert [e.account.number for e in accounts(OWN, replace(ctx, role=role(SHOP), memo={}))] == [SHOP]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("AccessDeniedException", "allow organizations:ListAccounts"), ("AWSOrganizationsNotInUseException", "audit aws")],
)
def test_who_may_not_list_accounts_is_told_another_way(estate, ctx, code, remedy):
    estate.judge = lambda o, _n: (400, code, "no") if o == "organizations:ListAccounts" else None
    with pytest.raises(TargetError) as error:
        accounts(ORGANISATION, ctx)
    assert remedy in error.value.remedy


def test_a_role_is_assumed_again_before_its_credentials_expire(estate, ctx):
    estate.lifetime_s = 60
    session = session_of({"role": role(SHOP)}, {"iam:ListSAMLProviders"}, ctx)
    for _ in range(2):
        with pytest.raises(RefusedError, match="denied"):
            session.call("iam:ListSAMLProviders")
    assert estate.calls["sts:AssumeRole"] >= 2


def test_the_credentials_of_a_role_are_shared_by_the_units_of_a_process(estate, ctx):
    for _ in range(3):
        assert session_of({"role": role(SHOP)}, (), ctx).sign_in().startswith(f"arn:aws:sts::{SHOP}:")
    assert estate.calls["sts:AssumeRole"] == 1


def test_a_role_that_is_gone_midway_breaks_every_call_alike(estate, ctx):
    session = session_of({"role": role(LOCKED)}, {"iam:ListSAMLProviders", "kms:ListKeys"}, ctx)
    for operation in ("iam:ListSAMLProviders", "kms:ListKeys"):
        with pytest.raises(RefusedError, match="cannot be assumed") as refused:
            session.call(operation)
        assert refused.value.everywhere
    assert estate.calls["sts:AssumeRole"] == 1


def test_one_of_an_organisation_is_enough_where_one_tells_about_all(estate, ctx):
    assert where(ORGANISATION, ctx, regional=False, once=True) == [(HOME, "us-east-1")]
    named = replace(ctx, accounts=(SHOP, HOME), memo={})
    assert len(where(OWN, named, regional=False, once=True)) == 2


def test_time_is_a_budget_of_a_unit(estate, ctx):
    session = session_of({"region": "eu-west-1"}, {"kms:ListKeys"}, ctx, -timedelta(seconds=1).total_seconds())
    with pytest.raises(RefusedError, match="were used up") as refused:
        session.call("kms:ListKeys")
    assert refused.value.reason == "skipped"
    assert not estate.calls
