"""Outputs on disk: written beside their place, then renamed, so that nobody reads half a file."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

_EXCLUSIVE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


class OutputError(Exception):
    """A file cannot be written; `remedy` is one line the user can act on."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def write_atomic(path: Path, data: str | bytes) -> None:
    """Replace `path` by `data` in one step, making missing directories.  Raises OutputError.

    A symbolic link is refused, at the end of the path and (where the path is relative, so that it can lead through an
    audited checkout) in its directories; so is whatever is not a regular file.
    """
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    with atomic_writer(path) as out:
        out.write(text)


@contextmanager
def atomic_writer(path: Path) -> Iterator[TextIO]:
    """A UTF-8 text stream that becomes `path` when the block ends well and vanishes when it does not."""
    _refuse(path)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(temporary, _EXCLUSIVE, 0o666)  # the user's umask decides, as for any file they write
    except OSError as e:
        raise _failed(path, e) from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        _refuse(path)
        os.replace(temporary, path)  # noqa: PTH105 - os.replace is the documented atomic call
    except OSError as e:
        raise _failed(path, e) from None
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def _refuse(path: Path) -> None:
    parents = [] if path.is_absolute() else list(path.parents)[:-1]
    for part in (path, *parents):
        if part.is_symlink():
            message = f"{part} is a symbolic link and is not written through"
            raise OutputError(message, "remove the link or name another file")
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        message = f"{path} is not a regular file"
        raise OutputError(message, "name a file that does not exist yet, or leave -o out to print")


def _failed(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror or error}", "choose a directory you can write to")
