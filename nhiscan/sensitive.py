"""Secret values on their short way to a keyed fingerprint; below everything that sees one.

A value is wrapped at once, reduced to `FingerprintKey.fingerprint`, and dropped.  Nothing here can print, pickle or
serialise a value.
"""

from __future__ import annotations

import errno
import hmac
import os
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T", str, bytes)

KEY_VARIABLE = "NHISCAN_FINGERPRINT_KEY"
_MASK = "<sensitive>"


class Sensitive(Generic[T]):
    """A secret value that refuses to be shown, compared by content, pickled or serialised.

    `reveal()` is the only way to the value and is called only next to the code that reduces it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T) -> None:
        self._value: T = value

    def reveal(self) -> T:
        """The value itself; never keep or pass on what comes back."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return _MASK

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return _MASK

    def __reduce__(self) -> NoReturn:
        msg = "a sensitive value cannot be pickled or copied"
        raise TypeError(msg)


@dataclass(frozen=True, slots=True, repr=False)
class FingerprintKey:
    """The HMAC key of an installation.  `id` is public and tells whether two runs can be compared by value."""

    secret: bytes

    @property
    def id(self) -> str:
        """First 12 hex digits of the key's SHA-256: enough to tell keys apart, useless to guess one."""
        return sha256(b"nhiscan-key-id\0" + self.secret).hexdigest()[:12]

    def fingerprint(self, value: Sensitive[str] | Sensitive[bytes]) -> str:
        """HMAC-SHA256 (RFC 2104) of the value as 64 hex digits."""
        raw = value.reveal()
        data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogateescape")
        return hmac.new(self.secret, data, sha256).hexdigest()

    def __repr__(self) -> str:
        return f"FingerprintKey(id={self.id})"


class KeyFileError(Exception):
    """The key file exists and cannot be trusted or read; the message says what to do."""


def load_key(directory: Path | None) -> FingerprintKey:
    """The key from `NHISCAN_FINGERPRINT_KEY`, else from `directory/fingerprint.key`, made on first use.

    Where the directory cannot be written (a read-only home) or is None (`--no-cache`) the key lives for this run only.
    Raises KeyFileError when the file belongs to somebody else or can be read by others.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given:
        return FingerprintKey(sha256(given.encode()).digest())
    fresh = FingerprintKey(secrets.token_bytes(32))
    if directory is None:
        return fresh
    path = directory / "fingerprint.key"
    try:
        return FingerprintKey(_read_private(path))
    except FileNotFoundError:
        pass
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except FileExistsError:
        return _made_meanwhile(path) or fresh
    except OSError:
        return fresh
    with os.fdopen(handle, "wb") as out:
        out.write(fresh.secret)
    return fresh


def _made_meanwhile(path: Path) -> FingerprintKey | None:
    """The key another run made in between; None when something else stands in its place."""
    try:
        return FingerprintKey(_read_private(path))
    except FileNotFoundError:
        return None


def _read_private(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except OSError as e:
        if e.errno == errno.ELOOP:
            msg = f"the fingerprint key {path} is a link; delete it to make a new key"
            raise KeyFileError(msg) from None
        raise FileNotFoundError from None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(file.fileno())
        if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o077):
            msg = f"{path} is not private to you; run: chmod 600 {path}, or delete it to make a new key"
            raise KeyFileError(msg)
        data = file.read(64)
    if len(data) < 16:
        msg = f"{path} is too short to be a key; delete it to make a new one"
        raise KeyFileError(msg)
    return data
