"""zlib streams of known size: by ISA-L where there is a wheel of it, which is twice as fast, otherwise by zlib."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import Any

_fast: Any = zlib
with suppress(ImportError):  # no wheel for this platform; zlib has the same functions
    from isal import isal_zlib

    _fast = isal_zlib

_ERRORS: tuple[type[Exception], ...] = (zlib.error, _fast.error)
_HARMLESS = 64 << 10  # compressed bytes that make at most 64 MB (deflate's ratio is below 1,032)


class StreamError(ValueError):
    """The bytes are no zlib stream of that size."""


def inflate(raw: bytes, size: int) -> bytes:
    """The `size` bytes that the stream at the beginning of `raw` holds; never much more memory than that is taken.

    Raises StreamError.
    """
    try:
        if len(raw) <= _HARMLESS:
            data = _fast.decompress(raw, zlib.MAX_WBITS, max(size, 1))
        else:
            data = _fast.decompressobj().decompress(raw, size + 1)
    except _ERRORS:
        raise StreamError from None
    if len(data) != size:
        raise StreamError
    return bytes(data)


def crc32(raw: bytes) -> int:
    """The checksum that a pack's index keeps of an entry."""
    return int(_fast.crc32(raw))
