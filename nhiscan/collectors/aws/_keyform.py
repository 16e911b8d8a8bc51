"""What a certificate or public key says of itself: validity, algorithm, size, and a digest to recognise it by.

Reads just these fields of X.509 (RFC 5280, section 4.1), SubjectPublicKeyInfo (RFC 5480, RFC 8410, RFC 8017) and
OpenSSH public keys (RFC 4253, section 6.6; RFC 8709).  What is not understood is absent, never an error.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEM = re.compile(r"-----BEGIN (?P<label>[A-Z ]+)-----(?P<body>[A-Za-z0-9+/=\s]+)-----END (?P=label)-----")
_LONGEST = 200_000
_SEQUENCE, _INTEGER, _BITS, _OID, _VERSION, _UTC_TIME, _TIME = 0x30, 0x02, 0x03, 0x06, 0xA0, 0x17, 0x18
_RSA = bytes.fromhex("2a864886f70d010101")
_EC = bytes.fromhex("2a8648ce3d0201")
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): 256,
    bytes.fromhex("2b81040022"): 384,
    bytes.fromhex("2b81040023"): 521,
    bytes.fromhex("2b8104000a"): 256,
}
_ED25519 = bytes.fromhex("2b6570")
_NAMES = re.compile(r"(?P<family>RSA|EC|ECDSA|ED25519|ML_DSA|SM2)(?:[_-](?P<rest>\w+))?", re.IGNORECASE)
_ENTRY = tuple[int, bytes, bytes]  # tag, content, whole


@dataclass(frozen=True, slots=True)
class KeyForm:
    """The form of a key: `bits` is its size, `digest` a SHA-256 of the public key in hex; dates of a certificate."""

    algorithm: str | None = None
    bits: int | None = None
    digest: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None

    def facts(self) -> dict[str, str]:
        """`key_algorithm`, `key_bits` and `public_key`, as far as they are known."""
        found = {"key_algorithm": self.algorithm, "key_bits": self.bits, "public_key": self.digest}
        return {name: str(value) for name, value in found.items() if value is not None}


def named(name: str | None) -> KeyForm:
    """The form that the name of an algorithm tells: `RSA_2048`, `RSA-2048`, `EC_prime256v1`, `ED25519`."""
    match = _NAMES.match((name or "").strip())
    if match is None:
        return KeyForm()
    family, rest = match["family"].upper(), match["rest"] or ""
    family = {"ECDSA": "EC", "ED25519": "Ed25519", "ML_DSA": "ML-DSA"}.get(family, family)
    size = re.search(r"(?<!\d)(1024|2048|3072|4096|8192|256|384|521)(?!\d)", rest)
    return KeyForm(family, 256 if family == "Ed25519" else int(size[1]) if size else None)


def certificate(pem: object) -> KeyForm:
    """Of the certificates in a PEM text the one that ends first: a bundle is good as long as all of it is."""
    found = [form for der in _ders(pem, "CERTIFICATE") if (form := _x509(der))]
    return min(found, key=lambda form: form.not_after or datetime.max.replace(tzinfo=UTC), default=KeyForm())


def public_key(pem: object) -> KeyForm:
    """The key of a PEM `PUBLIC KEY`."""
    return next((_info(der) for der in _ders(pem, "PUBLIC KEY")), KeyForm())


def ssh_key(line: object) -> KeyForm:
    """The key of an OpenSSH line, `ssh-rsa AAAA… comment`."""
    words = line.split() if isinstance(line, str) and len(line) < _LONGEST else []
    try:
        raw = base64.b64decode(words[1], validate=True) if len(words) > 1 else b""
    except (binascii.Error, ValueError):
        raw = b""
    found: KeyForm = KeyForm()
    match list(_strings(raw)):
        case [b"ssh-rsa", _, modulus]:
            found = KeyForm("RSA", int.from_bytes(modulus).bit_length())
        case [b"ssh-ed25519", _]:
            found = KeyForm("Ed25519", 256)
        case [b"ssh-dss", prime, *_]:
            found = KeyForm("DSA", int.from_bytes(prime).bit_length())
        case [name, curve, _] if name == b"ecdsa-sha2-" + curve and curve[:5] == b"nistp" and curve[5:].isdigit():
            found = KeyForm("EC", int(curve[5:]))
    return replace(found, digest=sha256(raw).hexdigest()) if found.algorithm else found


def _ders(pem: object, label: str) -> Iterator[bytes]:
    if not isinstance(pem, str):
        return
    for match in _PEM.finditer(pem[:_LONGEST]):
        if match["label"] == label:
            try:
                yield base64.b64decode("".join(match["body"].split()))
            except (binascii.Error, ValueError):
                continue


def _entries(raw: bytes) -> list[_ENTRY]:
    """The values of a DER sequence's content; what follows something malformed is left out."""
    found, at = [], 0
    while at + 2 <= len(raw):
        tag, size, start = raw[at], raw[at + 1], at + 2
        if size & 0x80:
            wide = size & 0x7F
            size, start = int.from_bytes(raw[start : start + wide]), start + wide
        if start + size > len(raw):
            break
        found.append((tag, raw[start : start + size], raw[at : start + size]))
        at = start + size
    return found


def _x509(der: bytes) -> KeyForm | None:
    match _entries(der):
        case [(0x30, content, _)]:
            pass
        case _:
            return None
    match _entries(content):
        case [(0x30, body, _), *_]:
            fields = [entry for entry in _entries(body) if entry[0] != _VERSION]
        case _:
            return None
    # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
    if len(fields) < 6:
        return None
    times = [_time(tag, value) for tag, value, _ in _entries(fields[3][1])]
    if len(times) != 2:
        return None
    key = _info(fields[5][2])
    return KeyForm(key.algorithm, key.bits, key.digest, times[0], times[1])


def _time(tag: int, value: bytes) -> datetime | None:
    text = value.decode("ascii", "replace")
    if tag == _UTC_TIME:  # two digits of the year: 50 to 99 are the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _info(der: bytes) -> KeyForm:
    digest = sha256(der).hexdigest()
    match _entries(der):
        case [(0x30, content, _)]:
            parts = _entries(content)
        case _:
            return KeyForm()
    if len(parts) != 2 or parts[1][0] != _BITS:
        return KeyForm()
    algorithm = [value for tag, value, _ in _entries(parts[0][1]) if tag == _OID]
    match algorithm:
        case [oid, *_] if oid == _RSA:
            inner = _entries(parts[1][1][1:])
            numbers = [value for tag, value, _ in _entries(inner[0][1]) if tag == _INTEGER] if inner else []
            return KeyForm("RSA", int.from_bytes(numbers[0]).bit_length() if numbers else None, digest)
        case [oid, *curve] if oid == _EC:
            return KeyForm("EC", _CURVES.get(curve[0]) if curve else None, digest)
        case [oid] if oid == _ED25519:
            return KeyForm("Ed25519", 256, digest)
    return KeyForm(None, None, digest)


def _strings(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(raw):
        size = int.from_bytes(raw[at : at + 4])
        yield raw[at + 4 : at + 4 + size]
        at += 4 + size
