"""What lies in one file of keys or certificates, by its content; the name only says which files are opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._certificates import keys, stores, x509
from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import MalformedError, Node, decode
from nhiscan.detect import noise
from nhiscan.detect.value import recognise
from nhiscan.plugin import CredentialKind, Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.detect.candidate import Candidate

MOST = 100
"""Certificates and keys of one file; what follows is counted."""

_PRIVATE = re.compile(
    r"-----BEGIN ((?:[A-Z0-9]{1,20} ){0,4})PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----)){40,20000}"
    r"-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----"
)
_AGE = re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{58}")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{20,1000}")
_SSH_NAME = re.compile(r"(?:^|/)(?:\.?ssh/.*|id_[a-z0-9]+[^/]*|ssh_host_[^/]*|[^/]*ssh[_-]?key[^/]*)$")
_SSH_LINE = re.compile(
    r"^[^#\n]{0,2000}?(?:ssh-(?:rsa|dss|ed25519|ed448)|ecdsa-sha2-\w{1,20}|sk-[\w@.-]{1,60}) AAAA\S{40,12000}.{0,300}$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """A certificate, a private key or a public SSH key; `value` is that of a private key where it can be read.

    `private` is False for what is public; `encrypted` whether a passphrase is asked for; `line` is None in binaries.
    """

    label: str
    kind: CredentialKind
    told: x509.Told
    line: int | None
    private: bool = False
    encrypted: bool | None = None
    value: Sensitive[str] | None = None
    format: str | None = None
    created: datetime | None = None
    known: Candidate | None = None


def materials(data: bytes, path: str) -> Iterator[Material]:
    """What the bytes hold, in order; nothing for a file that is something else."""
    if stores.is_java(data):
        yield from _store(stores.java(data), stores.is_java(data) or "")
    elif stores.is_pkcs12(data):
        yield from _store(stores.pkcs12(data), "pkcs12")
    elif data[:1] == b"\x30" and b"-----" not in data[:2000]:
        yield from _der(data, path)
    else:
        yield from _text(decode(data), path)


def _store(held: Iterator[stores.Held], form: str) -> Iterator[Material]:
    for item in held:
        if item.encrypted is None:
            yield Material(
                item.alias or "certificate", CredentialKind.CERTIFICATE, item.told, None, created=item.created
            )
            continue
        value = Sensitive(noise.squeeze(item.pem)) if item.pem else None
        yield Material(
            item.alias or "private-key", CredentialKind.PRIVATE_KEY, item.told, None, private=True,
            encrypted=item.encrypted, value=value, format=form, created=item.created,
        )  # fmt: skip


def _der(data: bytes, path: str) -> Iterator[Material]:
    if told := x509.certificate(data):
        yield Material("certificate", CredentialKind.CERTIFICATE, told, None)
    elif pem := keys.der_pem(data):
        told = keys.of_der(data, {})
        value = Sensitive(noise.squeeze(pem))
        yield Material(
            "private-key", _kind(path, ""), told, None, private=True, encrypted=False, value=value, format="der"
        )


def _text(text: str, path: str) -> Iterator[Material]:
    base = path.lower().rpartition("/")[2]
    if told := keys.putty(text):
        value, blank = Sensitive(noise.squeeze(text)), len(text) - len(text.lstrip())
        yield Material(
            "putty-key", CredentialKind.SSH_KEY, told, 1 + text[:blank].count("\n"), private=True,
            encrypted=told.facts.get("encrypted") == "true", value=value, format="ppk",
        )  # fmt: skip
        return
    if text.lstrip()[:1] in {"{", "["} and '"kty"' in text:
        yield from _jwks(text)
        return
    lines = _Lines(text)
    yield from _blocks(text, path, lines)
    if base.endswith(".pub") or base.startswith("authorized_keys"):
        for match in _SSH_LINE.finditer(text):
            if told := x509.ssh_public(match[0]):
                yield Material("ssh-public-key", CredentialKind.SSH_KEY, told, lines.at(match.start()))
    for pattern, kind in ((_AGE, CredentialKind.PRIVATE_KEY), (_JWT, CredentialKind.JWT)):
        for match in pattern.finditer(text) if pattern is _AGE or base.endswith(".jwt") else ():
            if known := recognise(match[0]):
                yield Material(known.format or kind, kind, x509.Told(None, known.facts), lines.at(match.start()),
                               private=True, value=known.value, format=known.format, known=known)  # fmt: skip


def _blocks(text: str, path: str, lines: _Lines) -> Iterator[Material]:
    for match in x509.CERTIFICATE.finditer(text):
        if told := x509.certificate(x509.unarmoured(match[1])):
            yield Material("certificate", CredentialKind.CERTIFICATE, told, lines.at(match.start()))
    for match in _PRIVATE.finditer(text):
        pem = noise.unescape(match[0])
        if not noise.is_key_body(pem) and "PGP" not in match[1]:
            continue
        kind = _kind(path, match[1])
        told = keys.private(pem, ssh=kind is CredentialKind.SSH_KEY)
        encrypted = {"true": True, "false": False}.get(told.facts.get("encrypted", ""))
        # The same form as the scan of files takes a fingerprint of, so that both are one credential.
        yield Material("private-key", kind, told, lines.at(match.start()), private=True,
                       encrypted=encrypted, value=Sensitive(noise.squeeze(pem)), format="private-key")  # fmt: skip


def _jwks(text: str) -> Iterator[Material]:
    try:
        root = parse_json(text)
    except MalformedError:
        return
    keyed = root.at("keys")
    for node in (root, *(keyed.list if keyed else root.list)):
        part: Node | None = node.at("k") if node.text_at("kty") == "oct" else node.at("d")
        if part and part.text and (told := keys.jwk(node)):
            yield Material("jwk", CredentialKind.PRIVATE_KEY, told, part.line, private=True, encrypted=False,
                           value=Sensitive(part.text), format="jwk")  # fmt: skip


def _kind(path: str, header: str) -> CredentialKind:
    ssh = "OPENSSH" in header or _SSH_NAME.search(path.lower())
    return CredentialKind.SSH_KEY if ssh else CredentialKind.PRIVATE_KEY


class _Lines:
    """The lines of rising positions in a text, counted once."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._line = text, 0, 1

    def at(self, position: int) -> int:
        """The line of a position, from 1."""
        if position < self._at:
            self._at, self._line = 0, 1
        self._line += self._text.count("\n", self._at, position)
        self._at = position
        return self._line
