import logging
from datetime import UTC, datetime

import pytest

from nhiscan.engine.dialects import DIALECTS, DialectError, literal, now, translated
from nhiscan.engine.export import export, needed_views, rule_sql, tables
from nhiscan.engine.guard import GuardError, condition, select
from nhiscan.engine.lineage import views
from nhiscan.engine.rule import load, shipped_rules_dir
from nhiscan.model import RECORDS

from .sample import rule

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("dialect", ["spark", "postgres"])
def test_every_rule_and_view_is_carried_without_a_warning(dialect, caplog):
    rules = list(load([shipped_rules_dir()], cases=False))
    with caplog.at_level(logging.WARNING):
        found = export(rules, dialect, MOMENT)
    assert found.left == ()
    assert [s.name for s in found.rules] == [r.id for r in rules]
    assert caplog.records == []


def test_every_view_is_carried_to_trino(caplog):
    for tree in views().values():
        assert translated(tree, "trino").startswith(("SELECT", "WITH"))
    assert caplog.records == []


def sql(text, dialect, **values):
    return " ".join(translated(condition(text), dialect, values).split())


MENDED = [
    ("regexp_replace(a, '(x)y', '\\1')", "spark", r"REGEXP_REPLACE(`a`, '^([\\s\\S]*?)(?:(x)y)', '$1$2')"),
    ("regexp_replace(a, 'x', '', 'g')", "spark", "REGEXP_REPLACE(`a`, 'x', '')"),
    ("regexp_replace(a, 'x', '', 'g')", "postgres", "REGEXP_REPLACE(\"a\", 'x', '', 'g')"),
    ("regexp_replace(a, 'x', '')", "postgres", "REGEXP_REPLACE(\"a\", 'x', '')"),
    ("regexp_extract(a, 'x')", "spark", "REGEXP_EXTRACT(`a`, 'x', 0)"),
    ("regexp_extract(a, '(x)', 1)", "postgres",
     "COALESCE(REGEXP_SUBSTR(\"a\", '(x)', 1, 1, '', 1), CASE WHEN NOT \"a\" IS NULL THEN '' END)"),
    ("regexp_matches(a, 'x' || 'y')", "postgres", "\"a\" ~ 'xy'"),
    ("date_diff('day', a, b)", "spark", "DATEDIFF(CAST(`b` AS DATE), CAST(`a` AS DATE))"),
    ("date_diff('day', a, b)", "postgres", '( CAST("b" AS DATE) - CAST("a" AS DATE) )'),
    ("date_diff('day', a, b)", "trino", "DATE_DIFF('DAY', DATE_TRUNC('DAY', \"a\"), DATE_TRUNC('DAY', \"b\"))"),
    ("date_diff('second', a, b)", "spark",
     "TIMESTAMPDIFF(SECOND, DATE_TRUNC('SECOND', `a`), DATE_TRUNC('SECOND', `b`))"),
    ("array_length(a)", "spark", "ARRAY_SIZE(`a`)"),
    ("array_length(a)", "postgres", 'CARDINALITY("a")'),
    ("list_contains(a, 'x')", "postgres", "( 'x' = ANY(\"a\") )"),
    ("split_part(a, ':', 2)", "trino", "COALESCE(SPLIT_PART(\"a\", ':', 2), CASE WHEN NOT \"a\" IS NULL THEN '' END)"),
    ("greatest(a, b)", "trino", 'ARRAY_MAX(FILTER(ARRAY["a", "b"], "e" -> NOT "e" IS NULL))'),
    ("least(a, b)", "trino", 'ARRAY_MIN(FILTER(ARRAY["a", "b"], "e" -> NOT "e" IS NULL))'),
    ("any_value(a)", "postgres", 'MAX("a")'),
    ("contains(a, 'x')", "postgres", "( POSITION('x' IN \"a\") > 0 )"),
    ("ends_with(a, 'xy')", "trino", "( SUBSTR(\"a\", LENGTH(\"a\") - LENGTH('xy') + 1) = 'xy' )"),
    ("ends_with(a, 'xy')", "spark", "ENDSWITH(`a`, 'xy')"),
    ("a = $n AND b = $t", "trino", "\"a\" = 3 AND \"b\" = 'it''s'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "dialect", "wanted"), MENDED)
def test_what_means_another_thing_elsewhere_is_mended(text, dialect, wanted):
    assert sql(text, dialect, n=3, t="it's") == wanted


def test_functions_inside_mended_ones_are_mended_too():
    inner = "regexp_extract(a, '(x)', 1)"
    assert "REGEXP_EXTRACT" not in sql(f"regexp_replace(lower({inner}), 'x', '', 'g')", "postgres")


REFUSED = [
    ("regexp_matches(a, b)", "not written out"),
    ("regexp_matches(a, '[[]')", "nested class"),
    ("regexp_matches(a, '(?i)x')", "begins with"),
    ("regexp_matches(a, '\\bx')", "backslash and letter"),
    ("regexp_replace(a, 'x', b)", "replacement"),
    ("regexp_replace(a, 'x', '$')", "replacement"),
    ("date_diff('month', a, b)", "months"),
    ("a LIKE 'x\\_y'", "backslash"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_cannot_be_carried_is_refused_with_the_reason(text, why):
    with pytest.raises(DialectError, match=why):
        translated(condition(text), "spark")


def test_our_own_dialect_is_left_alone():
    assert sql("regexp_matches(a, '(?i)x')", "duckdb") == "REGEXP_MATCHES(\"a\", '(?i)x')"


def test_literals_are_texts_numbers_truths_moments_and_nothing_else():
    assert literal(MOMENT).sql() == "CAST('2026-11-01 00:00:00' AS TIMESTAMP)"
    assert [literal(v).sql() for v in (None, True, 1, 2.5, "a'b")] == ["NULL", "TRUE", "1", "2.5", "'a''b'"]
    with pytest.raises(DialectError):
        literal(object())


def test_without_a_moment_ages_are_counted_to_when_the_statement_runs():
    text = rule_sql(rule(), "spark", None, {})
    assert "CURRENT_TIMESTAMP()" in text
    assert "-- rotation_days = 90" in text
    assert "'2026-11-01" in rule_sql(rule(), "spark", MOMENT, {})
    assert now().sql() == "CAST(CURRENT_TIMESTAMP() AS TIMESTAMP)"


def test_a_rule_that_cannot_be_carried_is_named_and_the_others_stay():
    bad = rule(id="TEST-LLV-002", fails_when="date_diff('year', issued_at, $as_of) > $rotation_days")
    found = export([rule(), bad], "trino", MOMENT)
    assert [s.name for s in found.rules] == ["TEST-LLV-001"]
    assert [(left.rule_id, left.reason) for left in found.left] == [("TEST-LLV-002", "date_diff in years")]


def test_a_view_that_cannot_be_carried_takes_its_rules_along(monkeypatch):
    broken = dict(views())
    broken["credential_name"] = select("SELECT id, scope_id FROM credential WHERE id LIKE 'a\\_b'")
    monkeypatch.setattr("nhiscan.engine.export.views", lambda: broken)
    on_it = [rule(id=f"TEST-LLV-00{n}", from_="credential_name", fails_when="id = 'x'", applies_when=None,
                  severity_when={}, confidence_when={}) for n in (1, 2)]  # fmt: skip
    found = export(on_it, "spark", MOMENT)
    assert {left.reason for left in found.left} == {"the view credential_name holds a backslash in a LIKE pattern"}
    assert found.views == ()


def test_only_the_views_a_rule_stands_on_are_exported():
    on_view = rule(from_="credential_sibling")
    assert list(needed_views(on_view)) == ["credential_name", "credential_part", "credential_sibling"]
    assert list(needed_views(rule())) == []
    found = export([on_view], "postgres", MOMENT)
    assert [s.name for s in found.views] == ["credential_name", "credential_part", "credential_sibling"]


def test_unsafe_sql_is_not_exported():
    with pytest.raises(GuardError, match="getenv"):
        export([rule(fails_when="getenv('HOME') = 'x'")], "duckdb")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_there_is_a_statement_for_every_table(dialect):
    found = list(tables(dialect))
    assert [s.name for s in found] == list(RECORDS)
    first = {"duckdb": "read_parquet", "spark": "parquet", "postgres": "TEXT[]", "trino": "ARRAY(VARCHAR)"}[dialect]
    assert any(first in s.sql for s in found)
