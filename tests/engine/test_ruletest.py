import pytest

from nhiscan.engine.rule import RuleTest
from nhiscan.engine.ruletest import run
from nhiscan.store.inventory import Inventory

from .sample import rule

KEY = {"kind": "access_key", "state": "active", "issued_at": "-91d"}


def said(expect, *rows, table="credential", **options):
    """What the runner says of one case of the sample rule."""
    case = RuleTest(name="a case", given={table: rows}, expect=expect, **options)
    return [failure.message for failure in run([rule(tests=(case,))])]


def test_the_cases_of_the_sample_hold():
    assert run([rule()]) == []


@pytest.mark.parametrize(
    ("expect", "row", "message"),
    [
        ("fail", KEY | {"issued_at": "-1d"}, "did not fail"),
        ("pass", KEY | {"name": "etl"}, "failed: etl was issued 2026-08-02, more than 90 days ago"),
        ("pass", KEY | {"issued_at": None}, "passed 0, not assessed 1"),
        ("not_assessed", KEY | {"issued_at": "-1d"}, "passed 1, not assessed 0"),
        ("not_applicable", KEY | {"issued_at": "-1d"}, "passed 1, not assessed 0"),
        ("pass", KEY | {"kind": "password"}, "passed 0, not assessed 0"),
    ],
)
def test_a_wrong_verdict_is_told(expect, row, message):
    assert said(expect, row) == [message]


def test_a_wrong_message_severity_and_confidence_are_told():
    (message,) = said("fail", KEY | {"name": "etl"}, message="x", severity="low", confidence="low")
    assert message == (
        "the message is etl was issued 2026-08-02, more than 90 days ago, not x; "
        "the severity is medium, not low; the confidence is high, not low"
    )


def test_of_several_subjects_the_one_meant_must_be_named():
    rows = (
        KEY,
        KEY | {"issued_at": "-1d"},
        KEY | {"issued_at": "-92d"},
        KEY | {"issued_at": None},
        {"kind": "password"},
    )
    assert said("fail", *rows) == ["2 subjects failed; name the one in `subject`"]
    assert said("fail", *rows, subject="credential-3") == []
    assert said("pass", *rows, subject="credential-2") == []
    assert said("not_assessed", *rows, subject="credential-4") == []
    assert said("not_applicable", *rows, subject="credential-5") == []
    assert said("fail", *rows, subject="it's nobody") == ["did not fail"]


def test_parameters_and_the_moment_of_a_case_count():
    assert said("fail", KEY | {"issued_at": "-11d"}, params={"rotation_days": 10}) == []
    assert said("fail", KEY | {"issued_at": "2026-01-01T00:00:00+02:00"}, as_of="2026-06-01") == []
    assert said("pass", KEY | {"issued_at": "2026-01-01"}, as_of="2026-01-02T00:00:00Z") == []
    assert said("pass", KEY | {"issued_at": "+36h"}) == []


def test_a_gap_given_without_columns_covers_itself_only_when_told():
    case = RuleTest(
        "x", {"credential": (KEY | {"issued_at": "-1d"},), "gap": ({"covers": ["credential"]},)}, "not_assessed"
    )
    assert run([rule(tests=(case,))]) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "keys"}, "keys is no value of credential.kind"),
        ({"kind": None}, "credential.kind cannot be NULL"),
        ({"public": "yes"}, "public is not true or false"),
        ({"issued_at": "last week"}, "Invalid isoformat string"),
        ({"issued_at": "-99999999999d"}, ""),
    ],
)
def test_a_case_whose_rows_are_no_rows_says_so(row, message):
    (told,) = said("pass", row)
    assert told.startswith(f"the case cannot run: {message}")


def test_a_rule_that_breaks_is_a_failing_case_with_its_place():
    failures = run([rule(fails_when="nobody = 1")])
    assert len(failures) == len(rule().tests)
    assert "the case cannot run" in failures[0].message
    assert str(failures[0]).startswith("rules/llv/TEST-LLV-001.yaml:29: TEST-LLV-001")


def test_every_table_can_be_given_and_leaves_nothing_behind():
    from nhiscan.engine.ruletest import AS_OF, empty, fill
    from nhiscan.model import RECORDS

    given = {table: ({}, {}) for table in RECORDS}
    given["identity"] = ({"tags": {"b": 1}, "created_at": "-1d"}, {"interactive": True})
    given["trust"] = ({"subjects": ["a", 1], "audiences": "one"}, {"account_id": 123456789012})
    given["scope"] = ({"id": "aws:1"}, {})
    case = RuleTest("all", given, "pass")
    with Inventory.memory() as inventory:
        fill(inventory, case, AS_OF)
        for table, record in RECORDS.items():
            assert len(inventory.rows(record)) == 2, table
        assert inventory.sql("SELECT id, scope_id FROM scope ORDER BY id")[0] == {"id": "aws:1", "scope_id": "aws:1"}
        assert inventory.sql("SELECT subjects, account_id FROM trust WHERE id = 'trust-1'")[0]["subjects"] == ["a", "1"]
        empty(inventory, case)
        for record in RECORDS.values():
            assert inventory.rows(record) == []


def test_failures_of_many_rules_keep_the_order_of_the_rules(monkeypatch):
    broken = [rule(id=f"TEST-LLV-00{n}", fails_when="nobody = 1") for n in (3, 1, 2)]
    alone = run(broken)
    monkeypatch.setattr("nhiscan.engine.halves.WORTH_A_POOL", 2)
    assert run(broken) == alone
    assert list(dict.fromkeys(f.rule_id for f in alone)) == ["TEST-LLV-003", "TEST-LLV-001", "TEST-LLV-002"]
