"""One file after the other through one buffer: no link is followed, nothing but regular files is read."""

from __future__ import annotations

import errno
import io
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._listing import Skip
from nhiscan.detect import wide
from nhiscan.detect.windows import windows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nhiscan.detect.stage import Bytes
    from nhiscan.detect.windows import Readable

WHOLE = 16 << 20
"""A file up to this many bytes is read whole, a larger one by windows."""

_FIRST = 1 << 20
_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """A file, or a window of a large one: `data` is valid until the next part is taken and stands behind `lines` lines.

    What begins outside of `first` and `end` is reported by a neighbour.
    """

    data: Bytes
    lines: int = 0
    first: int = 0
    end: int = 1 << 62


class Reader:
    """Reads the files below a directory through one buffer that is used again and again."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}{os.sep}"
        self._bytes = bytearray(_FIRST)
        self._buffer = memoryview(self._bytes)
        self._size = 0  # of the file that was opened last

    def open(self, name: str) -> int | Skip:
        """A descriptor of the regular file, or why there is none."""
        try:
            handle = os.open(self._root + name, _FLAGS)
        except FileNotFoundError:
            return Skip.ABSENT
        except (OSError, ValueError) as e:
            return Skip.LINK if getattr(e, "errno", None) == errno.ELOOP else Skip.UNREADABLE
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode):
            self._size = status.st_size
            return handle
        os.close(handle)
        return Skip.SPECIAL

    def plain(self, handle: int) -> memoryview | None:
        """The whole of an open file that is small and ordinary text, valid until the next call; None for any other.

        Most files are, and for them nothing else has to be found out.  Raises OSError.
        """
        count = _read(handle, self._buffer, self._size)
        if count == len(self._buffer) or self._bytes.find(0, 0, min(count, wide.HEAD)) >= 0:
            return None
        return None if count and self._bytes[0] in _MARKED else self._buffer[:count]

    def parts(self, handle: int) -> Iterator[Part]:
        """The text of an open file, UTF-16 as UTF-8.  Raises OSError, and BinaryError for a file that is no text."""
        os.lseek(handle, 0, os.SEEK_SET)
        count = self._fill(handle)
        head = bytes(self._buffer[: min(count, wide.HEAD)])
        encoding = None
        if b"\0" in head or (head[:1] and head[0] in _MARKED):
            encoding = wide.encoding_of(head)
            if encoding is None and wide.is_binary(head):
                raise BinaryError(head)
        if count < len(self._buffer) and encoding is None:
            yield Part(self._buffer[:count])
            return
        os.lseek(handle, 0, os.SEEK_SET)
        with io.FileIO(handle, closefd=False) as raw:
            source: Readable = wide.Recoder(raw, encoding) if encoding else raw
            for window in windows(source):
                yield Part(window.data, window.lines_before, window.first, window.end)

    def whole(self, name: str, limit: int) -> bytes | Skip:
        """The text of a file of at most `limit` bytes."""
        handle = self.open(name)
        if isinstance(handle, Skip):
            return handle
        try:
            if self._size <= limit and (view := self.plain(handle)) is not None:
                return bytes(view)
            if self._size > limit:
                return Skip.BINARY if wide.is_binary(os.read(handle, wide.HEAD)) else Skip.TOO_LARGE
            return b"".join(bytes(p.data)[p.first : p.end] for p in self.parts(handle))
        except BinaryError:
            return Skip.BINARY
        except OSError:
            return Skip.UNREADABLE
        finally:
            os.close(handle)

    def look(self, name: str, limit: int) -> tuple[bytearray, int] | None:
        """A small file of ordinary text: where its bytes begin, until the next call, and how many; None for others."""
        handle = self.open(name)
        if isinstance(handle, Skip):
            return None
        try:
            view = self.plain(handle) if self._size <= limit else None
        except OSError:
            return None
        finally:
            os.close(handle)
        return None if view is None else (self._bytes, len(view))

    def raw(self, name: str, limit: int) -> bytes | Skip:
        """The bytes of a file of at most `limit` bytes as they are, text or not."""
        handle = self.open(name)
        if isinstance(handle, Skip):
            return handle
        try:
            if self._size > limit:
                return Skip.TOO_LARGE
            with io.FileIO(handle, closefd=False) as source:
                return (source.read(limit + 1) or b"")[:limit]
        except OSError:
            return Skip.UNREADABLE
        finally:
            os.close(handle)

    def _fill(self, handle: int) -> int:
        """Read from the start; the buffer grows once to the length of a window when a file does not fit."""
        count = _read(handle, self._buffer, self._size)
        if count == len(self._buffer) == _FIRST:
            self._bytes = bytearray(WHOLE)
            self._buffer = memoryview(self._bytes)
            os.lseek(handle, 0, os.SEEK_SET)
            count = _read(handle, self._buffer, self._size)
        return count


class BinaryError(Exception):
    """A file is no text; `head` are its first bytes."""

    def __init__(self, head: bytes) -> None:
        super().__init__("binary")
        self.head = head


_MARKED = frozenset(b"\xff\xfe\0%\x7f\x89GSP")
"""First bytes of encodings and of binary formats that may hold no NUL at their beginning (see `detect.wide`)."""


def _read(handle: int, buffer: memoryview, size: int) -> int:
    count = 0
    # A short read is the end of the file or a signal: another read tells, and the size says that none is needed.
    while count < len(buffer) and (more := _read_into(handle, buffer[count:] if count else buffer)):
        count += more
        if count >= size:
            break
    return count


def _read_into(handle: int, buffer: memoryview) -> int:
    if hasattr(os, "readv"):
        return os.readv(handle, [buffer])
    with io.FileIO(handle, closefd=False) as raw:
        return raw.readinto(buffer) or 0
