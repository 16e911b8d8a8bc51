"""Certificates and public keys: what they say of themselves, under the names that the cloud collectors use.

`public_key` is the SHA-256 of the SubjectPublicKeyInfo (RFC 5280, section 4.1) or, of SSH keys, of the blob (RFC 4253,
section 6.6), in hex; `fingerprint` of SSH keys is what `ssh-keygen -l` shows.
"""

from __future__ import annotations

import base64
import re
import warnings
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from cryptography import x509 as library

CERTIFICATE = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----([^-]{40,65536})-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)
LARGEST = 64 << 10
"""Bytes of a certificate or key; beyond that numbers are chosen to cost time."""

_MOST_BITS = 16_384
_MOST_NAMES = 20
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]")


@dataclass(frozen=True, slots=True)
class Told:
    """What a certificate or key says: `spki` is the digest by which the halves of a pair meet."""

    name: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    spki: str | None = None
    id: str | None = None
    issued_at: datetime | None = None
    expires_at: datetime | None = None
    authority: bool = False


def first(text: str) -> Told | None:
    """The first certificate of a PEM text that can be read."""
    return next((told for body in CERTIFICATE.findall(text) if (told := certificate(unarmoured(body)))), None)


def unarmoured(body: str) -> bytes:
    """The bytes of base64 with whatever stands in between; empty when it is none."""
    import binascii

    clean = _NOT_BASE64.sub("", body.replace("\\n", "").replace("\\r", ""))
    try:
        return base64.b64decode(clean)
    except (binascii.Error, ValueError):
        return b""


def certificate(der: bytes) -> Told | None:
    """What the certificate says; None for other bytes."""
    from cryptography import x509 as library

    if len(der) > LARGEST or der[:1] != b"\x30":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old certificates break rules that nobody enforced then
            made = library.load_der_x509_certificate(der)
            return _told(made, sha256(der).hexdigest())
    except Exception:  # noqa: BLE001 - the library raises its own, Rust's and ValueError for malformed fields
        return None


def _told(made: library.Certificate, digest: str) -> Told:
    facts: dict[str, str] = {"serial": f"{made.serial_number:x}"}
    for name, value in (("subject", made.subject), ("issuer", made.issuer)):
        facts[name] = value.rfc4514_string()[:200]
    own = made.subject == made.issuer
    facts["self_signed"] = str(own).lower()
    if made.signature_hash_algorithm is not None:
        facts["signature"] = made.signature_hash_algorithm.name
    authority = _authority(made)
    if authority:
        facts["role"] = "authority"
    elif own:
        facts["origin"] = "private"
    names = _names(made)
    if names:
        facts["san"] = ", ".join(names)[:200]
    key, spki = _key_of(made)
    return Told(
        _common_name(made) or (names[0] if names else None),
        {**facts, **key},
        spki,
        f"x509:{digest}",
        made.not_valid_before_utc,
        made.not_valid_after_utc,
        authority,
    )


def _key_of(made: library.Certificate) -> tuple[dict[str, str], str | None]:
    try:
        key = made.public_key()
    except Exception:  # noqa: BLE001 - an algorithm that the library does not know
        return {}, None
    return public(key)


def _authority(made: library.Certificate) -> bool:
    from cryptography import x509 as library

    try:
        return bool(made.extensions.get_extension_for_class(library.BasicConstraints).value.ca)
    except Exception:  # noqa: BLE001 - absent, twice, or malformed
        return False


def _names(made: library.Certificate) -> list[str]:
    from cryptography import x509 as library

    try:
        found = made.extensions.get_extension_for_class(library.SubjectAlternativeName).value
        return [str(n.value) for n in list(found)[:_MOST_NAMES] if isinstance(n.value, str)]
    except Exception:  # noqa: BLE001 - absent, twice, or malformed
        return []


def _common_name(made: library.Certificate) -> str | None:
    from cryptography.x509.oid import NameOID

    found = made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value)[:200] or None if found else None


def public(key: object) -> tuple[dict[str, str], str | None]:
    """`key_algorithm`, `key_bits` and `public_key` of a public key, and the digest of its SubjectPublicKeyInfo."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa, x448, x25519

    kinds: tuple[tuple[type, str, int | None], ...] = (
        (rsa.RSAPublicKey, "RSA", None), (ec.EllipticCurvePublicKey, "EC", None), (dsa.DSAPublicKey, "DSA", None),
        (ed25519.Ed25519PublicKey, "Ed25519", 256), (ed448.Ed448PublicKey, "Ed448", 456),
        (x25519.X25519PublicKey, "X25519", 256), (x448.X448PublicKey, "X448", 448),
    )  # fmt: skip
    known = next(((name, bits) for kind, name, bits in kinds if isinstance(key, kind)), None)
    if known is None:
        return {}, None
    bits = known[1] or int(getattr(key, "key_size", 0))
    facts = {"key_algorithm": known[0], "key_bits": str(bits)}
    if bits > _MOST_BITS:
        return facts, None
    raw: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]  # one of the kinds above
    digest = sha256(raw).hexdigest()
    return {**facts, "public_key": digest}, digest


def ssh_of(key: object) -> dict[str, str]:
    """`public_key` and `fingerprint` of a public key as SSH writes it; nothing for a kind that SSH has not."""
    from cryptography.hazmat.primitives import serialization as s

    try:
        line: bytes = key.public_bytes(s.Encoding.OpenSSH, s.PublicFormat.OpenSSH)  # type: ignore[attr-defined]  # every public key has it
    except Exception:  # noqa: BLE001 - curves that SSH does not know
        return {}
    return ssh_digest(base64.b64decode(line.split()[1]))


def ssh_public(line: str) -> Told | None:
    """The key of a line `[options] ssh-… AAAA… comment`; None for other text."""
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    words = line.split()
    at = next(
        (i for i, w in enumerate(words[:-1]) if w.startswith(("ssh-", "ecdsa-sha2-", "sk-")) and "=" not in w), None
    )
    if at is None or len(words[at + 1]) > LARGEST:
        return None
    blob = unarmoured(words[at + 1])
    if len(blob) < 16 or words[at].encode() not in blob[:64]:
        return None
    facts: dict[str, str] = {}
    spki = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            facts, spki = public(load_ssh_public_key(" ".join(words[at : at + 2]).encode()))
    except Exception:  # noqa: BLE001 - keys on hardware, certificates, malformed numbers
        facts = {"key_algorithm": words[at].split("@")[0]} if words[at].startswith("sk-") else {}
    comment = " ".join(words[at + 2 :])[:200] or None
    return Told(comment, {**facts, **ssh_digest(blob)}, spki)


def ssh_digest(blob: bytes) -> dict[str, str]:
    """`public_key` and `fingerprint` of an SSH key's blob."""
    digest = sha256(blob).digest()
    return {"public_key": digest.hex(), "fingerprint": "SHA256:" + base64.b64encode(digest).decode().rstrip("=")}


def blobs(text: str) -> Iterator[bytes]:
    """The DER of each certificate in a PEM text."""
    for body in CERTIFICATE.findall(text):
        yield unarmoured(body)
