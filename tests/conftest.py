"""What several tests share: the example estate, an empty home, and the command line in this process."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nhiscan import cache

ROOT = Path(__file__).resolve().parent.parent
AS_OF = "2026-11-01"


def load_by_path(path: Path) -> Any:
    """A module that is no part of the package (fixtures/assemble.py)."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module


def text_of(path: Path) -> str:
    """All that a written file says; tables of a saved run are unpacked."""
    if path.suffix != ".parquet":
        return path.read_bytes().decode("utf-8", "replace")
    import duckdb

    return "\n".join(map(repr, duckdb.read_parquet(str(path)).fetchall()))


@pytest.fixture(scope="session")
def assemble():
    return load_by_path(ROOT / "fixtures" / "assemble.py").assemble


@pytest.fixture(scope="session")
def tokens():
    return load_by_path(ROOT / "fixtures" / "tokens.py")


@pytest.fixture(scope="session")
def acme(assemble, tmp_path_factory) -> Path:
    """The assembled example estate: `repo` (a git repository) and `aws` (an exported account).  Read-only."""
    return assemble(tmp_path_factory.mktemp("estate") / "acme")


@pytest.fixture(scope="session")
def warm_cache(tmp_path_factory) -> Path:
    """What the program keeps between runs (compiled formats, parsed rules), made once for all processes of a test run."""
    place = ROOT / ".pytest_cache"
    nothing = tmp_path_factory.mktemp("nothing")
    (nothing / "a.txt").write_text("nothing\n")
    clean = {"PATH": os.environ["PATH"], "HOME": str(nothing), "XDG_CACHE_HOME": str(place), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "nhiscan", "audit", str(nothing), "-q"], env=clean, check=True, cwd=nothing)
    return place / "nhiscan"


def furnish(home: Path, kept: Path) -> Path:
    """The home, with what the program keeps between runs."""
    place = home / ".cache" / "nhiscan"
    place.mkdir(parents=True, mode=0o700)
    for file in kept.glob("*-*"):
        os.link(file, place / file.name)
    return home


@pytest.fixture(scope="session")
def common_home(warm_cache, tmp_path_factory) -> Path:
    """The home of all tests that run no command line: thousands, so that one for each would take minutes."""
    place = furnish(tmp_path_factory.mktemp("common") / "home", warm_cache)
    cache.use(place / ".cache" / "nhiscan")
    return place


@pytest.fixture(autouse=True)
def outside(monkeypatch, common_home) -> None:
    """No credentials or configuration from outside, nothing but loopback."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "GIT_", "NHISCAN_", "XDG_")) or name in {"NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(common_home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def home(outside, tmp_path, monkeypatch, warm_cache) -> Path:
    """A home of its own, with nothing but what the program keeps."""
    place = furnish(tmp_path / "home", warm_cache)
    monkeypatch.setenv("HOME", str(place))
    return place


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def text(self) -> str:
        return self.out + self.err


@pytest.fixture
def nhiscan(home, capsys):
    """Run a command line in this process."""
    from nhiscan.cli.main import invoke

    def run(*argv: object) -> Done:
        capsys.readouterr()
        code = invoke([str(a) for a in argv])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Done(code, out, err)

    return run


@pytest.fixture
def program(home):
    """Run the program as a user does, in a process and an environment of its own."""

    def run(*argv: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> Done:
        clean = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        command = [sys.executable, "-m", "nhiscan", *map(str, argv)]
        done = subprocess.run(command, capture_output=True, cwd=cwd, env=clean | (env or {}), check=False)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def audit_acme(nhiscan, acme):
    """The audit of `make audit`, as JSON unless told otherwise."""

    def run(*more: object, form: str = "json") -> Done:
        config = ROOT / "fixtures" / "acme" / "nhiscan.yaml"
        targets = (acme / "repo", *(f"snapshot:{acme / cloud}" for cloud in ("aws", "azure", "gcp")))
        return nhiscan("audit", *targets, "--config", config, "--as-of", AS_OF, "-j", 1, "-q", "-f", form, *more)

    return run


@pytest.fixture
def no_network(monkeypatch):
    """Any attempt to open a socket fails the test."""

    def refuse(*_args, **_kwargs):
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def git():
    """Run git in a directory, with an identity and without anybody's configuration."""

    def run(directory: Path, *arguments: str) -> str:
        env = {
            "PATH": os.environ["PATH"], "HOME": str(directory), "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@acme.example", "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@acme.example", "GIT_AUTHOR_DATE": "2026-10-01T00:00:00Z",
            "GIT_COMMITTER_DATE": "2026-10-01T00:00:00Z",
        }  # fmt: skip
        command = ["git", "-c", "init.defaultBranch=main", *arguments]
        return subprocess.run(command, cwd=directory, env=env, check=True, capture_output=True, text=True).stdout

    return run
