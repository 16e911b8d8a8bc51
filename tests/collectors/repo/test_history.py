"""Every place in a git database where a value can hide, and what is said of where it came from."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo.history import COLLECTOR
from nhiscan.plugin import Collector, Credential, Owner, Target, TargetError, TargetKind, Visibility
from tests.collectors.repo.past import context, fingerprint, run, states, token

SCOPE = "repo:github.com/acme/shop"


def line(seed):
    return f"token = {token(seed)}\n"


def test_the_collector_keeps_the_protocol_and_is_silent_unless_asked(repo):
    repo.commit(a_txt="x")
    assert isinstance(COLLECTOR, Collector)
    assert list(COLLECTOR.units(Target("aws", "aws", ""), context())) == []
    here = Target(".", TargetKind.PATH, str(repo.root))
    assert list(COLLECTOR.units(here, context(history=False))) == []
    (unit,) = COLLECTOR.units(here, context())
    assert unit.id == f"repo.history:{SCOPE}"


def test_a_deleted_file_tells_who_brought_it_and_where_it_was_last(repo):
    repo.commit("first", a_txt="x")
    brought = repo.commit("add", conf__prod_env=f"# settings\n{line('gone')}")
    kept = repo.commit("more", b_txt="y")
    (repo.root / "conf" / "prod.env").unlink()
    repo.commit("remove")
    found = run(repo.root).one("gone")
    assert (found.uri, found.line, found.commit, found.author) == ("conf/prod.env", 2, brought, "Ada")
    assert (found.at_head, found.visibility) == (False, Visibility.TRACKED)
    assert found.first_seen == datetime.fromisoformat(repo.git("log", "-1", "--format=%aI", brought)).astimezone(UTC)
    assert found.locator == f"{kept[:12]}:conf/prod.env:2"
    assert found.id == f"{SCOPE}#conf/prod.env@{found.first_seen:%Y%m%dT%H%M%SZ}:token:1@history"
    assert (found.detector, found.basis, found.key_name) == ("github-classic-pat", "format + checksum", "token")


def test_versions_of_a_file_that_keep_a_value_are_one_place(repo):
    brought = repo.commit(a_env=line("same"))
    for number in range(5):
        repo.commit(a_env="\n" * number + line("same") + f"n = {number}\n")
    (repo.root / "a.env").unlink()
    repo.commit()
    found = run(repo.root).one("same")
    assert (found.commit, found.line) == (brought, 1)
    assert found.locator.endswith(":a.env:5")


def test_a_renamed_file_was_at_both_paths(repo):
    first = repo.commit(old_env=line("moved"))
    repo.git("mv", "old.env", "new.env")
    second = repo.commit()
    (repo.root / "new.env").unlink()
    repo.commit()
    places = {(e.uri, e.commit, e.at_head) for e in run(repo.root).of("moved")}
    assert places == {("old.env", first, False), ("new.env", second, False)}


def test_what_the_work_tree_shows_unchanged_is_not_told_twice(repo):
    repo.commit(a_env="n = 1\n" + line("here"))
    repo.commit(a_env=line("here"))
    assert run(repo.root).of("here") == []
    repo.write("a.env", "changed meanwhile\n")
    found = run(repo.root).one("here")
    assert (found.uri, found.at_head) == ("a.env", True)


def test_a_merge_can_bring_what_no_other_commit_has(repo):
    repo.commit(a_env="base\n")
    repo.git("checkout", "-q", "-b", "side")
    repo.commit(a_env="side\n")
    repo.git("checkout", "-q", "main")
    repo.commit(a_env="main\n")
    repo.git("merge", "-q", "-s", "ours", "--no-commit", "side")
    merge = repo.commit("merge", a_env=line("merged"))
    repo.commit(a_env="clean\n")
    found = run(repo.root).one("merged")
    assert (found.uri, found.commit, found.locator) == ("a.env", merge, f"{merge[:12]}:a.env:1")


def test_a_tag_alone_can_hold_a_commit(repo):
    repo.commit(a_txt="x")
    repo.git("checkout", "-q", "--detach")
    tagged = repo.commit(t_env=line("tagged"))
    repo.git("tag", "v1")
    repo.git("checkout", "-q", "main")
    repo.git("reflog", "expire", "--expire=now", "--all")
    found = run(repo.root).one("tagged")
    assert (found.uri, found.commit, found.visibility) == ("t.env", tagged, Visibility.TRACKED)


def test_stashes_are_read_to_the_last_and_are_local(repo):
    repo.commit(a_env="x\n", b_env="x\n")
    for seed in ("older", "newer"):
        repo.write("a.env", line(seed))
        repo.write("b.env", line(f"index {seed}"))
        repo.git("add", "b.env")
        repo.write("u.env", line(f"untracked {seed}"))
        repo.git("stash", "-q", "-u")
    seen = run(repo.root)
    for seed in ("older", "newer"):
        for name, what in (("a.env", seed), ("b.env", f"index {seed}"), ("u.env", f"untracked {seed}")):
            found = seen.one(what)
            assert (found.uri, found.at_head, found.visibility) == (name, False, Visibility.LOCAL)
            assert found.commit is not None


def test_messages_of_commits_and_tags_are_their_own_places(repo):
    commit = repo.commit(f"use the token\n\nof the bot: {token('message')}", a_txt="x")
    repo.git("tag", "-a", "v1.0", "-m", f"release\n{token('tag')}")
    seen = run(repo.root)
    found = seen.one("message")
    assert (found.uri, found.line, found.commit, found.author) == (f"commit {commit[:12]}", 3, commit, "Ada")
    assert (found.at_head, found.locator) == (False, f"commit {commit[:12]}:3")
    found = seen.one("tag")
    assert (found.uri, found.line, found.commit, found.author) == ("tag v1.0", 2, commit, "Ada")


def test_a_note_is_told_with_the_commit_it_is_about(repo):
    commit = repo.commit(a_txt="x")
    repo.git("notes", "add", "-m", f"see {token('note')}", commit)
    found = run(repo.root).one("note")
    assert found.uri == f"note on commit {commit[:12]}"
    assert found.commit == repo.git("rev-parse", "refs/notes/commits")


def test_an_unreachable_commit_still_tells_its_path(repo):
    repo.commit(a_txt="x")
    lost = repo.commit(lost_env=line("lost"))
    repo.git("reset", "-q", "--hard", "HEAD~1")
    seen = run(repo.root)
    assert (seen.one("lost").commit, seen.one("lost").visibility) == (lost, Visibility.TRACKED)
    repo.git("reflog", "expire", "--expire=now", "--all")
    (repo.root / ".git" / "ORIG_HEAD").unlink()
    found = run(repo.root).one("lost")
    assert (found.uri, found.commit, found.at_head) == ("lost.env", lost, False)
    assert (found.visibility, found.locator) == (Visibility.LOCAL, f"unreachable {lost[:12]}:lost.env:1")


def test_an_object_that_nothing_names_is_told_by_its_id(repo):
    repo.commit(a_txt="x")
    oid = repo.git("hash-object", "-w", "--stdin", data=line("blob").encode())
    found = run(repo.root).one("blob")
    assert (found.uri, found.commit, found.author, found.first_seen) == (f"object {oid[:12]}", None, None, None)
    assert (found.at_head, found.visibility) == (False, Visibility.LOCAL)


def test_what_is_only_in_the_index_has_a_path_and_no_commit(repo):
    repo.commit(a_txt="x")
    repo.write("s.env", line("index"))
    repo.git("add", "s.env")
    assert run(repo.root).of("index") == []  # the work tree shows it
    repo.write("s.env", "")
    found = run(repo.root).one("index")
    assert (found.uri, found.commit, found.at_head, found.visibility) == ("s.env", None, False, Visibility.LOCAL)


def test_archives_and_other_encodings_of_the_past_are_read(repo):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("conf/prod.env", line("zip"))
    repo.commit(a_zip=packed.getvalue(), b_gz=gzip.compress(line("gz").encode()), c_txt=line("wide").encode("utf-16"))
    for name in ("a.zip", "b.gz", "c.txt"):
        (repo.root / name).unlink()
    repo.commit()
    seen = run(repo.root)
    assert seen.one("zip").uri == "a.zip!/conf/prod.env"
    assert seen.one("gz").uri.startswith("b")
    assert (seen.one("wide").uri, seen.one("wide").line) == ("c.txt", 1)


def test_an_archive_that_cannot_be_read_is_a_gap(repo):
    repo.commit(a_gz=gzip.compress(bytes(range(32, 127)) * 50)[:-20])
    repo.write("a.gz", "")
    gap = run(repo.root).gaps["unread-broken"]
    assert "a.gz" in gap.detail
    assert gap.covers == ("exposure",)


def test_one_value_in_many_places_is_one_credential(repo):
    repo.commit(a_env=line("twice"), b_env=f'{{"x": "{token("twice")}"}}')
    for name in ("a.env", "b.env"):
        (repo.root / name).unlink()
    repo.commit()
    seen = run(repo.root)
    assert {e.uri for e in seen.of("twice")} == {"a.env", "b.env"}
    prints = {r.fingerprint for r in seen.records if isinstance(r, Credential)}
    assert prints == {fingerprint("twice")}


def test_authors_and_codeowners_answer_for_the_past(repo):
    repo.commit(CODEOWNERS="*.env @acme/ops\n", a_env=line("owned"))
    (repo.root / "a.env").unlink()
    repo.commit()
    owners = {(r.name, str(r.basis)) for r in run(repo.root).records if isinstance(r, Owner)}
    assert owners == {("Ada", "blame"), ("@acme/ops", "codeowners")}


def test_a_part_of_a_checkout_has_the_history_of_that_part(repo):
    repo.commit(a__x_env=line("a"), b__x_env=line("b"))
    repo.commit(f"message {token('message')}", a__x_env="", b__x_env="")
    seen = run(repo.root / "a")
    assert [e.uri for e in seen.exposures] == ["a/x.env"]


def test_ids_are_the_same_in_every_clone_and_under_every_key(repo, tmp_path):
    from nhiscan.sensitive import FingerprintKey

    repo.commit(f"see {token('message')}", a_env=f"a: {token('one')}\nb: {token('two')}\na: {token('three')}\n")
    repo.commit(a_env="")
    repo.git("clone", "-q", "--mirror", str(repo.root), str(tmp_path / "mirror.git"))
    repo.git("-C", str(tmp_path / "mirror.git"), "config", "remote.origin.url", "https://github.com/acme/shop")
    first = run(repo.root)
    second = run(tmp_path / "mirror.git", key=FingerprintKey(b"z" * 32))
    assert len(first.exposures) == 4
    assert sorted(e.id for e in first.exposures) == sorted(e.id for e in second.exposures)


def test_no_value_and_no_digest_of_one_is_in_a_record_or_the_cache(repo, tmp_path):
    from nhiscan.store.schema import to_line

    repo.commit(f"see {token('message')}", a_env=token("file"))
    oid = repo.git("rev-parse", "HEAD:a.env")
    (repo.root / "a.env").unlink()
    repo.commit()
    repo.git("gc", "-q")
    seen = run(repo.root, cache_dir=tmp_path / "cache")
    assert len(seen.exposures) == 2
    shown = "\n".join(map(to_line, seen.records)) + repr(seen.records)
    kept = b"".join(p.read_bytes() for p in (tmp_path / "cache" / "history").rglob("*") if p.is_file())
    for value in (token("message"), token("file"), oid):
        assert value not in shown
        assert value.encode() not in kept
    assert bytes.fromhex(oid) not in kept
    assert kept


def test_nothing_is_changed_by_reading(repo):
    repo.commit(a_env=line("one"))
    repo.write("a.env", "")
    before = states(repo.root)
    assert len(run(repo.root).exposures) == 1
    assert states(repo.root) == before


def test_a_directory_without_git_has_no_history(tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "a.env").write_text("x")
    gap = run(tmp_path / "plain").gaps["none"]
    assert (gap.covers, gap.detail) == ((), "there is no git repository here, so no history")
    with pytest.raises(TargetError, match="no git repository"):
        run(tmp_path / "plain", staged=True)


def test_a_repository_git_cannot_read_is_a_gap(tmp_path):
    (tmp_path / "broken" / ".git").mkdir(parents=True)
    (tmp_path / "broken" / "a.env").write_text("x")
    assert "not read to its end" in run(tmp_path / "broken").gaps["git"].detail


def test_names_that_people_chose_are_shown_harmless(repo):
    repo.commit(a_env=line("name"), b=json.dumps({"k": token("path")}))
    repo.git("mv", "b", "b\x1b[31m\n")
    repo.git("mv", "a.env", "c.env")
    repo.commit()
    (repo.root / "b\x1b[31m\n").unlink()
    (repo.root / "c.env").unlink()
    repo.git("commit", "-q", "-a", "-m", "x", "--author", "Eve\x1b[2J <e@x>")
    assert {e.uri for e in run(repo.root).of("path")} == {"b", "b\\x1b[31m\\x0a"}
