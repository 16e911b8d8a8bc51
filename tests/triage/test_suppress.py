from dataclasses import replace
from datetime import date

import pytest

from nhiscan.model import Declared
from nhiscan.triage.suppress import Suppression, from_inventory, is_inline
from tests.triage.build import AS_OF, REPO, rule

WHOLE = Suppression(
    ("NS-LEK-001",), "nhiscan.yaml:4", path="tests/**", owner="platform", reason="fake", expires=date(2026, 11, 1)
)


def row(value: str, note: str | None) -> Declared:
    return Declared(id=value, scope_id=REPO, source="t", kind="inline_ignore", value=value, note=note)


def test_whole_decision_has_no_weakness_and_says_where_it_stands():
    assert WHOLE.weaknesses() == ()
    assert not WHOLE.inline
    assert str(WHOLE) == "config nhiscan.yaml:4: fake (platform, until 2026-11-01)"
    assert not is_inline(str(WHOLE))


def test_suppression_holds_through_its_last_day():
    assert not Suppression(("x",), "o", expires=date(2026, 11, 1)).expired(AS_OF)
    assert Suppression(("x",), "o", expires=date(2026, 10, 31)).expired(AS_OF)
    assert not Suppression(("x",), "o").expired(AS_OF)


@pytest.mark.parametrize(
    ("changes", "weakness"),
    [
        ({"reason": " "}, "gives no reason"),
        ({"owner": None}, "names no owner"),
        ({"expires": None}, "never expires"),
        ({"path": None}, "is over-broad"),
        ({"path": "**"}, "is over-broad"),
        ({"rules": ("*",)}, "is over-broad"),
    ],
)
def test_weakness_is_named(changes, weakness):
    assert replace(WHOLE, **changes).weaknesses() == (weakness,)


def test_rule_is_meant_by_id_name_or_glob():
    leak = rule("NS-LEK-001")
    for text in ("NS-LEK-001", leak.name, "NS-LEK-*"):
        assert Suppression((text,), "o").names(leak)
    assert not Suppression(("NS-LEK-002",), "o").names(leak)
    assert Suppression((), "o").names(leak)


@pytest.mark.parametrize(
    ("pattern", "path", "hit"),
    [
        ("tests/**", "tests/a/b.py", True),
        ("tests/*", "tests/a/b.py", False),
        ("tests/", "tests/a/b.py", True),
        ("/tests/b.py", "tests/b.py", True),
        ("*.py", "deep/er/b.py", True),
        ("b?.py", "b1.py", True),
        ("**/b.py", "b.py", True),
        ("b.py", "ab.py", False),
        ("a+(.py", "a+(.py", True),
        ("src/a.py", "other/src/a.py", False),
        ("a/**/z", "a/z", True),
        ("a/**/z", "a/b/c/z", True),
        ("a/b/**", "a", False),
        ("x/**", "a/b", False),
        ("*a" * 200, "a" * 250 + "b", False),
    ],
)
def test_path_globs_read_as_git_reads_them(pattern, path, hit):
    assert Suppression(("x",), "o", path=pattern).covers_place(REPO, path, 1) is hit


def test_subject_glob_reads_id_and_name():
    assert Suppression(("x",), "o", subject="*:user/etl").covers_subject("arn:aws:iam::1:user/etl", None)
    assert Suppression(("x",), "o", subject="etl").covers_subject("arn", "etl")
    assert not Suppression(("x",), "o", subject="ops").covers_subject("arn", "etl")


def test_comment_holds_for_its_line_and_the_next_in_its_repository():
    ((found,), broken) = from_inventory([row("src/a:b.py:4", '{"rules": ["NS-LEK-001"], "reason": "test key"}')])
    assert broken == ()
    assert found.inline
    assert [found.covers_place(REPO, "src/a:b.py", n) for n in (3, 4, 5, 6)] == [False, True, True, False]
    assert not found.covers_place("repo:other", "src/a:b.py", 4)
    assert found.weaknesses() == ()
    assert str(found) == "inline src/a:b.py:4: test key"
    assert is_inline(str(found))


def test_comment_without_rules_or_reason_is_weak():
    ((found,), _) = from_inventory([row("a.py:1", '{"expires": "2027-01-01"}')])
    assert found.weaknesses() == ("gives no reason", "is over-broad")
    assert str(found) == "inline a.py:1: no reason given (until 2027-01-01)"


def test_one_rule_may_be_plain_text():
    ((found,), _) = from_inventory([row("a.py:1", '{"rules": "NS-LEK-001"}')])
    assert found.rules == ("NS-LEK-001",)


@pytest.mark.parametrize("note", ["{", "[]", '{"expires": "x"}', '{"expires": 7}', '{"rules": 7}'])
def test_comment_that_cannot_be_understood_is_told_and_hides_nothing(note):
    found, broken = from_inventory([row("a.py:1", note)])
    assert found == ()
    assert "a.py:1" in broken[0]


def test_comment_without_a_line_is_told_and_other_facts_are_left_alone():
    other = Declared(id="x", scope_id=REPO, source="t", kind="trusted_account", value="1")
    found, broken = from_inventory([row("a.py", None), other])
    assert (len(found), len(broken)) == (0, 1)
