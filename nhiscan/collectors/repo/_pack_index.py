"""What a pack holds, from its index and the headers of its entries: read as columns, never object by object.

Formats: gitformat-pack(5), "pack-*.pack files have the following format" and "Version 2 pack-*.idx files".
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

COMMIT, BLOB, TAG = 1, 3, 4
_OFS, _REF = 6, 7
_MAGIC = b"\xfftOc"
_ID = 20  # bytes of a SHA-1 object id
_BLOCK = 4 << 20  # read into one buffer that stays in the processor's cache
_LONGEST_HEADER = 64  # at most 10 bytes of size and 10 of offset, or 20 of a base's id
_DEEPEST = 14  # doublings: git never chains more than 4,095 deltas (pack.depth)
_LARGEST = 1 << 31  # what an index of 32 bits can number


class Unusual(Exception):  # noqa: N818 - the name says what it is: nothing is wrong, git reads it better
    """A pack that is left to `git cat-file`; the message says why, without paths."""


@dataclass(frozen=True, slots=True)
class PackIndex:
    """The entries of one pack by their place in it; all columns have one row for each entry.

    `ids` are the object ids in the order of the index; `row` gives an entry's place there.  `begin` and `end` are the
    bytes of an entry in the pack (its header too), `data` where its zlib stream begins, `size` what the stream inflates
    to.  `base` is the row of the entry that a delta changes, -1 for a whole object, -2 for a base outside of this pack.
    `root` is the row of the entry at the end of the chain and `kind` its kind, 0 where it is no whole object.
    """

    ids: bytes
    row: NDArray[np.int32]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    data: NDArray[np.int64]
    size: NDArray[np.int64]
    base: NDArray[np.int32]
    root: NDArray[np.int32]
    kind: NDArray[np.uint8]
    crc: NDArray[np.uint32]

    def id_of(self, entry: int) -> bytes:
        """The object id (20 bytes) of an entry."""
        place = int(self.row[entry]) * _ID
        return self.ids[place : place + _ID]

    def ids_of(self, chosen: NDArray[np.bool_]) -> bytes:
        """The object ids of the chosen entries, sorted, one after the other."""
        import numpy as np

        rows = np.sort(self.row[chosen])
        return np.frombuffer(self.ids, np.uint8).reshape(-1, _ID)[rows].tobytes()

    def lost(self) -> list[int]:
        """The entries that cannot be made from this pack alone."""
        return [int(i) for i in (self.kind == 0).nonzero()[0]]


def read_index(pack: Path) -> PackIndex:
    """The entries of the pack beside its `.idx`.  Raises Unusual when either cannot be read as git writes it today."""
    import numpy as np

    try:
        raw = pack.with_suffix(".idx").read_bytes()
        handle = os.open(pack, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError as e:
        msg = f"the pack or its index cannot be read ({e.strerror})"
        raise Unusual(msg) from None
    try:
        ids, crc, offsets = _columns(raw)
        size = _pack_size(handle, len(ids), raw[-2 * _ID : -_ID])
        row = _order(offsets)
        begin = offsets[row]
        end = np.append(begin[1:], size - _ID)
        if len(begin) and (begin[0] < 12 or bool((end <= begin).any())):
            msg = "the index names places outside of the pack"
            raise Unusual(msg)
        return _entries(handle, _Table(ids, row, begin, end, crc[row]))
    finally:
        os.close(handle)


def _columns(raw: bytes) -> tuple[NDArray[np.bytes_], NDArray[np.uint32], NDArray[np.int64]]:
    """Ids, checksums and offsets in the order of the index, which is that of the ids."""
    import numpy as np

    if raw[:8] != _MAGIC + b"\0\0\0\2" or len(raw) < 1032 + 2 * _ID:
        msg = "the index is not of version 2"
        raise Unusual(msg)
    fan = np.frombuffer(raw, ">u4", 256, 8)
    count = int(fan[-1])
    large = len(raw) - 1032 - count * (_ID + 8) - 2 * _ID
    if large < 0 or large % 8 or count >= _LARGEST:
        msg = "the index has another size than its entries need, as one of SHA-256 has"
        raise Unusual(msg)
    ids = np.frombuffer(raw, f"S{_ID}", count, 1032)
    crc = np.frombuffer(raw, ">u4", count, 1032 + count * _ID).astype(np.uint32)
    offsets = np.frombuffer(raw, ">u4", count, 1032 + count * (_ID + 4)).astype(np.int64)
    far = offsets >= 1 << 31
    if far.any():
        table = np.frombuffer(raw, ">u8", large // 8, 1032 + count * (_ID + 8)).astype(np.int64)
        place = offsets[far] - (1 << 31)
        if int(place.max()) >= len(table):
            msg = "the index names places outside of the pack"
            raise Unusual(msg)
        offsets[far] = table[place]
    return ids, crc, offsets


def _order(offsets: NDArray[np.int64]) -> NDArray[np.int32]:
    """The rows of the index by offset; sorting the pairs is twice as fast as sorting by a key."""
    import numpy as np

    if len(offsets) and int(offsets.max()) >= 1 << 32:
        return np.argsort(offsets, kind="stable").astype(np.int32)
    pairs = (offsets << 31) | np.arange(len(offsets))
    pairs.sort()
    return (pairs & (_LARGEST - 1)).astype(np.int32)


def _pack_size(handle: int, count: int, checksum: bytes) -> int:
    size = os.fstat(handle).st_size
    head = os.pread(handle, 12, 0)
    if head[:4] != b"PACK" or head[4:8] not in {b"\0\0\0\2", b"\0\0\0\3"}:
        msg = "the pack is not of version 2 or 3"
        raise Unusual(msg)
    if int.from_bytes(head[8:], "big") != count or os.pread(handle, _ID, size - _ID) != checksum:
        msg = "the pack and its index do not belong together"
        raise Unusual(msg)
    return size


@dataclass(frozen=True, slots=True)
class _Table:
    """What an index says, by offset: ids in its own order, and for each entry the place there, begin, end, checksum."""

    ids: NDArray[np.bytes_]
    row: NDArray[np.int32]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]
    crc: NDArray[np.uint32]


def _entries(handle: int, table: _Table) -> PackIndex:
    """The columns that the entries' headers give, read a block of the pack at a time."""
    import numpy as np

    begin = table.begin
    count = len(begin)
    kind = np.zeros(count, np.uint8)
    size, data = np.zeros(count, np.int64), np.zeros(count, np.int64)
    base = np.full(count, -1, np.int32)
    buffer = memoryview(bytearray(_BLOCK + _LONGEST_HEADER))
    block = np.frombuffer(buffer, np.uint8)
    first = 0
    while first < count:
        start = int(begin[first])
        last = int(np.searchsorted(begin, start + _BLOCK))
        part = slice(first, last)
        span = int(begin[last - 1]) - start
        # Past the pack's end the buffer holds old bytes: a header that leads there is found by its stream's end.
        if os.preadv(handle, [buffer[: span + _LONGEST_HEADER]], start) <= span:
            msg = "the pack is shorter than its index says"
            raise Unusual(msg)
        kind[part], size[part], at = _sizes(block, begin[part] - start)
        base[part], at = _bases(block, at, kind[part], table, first)
        data[part] = at + start
        first = last
    root, kind = _roots(base, kind)
    return PackIndex(
        table.ids.tobytes(), table.row, begin, table.end, data, size, base, root, kind, table.crc
    )  # fmt: skip


def _sizes(
    block: NDArray[np.uint8], at: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Type, inflated size and the place after both: 3 bits and 4, then 7 for each byte that a set bit announces."""
    import numpy as np

    byte = block[at]
    kind = ((byte >> 4) & 7).astype(np.uint8)
    size = (byte & 15).astype(np.int64)
    at = at + 1
    more = np.flatnonzero(byte & 128)
    shift = 4
    while len(more):
        if shift > 56:
            msg = "an entry's size is not one"
            raise Unusual(msg)
        byte = block[at[more]]
        size[more] |= (byte & 127).astype(np.int64) << shift
        at[more] += 1
        more = more[(byte & 128) != 0]
        shift += 7
    return kind, size, at


def _bases(
    block: NDArray[np.uint8], at: NDArray[np.int64], kind: NDArray[np.uint8], table: _Table, first: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The row of each delta's base and the place where its data begins, for entries from `first` on."""
    import numpy as np

    begin, ids = table.begin, table.ids
    base = np.full(len(at), -1, np.int32)
    near = np.flatnonzero(kind == _OFS)
    back, at = _backward(block, at, near)
    target = begin[first + near] - back
    found = np.searchsorted(begin, target)
    base[near] = np.where(begin[np.minimum(found, len(begin) - 1)] == target, found, -2)
    named = np.flatnonzero(kind == _REF)
    if len(named):
        wanted = np.ascontiguousarray(block[at[named][:, None] + np.arange(_ID)]).view(f"S{_ID}").ravel()
        place = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
        of_row = np.empty(len(table.row), np.int32)
        of_row[table.row] = np.arange(len(table.row), dtype=np.int32)
        base[named] = np.where(ids[place] == wanted, of_row[place], -2)
        at[named] += _ID
    return base, at


def _backward(
    block: NDArray[np.uint8], at: NDArray[np.int64], near: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many bytes before the entry its base begins: big-endian, 7 bits a byte, one added for each byte after."""
    import numpy as np

    byte = block[at[near]]
    back = (byte & 127).astype(np.int64)
    at[near] += 1
    more = np.flatnonzero(byte & 128)
    steps = 0
    while len(more):
        steps += 1
        if steps > 8:
            msg = "an entry's base is not one"
            raise Unusual(msg)
        byte = block[at[near[more]]]
        back[more] = ((back[more] + 1) << 7) + (byte & 127)
        at[near[more]] += 1
        more = more[(byte & 128) != 0]
    return back, at


def _roots(base: NDArray[np.int32], kind: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The whole object that each chain grows from, and its kind: pointers jump twice as far each time round."""
    import numpy as np

    whole = (kind >= COMMIT) & (kind <= TAG)
    up = np.where(base >= 0, base, np.arange(len(base), dtype=np.int32))
    for _ in range(_DEEPEST):
        higher = up[up]
        if np.array_equal(higher, up):
            break
        up = higher
    # A ring of named bases never ends at a whole object.
    return up, np.where(whole[up] & (base[up] == -1), kind[up], 0).astype(np.uint8)
