"""Which files are text: UTF-16 and UTF-32 with or without a byte order mark become UTF-8, binary files are left out."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    Bytes = bytes | bytearray | memoryview

    class Source(Protocol):
        """A stream of bytes that is read once, from front to back."""

        def read(self, size: int = -1, /) -> bytes | None:
            """At most so many bytes; none at the end."""
            ...


HEAD = 8 << 10
"""Bytes from which the nature of a file is told; where git looks for a NUL, too."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
)  # fmt: skip
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\n\r\f"
_BINARY = (b"%PDF-", b"\x7fELF", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"SQLite format 3", b"PACK\0\0\0")
_CHUNK = 64 << 10


def encoding_of(head: bytes) -> str | None:
    """`utf-16-le`, `utf-16-be` or a UTF-32 for text of two or four bytes a character; None for everything else.

    Without a mark the zero bytes decide: of ASCII in UTF-16 every other byte is zero, and the rest is readable.
    """
    for mark, name in _MARKS:
        if head.startswith(mark) and len(head) > len(mark):
            return name if _is_readable(head, name) else None
    if len(head) < 8 or b"\0" not in head:
        return None
    even, odd = head[: len(head) & ~1 : 2], head[1::2]
    for zeros, letters, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        empty = zeros.count(0) / len(zeros)
        unreadable = len(letters.translate(None, _PLAIN)) / len(letters)
        if empty > 0.7 and unreadable < 0.1 and letters.count(0) < len(letters) / 100:
            return name
    return None


def _is_readable(head: bytes, encoding: str) -> bool:
    """Whether most characters can be printed; the first two samples of a sound can look like a mark, too."""
    text = str(head[: len(head) & ~3], encoding, "ignore").removeprefix("\ufeff")
    return sum(c.isprintable() or c.isspace() for c in text) >= 0.9 * len(text) > 0


def is_binary(head: bytes) -> bool:
    """Whether a file that begins so is no text: by its first bytes, or a NUL where it is not UTF-16.

    A head of nothing but NULs says nothing (a sparse file, a log after a crash) and counts as text.
    """
    if head.startswith(_BINARY):
        return True
    return b"\0" in head and bool(head.strip(b"\0")) and encoding_of(head) is None


def recoded(data: Bytes, encoding: str) -> bytes:
    """The text in UTF-8 without its mark; what is no character is replaced."""
    return str(data, encoding, "replace").removeprefix("\ufeff").encode("utf-8", "replace")


class Recoder(io.RawIOBase):
    """A stream of UTF-16 or UTF-32 as a stream of UTF-8, a piece at a time."""

    def __init__(self, source: Source, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._ready = b""
        self._first = True

    def readable(self) -> bool:
        """True: it can be read, and nothing else."""
        return True

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]  # any writable buffer does
        """Fill the buffer as far as one piece goes; 0 at the end."""
        while not self._ready:
            raw = self._source.read(_CHUNK) or b""
            text = self._decoder.decode(raw, final=not raw)
            if self._first and text:
                text, self._first = text.removeprefix("\ufeff"), False
            self._ready = text.encode("utf-8", "replace")
            if not raw:
                break
        part = self._ready[: len(buffer)]
        self._ready = self._ready[len(part) :]
        buffer[: len(part)] = part
        return len(part)
