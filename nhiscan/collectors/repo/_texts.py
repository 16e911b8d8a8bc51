"""From objects to texts: messages of commits and tags, files in any encoding, and what archives hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo import _objects
from nhiscan.detect import wide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._git import Git
    from nhiscan.collectors.repo._objects import Piece

_ODD = frozenset(b"\xff\xfe\xfd%\x7f\x89GSPBR7\x1f\x28")
"""First bytes of archives, binary formats and other encodings that may have no NUL where one is looked for."""

_SIGNED_TAG = re.compile(rb"\nmergetag ((?:[^\n]*\n )*[^\n]*)")
_END = 1 << 62


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """One text of an object at one of its paths; `label` is the path of the text itself, which may lie in an archive.

    `data` is None for what cannot be read: with a `reason` from an archive, without one the object itself.  `line` is
    added to line numbers, `offset` to positions; only what begins at `low` up to `high` is not seen elsewhere as well.
    """

    oid: str
    kind: str
    path: str
    label: str
    data: bytes | None
    reason: str | None = None
    line: int = 0
    offset: int = 0
    low: int = 0
    high: int = _END


def texts(git: Git, ids: Sequence[str], paths: Mapping[str, Sequence[str]]) -> Iterator[Text]:
    """The texts of the objects under each of their paths ("" where none is known).  Raises GitError."""
    first: Piece | None = None
    for piece in _objects.read(git, ids):
        if piece.kind is None:
            yield Text(piece.oid, "", "", "", None)
        elif piece.kind != "blob":
            yield Text(piece.oid, piece.kind, "", "", message(piece.data))
        else:
            first = piece if piece.offset == 0 else first
            yield from _file(piece, first or piece, paths.get(piece.oid) or ("",))


def is_plain(data: bytes) -> bool:
    """Whether a file is text as it is; the others are archives, binary, or in another encoding."""
    return not data or (data[0] not in _ODD and b"\0" not in data[: wide.HEAD]) or not _special(data[: wide.HEAD])


def message(data: bytes) -> bytes:
    """What people wrote in a commit or tag: the message, then those of signed tags that were merged.

    The headers hold ids, addresses and signatures (gitformat-signature(5)).
    """
    head, _, text = data.partition(b"\n\n")
    signed = [m[1].replace(b"\n ", b"\n").partition(b"\n\n")[2] for m in _SIGNED_TAG.finditer(head)]
    return b"\n".join((text, *signed)) if signed else text


def _special(head: bytes) -> bool:
    from nhiscan.detect.containers import is_container

    return is_container(head) or wide.is_binary(head) or wide.encoding_of(head) is not None


def _file(piece: Piece, first: Piece, paths: Sequence[str]) -> Iterator[Text]:
    """The texts of a blob; its beginning, which an earlier window may have had, tells what it is."""
    if is_plain(first.data):
        yield from (_plain(piece, path, piece.data) for path in paths)
        return
    from nhiscan.detect.containers import is_container

    head = first.data[: wide.HEAD]
    if (encoding := wide.encoding_of(head)) is not None:
        data = wide.recoded(piece.data, encoding)
        yield from (Text(piece.oid, "blob", path, path, data, line=piece.line) for path in paths)
    elif is_container(head) and piece.offset == 0:
        for path in paths:
            yield from _members(piece, path)


def _plain(piece: Piece, path: str, data: bytes) -> Text:
    where = (piece.line, piece.offset, piece.low, piece.high)
    return Text(piece.oid, "blob", path, path, data, None, *where)


def _members(piece: Piece, path: str) -> Iterator[Text]:
    from nhiscan.detect.containers import Reason, members

    if not piece.last:
        yield Text(piece.oid, "blob", path, path, None, Reason.TOO_LARGE)
        return
    for member in members(path, piece.data):
        label = member.path or path
        if member.data is None:
            yield Text(piece.oid, "blob", path, label, None, member.reason)
        elif (window := member.window) is None:
            yield Text(piece.oid, "blob", path, label, member.data)
        else:
            where = (window.lines_before, window.offset, window.first, window.end)
            yield Text(piece.oid, "blob", path, label, member.data, None, *where)
