"""The only place that runs git: fixed arguments, a cleaned environment, and nothing of the repository runs.

A checkout under audit is hostile until proven otherwise, and its configuration can name programs: file-system monitors,
filters, text converters, pagers, aliases, remote helpers.  Only plumbing that never needs them is called, each of them
is switched off as well, and no transport is allowed (git-config(1), git(1) "ENVIRONMENT VARIABLES").
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import IO

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "core.pager=cat",
    "core.sshCommand=false",
    "core.alternateRefsCommand=false",
    "protocol.allow=never",
    "credential.helper=",
    "core.multiPackIndex=false",
    f"diff.orderFile={os.devnull}",
    "log.showRoot=true",
    "log.showSignature=false",
    "blame.ignoreRevsFile=",
    "blame.showEmail=false",
    "submodule.recurse=false",
    "gc.auto=0",
    "maintenance.auto=false",
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_LITERAL_PATHSPECS": "1",
    # Overrides any protocol.<name>.allow of the repository; git before 2.45 does not know GIT_NO_LAZY_FETCH.
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_PAGER": "cat",
    "GIT_ASKPASS": "false",
    "SSH_ASKPASS": "false",
    "LC_ALL": "C",
}
_INHERITED = ("PATH", "SYSTEMROOT", "TMPDIR", "TEMP", "TMP")
_MISSING = "git is not installed"
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:[^/@\s]*@)?(?P<host>[^/:\s]+)(?::\d+)?/(?P<path>\S+)")
_SCP = re.compile(r"(?:[^/@\s:]+@)?(?P<host>[A-Za-z0-9][A-Za-z0-9.-]+):(?!//)(?P<path>[^\s\\]+)")


class GitError(Exception):
    """git is missing, refused, or took too long; the message is one line without paths of this machine."""


@dataclass(frozen=True, slots=True)
class Git:
    """Read-only access to the repository whose work tree is `root` (a directory that holds `.git`).

    With `bare`, `root` is the git directory itself.  `objects` replaces its object directory and may be followed by
    others that are read as well (git(1), GIT_OBJECT_DIRECTORY), where its own alternates must not be.
    """

    root: Path
    bare: bool = False
    objects: tuple[str, ...] = ()

    def run(self, *arguments: str, timeout: float = 60.0, accept: Sequence[int] = (0,)) -> bytes:
        """What the git command prints.  Raises GitError on another exit status or after `timeout` seconds."""
        try:
            done = subprocess.run(
                self._command(arguments),
                cwd=self.root,
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError:
            raise GitError(_MISSING) from None
        except subprocess.TimeoutExpired:
            msg = f"git {arguments[0]} did not end within {timeout:.0f} seconds"
            raise GitError(msg) from None
        except (OSError, ValueError):
            msg = f"git {arguments[0]} could not be started"
            raise GitError(msg) from None
        if done.returncode not in accept:
            msg = f"git {arguments[0]} failed with status {done.returncode}"
            raise GitError(msg)
        return done.stdout

    def popen(self, *arguments: str, stdin: IO[bytes] | int, stdout: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """The running git command, for what is too long to be held; the caller waits for it.  Raises GitError."""
        try:
            return subprocess.Popen(
                self._command(arguments),
                cwd=self.root,
                env=self._variables(),
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,
                bufsize=1 << 20,
            )
        except FileNotFoundError:
            raise GitError(_MISSING) from None
        except (OSError, ValueError):
            msg = f"git {arguments[0]} could not be started"
            raise GitError(msg) from None

    def _command(self, arguments: Sequence[str]) -> list[str]:
        settings = [part for setting in (*_SETTINGS, f"safe.directory={self.root}") for part in ("-c", setting)]
        # An explicit git directory and work tree: the repository's core.worktree must not lead us elsewhere.
        directory = self.root if self.bare else self.root / ".git"
        place = [f"--git-dir={directory}", f"--work-tree={self.root}"]
        return ["git", "--no-pager", *settings, *place, *arguments]

    def _variables(self) -> dict[str, str]:
        variables = _environment()
        if self.objects:
            variables["GIT_OBJECT_DIRECTORY"] = self.objects[0]
            variables["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.pathsep.join(self.objects[1:])
        return variables

    def head(self) -> str | None:
        """The commit of HEAD in hex; None before the first commit.  Raises GitError."""
        out = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", "HEAD^{commit}", accept=(0, 1, 128))
        return out.decode("ascii", "replace").strip() or None

    def remote(self) -> str | None:
        """`host/org/name` of the remote `origin`; None without one or when it is a path.  Raises GitError."""
        out = self.run("config", "--local", "--no-includes", "--get", "remote.origin.url", accept=(0, 1))
        return normalise_remote(out.decode("utf-8", "replace"))

    def roots(self, revision: str, *without: str) -> list[str]:
        """The commits without parents that the revision leads to and the others do not, oldest first.

        Raises GitError.
        """
        lines = self.run(
            "rev-list", "--max-parents=0", "--timestamp", revision, *(f"^{oid}" for oid in without), "--", timeout=120.0
        )
        dated = (line.split() for line in lines.decode("ascii", "replace").splitlines())
        return [oid for _, oid in sorted((int(time), oid) for time, oid in dated)]

    def grew(self, old: str, new: str) -> bool:
        """Whether one commit leads to another that is older; False where git does not know it any more.

        Raises GitError.
        """
        said = self.run("rev-list", "--count", "--max-count=1", old, f"^{new}", "--", accept=(0, 128))
        return said.strip() == b"0"


def normalise_remote(url: str) -> str | None:
    """`host/org/name` without scheme, user, password, port and `.git`; None when the text names no host."""
    text = url.strip()
    match = _URL.fullmatch(text)
    if match is not None and match["scheme"].lower() == "file":
        return None
    match = match or _SCP.fullmatch(text)
    if match is None:
        return None
    path = match["path"].split("?")[0].split("#")[0].strip("/").removesuffix(".git").strip("/")
    clean = "/".join(part for part in path.split("/") if part not in {"", ".", ".."})
    return f"{match['host'].lower()}/{clean}" if clean else None


def find_root(path: Path) -> Path | None:
    """The nearest directory at or above `path` that holds `.git`; None when there is none."""
    for directory in (path, *path.parents):
        try:
            # lexists: a broken `.git` is still a repository, and the caller says what is wrong with it.
            if os.path.lexists(directory / ".git"):
                return directory
        except OSError:
            return None
    return None


def is_bare(path: Path) -> bool:
    """Whether `path` is a git directory itself: a bare repository, or the inside of `.git`."""
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | _ENVIRONMENT
