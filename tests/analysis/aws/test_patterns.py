from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.analysis.aws.patterns import action_matches, covers, matches, overlap

GLOBS = st.text(alphabet="ab*?", max_size=8)
TEXTS = st.text(alphabet="ab", max_size=8)


@given(GLOBS, TEXTS)
def test_matching_agrees_with_the_shell(pattern, text):
    assert matches(pattern, text) == fnmatchcase(text, pattern)


@given(GLOBS, GLOBS, TEXTS)
def test_a_cover_matches_whatever_the_covered_pattern_matches(wide, narrow, text):
    if covers(wide, narrow) and matches(narrow, text):
        assert matches(wide, text)


@given(GLOBS, GLOBS, TEXTS)
def test_two_patterns_with_a_common_text_overlap(left, right, text):
    if matches(left, text) and matches(right, text):
        assert overlap(left, right)
        assert overlap(right, left)


@pytest.mark.parametrize(
    ("left", "right", "common"),
    [
        ("arn:aws:s3:::a*", "arn:aws:s3:::b*", False),
        ("a*c", "ab*", True),
        ("*-prod", "app-*", True),
        ("*x", "*y", False),
        ("a?c", "abc", True),
        ("a*b*c", "a*d", False),
        ("ab*ba", "a*a", True),
        ("a?", "b?", False),
        ("a*b", "a?", True),
        ("ab*xy*cd", "a?*zz?d", True),
        ("a" * 5000 + "*a", "a*" + "a" * 5000, True),
    ],
)
def test_overlap_of_patterns(left, right, common):
    assert overlap(left, right) is common


def test_a_question_mark_does_not_cover_a_star():
    assert not covers("a?", "a*")
    assert covers("a*", "a?b")


def test_actions_ignore_case_and_know_both_spellings_of_everything():
    assert action_matches("IAM:create*", "iam:CreateUser")
    assert action_matches("*:*", "s3:GetObject")
    assert not action_matches("s3:Get*", "s3:PutObject")


def test_a_hostile_pattern_ends_quickly():
    assert not matches("*a" * 500 + "b", "a" * 2000)
