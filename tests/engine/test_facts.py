from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from nhiscan.engine.facts import fact, placeholders, shown
from nhiscan.engine.reader import Reader
from tests.engine.sample import rule

OWN = {"id": "x", "scope_id": "s", "_nhi_severity": "low", "_nhi_confidence": "high"}
EAST = datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=2)))


def read(message, row, parameters=None):
    """The names of what is told of one row, its message, and the values."""
    whole = OWN | row
    reader = Reader(rule(message=message), list(whole), parameters or {})
    ((_, (*_, text, values)),) = reader.read([[tuple(whole.values())]])
    return reader.facts, text, values


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("x", "x"),
        (1.5, 1.5),
        (float("nan"), None),
        (Decimal(3), 3),
        (Decimal("3.5"), 3.5),
        (datetime.fromisoformat("2026-11-01"), "2026-11-01T00:00:00Z"),
        (EAST, "2026-10-31T23:00:00Z"),
        (date(2026, 11, 1), "2026-11-01"),
        (timedelta(days=1), 86400.0),
        (["a", None, 2], ("a", "unknown", "2")),
        (b"x", "b'x'"),
    ],
)
def test_a_fact_is_what_json_can_hold(value, held):
    assert fact(value) == held


def test_the_engines_columns_and_the_keyed_fingerprint_are_no_facts():
    names, _, _ = read("m", {"_nhi_code": 3, "fingerprint": "y"})
    assert names == ("id", "scope_id")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "unknown"),
        (True, "yes"),
        (False, "no"),
        (EAST, "2026-10-31"),
        (datetime(2026, 11, 1, 23, tzinfo=UTC), "2026-11-01"),
        ([], "none"),
        (("a", "b"), "a, b"),
        (Decimal("2.0"), "2"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_a_value_reads_in_a_message(value, text):
    assert shown(value) == text


def test_a_message_takes_columns_first_then_parameters():
    _, message, _ = read("{a} of {b} {{c}}", {"a": 1}, {"a": 9, "b": 2})
    assert message == "1 of 2 {c}"


def test_a_kind_reads_as_words_and_a_percent_sign_as_itself():
    _, message, facts = read("{kind} {name} 5%", {"kind": "service_account", "name": "a_b"})
    assert message == "service account a_b 5%"
    assert facts[2:] == ("service_account", "a_b")


@pytest.mark.parametrize("message", ["{a.b}", "{a[0]}", "{a!r}", "{a:>9}", "{}", "{0}", "{a", "a}"])
def test_a_message_can_name_columns_and_do_nothing_else(message):
    with pytest.raises(ValueError):
        placeholders(message)


def test_the_columns_of_a_message_are_listed():
    assert placeholders("{a} and {b}, {{no}}") == ["a", "b"]
