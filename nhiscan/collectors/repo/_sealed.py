"""Small files in the cache that say where values lie: sealed with the key of the installation, noise without it."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nhiscan.cache import put

if TYPE_CHECKING:
    from pathlib import Path

    from nhiscan.sensitive import FingerprintKey

_NONCE = _MAC = 32


@dataclass(frozen=True, slots=True)
class Sealed:
    """One such file about one repository; without a place nothing is kept."""

    place: Path | None
    key: FingerprintKey

    @classmethod
    def of(cls, directory: Path | None, about: bytes, kind: str, key: FingerprintKey) -> Sealed:
        """The file of a kind (its suffix) about what the bytes tell from everything else."""
        if directory is None:
            return cls(None, key)
        name = hashlib.blake2b(about, key=key.secret[:64], digest_size=16).hexdigest()
        return cls(directory / "history" / f"{name}.{kind}", key)

    def read(self) -> Any:  # noqa: ANN401 - JSON
        """What was written; None when nothing was, or it is not whole, or was sealed with another key."""
        try:
            raw = self.place.read_bytes() if self.place is not None else b""
            return json.loads(opened(raw, self.key)) if raw else None
        except (OSError, ValueError):
            return None

    def write(self, told: object) -> None:
        """Keep what JSON can say, in one step; a place that cannot be written is no error."""
        if self.place is None:
            return
        data = sealed(json.dumps(told).encode("ascii"), self.key)
        with suppress(OSError):
            put(self.place, data)


def sealed(data: bytes, key: FingerprintKey) -> bytes:
    """The data as it is kept: nobody without the key can read or change it."""
    nonce = secrets.token_bytes(_NONCE)
    body = nonce + _masked(data, nonce, key)
    return hmac.digest(key.secret, b"seal" + body, "sha256") + body


def opened(raw: bytes, key: FingerprintKey) -> bytes:
    """What was sealed; nothing when it is not whole or was sealed with another key."""
    body = raw[_MAC:]
    right = hmac.compare_digest(raw[:_MAC], hmac.digest(key.secret, b"seal" + body, "sha256"))
    return _masked(body[_NONCE:], body[:_NONCE], key) if right else b""


def _masked(data: bytes, nonce: bytes, key: FingerprintKey) -> bytes:
    """The data under a stream of SHAKE-256 (FIPS 202) of key and nonce; done twice, it is the data again."""
    stream = hashlib.shake_256(b"mask" + key.secret + nonce).digest(len(data))
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")
