"""Objects as `git cat-file --batch` gives them: always right, for every repository git can read."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator, Sequence

    from nhiscan.collectors.repo._git import Git

WINDOW = 16 << 20
OVERLAP = 128 << 10
WHOLE = 64 << 20
"""An object up to this many bytes is read whole, a larger one by windows of WINDOW that share OVERLAP bytes."""

KINDS = frozenset({"blob", "commit", "tag"})
_CHUNK_BYTES, _CHUNK_OBJECTS = 48 << 20, 8_192
_PIPE = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ of fcntl(2), which Python has no name for everywhere
_END = 1 << 62


@dataclass(frozen=True, slots=True, repr=False)
class Piece:
    """An object, or a window of one: `data` begins at byte `offset`, in line `line` (from 0).

    `kind` is None when git cannot give the object.  A match that begins before `low` or at `high` and beyond is seen
    better in the window before or after.  `data` may hold secrets and is never shown.
    """

    oid: str
    kind: str | None
    data: bytes = b""
    offset: int = 0
    line: int = 0
    low: int = 0
    high: int = _END

    @property
    def last(self) -> bool:
        """Whether nothing of the object follows."""
        return self.high == _END


def listed(git: Git, ids: Iterable[str] | None = None) -> Iterator[tuple[str, str, int]]:
    """Id, kind and size in bytes of the named objects, or of all there are, in the order of the packs.

    What git cannot say has the kind `missing`.  Raises GitError when git cannot be started or gives up.
    """
    which = ("--batch-all-objects", "--unordered") if ids is None else ()
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    with _running(git, ids or (), "cat-file", *which, form, "--buffer") as process:
        for line in _output(process):
            oid, _, rest = line.decode("ascii", "replace").rstrip("\n").partition(" ")
            kind, _, size = rest.partition(" ")
            yield oid, kind, int(size) if size.isdigit() else 0
        if process.wait() and ids is None:
            from nhiscan.collectors.repo._git import GitError

            msg = "git could not list all objects"
            raise GitError(msg)


def chunks(entries: Iterable[tuple[str, str, int]]) -> Iterator[list[str]]:
    """The ids of blobs, commits and tags in portions that are worth a process of git."""
    chunk: list[str] = []
    total = 0
    for oid, kind, size in entries:
        if kind in KINDS:
            chunk.append(oid)
            total += size
            if total >= _CHUNK_BYTES or len(chunk) >= _CHUNK_OBJECTS:
                yield chunk
                chunk, total = [], 0
    if chunk:
        yield chunk


def read(git: Git, ids: Sequence[str]) -> Iterator[Piece]:
    """The objects in the order of their ids, never more than one of them held.  Raises GitError.

    An object that makes git give up is asked for once more by itself and then told as unreadable.
    """
    done = 0
    while done < len(ids):
        for piece in _read(git, ids[done:]):
            yield piece
            if piece.last:
                done += 1
        if done < len(ids):
            alone = list(_read(git, ids[done : done + 1])) if len(ids) - done > 1 else []
            yield from alone or [Piece(ids[done], None)]
            done += 1


def _read(git: Git, ids: Sequence[str]) -> Iterator[Piece]:
    """As many of the objects as git gives before it ends."""
    with _running(git, ids, "cat-file", "--batch", "--buffer") as process:
        out = _output(process)
        for oid in ids:
            head = out.readline().split()
            if len(head) == 2 and head[1] in {b"missing", b"ambiguous"}:
                yield Piece(oid, None)
                continue
            if len(head) != 3:
                return
            kind, size = head[1].decode("ascii", "replace"), int(head[2])
            if size > WHOLE:
                yield from _windows(out, oid, kind, size)
                continue
            data = out.read(size)
            if len(data) < size or not out.read(1):
                return
            yield Piece(oid, kind, data)


def _windows(out: IO[bytes], oid: str, kind: str, size: int) -> Iterator[Piece]:
    data, offset, line, low = b"", 0, 0, 0
    while offset + len(data) < size:
        more = out.read(min(WINDOW, size - offset - len(data)))
        if not more:
            return
        data += more
        ends = offset + len(data) == size
        yield Piece(oid, kind, data, offset, line, low, _END if ends else len(data) - OVERLAP // 2)
        kept = max(0, len(data) - OVERLAP)
        line += data.count(b"\n", 0, kept)
        offset += kept
        data, low = data[kept:], OVERLAP // 2
    out.read(1)


@contextmanager
def _running(git: Git, ids: Iterable[str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command with the ids as its input; from a file, so that neither side waits for the other."""
    with tempfile.TemporaryFile(prefix="nhiscan-") as asked:
        asked.writelines(f"{oid}\n".encode("ascii") for oid in ids)
        asked.seek(0)
        process = git.popen(*arguments, stdin=asked, stdout=-1)
    try:
        yield process
    finally:
        _output(process).close()
        process.kill()
        process.wait()


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    out = process.stdout
    if out is None:
        msg = "git was started without a pipe"
        raise RuntimeError(msg)
    with suppress(ImportError, OSError, ValueError):
        import fcntl

        fcntl.fcntl(out, _SET_PIPE_SIZE, _PIPE)
    return out
