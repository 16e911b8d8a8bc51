"""What a short audit loads: nothing of what it does not look at.  Told by imports, because times tell of the machine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import pytest

from nhiscan.api import ahead
from nhiscan.cli import main
from tests.conftest import ROOT

ABSENT = ("boto3", "azure", "google.auth", "httpx", "numpy", "isal", "tree_sitter", "cryptography", "yaml", "sqlglot")
"""Libraries that an audit of next to nothing has no use for."""

OTHER_COMMANDS = tuple(f"nhiscan.cli.{name}" for name in ("inventory", "explain", "can", "diff", "rules", "doctor"))


_SCRIPT = """
import sys
from nhiscan.cli import main
from tests.conftest import ROOT
code = main.invoke(sys.argv[1:])
print("LOADED", *sys.modules, file=sys.stderr)
sys.exit(code)
"""


@pytest.fixture
def loaded(home):
    """The modules that a command line has loaded in one process at its end, once everything is cached."""

    def run(*argv, code=0, cwd=None):
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", _SCRIPT, *map(str, argv)]
        done = subprocess.run(command, capture_output=True, cwd=cwd, env=env, check=False, text=True)
        assert done.returncode == code, done.stderr[-300:]
        return set(done.stderr.rpartition("LOADED ")[2].split())

    return run


def below(modules, *packages):
    return sorted(m for m in modules for p in packages if m == p or m.startswith(f"{p}."))


def test_an_empty_directory_loads_no_reader_and_no_detection(loaded, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    seen = loaded("audit", empty, "-q", "-j", 1, code=4)
    assert "nhiscan.collectors.repo.secrets" in seen
    clouds = [f"nhiscan.collectors.{cloud}" for cloud in ("aws", "azure", "gcp", "_rest", "_common")]
    assert below(seen, *ABSENT, *OTHER_COMMANDS, *clouds) == []
    assert below(seen, "hyperscan", "nhiscan.detect.scan", "concurrent.futures.process") == []
    assert [m for m in seen if re.match(r"nhiscan\.collectors\.repo\._\w+\.", m)] == []


def test_one_file_loads_detection_and_no_reader_of_other_files(loaded, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.py").write_text("x = 1\n")
    seen = loaded("audit", tmp_path / "one", "-q", "-j", 1)
    assert "nhiscan.detect.scan" in seen
    assert below(seen, *ABSENT) == []
    readers = {m for m in seen if re.match(r"nhiscan\.collectors\.repo\._\w+\.", m)}
    assert {m.split(".")[3] for m in readers} <= {
        "_config",
        "_agent_code",
        "_certificates",
        "_credential_files",
        "_containers",
    }
    assert not {m for m in readers if m.endswith((".checkout", ".formats", ".judge", ".records"))}


def test_before_a_commit_nothing_of_a_history_is_loaded(loaded, tmp_path, git):
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("x = 1\n")
    git(tmp_path, "add", ".")
    seen = loaded("audit", "--staged", "-q", "-j", 1, cwd=tmp_path)
    assert "nhiscan.collectors.repo._staged" in seen
    past = ("_history", "_past", "_packs", "_pack_scan", "_provenance", "_seen", "_survey", "_traces", "_whence")
    assert below(seen, *ABSENT, *(f"nhiscan.collectors.repo.{name}" for name in past)) == []
    assert below(seen, *(f"nhiscan.collectors.repo.{name}" for name in ("kubernetes", "terraform", "agents"))) == []


def test_one_command_is_the_same_with_and_without_the_others():
    from typer.main import get_command

    every = get_command(main.application()).commands
    assert list(every) == list(main._COMMANDS)
    for name, command in every.items():
        (alone,) = get_command(main.application(name)).commands.values()
        assert (alone.name, alone.help) == (name, command.help)
        assert [p.opts for p in alone.params] == [p.opts for p in command.params]
    assert list(get_command(main.application("--help")).commands) == list(every)


@pytest.fixture
def ended(monkeypatch):
    """How the program ends with a code."""

    def run(code):
        def at_once(given):
            raise KeyboardInterrupt(given)

        monkeypatch.setattr(os, "_exit", at_once)
        monkeypatch.setattr(main.atexit, "_run_exitfuncs", lambda: None)
        try:
            main._leave(code)
        except KeyboardInterrupt as e:
            return "at once", e.args[0]
        except SystemExit as e:
            return "slowly", e.code

    return run


def test_the_program_ends_at_once_when_nothing_is_left_to_do(ended, monkeypatch):
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    assert ended(3) == ("at once", 3)
    monkeypatch.setattr(sys, "stdout", None)
    assert ended(141) == ("at once", 141)


def test_the_program_ends_as_ever_beside_a_thread_or_when_nothing_can_be_written(ended, monkeypatch):
    monkeypatch.setattr(threading, "active_count", lambda: 2)
    assert ended(0) == ("slowly", 0)
    monkeypatch.setattr(threading, "active_count", lambda: 1)

    class Full:
        def flush(self):
            raise OSError

    monkeypatch.setattr(sys, "stdout", Full())
    assert ended(1) == ("slowly", 1)


def test_what_is_loaded_ahead_exists_and_what_is_missing_waits_for_its_user(monkeypatch):
    ahead.load_ahead()
    assert set(ahead.NEEDED) <= set(sys.modules)
    monkeypatch.setattr(ahead, "NEEDED", ("no.such.module",))
    ahead.load_ahead()
