"""Which job may take which role by its token."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nhiscan.analysis.federation import federated, intersects
from nhiscan.model import Certainty, Consumer, ConsumerKind, Form, PrincipalKind, Trust, TrustKind, Use, UseHow

ROLE = "arn:aws:iam::123456789012:role/deploy"
GITHUB = "token.actions.githubusercontent.com"


def job(*subjects, issuer=GITHUB, environment=None, name="deploy"):
    return Consumer(
        id=f"repo:github.com/acme/app#.github/workflows/ci.yml:{name}", scope_id="repo:github.com/acme/app", source="t",
        kind=ConsumerKind.PIPELINE, name=name, issuer=issuer, subjects=subjects, environment=environment,
    )  # fmt: skip


def trust(*subjects, issuer=GITHUB, claims=(), target=ROLE, certainty=Certainty.CERTAIN, kind=PrincipalKind.OIDC):
    return Trust(
        id=f"{target}#trust:{issuer}:{subjects}", scope_id="aws:123456789012", source="t", principal=issuer,
        principal_kind=kind, target_id=target, kind=TrustKind.FEDERATE, subjects=subjects, claims=claims,
        certainty=certainty,
    )  # fmt: skip


def joined(consumer, *trusts, uses=()):
    return {u.identity_id: u.name for u in federated([consumer], trusts, uses)}


@pytest.mark.parametrize(
    ("own", "wanted", "how"),
    [
        ("repo:acme/app:environment:prod", "repo:acme/app:environment:prod", "exact"),
        ("repo:acme/app:ref:refs/heads/main", "repo:acme/app:*", "exact"),
        ("repo:acme/app:ref:refs/heads/*", "repo:acme/app:ref:refs/heads/main", "possible"),
        ("repo:*:environment:prod", "repo:acme/app:environment:prod", "possible"),
        ("repo:acme/app:pull_request", "repo:acme/app:ref:refs/heads/main", None),
        ("repo:acme/app:environment:prod", "repo:acme/other:*", None),
        ("repo:acme/app:environment:prod", "repo:acme/app:environment:pro?", "exact"),
        ("repo:acme/app:environment:prod", "repo:ACME/app:*", None),
    ],
)
def test_a_job_joins_the_role_that_accepts_its_subject(own, wanted, how):
    assert joined(job(own), trust(wanted)) == ({ROLE: how} if how else {})


def test_a_gitlab_job_joins_by_its_project_path():
    ours = job("project_path:acme/shop:ref_type:branch:ref:main", issuer="gitlab.com")
    assert joined(ours, trust("project_path:acme/*:ref_type:branch:ref:main", issuer="gitlab.com")) == {ROLE: "exact"}
    assert joined(ours, trust("project_path:other/*:ref_type:branch:ref:main", issuer="gitlab.com")) == {}


def test_a_trust_that_demands_no_subject_accepts_every_job_of_the_issuer():
    assert joined(job("repo:acme/app:pull_request"), trust()) == {ROLE: "exact"}
    assert joined(job("repo:acme/app:pull_request"), trust(issuer="gitlab.com")) == {}


def test_an_issuer_that_is_known_in_part_may_be_any_that_fits():
    ours = job("org/*/project/*/user/*", issuer="oidc.circleci.com/org/*")
    theirs = "oidc.circleci.com/org/5e3c"
    assert joined(ours, trust("org/5e3c/project/*/user/*", issuer=theirs), trust(issuer=GITHUB)) == {ROLE: "possible"}


@pytest.mark.parametrize(
    ("environment", "claims", "how"),
    [
        ("prod", ("environment=prod",), "exact"),
        ("prod", ("environment=dev", "environment=prod"), "exact"),
        ("dev", ("environment=prod",), None),
        (None, ("environment=prod",), None),
        (None, ("environment=*",), None),
        ("$STAGE", ("environment=prod",), "possible"),
        ("prod", ("repository_owner=acme",), "exact"),
        ("prod", ("repository_owner=other",), None),
        ("prod", ("actor=octocat",), "possible"),
    ],
)
def test_further_claims_narrow_the_join(environment, claims, how):
    found = joined(job("repo:acme/app:environment:*", environment=environment), trust("repo:acme/app:*", claims=claims))
    assert found == ({ROLE: how} if how else {})


def test_conditions_that_nobody_can_evaluate_make_it_possible_only():
    assert joined(job("repo:a/b:x"), trust("repo:a/b:*", certainty=Certainty.CONDITIONAL)) == {ROLE: "possible"}


def test_two_trusts_of_one_role_make_one_use_the_surer_one():
    ours, wide, narrow = job("repo:a/b:*"), trust("repo:a/*"), trust("repo:a/b:ref:x")
    assert joined(ours, wide, narrow) == joined(ours, narrow, wide) == {ROLE: "exact"}


def test_what_a_file_says_is_not_said_again_and_a_second_run_changes_nothing():
    ours, theirs = job("repo:a/b:x"), trust("repo:a/b:*")
    told = Use(
        id="u", scope_id="s", source="repo.workflows", consumer_id=ours.id, identity_id=ROLE, how=UseHow.FEDERATED,
    )  # fmt: skip
    assert joined(ours, theirs, uses=[told]) == {}
    first = list(federated([ours], [theirs], []))
    assert list(federated([ours], [theirs], first)) == first
    (use,) = first
    assert (use.how, use.form, use.place) == (UseHow.FEDERATED, Form.FEDERATED, "oidc")


def test_other_principals_and_other_consumers_are_left_alone():
    assert joined(job("repo:a/b:x"), trust("repo:a/b:*", kind=PrincipalKind.SERVICE)) == {}
    assert joined(job(), trust("repo:a/b:*")) == {}
    assert joined(job("repo:a/b:x", issuer=None), trust("repo:a/b:*")) == {}


PATTERN = st.text("ab*?", max_size=6)


@given(PATTERN, st.text("ab", max_size=6))
@settings(max_examples=200, deadline=None)
def test_a_plain_text_meets_a_pattern_exactly_when_it_fits(pattern, text):
    fits = re.fullmatch(pattern.replace("*", ".*").replace("?", "."), text) is not None
    assert intersects(pattern, text) is intersects(text, pattern) is fits


@given(PATTERN, PATTERN, st.text("ab", max_size=5))
@settings(max_examples=200, deadline=None)
def test_patterns_that_share_a_text_meet(one, other, text):
    if intersects(one, text) and intersects(other, text):
        assert intersects(one, other)


def test_texts_beyond_any_subject_are_taken_to_meet():
    assert intersects("a" * 500, "b")
