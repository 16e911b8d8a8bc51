"""What `audit --staged` says in a hook is what an audit says of the same files, before anybody has them."""

from __future__ import annotations

import json
import subprocess

import pytest

PASSWORD = "kQ7vT2xR" + "9mWz4LpB"


@pytest.fixture
def staged(tmp_path, home):
    """A repository with one commit, and a password that is staged."""
    repo = tmp_path / "shop"
    repo.mkdir()
    (repo / "a.txt").write_text("hello\n")
    (repo / "settings.py").write_text("DEBUG = False\n")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        command = ["git", "-c", "user.name=n", "-c", "user.email=n@acme.example", *arguments]
        subprocess.run(command, cwd=repo, check=True, env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(home)})

    def write(text):
        (repo / "settings.py").write_text(text)
        subprocess.run(["git", "add", "."], cwd=repo, check=True)
        return repo

    return write


def findings(nhiscan, *argv):
    done = nhiscan("audit", *argv, "-f", "json", "--fail-on", "none", "-j", "1")
    return {f["id"]: (f["rule"]["id"], f["state"], f["message"]) for f in json.loads(done.out)["findings"]}


def test_the_finding_is_that_of_a_later_audit(nhiscan, staged):
    repo = staged(f'db_password = "{PASSWORD}"\n')
    before = findings(nhiscan, repo, "--staged")
    assert [(rule, state) for rule, state, _ in before.values()] == [("NS-LEK-001", "new")]
    assert before == findings(nhiscan, repo)


def test_a_comment_that_ignores_it_is_heeded(nhiscan, staged):
    repo = staged(f'db_password = "{PASSWORD}"  # nhiscan: ignore NS-LEK-001 -- of the example in the handbook\n')
    assert [state for _, state, _ in findings(nhiscan, repo, "--staged").values()] == ["suppressed"]
