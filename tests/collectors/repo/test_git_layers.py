"""Each thing that keeps a hostile repository from running programs holds by itself, with the others taken away."""

from __future__ import annotations

import contextlib
import os
import subprocess

import pytest

from nhiscan.collectors.repo import _git
from nhiscan.collectors.repo._git import Git, GitError


def git(root, *arguments):
    identity = ["-c", "user.name=Ana Li", "-c", "user.email=ana@acme.example"]
    subprocess.run(["git", *identity, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "repo"
    root.mkdir()
    git(root, "init", "-q")
    (root / "app.env").write_text("A=1\n")
    (root / ".gitattributes").write_text("*.env filter=evil\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    os.utime(root / "app.env", (1, 1))  # the index looks stale, so that a refresh asks the filter
    return root


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


@pytest.fixture
def script(tmp_path, marker):
    script = tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho ran >> '{marker}'\nexit 1\n")
    script.chmod(0o755)
    return script


def hook(root, script, name):
    place = root / ".git" / "hooks" / name
    place.unlink(missing_ok=True)
    place.symlink_to(script)


def monitor(root, script):
    git(root, "config", "core.fsmonitor", str(script))
    return "ls-files", "--others"


def hooks(root, script):
    hook(root, script, "reference-transaction")
    return "update-ref", "refs/heads/other", "HEAD"


def ssh(root, script):
    git(root, "config", "core.sshCommand", str(script))
    return "ls-remote", "ssh://host.invalid/a.git"


def helper(root, script):
    git(root, "config", "protocol.ext.allow", "always")
    return "ls-remote", f"ext::{script}"


WAYS = [
    (monitor, {"core.fsmonitor"}),
    (hooks, {"core.hooksPath"}),
    (ssh, {"core.sshCommand"}),
    (ssh, {"protocol.allow"}),
    (ssh, {"GIT_ALLOW_PROTOCOL"}),
    (helper, {"GIT_ALLOW_PROTOCOL"}),
]
TRANSPORT = {"protocol.allow", "GIT_ALLOW_PROTOCOL", "core.sshCommand", "core.fsmonitor", "core.hooksPath"}


def keep_only(monkeypatch, kept):
    """Take away what protects, but for those named."""
    gone = TRANSPORT - kept
    monkeypatch.setattr(_git, "_SETTINGS", tuple(s for s in _git._SETTINGS if s.partition("=")[0] not in gone))
    monkeypatch.setattr(_git, "_ENVIRONMENT", {k: v for k, v in _git._ENVIRONMENT.items() if k not in gone})


@pytest.mark.parametrize(("way", "kept"), WAYS)
def test_one_layer_is_enough(root, script, marker, monkeypatch, way, kept):
    arguments = way(root, script)
    keep_only(monkeypatch, kept)
    with contextlib.suppress(GitError):
        Git(root).run(*arguments)
    assert not marker.exists()


@pytest.mark.parametrize("way", [monitor, hooks, ssh, helper])
def test_without_any_layer_the_program_would_run(root, script, marker, monkeypatch, way):
    """Otherwise the test above shows nothing."""
    arguments = way(root, script)
    keep_only(monkeypatch, set())
    with contextlib.suppress(GitError):
        Git(root).run(*arguments)
    assert marker.exists()


def test_no_command_is_called_that_asks_a_filter(root, script, marker):
    """Filters have any name and cannot be switched off by one setting: what would run them is never called."""
    from nhiscan.collectors.repo import _listing

    git(root, "config", "filter.evil.clean", str(script))
    listed = _listing.from_git(Git(root), "", lambda *_: None, read_ignored=True)
    assert set(listed) == {"app.env", ".gitattributes"}
    assert not marker.exists()
    subprocess.run(["git", "status"], cwd=root, check=True, capture_output=True)
    assert marker.exists()
