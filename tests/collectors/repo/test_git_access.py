"""git is only ever asked, and a hostile repository cannot make it run anything."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo import _git
from nhiscan.collectors.repo._first_commit import first_commit
from nhiscan.collectors.repo._git import Git, GitError, find_root, is_bare, normalise_remote
from nhiscan.collectors.repo.secrets import COLLECTOR
from nhiscan.plugin import Context, Exposure, Target, TargetKind
from nhiscan.sensitive import FingerprintKey
from tests.collectors.repo.past import context

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
WHO = {
    "GIT_AUTHOR_NAME": "Ana Li",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_NAME": "Ana Li",
    "GIT_COMMITTER_EMAIL": "a@b.c",
}


def git(root, *arguments, **env):
    base = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(root)}
    subprocess.run(["git", *arguments], cwd=root, env=base | WHO | env, check=True, capture_output=True)


def states(root):
    return {
        str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file() and not p.is_symlink()
    }


@pytest.fixture
def hostile(tmp_path):
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q")
    (root / "app.env").write_text(
        "OPENAI_API_KEY=sk-" + "proj-" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bD1fG3hJ5kL7nPq2Rs4T" + "\n"
    )
    (root / ".gitattributes").write_text("*.env filter=evil diff=evil\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    marker, script = tmp_path / "marker", tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho ran >> '{marker}'\ncat\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    for name in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "core.alternateRefsCommand", "gpg.program",
        "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv", "diff.evil.command",
        "diff.external", "credential.helper", "pager.blame", "pager.ls-files",
    ):  # fmt: skip
        git(root, "config", name, str(script))
    for name in ("ls-files", "blame", "rev-parse", "ls-tree", "config", "rev-list"):
        git(root, "config", f"alias.{name}", f"!{script}")
    git(root, "config", "log.showSignature", "true")
    git(root, "config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    for hook in ("post-index-change", "post-checkout", "pre-commit", "fsmonitor-watchman"):
        (tmp_path / "hooks" / hook).symlink_to(script)
    git(root, "config", "protocol.ext.allow", "always")
    git(root, "config", "remote.origin.url", f"ext::{script}")
    git(root, "config", "remote.origin.promisor", "true")
    git(root, "config", "core.worktree", "/")
    # The index looks stale, so that a refresh would run the clean filter.
    os.utime(root / "app.env", (1, 1))
    return root, marker


def test_a_hostile_configuration_runs_nothing_and_the_repository_stays_as_it_was(hostile):
    root, marker = hostile
    before = states(root)
    target = Target(".", TargetKind.PATH, str(root))
    records = [r for unit in COLLECTOR.units(target, CTX) for r in COLLECTOR.collect(unit, CTX)]
    assert any(isinstance(r, Exposure) and r.author == "Ana Li" for r in records)
    assert not marker.exists()
    assert states(root) == before


def test_a_missing_object_of_a_partial_clone_is_not_fetched(hostile):
    root, marker = hostile
    tree = subprocess.run(
        ["git", "--git-dir=.git", "rev-parse", "HEAD^{tree}"], cwd=root, capture_output=True, text=True, check=True
    )
    oid = tree.stdout.strip()
    (root / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    git(root, "config", "--unset", "core.fsmonitor")
    with pytest.raises(GitError):
        Git(root).run("ls-tree", "-r", "HEAD")
    assert not marker.exists()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/shop.git", "github.com/acme/shop"),
        ("https://user:" + "token@GitHub.com/acme/shop.git/", "github.com/acme/shop"),
        ("git@github.com:acme/shop.git", "github.com/acme/shop"),
        ("ssh://git@gitlab.acme.io:2222/team/sub/shop", "gitlab.acme.io/team/sub/shop"),
        ("https://github.com/acme/shop?x=1#y", "github.com/acme/shop"),
        ("https://github.com/../acme/./shop", "github.com/acme/shop"),
        ("/srv/git/shop.git", None),
        ("file:///srv/git/shop.git", None),
        ("../shop", None),
        ("https://github.com/", None),
        ("", None),
    ],
)
def test_a_remote_is_reduced_to_host_and_path(url, expected):
    assert normalise_remote(url) == expected


def test_git_that_is_not_installed_is_an_error_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="not installed"):
        Git(tmp_path).run("status")


@pytest.mark.parametrize(
    ("error", "message"),
    [(subprocess.TimeoutExpired("git", 1), "did not end"), (OSError(), "could not be started")],
)
def test_git_that_hangs_or_cannot_start_is_an_error(tmp_path, monkeypatch, error, message):
    def broken(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(_git.subprocess, "run", broken)
    with pytest.raises(GitError, match=message):
        Git(tmp_path).run("status")


def test_a_stream_of_git_that_cannot_start_is_an_error(tmp_path, monkeypatch):
    with pytest.raises(GitError, match="could not be started"):
        Git(tmp_path / "nowhere\0").popen("log", stdin=-3, stdout=-3)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="not installed"):
        Git(tmp_path).popen("log", stdin=-3, stdout=-3)


def test_nothing_of_the_callers_git_environment_is_inherited(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/evil")
    environment = _git._environment()
    assert "GIT_DIR" not in environment
    assert "GIT_EXTERNAL_DIFF" not in environment
    assert environment["GIT_ALLOW_PROTOCOL"] == "none"


def test_the_root_is_the_nearest_directory_with_a_git_entry(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / ".git").write_text("gitdir: nowhere\n")
    assert find_root(tmp_path / "a" / "b") == tmp_path / "a"


def test_an_unborn_head_has_no_commit_and_no_root(tmp_path):
    git(tmp_path, "init", "-q")
    assert Git(tmp_path).head() is None
    assert first_commit(Git(tmp_path), None, context(cache_dir=tmp_path)) is None
    assert Git(tmp_path).remote() is None
    assert is_bare(tmp_path / ".git")
