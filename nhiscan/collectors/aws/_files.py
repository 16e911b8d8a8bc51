"""Exported AWS answers in a directory, told by their content: any file name, several pages, several accounts."""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import os
import stat
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import listing, mapping, text
from nhiscan.collectors.aws import _report
from nhiscan.collectors.aws._source import Account, account_of_arn
from nhiscan.detect.aws_key import account_of

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 256_000_000  # the details of some 40,000 identities; a larger export is better split into pages
_MAX_FILES = 20_000
_MAX_DEPTH = 6
_HEAD = 4096
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Kind(StrEnum):
    """Which answer a document is."""

    DETAILS = "get-account-authorization-details"
    REPORT = "get-credential-report"
    KEYS = "list-access-keys"
    OIDC_LIST = "list-open-id-connect-providers"
    OIDC = "get-open-id-connect-provider"
    SAML_LIST = "list-saml-providers"
    SERVICE_CREDENTIALS = "list-service-specific-credentials"
    SERVER_CERTIFICATES = "list-server-certificates"
    SIGNING = "list-signing-certificates"
    SSH = "list-ssh-public-keys"
    BROKEN = "unreadable"


_MARKS = {
    "UserDetailList": Kind.DETAILS, "RoleDetailList": Kind.DETAILS, "GroupDetailList": Kind.DETAILS,
    "PolicyVersionList": Kind.DETAILS, "AccessKeyMetadata": Kind.KEYS, "OpenIDConnectProviderList": Kind.OIDC_LIST,
    "SAMLProviderList": Kind.SAML_LIST, "ThumbprintList": Kind.OIDC, "ClientIDList": Kind.OIDC,
    "ServiceSpecificCredentials": Kind.SERVICE_CREDENTIALS, "ServerCertificateMetadataList": Kind.SERVER_CERTIFICATES,
    "SSHPublicKeys": Kind.SSH, "CertificateBody": Kind.SIGNING,
    "ReportFormat": Kind.REPORT, "GeneratedTime": Kind.REPORT,
}  # fmt: skip
_LISTS = {
    Kind.DETAILS: ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies"),
    Kind.OIDC_LIST: ("OpenIDConnectProviderList",),
    Kind.SAML_LIST: ("SAMLProviderList",),
    Kind.SERVER_CERTIFICATES: ("ServerCertificateMetadataList",),
}


@dataclass(frozen=True, slots=True)
class Document:
    """One answer found; `account` is None when it does not say, `body` is CSV text for a report.

    `problem` tells why a BROKEN one cannot be read, `digest` identifies the file's content.
    """

    path: str
    kind: Kind
    account: Account | None
    body: object
    digest: str
    problem: str = ""


def documents(root: Path) -> Iterator[Document]:
    """Every AWS answer below a directory (or in one file), ordered by path; anything else is passed over.

    Links are not followed.  What looks like an AWS answer and cannot be read comes back as BROKEN, and so does the
    directory itself when it holds AWS answers and more files than are looked at.
    """
    paths = list(_paths(root))
    some = False
    for document in _answers(root, paths):
        some = True
        yield document
    if some and len(paths) >= _MAX_FILES:
        yield Document(".", Kind.BROKEN, None, None, "", f"holds more files than the {_MAX_FILES} looked at")


def _answers(root: Path, paths: list[Path]) -> Iterator[Document]:
    for path in paths:
        name = text(path.relative_to(root).as_posix() if path != root else path.name) or "file"
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                head = file.read(_HEAD)
                if not _may_be_answer(_decode(head)):
                    continue
                if size > MAX_BYTES:
                    yield Document(name, Kind.BROKEN, None, None, "", f"larger than {MAX_BYTES // 10**6} MB")
                    continue
                raw = head + file.read(MAX_BYTES)
        except OSError as e:
            yield Document(name, Kind.BROKEN, None, None, "", f"cannot be opened ({e.strerror})")
            continue
        yield from _read(name, raw)


def _paths(root: Path) -> Iterator[Path]:
    if root.is_file():
        yield root
        return
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(f for f in folders if not f.startswith(".")) if depth < _MAX_DEPTH else []
        found += [Path(folder, f) for f in sorted(files)]
        if len(found) > _MAX_FILES:
            break
    for path in sorted(found[:_MAX_FILES]):
        try:
            if stat.S_ISREG(path.lstat().st_mode):
                yield path
        except OSError:
            continue


def _may_be_answer(head: str) -> bool:
    return head.lstrip().startswith(("{", "[")) or _report.is_report(head)


def _decode(raw: bytes) -> str:
    # PowerShell redirects into UTF-16 with a byte order mark.
    encoding = next((e for bom, e in _BOMS if raw.startswith(bom)), "utf-8")
    return raw.decode(encoding, "replace")


def _read(name: str, raw: bytes) -> Iterator[Document]:
    content, digest = _decode(raw), sha256(raw).hexdigest()
    if _report.is_report(content[:64]):
        yield _report_document(name, content, digest)
        return
    if not any(f'"{mark}"' in content for mark in _MARKS):
        return
    try:
        for value in _values(content):
            for item in value if isinstance(value, list) else [value]:
                yield from _document(name, item, digest)
    except (ValueError, RecursionError):
        yield Document(name, Kind.BROKEN, None, None, digest, "is not valid JSON")


def _values(content: str) -> Iterator[object]:
    """The JSON values of a text that may hold several, one after another (`aws … >> file` in a loop)."""
    decoder, position = json.JSONDecoder(), 0
    while True:
        rest = len(content) - len(content[position:].lstrip()) if position else len(content) - len(content.lstrip())
        if rest >= len(content):
            return
        value, position = decoder.raw_decode(content, rest)
        yield value


def _document(name: str, item: object, digest: str) -> Iterator[Document]:
    body = mapping(item)
    kind = _kind(body)
    if kind is Kind.REPORT:
        content = _report_text(body.get("Content"))
        if content is None:
            yield Document(name, Kind.BROKEN, None, None, digest, "holds no credential report in Content")
        else:
            yield _report_document(name, content, digest)
    elif kind is not None:
        yield Document(name, kind, _account(kind, body), body, digest)


def _kind(body: object) -> Kind | None:
    keys = mapping(body)
    if "Content" in keys:
        return Kind.REPORT
    policies = [mapping(p) for p in listing(keys.get("Policies"))]
    if any("PolicyVersionList" in p for p in policies):
        return Kind.DETAILS
    certificates = [mapping(c) for c in listing(keys.get("Certificates"))]
    if certificates and all("CertificateBody" in c and "UserName" in c for c in certificates):
        return Kind.SIGNING
    return next((kind for mark, kind in _MARKS.items() if mark in keys and kind is not Kind.REPORT), None)


def _account(kind: Kind, body: object) -> Account | None:
    for name in _LISTS.get(kind, ()):
        for entry in listing(mapping(body).get(name)):
            found = account_of_arn(mapping(entry).get("Arn"))
            if found is not None:
                return found
    return None


def key_account(document: Document) -> str | None:
    """The account number that the key ids of a list-access-keys answer carry."""
    for entry in listing(mapping(document.body).get("AccessKeyMetadata")):
        number = account_of(text(mapping(entry).get("AccessKeyId")) or "")
        if number is not None:
            return number
    return None


def _report_text(content: object) -> str | None:
    if not isinstance(content, str):
        return None
    if _report.is_report(content[:64]):
        return content
    try:
        plain = base64.b64decode(content, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None
    return plain if _report.is_report(plain[:64]) else None


def _report_document(name: str, content: str, digest: str) -> Document:
    try:
        account = next((a for row in _report.parse(content) if (a := account_of_arn(row.arn))), None)
    except _report.ReportError:
        account = None
    return Document(name, Kind.REPORT, account, content, digest)
