"""`audit --framework` and `--profile` on a small repository."""

import json

import pytest

from tests.conftest import AS_OF


@pytest.fixture
def shop(tmp_path, git, tokens):
    path = tmp_path / "shop"
    path.mkdir()
    git(path, "init", "-q")
    (path / "app.py").write_text(f"TOKEN = '{tokens.github_pat('cli')}'\n")
    (path / ".mcp.json").write_text('{"mcpServers": {"notes": {"command": "npx", "args": ["notes-server"]}}}')
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "start")
    return path


def test_scorecards_of_a_framework_and_of_an_item_by_a_label_in_use(shop, nhiscan, tmp_path):
    out = tmp_path / "r.json"
    done = nhiscan(
        "audit", str(shop), "--framework", "owasp-nhi-2025", "--framework", "A1", "--as-of", AS_OF, "--fail-on", "none",
        "-o", str(out), "--no-cache", "-j", "1", "--select", "LEK", "--select", "ASI01",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "OWASP Non-Human Identities Top 10 (2025)" in done.out
    assert "A1 is read as ASI01: no official list has A1; read as ASI01 Agent Goal Hijack" in done.out
    nhi, asi = json.loads(out.read_text())["scorecards"]
    items = {item["id"]: item for item in nhi["items"]}
    assert (items["NHI2"]["state"], items["NHI2"]["failing_subjects"]) == ("failed", 1)
    left = items["NHI8"]
    assert (left["state"], left["missing"][0]["remedy"]) == (
        "not_assessed",
        "run again without --select, --ignore and --profile",
    )
    assert [item["id"] for item in asi["items"]] == ["ASI01"]
    assert asi["agents_only"] is True
    # The leaked token belongs to no agent, so the list about agents counts no failure for it.
    assert asi["items"][0]["failed"] == 0


@pytest.mark.parametrize(
    ("options", "message", "remedy"),
    [
        (("--framework", "owasp-nih-2025"), "owasp-nih-2025 names no framework", "did you mean owasp-nhi-2025"),
        (("--profile", "paranoid"), "there is no profile 'paranoid'", "use one of: default, strict, ci"),
    ],
)
def test_a_wrong_name_exits_2_with_a_way_out(shop, nhiscan, options, message, remedy):
    done = nhiscan("audit", str(shop), "--no-cache", *options)
    assert done.code == 2
    assert message in done.err
    assert remedy in done.err


def test_a_profile_narrows_the_rules_and_says_what_it_left_out(shop, nhiscan):
    done = nhiscan(
        "audit", str(shop), "--profile", "ci", "--select", "NS-LEK-001", "--select", "NS-LLV-001", "-f", "json",
        "--as-of", AS_OF, "--no-cache", "-j", "1",
    )  # fmt: skip
    assert done.code == 1
    data = json.loads(done.out)
    assert [r["id"] for r in data["rules"]] == ["NS-LEK-001"]
    assert [n["message"] for n in data["coverage"]["notices"]] == [
        "the profile ci leaves out NS-LLV-001, which --select names"
    ]
