"""Less than everything: what came after a revision, and what is about to be committed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._git import GitError
from nhiscan.plugin import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._git import Git

_EMPTY = {
    20: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    32: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""The id of the tree without entries, which every repository has (gitglossary(7), "tree object")."""

_STAGED = re.compile(rb":\d+ \d+ [0-9a-f]+ ([0-9a-f]+) [A-Z]\d*\0([^\0]*)\0")


def resolved(git: Git, ref: str) -> str:
    """The commit that a ref, tag or id names.  Raises TargetError when it names none."""
    with_end = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    try:
        # A word that begins with a dash is no revision, whatever a version of git makes of it.
        said = b"" if ref.startswith("-") or "\0" in ref else git.run(*with_end, accept=(0, 1, 128))
    except GitError:
        said = b""
    oid = said.decode("ascii", "replace").strip()
    if not re.fullmatch(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", oid):
        shown = "".join(c if c.isprintable() else "?" for c in ref)[:100]
        message = f"{shown!r} names no commit of the repository"
        raise TargetError(message, "name a branch, a tag or a commit, and fetch it first where the clone is shallow")
    return oid


def introduced(git: Git, since: str, head: str) -> Iterator[str]:
    """The ids of all objects that `head` leads to and `since` does not.  Raises GitError."""
    for line in git.run("rev-list", "--objects", head, f"^{since}", "--", timeout=600.0).split(b"\n"):
        if line:
            yield line.partition(b" ")[0].decode("ascii", "replace")


def staged(git: Git, head: str | None, width: int) -> dict[str, list[bytes]]:
    """The blobs of the index that differ from HEAD, with their paths.  Raises GitError."""
    options = ("--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--diff-filter=d", "--ignore-submodules")
    out = git.run("diff-index", *options, head or _EMPTY[width], "--")
    found: dict[str, list[bytes]] = {}
    for match in _STAGED.finditer(out):
        if match[1].strip(b"0"):  # not one that was only announced (`git add --intent-to-add`)
            found.setdefault(match[1].decode("ascii"), []).append(match[2])
    return found
