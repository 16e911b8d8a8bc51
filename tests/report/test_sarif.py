import io
import json
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest

from nhiscan.engine.frameworks import Framework
from nhiscan.engine.yamlfile import RuleFileError
from nhiscan.model import Severity
from nhiscan.report import ReportOptions, _sarif_rules, sarif
from nhiscan.report._sarif_results import MAX_LOCATIONS, cloud_uri, in_file, path_uri
from nhiscan.triage.result import Location, Notice, TargetSummary
from tests.report.build import PERSON, finding, result
from tests.report.sarif_model import check
from tests.triage.build import ACCOUNT, ETL, KEY, REPO, rule

LISTS = [
    Framework("owasp-nhi-2025", "OWASP NHI Top 10", "2025", "s", "https://owasp.org/nhi", {"NHI1": "A", "NHI2": "B"}),
    Framework("owasp-asi-2026", "OWASP Agentic Top 10", "2026", "s", "https://owasp.org/asi", {"ASI03": "C"}),
]


@pytest.fixture(autouse=True)
def _lists(monkeypatch):
    monkeypatch.setattr(_sarif_rules, "cited", lambda rules: LISTS)


def text(value=None, **options):
    out = io.StringIO()
    sarif.write(result() if value is None else value, out, ReportOptions(**options))
    return out.getvalue()


def run(value=None, **options):
    return json.loads(text(value, **options))["runs"][0]


def test_structure_is_that_of_the_standard():
    check(json.loads(text()))
    check(json.loads(text(result(findings=()))))


def test_equal_results_give_equal_bytes_without_a_clock():
    assert text() == text(result())
    assert "2026-11-01T00:00:00Z" in text()


def test_one_result_per_entry_with_its_reasons():
    results = run()["results"]
    assert [r["ruleId"] for r in results] == ["NS-TOX-007", "NS-PRV-001", "NS-LEK-001", "NS-AGT-001"]
    assert "Also NS-LEK-001: " in results[0]["message"]["text"]
    assert [r["rule"] for r in results[0]["properties"]["reasons"]] == ["NS-LEK-001"]
    rules = run()["tool"]["driver"]["rules"]
    assert [rules[r["ruleIndex"]]["id"] for r in results] == [r["ruleId"] for r in results]


def test_fingerprint_is_the_finding_s_and_no_line_or_date_is_near_it():
    assert run()["results"][0]["partialFingerprints"] == {"nhiscan/v1": f"{1:032x}"}


def test_first_place_leads_and_the_others_are_related():
    (lead, *_) = run()["results"]
    (place,) = lead["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": ".mcp.json", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 9},
    }
    related = lead["relatedLocations"]
    assert [r["id"] for r in related] == [1, 2, 3]
    uris = [r["physicalLocation"]["artifactLocation"] for r in related]
    assert uris[0] == {"uri": "a%20b/%C3%BC%23.env", "uriBaseId": "SRCROOT"}
    assert uris[1]["uriBaseId"] in run()["originalUriBaseIds"]
    assert uris[2] == {"uri": ".nhiscan/cloud/aws/123456789012/iam/user/etl"}
    assert related[2]["logicalLocations"][0]["fullyQualifiedName"] == ETL
    assert related[0]["properties"] == {"commit": "4f2c1a" + "0" * 34}


def test_cloud_finding_has_a_place_that_github_accepts():
    (place,) = run()["results"][1]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"].startswith(".nhiscan/cloud/aws/")
    assert place["physicalLocation"]["region"] == {"startLine": 1}


@pytest.mark.parametrize(
    ("uri", "scope", "expected"),
    [
        (ETL, ACCOUNT, ".nhiscan/cloud/aws/123456789012/iam/user/etl"),
        ("arn:aws:s3:::bucket", ACCOUNT, ".nhiscan/cloud/aws/123456789012/s3/bucket"),
        ("arn:aws:s3:::bucket", REPO, ".nhiscan/cloud/aws/global/s3/bucket"),
        (KEY, ACCOUNT, f".nhiscan/cloud/aws/123456789012/{KEY.partition(':')[2]}"),
        (".", "dir:secret-name", ".nhiscan/record/root"),
        ("dir:secret-name", "dir:secret-name", ".nhiscan/record/root"),
        (f"{REPO}#a.py:K:1", REPO, ".nhiscan/record/a.py/K/1"),
        ("arn:aws:iam::1:user/../../x y", "aws:1", ".nhiscan/cloud/aws/1/iam/user/%2E%2E/%2E%2E/x%20y"),
    ],
)
def test_record_in_no_file_gets_a_stable_safe_path(uri, scope, expected):
    place = Location(uri, scope_id=scope)
    assert not in_file(place)
    assert cloud_uri(place, scope) == expected


def test_place_without_scope_is_judged_by_its_shape():
    assert in_file(Location("src/a.py"))
    assert not in_file(Location("aws:access_key/x"))
    assert cloud_uri(Location("aws:access_key/x"), "aws:1") == ".nhiscan/cloud/aws/1/access_key/x"


@pytest.mark.parametrize(
    "path",
    ["../../etc/passwd", "/abs/path", "a\\b", "a:b", "a?b#c", "\x1b[31m", "..", "a/./b", "\u202e", "\ud800", "/"],
)
def test_file_uri_is_relative_and_never_leaves_its_root(path):
    uri = path_uri(path)
    assert re.fullmatch(r"[A-Za-z0-9@+=,~._/%-]+", uri)
    assert not uri.startswith("/")
    assert ".." not in uri.split("/")


def test_plain_path_survives_encoding():
    assert unquote(path_uri("a b/ü.py")) == "a b/ü.py"


def test_states_become_baseline_states_and_suppressions():
    results = {r["ruleId"]: r for r in run()["results"]}
    assert results["NS-TOX-007"]["baselineState"] == "new"
    assert results["NS-PRV-001"]["baselineState"] == "unchanged"
    assert results["NS-AGT-001"]["suppressions"] == [{"kind": "inSource", "justification": "inline a.py:3: test key"}]
    config = finding(state="suppressed", suppression="config nhiscan.yaml suppressions[0]: r (x)")
    assert run(result(config))["results"][0]["suppressions"][0]["kind"] == "external"
    assert run(result(replace(config, suppression=None)))["results"][0]["suppressions"][0]["justification"] == ""


def test_without_a_baseline_there_is_no_baseline_state():
    assert "baselineState" not in run(result(finding(), notices=()))["results"][0]
    assert "baselineState" in run(result(finding(), notices=(Notice("baseline-fixed", "x"),)))["results"][0]


def test_rules_have_help_score_tags_and_their_place_in_owasp():
    described = run()["tool"]["driver"]["rules"][3]
    assert described["id"] == "NS-TOX-007"
    assert "readable" not in described["help"]["text"]
    assert "## Why it matters" in described["help"]["markdown"]
    assert described["properties"]["security-severity"] == "9.5"
    assert described["properties"]["tags"] == ["security", "secret_hygiene", "ASI03", "NHI2", "external/cwe/cwe-522"]
    assert [
        (r["target"]["id"], r["target"]["toolComponent"]["name"], r["kinds"]) for r in described["relationships"]
    ] == [
        ("NHI2", "owasp-nhi-2025", ["subset"]),
        ("ASI03", "owasp-asi-2026", ["relevant"]),
    ]
    taxonomies = run()["taxonomies"]
    for relation in described["relationships"]:
        target = relation["target"]
        component = taxonomies[target["toolComponent"]["index"]]
        assert component["taxa"][target["index"]]["id"] == target["id"]


def test_scores_lie_in_githubs_bands():
    bands = {
        Severity.CRITICAL: (9.0, 10), Severity.HIGH: (6.9, 8.9), Severity.MEDIUM: (3.9, 6.9), Severity.LOW: (0, 3.9),
    }  # fmt: skip
    for severity, (low, high) in bands.items():
        assert low < float(_sarif_rules.SCORES[severity]) <= high
    assert float(_sarif_rules.SCORES[Severity.INFO]) == 0


def test_tags_stay_within_twenty_and_owasp_goes_first():
    many = rule(maps={"mitre": {f"T{n} x": "direct" for n in range(40)}, "owasp-nhi-2025": {"NHI9": "direct"}})
    tags = _sarif_rules.tags(many)
    assert len(tags) == 20
    assert tags[2] == "NHI9"
    assert tags[4] == "mitre/T0-x"


def test_frameworks_that_cannot_be_read_only_cost_the_titles(monkeypatch):
    monkeypatch.undo()

    def broken(directory):
        msg = "x"
        raise RuleFileError(msg, 1, "m", "r")

    monkeypatch.setattr("nhiscan.engine.frameworks.load_frameworks", broken)
    assert "taxonomies" not in run()


def test_cited_lists_are_the_owasp_ones(monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(
        "nhiscan.engine.frameworks.load_frameworks",
        lambda directory: [
            *LISTS,
            Framework("owasp-mcp-2025", "t", "e", "s", "u", {}),
            Framework("cwe", "t", "e", "s", "u", {}),
        ],
    )
    assert _sarif_rules.cited([rule()]) == LISTS


def test_gaps_errors_targets_and_notices_are_notifications():
    (invocation,) = run()["invocations"]
    assert invocation["executionSuccessful"] is False
    notes = [(n["descriptor"]["id"], n["level"]) for n in invocation["toolExecutionNotifications"]]
    assert notes == [
        ("error", "error"), ("target", "error"), ("not-assessed", "warning"), ("not-assessed", "warning"),
        ("gap", "warning"), ("notice", "note"), ("notice", "note"),
    ]  # fmt: skip
    known = {n["id"] for n in run()["tool"]["driver"]["notifications"]}
    assert {n for n, _ in notes} <= known
    whole = result(errors=(), targets=(TargetSummary(".", (REPO,), 0, 0),))
    assert run(whole)["invocations"][0]["executionSuccessful"] is True


def test_many_notifications_are_cut_and_the_rest_counted(monkeypatch):
    monkeypatch.setattr(sarif, "_MAX_NOTIFICATIONS", 2)
    notes = run()["invocations"][0]["toolExecutionNotifications"]
    assert len(notes) == 3
    assert notes[-1]["message"]["text"] == "5 further notifications were left out."


def test_above_the_limit_the_worst_are_kept_and_the_rest_announced(monkeypatch):
    monkeypatch.setattr(sarif, "MAX_RESULTS", 2)
    cut = run()
    assert [r["ruleId"] for r in cut["results"]] == ["NS-TOX-007", "NS-PRV-001"]
    note = cut["invocations"][0]["toolExecutionNotifications"][0]
    assert note["message"]["text"].startswith("2 entries were left out")
    assert cut["properties"]["entriesLeftOut"] == 2


def test_file_too_large_for_github_is_cut_down(monkeypatch):
    many = result(*(finding(n, message=f"{n * 7919:x}") for n in range(1, 200)))
    monkeypatch.setattr(sarif, "MAX_GZIP_BYTES", 6000)
    cut = run(many)
    assert 1 <= len(cut["results"]) < 199
    assert cut["results"][0]["message"]["text"].startswith("1eef")
    monkeypatch.setattr(sarif, "MAX_GZIP_BYTES", 1)
    assert len(run(many)["results"]) == 1


def test_text_that_compresses_well_is_not_cut(monkeypatch):
    monkeypatch.setattr(sarif, "MAX_GZIP_BYTES", len(text()) - 1)
    assert len(run()["results"]) == 4


def test_places_stay_within_githubs_limit():
    places = tuple(Location(f"f{n}", n + 1, scope_id=REPO) for n in range(MAX_LOCATIONS + 5))
    (found,) = run(result(finding(locations=places)))["results"]
    assert len(found["locations"]) + len(found["relatedLocations"]) == MAX_LOCATIONS
    assert found["properties"]["locationsLeftOut"] == 5


def test_many_reasons_are_counted():
    lead = finding(1, "NS-TOX-007")
    reasons = [finding(n, folded_into=lead.id, message=f"m {n}") for n in range(2, 60)]
    assert "Also 8 more reasons." in run(result(lead, *reasons))["results"][0]["message"]["text"]


def test_the_same_said_of_several_subjects_is_said_once():
    lead = finding(1, "NS-PRV-006", message="it reads every secret")
    twins = [finding(n, "NS-PRV-006", folded_into=lead.id, message="it reads every secret") for n in range(2, 9)]
    others = [finding(n, "NS-PRV-011", folded_into=lead.id, message="it gives access") for n in range(9, 12)]
    said = run(result(lead, *twins, *others))["results"][0]["message"]["text"]
    assert [line for line in said.split("\n") if line.startswith("Also")] == ["Also NS-PRV-011: it gives access"]


def test_people_stay_out_unless_asked():
    assert PERSON not in text()
    assert PERSON in text(include_people=True)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        ((REPO,), "nhiscan/repo:github.com-acme-example-platform/"),
        ((ACCOUNT, REPO), "nhiscan/aws:123456789012+repo:github.com-acme-example-platform/"),
        (("dir:my-checkout",), "nhiscan/dir/"),
    ],
)
def test_targets_name_the_category_and_directories_do_not(scopes, expected):
    shown = result(targets=(TargetSummary("/home/me/x", scopes, 0, 0),))
    assert run(shown)["automationDetails"]["id"] == expected


def test_category_of_many_targets_stays_short_and_distinct():
    ids = []
    for offset in (0, 1):
        scopes = tuple(f"aws:{n + offset:012d}" for n in range(100))
        ids.append(run(result(targets=(TargetSummary("x", scopes, 0, 0),)))["automationDetails"]["id"])
    assert len(set(ids)) == 2
    assert all(len(i) < 200 for i in ids)
    assert run(result(targets=(), scopes={}))["automationDetails"]["id"] == "nhiscan/nothing/"


def test_development_version_is_no_semantic_version():
    assert "semanticVersion" not in run(result(version="0.1.0.dev1"))["tool"]["driver"]


def test_severity_of_a_rule_is_the_worst_it_has_in_the_run():
    quiet = result(finding(severity=Severity.LOW))
    scores = {r["id"]: r["properties"]["security-severity"] for r in run(quiet)["tool"]["driver"]["rules"]}
    assert scores["NS-LEK-001"] == "8.0"
    loud = result(finding(severity=Severity.CRITICAL))
    scores = {r["id"]: r["properties"]["security-severity"] for r in run(loud)["tool"]["driver"]["rules"]}
    assert scores["NS-LEK-001"] == "9.5"
