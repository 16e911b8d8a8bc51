"""Files of any size through one buffer: overlapping windows, of which each place of the file belongs to one."""

from __future__ import annotations

import errno
import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTH = 16 << 20
"""Bytes of a window."""

AHEAD = 64 << 10
"""Bytes a window reads beyond the places it owns; the longest credential, a private key with its headers, fits."""

BEHIND = 4 << 10
"""Bytes before the places a window owns: the name in front of a value, and the boundary of a word."""

_HOLE = 1 << 20  # a run of zeros in a file that is worth a call to skip


class Readable(Protocol):
    """What windows are read from: a file, or a stream that can only be read forward."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer as far as there is something; 0 at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """`data` lies at `offset` of the file, behind `lines_before` ends of lines; valid until the next window is taken.

    Only what begins at `first` up to `end` (within `data`) belongs to this window; the rest is context, and is reported
    by a neighbour.
    """

    offset: int
    data: memoryview
    lines_before: int
    first: int
    end: int

    def owns(self, place: int) -> bool:
        """Whether what begins at the place of `data` is to be reported for this window."""
        return self.first <= place < self.end


def windows(handle: Readable, size: int | None = None, length: int = LENGTH) -> Iterator[Window]:
    """The windows of a file or stream, at most `size` bytes of it, in constant memory.

    Holes of sparse files are jumped over where the platform tells them.  `length` is at least 256 KiB unless the
    overlap is to be shortened with it (a quarter).  Raises OSError when reading fails.
    """
    buffer = bytearray(length)
    ahead, behind = min(AHEAD, length // 4), min(BEHIND, length // 8)
    source = _Source(handle, size)
    lines = kept = first = 0
    offset = 0
    with memoryview(buffer) as view:
        while True:
            more = source.fill(view[kept:])
            count = kept + more
            partial = count < length  # the end of the file, or a hole
            end = count if partial else count - ahead
            if more or first < end:
                yield Window(offset, view[:count], lines, first, end)
            if partial:
                lines += buffer.count(b"\n", 0, count)
                if source.ended:
                    return
                offset, kept, first = source.position, 0, 0
                continue
            start = end - behind
            lines += buffer.count(b"\n", 0, start)
            kept, first = count - start, behind
            view[:kept] = view[start:count]
            offset += start


class _Source:
    """Fills buffers from a handle; stops short at the end and before a hole, and then stands behind it."""

    def __init__(self, handle: Readable, size: int | None) -> None:
        self._handle = handle
        self._size = size
        self._file = _descriptor(handle)
        self._until = 0  # where the data that is known to be no hole ends
        self.position = 0
        self.ended = False

    def fill(self, view: memoryview) -> int:
        """How many bytes of the view were filled."""
        count = 0
        while count < len(view):
            limit = len(view) - count
            if self._file is not None:
                if self.position >= self._until and self._skipped(self._file):
                    return count
                limit = min(limit, max(1, self._until - self.position)) if self._file is not None else limit
            if self._size is not None:
                limit = min(limit, self._size - self.position)
            taken = self._handle.readinto(view[count : count + limit]) if limit > 0 else 0
            if not taken:
                self.ended = True
                return count
            count += taken
            self.position += taken
        return count

    def _skipped(self, file: int) -> bool:
        """Find out where data goes on; whether that is behind a hole large enough to jump, or nowhere."""
        try:
            there = os.lseek(file, self.position, os.SEEK_DATA)
            self._until = os.lseek(file, there, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:
                self.ended = True
                return True
            self._file = None  # a file system that does not tell
            os.lseek(file, self.position, os.SEEK_SET)
            return False
        if there - self.position < _HOLE:
            self._until = max(self._until, there)
            os.lseek(file, self.position, os.SEEK_SET)
            return False
        self.position = there
        os.lseek(file, there, os.SEEK_SET)
        return True


def _descriptor(handle: Readable) -> int | None:
    """The descriptor of an unbuffered file that can tell its holes; None for streams and on other platforms."""
    if isinstance(handle, io.FileIO) and hasattr(os, "SEEK_DATA") and handle.seekable():
        return handle.fileno()
    return None
