"""Repositories for the tests of history, made by the real git; tokens are assembled, so none is committed."""

from __future__ import annotations

import hashlib
import os
import subprocess
from datetime import UTC, datetime

from nhiscan.collectors.repo.history import COLLECTOR
from nhiscan.detect.examples import assemble
from nhiscan.plugin import Context, Credential, Exposure, Gap, Target, TargetKind
from nhiscan.sensitive import FingerprintKey, Sensitive

KEY = FingerprintKey(b"k" * 32)
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
_ENV = {
    "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@acme.example",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@acme.example", "GIT_ALLOW_PROTOCOL": "file",
}  # fmt: skip


def token(seed: str) -> str:
    """A token of its own for each seed, with the right checksum."""
    return assemble("ghp_{crc}", seed)


def fingerprint(seed: str) -> str:
    return KEY.fingerprint(Sensitive(token(seed)))


class Repo:
    """A repository under construction; commits are a minute apart, so that their order is known."""

    def __init__(self, root, *init: str) -> None:
        self.root = root
        root.mkdir(parents=True)
        self.minute = 0
        self.git("init", "-q", "-b", "main", *init)

    def git(self, *arguments: str, data: bytes | None = None, **env: str) -> str:
        self.minute += 1
        when = f"2026-10-01T{self.minute // 60:02d}:{self.minute % 60:02d}:00Z"
        clean = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_DATE": when,
        }
        command = ["git", "-c", "gc.auto=0", "-c", "protocol.file.allow=always", *arguments]
        done = subprocess.run(
            command, cwd=self.root, env=clean | _ENV | env, check=True, capture_output=True, input=data
        )
        return done.stdout.decode().strip()

    def write(self, name: str, content: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, message: str = "work", **files: str | bytes) -> str:
        for name, content in files.items():
            self.write(name.replace("__", "/").replace("_", "."), content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def pack(self) -> None:
        """Put every object into one pack, the unreachable ones too."""
        ids = self.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
        self.git("pack-objects", "-q", ".git/objects/pack/pack", data=f"{ids}\n".encode())
        self.git("prune-packed", "-q")

    def remote(self) -> None:
        self.git("remote", "add", "origin", "git@github.com:acme/shop.git")


class Seen:
    """The records of one run."""

    def __init__(self, records: list) -> None:
        self.records = records
        self.exposures = [r for r in records if isinstance(r, Exposure)]
        self.gaps = {r.id.rpartition("/")[2]: r for r in records if isinstance(r, Gap)}
        self._prints = {r.id: r.fingerprint for r in records if isinstance(r, Credential)}

    def of(self, seed: str) -> list[Exposure]:
        """Where the token of the seed lies."""
        return [e for e in self.exposures if self._prints[e.credential_id] == fingerprint(seed)]

    def one(self, seed: str) -> Exposure:
        (found,) = self.of(seed)
        return found


def context(**options) -> Context:
    return Context(**({"as_of": AS_OF, "key": KEY, "history": True} | options))


def run(root, **options) -> Seen:
    ctx = context(**options)
    target = Target(str(root), TargetKind.PATH, str(root))
    return Seen([r for unit in COLLECTOR.units(target, ctx) for r in COLLECTOR.collect(unit, ctx)])


def states(root) -> dict[str, tuple[str, int, int]]:
    """Content, time of change and mode of everything below a directory."""
    return {
        str(p.relative_to(root)): (
            hashlib.sha256(p.read_bytes()).hexdigest() if p.is_file() else "", p.lstat().st_mtime_ns, p.lstat().st_mode,
        )
        for p in sorted(root.rglob("*"))
        if not p.is_symlink()
    }  # fmt: skip
