"""The example estate: the same bytes on every run, every token a value, and the facts that the README tells about it."""

import base64
import csv
import datetime as dt
import importlib.util
import json
import os
import re
import subprocess
import zlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
AS_OF = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
VENDOR_SHAPES = re.compile(
    rb"\b(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z2-7]{16}\b"
    rb"|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bgithub_pat_\w{60,}|\bglpat-[\w-]{20}"
    rb"|\bsk-(?:ant-api\d\d|proj)-[\w-]{40,}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ|\b[rs]k_live_[A-Za-z0-9]{20,}"
    rb"|\bxox[abprs]-\d{8,}|\bnpm_[A-Za-z0-9]{36}\b|\bAIza[\w-]{35}|\bhf_[A-Za-z]{34}\b|\bSG\.[\w-]{22}\.[\w-]{43}"
    rb"|-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"
    rb"|\beyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{30,}"
)


def _load():
    spec = importlib.util.spec_from_file_location("acme_assemble", ROOT / "fixtures" / "assemble.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NEWLINE = b"\n"
ONE_CHARACTER = re.compile(rb"(.)\1{9}")
ASSEMBLE = _load()
MAKERS = ASSEMBLE.MAKERS


@pytest.fixture(scope="module")
def acme(tmp_path_factory):
    return ASSEMBLE.assemble(tmp_path_factory.mktemp("estate") / "acme")


def _git(repo, *arguments):
    clean = {key: os.environ[key] for key in ("PATH", "SYSTEMROOT") if key in os.environ}
    clean |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(["git", "-C", str(repo), *arguments], env=clean, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _files(root):
    paths = (path for path in root.rglob("*") if path.is_file() and ".git" not in path.relative_to(root).parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _details(acme):
    return json.loads((acme / "aws" / "get-account-authorization-details.json").read_text(encoding="utf-8"))


def _report(acme):
    with (acme / "aws" / "credential-report.csv").open(encoding="utf-8", newline="") as stream:
        return {row["user"]: row for row in csv.DictReader(stream)}


def test_two_runs_give_the_same_bytes_and_commits(acme, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_AUTHOR_NAME", "someone else")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    again = ASSEMBLE.assemble(tmp_path / "again")
    assert _files(again) == _files(acme)
    assert _git(again / "repo", "rev-list", "--all") == _git(acme / "repo", "rev-list", "--all")


def test_a_second_run_replaces_the_first(tmp_path):
    out = ASSEMBLE.assemble(tmp_path / "acme")
    before = _files(out)
    (out / "repo" / "left-over.txt").write_text("from an earlier version")
    ASSEMBLE.assemble(out)
    assert _files(out) == before


def test_a_directory_of_someone_else_is_never_deleted(tmp_path, capsys):
    precious = tmp_path / "work" / "thesis.txt"
    precious.parent.mkdir()
    precious.write_text("years")
    assert ASSEMBLE.main([str(precious.parent)]) == 2
    assert ASSEMBLE.main([str(precious)]) == 2
    assert precious.read_text() == "years"
    assert "did not write" in capsys.readouterr().err


def test_no_token_is_left(acme):
    assert not [name for name, content in _files(acme).items() if ASSEMBLE.TOKEN.search(content.decode())]


def test_an_unknown_or_malformed_token_is_refused_with_its_line():
    with pytest.raises(ASSEMBLE.FixtureError, match=r"web/a\.env:2: unknown token @@openia:1@@\nUse one of: anthropic"):
        ASSEMBLE.expand("A=1\nB=@@openia:1@@\n", "web/a.env")
    for token in ("@@aws_key_id:12:x@@", "@@npm@@", "@@stripe:prod:1@@", "@@aws_example:token@@"):
        with pytest.raises(ASSEMBLE.FixtureError, match="malformed token"):
            ASSEMBLE.expand(token, "x")


def test_a_source_file_outside_every_commit_is_told(tmp_path):
    source = tmp_path / "source"
    for name in ("aws/a.json", "repo/in.txt", "repo/out.txt"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("{}\n")
    row = {"author": "A <a@acme.example>", "date": "2026-01-01T00:00:00Z", "message": "m", "files": ["in.txt"]}
    (source / "history.json").write_text(json.dumps([row]))
    with pytest.raises(ASSEMBLE.FixtureError, match=r"out\.txt"):
        ASSEMBLE.assemble(tmp_path / "out", source)
    (source / "history.json").write_text(json.dumps([row | {"files": ["nowhere.txt"]}]))
    with pytest.raises(ASSEMBLE.FixtureError, match="git add failed"):
        ASSEMBLE.assemble(tmp_path / "out", source)


def test_every_maker_is_decided_by_its_token_alone():
    arguments = {
        "aws_key_id": ("123456789012", "x"), "aws_unique_id": ("AIDA", "x"), "aws_example": ("id",), "jwt": ("anon", "x"),
        "gcp_key_json": ("project", "account"), "gcp_key_id": ("project", "account"),
        "gcp_unique_id": ("project", "account"), "stripe": ("live", "x"), "basic": ("user", "x"), "hex_digest": ("64", "x"),
    }  # fmt: skip
    for name, maker in MAKERS.items():
        value = maker(*arguments.get(name, ("x",)))
        assert value == maker(*arguments.get(name, ("x",))), name
        assert "@@" not in value, name
        if name != "aws_example":
            assert value != maker(*arguments.get(name, ("x",))[:-1], "y"), name


def test_the_account_can_be_read_from_a_key_id():
    for account in ("123456789012", "000000000001", "999999999999"):
        key_id = MAKERS["aws_key_id"](account, "etl")
        assert re.fullmatch(r"AKIA[A-Z2-7]{16}", key_id)
        number = int.from_bytes(base64.b32decode(key_id[4:])[:6])
        assert (number & 0x7FFFFFFFFF80) >> 7 == int(account)


@pytest.mark.parametrize("kind", ["github_pat", "npm"])
def test_tokens_with_a_checksum_carry_the_right_one(kind):
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    token = MAKERS[kind]("x")
    assert re.fullmatch(r"(ghp|npm)_[A-Za-z0-9]{36}", token)
    number = 0
    for digit in token[-6:]:
        number = number * 62 + digits.index(digit)
    assert number == zlib.crc32(token[4:-6].encode())


def test_a_jwt_tells_its_role_and_a_key_file_is_json():
    claims = MAKERS["jwt"]("service_role", "x").split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["role"] == "service_role"
    key = json.loads(MAKERS["gcp_key_json"]("project", "export"))
    assert key["client_email"] == "export@project.iam.gserviceaccount.com"
    body = "".join(key["private_key"].splitlines()[1:-1])
    assert base64.b64decode(body, validate=True)[0] == 0x30


def test_the_repository_speaks_of_acme_only(acme):
    repo = acme / "repo"
    assert _git(repo, "symbolic-ref", "HEAD") == "refs/heads/main"
    assert _git(repo, "remote", "get-url", "origin") == "https://github.com/acme-example/platform.git"
    assert _git(repo, "status", "--porcelain") == ""
    authors = set(_git(repo, "log", "--format=%ae%n%ce").splitlines())
    assert len(authors) == 4
    assert all(author.endswith("@acme.example") for author in authors)


def test_one_key_lies_in_three_agents_and_the_ignored_env_file(acme):
    key_id, secret = MAKERS["aws_key_id"]("123456789012", "etl-2"), MAKERS["aws_secret"]("etl-2")
    places = {name for name, content in _files(acme / "repo").items() if secret.encode() in content}
    assert places == {".mcp.json", ".cursor/mcp.json", ".codex/config.toml", ".env"}
    assert secret in (acme / "repo" / ".mcp.json").read_text().splitlines()[8]
    assert _git(acme / "repo", "check-ignore", ".env") == ".env"
    assert _git(acme / "repo", "log", "--format=%s", "-S", key_id, "--", "jobs").splitlines() == [
        "Keys come from the environment: registry token, deploy key and the nightly load",
        "Rotate the key of the nightly load",
    ]


def test_the_key_of_etl_is_412_days_old_and_was_used_the_day_before(acme):
    row = _report(acme)["etl"]
    assert (AS_OF - dt.datetime.fromisoformat(row["access_key_2_last_rotated"])).days == 412
    assert dt.datetime.fromisoformat(row["access_key_2_last_used_date"]).date() == dt.date(2026, 10, 31)
    assert (
        AS_OF.date()
        - dt.datetime.fromisoformat(_report(acme)["terraform-legacy"]["access_key_1_last_used_date"]).date()
    ).days == 300


def test_report_details_and_key_lists_tell_the_same_account(acme):
    details, report = _details(acme), _report(acme)
    assert {user["Arn"] for user in details["UserDetailList"]} == {
        row["arn"] for name, row in report.items() if name[0] != "<"
    }
    for user in details["UserDetailList"]:
        row = report[user["UserName"]]
        listed = acme / "aws" / f"list-access-keys-{user['UserName']}.json"
        keys = json.loads(listed.read_text())["AccessKeyMetadata"] if listed.exists() else []
        told = [(row[f"access_key_{n}_last_rotated"], row[f"access_key_{n}_active"]) for n in (1, 2)]
        assert [(key["CreateDate"], str(key["Status"] == "Active").lower()) for key in keys] == [
            t for t in told if t[0] != "N/A"
        ]
        assert {key["UserName"] for key in keys} <= {user["UserName"]}
    assert report["<root_account>"]["access_key_1_active"] == "false"


def test_every_policy_that_is_attached_is_in_the_export(acme):
    details = _details(acme)
    known = {policy["Arn"]: policy for policy in details["Policies"]}
    principals = [*details["UserDetailList"], *details["GroupDetailList"], *details["RoleDetailList"]]
    attached = [policy["PolicyArn"] for one in principals for policy in one["AttachedManagedPolicies"]]
    assert set(attached) <= set(known)
    for arn, policy in known.items():
        assert policy["AttachmentCount"] == attached.count(arn)
        assert [version["VersionId"] for version in policy["PolicyVersionList"] if version["IsDefaultVersion"]] == [
            policy["DefaultVersionId"]
        ]


def test_a_role_chain_of_two_hops_leads_from_etl_to_administrator(acme):
    roles = {role["RoleName"]: role for role in _details(acme)["RoleDetailList"]}
    (trust,) = roles["deploy"]["AssumeRolePolicyDocument"]["Statement"]
    assert [arn.rpartition(":")[2] for arn in trust["Principal"]["AWS"]] == ["user/service/etl", "role/lake-bridge"]
    (trust,) = roles["platform-admin"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"]["AWS"] == [roles["deploy"]["Arn"]]
    assert roles["platform-admin"]["AttachedManagedPolicies"][0]["PolicyName"] == "AdministratorAccess"


def test_no_committed_file_holds_a_vendor_shaped_secret():
    skipped = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"}
    hits = [
        f"{path.relative_to(ROOT).as_posix()}:{content.count(NEWLINE, 0, match.start()) + 1}"
        for folder in ("fixtures", "tests", "rules", "nhiscan", ".github")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and not skipped & set(path.parts)
        for content in [path.read_bytes()]
        for match in VENDOR_SHAPES.finditer(content)
        if not ONE_CHARACTER.search(match[0])  # `ghp_xxxx…` is how a placeholder is written
    ]
    assert hits == []


def test_the_scan_for_vendor_shapes_sees_every_kind():
    values = [
        MAKERS["aws_key_id"]("123456789012", "x"), MAKERS["github_pat"]("x"), MAKERS["npm"]("x"), MAKERS["openai"]("x"),
        MAKERS["anthropic"]("x"), MAKERS["slack_bot"]("x"), MAKERS["stripe"]("live", "x"), MAKERS["private_key"]("x"),
        MAKERS["jwt"]("service_role", "x"),
    ]  # fmt: skip
    assert [value[:8] for value in values if not VENDOR_SHAPES.search(value.encode())] == []
    assert not VENDOR_SHAPES.search(MAKERS["aws_example"]("id").encode())


def test_running_the_script_says_where_the_estate_is(tmp_path, capsys):
    assert ASSEMBLE.main([str(tmp_path / "acme")]) == 0
    assert capsys.readouterr().out == f"assembled {tmp_path / 'acme'}\n"


def test_without_git_the_remedy_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ASSEMBLE.main([str(tmp_path / "acme")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "fixtures: git was not found",
        "Install git 2.29 or later and put it on PATH.",
    ]
