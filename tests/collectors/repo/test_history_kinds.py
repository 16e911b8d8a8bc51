"""Every kind of repository, what each leaves unseen, and that no repository makes git run anything."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from nhiscan.collectors.repo import _history, _objects, _provenance, _survey, _texts
from nhiscan.collectors.repo._git import Git, GitError
from nhiscan.collectors.repo._range import resolved
from nhiscan.collectors.repo.history import COLLECTOR
from nhiscan.plugin import Target, TargetError, TargetKind
from tests.collectors.repo.past import Repo, context, run, states, token


def line(seed):
    return f"token = {token(seed)}\n"


@pytest.fixture
def filled(repo):
    """Two values of the past: one in a file, one in a message."""
    repo.commit("first", a_env=line("file"))
    repo.commit(f"second {token('message')}", a_env="")
    return repo


def found(seen):
    return {e.uri.partition(" ")[0] for e in seen.exposures}


@pytest.mark.usefixtures("way")
def test_a_bare_repository_is_read_without_being_asked(filled, tmp_path):
    bare = tmp_path / "shop.git"
    filled.git("clone", "-q", "--bare", str(filled.root), str(bare))
    seen = run(bare, history=False)
    assert found(seen) == {"a.env", "commit"}
    assert seen.gaps == {}
    assert found(run(filled.root / ".git", history=False)) == {"a.env", "commit"}


def test_collectors_of_files_leave_a_bare_repository_alone(filled, tmp_path):
    from nhiscan.collectors.repo import agents, secrets

    bare = tmp_path / "shop.git"
    filled.git("clone", "-q", "--bare", str(filled.root), str(bare))
    for collector in (agents.COLLECTOR, secrets.COLLECTOR):
        assert list(collector.units(Target(".", TargetKind.PATH, str(bare)), context())) == []


def test_a_linked_work_tree_has_the_history_of_its_repository(filled, tmp_path):
    filled.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")
    assert found(run(tmp_path / "linked")) == {"a.env", "commit"}


def test_a_submodule_has_a_database_of_its_own(filled, tmp_path):
    outer = Repo(tmp_path / "outer")
    outer.git("submodule", "add", "-q", str(filled.root), "inner")
    outer.commit("with submodule")
    assert run(outer.root).exposures == []
    assert found(run(outer.root / "inner")) == {"a.env", "commit"}


@pytest.mark.usefixtures("way")
def test_sha_256_repositories_are_read(tmp_path):
    repo = Repo(tmp_path / "wide", "--object-format=sha256")
    commit = repo.commit(a_env=line("file"))
    repo.commit(a_env="")
    for _ in range(2):
        assert run(repo.root, cache_dir=tmp_path / "cache").one("file").commit == commit
        repo.git("gc", "-q")
    assert len(commit) == 64


@pytest.mark.usefixtures("way")
def test_loose_objects_and_several_packs_are_one_database(repo):
    for seed in ("one", "two", "three", "four"):
        repo.commit(f"{seed} {token(seed)}", a_env=line(f"file {seed}"))
        if seed != "four":
            repo.git("repack", "-q", "-d")
    repo.commit(a_env="")
    assert len(list((repo.root / ".git" / "objects" / "pack").glob("*.pack"))) == 3
    assert len(run(repo.root).exposures) == 8


@pytest.mark.usefixtures("way")
def test_the_index_of_many_packs_is_not_believed(repo):
    repo.commit(a_env=line("one"))
    repo.git("repack", "-q", "-d")
    repo.commit(a_env="")
    repo.git("repack", "-q", "-d")
    repo.git("multi-pack-index", "write")
    (repo.root / ".git" / "objects" / "pack" / "multi-pack-index").write_bytes(b"MIDX" + b"\0" * 60)
    assert len(run(repo.root).exposures) == 1


@pytest.mark.usefixtures("way")
def test_an_index_of_the_first_version_is_left_to_git(filled):
    filled.git("-c", "pack.indexVersion=1", "repack", "-q", "-a", "-d")
    assert found(run(filled.root)) == {"a.env", "commit"}


def test_a_pack_that_is_unusual_is_left_to_git(filled, monkeypatch):
    from nhiscan.collectors.repo import _packs

    def unusual(_):
        msg = "so it is"
        raise _packs.Unusual(msg)

    filled.git("repack", "-q", "-a", "-d")
    monkeypatch.setattr(_survey, "_WORTH", 0)
    monkeypatch.setattr(_packs, "read_index", unusual)
    assert found(run(filled.root)) == {"a.env", "commit"}


@pytest.fixture
def wrapped(tmp_path, monkeypatch):
    """Puts a script in the place of git; `$GIT` in it is the real one."""

    def wrap(script):
        place = tmp_path / "bin" / "git"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f'#!/bin/sh\nGIT={shutil.which("git")}\n{script}\nexec $GIT "$@"\n')
        place.chmod(0o755)
        monkeypatch.setenv("PATH", f"{place.parent}:{os.environ['PATH']}")

    return wrap


def test_a_log_that_takes_too_long_costs_origins_and_is_told(filled, wrapped, monkeypatch):
    wrapped('case "$*" in *--raw\\ -c*) exec sleep 60;; esac')
    monkeypatch.setattr(_provenance, "_TIMEOUT", 0.1)
    seen = run(filled.root)
    assert len(seen.exposures) == 2
    assert "log" in seen.gaps


def test_git_that_dies_midway_loses_one_object_and_not_those_behind_it(filled, wrapped):
    large = filled.git("hash-object", "-w", "--stdin", data=b"x\n" * 2_000)
    ids = [filled.git("rev-parse", name) for name in ("HEAD", "HEAD~1", "HEAD~1:a.env")]
    wrapped('case "$*" in *--batch\\ --buffer*) $GIT "$@" | head -c 1500; exit 1;; esac')
    pieces = list(_objects.read(Git(filled.root), [ids[0], large, *ids[1:]]))
    assert [p.kind for p in pieces] == ["commit", None, "commit", "blob"]


def test_git_that_cannot_list_everything_is_told(filled, tmp_path):
    with pytest.raises(GitError, match="could not list"):
        list(_objects.listed(Git(tmp_path, bare=True)))
    assert list(_objects.listed(Git(filled.root), ["0" * 40])) == [("0" * 40, "missing", 0)]


def test_what_is_fetched_into_old_commits_gets_their_origin(filled, tmp_path):
    filled.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "partial"
    filled.git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{filled.root}", str(clone))
    assert found(run(clone, cache_dir=tmp_path / "c")) == {"commit"}
    filled.git("-C", str(clone), "cat-file", "-p", "HEAD~1:a.env")
    seen = run(clone, cache_dir=tmp_path / "c")
    assert seen.one("file").commit == filled.git("rev-parse", "HEAD~1")


def test_messages_are_read_without_headers_and_signatures():
    merged = b"object 1\ntype commit\n\nrelease\n of x"
    head = b"tree 1\nmergetag " + merged.replace(b"\n", b"\n ") + b"\ngpgsig -----BEGIN\n abc"
    assert _texts.message(head + b"\n\nsubject\n\nbody\n") == b"subject\n\nbody\n\nrelease\n of x"
    assert _texts.message(b"tree 1\n\nonly") == b"only"
    assert _texts.message(b"") == b""


def test_authors_and_times_that_make_no_sense_are_not_known():
    told = _provenance._facts(b"tree 1\nparent 2\nauthor  <x@y> 99999999999999999999 +0000\n\nauthor Eve <e> 1\n")
    assert (told.author, told.time, told.parents) == ("", None, ("2",))
    assert _provenance._facts(b"").time is None
    assert _provenance.plain("ada@acme.example") == "ada"


def test_an_empty_repository_holds_nothing(tmp_path):
    seen = run(Repo(tmp_path / "empty").root)
    assert (seen.exposures, seen.gaps) == ([], {})


def test_a_shallow_clone_says_that_it_is_cut(filled, tmp_path):
    filled.git("clone", "-q", "--depth=1", f"file://{filled.root}", str(tmp_path / "shallow"))
    seen = run(tmp_path / "shallow")
    assert found(seen) == {"commit"}
    assert seen.gaps["shallow"].remedy == "run: git fetch --unshallow"
    assert seen.gaps["shallow"].covers == ("exposure",)


def test_a_partial_clone_fetches_nothing_and_says_so(filled, tmp_path):
    filled.git("config", "uploadpack.allowFilter", "true")
    filled.git("clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{filled.root}", str(tmp_path / "partial"))
    before = states(tmp_path / "partial")
    seen = run(tmp_path / "partial")
    assert found(seen) == {"commit"}
    assert "none were fetched" in seen.gaps["partial"].detail
    assert states(tmp_path / "partial") == before


def test_trees_that_were_never_downloaded_leave_origins_unknown(filled, tmp_path):
    filled.git("config", "uploadpack.allowFilter", "true")
    filled.git("clone", "-q", "--filter=tree:0", "--no-checkout", f"file://{filled.root}", str(tmp_path / "treeless"))
    seen = run(tmp_path / "treeless")
    assert found(seen) == {"commit"}
    assert "exposure.commit" in seen.gaps["log"].covers


@pytest.mark.parametrize("how", ["alternates", "quoted", "relative", "directory", "packs"])
def test_objects_outside_of_the_repository_are_not_read(filled, tmp_path, how):
    victim = filled.root / ".git" / "objects"
    other = Repo(tmp_path / "other")
    other.commit(b_env=line("own"))
    other.commit(b_env="")
    objects = other.root / ".git" / "objects"
    text = {
        "alternates": f"{victim}\n",
        "quoted": f'# x\n"{victim}"\n',
        "relative": f"{os.path.relpath(victim, objects)}\n",
    }
    if how in text:
        (objects / "info" / "alternates").write_text(text[how])
    elif how == "directory":
        shutil.rmtree(objects)
        objects.symlink_to(victim)
    else:
        filled.git("repack", "-q", "-a", "-d")
        shutil.rmtree(objects / "pack")
        (objects / "pack").symlink_to(victim / "pack")
    before = states(other.root)
    seen = run(other.root)
    assert found(seen) <= {"b.env"}
    if how in text:
        assert found(seen) == {"b.env"}
        assert "1 object directories outside" in seen.gaps["alternates"].detail
    else:
        assert "outside" in seen.gaps["git"].detail
    assert states(other.root) == before


def test_alternates_inside_of_what_was_named_are_read(repo, tmp_path):
    inner = Repo(repo.root / "vendor")
    inner.commit(v_env=line("inner"))
    repo.commit(a_env=line("own"))
    repo.commit(a_env="")
    (repo.root / ".git" / "objects" / "info" / "alternates").write_text("../../vendor/.git/objects\n")
    seen = run(repo.root)
    assert seen.gaps == {}
    assert {e.uri.split()[0] for e in seen.exposures} >= {"a.env"}
    assert len(seen.of("inner")) == 1


def test_a_damaged_object_is_told_and_the_others_are_read(filled):
    lost = filled.git("hash-object", "-w", "--stdin", data=line("damaged").encode())
    path = filled.root / ".git" / "objects" / lost[:2] / lost[2:]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:12])
    seen = run(filled.root)
    assert found(seen) == {"a.env", "commit"}
    assert lost[:12] in seen.gaps["unread"].detail


@pytest.mark.usefixtures("way")
def test_a_damaged_pack_costs_only_its_damaged_objects(repo):
    for number in range(30):
        repo.commit(f"{number}", **{f"f{number}_env": line(f"v{number}") + os.urandom(300).hex()})
    repo.git("rm", "-q", "-r", ".")
    repo.commit("clean")
    repo.git("repack", "-q", "-a", "-d")
    (pack,) = (repo.root / ".git" / "objects" / "pack").glob("*.pack")
    pack.chmod(0o600)
    data = bytearray(pack.read_bytes())
    oid = repo.git("rev-parse", "HEAD~5:f3.env")
    place = int(repo.git("cat-file", "--batch-check=%(objectsize:disk)", data=oid.encode()))
    verified = repo.git("verify-pack", "-v", str(pack.with_suffix(".idx")))
    offset = next(int(row.split()[4]) for row in verified.splitlines() if row.startswith(oid))
    data[offset + 4 : offset + place] = os.urandom(place - 4)
    pack.write_bytes(data)
    seen = run(repo.root)
    assert len(seen.exposures) == 29
    assert oid[:12] in seen.gaps["unread"].detail


def hostile(repo, tmp_path):
    """A repository whose every setting that can name a program names one."""
    marker, script = tmp_path / "marker", tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{marker}'\ncat\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    names = (
        "core.pager", "core.editor", "core.sshCommand", "core.alternateRefsCommand", "core.askPass", "gpg.program",
        "gpg.ssh.program", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "diff.evil.textconv",
        "diff.evil.command", "diff.external", "credential.helper", "pager.log", "pager.cat-file", "pager.rev-list",
        "uploadpack.packObjectsHook", "sequence.editor", "trace2.eventTarget", "core.fsmonitor", "difftool.x.cmd",
        "remote.origin.uploadpack", "remote.origin.proxy", "mailmap.file", "mergetool.x.cmd", "core.gitProxy",
    )  # fmt: skip
    for name in names:
        repo.git("config", name, str(script))
    for name in ("log", "cat-file", "rev-list", "rev-parse", "ls-files", "ls-tree", "diff-index", "config"):
        repo.git("config", f"alias.{name}", f"!{script}")
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman", "pre-auto-gc"):
        (hooks / hook).symlink_to(script)
        (repo.root / ".git" / "hooks" / hook).unlink(missing_ok=True)
        (repo.root / ".git" / "hooks" / hook).symlink_to(script)
    other = tmp_path / "more.config"
    other.write_text(f"[core]\n\tfsmonitor = {script}\n[diff]\n\texternal = {script}\n")
    for name, value in (
        ("core.hooksPath", str(hooks)), ("include.path", str(other)), ("log.showSignature", "true"), ("diff.renames", "copies"),
        ("log.follow", "true"), ("log.diffMerges", "first-parent"), ("format.pretty", "evil %x00"), ("diff.relative", "true"),
        ("log.showRoot", "false"), ("color.ui", "always"), ("diff.orderFile", str(tmp_path / "nowhere")), ("core.quotePath", "true"),
        ("protocol.ext.allow", "always"), ("remote.origin.url", f"ext::{script}"), ("remote.origin.promisor", "true"),
        ("extensions.partialClone", "origin"), ("core.worktree", "/"), ("core.repositoryFormatVersion", "1"),
        ("log.excludeDecoration", "*"), ("notes.displayRef", "*"), ("core.abbrev", "4"), ("log.initialDecorationSet", "all"),
    ):  # fmt: skip
        subprocess.run(
            ["git", "config", "-f", str(repo.root / ".git" / "config"), name, value], check=True, capture_output=True
        )
    return marker


@pytest.mark.parametrize("options", [{}, {"since": "first"}, {"staged": True}])
def test_a_hostile_repository_runs_nothing_and_hides_nothing(repo, tmp_path, options):
    repo.commit("one", _gitattributes="*.env filter=evil diff=evil\n", a_txt="x")
    repo.git("tag", "first")
    commit = repo.commit("two", a_env=line("file"))
    repo.git(
        "tag", "-a", "signed", "-m", f"{token('tag')}\n-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----"
    )
    repo.commit("three", a_env="")
    repo.git("rm", "-q", "a.env")
    repo.write("s.env", line("staged"))
    repo.git("add", "-A")
    repo.git("replace", commit, repo.git("rev-parse", "first"))
    (repo.root / ".git" / "info" / "grafts").write_text(f"{commit}\n")
    marker = hostile(repo, tmp_path)
    os.utime(repo.root / "s.env", (1, 1))  # the index looks stale, so that a refresh would run the clean filter
    before = states(repo.root)
    seen = run(repo.root, **options)
    if options.get("staged"):
        assert found(seen) == {"s.env"}
    else:
        assert seen.one("file").commit == commit
        assert (len(seen.of("tag")) == 1) is not bool(options)
    assert not marker.exists()
    assert states(repo.root) == before


def test_settings_that_stop_git_cost_origins_and_are_told(filled):
    filled.git("config", "log.mailmap", "perhaps")
    seen = run(filled.root)
    assert len(seen.exposures) == 2
    assert [e.commit for e in seen.exposures if not e.uri.startswith("commit")] == [None]
    assert "exposure.commit" in seen.gaps["log"].covers


def test_a_missing_object_is_not_fetched_from_a_hostile_remote(filled, tmp_path):
    marker = hostile(filled, tmp_path)
    tree = subprocess.run(
        ["git", "--git-dir=.git", "rev-parse", "HEAD^{tree}"],
        cwd=filled.root,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    marker.unlink(missing_ok=True)
    (filled.root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    seen = run(filled.root)
    assert "commit" in found(seen)
    assert not marker.exists()


def test_since_reads_what_came_after(filled):
    after = filled.commit(f"third {token('later')}", b_env=line("later file"))
    filled.commit(b_env="")
    seen = run(filled.root, since="HEAD~2")
    assert found(seen) == {"b.env", "commit"}
    assert seen.one("later file").commit == after
    assert run(filled.root, since="HEAD").exposures == []


def test_since_tells_what_the_work_tree_shows_as_well(filled):
    filled.commit(b_env=line("later file"))
    assert run(filled.root, since="HEAD~1").one("later file").at_head is True


@pytest.mark.parametrize("ref", ["nowhere", "--all", "--upload-pack=evil", "HEAD^{tree}:x", "", "a\nb", "-h", "\0"])
def test_since_takes_no_option_for_a_commit(filled, ref):
    if not ref:
        return
    with pytest.raises(TargetError, match="names no commit"):
        run(filled.root, since=ref)


def test_staged_reads_the_index_and_nothing_else(filled):
    filled.write("a.env", line("staged") + "x = 1  # nhiscan: ignore NS-LEK-001 -- why\n")
    filled.git("add", "a.env")
    filled.write("a.env", line("not staged"))
    filled.write("new.env", line("announced"))
    filled.git("add", "-N", "new.env")
    before = states(filled.root)
    seen = run(filled.root, staged=True)
    found = seen.one("staged")
    assert [e.uri for e in seen.exposures] == ["a.env"]
    assert (found.line, found.commit, found.at_head, found.locator) == (1, None, False, "a.env:1")
    assert found.credential_id == "repo:github.com/acme/shop#a.env:token:1"
    assert [r.value for r in seen.records if r.table == "declared"] == ["a.env:2"]
    assert states(filled.root) == before


def test_staged_works_before_the_first_commit_and_in_a_part(repo):
    repo.write("a/x.env", line("a"))
    repo.write("b/x.env", line("b"))
    repo.git("add", "-A")
    assert {e.uri for e in run(repo.root, staged=True).exposures} == {"a/x.env", "b/x.env"}
    assert {e.uri for e in run(repo.root / "b", staged=True).exposures} == {"b/x.env"}
    repo.commit()
    assert run(repo.root, staged=True).exposures == []


def test_an_archive_that_is_staged_and_cannot_be_read_is_a_gap(filled):
    filled.write("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100))
    filled.git("add", "a.7z")
    assert "a.7z" in run(filled.root, staged=True).gaps["unread-unsupported"].detail


def test_objects_of_a_worker_that_died_at_the_end_are_told(filled, monkeypatch):
    monkeypatch.setattr(_history, "spread", lambda _start, tasks, _jobs: ((task, None) for task in tasks))
    monkeypatch.setattr(_history, "_PORTION", 1)
    seen = run(filled.root)
    assert seen.exposures == []
    assert "2 objects could not be read" in seen.gaps["unread"].detail


def test_a_target_that_is_no_path_has_no_history():
    assert list(COLLECTOR.units(Target("aws", "aws", ""), context())) == []
    with pytest.raises(TargetError, match="names no commit"):
        resolved(Git(Path("/nowhere")), "main")


def test_git_that_is_missing_is_a_target_error(filled, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match="no git repository that can be read"):
        list(COLLECTOR.units(Target(".", TargetKind.PATH, str(filled.root)), context(staged=True)))
    assert "not installed" in run(filled.root).gaps["git"].detail
