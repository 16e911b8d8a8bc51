"""`nhiscan audit --ingest`: from real commands to every output."""

from __future__ import annotations

import io
import json

import pytest
from jsonschema import Draft202012Validator

from nhiscan.report import ReportOptions, load
from nhiscan.report._schema import shipped
from nhiscan.triage.result import Evidence, Ingested, Unmatched
from tests.conftest import AS_OF
from tests.report.build import finding, result
from tests.triage.build import ACCOUNT, REPO
from tests.triage.ingest import samples


@pytest.fixture
def shop(tmp_path, tokens):
    """A directory with a key that ours finds."""
    root = tmp_path / "shop"
    (root / "app").mkdir(parents=True)
    key = tokens.aws_key_id("123456789012", "ingest"), tokens.aws_secret("ingest")
    (root / "app" / "settings.py").write_text(f'#\n#\nKEY = "{key[0]}"\nAWS_SECRET_ACCESS_KEY = "{key[1]}"\n')
    return root


@pytest.fixture
def audit(nhiscan, shop, tmp_path):
    def run(*texts, more=(), form="json"):
        files = []
        for n, text in enumerate(texts):
            (tmp_path / f"r{n}.json").write_text(text)
            files += ["--ingest", tmp_path / f"r{n}.json"]
        only = ("--collect", "repo.secrets", "--select", "LEK")
        return nhiscan("audit", shop, *files, "--as-of", AS_OF, "-j", 1, "-q", "-f", form, *only, *more)

    return run


def test_evidence_lies_beside_our_finding_and_the_exit_code_stays(audit, tokens):
    value = tokens.github_pat("ingest-command")
    plain, told = (
        audit(),
        audit(samples.gitleaks("shop/app/settings.py", 4, value), samples.trufflehog("x/y.py", 1, value)),
    )
    assert told.code == plain.code == 1
    before, after = json.loads(plain.out), json.loads(told.out)
    Draft202012Validator(json.loads(shipped("result.schema.json"))).validate(after)
    assert [f["id"] for f in before["findings"]] == [f["id"] for f in after["findings"]]
    assert after["findings"][0]["evidence"] == [
        {
            "tool": "gitleaks", "rule": "aws-access-token", "uri": "app/settings.py", "line": 4, "verified": None,
            "message": "Identified a pattern that may indicate AWS credentials.",
        }
    ]  # fmt: skip
    assert after["ingested"]["unmatched"] == [{"tool": "trufflehog", "rule": "AWS", "place": "x/y.py:1"}]
    assert [r["matched"] for r in after["ingested"]["reports"]] == [1, 0]
    assert value not in told.out + told.err


def all_formats(audit, tmp_path, text):
    """One audit with the report, and what it writes in each format."""
    files = [tmp_path / name for name in ("out.json", "out.sarif")]
    done = audit(text, form="text", more=["-v", *(part for file in files for part in ("-o", file))])
    assert done.code == 1
    return [done.out + done.err, *(file.read_text() for file in files)]


@pytest.mark.parametrize("name", samples.ALL)
def test_no_value_of_a_report_reaches_an_output(audit, tokens, tmp_path, name):
    value = tokens.password(f"ingest-out-{name}")
    place = {"prowler": {}, "checkov": {"path": "app/settings.py", "lines": (4, 4)}}
    told = all_formats(audit, tmp_path, samples.ALL[name](value=value, **place.get(name, {})))
    assert not [n for n, text in enumerate(told) if value in text]


def test_an_absolute_path_of_another_machine_is_never_printed(audit, tmp_path):
    assert not any("/builds" in text for text in all_formats(audit, tmp_path, samples.checkov("away.tf")))


def test_a_report_that_is_none_ends_with_two_lines_and_code_2(audit, nhiscan, shop):
    for text, said in (
        ("{oops", "r0.json:1: is not JSON"),
        ('{"a": 1}', "r0.json: is in no format that is known here"),
    ):
        done = audit(text)
        assert (done.code, done.out) == (2, "")
        assert said in done.err
        assert "  try: have the tool write" in done.err
    assert nhiscan("audit", shop, "--ingest", "gone.json").code == 2


def test_explain_names_the_other_tools(nhiscan, audit, shop, tmp_path):
    found = json.loads(audit(samples.gitleaks("app/settings.py", 4)).out)["findings"][0]["id"]
    page = nhiscan(
        "explain", found, shop, "--ingest", tmp_path / "r0.json", "--as-of", AS_OF, "-j", 1, "--collect", "repo.secrets"
    ).out
    assert "## Reported by others\n\n- gitleaks: aws-access-token, app/settings.py:4: Identified" in page


def written(form, *findings, verbosity=0, **changes):
    out = io.StringIO()
    load(form).write(result(*findings, **changes), out, ReportOptions(color=False, width=400, verbosity=verbosity))
    return out.getvalue()


EVIDENCE = (
    Evidence("gitleaks", "aws-access-token", "A key", ".mcp.json", 9, None, REPO),
    Evidence("gitleaks", "generic", None, ".mcp.json", 9, None, REPO),
    Evidence("prowler", "rotate_123456789012", "Rotate dana@acme.example", verified=True),
)
ONLY = (
    Unmatched("gitleaks", "jwt", "a.ts:5"),
    Unmatched("prowler", "x", "arn:aws:iam::123456789012:user/b"),
    Unmatched("z", "y"),
)


def test_text_says_who_else_reports_a_place():
    told = finding(evidence=EVIDENCE, raised_from="low")
    short = written("text", told, unmatched=ONLY)
    assert "also reported by gitleaks (aws-access-token +1), prowler (rotate_123456789012, verified)" in short
    assert "others only" not in short
    full = written("text", told, unmatched=ONLY, verbosity=1)
    assert "high confidence (low without gitleaks, prowler)" in full
    assert "evidence also reported by gitleaks (aws-access-token), .mcp.json:9: A key" in full
    assert "reported by others only: gitleaks (jwt) a.ts:5\n" in full
    assert "reported by others only: z (y) at a place outside the targets\n" in full


def test_text_counts_what_is_too_much_to_be_read():
    many = tuple(Unmatched("gitleaks", "jwt", f"a.ts:{n}") for n in range(502))
    assert "reported by others only: and 2 more; -o FILE keeps them\n" in written("text", unmatched=many, verbosity=1)


def test_sarif_points_to_the_place_and_keeps_within_its_schema():
    run = json.loads(written("sarif", finding(evidence=EVIDENCE, raised_from=finding().confidence)))["runs"][0]
    (entry,) = run["results"]
    assert "\nAlso reported by gitleaks (aws-access-token), gitleaks (generic), prowler (" in entry["message"]["text"]
    assert [e["tool"] for e in entry["properties"]["evidence"]] == ["gitleaks", "gitleaks", "prowler"]
    related = entry["relatedLocations"]
    assert [r["id"] for r in related] == list(range(1, 6))
    assert related[3]["message"]["text"] == "also reported by gitleaks (aws-access-token): A key"
    assert related[3]["physicalLocation"]["artifactLocation"] == {"uri": ".mcp.json", "uriBaseId": "SRCROOT"}


def test_redaction_reaches_evidence_and_what_only_others_report():
    out = io.StringIO()
    shown = result(finding(evidence=EVIDENCE), unmatched=ONLY, ingested=(Ingested("r-123456789012.json", "x", 1, 0),))
    load("json").write(shown, out, ReportOptions(redact=frozenset({"people", "accounts"})))
    told = json.loads(out.getvalue())
    assert ACCOUNT.partition(":")[2] not in out.getvalue()
    assert told["findings"][0]["evidence"][2]["message"] == "Rotate redacted"
    assert told["ingested"]["unmatched"][1]["place"] == "arn:aws:iam::acct-1:user/b"
