"""Compressed data as a stream of bytes, within a budget: nothing is held whole and no bomb is swallowed."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from nhiscan.detect.wide import Source

_CHUNK = 64 << 10
_LZMA_MEMORY = 128 << 20
_ALLOWANCE = 32 << 20  # bytes that any archive may hold, whatever its ratio


class Reason(StrEnum):
    """Why something in an archive, or the rest of it, was not read; each becomes a gap."""

    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    UNSUPPORTED = "unsupported"
    TOO_DEEP = "too deep"
    TOO_LARGE = "too large"
    TOO_MANY = "too many members"
    BOMB = "compression bomb"


REMEDIES = {
    Reason.ENCRYPTED: "decrypt the archive and scan what it holds",
    Reason.BROKEN: "repair or remove the archive; what could be read of it was scanned",
    Reason.UNSUPPORTED: "unpack the archive and scan the directory",
    Reason.TOO_DEEP: "unpack the outer archives and scan the directory",
    Reason.TOO_LARGE: "unpack the archive and scan the directory",
    Reason.TOO_MANY: "unpack the archive and scan the directory",
    Reason.BOMB: "make sure that the archive is no attack, unpack it and scan the directory",
}


class ArchiveError(Exception):
    """Reading an archive, or one member of it, ends here; `whole` when nothing more of the outermost one is read."""

    def __init__(self, reason: Reason, *, whole: bool = False) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.whole = whole


@dataclass(frozen=True, slots=True)
class Limits:
    """How far archives are read.

    `max_file_bytes` of a member are held at once, longer ones are read by windows; `max_total_bytes` come out of one
    outermost file, and no more than `max_ratio` times its size where that is more than 32 MiB; `max_depth` archives
    may lie in one another.
    """

    max_file_bytes: int = 8 << 20
    max_total_bytes: int = 4 << 30
    max_ratio: int = 200
    max_members: int = 200_000
    max_depth: int = 3


@dataclass(slots=True)
class Budget:
    """What may still come out of one outermost file of `size` bytes (None when unknown)."""

    limits: Limits
    size: int | None
    _bytes: int = field(default=0, init=False)
    _members: int = field(default=0, init=False)

    def take(self, count: int) -> None:
        """Count bytes that came out.  Raises ArchiveError when they are too many."""
        self._bytes += count
        if self._bytes > self.limits.max_total_bytes:
            raise ArchiveError(Reason.TOO_LARGE, whole=True)
        if self.size is not None and self._bytes > max(_ALLOWANCE, self.size * self.limits.max_ratio):
            raise ArchiveError(Reason.BOMB, whole=True)

    def member(self) -> None:
        """Count a member.  Raises ArchiveError when they are too many."""
        self._members += 1
        if self._members > self.limits.max_members:
            raise ArchiveError(Reason.TOO_MANY, whole=True)


class Decompressor(Protocol):
    """What `zlib`, `bz2` and `lzma` have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed stream was seen."""
        ...

    @property
    def unused_data(self) -> bytes:
        """What follows the end."""
        ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """At most so many bytes of the text."""
        ...


def decompressor(kind: str) -> Decompressor:
    """A new decompressor of a kind: `deflate`, `gz`, `bz2`, `xz`, `zst`.  Raises ArchiveError where there is none."""
    match kind:
        case "deflate":
            return _Zlib(-15)
        case "gz":
            return _Zlib(31)
        case "bz2":
            return bz2.BZ2Decompressor()
        case "xz":
            return lzma.LZMADecompressor(lzma.FORMAT_AUTO, memlimit=_LZMA_MEMORY)
        case "zst":
            return _zstandard()
    raise ArchiveError(Reason.UNSUPPORTED)


def _zstandard() -> Decompressor:
    try:
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]  # Python 3.14
    except ImportError:
        raise ArchiveError(Reason.UNSUPPORTED) from None
    made: Decompressor = zstd.ZstdDecompressor()
    return made


class _Zlib:
    """`zlib` with the manners of `bz2` and `lzma`: it keeps what it has not used yet."""

    def __init__(self, bits: int) -> None:
        self._inner = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class Inflated(io.RawIOBase):
    """The text of a compressed source; several streams in a row are one (RFC 1952), what follows them is ignored.

    Reading raises ArchiveError when the data are broken or the budget is spent.
    """

    def __init__(self, source: Source, kind: str, budget: Budget) -> None:
        self._source = source
        self._kind = kind
        self._budget = budget
        self._inner = decompressor(kind)
        self._ready = b""
        self._started = False

    def readable(self) -> bool:
        """True: it can be read, and nothing else."""
        return True

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]  # any writable buffer does
        """Fill the buffer as far as one piece goes; 0 at the end."""
        try:
            part = self._piece(min(len(buffer), _CHUNK))
        except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError):
            raise ArchiveError(Reason.BROKEN) from None
        self._budget.take(len(part))
        buffer[: len(part)] = part
        return len(part)

    def _piece(self, size: int) -> bytes:
        while True:
            if self._inner.eof and not self._next():
                return b""
            part = self._inner.decompress(self._ready, size)
            self._ready = b""
            if part or self._inner.eof:
                self._started = True
                if part:
                    return part
                continue
            self._ready = self._source.read(_CHUNK) or b""
            if not self._ready:
                if self._started or self._kind == "deflate":
                    raise EOFError
                return b""

    def _next(self) -> bool:
        """Whether another stream follows, which is then begun."""
        rest = self._inner.unused_data or self._source.read(_CHUNK) or b""
        if self._kind == "deflate" or not rest.startswith(_BEGINNINGS[self._kind]):
            return False
        self._inner = decompressor(self._kind)
        self._ready = rest
        return True


_BEGINNINGS = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\0", "zst": b"\x28\xb5\x2f\xfd"}
