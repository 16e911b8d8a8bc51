"""Key stores: PKCS #12 (RFC 7292) and Java's JKS and JCEKS, of which the public structure is read without a password.

The format of JKS is that of `sun.security.provider.JavaKeyStore` as its documentation and the OpenJDK source describe
it: magic, version, count, then entries (1: private key with chain, 2: certificate; 3: JCEKS secret key).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._certificates import keys, x509
from nhiscan.collectors.repo._config.nodes import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = {b"\xfe\xed\xfe\xed": "jks", b"\xce\xce\xce\xce": "jceks"}
_MOST = 100
_COSTLY = 500_000
_AFTER_COUNT = (b"", b"\x30", b"\x02", b"\x04", b"\xa0")


@dataclass(frozen=True, slots=True, repr=False)
class Held:
    """An entry of a store: a certificate, or a private key where `encrypted` is known; `pem` is that key."""

    alias: str
    told: x509.Told
    encrypted: bool | None = None
    created: datetime | None = None
    pem: str | None = None


def is_java(data: bytes) -> str | None:
    """`jks` or `jceks` for such a store, None for other bytes."""
    return _MAGIC.get(data[:4])


def java(data: bytes) -> Iterator[Held]:
    """The entries, as far as they can be followed; a key's own bytes are always encrypted."""
    cursor = _Cursor(data, 8)
    for _ in range(min(cursor.number(4), _MOST)):
        tag, alias, at = cursor.number(4), cursor.text(), cursor.number(8)
        if cursor.ended or tag not in {1, 2}:  # a secret key is a serialised object, which nobody should read
            if tag == 3 and not cursor.ended:
                yield Held(
                    clean(alias), x509.Told(None, {"key_algorithm": "symmetric"}), encrypted=True, created=_moment(at)
                )
            return
        if tag == 1:
            cursor.take(cursor.number(4))
        chain = []
        for _ in range(min(cursor.number(4), _MOST) if tag == 1 else 1):
            cursor.text()
            chain.append(cursor.take(cursor.number(4)))
        told = [t for der in chain if (t := x509.certificate(der))]
        if tag == 1 and not cursor.ended:
            own = x509.Told(None, _key_facts(told[0]), told[0].spki) if told else x509.Told()
            yield Held(clean(alias), own, encrypted=True, created=_moment(at))
        for item in told:
            yield Held(clean(alias), item, None, _moment(at))


def _key_facts(told: x509.Told) -> dict[str, str]:
    """What a certificate says of the key it was made for, which is sealed."""
    return {k: told.facts[k] for k in ("key_algorithm", "key_bits", "public_key") if k in told.facts}


def is_pkcs12(data: bytes) -> bool:
    """Whether the bytes begin like a PFX: a sequence with version 3 and a content type of PKCS #7."""
    return data[:1] == b"\x30" and b"\x02\x01\x03\x30" in data[:12] and b"\x2a\x86\x48\x86\xf7\x0d\x01\x07" in data[:40]


def pkcs12(data: bytes) -> Iterator[Held]:
    """The entries where the password is empty; else one key that is encrypted and says nothing."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12 as library

    made = None
    for password in (None, b"") if not _is_costly(data) else ():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = library.load_pkcs12(data, password)
            break
        except Exception:  # noqa: BLE001, S112 - a wrong password and malformed bytes alike
            continue
    if made is None:
        yield Held("", x509.Told(), encrypted=True)
        return
    certificates = [c for c in (made.cert, *made.additional_certs) if c is not None][:_MOST]
    told = [t for c in certificates if (t := x509.certificate(c.certificate.public_bytes(serialization.Encoding.DER)))]
    if made.key is not None:
        raw = made.key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        named = made.cert.friendly_name.decode("utf-8", "replace") if made.cert and made.cert.friendly_name else ""
        yield Held(clean(named), keys.of_der(raw, {}), encrypted=False, pem=keys.pem_of(made.key))
    for item in told:
        yield Held("", item)


def _is_costly(data: bytes) -> bool:
    """Whether the iteration counts (INTEGERs of up to four bytes) sum up to more than a second of trying a password."""
    at, total = 0, 0
    while (at := data.find(b"\x02", at)) >= 0 and at + 2 < len(data):
        size = data[at + 1]
        # A count follows a salt, an OCTET STRING; it ends the sequence or a PRF follows it.
        following = data[at + 2 + size : at + 3 + size]
        if 2 <= size <= 5 and following in _AFTER_COUNT and b"\x04" in data[max(0, at - 70) : at]:
            total += int.from_bytes(data[at + 2 : at + 2 + size])
        at += 1
    return total > _COSTLY


def _moment(milliseconds: int) -> datetime | None:
    # 1995 to 2100: anything else is no date of a Java program.
    seconds = milliseconds / 1000
    return datetime.fromtimestamp(seconds, UTC) if 788_918_400 < seconds < 4_102_444_800 else None


class _Cursor:
    """Reads big-endian numbers and Java's modified UTF-8; past the end everything is empty."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self.ended = False

    def take(self, size: int) -> bytes:
        """The next bytes."""
        found = self._data[self._at : self._at + size]
        self.ended = self.ended or len(found) < size
        self._at += size
        return found

    def number(self, size: int) -> int:
        """The next number."""
        return int.from_bytes(self.take(size))

    def text(self) -> str:
        """The next text."""
        return self.take(self.number(2)).decode("utf-8", "replace")
