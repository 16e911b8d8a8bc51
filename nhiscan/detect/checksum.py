"""Checksums that issuers build into their tokens: a value that fails one was never issued.

Only forms that the issuer itself publishes, in its documentation or in the source that mints the token.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_WORD = 0xFFFFFFFF


def base62(number: int, width: int) -> str:
    """The number in base 62 (digits, upper case, lower case), padded with zeros to `width`."""
    return _in_base(number, 62).rjust(width, "0")


def base36(number: int, width: int) -> str:
    """The number in base 36 (digits, lower case), padded with zeros to `width`."""
    return _in_base(number, 36).lower().rjust(width, "0")


def marvin32(data: bytes, seed: int) -> int:
    """The 32-bit Marvin checksum of the data under a 64-bit seed.

    Marvin is the keyed checksum of .NET; the 32-bit form folds the two halves of its state (Microsoft,
    security-utilities, `Marvin.ComputeHash32`).
    """
    low, high = seed & _WORD, seed >> 32
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        low, high = _block((low + int.from_bytes(data[i : i + 4], "little")) & _WORD, high)
    # The rest is closed with 0x80, as an MD hash closes its last block.
    low, high = _block((low + int.from_bytes(data[whole:] + b"\x80", "little")) & _WORD, high)
    low, high = _block(low, high)
    return low ^ high


def verify(name: str, token: str) -> bool:
    """Whether the token carries the right checksum of the named kind; the kinds are the keys of `KNOWN`.

    Raises KeyError for a kind that is not in KNOWN.
    """
    return KNOWN[name](token)


def _github(token: str) -> bool:
    body = token.rpartition("_")[2]
    return len(body) > 6 and body[-6:] == base62(_crc(body[:-6]), 6)


def _grafana(token: str) -> bool:
    body, _, check = token.rpartition("_")
    return bool(body) and check == _crc(body).to_bytes(4, "little").hex()


def _gitlab(token: str) -> bool:
    body, dot, end = token.rpartition(".")
    payload = body.partition(".")[0]
    return (
        bool(dot)
        and len(end) == 9
        and end.isascii()
        and end.isalnum()
        and end[2:] == base36(_crc(token[:-7]), 7)
        # The prefix belongs to the payload's part; its length is not told, the payload's is.
        and len(payload) >= int(end[:2], 36)
    )


def _confluent(token: str) -> bool:
    body, check = token[4:-6], token[-6:]
    return len(token) == 64 and check == _base64(_crc(body).to_bytes(4, "little"))


def _cask(token: str) -> bool:
    try:
        body = base64.b64decode(token[:80], validate=True)
    except (binascii.Error, ValueError):
        return False
    if len(token) != 84 or len(body) != 60:
        return False
    check = marvin32(body, int.from_bytes(b"Default0", "big")).to_bytes(4, "little")
    # In base 62 a leading zero byte is one digit, and short numbers are filled up behind.
    zeros = "0" * (len(check) - len(check.lstrip(b"\0")))
    written = (zeros + _in_base(int.from_bytes(check, "big"), 62)).ljust(6, "0")
    return token[80:] in {written[:4], _base64(check[:3])}  # earlier keys have the three bytes themselves


KNOWN: dict[str, Callable[[str], bool]] = {
    "crc32-base62": _github,
    "crc32-hex": _grafana,
    "crc32-base36": _gitlab,
    "crc32-base64": _confluent,
    "marvin32-cask": _cask,
}
"""The kinds a format may name under `checksum`, with the check of each.

- `crc32-base62`: the last six characters are the CRC-32 of what stands between the last `_` and them, in base 62
  (GitHub, "Behind GitHub's new authentication token formats", 2021; npm uses the same layout; so does Polar in
  `polar/kit/crypto.py`).
- `crc32-hex`: behind the last `_` the CRC-32 of all before it, four bytes from the lowest, in hexadecimal (Grafana,
  `pkg/components/satokengen/tokengen.go`).
- `crc32-base36`: the last seven characters are the CRC-32 of all before them, prefix included, in base 36; the two
  before give the length of the payload (GitLab handbook, "Routable tokens").
- `crc32-base64`: 64 characters, the last six the CRC-32 of the 54 behind the prefix, four bytes from the lowest, in
  base 64 (Confluent Cloud documentation, "API secret format").
- `marvin32-cask`: 84 characters, the last four from the Marvin-32 of the first eighty, decoded (Microsoft, common
  annotated security keys, `IdentifiableSecrets.TryValidateCommonAnnotatedKey` in security-utilities).
"""


def _crc(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogateescape"))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _in_base(number: int, base: int) -> str:
    digits = []
    while number:
        number, digit = divmod(number, base)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _block(low: int, high: int) -> tuple[int, int]:
    high ^= low
    low = (_turn(low, 20) + high) & _WORD
    high = _turn(high, 9) ^ low
    low = (_turn(low, 27) + high) & _WORD
    return low, _turn(high, 19)


def _turn(word: int, by: int) -> int:
    return (word << by | word >> (32 - by)) & _WORD
