import pytest

from nhiscan.analysis import reach as module
from nhiscan.analysis.aws import assume
from nhiscan.analysis.reach import MAX_HOPS
from tests.analysis.aws.sample import ACCOUNT, EVERYTHING, Account, allow, arn, deny, joined, serves, trusting

OTHER = "999988887777"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def pairs(account):
    return {
        (r.identity_id.rpartition("/")[2], r.target_id.rpartition("/")[2]): (r.hops, r.certainty.value)
        for r in account.reach()
    }


def test_a_role_that_names_the_identity_needs_no_permission_at_home():
    account = Account()
    u = account.user("u")
    account.role("r", trust=[trusting(u)])
    assert pairs(account) == {("u", "r"): (1, "certain")}


@pytest.mark.parametrize(
    ("stmts", "expected"),
    [
        ([], None),
        ([allow("sts:AssumeRole")], "certain"),
        ([allow("sts:*", arn("role", "r"))], "certain"),
        ([allow("sts:AssumeRole", arn("role", "x"))], None),
        ([allow("sts:AssumeRole", Condition=MFA)], "conditional"),
        ([allow("sts:AssumeRole"), deny("sts:*")], None),
        ([{"Effect": "Allow", "Action": "sts:AssumeRole", "NotResource": "arn:aws:s3:::*"}], "certain"),
        ([allow("sts:AssumeRole", arn("role", "${aws:userid}"))], "conditional"),
    ],
)
def test_a_role_that_trusts_the_account_needs_the_identity_s_permission(stmts, expected):
    account = Account()
    account.user("u", *stmts)
    account.role("r", trust=[trusting(ACCOUNT)])
    assert {k: v[1] for k, v in pairs(account).items()} == ({("u", "r"): expected} if expected else {})


@pytest.mark.parametrize(
    ("stmts", "boundary", "expected"),
    [
        ([deny("sts:*")], None, None),
        ([deny("sts:*", Condition=MFA)], None, "conditional"),
        ([], [deny("*")], None),
        ([], [allow("s3:*")], "conditional"),
        ([], [EVERYTHING], "certain"),
        ([], [], "conditional"),
    ],
)
def test_a_deny_or_a_boundary_limits_even_a_direct_trust(stmts, boundary, expected):
    account = Account()
    u = account.user("u", *stmts, boundary=boundary)
    account.role("r", trust=[trusting(u)])
    assert pairs(account).get(("u", "r"), (0, None))[1] == expected


def test_between_accounts_both_sides_are_needed():
    here, there = Account(), Account(OTHER)
    u = here.user("u")
    v = here.user("v", allow("sts:AssumeRole"))
    there.role("named", trust=[trusting([u, v])])
    there.role("open", trust=[trusting(ACCOUNT)])
    there.role("closed", trust=[trusting(OTHER)])
    found = pairs(joined(here, there))
    assert found == {("v", "named"): (1, "certain"), ("v", "open"): (1, "certain")}


def test_a_trust_in_everybody_needs_permission():
    account = Account()
    account.user("u", allow("sts:AssumeRole"))
    account.user("v")
    account.role("r", trust=[trusting("*")])
    assert pairs(account) == {("u", "r"): (1, "certain")}


def test_the_condition_of_a_trust_is_asked_with_the_caller_known():
    account = Account()
    for name in ("ci-1", "web"):
        account.user(name, allow("sts:AssumeRole"))
    only_ci = {"ArnLike": {"aws:PrincipalArn": arn("user", "ci-*")}}
    account.role("r", trust=[trusting(ACCOUNT, Condition=only_ci)])
    account.role("m", trust=[trusting(ACCOUNT, Condition=MFA)])
    assert pairs(account) == {
        ("ci-1", "r"): (1, "certain"),
        ("ci-1", "m"): (1, "conditional"),
        ("web", "m"): (1, "conditional"),
    }


def chain(length, **last):
    account = Account()
    before = account.user("start")
    for n in range(1, length + 1):
        rights = [EVERYTHING] if n == length else []
        before = account.role(f"r{n}", *rights, trust=[trusting(before, **(last if n == length else {}))])
    return account


def test_chains_are_followed_for_five_hops_and_keep_their_path():
    assert pairs(chain(MAX_HOPS))["start", f"r{MAX_HOPS}"] == (5, "certain")
    assert ("start", "r6") not in pairs(chain(6))
    (row,) = [r for r in chain(3).reach() if r.hops == 3]
    assert row.path == (arn("user", "start"), arn("role", "r1"), arn("role", "r2"), arn("role", "r3"))


def test_the_weakest_edge_is_the_certainty_of_the_path():
    assert pairs(chain(3, Condition=MFA))["start", "r3"] == (3, "conditional")


def test_only_single_hops_lead_to_roles_that_hold_nothing():
    account = Account()
    u = account.user("u")
    a = account.role("a", trust=[trusting(u)])
    account.role("b", trust=[trusting(a)])
    assert set(pairs(account)) == {("u", "a"), ("a", "b")}


def test_of_two_short_paths_the_surer_one_is_kept():
    account = Account()
    u = account.user("u")
    weak = account.role("a-weak", trust=[trusting(u, Condition=MFA)])
    strong = account.role("b-strong", trust=[trusting(u)])
    account.role("top", EVERYTHING, trust=[trusting([weak, strong])])
    assert pairs(account)["u", "top"] == (2, "certain")


def test_circles_end():
    account = Account()
    a, b = arn("role", "a"), arn("role", "b")
    account.role("a", EVERYTHING, trust=[trusting([b, a])])
    account.role("b", trust=[trusting(a)])
    assert set(pairs(account)) == {("b", "a"), ("a", "b")}


def test_services_and_federation_start_outside_any_identity():
    account = Account()
    account.user("u", allow("sts:*"))
    web = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": "accounts.google.com"},
    }
    account.role("r", EVERYTHING, trust=[serves("ec2"), web])
    assert pairs(account) == {}


def test_a_certain_administrator_does_not_swell_the_graph():
    account = Account()
    account.user("boss", EVERYTHING)
    account.user("ops", allow("sts:AssumeRole"))
    account.role("r", trust=[trusting(ACCOUNT)])
    assert set(pairs(account)) == {("ops", "r")}


def test_plain_targets_are_bounded_in_number(monkeypatch):
    monkeypatch.setattr(module, "MAX_PLAIN", 2)
    account = Account()
    account.user("u", allow("sts:AssumeRole"))
    for n in range(4):
        account.role(f"r{n}", *([EVERYTHING] if n == 3 else []), trust=[trusting(ACCOUNT)])
    assert set(pairs(account)) == {("u", "r0"), ("u", "r1"), ("u", "r3")}


def test_an_unreadable_condition_of_a_collected_trust_is_conditional():
    assert assume.conditions("{x") == (("unreadable", "", ()),)
    assert assume.conditions('"x"') == (("unreadable", "", ()),)
