"""What limits keys and members: effective organisation policies as signals on an organisation and what is below it."""

from __future__ import annotations

import pytest

from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors.gcp._assets import Projects, Scopes
from nhiscan.collectors.gcp._bindings import Around
from nhiscan.collectors.gcp._limits import CONSTRAINTS, limits
from tests.collectors.gcp.answers_lab import ORGANIZATION, Held, denied
from tests.collectors.gcp.google_lab import context

OWN = "organizations/710000000001"
SCOPE = "gcp:org/710000000001"
KEYS, MANAGED = "iam.disableServiceAccountKeyCreation", "iam.managed.disableServiceAccountKeyCreation"
HOURS, DOMAINS = "iam.serviceAccountKeyExpiryHours", "iam.allowedPolicyMemberDomains"
TAGGED = {"expression": "resource.matchTag('1/env', 'test')"}


def told(rules, *parents: str, closed=()) -> tuple[dict[tuple[str, str], tuple], list]:
    """Signals by scope and kind, and gaps; `rules` by the name of a policy or of a constraint."""

    def answer(params):
        name = params["name"]
        constraint = name.rpartition("/")[2]
        if name in closed or constraint in closed:
            return denied("orgpolicy:policies.getEffective", missing=closed == {"iam.managed.allowedPolicyMembers"})
        return {"name": name, "spec": {"rules": rules.get(name, rules.get(constraint, [{"enforce": False}]))}}

    ask = Ask(Held({"orgpolicy:policies.getEffective": answer}), ORGANIZATION, "gcp.iam_policies", context())
    known = Projects({"310000000001": "acme-shop"})
    records = list(limits(Around(ask, known, Scopes(ask, known)), [OWN, *parents]))
    signals = {(r.subject_id, r.kind): (r.active, r.detail) for r in records if r.table == "signal"}
    return signals, [r for r in records if r.table == "gap"]


@pytest.mark.parametrize(
    ("rules", "active", "detail"),
    [
        ({}, False, "keys of service accounts can be made and never end"),
        ({KEYS: [{"enforce": True}]}, True, KEYS),
        ({MANAGED: [{"enforce": "true"}]}, True, MANAGED),
        ({HOURS: [{"values": {"allowedValues": ["24h", "720h"]}}]}, True, f"{HOURS} (24h, 720h)"),
        ({HOURS: [{"denyAll": True}]}, True, HOURS),
        ({HOURS: [{"allowAll": True}]}, False, "keys of service accounts can be made and never end"),
        ({KEYS: [{"enforce": True, "condition": TAGGED}]}, False, "keys of service accounts can be made and never end"),
        ({KEYS: [{"enforce": True}, {"enforce": False, "condition": TAGGED}]}, True, f"{KEYS} with exceptions by tag"),
        ({KEYS: None}, False, "keys of service accounts can be made and never end"),
        ({KEYS: [{"enforce": True}], MANAGED: [{"enforce": True}]}, True, f"{MANAGED}; {KEYS}"),
    ],
)
def test_a_policy_in_effect_limits_keys(rules, active, detail):
    signals, gaps = told(rules)
    assert signals[SCOPE, "lifetime_limit"] == (active, detail)
    assert signals[SCOPE, "domain_limit"] == (False, "anybody can be granted access")
    assert gaps == []


def test_members_are_limited_to_customers():
    signals, _ = told({DOMAINS: [{"values": {"allowedValues": ["C0abc"]}}]})
    assert signals[SCOPE, "domain_limit"] == (True, f"{DOMAINS} (C0abc)")


def test_a_project_that_sets_it_otherwise_is_told_by_itself():
    signals, _ = told({KEYS: [{"enforce": True}], f"projects/acme-shop/policies/{KEYS}": []}, "projects/acme-shop")
    assert signals[SCOPE, "lifetime_limit"][0] is True
    assert signals["gcp:project/acme-shop", "lifetime_limit"][0] is False


def test_a_project_that_nobody_can_name_does_not_speak_for_the_organisation():
    signals, _ = told({KEYS: [{"enforce": True}], f"projects/99/policies/{KEYS}": []}, "projects/99")
    assert {scope for scope, _ in signals} == {SCOPE}
    assert signals[SCOPE, "lifetime_limit"][0] is True


def test_a_constraint_that_is_not_offered_limits_nothing():
    signals, gaps = told({}, closed={"iam.managed.allowedPolicyMembers"})
    assert signals[SCOPE, "domain_limit"][0] is False
    assert gaps == []


def test_one_that_may_not_be_read_leaves_it_open_and_a_gap():
    signals, (gap,) = told({}, closed={HOURS})
    assert signals[SCOPE, "lifetime_limit"] == (None, None)
    assert signals[SCOPE, "domain_limit"][0] is False
    assert (gap.covers, gap.subject_id, gap.remedy) == (("signal",), SCOPE, "grant it")


def test_one_that_limits_suffices_whatever_else_may_not_be_read():
    signals, gaps = told({KEYS: [{"enforce": True}]}, closed={HOURS})
    assert signals[SCOPE, "lifetime_limit"] == (True, KEYS)
    assert gaps == []


def test_without_any_answer_nothing_is_said_and_each_place_has_its_gap():
    signals, gaps = told({}, "projects/acme-shop", closed={*CONSTRAINTS, "every one"})
    assert signals == {}
    assert {gap.subject_id for gap in gaps} == {SCOPE, "gcp:project/acme-shop"}
