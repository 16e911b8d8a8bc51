"""The join that the product is for: one key, two agents in two clients, two names, one finding; never two keys in one."""

from __future__ import annotations

import json

import pytest

from tests.conftest import load_by_path
from tests.test_collectors import ROOT

TOKENS = load_by_path(ROOT / "fixtures" / "tokens.py")
WORKFLOW = """\
name: deploy
on: push
permissions: {contents: read, id-token: write}
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          role-to-assume: arn:aws:iam::123456789012:role/ci-ship
          aws-region: eu-west-1
"""


@pytest.fixture
def estate(tmp_path, git):
    def build(first: tuple[str, str], second: tuple[str, str]):
        """A repository with Cursor and Codex, each with a tool server that is handed (variable, value)."""
        root = tmp_path / "estate"
        server = {"command": "npx", "args": ["-y", "@acme-example/lake@1.0.0"], "env": dict([first])}
        files = {
            ".cursor/mcp.json": json.dumps({"mcpServers": {"lake": server}}, indent=2),
            ".codex/config.toml": f'[mcp_servers.lake]\ncommand = "npx"\nargs = ["-y", "@acme-example/lake@1.0.0"]\n'
            f'[mcp_servers.lake.env]\n{second[0]} = "{second[1]}"\n',
            ".github/workflows/deploy.yml": WORKFLOW,
            ".github/CODEOWNERS": "* @acme-example/lake\n",
        }
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(root, "init", "-q")
        git(root, "add", "-A")
        git(root, "commit", "-qm", "estate")
        return root

    return build


def findings(nhiscan, root) -> list[dict]:
    return nhiscan("audit", root, "-f", "json", "--no-config", "-q", "-j", 1, "--fail-on", "none").json["findings"]


def test_one_key_under_two_names_is_one_finding_with_both_places_its_owner_and_what_to_do_instead(nhiscan, estate):
    key = TOKENS.MAKERS["aws_key_id"]("123456789012", "lake")
    root = estate(("AWS_ACCESS_KEY_ID", key), ("LAKE_KEY", key))
    about = [f for f in findings(nhiscan, root) if f["rule"]["id"] == "NS-AGT-001"]
    assert len(about) == 1
    shared = about[0]
    assert "2 agents: codex, cursor" in shared["message"]
    assert {place["uri"] for place in shared["locations"]} >= {".cursor/mcp.json", ".codex/config.toml"}
    assert "@acme-example/lake" in json.dumps(shared["owner"])
    assert "ship as ci-ship" in shared["fix"]


def test_two_values_under_one_name_are_two_credentials(nhiscan, estate):
    one, other = (TOKENS.MAKERS["github_pat"](name) for name in ("one", "other"))
    root = estate(("GITHUB_TOKEN", one), ("GITHUB_TOKEN", other))
    rules = [f["rule"]["id"] for f in findings(nhiscan, root)]
    assert "NS-LEK-001" in rules
    assert not {"NS-AGT-001", "NS-REU-001", "NS-REU-003"} & set(rules)
