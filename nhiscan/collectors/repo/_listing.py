"""Which files a checkout has: from git's index and ignore rules, or by walking a plain directory."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.plugin import Visibility

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.collectors.repo._git import Git

Listing = dict[str, Visibility]
"""Paths relative to the root, as the file system spells them (undecodable bytes as surrogates)."""

NEVER_ENTERED = frozenset({".git", ".hg", ".svn", "node_modules", ".venv", ".tox", ".nox", "__pycache__"})
"""Directories of other programs' making; a virtual environment of any name is known by its pyvenv.cfg."""

_ENVIRONMENT = "pyvenv.cfg"
_BUDGET = 20_000  # entries looked at below ignored directories: enough for any settings folder, a second at most
_LOCAL_NAME = re.compile(
    r"(?:^|/)(?:"
    r"\.env(?:rc|\.[\w.-]+)?|[\w.-]+\.env"
    r"|\.?mcp[\w.-]*\.json|[\w.-]*mcp[_-](?:config|settings|servers)[\w.-]*\.json"
    r"|claude_desktop_config\.json|\.claude\.json|opencode\.jsonc?|\.aider\.conf\.ya?ml"
    r"|\.(?:claude|cursor|codex|gemini|windsurf|roo|kiro|continue|zed|amp|amazonq|qwen|junie|trae|opencode)"
    r"/(?:[\w.-]+/){0,2}[\w.-]+\.(?:jsonc?|toml|ya?ml|env)"
    r"|\.vscode/(?:mcp|settings)\.json"
    r")$"
)


class Skip(Enum):
    """Why a file is left out; `remedy` is the act that would bring it in."""

    BINARY = "binary files"
    TOO_LARGE = "files above the size limit"
    LINK = "symbolic links, which are not followed"
    SPECIAL = "devices, sockets and pipes"
    UNREADABLE = "unreadable files"
    ARCHIVE = "archives, or parts of them, that could not be opened"
    CRASHED = "files that broke the reader"
    CROWDED = "files, or parts of them, of hardly anything but words for secrets"
    ABSENT = "tracked files that are not in the work tree"
    SUBMODULE = "submodules"
    NESTED = "repositories inside the repository"
    IGNORED = "ignored files or directories"
    DEPENDENCIES = "dependency and tool directories"
    BUDGET = "ignored directories too large to be searched for agent and .env files"

    @property
    def remedy(self) -> str:
        """One line the user can act on."""
        return _REMEDIES[self]

    @property
    def by_design(self) -> bool:
        """Whether leaving it out is what the tool promises, rather than something it failed to see."""
        return self in {Skip.BINARY, Skip.LINK, Skip.SPECIAL, Skip.IGNORED, Skip.DEPENDENCIES}


_REMEDIES = {
    Skip.BINARY: "none needed; binary formats are not searched",
    Skip.TOO_LARGE: "split the file, or keep generated data out of the repository",
    Skip.LINK: "audit the place the link leads to",
    Skip.SPECIAL: "none needed",
    Skip.UNREADABLE: "give yourself read permission on the files and audit again",
    Skip.ARCHIVE: "decrypt or repair them, unpack them and audit the directory",
    Skip.CROWDED: "look at the file; if it is meant so, split it and audit the directory",
    Skip.CRASHED: "audit each of them by itself; if it breaks again, report it as a bug of nhiscan",
    Skip.ABSENT: "run: git sparse-checkout disable, or restore the deleted files",
    Skip.SUBMODULE: "audit each submodule as a target of its own",
    Skip.NESTED: "audit each of them as a target of its own",
    Skip.IGNORED: "none needed; ignored agent and .env files are read all the same",
    Skip.DEPENDENCIES: "name the directory itself as a target",
    Skip.BUDGET: "name the directory itself as a target",
}


def is_local_name(path: str) -> bool:
    """Whether an ignored file is read all the same: an environment file or an agent's configuration."""
    return _LOCAL_NAME.search(path) is not None


def from_git(git: Git, part: str, skip: Callable[[Skip, str], None], *, read_ignored: bool) -> Listing:
    """Tracked, untracked and (with `read_ignored`) ignored agent and `.env` files below `part`.  Raises GitError."""
    where = ("--", part) if part else ()
    listing: Listing = {}
    for row in _entries(git.run("ls-files", "-z", "-s", "--cached", *where)):
        head, _, path = row.partition("\t")
        match head[:6]:
            case "160000":
                skip(Skip.SUBMODULE, path)
            case "120000":
                skip(Skip.LINK, path)
            case _:
                listing[path] = Visibility.TRACKED
    for path in _entries(git.run("ls-files", "-z", "--others", "--exclude-standard", *where)):
        if path.endswith("/"):
            skip(Skip.NESTED, path)
        else:
            listing.setdefault(path, Visibility.UNTRACKED)
    ignored = git.run("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", *where)
    for path in _ignored_local(git.root, list(_entries(ignored)), skip, read_ignored=read_ignored):
        listing.setdefault(path, Visibility.LOCAL)
    return listing


def walk(root: Path, part: str, visibility: Visibility, skip: Callable[[Skip, str], None]) -> Listing:
    """Every file below `part` of a directory without git; links are not followed, so cycles end."""
    start = root / part
    if not start.is_dir():
        return {part: visibility}
    listing: Listing = {}
    folders = [(str(start), f"{part}/" if part else "")]
    while folders:
        here, prefix = folders.pop()
        try:
            entries = list(os.scandir(here))
        except OSError:
            skip(Skip.UNREADABLE, prefix.rstrip("/") or ".")
            continue
        if prefix and any(entry.name == _ENVIRONMENT for entry in entries) and here != str(start):
            skip(Skip.DEPENDENCIES, prefix.rstrip("/"))
            continue
        for entry in entries:
            reason = _left_out(entry)
            if reason is not None:
                skip(reason, prefix + entry.name)
            elif entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, f"{prefix}{entry.name}/"))
            elif entry.name != ".git":
                listing[prefix + entry.name] = visibility
    return listing


def first(start: Path) -> Path | None:
    """Some regular file at or below a path of a plain directory; None when there is none that `walk` would list."""
    if start.is_file():
        return start
    for here, directories, names in os.walk(start):
        directories[:] = [d for d in directories if not _foreign(here, d)]
        for name in names:
            path = Path(here, name)
            if name != ".git" and path.is_file() and not path.is_symlink():
                return path
    return None


def _left_out(entry: os.DirEntry[str]) -> Skip | None:
    if entry.is_symlink():
        return Skip.LINK
    if entry.is_dir(follow_symlinks=False):
        return Skip.DEPENDENCIES if entry.name in NEVER_ENTERED else None
    return None if entry.is_file(follow_symlinks=False) else Skip.SPECIAL


def _foreign(folder: str, name: str) -> bool:
    return name in NEVER_ENTERED or os.path.lexists(f"{folder}/{name}/{_ENVIRONMENT}")


def _relative(root: Path, path: str) -> str:
    relative = os.path.relpath(path, root).replace(os.sep, "/")
    return "" if relative == "." else relative


def _entries(out: bytes) -> Iterator[str]:
    return (os.fsdecode(row) for row in out.split(b"\0") if row)


def _ignored_local(
    root: Path, paths: list[str], skip: Callable[[Skip, str], None], *, read_ignored: bool
) -> Iterator[str]:
    left = _BUDGET
    for path in paths:
        if not path.endswith("/"):
            if read_ignored and is_local_name(path):
                yield path
            else:
                skip(Skip.IGNORED, path)
            continue
        skip(Skip.IGNORED, path)
        folder = path.rstrip("/")
        if not read_ignored or _foreign(str((root / folder).parent), folder.rpartition("/")[2]):
            continue
        if left <= 0:
            skip(Skip.BUDGET, path)
            continue
        for name in _below(root, folder):
            left -= 1
            if left <= 0:
                skip(Skip.BUDGET, path)
                break
            if is_local_name(name):
                yield name


def _below(root: Path, folder: str) -> Iterator[str]:
    for here, directories, names in os.walk(root / folder):
        directories[:] = sorted(d for d in directories if not _foreign(here, d))
        prefix = _relative(root, here)
        yield from (f"{prefix}/{name}" for name in sorted(names))
