"""`nhiscan rules` new, diff, export and columns, as a team uses them."""

import json
import zipfile

import pytest

from nhiscan.engine.newrule import write
from nhiscan.engine.rule import load, shipped_rules_dir

NEW = "nhiscan-rules"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / NEW


def test_a_new_rule_keeps_the_contract_and_passes_its_cases(nhiscan, folder):
    done = nhiscan("rules", "new", "key-too-old")
    assert (done.code, done.out.splitlines()[0]) == (0, f"wrote {NEW}/TEAM-LLV-001.yaml")
    tested = nhiscan("rules", "test", NEW)
    assert (tested.code, tested.out) == (0, "6 passed, 0 failed\n")
    assert "key-too-old" in nhiscan("rules", "show", "TEAM-LLV-001", "--rules", NEW).out
    assert nhiscan("rules", "new", "key-asleep").out.startswith(f"wrote {NEW}/TEAM-LLV-002.yaml")


def test_nothing_is_overwritten(nhiscan, folder):
    write(folder, "TEAM-LLV-001", "mine")
    path = folder / "TEAM-LLV-001.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("severity: medium", "severity: low", 1), encoding="utf-8")
    for argv, said in (
        (("mine",), "the name mine is taken"),
        (("other", "--id", "TEAM-LLV-001"), "TEAM-LLV-001.yaml already"),
        (("leaked-active-privileged",), "is taken by rules/tox/NS-TOX-001.yaml"),
        (("Not A Name",), "is no name of a rule"),
        (("other", "--id", "NS-LLV-999"), "is no id for a rule of your own"),
    ):
        done = nhiscan("rules", "new", *argv)
        assert done.code == 2, argv
        assert said in done.err
    assert "severity: low" in path.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_made_is_told(nhiscan, folder):
    folder.write_text("a file", encoding="utf-8")
    done = nhiscan("rules", "new", "mine")
    assert done.code == 2
    assert "cannot be written" in done.err


def test_the_words_are_told(nhiscan):
    assert "credential_place" in nhiscan("rules", "columns").out
    assert "list of texts" in nhiscan("rules", "columns", "trust").out
    assert "no table or view" in nhiscan("rules", "columns", "nobody").err


@pytest.fixture
def two(folder):
    """Two rule sets: the second has another threshold, other words, and one rule more."""
    for name in ("old", "new"):
        write(folder.parent / name, "TEAM-LLV-001", "key-too-old")
    write(folder.parent / "new", "TEAM-LLV-002", "key-asleep")
    path = folder.parent / "new" / "TEAM-LLV-001.yaml"
    text = path.read_text(encoding="utf-8").replace("default: 180", "default: 30").replace("why: The", "why: A")
    path.write_text(text, encoding="utf-8")
    return folder.parent


def test_a_difference_is_told_before_an_upgrade(nhiscan, two):
    done = nhiscan("rules", "diff", "old", "new")
    assert done.code == 0
    assert done.out.startswith("1 rules before, 2 after; 2 differ, which asks for a new minor version\n")
    assert "params.key_too_old_days: 180 from 1 to 3650\n" in done.out
    assert "-> 30 from 1 to 3650\n" in done.out
    assert "words of: why\n" in done.out
    assert "new      TEAM-LLV-002 key-asleep (medium, preview)\n" in done.out
    told = nhiscan("rules", "diff", "old", "new", "-f", "json").json
    assert [(c["kind"], c["rule"], c["version_step"]) for c in told["changes"]] == [
        ("changed", "TEAM-LLV-001", "minor"), ("new", "TEAM-LLV-002", "minor"),
    ]  # fmt: skip


def test_a_wheel_is_compared_without_being_installed(nhiscan, two):
    with zipfile.ZipFile(two / "x.whl", "w") as wheel:
        for path in (two / "new").glob("*.yaml"):
            wheel.write(path, f"nhiscan/_rules/llv/{path.name}")
        wheel.writestr("nhiscan/_rules/frameworks/cwe.yaml", "id: cwe")
    assert nhiscan("rules", "diff", "new", "x.whl").out == "2 rules before, 2 after; 0 differ\n"
    (two / "bad.whl").write_bytes(b"no zip")
    with zipfile.ZipFile(two / "empty.zip", "w") as empty:
        empty.writestr("readme.txt", "x")
    for name, said in (("bad.whl", "no wheel or zip"), ("empty.zip", "holds no rule set"), ("none", "does not exist")):
        done = nhiscan("rules", "diff", "old", name)
        assert (done.code, said in done.err) == (2, True), done.err


def test_a_saved_run_tells_which_findings_come(nhiscan, two, acme):
    saved = nhiscan("audit", f"snapshot:{acme / 'aws'}", "--save", "run", "--as-of", "2026-11-01", "--fail-on", "none")
    assert saved.code == 0, saved.err
    done = nhiscan("rules", "diff", "old", "new", "--saved", "run")
    assert "on the saved run, as of 2026-11-01: " in done.out
    assert "\n+ TEAM-LLV-001 medium: Key AKIA" in done.out
    assert "\n+ TEAM-LLV-002 medium: Key AKIA" in done.out
    told = nhiscan("rules", "diff", "new", "old", "--saved", "snapshot:run", "-f", "json").json["run"]
    assert told["appear"] == []
    assert {v["rule"] for v in told["disappear"]} == {"TEAM-LLV-001", "TEAM-LLV-002"}
    assert "no saved run" in nhiscan("rules", "diff", "old", "new", "--saved", "nowhere").err


def test_the_rules_are_printed_for_a_warehouse(nhiscan, folder):
    done = nhiscan("rules", "export", "--dialect", "spark", "NS-LLV-001", "--as-of", "2026-11-01")
    assert done.code == 0
    assert "CREATE OR REPLACE TEMPORARY VIEW `credential_issued` AS" in done.out
    assert "'NS-LLV-001' AS `rule_id`" in done.out
    assert "'NS-LLV-002' AS" not in done.out
    for argv, said in (
        (("--dialect", "mysql"), "'mysql' is unknown"),
        ((), "--dialect is missing"),
        (("--dialect", "spark", "--data", "."), "--data writes files"),
        (("--dialect", "spark", "nobody"), "names no rule"),
    ):
        done = nhiscan("rules", "export", *argv)
        assert (done.code, said in done.err) == (2, True), done.err


def test_files_and_tables_of_a_warehouse_give_the_verdicts_of_an_audit(nhiscan, folder, acme):
    import duckdb

    target = f"snapshot:{acme / 'aws'}"
    labels = ("LLV", "NS-LIF-001", "NS-PRV-001", "NS-OBS-001", "NS-AUT-001")
    done = nhiscan(
        "rules", "export", *labels, "--dialect", "duckdb", "-o", "w", "--data", target, "--as-of", "2026-11-01"
    )
    assert done.code == 0, done.err
    report = nhiscan("audit", target, *(f"--select={label}" for label in labels), "--as-of", "2026-11-01",
                     "--fail-on", "none", "-f", "json", "--no-config").json  # fmt: skip
    out = folder.parent / "w"
    connection = duckdb.connect()
    folder_of_data = (out / "data").as_posix()
    connection.execute((out / "tables.sql").read_text(encoding="utf-8").replace("'data/", f"'{folder_of_data}/"))
    connection.execute((out / "views.sql").read_text(encoding="utf-8"))
    found = {path.stem: connection.execute(path.read_text(encoding="utf-8")).fetchall()
             for path in sorted((out / "rules").iterdir())}  # fmt: skip
    failed = {(rule, row[1]) for rule, rows in found.items() for row in rows if row[3] == "fail"}
    assert failed == {(f["rule"]["id"], f["subject"]["id"]) for f in report["findings"]}
    assert failed
    counts = {c["rule"]: c["passed"] for c in report["coverage"]["rules"]}
    assert {rule: sum(row[3] == "pass" for row in rows) for rule, rows in found.items()} == counts
    fingerprints = connection.execute("SELECT DISTINCT fingerprint FROM credential").fetchall()
    assert set(fingerprints) <= {(None,), ("keyed",)}


def test_a_directory_that_cannot_be_written_is_told(nhiscan, folder):
    folder.write_text("a file", encoding="utf-8")
    done = nhiscan("rules", "export", "NS-LLV-001", "--dialect", "trino", "-o", NEW)
    assert done.code == 2
    assert "cannot be written" in done.err


def test_the_schema_of_editors_is_the_shipped_one(nhiscan, folder):
    nhiscan("rules", "new", "mine")
    schema = json.loads((folder / "rule.schema.json").read_text(encoding="utf-8"))
    assert schema == json.loads((shipped_rules_dir() / "rule.schema.json").read_text(encoding="utf-8"))


def test_a_run_tells_what_moves_and_what_cannot_be_judged(nhiscan, two, acme):
    target = f"snapshot:{acme / 'aws'}"
    nhiscan("audit", target, "--save", "run", "--as-of", "2026-11-01", "--fail-on", "none", "--collect", "aws.iam*")
    moved = (
        (two / "old" / "TEAM-LLV-001.yaml").read_text(encoding="utf-8").replace("severity: medium", "severity: low", 1)
    )
    moved = moved.replace("TEAM-LLV-001", "TEAM-LLV-008").replace("name: key-too-old", "name: key-too-old-now")
    (two / "moved").mkdir()
    text = f"{moved}aliases: [TEAM-LLV-001, key-too-old]\n"
    (two / "moved" / "TEAM-LLV-008.yaml").write_text(text, encoding="utf-8")
    newer = (
        (two / "new" / "TEAM-LLV-002.yaml").read_text(encoding="utf-8").replace("from: credential", "from: tomorrow")
    )
    (two / "moved" / "TEAM-LLV-002.yaml").write_text(newer, encoding="utf-8")
    config = two / "team.yaml"
    config.write_text("params: {key-too-old: {key_too_old_days: 200, gone: 1}}\n", encoding="utf-8")
    done = nhiscan("rules", "diff", "old", "moved", "--saved", "run", "--config", config)
    assert "\nrenamed  TEAM-LLV-001 key-too-old -> TEAM-LLV-008 key-too-old-now (low, preview)\n" in done.out
    assert "\n~ TEAM-LLV-008 medium -> low: Key AKIA" in done.out
    assert "more than 200 days ago" in done.out
    assert "\n! TEAM-LLV-002 cannot be judged by this version of nhiscan: `tomorrow` is no table or view" in done.out
    assert "unknown" in nhiscan("rules", "diff", "old", "new", "-f", "xml").err
    assert "differ" in nhiscan("rules", "diff", "shipped").out


def test_data_is_not_written_over_a_file(nhiscan, folder, acme):
    (folder.parent / "w").mkdir()
    (folder.parent / "w" / "data").write_text("a file", encoding="utf-8")
    argv = (
        "NS-LLV-001",
        "--dialect",
        "duckdb",
        "-o",
        "w",
        "--data",
        f"snapshot:{acme / 'aws'}",
        "--as-of",
        "2026-11-01",
    )
    done = nhiscan("rules", "export", *argv)
    assert done.code == 2
    assert "the tables cannot be written to w/data" in done.err


def test_a_folder_of_shipped_rules_is_tested_alone(nhiscan):
    place = shipped_rules_dir() / "cov"
    done = nhiscan("rules", "test", place)
    cases = sum(len(r.tests) for r in load([shipped_rules_dir()]) if r.path.startswith("rules/cov/"))
    assert (done.code, done.out) == (0, f"{cases} passed, 0 failed\n")
    assert nhiscan("rules", "check", place).code == 0
