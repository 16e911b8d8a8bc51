"""What a hostile or broken checkout does to an audit: nothing runs, nothing crashes, what is there is still found."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat

import pytest

from tests.conftest import AS_OF

CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
ODD_NAMES = {
    "escape": "\x1b[2J\x1b]0;owned\x07.py",
    "newline": "a\n::error::forged.py",
    "bidi": "user\u202eyp.exe.py",
    "markup": "[bold red]<script>alert(1)</script>[/].py",
    "workflow": "%0A::set-output name=x::y.py",
    "not-utf8": b"caf\xe9-\xff.py",
    "c1": "a\x9b31mred.py",
}


@pytest.fixture
def shop(tmp_path, git, tokens):
    """A repository with one leaked token, so that silence is noticed."""
    root = tmp_path / "work" / "shop"
    root.mkdir(parents=True)
    git(root, "init", "-q")
    (root / "app.py").write_text(f"TOKEN = '{tokens.github_pat('hostile')}'\n")
    commit(git, root)
    return root


def commit(git, root):
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "change")


LEAKS = ("--select", "LEK")  # the rules that a leaked token needs; all would take most of the time


@pytest.fixture
def audit(nhiscan):
    """Audit a path; the exit code is one of the documented, no line is a traceback, and the JSON can be read."""

    def run(path, *more, form="json"):
        done = nhiscan("audit", path, "--as-of", AS_OF, "-j", 1, "-q", "-f", form, *LEAKS, *more)
        assert done.code in {0, 1, 2, 4}
        return done

    return run


def leaks(done):
    return {loc["uri"] for f in done.json["findings"] if f["rule"]["id"] == "NS-LEK-001" for loc in f["locations"]}


def gaps(done):
    return " | ".join(f"{g['reason']} {g['detail']}" for g in done.json["coverage"]["gaps"])


def one_error(done):
    """Exit code and message of a refusal: one line what, one line remedy."""
    lines = done.err.strip().splitlines()
    assert len(lines) == 2, lines
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("  try: ")
    return done.code, lines[0]


# Files


def test_a_sparse_file_of_two_gigabytes_is_read_to_its_end(audit, shop, git):
    with (shop / "dump.sql").open("wb") as file:
        file.truncate(2 << 30)
    with (shop / "huge.log").open("wb") as file:
        file.write(b"text\n" * 4096)
        file.truncate(2 << 30)
        file.seek(0, 2)
        file.write(b"\n" + (shop / "app.py").read_bytes())
    done = audit(shop)
    assert leaks(done) >= {"app.py", "huge.log"}
    assert "huge.log" not in gaps(done)


def test_devices_pipes_sockets_and_links_are_left_alone(audit, shop, tmp_path):
    os.mkfifo(shop / "pipe.env")
    os.mkfifo(shop / ".mcp.json")
    server = socket.socket(socket.AF_UNIX)
    here = os.open(".", os.O_RDONLY)
    os.chdir(shop)  # a socket's path must be short
    server.bind("sock.env")
    os.fchdir(here)
    os.close(here)
    outside = tmp_path / "outside.py"
    outside.write_text((shop / "app.py").read_text().replace("TOKEN", "OUTSIDE_TOKEN"))
    (shop / "loop").symlink_to(shop)
    (shop / "self").symlink_to("self")
    (shop / "gone.py").symlink_to("nowhere")
    (shop / "link.py").symlink_to(outside)
    (shop / "zero.env").symlink_to("/dev/zero")
    (shop / ".codex").symlink_to(tmp_path)
    done = audit(shop)
    server.close()
    assert leaks(done) == {"app.py"}
    assert "outside.py" not in done.text
    assert "OUTSIDE_TOKEN" not in done.text
    assert "symbolic links" in gaps(done)


def test_cycles_and_pipes_do_not_stop_a_plain_directory_either(audit, shop):
    shutil.rmtree(shop / ".git")
    deep = shop / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "up").symlink_to(shop / "a")
    (shop / "there").symlink_to("back")
    (shop / "back").symlink_to("there")
    os.mkfifo(shop / "pipe.env")
    os.mkfifo(shop / ".mcp.json")
    done = audit(shop)
    assert done.json["summary"]["inventory"]["exposure"] == 1
    assert "2 devices, sockets and pipes" in gaps(done)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_directory_is_a_gap(audit, shop):
    closed = shop / "closed"
    closed.mkdir()
    (closed / "x.py").write_text("x = 1\n")
    closed.chmod(0)
    try:
        done = audit(shop)
    finally:
        closed.chmod(stat.S_IRWXU)
    assert leaks(done) == {"app.py"}


def test_content_that_is_no_text_and_endless_lines_are_read_in_time(audit, shop, tokens):
    (shop / "latin.py").write_bytes(b"# caf\xe9 \xff\xfe\nTOKEN = '" + tokens.github_pat("latin").encode() + b"'\n")
    line = "var a='" + "x9" * 524_288 + "';" + f"token='{tokens.github_pat('long')}';"
    (shop / "line.js").write_text(line)
    (shop / "quotes.py").write_text("password = '" * 80_000)
    (shop / "braces.txt").write_text("key: " + "{" * 500_000)
    (shop / "spaces.yml").write_text("secret" + " " * 500_000 + "=x\n")
    (shop / "keys.env").write_text("KEY_" * 250_000)
    done = audit(shop)
    assert leaks(done) >= {"app.py", "latin.py", "line.js"}


# Agent files


def nested(depth, opening, closing):
    return opening * depth + closing * depth


BOMBS = {
    "deep list": nested(100, "[", "]"),
    "deep mapping": '{"mcpServers":' + nested(100, '{"a":', "1") .replace("1" * 100, "1" + "}" * 100) + "}",
    "very deep": nested(200_000, "[", "]"),
    "very deep mapping": '{"a":' * 100_000,
    "deep in a server": '{"mcpServers":{"s":{"command":"x","env":{"K":' + nested(5_000, "[", "]") + "}}}}",
    "deep in a string": json.dumps({"mcpServers": {"s": {"command": "x", "env": {"API_KEY": '{"a":' * 3_000 + '"' + "}"}}}}),
    "huge number": '{"mcpServers":{"s":{"command":"x","port":' + "9" * 100_000 + "}}}",
    "no end": '{"mcpServers": {"s": {"command": "npx',
    "not an object": '"mcpServers"',
    "empty": "",
    "null bytes": "\x00" * 100,
    "lone surrogate": '{"mcpServers":{"\\ud800":{"command":"x","env":{"API_KEY":"\\udfff\\ud800"}}}}',
    "odd types": '{"mcpServers":{"s":{"command":[1],"args":{"a":1},"env":[null],"headers":3,"url":{}},"t":7,"u":[]}}',
    "comments": '{"mcpServers": {' + "/*" * 200_000,
    "one key often": '{"mcpServers":{' + ",".join(['"s":{"command":"x"}'] * 5_000) + "}}",
}  # fmt: skip


TOML_BOMBS = {
    "lists": "a = " + nested(5_000, "[", "]"),
    "dotted": "[" + ".".join(["a"] * 20_000) + "]\nb = 1",
    "tables": "a = " + "{ b = " * 5_000,
    "twice": "x = 1\nx = 2",
    "types": "[mcp_servers.s]\ncommand = 'x'\nenv = 7\n",
    "numbers": "[mcp_servers.s]\ncommand = 'x'\nstartup = 1e999999\nwhen = 9999-99-99\n",
}


def test_a_bomb_in_an_agent_file_is_a_gap_at_most(audit, shop):
    for names, bombs in (((".mcp.json", ".claude/settings.json"), BOMBS), ((".codex/config.toml",), TOML_BOMBS)):
        for folder, text in bombs.items():
            for name in names:
                place = shop / "bombs" / folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
    good = {"command": "npx", "args": ["-y", "pkg"], "env": {"API_KEY": "${PKG_API_KEY}"}}
    (shop / ".mcp.json").write_text(json.dumps({"mcpServers": {"good": good}}))
    done = audit(shop, "--select", "NS-MCP-004")
    assert "app.py" in leaks(done)
    assert done.err == ""
    # What is no configuration is named with its line; what is, is read; no collector gave up.
    malformed = {g["detail"].split("/")[1] for g in done.json["coverage"]["gaps"] if g["reason"] == "malformed"}
    assert malformed >= {"very deep", "no end", "not an object", "comments", "twice", "tables", "dotted"}
    assert not any(g["reason"] == "failed" for g in done.json["coverage"]["gaps"])
    assert "NS-MCP-004" in {f["rule"]["id"] for f in done.json["findings"]}


@pytest.mark.parametrize("flow", [False, True], ids=["aliases", "depth"])
def test_a_yaml_bomb_in_the_repositorys_configuration_is_refused(nhiscan, shop, flow):
    rows = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 10)]
    text = "version: " + nested(3_000, "[", "]") if flow else "\n".join(["version: 1", "l0: &l0 [x]", *rows])
    (shop / "nhiscan.yaml").write_text(text + "\n")
    done = nhiscan("audit", shop, "--as-of", AS_OF, "-j", 1, "-q")
    code, message = one_error(done)
    assert code == 2
    assert "nhiscan.yaml" in message


# Names


def test_no_name_can_steer_a_terminal_or_forge_a_line(nhiscan, shop, git, tokens, tmp_path):
    for n, name in enumerate(ODD_NAMES.values()):
        path = os.fsencode(shop) + b"/" + (name if isinstance(name, bytes) else name.encode())
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - names in bytes
        with open(path, "w") as file:  # noqa: PTH123 - as above
            file.write(f"TOKEN = '{tokens.github_pat(f'odd-{n}')}'\n")
    server = {"command": "npx", "args": ["-y", "\x1b[31mpkg\u202e"], "env": {"API_KEY": tokens.password("odd")}}
    servers = {f"{name}\x1b[1A\u202e\n::warning::x": server for name in ("[link=http://x]", "plain")}
    (shop / ".mcp.json").write_text(json.dumps({"mcpServers": servers}))
    commit(git, shop)
    files = [tmp_path / "r.json", tmp_path / "r.sarif"]
    outputs = [part for file in files for part in ("-o", file)]
    done = nhiscan("audit", shop, "--as-of", AS_OF, "-j", 1, "-v", *outputs)
    assert done.code == 1
    read = [json.loads(file.read_text()) for file in files]
    assert len({loc["uri"] for f in read[0]["findings"] for loc in f["locations"]}) == len(ODD_NAMES) + 2
    # Of JSON also what its reader gets after the escapes are resolved.
    for text in (done.text, *(file.read_text() for file in files), *("".join(strings(value)) for value in read)):
        bad = CONTROLS.search(text)
        assert bad is None, repr(text[max(0, bad.start() - 80) : bad.end() + 20])
        assert not any(line.startswith("::") for line in text.splitlines())


def strings(value):
    if isinstance(value, str):
        yield value
    for item in value.items() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(list(item) if isinstance(item, tuple) else item)


# Git


def marker_script(tmp_path):
    marker, script = tmp_path / "marker", tmp_path / "evil.sh"
    script.write_text(f"#!/bin/sh\necho ran >> '{marker}'\ncat\n")
    script.chmod(0o755)
    return marker, script


def test_nothing_that_git_is_configured_to_run_runs(audit, shop, git, tmp_path):
    marker, script = marker_script(tmp_path)
    included = tmp_path / "included"
    names = ("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "gpg.program", "diff.external",
             "core.alternateRefsCommand", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process",
             "diff.evil.textconv", "diff.evil.command", "merge.evil.driver", "credential.helper", "pager.blame",
             "uploadpack.packObjectsHook", "core.askPass", "trailer.x.cmd", "sequence.editor")  # fmt: skip
    for name in names:
        git(shop, "config", "--file", str(included), name, str(script))
        git(shop, "config", name, str(script))
    git(shop, "config", "include.path", str(included))
    git(shop, "config", f"includeIf.gitdir:{shop}/.path", str(included))
    git(shop, "config", "core.hooksPath", str(tmp_path / "hooks"))
    (tmp_path / "hooks").mkdir()
    for hook in ("post-index-change", "reference-transaction", "fsmonitor-watchman", "post-checkout"):
        for place in (tmp_path / "hooks", shop / ".git" / "hooks"):
            place.mkdir(exist_ok=True)
            (place / hook).symlink_to(script)
    (shop / ".gitattributes").write_text("* filter=evil diff=evil merge=evil\n")
    (shop / ".git" / "info").mkdir(exist_ok=True)
    (shop / ".git" / "info" / "attributes").write_text("* filter=evil diff=evil\n")
    os.utime(shop / "app.py", (1, 1))
    done = audit(shop)
    assert leaks(done) == {"app.py"}
    assert not marker.exists()
    assert audit(shop, "--policy-ref", "HEAD").code == 1
    assert not marker.exists()


def corrupt_index(shop):
    (shop / ".git" / "index").write_bytes(b"DIRC\xff\xff\xff\xff garbage")


def corrupt_head(shop):
    (shop / ".git" / "HEAD").write_text("not a ref\n")


def corrupt_config(shop):
    (shop / ".git" / "config").write_text("[core\nrepositoryformatversion = 99\n")


def newer_format(shop):
    (shop / ".git" / "config").write_text("[core]\nrepositoryformatversion = 99\n")


def lose_objects(shop):
    shutil.rmtree(shop / ".git" / "objects")


def point_elsewhere(shop):
    shutil.rmtree(shop / ".git")
    (shop / ".git").write_text("gitdir: /nowhere/at/all\n")


def empty_git(shop):
    shutil.rmtree(shop / ".git")
    (shop / ".git").mkdir()


def link_loop(shop):
    shutil.rmtree(shop / ".git")
    (shop / ".git").symlink_to(".git")


DAMAGES = (
    corrupt_index,
    corrupt_head,
    corrupt_config,
    newer_format,
    lose_objects,
    point_elsewhere,
    empty_git,
    link_loop,
)


def test_broken_repositories_are_read_as_plain_directories_and_say_so(nhiscan, shop, tokens, tmp_path):
    places = []
    for damage in DAMAGES:
        places.append(tmp_path / damage.__name__)
        shutil.copytree(shop, places[-1])
        (places[-1] / "app.py").write_text(f"TOKEN = '{tokens.github_pat(damage.__name__)}'\n")
        damage(places[-1])
    done = nhiscan("audit", *places, "--as-of", AS_OF, "-j", 1, "-q", "-f", "json", *LEAKS)
    assert done.err == ""
    assert done.code in {0, 1}
    assert done.json["summary"]["inventory"]["credential"] == len(DAMAGES)
    told = {g["scope_id"] for g in done.json["coverage"]["gaps"] if "as in a plain directory" in g["detail"]}
    assert told == {f"dir:{place.name}" for place in places}


def test_without_git_the_files_are_read_all_the_same(program, shop, tmp_path):
    (tmp_path / "bin").mkdir()
    argv = ("audit", shop, "--as-of", AS_OF, "-j", 1, "-q", "-f", "json", *LEAKS)
    done = program(*argv, env={"PATH": str(tmp_path / "bin")})
    assert done.code in {0, 1}
    assert done.err == ""
    assert done.json["summary"]["inventory"]["credential"] == 1
    assert "git is not installed" in gaps(done)


def test_a_git_file_that_points_to_another_repository_reads_only_this_directory(audit, shop, git, tmp_path, tokens):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    (other / "their.py").write_text(f"TOKEN = '{tokens.github_pat('theirs')}'\n")
    commit(git, other)
    shutil.rmtree(shop / ".git")
    (shop / ".git").write_text(f"gitdir: {other / '.git'}\n")
    done = audit(shop)
    assert done.json["summary"]["inventory"]["credential"] == 1
    assert "their.py" not in {loc["uri"] for f in done.json["findings"] for loc in f["locations"]}


def test_a_submodule_and_a_repository_inside_are_counted_and_not_entered(audit, shop, git, tokens):
    for name in ("sub", "inner"):
        (shop / name).mkdir()
        git(shop / name, "init", "-q")
        (shop / name / "x.py").write_text(f"TOKEN = '{tokens.github_pat(name)}'\n")
        commit(git, shop / name)
    git(shop, "add", "sub")
    git(shop, "commit", "-q", "-m", "submodule")
    done = audit(shop)
    assert leaks(done) == {"app.py"}
    assert "submodules" in gaps(done)
    assert "repositories inside" in gaps(done)


def test_what_has_no_work_tree_is_read_by_its_history_or_refused_with_the_way_out(nhiscan, shop, git, tmp_path):
    git(tmp_path, "clone", "-q", "--bare", str(shop), "bare.git")
    for place in (shop / ".git", tmp_path / "bare.git"):
        done = nhiscan("audit", place, "--as-of", AS_OF, "-j", 1, "-q", *LEAKS)
        assert done.code == 1
        assert "app.py" in done.text
    done = nhiscan("audit", shop / ".git" / "refs", "--as-of", AS_OF, "-j", 1, "-q")
    assert done.code == 4
    assert "clone it" in done.text


def test_a_device_is_no_target(nhiscan):
    done = nhiscan("audit", "/dev/null", "--as-of", AS_OF, "-j", 1, "-q")
    assert done.code == 4
    assert "neither a directory nor a regular file" in done.text
