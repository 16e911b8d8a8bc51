"""Profiles choose rules, thresholds and gate; each says why."""

import pytest

from nhiscan.config import ConfigError, parse
from nhiscan.config.profile import ProfileError, profile, profiles
from nhiscan.model import Severity
from tests.triage.build import rule


def test_there_are_three_and_each_has_a_reason():
    assert list(profiles()) == ["default", "strict", "ci"]
    assert all(p.reason for p in profiles().values())
    assert profile(None) is profile("default")


def test_a_wrong_name_names_the_right_ones():
    with pytest.raises(ProfileError, match="there is no profile 'paranoid'") as refused:
        profile("paranoid")
    assert refused.value.remedy == "use one of: default, strict, ci"
    with pytest.raises(ConfigError, match=r"nhiscan.yaml:2: `paranoid` is not a profile"):
        parse(b"version: 1\nprofile: paranoid\n", "nhiscan.yaml", trusted=False)
    assert parse(b"profile: ci\n", "nhiscan.yaml", trusted=False).profile == "ci"


@pytest.mark.parametrize(
    ("changes", "runs"),
    [
        ({}, True),
        ({"status": "preview"}, False),
        ({"severity": Severity.LOW}, False),
        ({"severity": Severity.LOW, "severity_when": {"medium": "TRUE"}}, True),
        ({"fails_when": "last_used_at < $as_of"}, False),
        ({"query": "SELECT $as_of"}, False),
        ({"fails_when": "name = '$as_offer'"}, True),
    ],
)
def test_the_gate_before_a_merge_runs_stable_rules_that_no_clock_moves(changes, runs):
    assert profile("ci").runs(rule(**changes)) is runs
    assert profile("strict").runs(rule(**changes)) is True
    assert profile("default").runs(rule(**changes)) is True


def test_gates_grow_with_the_profile():
    assert [(p.fail_on.value, p.min_confidence.value) for p in profiles().values()] == [
        ("high", "low"), ("medium", "low"), ("high", "medium"),
    ]  # fmt: skip


def test_strict_only_tightens_and_stays_within_bounds():
    from nhiscan.engine.rule import Param

    def limits(default, low=None):
        return rule(params={"unused_identity_days": Param("unused_identity_days", default, "x", low)})

    strict = profile("strict")
    assert strict.thresholds([limits(90)]) == {"NS-LEK-001": {"unused_identity_days": 45}}
    assert strict.thresholds([limits(30)]) == {}
    assert strict.thresholds([limits(90, 60)]) == {}
    assert strict.thresholds([limits("long"), rule()]) == {}
    assert profile("default").thresholds([limits(90)]) == {}
