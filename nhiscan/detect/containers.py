"""What archives and compressed files hold, read as streams and never unpacked to disk.

Zip (jar, war, wheel, nupkg, apk, docx, xlsx), tar, gzip, bzip2, xz and, from Python 3.14, Zstandard, up to three in one
another, told by their first bytes.  Names of members are labels only, so `..` and links lead nowhere.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from nhiscan.detect import tarball, zipped
from nhiscan.detect.streams import REMEDIES, ArchiveError, Budget, Inflated, Limits, Reason
from nhiscan.detect.wide import HEAD, Recoder, encoding_of, is_binary
from nhiscan.detect.windows import windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.detect.wide import Source
    from nhiscan.detect.windows import Window

__all__ = ["REMEDIES", "Limits", "Member", "Reason", "is_container", "members"]

_MAGIC = (
    (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b\x08", "gz"), (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"), (b"7z\xbc\xaf\x27\x1c", "other"), (b"Rar!\x1a\x07", "other"),
)  # fmt: skip
_ENDINGS = {"gz": (".gz", ".gzip"), "bz2": (".bz2",), "xz": (".xz",), "zst": (".zst",)}
_LONGEST_LABEL = 1_000
_PIECE = 64 << 10


@dataclass(frozen=True, slots=True)
class Member:
    """A text in an archive, or why one could not be read.

    `path` is a label (`dist/app.zip!/conf/prod.env`).  A member longer than `Limits.max_file_bytes` comes in several
    pieces, each with its `window`, which says where it lies and which places are its own; `data` is UTF-8 even where
    the member is UTF-16.  `reason` is set when `data` is None; a broken member may come before its reason.
    """

    path: str
    data: bytes | None
    reason: Reason | None = None
    window: Window | None = None


def is_container(head: bytes, name: str = "") -> bool:
    """Whether a file that begins so is an archive or compressed; 512 bytes are enough, the name decides nothing."""
    del name
    return _kind(head) is not None


def members(name: str, source: BinaryIO | bytes, limits: Limits | None = None) -> Iterator[Member]:
    """The texts in an archive, in its order; binary members are left out, and what could not be read has a reason.

    At most one member of `limits.max_file_bytes` is held.  Raises OSError when the source itself cannot be read.
    """
    handle = io.BytesIO(source) if isinstance(source, bytes) else source
    size = handle.seek(0, io.SEEK_END)
    handle.seek(0)
    budget = Budget(limits or Limits(), size)
    head = handle.read(HEAD)
    handle.seek(0)
    try:
        yield from _Reader(budget).container(name, head, handle, 1)
    except ArchiveError as error:
        yield Member(name, None, error.reason)


class _Reader:
    """Walks archives in archives within one budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._limits = budget.limits

    def container(self, path: str, head: bytes, source: BinaryIO | Source, depth: int) -> Iterator[Member]:
        """What an archive holds.  Raises ArchiveError where it ends too early or the budget does."""
        kind = _kind(head)
        if kind is None or kind == "other":
            raise ArchiveError(Reason.UNSUPPORTED)
        if depth > self._limits.max_depth:
            raise ArchiveError(Reason.TOO_DEEP)
        if kind == "zip":
            yield from self._zip(path, self._seekable(source), depth)
        elif kind == "tar":
            for name, content in tarball.files(source, self._budget):
                yield from self._guarded(_label(path, name), content, depth)
        else:
            yield from self._text(_inside(path, kind), Inflated(source, kind, self._budget), depth, packed=True)

    def _zip(self, path: str, handle: BinaryIO, depth: int) -> Iterator[Member]:
        for entry in zipped.entries(handle, self._budget):
            label = _label(path, entry.name)
            try:
                content = zipped.content(handle, entry, self._budget)
            except ArchiveError as error:
                yield Member(label, None, error.reason)
                continue
            yield from self._guarded(label, content, depth)

    def _guarded(self, path: str, source: Source, depth: int) -> Iterator[Member]:
        """A member, whose own faults end nothing else."""
        try:
            yield from self._text(path, source, depth)
        except ArchiveError as error:
            if error.whole:
                raise
            yield Member(path, None, error.reason)

    def _text(self, path: str, source: Source, depth: int, *, packed: bool = False) -> Iterator[Member]:
        """A member as text, or what it holds when it is an archive itself."""
        head = _read(source, HEAD)
        whole = _Joined(head, source)
        if _kind(head) is not None:
            # A tar that was compressed is one archive, not two in one another.
            inner = depth if packed and _kind(head) == "tar" else depth + 1
            yield from self.container(path, head, whole, inner)
            return
        if is_binary(head):
            return
        encoding = encoding_of(head)
        text: io.RawIOBase = Recoder(whole, encoding) if encoding else whole
        yield from self._pieces(path, text)

    def _pieces(self, path: str, text: io.RawIOBase) -> Iterator[Member]:
        limit = self._limits.max_file_bytes
        parts: list[bytes] = []
        size = 0
        try:
            while size <= limit and (part := text.read(min(_PIECE, limit + 1 - size))):
                parts.append(part)
                size += len(part)
        except ArchiveError:
            yield Member(path, b"".join(parts))
            raise
        data = b"".join(parts)
        parts.clear()
        if size <= limit:
            yield Member(path, data)
            return
        for window in windows(_Joined(data, text), length=limit):
            yield Member(path, bytes(window.data), window=window)

    def _seekable(self, source: BinaryIO | Source) -> BinaryIO:
        """The source, or all of it in memory where it can only be read forward: a zip's directory is at its end."""
        if isinstance(source, io.BytesIO) or not isinstance(source, _Joined):
            return source  # type: ignore[return-value]  # what is no stream of ours was given as a file
        data = _read(source, self._limits.max_file_bytes + 1)
        if len(data) > self._limits.max_file_bytes:
            raise ArchiveError(Reason.TOO_LARGE)
        return io.BytesIO(data)


class _Joined(io.RawIOBase):
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, source: Source) -> None:
        self._head = io.BytesIO(head)
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]  # any writable buffer does
        part = self._head.read(len(buffer)) or self._source.read(len(buffer)) or b""
        buffer[: len(part)] = part
        return len(part)


def _read(source: Source, size: int) -> bytes:
    """So many bytes, fewer only at the end; what comes before a fault counts, and the fault shows when more is read."""
    out = bytearray()
    while len(out) < size and (part := source.read(min(_PIECE, size - len(out)))):
        out += part
    return bytes(out)


def _kind(head: bytes) -> str | None:
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"BZh") and head[3:4].isdigit() and head[4:10] in {b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"}:
        return "bz2"
    return "tar" if tarball.is_tar(head) else None


def _label(path: str, name: str) -> str:
    """The label of a member: no control characters, and no longer than a thousand characters."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in name[:_LONGEST_LABEL])
    return f"{path}!/{clean}"[: 3 * _LONGEST_LABEL]


def _inside(path: str, kind: str) -> str:
    """The label of what a compressed file holds: its name without the ending; archives keep it for their members."""
    low = path.lower()
    for ending in _ENDINGS[kind]:
        if low.endswith(ending) and not low.endswith(".tar" + ending):
            return f"{path}!/{path.rpartition('/')[2][: -len(ending)]}"
    return path
