import json
from dataclasses import replace

import pytest

from nhiscan.engine.verdict import NotAssessed, RuleCoverage
from nhiscan.model import Confidence, Severity
from nhiscan.triage import baseline
from nhiscan.triage.result import Finding, Location, Subject, TargetSummary
from tests.triage.build import KEY, REPO, rule


def finding(number: int = 1, rule_id: str = "NS-LEK-001", **changes: object) -> Finding:
    return replace(
        Finding(
            id=f"NSF-{number:010x}", rule=rule(rule_id), severity=Severity.HIGH, confidence=Confidence.HIGH,
            subject=Subject("credential", f"{REPO}#.env:K:{number}", "token", None, REPO, None), message="m",
            locations=(Location(".env", 3),), related=(), facts={}, owner=None, fix="", fingerprint=f"{number:032x}",
        ),
        **changes,
    )  # fmt: skip


def test_round_trip_holds_no_line_and_no_time(tmp_path):
    made = baseline.create([finding(2), finding(1), finding(1)])
    path = tmp_path / "b.json"
    path.write_text(baseline.dump(made, "0.1.0"))
    assert baseline.load(path) == made
    data = json.loads(path.read_text())
    assert [f["subject"][-1] for f in data["findings"]] == ["1", "2"]
    assert set(data["findings"][0]) == {"rule", "subject", "title", "scope", "fingerprint"}
    assert data["schema"] == "nhiscan-baseline/1"
    assert data["tool"] == "nhiscan"


def test_suppressed_findings_stay_out():
    assert baseline.create([finding(state="suppressed")]).entries == ()


def test_directory_names_stay_out():
    subject = Subject("credential", "dir:me#.env:K:1", None, None, "dir:me", None)
    (entry,) = baseline.create([finding(subject=subject)]).entries
    assert (entry.subject, entry.scope) == ("#.env:K:1", "")


def test_update_drops_fixed_keeps_present_adds_nothing():
    old = baseline.create([finding(1), finding(2)])
    assert [e.fingerprint for e in baseline.update(old, [finding(2), finding(3)]).entries] == [f"{2:032x}"]


def test_update_follows_a_finding_whose_canonical_place_moved():
    old = baseline.create([finding(1)])
    moved = finding(9, aliases=(f"{1:032x}",))
    assert baseline.update(old, [moved]).entries == baseline.create([moved]).entries


def test_entries_out_of_sight_are_kept():
    old = baseline.create([finding(1), finding(2, "NS-LEK-002"), finding(3, "NS-LEK-003")])
    coverage = [
        RuleCoverage("NS-LEK-001", 0, 1),
        RuleCoverage("NS-LEK-002", 0, 0, (NotAssessed(REPO, 1, "denied", "allow"),)),
    ]
    target = TargetSummary(".", (REPO,), 0, 0)
    hidden = baseline.unseen(old, coverage, [target])
    assert [e.rule for e in hidden] == ["NS-LEK-002", "NS-LEK-003"]
    assert len(baseline.unseen(old, coverage, [replace(target, failed=True)])) == 3
    assert [e.rule for e in baseline.update(old, [], hidden).entries] == ["NS-LEK-002", "NS-LEK-003"]


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"", 1, "not JSON"),
        (b'{\n "schema": }', 2, "not JSON"),
        (b"\n\n\xff", 3, "not UTF-8"),
        (b"[]", 1, "not a JSON object"),
        (b'{\n"schema": "nhiscan-baseline/9"}', 2, "schema 'nhiscan-baseline/9'"),
        (b'{"schema": "nhiscan-baseline/1"}', 1, "no list"),
        (
            b'{"schema": "nhiscan-baseline/1",\n"findings": [\n{"rule": "a", "fingerprint": "b"},\n7]}',
            4,
            "not an object",
        ),
        (b'{"schema": "nhiscan-baseline/1",\n"findings": [\n{"rule": "a"}]}', 3, "`fingerprint` is missing"),
        (b"[" * 100_000, 1, "deeply"),
    ],
)
def test_broken_file_is_named_with_line_and_remedy(data, line, words):
    with pytest.raises(baseline.BaselineError, match=words) as e:
        baseline.parse(data, "b.json")
    assert e.value.line == line
    assert str(e.value).startswith(f"b.json:{line}: ")
    assert e.value.remedy


def test_line_is_one_where_the_item_cannot_be_located():
    data = '{"schema": "nhiscan-baseline/1",\n"x": "\x7f", "findings": [\n{"rule": 1}]}'
    with pytest.raises(baseline.BaselineError, match=r"findings\[0\]") as e:
        baseline.parse(data.encode(), "b.json")
    assert e.value.line == 1


def test_missing_unreadable_and_huge_files_are_errors(tmp_path, monkeypatch):
    with pytest.raises(baseline.BaselineError, match="no such baseline"):
        baseline.load(tmp_path / "none.json")
    with pytest.raises(baseline.BaselineError, match="cannot be read"):
        baseline.load(tmp_path)
    monkeypatch.setattr(baseline, "MAX_BYTES", 10)
    (tmp_path / "big").write_text("x" * 11)
    with pytest.raises(baseline.BaselineError, match="larger than 10"):
        baseline.load(tmp_path / "big")


def test_subject_of_the_baseline_is_public():
    assert baseline.entry_of(finding(subject=Subject("credential", KEY, None, None, "aws:1", None))).subject == KEY
