"""CODEOWNERS and blame name who answers for a line."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo import _owners
from nhiscan.collectors.repo._git import Git, GitError
from nhiscan.collectors.repo._owners import blame, code_owners, owners, parse
from nhiscan.collectors.repo._tree import Checkout
from nhiscan.plugin import Confidence, Context, OwnerBasis, OwnerKind
from nhiscan.sensitive import FingerprintKey

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))


def git(root, *arguments, name="Ana Li"):
    env = {
        "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": "a@b.c", "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "a@b.c",
        "GIT_AUTHOR_DATE": "2026-02-03T04:05:06Z", "GIT_COMMITTER_DATE": "2026-02-03T04:05:06Z",
    }  # fmt: skip
    return subprocess.run(["git", *arguments], cwd=root, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repo(tmp_path):
    root = tmp_path / "shop"
    root.mkdir()
    git(root, "init", "-q")
    (root / "a.env").write_text("one\ntwo\n")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "1")
    (root / "a.env").write_text("one\n2\nthree\n")
    git(root, "commit", "-qam", "2", name="bo@acme.io")
    return root


@pytest.mark.parametrize(
    ("pattern", "path", "owned"),
    [
        ("*", "any/where.py", True), ("*.js", "src/a.js", True), ("*.js", "src/a.jsx", False), ("/build/", "build/x/y", True),
        ("/build/", "src/build/x", False), ("docs/*", "docs/a.md", True), ("docs/*", "docs/sub/a.md", False),
        ("apps/", "x/apps/y", True), ("/docs/**", "docs/a/b", True), ("**/logs", "a/b/logs/x", True), ("**/logs", "logs", True),
        ("a?c", "abc", True), ("/src", "src/a.py", True), ("src/**/x.py", "src/a/b/x.py", True), ("a.py", "xa.py", False),
        ("a+b/(c)", "a+b/(c)", True),
    ],
)  # fmt: skip
def test_patterns_match_as_the_code_hosts_document(pattern, path, owned):
    assert bool(parse(f"{pattern} @acme/team").of(path)) is owned


def test_the_last_match_wins_and_may_exempt():
    rules = parse("* @acme/all\n*.py @ana # python\n/gen/\n!x @no\n\n# comment\n")
    assert rules.of("a.md") == ("@acme/all",)
    assert rules.of("a.py") == ("@ana",)
    assert rules.of("gen/a.py") == ()


def test_sections_of_gitlab_give_default_owners():
    rules = parse("[Data][2] @acme/data\ndb/\n^[Docs]\ndocs/ docs@acme.io @@maintainer\nwith\\ blank @ana\n")
    assert rules.of("db/x") == ("@acme/data",)
    assert rules.of("docs/x") == ("docs@acme.io", "@@maintainer")
    assert rules.of("with blank") == ("@ana",)


def test_the_file_is_read_where_the_code_host_reads_it_first(repo):
    assert code_owners(Checkout.open(repo, CTX)).rules == ()
    (repo / "CODEOWNERS").write_text("* @root")
    assert code_owners(Checkout.open(repo, CTX)).of("x") == ("@root",)
    (repo / ".github").mkdir()
    (repo / ".github" / "CODEOWNERS").write_text("* @hub")
    assert code_owners(Checkout.open(repo, CTX)).of("x") == ("@hub",)


def test_owner_records_are_believed_by_their_basis():
    found = list(owners("c1", "s", "src", ["@acme/data", "@ana", "@ana"], OwnerBasis.CODEOWNERS))
    assert [(o.name, o.kind, o.confidence) for o in found] == [
        ("@acme/data", OwnerKind.TEAM, Confidence.MEDIUM),
        ("@ana", OwnerKind.PERSON, Confidence.MEDIUM),
    ]
    (last,) = owners("c1", "s", "src", ["Ana"], OwnerBasis.BLAME)
    assert last.confidence is Confidence.LOW


def test_blame_names_the_writer_and_never_an_address(repo):
    found = blame(Checkout.open(repo, CTX), {"a.env": {1, 2, 3}})
    assert {line: who.author for (_, line), who in found.items()} == {1: "Ana Li", 2: "bo", 3: "bo"}
    assert found["a.env", 1].time == datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert len(found["a.env", 1].commit) == 40


def test_a_file_edited_since_head_is_not_blamed(repo):
    (repo / "a.env").write_text("other\n")
    assert blame(Checkout.open(repo, CTX), {"a.env": {1}}) == {}
    (repo / "a.env").unlink()
    assert blame(Checkout.open(repo, CTX), {"a.env": {1}}) == {}


def test_the_oldest_commit_of_a_shallow_clone_is_not_believed(repo, tmp_path):
    git(tmp_path, "clone", "-q", "--depth", "1", repo.as_uri(), "shallow")
    assert blame(Checkout.open(tmp_path / "shallow", CTX), {"a.env": {1}}) == {}


def test_without_a_commit_or_a_wish_nobody_is_blamed(repo, tmp_path):
    assert blame(Checkout.open(repo, CTX), {}) == {}
    (tmp_path / "plain").mkdir()
    assert blame(Checkout.open(tmp_path / "plain", CTX), {"a": {1}}) == {}


@pytest.mark.parametrize("command", ["ls-tree", "blame"])
def test_git_refusing_leaves_the_author_unknown(repo, monkeypatch, command):
    checkout, real = Checkout.open(repo, CTX), Git.run

    def broken(self, *arguments, **options):
        if arguments[0] == command:
            raise GitError(command)
        return real(self, *arguments, **options)

    monkeypatch.setattr(Git, "run", broken)
    assert blame(checkout, {"a.env": {1}}) == {}


def test_a_time_that_is_none_stays_unknown():
    assert _owners._time("soon") is None
    assert _owners._time("9" * 30) is None
