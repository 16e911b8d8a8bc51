"""What holds in every tenant: a denial never widens, an assignment never narrows, and what is dense stays bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.analysis.azure.conditions import met
from nhiscan.analysis.azure.decide import Level, decide
from nhiscan.analysis.azure.reach import MAX_PLAIN, MAX_TARGETS
from nhiscan.analysis.azure.scopes import Tree
from nhiscan.model import IdentityKind
from tests.analysis.azure.sample import PRIVILEGED, Tenant, place, who

SCOPES = ["root", "mg:root", "mg:prod", "sub:a", "sub:b", "sub:c", "a/app", "a/app/Microsoft.Web/sites/shop"]
ACTIONS = ["Microsoft.Web/sites/write", "Microsoft.Web/sites/read", "Microsoft.Authorization/roleAssignments/write"]
assignments = st.fixed_dictionaries(
    {
        "role": st.sampled_from(sorted(PRIVILEGED)),
        "to": st.sampled_from(["app", "team"]),
        "at": st.sampled_from(SCOPES),
        "eligible": st.booleans(),
    }
)
denials = st.fixed_dictionaries(
    {
        "actions": st.lists(
            st.sampled_from(["*", "*/read", "Microsoft.Web/*", "Microsoft.Authorization/*/write"]), min_size=1
        ),
        "at": st.sampled_from(SCOPES),
        "principals": st.lists(st.sampled_from(["app", "team", "everyone", "other"]), min_size=1, unique=True),
        "exempt": st.lists(st.sampled_from(["app", "team", "other"]), unique=True),
        "children": st.booleans(),
    }
)


def tenant(held, denied) -> Tenant:
    made = Tenant()
    made.identity("app")
    made.group("team")
    made.member("app", "team")
    for one in held:
        made.assign(**one)
    for one in denied:
        made.deny(one)
    return made


def answers(held, denied) -> dict[tuple[str, str], Level]:
    estate = tenant(held, denied).built()
    return {(a, s): decide(estate, who("app"), a, place(s)).level for a in ACTIONS for s in SCOPES}


@settings(max_examples=40, deadline=None)
@given(held=st.lists(assignments, max_size=4), denied=st.lists(denials, max_size=2), more=denials)
def test_one_more_denial_never_widens(held, denied, more):
    before, after = answers(held, denied), answers(held, [*denied, more])
    assert all(after[key] <= before[key] for key in before)


@settings(max_examples=40, deadline=None)
@given(held=st.lists(assignments, max_size=4), denied=st.lists(denials, max_size=2), more=assignments)
def test_one_more_assignment_never_narrows(held, denied, more):
    before, after = answers(held, denied), answers([*held, more], denied)
    assert all(after[key] >= before[key] for key in before)


@settings(max_examples=40, deadline=None)
@given(held=st.lists(assignments, max_size=5), denied=st.lists(denials, max_size=3))
def test_the_order_of_assignments_and_denials_changes_no_answer(held, denied):
    assert answers(held, denied) == answers(held[::-1], denied[::-1])


@settings(max_examples=40, deadline=None)
@given(held=st.lists(assignments, min_size=1, max_size=4), denied=st.lists(denials, max_size=2))
def test_every_certain_capability_has_an_action_behind_it(held, denied):
    made = tenant(held, denied)
    estate = made.built()
    for row in made.effective():
        if row.capability in {"admin", "grant_access"} and row.certainty == "certain":
            scope = row.method.partition("@")[2]
            assert decide(estate, row.identity_id, ACTIONS[2], scope).level is Level.YES


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="()!@{}[]'&|ANDORactionMatches *?1,", max_size=60))
def test_no_condition_is_a_traceback(text):
    assert met(text, "a/b/read") in {True, False, None}


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="/abprovidersubscription", max_size=40))
def test_every_scope_lies_in_the_root(text):
    chain = Tree().chain("/" + text.strip("/"))
    assert chain[-1] == "/"
    assert len(chain) == len(set(chain))


# Conditions, by learn.microsoft.com/azure/role-based-access-control/conditions-format.
KNOWN = {"request[x:y]": ("Red", "Blue"), "request[n]": ("7",), "request[none]": ()}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("", True),
        (None, True),
        ("   ", True),
        ("@Request[x:y] ForAnyOfAnyValues:StringEquals {'Red', 'Green'}", True),
        ("@Request[x:y] ForAllOfAnyValues:StringEqualsIgnoreCase {'red', 'blue'}", True),
        ("@Request[x:y] ForAnyOfAnyValues:StringNotEquals {'Red'}", True),
        ("@Request[x:y] ForAllOfAllValues:StringNotStartsWith {'G', 'W'}", True),
        ("@Request[x:y] StringStartsWith 'B'", True),
        ("@Request[x:y] StringNotLikeIgnoreCase 'r*' && 'a' StringEquals 'b'", False),
        ("NOT ('a' StringEquals 'b') AND 'it\\'s' StringLike '*'", True),
        ("@Request[n] NumericGreaterThanEquals 7", True),
        ("@Request[n] NumericNotEquals 7", False),
        ("@Request[n] NumericLessThan 'seven'", None),
        ("'true' BoolEquals True", True),
        ("@Request[x:y] GuidEquals @Request[x:y]", True),
        ("Exists @Request[x:y]", True),
        ("NOT EXISTS @Request[x:y]", False),
        ("Exists @Request[none]", False),
        ("Exists @Resource[unknown]", None),
        ("@Principal[unknown] StringEquals 'a' OR 'a' StringEquals 'a'", True),
        ("@Principal[unknown] StringEquals 'a' AND 'a' StringEquals 'b'", False),
        ("SubOperationMatches{'Blob.List'}", None),
        ("ActionMatches{'a/*/read'}", True),
        ("@Environment[UtcNow] DateTimeGreaterThan '2026-01-01T00:00:00Z'", None),
        ("('a' StringEquals 'a'", None),
        ("'a' StringEquals", None),
        ("'a' StringEquals 'a' 'b'", None),
        ("(" * 300 + "'a' StringEquals 'a'" + ")" * 300, None),
        ("!" * 3000 + "'a' StringEquals 'a'", None),
        ("{", None),
    ],
)
def test_conditions(condition, expected):
    assert met(condition, "a/b/read", KNOWN) is expected


def test_where_everybody_can_become_everybody_rows_stay_bounded():
    made = Tenant()
    for n in range(40):
        made.identity(f"app{n}")
        made.permit(f"app{n}", "Application.ReadWrite.All")
        made.assign("Owner", f"app{n}", "sub:a")
    for n in range(MAX_PLAIN + 10):
        made.identity(f"plain{n}")
    rows = made.reach()
    assert len(rows) == 40 * (MAX_TARGETS + MAX_PLAIN)


def test_an_administrator_is_not_crowded_out_by_those_who_read_secrets():
    made = Tenant()
    made.identity("app")
    made.permit("app", "Application.ReadWrite.All")
    for n in range(MAX_TARGETS + 5):
        made.identity(f"reader{n}")
        made.assign("Contributor", f"reader{n}", "sub:a")
    made.identity("far")
    made.owner("reader3", "far")
    made.identity("farther", IdentityKind.APP, tags={"home_tenant": "elsewhere"})
    made.assign("Owner", "farther", "sub:b")
    assert made.reach()[who("app"), who("farther")].certainty == "conditional"
