"""Private keys: which they are by their public half, how strong, and whether a passphrase guards them.

PEM of PKCS #1, #8 and SEC 1 (RFC 7468, RFC 5958, RFC 5915), OpenSSH (PROTOCOL.key), PuTTY, OpenPGP, age and JWK (RFC
7517).  Of an encrypted OpenSSH or PuTTY key the public half stands in the open.
"""

from __future__ import annotations

import base64
import re
import warnings
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._certificates import x509
from nhiscan.detect.claims import key_encrypted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.collectors.repo._config.nodes import Node

_OPENSSH = b"openssh-key-v1\0"
_LARGEST = 32 << 10
_LARGEST_OTHER = 2_500  # a DSA key of 3,072 bits has 1,200
_RSA = bytes.fromhex("2a864886f70d0101")
_PPK = re.compile(r"PuTTY-User-Key-File-\d: (\S{1,60})")
_PPK_LINE = re.compile(r"^([A-Za-z-]{3,30}): *(.*)$", re.MULTILINE)
_JWK_KINDS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}


def private(pem: str, *, ssh: bool = False) -> x509.Told:
    """What a PEM block of a private key says; `encrypted` is a fact where that is known, `ssh` names it as SSH does."""
    encrypted = key_encrypted(pem)
    facts = {} if encrypted is None else {"encrypted": str(encrypted).lower()}
    header = pem[:60]
    if "OPENSSH" in header:
        return _openssh(pem, facts)
    if "PGP" in header:
        return x509.Told(None, {"form": "openpgp"})
    if encrypted or len(pem) > _LARGEST:
        return x509.Told(None, facts)
    body = "".join(line for line in pem.splitlines() if "-----" not in line and ":" not in line)
    return of_der(x509.unarmoured(body), facts, ssh=ssh)


def of_der(der: bytes, facts: Mapping[str, str], *, ssh: bool = False) -> x509.Told:
    """What an unencrypted key in DER says."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    if _is_costly(der):
        return x509.Told(None, facts)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Whether the numbers fit together costs seconds on chosen ones, and nobody asks.
            key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        half = key.public_key()
        told, spki = x509.public(half)
        told = {**told, **(x509.ssh_of(half) if ssh else {})}
    except Exception:  # noqa: BLE001 - unknown algorithms and malformed numbers, each with an exception of its own
        return x509.Told(None, {**_modulus(der), **facts})
    return x509.Told(None, {**told, **facts}, spki)


def pem_of(key: object) -> str:
    """An unencrypted key as the PEM of PKCS #8, which is the form by which copies of one key meet."""
    from cryptography.hazmat.primitives import serialization as s

    raw: bytes = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())  # type: ignore[attr-defined]  # every private key has it
    return raw.decode()


def der_pem(der: bytes) -> str | None:
    """The PEM of PKCS #8 of an unencrypted key in DER; None for other bytes."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    if _is_costly(der):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pem_of(load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True))
    except Exception:  # noqa: BLE001 - the library raises what it likes for malformed bytes
        return None


def _is_costly(der: bytes) -> bool:
    """Whether reading might take long: the public half of a key that is not of RSA is computed from chosen numbers."""
    ours = _RSA in der[:48] or der[4:9] == b"\x02\x01\x00\x02\x82"
    return not der or len(der) > (_LARGEST if ours else _LARGEST_OTHER)


def _modulus(der: bytes) -> dict[str, str]:
    """Size of an RSA key whose numbers the library refuses: version, modulus (RFC 8017, appendix A.1.2)."""
    match = re.match(rb"\x30\x82..\x02\x01\x00\x02\x82(..)(\x00?)", der, re.DOTALL)
    if match is None:
        return {}
    size = (int.from_bytes(match[1]) - len(match[2])) * 8
    return {"key_algorithm": "RSA", "key_bits": str(size)} if 256 <= size <= 16_384 else {}


def _openssh(pem: str, facts: Mapping[str, str]) -> x509.Told:
    body = "".join(line for line in pem.splitlines() if "-----" not in line)
    raw = x509.unarmoured(body)
    if not raw.startswith(_OPENSSH) or len(raw) > _LARGEST:
        return x509.Told(None, facts)
    # cipher, kdf, its options, then how many keys, then the public halves
    fields, at = [], len(_OPENSSH)
    for _ in range(3):
        value, at = _string(raw, at)
        fields.append(value)
    blob, at = _string(raw, at + 4)
    kind, _ = _string(blob, 0)
    told = x509.ssh_public(f"{kind.decode('ascii', 'replace')} {base64.b64encode(blob).decode()}") if kind else None
    cipher = {} if fields[0] in {b"none", b""} else {"cipher": fields[0].decode("ascii", "replace")[:40]}
    return x509.Told(None, {**(told.facts if told else {}), **cipher, **facts}, told.spki if told else None)


def _string(raw: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(raw[at : at + 4])
    return raw[at + 4 : at + 4 + size], at + 4 + size


def putty(text: str) -> x509.Told | None:
    """A PuTTY key (PuTTY documentation, appendix C, "PPK file format"); None for other text."""
    header = _PPK.match(text.lstrip())
    if header is None:
        return None
    fields = {m[1]: m[2].strip() for m in _PPK_LINE.finditer(text[:_LARGEST])}
    lines = text.splitlines()
    at = next((i for i, line in enumerate(lines) if line.startswith("Public-Lines:")), None)
    count = (
        int(fields["Public-Lines"])
        if fields.get("Public-Lines", "").isdigit() and len(fields["Public-Lines"]) < 4
        else 0
    )
    told = (
        x509.ssh_public(f"{header[1]} {''.join(lines[at + 1 : at + 1 + count])}") if at is not None and count else None
    )
    encrypted = {"encrypted": "false" if fields.get("Encryption") == "none" else "true"}
    facts = {**(told.facts if told else {}), **encrypted}
    return x509.Told(fields.get("Comment") or None, facts, told.spki if told else None)


def jwk(node: Node) -> x509.Told | None:
    """A key with a private part (`d`, or `k` of a symmetric one); None for a public key or another mapping."""
    kind = node.text_at("kty")
    secret = node.text_at("k") if kind == "oct" else node.text_at("d")
    if kind is None or not secret:
        return None
    facts = {"key_algorithm": {"OKP": node.text_at("crv") or "OKP", "oct": "symmetric"}.get(kind, kind)}
    for name in ("kid", "use", "alg"):
        if value := node.text_at(name):
            facts[name] = value[:100]
    size = {"RSA": node.text_at("n"), "oct": secret}.get(kind)
    curve = {"P-256": 256, "P-384": 384, "P-521": 521, "secp256k1": 256, "Ed25519": 256, "X25519": 256}
    bits = len(x509.unarmoured(size.replace("-", "+").replace("_", "/") + "==")) * 8 if size else None
    bits = bits or curve.get(node.text_at("crv") or "")
    return x509.Told(node.text_at("kid"), {**facts, **({"key_bits": str(bits)} if bits else {})})
