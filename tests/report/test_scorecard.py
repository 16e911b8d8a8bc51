"""Scorecards, control families, weighed severities and levels in every format."""

import io
import json

import pytest
from jsonschema import Draft202012Validator

from nhiscan.engine.scorecard import ItemScore, Missing, Scorecard, State
from nhiscan.model import Severity
from nhiscan.report import ReportOptions, _schema, sarif, text
from nhiscan.report import json as report
from tests.report.build import finding, result
from tests.triage.build import rule

GAP = Missing("GetRole was denied in 123456789012", "allow iam:GetRole", 4, ("NS-LIF-001", "NS-LIF-002"), ("s",))
ITEMS = (
    ItemScore(
        "X1", "First", State.FAILED, 2, 3, 5, 4, {"direct": ("NS-LEK-001",), "partial": ("NS-LIF-001",)}, (GAP,),
        limits="what is said at run time", related={"other": ("O1", "O2"), "none": ()},
    ),
    ItemScore("X2", "Second", State.NOT_COVERABLE, 0, 0, 0, 0, reason="nobody can read it"),
    ItemScore("X3", "Third", State.PARTIAL, 0, 0, 1, 4, {"direct": ("NS-LIF-002",)}, (GAP,)),
)  # fmt: skip
FAMILIES = (ItemScore("secret_hygiene", "secret hygiene", State.PASSED, 0, 0, 7, 0, {"direct": ("NS-LEK-001",)}),)


def card(**changes):
    values = {"id": "x", "title": "A list", "edition": "2025", "complete": True, "agents": False, "items": ITEMS}
    return Scorecard(**(values | changes))


def scored(*cards, **changes):
    return result(scorecards=cards or (card(),), families=FAMILIES, **changes)


def shown(value, verbosity=0, **options):
    out = io.StringIO()
    text.write(value, out, ReportOptions(color=False, verbosity=verbosity, **options))
    return out.getvalue()


def test_a_scorecard_has_a_line_for_each_item_and_takes_the_place_of_the_findings():
    lines = shown(scored()).splitlines()
    start = lines.index("A list (2025)")
    assert [" ".join(line.split()) for line in lines[start + 2 : start + 7]] == [
        "X1 failed 3 failed (2 subjects), 5 passed, 4 not assessed [1] First",
        "direct: 1 rule; partial: 1 rule",
        "not seen: what is said at run time",
        "X2 not coverable nobody can read it. Second",
        "X3 passed in part 0 failed, 1 passed, 4 not assessed [1] Third",
    ]
    assert "secret hygiene passed 0 failed, 7 passed, 0 not assessed" in [" ".join(line.split()) for line in lines]
    assert not any(line.startswith("CRITICAL") for line in lines)
    assert any(line.startswith("2 findings: 1 critical") for line in lines)


def test_every_reason_stands_once_with_its_remedy():
    told = [line for line in shown(scored()).splitlines() if line.startswith("[")]
    assert told == ["[1] NS-LIF-001, NS-LIF-002: GetRole was denied in 123456789012 → allow iam:GetRole"]
    nothing = shown(scored(card(items=(ITEMS[1],))))
    assert "Everything was assessed." in nothing


def test_verbose_names_the_rules_and_the_crosswalk():
    told = shown(scored(), 1)
    assert "partial: NS-LIF-001" in told
    assert "related: other O1, O2\n" in told


def test_what_is_only_about_agents_or_not_whole_says_so_and_claims_nothing():
    told = shown(scored(card(agents=True, complete=False)))
    assert "Only agents, tool servers and what they use are counted" in told
    assert "no item is covered as a whole" in told
    assert "Items that no rule can bear on are not listed" in told


def test_json_has_scorecards_and_families_as_the_schema_says():
    out = io.StringIO()
    weighed = finding(1, base=Severity.MEDIUM, modifiers=("production",))
    report.write(scored(findings=(weighed,)), out, ReportOptions())
    data = json.loads(out.getvalue())
    Draft202012Validator(json.loads(_schema.shipped("result.schema.json"))).validate(data)
    assert [i["state"] for i in data["scorecards"][0]["items"]] == ["failed", "not_coverable", "partial"]
    assert data["scorecards"][0]["items"][0]["missing"][0]["remedy"] == "allow iam:GetRole"
    families = data["summary"]["families"]
    assert families == {"secret_hygiene": {"entries": 1, "failed": 0, "passed": 7, "not_assessed": 0}}
    assert data["findings"][0]["severity_from"] == {"severity": "medium", "modifiers": ["production"]}
    assert data["findings"][0]["levels"] == {"owasp-asi-2026": {"ASI03": "partial"}}


def test_redaction_reaches_the_reasons():
    assert "123456789012" not in shown(scored(), redact=frozenset({"accounts"}))


@pytest.mark.parametrize(
    ("base", "severity", "words"),
    [
        (Severity.MEDIUM, Severity.HIGH, "high: medium + production"),
        (Severity.LOW, Severity.INFO, "info: low - production"),
    ],
)
def test_a_weighed_severity_is_explained_in_text(base, severity, words):
    entry = finding(1, severity=severity, base=base, modifiers=("production",))
    assert words in shown(result(entry))
    assert f"severity {words}" in shown(result(entry), 1)
    assert "ASI03 (partial)" in shown(result(entry), 1)


def test_families_of_the_entries_are_counted_below_the_findings():
    assert "Control families: secret hygiene 3" in shown(result(families=FAMILIES))


def tags(*findings):
    run = sarif.document(result(*findings, rules=(rule("NS-LEK-001"),)))["runs"][0]
    (described,) = run["tool"]["driver"]["rules"]
    return described["properties"]["tags"], run["results"][0]["properties"]


def test_sarif_tags_a_rule_for_agents_only_where_it_found_one():
    plain, properties = tags(finding(1, frameworks={"owasp-nhi-2025": {"NHI2": "direct"}}))
    assert "NHI2" in plain
    assert "ASI03" not in plain
    assert properties["frameworks"] == ["owasp-nhi-2025/NHI2"]
    assert "ASI03" in tags(finding(1))[0]
    weighed = tags(finding(1, base=Severity.MEDIUM, modifiers=("production",)))[1]
    assert weighed["severityFrom"] == {"severity": "medium", "modifiers": ["production"]}
