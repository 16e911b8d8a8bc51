"""The command line: what it says, what it refuses, what it exits with, and what it imports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from nhiscan.cli.main import application
from tests.conftest import AS_OF, ROOT

COMMANDS = ("audit", "inventory", "query", "diff", "explain", "can", "rules", "baseline", "permissions", "doctor")
HEAVY = ("boto3", "botocore", "duckdb", "detect_secrets", "sqlglot", "yaml", "rich", "importlib.metadata", "asyncio")


LEAKS = ("--select", "LEK")
"""What can fail in `shop`: other rules would take most of the time."""


@pytest.fixture
def shop(tmp_path, git, tokens):
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "-q")
    git(path, "config", "remote.origin.url", "git@github.com:acme-example/shop.git")
    (path / "app.py").write_text(f"TOKEN = '{tokens.github_pat('cli')}'\n")
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "start")
    return path


def test_help_imports_nothing_heavy(program):
    done = program("--help", env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert done.code == 0
    imported = set(re.findall(r"\|\s+([\w.]+)$", done.err, re.MULTILINE))
    assert "typer" in imported
    assert not {m for m in imported if m in HEAVY or m.startswith(("duckdb.", "boto3.", "detect_secrets."))}


def test_help_names_every_command_and_the_exit_codes(nhiscan):
    done = nhiscan("--help")
    assert all(f"  {name} " in done.out for name in COMMANDS)
    assert "4 nothing audited" in " ".join(done.out.split())


def test_readme_shows_every_command_option_and_exit_code(nhiscan):
    readme = (ROOT / "README.md").read_text()
    assert all(f"`nhiscan {name}" in readme or f"nhiscan {name}" in readme or f"|{name}" in readme for name in COMMANDS)
    options = set(re.findall(r"--[a-z][a-z-]+", nhiscan("audit", "--help").out)) - {"--help"}
    assert {o for o in options if o not in readme} == set()
    assert all(f"| {code} |" in readme for code in range(6))


def test_version(nhiscan):
    from nhiscan import __version__

    assert nhiscan("--version").out == f"nhiscan {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("audit", "no/such/path"), "does not exist"),
        (("audit", "ftp:x"), "unknown target"),
        (("audit", "--nonsense"), "--nonsense"),
        (("audit", ".", "--fail-on", "huge"), "is no severity"),
        (("audit", ".", "--min-confidence", "some"), "is no confidence"),
        (("audit", ".", "--format", "pdf"), "no report format"),
        (("audit", ".", "-o", "report.pdf"), "not clear from its suffix"),
        (("audit", ".", "--redact", "cats"), "does not know cats"),
        (("audit", ".", "--as-of", "yesterday"), "is no time"),
        (("audit", ".", "--config", "none.yaml"), "cannot be read"),
        (("audit", ".", "--baseline", "none.json"), "no such baseline"),
        (("audit", ".", "--rules", "none"), "does not exist"),
        (("audit", ".", "--select", "NS-LEKK-001"), "NS-LEK-001"),
        (("audit", "--targets-file", "none"), "cannot read the targets file"),
        (("audit", ".", "-j", "0"), "--jobs"),
        (("inventory", ".", "-f", "xml"), "unknown"),
        (("query", "DROP TABLE identity", "."), "only one SELECT"),
        (("query", "SELECT nonsense FROM identity", "."), "nonsense"),
        (("query", "SELECT * FROM read_csv('/etc/hostname')", "."), "disabled by configuration"),
        (("explain", "NS-NOPE-999", "."), "neither a rule nor a finding"),
        (("rules", "show", "nope"), "no rule"),
        (("rules", "list", "-f", "xml"), "unknown"),
        (("permissions", "oracle"), "no permissions are known"),
        (("baseline", "update", ".", "-o", "none.json"), "no such baseline"),
        (("frobnicate",), "frobnicate"),
    ],
)
def test_bad_input_is_one_line_and_a_remedy_with_exit_2(nhiscan, shop, monkeypatch, argv, words):
    monkeypatch.chdir(shop)
    done = nhiscan(*argv)
    assert done.code == 2
    assert words in done.err
    assert "try:" in done.err
    assert len(done.err.splitlines()) <= 3


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("params: {NS-NOPE-001: {a: 1}}", "no rule NS-NOPE-001"),
        ("params: {NS-LLV-001: {days: 1}}", "no parameter days"),
        ("params: {NS-LLV-001: {rotation_days: soon}}", "must be a number"),
        ("params: {NS-LLV-001: {rotation_days: 0}}", "is below"),
    ],
)
def test_a_threshold_that_does_not_fit_is_told_with_its_line(nhiscan, shop, config, words):
    (shop / "nhiscan.yaml").write_text(f"version: 1\n{config}\n")
    done = nhiscan("audit", shop, "-q", "-j", 1)
    assert done.code == 2
    assert "nhiscan.yaml:2" in done.err
    assert words in done.err


def test_a_threshold_changes_the_verdict(audit_acme, tmp_path):
    def rotated(days):
        config = tmp_path / f"{days}.yaml"
        config.write_text(f"params: {{NS-LLV-001: {{rotation_days: {days}}}}}\n")
        done = audit_acme("--config", config, "--select", "NS-LLV-001", "--fail-on", "none")
        return {f["subject"]["id"] for f in done.json["findings"]}

    assert rotated(4000) == set()
    assert rotated(90) < rotated(10)


def test_seed_labels_are_read_with_a_warning(nhiscan, shop):
    done = nhiscan("audit", shop, "--select", "NHI-03", "-j", 1, "--fail-on", "none")
    assert "NHI3" in done.out
    assert "NHI7" in done.out


def test_formats_and_files(nhiscan, shop, tmp_path):
    files = ("-o", tmp_path / "new" / "a.json", "-o", f"text={tmp_path / 'b'}")
    done = nhiscan("audit", shop, "-q", "-j", 1, "-f", "sarif", *files, *LEAKS)
    assert done.code == 1
    assert done.json["version"] == "2.1.0"
    assert json.loads((tmp_path / "new" / "a.json").read_text())["findings"]
    assert "lies in app.py:1" in (tmp_path / "b").read_text()
    assert "\x1b" not in done.out + (tmp_path / "b").read_text()


@pytest.mark.parametrize("jobs", [1, 2])
def test_two_runs_give_the_same_bytes_whatever_the_number_of_workers(nhiscan, shop, tmp_path, jobs):
    told = []
    for n in (1, jobs):
        file = tmp_path / f"{len(told)}.sarif"
        done = nhiscan("audit", shop, "--as-of", AS_OF, "-q", "-f", "json", "-j", n, "-o", file, *LEAKS)
        told.append((done.out, file.read_bytes()))
    assert "NS-LEK-001" in told[0][0]
    assert told[0] == told[1]


def test_a_run_that_was_cut_off_continues_and_gives_the_same(nhiscan, acme, tmp_path, monkeypatch):
    from nhiscan.collect import runner

    targets = ("audit", acme / "repo", f"snapshot:{acme / 'aws'}")
    argv = (*targets, "--as-of", AS_OF, "-q", "-f", "json", "-j", 1, *LEAKS, "--select", "TOX")
    whole = nhiscan(*argv).out
    real, done = runner.collect, []

    def interrupted(unit, ctx, directory):
        if done:
            raise KeyboardInterrupt
        done.append(unit.id)
        return real(unit, ctx, directory)

    monkeypatch.setattr(runner, "collect", interrupted)
    cut = nhiscan(*argv, "--save", tmp_path / "run")
    assert cut.code == 130
    assert "continues" in cut.err
    again = []
    monkeypatch.setattr(runner, "collect", lambda u, c, d: again.append(u.id) or real(u, c, d))
    assert nhiscan(*argv, "--save", tmp_path / "run").out == whole
    assert set(again).isdisjoint(done)
    assert again


def test_the_inventory_is_every_table_by_name(nhiscan, acme):
    from nhiscan.model import RECORDS

    found = nhiscan("inventory", acme / "repo", f"snapshot:{acme / 'aws'}", "-f", "json", "-q", "-j", 1).json
    assert set(found) == set(RECORDS)
    assert found["identity"]
    assert isinstance(found["identity"][0]["tags"], dict)
    assert not any("fingerprint" in row for rows in found.values() for row in rows)


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        (("--kind", "role"), {"role"}),
        (("--kind", "agent", "--kind", "access_key"), {"agent", "access_key"}),
        (("--provider", "claude-code"), {"agent", "tool_server", "step"}),
    ],
)
def test_the_inventory_can_be_filtered(nhiscan, acme, filters, kinds):
    argv = ("inventory", acme / "repo", f"snapshot:{acme / 'aws'}", "-f", "json", "-q", "-j", 1)
    rows = nhiscan(*argv, *filters).json
    assert {row["kind"] for row in rows} <= kinds
    assert rows


def test_orphans_can_be_listed(nhiscan, acme):
    rows = nhiscan("inventory", f"snapshot:{acme / 'aws'}", "-f", "json", "-q", "-j", 1, "--owner", "none").json
    assert "etl" in {row["name"] for row in rows}


def test_tables_and_csv(nhiscan, acme):
    argv = ("inventory", f"snapshot:{acme / 'aws'}", "-q", "-j", 1)
    assert " rows" in nhiscan(*argv).out
    lines = nhiscan(*argv, "-f", "csv").out.splitlines()
    assert lines[0].startswith("table,kind,name")


def test_csv_is_no_formula():
    from nhiscan.cli.inventory import _cell

    assert _cell("=HYPERLINK()") == "'=HYPERLINK()"
    assert _cell(None) == ""


def test_an_inventory_of_nothing_exits_4(nhiscan, tmp_path):
    (tmp_path / "empty").mkdir()
    assert nhiscan("inventory", tmp_path / "empty", "-q").code == 4


def test_a_saved_run_answers_queries_findings_included(nhiscan, shop, tmp_path):
    nhiscan("audit", shop, "-q", "-j", 1, "--save", tmp_path / "run", *LEAKS)
    rows = nhiscan("query", "SELECT rule_id, severity FROM finding", tmp_path / "run", "-f", "json").json
    assert {"rule_id": "NS-LEK-001", "severity": "high"} in rows
    hidden = nhiscan("query", "SELECT * FROM credential", tmp_path / "run", "-f", "json").json
    assert "fingerprint" not in hidden[0]


@pytest.mark.parametrize("column", ["fingerprint AS f", "concat(fingerprint, '')", "substr(fingerprint, 1, 9) AS x"])
def test_no_query_gets_at_a_fingerprint(nhiscan, shop, column):
    done = nhiscan("query", f"SELECT {column} FROM credential", shop, "-f", "json")
    assert not re.search(r"[0-9a-f]{9}", done.out)


def test_a_rule_and_a_finding_are_explained(nhiscan, shop):
    page = nhiscan("explain", "secret-in-source").out
    assert "NS-LEK-001" in page
    found = nhiscan("audit", shop, "-q", "-j", 1, "-f", "json", *LEAKS).json["findings"][0]
    text = nhiscan("explain", found["id"], shop).out
    assert all(part in text for part in ("## Why", "## Where", "app.py:1", "## Evidence", "## Fix", "## Owner"))
    assert nhiscan("rules", "show", "NS-LEK-001").out == page


def test_rules_can_be_listed_checked_and_tested(nhiscan):
    assert "NS-TOX-007" in nhiscan("rules", "list").out
    assert {"id", "name", "severity"} <= set(nhiscan("rules", "list", "-f", "json").json[0])
    assert nhiscan("rules", "check").code == 0


def test_a_broken_rule_is_refused_with_file_and_line(nhiscan, tmp_path):
    folder = tmp_path / "lek"
    folder.mkdir()
    (folder / "NS-LEK-900.yaml").write_text("id: NS-LEK-900\nnonsense: 1\n")
    done = nhiscan("rules", "check", tmp_path)
    assert done.code == 2
    assert re.search(r"NS-LEK-900\.yaml:\d+: ", done.out)


def test_the_baseline_accepts_and_prunes(nhiscan, shop, tmp_path):
    file = tmp_path / "base.json"
    assert nhiscan("baseline", "create", shop, "-o", file, "-q").code == 0
    assert nhiscan("audit", shop, "-q", "-j", 1, "--baseline", file, "--new-only").code == 0
    assert nhiscan("audit", shop, "-q", "-j", 1, "--baseline", file, *LEAKS).code == 1
    (shop / "app.py").write_text("TOKEN = None\n")
    done = nhiscan("baseline", "update", shop, "-o", file, "-q")
    assert "kept 0 of" in done.err
    assert json.loads(file.read_text())["findings"] == []


def test_permissions_are_a_policy_or_an_explanation(nhiscan):
    policy = nhiscan("permissions", "aws").json
    assert "iam:GetAccountAuthorizationDetails" in policy["Statement"][0]["Action"]
    assert "without it" in nhiscan("permissions", "aws", "--explain").out


def test_doctor_says_what_can_be_reached(nhiscan, shop, tmp_path):
    (tmp_path / "empty").mkdir()
    done = nhiscan("doctor", shop, tmp_path / "empty", "-j", 1)
    assert done.code == 4
    assert "can be read" in done.out
    assert "cannot be read" in done.out


def test_a_reader_that_goes_away_is_neither_clean_nor_a_bug(home, acme):
    command = [sys.executable, "-m", "nhiscan", "inventory", str(acme / "repo"), "-q"]
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 141
    assert errors == b""


def test_a_broken_pipe_elsewhere_is_a_bug(monkeypatch):
    from nhiscan.cli import main

    def broken(**_):
        raise BrokenPipeError

    monkeypatch.setattr(main, "application", lambda _: broken)
    assert main.invoke(["rules", "list"]) == 5


def test_every_command_has_a_help_of_one_sentence():
    from typer.main import get_command

    for name, command in get_command(application()).commands.items():
        assert command.help.strip(), name


def test_the_console_script_exits_with_the_code(program, shop):
    assert program("audit", shop, "-q", "-j", 1, *LEAKS).code == 1
    assert program("audit", "nowhere").code == 2


def test_colour_only_where_it_belongs(program, shop):
    argv = ("audit", shop, "-j", 1, *LEAKS)
    assert "\x1b" not in program(*argv).text
    assert "\x1b" not in program(*argv, env={"NO_COLOR": "1", "TERM": "xterm-256color"}).text
