"""`nhiscan diff`: counts first, nothing called gone that was not looked for, no value, and the tool's own exit codes."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from nhiscan.report import _schema
from tests.conftest import load_by_path
from tests.test_collectors import ROOT

TOKENS = load_by_path(ROOT / "fixtures" / "tokens.py")
SCHEMA = json.loads(_schema.shipped("diff.schema.json"))


@pytest.fixture(scope="module")
def values():
    return [TOKENS.MAKERS["github_pat"](name) for name in ("old", "new")]


@pytest.fixture
def save(nhiscan, tmp_path):
    """Audit a directory with these files and keep the run."""

    def run(name, files, *more):
        place = tmp_path / "site"
        for path in place.rglob("*") if place.exists() else ():
            if path.is_file():
                path.unlink()
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        argv = ("audit", place, "-q", "-j", 1, "--no-config", "--fail-on", "none", "--select", "LEK")
        done = nhiscan(*argv, "--save", tmp_path / name, *more)
        assert done.code == 0, done.text
        return tmp_path / name

    return run


def test_a_rotated_value_is_rotated_and_never_shown(nhiscan, save, values):
    before = save(
        "before", {"app.env": f"GITHUB_TOKEN={values[0]}\n", "other.env": f"GITHUB_TOKEN_TWO={values[1][::-1]}\n"}
    )
    after = save("after", {"app.env": f"GITHUB_TOKEN={values[1]}\n"})
    done = nhiscan("diff", before, after, "-f", "json")
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(done.json)
    assert (done.code, done.json["compared"]) == (0, ["identities", "credentials", "findings"])
    assert [(c["change"], c["how"]) for c in done.json["credentials"] if c["change"] == "rotated"] == [
        ("rotated", "its value changed")
    ]
    text = nhiscan("diff", before, after, "-v")
    assert "1 rotated" in text.out
    assert "Rotated credential\n" in text.out
    kept = (before / "analysed" / "credential.parquet").read_bytes()
    for value in values:
        assert value not in done.out + text.out
        assert value.encode() not in kept


def test_what_was_not_collected_is_not_seen_and_gates_only_where_asked(nhiscan, save, values):
    files = {"app.env": f"GITHUB_TOKEN={values[0]}\n"}
    before, after = save("before", files), save("after", files, "--collect", "repo.pipelines")
    done = nhiscan("diff", before, after)
    assert done.code == 0
    assert "gone" not in done.out.replace("neither gone nor fixed", "")
    assert "Not seen by the new run, so neither gone nor fixed" in done.out
    assert "did not read" in done.out
    assert nhiscan("diff", before, after, "--require-coverage").code == 3
    assert nhiscan("diff", before, before, "--require-coverage").code == 0


def test_a_new_finding_fails_from_its_severity_on(nhiscan, save, values):
    before, after = save("before", {"a.txt": "nothing\n"}), save("after", {"app.env": f"GITHUB_TOKEN={values[0]}\n"})
    found = nhiscan("diff", before, after, "-f", "json").json
    assert found["summary"]["findings"]["new"] > 0
    assert nhiscan("diff", before, after).code == 0
    assert nhiscan("diff", before, after, "--fail-on", "info").code == 1
    assert nhiscan("diff", after, before, "--fail-on", "info").code == 0


def test_a_long_list_is_cut_and_said_to_be(nhiscan, save):
    keys = {f"{n}.env": f"DEPLOY_TOKEN_{n}={TOKENS.MAKERS['github_pat'](str(n))}\n" for n in range(13)}
    before, after = save("before", {"a.txt": "nothing\n"}), save("after", keys)
    short, long = nhiscan("diff", before, after), nhiscan("diff", before, after, "-v")
    assert "and 3 more; -v shows them" in short.out
    assert "more; -v shows them" not in long.out
    assert len(long.out) > len(short.out)


@pytest.mark.parametrize("arguments", [("-f", "xml"), ("--fail-on", "worst")])
def test_what_makes_no_sense_is_a_usage_error(nhiscan, tmp_path, arguments):
    done = nhiscan("diff", tmp_path, tmp_path, *arguments)
    assert done.code == 2
    assert "try:" in done.err


def test_what_is_no_run_is_a_usage_error(nhiscan, tmp_path):
    done = nhiscan("diff", tmp_path, tmp_path / "missing.json")
    assert done.code == 2
    assert "try:" in done.err
