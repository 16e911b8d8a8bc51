"""What may be kept between runs: compiled detection, parsed rules and data files.  Never anything of what was scanned.

A kept file bears a digest of itself: a damaged one counts as absent and is made anew.  One that cannot be written is
no error.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_DIGEST = 32
_place: Path | None = None


def use(directory: Path | None) -> None:
    """Keep files below the directory from now on; None (the beginning, and `--no-cache`) keeps nothing on disk."""
    global _place  # noqa: PLW0603 - one process has one cache, and code far below needs it
    _place = directory


def directory() -> Path | None:
    """Where files are kept; None where they are not."""
    return _place


def load(name: str) -> bytes | None:
    """What was stored under the name; None when nothing was, or when it is damaged."""
    if _place is None:
        return None
    with suppress(OSError), (_place / name).open("rb") as file:
        digest, body = file.read(_DIGEST), file.read()
        if hashlib.sha256(body).digest() == digest:
            return body
    return None


def store(family: str, name: str, body: bytes) -> None:
    """Store a file in one step and remove others of its family (`detect-*`), which older versions have left."""
    if _place is None:
        return
    with suppress(OSError):
        put(_place / name, hashlib.sha256(body).digest() + body)
        for old in _place.glob(f"{family}*"):
            if old.name != name:
                old.unlink(missing_ok=True)


def put(place: Path, data: bytes) -> None:
    """Write a private file in one step, its directory as well; whoever reads meanwhile sees the old one or the new.

    Raises OSError.
    """
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name[:20]}-", delete=False) as file:
        file.write(data)
    Path(file.name).replace(place)


def listed(directory: Path, suffix: str) -> list[str]:
    """The files of a directory with the suffix, sorted; none where it cannot be read.  For `stamp`, at every start."""
    with suppress(OSError), os.scandir(directory) as entries:
        return sorted(entry.path for entry in entries if entry.name.endswith(suffix))
    return []


def stamp(*parts: str, files: Sequence[Path | str]) -> str:
    """A name for what is made of the files: it changes with any of them (size, time of change) and with the parts."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.encode() + b"\0")
    for path in files:
        status = os.stat(path)  # noqa: PTH116 - a hundred files at every start
        name = os.path.basename(path)  # noqa: PTH119 - as above
        digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()
