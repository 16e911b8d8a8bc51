"""The commit that a history began with, by which a repository without a remote is known.

Finding it takes git through all commits, so the answer is kept, sealed, and holds for what grows from it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._sealed import Sealed

if TYPE_CHECKING:
    from nhiscan.collectors.repo._git import Git
    from nhiscan.plugin import Context

_SHORT = 12


def first_commit(git: Git, head: str | None, ctx: Context) -> str | None:
    """The first 12 hex digits of the oldest commit that HEAD grew from; None before there is one.  Raises GitError."""
    if head is None:
        return None
    file = _file(git, ctx)
    match file.read():
        case [str(old), str(first)] if _holds(git, old, head):
            if old != head:
                file.write([head, first])
            return first
    found = git.roots(head)
    if not found:
        return None
    file.write([head, found[0][:_SHORT]])
    return found[0][:_SHORT]


def _holds(git: Git, old: str, head: str) -> bool:
    """Whether what `old` grew from is still what HEAD grew from."""
    return old == head or (git.grew(old, head) and not git.roots(head, old))


def _file(git: Git, ctx: Context) -> Sealed:
    """Where the answer is kept; nowhere for a second work tree, whose history may be cut off in another directory."""
    place = git.root if git.bare else git.root / ".git"
    cut = b""
    with suppress(OSError):
        cut = (place / "shallow").read_bytes()
    about = b"first\0%s\0%s" % (os.fsencode(place), cut)
    return Sealed.of(ctx.cache_dir if place.is_dir() else None, about, "first", ctx.key)
