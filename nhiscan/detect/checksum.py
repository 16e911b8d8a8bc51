"""Checksums that issuers build into their tokens: a value that fails one was never issued."""

from __future__ import annotations

import zlib

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

KNOWN = frozenset({"crc32-base62"})
"""The names a format may use under `checksum`."""


def base62(number: int, width: int) -> str:
    """The number in base 62 (digits, upper case, lower case), padded with zeros to `width`."""
    digits = []
    while number:
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits)).rjust(width, "0")


def verify(name: str, token: str) -> bool:
    """Whether the token carries the right checksum of the named kind.

    `crc32-base62`: the last six characters are the CRC-32 of the random part between the last `_` and them (GitHub,
    "Behind GitHub's new authentication token formats", 2021; npm uses the same layout).  Raises KeyError for a kind
    that is not in KNOWN.
    """
    if name not in KNOWN:
        raise KeyError(name)
    body = token.rpartition("_")[2]
    return len(body) > 6 and body[-6:] == base62(zlib.crc32(body[:-6].encode()), 6)
