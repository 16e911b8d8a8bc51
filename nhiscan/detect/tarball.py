"""Tar archives (POSIX.1-2001 pax, ustar, GNU) as a stream of files; links, devices and directories hold nothing."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from nhiscan.detect.streams import ArchiveError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.detect.streams import Budget
    from nhiscan.detect.wide import Source

_BLOCK = 512
_LONGEST_NAME = 64 << 10  # bytes of a header that holds a name
_FILES = frozenset(b"0\x007S")  # regular, old, contiguous, sparse
_PAX_PATH = re.compile(rb"(?:\A|\n)\d{1,10} path=([^\n]*)")
_CHUNK = 64 << 10


def is_tar(head: bytes) -> bool:
    """Whether the bytes begin with a header whose sum is right."""
    return len(head) >= _BLOCK and _sum_is_right(head[:_BLOCK])


def files(source: Source, budget: Budget) -> Iterator[tuple[str, Source]]:
    """Name and content of each file; the content is read before the next one is asked for, or passed over.

    Raises ArchiveError where the archive breaks off or the budget is spent.
    """
    name = None
    while header := _exactly(source, _BLOCK):
        if len(header) < _BLOCK or (header.strip(b"\0") and not _sum_is_right(header)):
            raise ArchiveError(Reason.BROKEN)
        if not header.strip(b"\0"):
            return
        kind, size = header[156], _number(header[124:136])
        if size < 0:
            raise ArchiveError(Reason.BROKEN)
        content = _Part(source, size)
        budget.member()
        if kind in b"xL":
            text = content.read(_LONGEST_NAME) or b""
            name = _long_name(text) if kind == ord("L") else _pax_name(text) or name
        elif kind in _FILES:
            more = kind == ord("S") and header[482]  # a sparse file with a long map goes on in blocks of its own
            while more:
                more = (_exactly(source, _BLOCK).ljust(_BLOCK, b"\0"))[504]
            yield name or _name(header), content
            name = None
        elif kind != ord("g"):
            name = None
        content.skip(-size % _BLOCK)


class _Part(io.RawIOBase):
    """So many bytes of a source."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]  # any writable buffer does
        if not self._left:
            return 0
        part = self._source.read(min(len(buffer), self._left, _CHUNK)) or b""
        if not part:
            raise ArchiveError(Reason.BROKEN)
        self._left -= len(part)
        buffer[: len(part)] = part
        return len(part)

    def skip(self, more: int) -> None:
        """Pass over what is left and so many bytes behind it."""
        self._left += more
        spare = bytearray(_CHUNK)
        while self._left and self.readinto(spare):
            pass


def _exactly(source: Source, size: int) -> bytes:
    out = b""
    while len(out) < size and (part := source.read(size - len(out))):
        out += part
    return out


def _sum_is_right(header: bytes) -> bool:
    """The sum of the header's bytes, its own field taken for blanks (POSIX.1-2001, ustar interchange format)."""
    stored = header[148:156].rstrip(b"\0 ").strip()
    if not re.fullmatch(rb"[0-7]{1,7}", stored):
        return False
    return int(stored, 8) == sum(header) - sum(header[148:156]) + 8 * 0x20


def _number(text: bytes) -> int:
    """Octal digits, or two's complement with the top bit set (GNU); -1 for anything else."""
    if text[0] == 0x80:
        return int.from_bytes(text[1:])
    digits = text.strip(b"\0 ")
    return int(digits, 8) if re.fullmatch(rb"[0-7]{1,12}", digits) else -1 if digits else 0


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0", 1)[0]
    if header[257:262] == b"ustar" and header[257:265] != b"ustar  \0":
        prefix = header[345:500].split(b"\0", 1)[0]
        name = prefix + b"/" + name if prefix else name
    return name.decode("utf-8", "replace")


def _long_name(text: bytes) -> str:
    return text.split(b"\0", 1)[0].decode("utf-8", "replace")


def _pax_name(text: bytes) -> str | None:
    match = _PAX_PATH.search(text)
    return match[1].decode("utf-8", "replace") if match else None
