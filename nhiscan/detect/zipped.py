"""Zip archives (APPNOTE 6.3.10: jar, wheel, nupkg, apk, docx, …), member by member, the directory read as a stream."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.detect.streams import ArchiveError, Inflated, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from nhiscan.detect.streams import Budget
    from nhiscan.detect.wide import Source

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LONGEST_COMMENT = 0xFFFF
_NEVER = 0xFFFFFFFF  # the field is in the extra data
_KINDS = {8: "deflate", 12: "bz2", 14: "lzma", 93: "zst", 95: "xz"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A member: where its local header lies in the file, how many bytes of data follow, and how they are packed."""

    name: str
    offset: int
    packed: int
    method: int
    encrypted: bool


def entries(handle: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """The members by the central directory, directories left out.  Raises ArchiveError when it is broken."""
    start, size, shift = _directory(handle)
    place, end = start, start + size
    while place + _ENTRY.size <= end:
        handle.seek(place)
        raw = handle.read(_ENTRY.size)
        if len(raw) < _ENTRY.size or raw[:4] != b"PK\x01\x02":
            raise ArchiveError(Reason.BROKEN)
        fields = _ENTRY.unpack(raw)
        flags, method, packed, unpacked = fields[5], fields[6], fields[10], fields[11]
        name_size, extra_size, comment_size, offset = fields[12], fields[13], fields[14], fields[18]
        name, extra = handle.read(name_size), handle.read(extra_size)
        packed, offset = _long(extra, packed, unpacked, offset)
        place += _ENTRY.size + name_size + extra_size + comment_size
        budget.member()
        if not name.endswith(b"/"):
            text = name.decode("utf-8" if flags & 0x800 else "cp437", "replace")
            yield Entry(text, offset + shift, packed, method, bool(flags & 1))


def content(handle: BinaryIO, entry: Entry, budget: Budget) -> Source:
    """The bytes of a member as a stream.  Raises ArchiveError when they cannot be read."""
    if entry.encrypted:
        raise ArchiveError(Reason.ENCRYPTED)
    if entry.offset < 0:  # the end of the directory lies about where it begins
        raise ArchiveError(Reason.BROKEN)
    handle.seek(entry.offset)
    raw = handle.read(_LOCAL.size)
    if len(raw) < _LOCAL.size or raw[:4] != b"PK\x03\x04":
        raise ArchiveError(Reason.BROKEN)
    name_size, extra_size = _LOCAL.unpack(raw)[9:11]
    data = _Range(handle, entry.offset + _LOCAL.size + name_size + extra_size, entry.packed, budget)
    if entry.method == 0:
        data.counted = True
        return data
    kind = _KINDS.get(entry.method)
    if kind is None or kind == "lzma":
        raise ArchiveError(Reason.UNSUPPORTED)
    return Inflated(data, kind, budget)


def _directory(handle: BinaryIO) -> tuple[int, int, int]:
    """Where the central directory begins, its size, and how far the archive stands behind the start of the file."""
    size = handle.seek(0, io.SEEK_END)
    low = max(0, size - _LONGEST_COMMENT - _END.size)
    handle.seek(low)
    tail = handle.read(size - low)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ArchiveError(Reason.BROKEN)
    length, offset = _END.unpack_from(tail, at)[5:7]
    end = low + at
    if _NEVER in {length, offset}:
        end, length, offset = _directory64(handle, end)
    start = end - length
    if start < 0 or length > size:
        raise ArchiveError(Reason.BROKEN)
    return start, length, start - offset


def _directory64(handle: BinaryIO, end: int) -> tuple[int, int, int]:
    handle.seek(max(0, end - _LOCATOR64.size))
    raw = handle.read(_LOCATOR64.size)
    if len(raw) < _LOCATOR64.size or raw[:4] != b"PK\x06\x07":
        raise ArchiveError(Reason.BROKEN)
    # The record lies right before its locator, wherever the archive begins.
    place = end - _LOCATOR64.size - _END64.size
    handle.seek(max(0, place))
    raw = handle.read(_END64.size)
    if len(raw) < _END64.size or raw[:4] != b"PK\x06\x06":
        raise ArchiveError(Reason.BROKEN)
    length, offset = _END64.unpack(raw)[8:10]
    return place, length, offset


def _long(extra: bytes, packed: int, unpacked: int, offset: int) -> tuple[int, int]:
    """Size and offset with the 64-bit values of the extra field where the short ones say so (APPNOTE 4.5.3)."""
    at = 0
    while at + 4 <= len(extra):
        tag, size = struct.unpack_from("<2H", extra, at)
        if tag == 1:
            field = extra[at + 4 : at + 4 + size]
            long = (value for (value,) in struct.iter_unpack("<Q", field[: len(field) & ~7]))
            if unpacked == _NEVER:
                next(long, None)
            packed = next(long, packed) if packed == _NEVER else packed
            offset = next(long, offset) if offset == _NEVER else offset
        at += 4 + size
    return packed, offset


class _Range(io.RawIOBase):
    """A stretch of a file, whoever moves the file in between; what is stored unpacked counts against the budget."""

    def __init__(self, handle: BinaryIO, place: int, size: int, budget: Budget) -> None:
        self._handle = handle
        self._place = place
        self._left = size
        self._budget = budget
        self.counted = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]  # any writable buffer does
        self._handle.seek(self._place)
        part = self._handle.read(min(len(buffer), self._left))
        if self._left and not part:
            raise ArchiveError(Reason.BROKEN)
        self._place += len(part)
        self._left -= len(part)
        if self.counted:
            self._budget.take(len(part))
        buffer[: len(part)] = part
        return len(part)
