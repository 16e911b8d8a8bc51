import io
import json

import pytest
from jsonschema import Draft202012Validator

from nhiscan.report import ReportOptions, _schema
from nhiscan.report import json as report
from tests.report.build import finding, result

SCHEMA = json.loads(_schema.shipped("result.schema.json"))


def written(value=None, **options):
    out = io.StringIO()
    report.write(result() if value is None else value, out, ReportOptions(**options))
    return out.getvalue()


def test_report_is_valid_against_the_shipped_schema():
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(json.loads(written()))


def test_keys_are_exactly_those_promised():
    data = json.loads(written())
    assert list(data) == [
        "schema", "version", "as_of", "targets", "summary", "coverage", "findings", "rules", "scorecards", "ingested",
    ]  # fmt: skip
    assert list(data["findings"][0]) == [
        "id", "rule", "severity", "confidence", "verdict", "state", "subject", "message", "locations", "related",
        "facts", "owner", "fix", "frameworks", "levels", "fingerprint", "folded_into", "suppression", "evidence", "raised_from",
        "severity_from",
    ]  # fmt: skip
    assert list(data["findings"][0]["subject"]) == ["table", "id", "kind", "provider", "scope_id", "name"]
    assert list(data["findings"][0]["locations"][0]) == ["uri", "line", "commit", "basis"]
    assert data["as_of"] == "2026-11-01T00:00:00Z"


def test_equal_results_give_equal_bytes():
    assert written() == written(result())


def test_summary_counts_entries_not_verdicts():
    summary = json.loads(written())["summary"]
    assert (summary["entries"], summary["verdicts"]) == (4, 5)
    assert summary["severity"] == {"critical": 1, "high": 0, "medium": 1, "low": 0, "info": 1}
    assert summary["state"] == {"new": 2, "known": 1, "suppressed": 1}
    assert summary["frameworks"]["owasp-nhi-2025"] == {"NHI2": 3}
    assert summary["not_assessed_rules"] == 2


def test_coverage_counts_what_was_not_assessed():
    coverage = json.loads(written())["coverage"]
    assert [(r["rule"], r["not_assessed"], len(r["gaps"])) for r in coverage["rules"]] == [
        ("NS-LEK-001", 0, 0),
        ("NS-LIF-001", 3, 1),
        ("NS-LIF-002", 0, 1),
    ]
    assert coverage["gaps"][0]["reason"] == "denied"
    assert coverage["errors"] == [{"rule": "NS-PRV-001", "message": "Conversion Error"}]
    assert len(coverage["notices"]) == 2


@pytest.mark.parametrize("text", ["\x1b[31m", "\x7f", "\x9b2J", "\u202e", "é", "\ud800", "[bold]"])
def test_output_is_ascii_and_gives_the_text_back(text):
    out = written(result(finding(message=text)))
    assert out.isascii()
    assert all(c == "\n" or " " <= c < "\x7f" for c in out)
    assert json.loads(out)["findings"][0]["message"] == text


def test_schema_of_the_inventory_is_the_one_shipped():
    assert _schema.shipped("inventory.schema.json") == _schema.text(), "run: python -m nhiscan.report._schema"
    Draft202012Validator.check_schema(_schema.inventory_schema())


def test_schema_of_the_inventory_has_no_keyed_fingerprint():
    assert "fingerprint" not in _schema.inventory_schema()["properties"]["credential"]["items"]["properties"]
