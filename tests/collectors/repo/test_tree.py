"""A checkout gives every file that matters once, follows no link, and counts what it leaves out."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo import _tree
from nhiscan.collectors.repo._git import Git, GitError
from nhiscan.collectors.repo._listing import Skip, is_local_name
from nhiscan.collectors.repo._tree import Checkout, printable
from nhiscan.plugin import Context, GapReason, ScopeKind, TargetError, Visibility
from nhiscan.sensitive import FingerprintKey

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32), max_file_bytes=1_000)


def git(root, *arguments):
    env = {
        "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@b.c",
        "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    subprocess.run(["git", *arguments], cwd=root, env=env, check=True, capture_output=True)


def write(root, **files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture
def repo(tmp_path):
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q")
    write(root, **{
        "app.py": "x = 1\n", "src/b.py": "y\n", ".gitignore": ".env\n*.log\nbuild/\nnode_modules/\n.claude/\n",
        ".env": "A=1\n", "noise.log": "z\n", "build/.env.local": "B=2\n", "build/out.txt": "o\n",
        "node_modules/p/.env": "C=3\n", ".claude/settings.local.json": "{}",
    })  # fmt: skip
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    write(root, **{"fresh.py": "new\n"})
    return root


def seen(checkout):
    return {f.path: f.visibility for f in checkout.files()}


def test_tracked_untracked_and_local_files_are_told_apart(repo):
    assert seen(Checkout.open(repo, CTX)) == {
        ".claude/settings.local.json": Visibility.LOCAL,
        ".env": Visibility.LOCAL,
        ".gitignore": Visibility.TRACKED,
        "app.py": Visibility.TRACKED,
        "build/.env.local": Visibility.LOCAL,
        "fresh.py": Visibility.UNTRACKED,
        "src/b.py": Visibility.TRACKED,
    }


def test_ignored_files_are_left_alone_when_asked(repo):
    checkout = Checkout.open(repo, replace(CTX, read_ignored=False))
    assert Visibility.LOCAL not in seen(checkout).values()


def test_files_come_sorted_and_at_head_only_when_tracked(repo):
    checkout = Checkout.open(repo, CTX)
    files = list(checkout.files())
    assert [f.path for f in files] == sorted(f.path for f in files)
    assert {f.path: checkout.at_head(f.visibility) for f in files}["app.py"] is True
    assert {f.path: checkout.at_head(f.visibility) for f in files}["fresh.py"] is False


def test_a_part_of_a_repository_keeps_paths_relative_to_the_root(repo):
    assert seen(Checkout.open(repo / "src", CTX)) == {"src/b.py": Visibility.TRACKED}
    assert seen(Checkout.open(repo / "app.py", CTX)) == {"app.py": Visibility.TRACKED}


def test_an_ignored_part_that_is_named_is_read(repo):
    assert "build/out.txt" in seen(Checkout.open(repo / "build", CTX))
    assert seen(Checkout.open(repo / "noise.log", CTX)) == {"noise.log": Visibility.LOCAL}


def test_the_scope_is_the_remote_without_credentials(repo):
    git(repo, "remote", "add", "origin", "https://u:" + "p@github.com/Acme/shop.git")
    scope = Checkout.open(repo, CTX).scope
    assert (scope.id, scope.provider, scope.name, scope.kind) == (
        "repo:github.com/Acme/shop", "github", "shop", ScopeKind.REPOSITORY,
    )  # fmt: skip


def test_without_a_remote_the_root_commit_names_the_repository(repo):
    first = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repo, capture_output=True, text=True, check=True).stdout
    write(repo, **{"more.py": "m"})
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "second")
    scope = Checkout.open(repo, CTX).scope
    assert (scope.id, scope.name) == (f"repo:git-{first[:12]}", "shop")


def test_a_plain_directory_is_named_after_itself_and_unversioned(tmp_path):
    write(tmp_path / "plain", **{"a/x.txt": "1", ".env": "2", "node_modules/z": "3", "venv/pyvenv.cfg": "4"})
    checkout = Checkout.open(tmp_path / "plain", CTX)
    assert checkout.scope.id == "dir:plain"
    assert seen(checkout) == {".env": Visibility.UNTRACKED, "a/x.txt": Visibility.UNTRACKED}
    assert checkout.at_head(checkout.files()[0].visibility) is None


def test_cyclic_and_escaping_links_are_counted_and_not_followed(tmp_path):
    root = tmp_path / "plain"
    write(root, **{"a/x.txt": "1"})
    write(tmp_path, **{"outside.txt": "secret"})
    (root / "a" / "loop").symlink_to(root)
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    checkout = Checkout.open(root, CTX)
    assert set(seen(checkout)) == {"a/x.txt"}
    (gap,) = checkout.gaps()
    assert gap.detail.startswith("2 symbolic links")
    assert gap.covers == ()


def test_a_tracked_path_below_a_linked_directory_is_not_read(repo, tmp_path):
    write(tmp_path / "other", **{"b.py": "stolen"})
    (repo / "src" / "b.py").unlink()
    (repo / "src").rmdir()
    (repo / "src").symlink_to(tmp_path / "other")
    assert "src/b.py" not in seen(Checkout.open(repo, CTX))


def test_what_cannot_be_read_is_one_gap_for_each_reason(tmp_path):
    root = tmp_path / "plain"
    write(root, **{"big.txt": "x" * 1_001, "big.bin": b"a\0\xff" * 700, "small.bin": b"a\0b", "ok.txt": "fine"})
    (root / "pipe").parent.mkdir(exist_ok=True)
    os.mkfifo(root / "pipe")
    checkout = Checkout.open(root, CTX)
    assert [f.path for f in checkout.files() if checkout.read(f) is not None] == ["ok.txt"]
    gaps = {g.id.rpartition("/")[2]: g for g in checkout.gaps("repo.secrets", ("exposure",))}
    assert set(gaps) == {"skipped-binary", "skipped-special", "skipped-too-large"}
    assert gaps["skipped-too-large"].covers == ("exposure",)
    assert gaps["skipped-binary"].detail == "2 binary files: big.bin, small.bin"


def test_a_file_that_changes_into_something_else_before_it_is_read_is_skipped(tmp_path):
    root = tmp_path / "plain"
    write(root, a="1", b="2", c="3")
    checkout = Checkout.open(root, CTX)
    a, b, c = checkout.files()
    (root / "a").unlink()
    (root / "a").symlink_to(root / "b")
    (root / "b").unlink()
    os.mkfifo(root / "b")
    (root / "c").write_bytes(b"x" * 2_000)
    assert [checkout.read(f) for f in (a, b, c)] == [None, None, None]
    assert {g.id.rpartition("/")[2] for g in checkout.gaps()} == {
        "skipped-link", "skipped-special", "skipped-too-large",
    }  # fmt: skip


def test_utf16_with_a_mark_is_text(tmp_path):
    write(
        tmp_path / "plain",
        **{"a.ps1": b"\xff\xfe" + "täg".encode("utf-16-le"), "b": b"\xfe\xff" + "x".encode("utf-16-be")},
    )
    checkout = Checkout.open(tmp_path / "plain", CTX)
    assert [checkout.read(f) for f in checkout.files()] == ["täg".encode(), b"x"]


def test_names_that_cannot_be_shown_are_escaped_and_still_read(tmp_path):
    root = tmp_path / "plain"
    root.mkdir()
    (root / os.fsdecode(b"bad\xff\n.env")).write_bytes(b"A=1")
    checkout = Checkout.open(root, CTX)
    (file,) = checkout.files()
    assert file.path == "bad\\xff\\x0a.env"
    assert checkout.read(file) == b"A=1"


def test_submodules_nested_repositories_and_absent_files_are_counted(repo):
    inner = repo / "inner"
    inner.mkdir()
    git(inner, "init", "-q")
    write(inner, x="1")
    (repo / "app.py").unlink()
    git(repo, "update-index", "--add", "--cacheinfo", "160000," + "1" * 40 + ",lib")
    (repo / "to").symlink_to("src")
    git(repo, "add", "to")
    checkout = Checkout.open(repo, CTX)
    files = {f.path: checkout.read(f) for f in checkout.files()}
    assert files.pop("app.py") is None
    assert not {"inner/x", "lib", "to"} & set(files)
    reasons = {g.id.rpartition("/")[2] for g in checkout.gaps()}
    assert {"skipped-submodule", "skipped-nested", "skipped-absent", "skipped-link"} <= reasons


def test_a_broken_git_directory_falls_back_to_walking_with_a_gap(tmp_path):
    write(tmp_path / "shop", **{".git": "gitdir: nowhere\n", "a.py": "1"})
    checkout = Checkout.open(tmp_path / "shop", CTX)
    assert set(seen(checkout)) == {"a.py"}
    gap = next(checkout.gaps())
    assert gap.reason is GapReason.FAILED
    assert "exposure.visibility" in gap.covers
    assert checkout.scope.kind is ScopeKind.DIRECTORY


def test_git_failing_half_way_falls_back_to_walking(repo, monkeypatch):
    checkout = Checkout.open(repo, CTX)

    def broken(*_args, **_kwargs):
        message = "git ls-files failed with status 128"
        raise GitError(message)

    monkeypatch.setattr(Git, "run", broken)
    assert seen(checkout)["app.py"] is Visibility.UNTRACKED
    assert next(checkout.gaps()).reason is GapReason.FAILED


def test_a_scope_without_answer_from_git_is_a_directory(repo, monkeypatch):
    def broken(_self):
        message = "git config failed"
        raise GitError(message)

    monkeypatch.setattr(Git, "remote", broken)
    assert Checkout.open(repo, CTX).scope.id == "dir:shop"


@pytest.mark.parametrize("name", ["missing", "pipe", "shop/.git", "bare", "socket"])
def test_targets_that_cannot_be_audited_say_what_to_do(repo, tmp_path, name):
    os.mkfifo(tmp_path / "pipe")
    git(tmp_path, "init", "-q", "--bare", "bare")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket")) if len(str(tmp_path)) < 90 else None
    with pytest.raises(TargetError) as error:
        Checkout.open(tmp_path / name, CTX)
    assert error.value.remedy


@pytest.mark.parametrize(("error", "word"), [(PermissionError(), "cannot be read"), (OSError(), "cannot be opened")])
def test_a_directory_that_is_refused_is_a_target_error(tmp_path, monkeypatch, error, word):
    def refuse(_path):
        raise error

    monkeypatch.setattr(_tree.os, "scandir", refuse)
    with pytest.raises(TargetError, match=word):
        Checkout.open(tmp_path, CTX)


def test_large_ignored_directories_are_searched_within_a_budget(repo, monkeypatch):
    monkeypatch.setattr("nhiscan.collectors.repo._listing._BUDGET", 1)
    checkout = Checkout.open(repo, CTX)
    seen(checkout)
    assert "skipped-budget" in {g.id.rpartition("/")[2] for g in checkout.gaps()}


@pytest.mark.parametrize(
    ("path", "local"),
    [
        (".env", True), ("deploy/.env.production", True), ("prod.env", True), (".envrc", True), (".mcp.json", True),
        (".cursor/mcp.json", True), (".claude/settings.local.json", True), (".codex/config.toml", True),
        ("claude_desktop_config.json", True), ("environment.py", False), ("notes.txt", False), (".vscode/tasks.json", False),
    ],
)  # fmt: skip
def test_only_agent_and_env_files_are_read_when_ignored(path, local):
    assert is_local_name(path) is local


def test_every_reason_has_a_remedy():
    assert all(reason.remedy for reason in Skip)


def test_ordinary_names_are_shown_as_they_are():
    assert printable("src/größe.py") == "src/größe.py"
