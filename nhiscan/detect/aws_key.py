"""What an AWS access key id says by itself."""

from __future__ import annotations

import re

_KEY_ID = re.compile(r"A[KS]IA[A-Z2-7]{16}")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
# Keys made before the account was encoded begin with these letters after the prefix; what they decode to is noise.
_OLD = ("I", "J")


def account_of(key_id: str) -> str | None:
    """The twelve digits of the account an access key id (`AKIA…`, `ASIA…`) belongs to, without asking AWS.

    None for anything else, and for keys made before 29 March 2019, whose ids do not hold the account.  The ten
    characters after the prefix are base32 (RFC 4648); bits 1 to 40 of the first 48 are the account number.  STS
    GetAccessKeyInfo answers the same.
    """
    if not _KEY_ID.fullmatch(key_id) or key_id[4] in _OLD:
        return None
    bits = 0
    for char in key_id[4:14]:
        bits = bits << 5 | _ALPHABET.index(char)
    account = bits >> 2 >> 7 & (1 << 40) - 1
    return f"{account:012d}" if account < 10**12 else None
