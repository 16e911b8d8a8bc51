"""Certificates and keys of a checkout: subject, issuer, validity, strength, and the private key that belongs to them.

A certificate is public, so its id is `x509:` and the SHA-256 of its bytes; a public SSH key is `ssh_key:` and the
SHA-256 of its blob.  A private key is place-bound and meets its copies by value.  Facts are named as the cloud
collectors name them: `key_algorithm`, `key_bits`, `public_key`; of certificates also `subject`, `issuer`, `serial`,
`self_signed`, `san`, `role` (`authority`), `private_key` (`in_checkout`); of a private key `certificate`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._certificates import COVERS, SOURCE, material
from nhiscan.collectors.repo._certificates.names import may_hold
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.collectors.repo._listing import Skip
from nhiscan.plugin import (
    Credential,
    CredentialKind,
    Exposure,
    ExposurePart,
    FileClass,
    GapReason,
    Lifetime,
    Record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._certificates.material import Material
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.detect.candidate import Candidate
    from nhiscan.plugin import Context, Gap

_LARGEST = 2_000_000  # a bundle of all public authorities has 250 KB
_STORE = 10  # so many authorities and nothing else are what somebody else's software trusts
_INVENTED = frozenset({FileClass.TEST, FileClass.DOCUMENTATION, FileClass.VENDORED})
# Keys whose private half everybody has, by the digest of the SSH blob: Vagrant's (hashicorp/vagrant, keys/README.md).
_COMMON = frozenset({"d4ce11ce13325ae152ffceae3d8fdc7b6a6b87f7554c75bb883d91869aae3990"})
_DEBUG_ALIAS = "androiddebugkey"  # Android Studio makes this key store with a password that it prints


@dataclass(frozen=True, slots=True, repr=False)
class _Found:
    """One piece of a file, and where that lies."""

    file: SourceFile
    item: Material


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """Credentials and exposures, once all files are read, because halves of a pair lie in several."""
    files = Files(checkout, SOURCE, COVERS, _LARGEST)
    found: list[_Found] = []
    for file in checkout.files():
        if may_hold(file.path):
            yield from _read(files, file, found)
    yield from _Pairs(found, checkout, Book(checkout.scope.id, SOURCE, ctx.key)).records()


def _read(files: Files, file: SourceFile, found: list[_Found]) -> Iterator[Gap]:
    data = files.checkout.read_bytes(file, _LARGEST)
    if isinstance(data, Skip):
        if data in {Skip.TOO_LARGE, Skip.UNREADABLE}:
            remedy = "make the file readable and smaller than 2 MB"
            yield files.gap(file.path, GapReason.SKIPPED, "was skipped", remedy)
        return
    kept: list[Material] = []
    for item in material.materials(data, file.path):
        if len(kept) == material.MOST:
            what = f"holds more than {material.MOST} certificates or keys; the rest was not read"
            yield files.gap(file.path, GapReason.SKIPPED, what, "split the file")
            break
        kept.append(item)
    if len(kept) >= _STORE and all(m.told.authority and not m.private for m in kept):
        return
    found.extend(_Found(file, m) for m in kept)


class _Pairs:
    """Halves of pairs by the digest of their public key, and the records of all that was found."""

    def __init__(self, found: Sequence[_Found], checkout: Checkout, book: Book) -> None:
        self._found, self._checkout, self._book = found, checkout, book
        self._certificates: dict[str, Material] = {}
        self._names: dict[str, str] = {}
        self._private = {f.item.told.spki for f in found if f.item.private} - {None}
        self._invented: dict[str, bool] = {}
        for one in found:
            told = one.item.told
            if told.id and told.spki:
                self._certificates.setdefault(told.spki, one.item)
            if told.id or not one.item.private:
                self._invented[_public_id(one.item)] = self._invented.get(_public_id(one.item), True) and _is_invented(
                    one
                )
        # One key has one name, whichever half speaks: a certificate's subject, else the key's own, else its file's.
        for one in sorted(found, key=lambda f: (f.item.told.id is None, not f.item.private, f.file.path)):
            if spki := one.item.told.spki:
                self._names.setdefault(spki, _own_name(one))

    def records(self) -> Iterator[Record]:
        """Credentials and exposures; the same certificate in several files is one credential."""
        self._book.values += [f.item.value for f in self._found if f.item.value]
        seen: set[str] = set()
        for one in self._found:
            place = self._book.place(one.file.path, self._book.scrub(one.item.label))
            credential_id = place if one.item.private else _public_id(one.item)
            if credential_id not in seen:
                seen.add(credential_id)
                yield self._credential(one, credential_id)
            yield self._exposure(one, credential_id, place)

    def _credential(self, one: _Found, credential_id: str) -> Credential:
        item, told = one.item, one.item.told
        facts = {k: self._book.scrub(v) for k, v in told.facts.items() if k not in {"encrypted", "exp", "iat"}}
        name = _own_name(one) if told.id else self._names.get(told.spki or "") or _own_name(one)
        common = told.facts.get("public_key") in _COMMON or item.label == _DEBUG_ALIAS
        sample = True if common or self._invented.get(credential_id, False) else None
        if item.private and (certificate := self._certificates.get(told.spki or "")):
            facts["certificate"] = certificate.told.id or ""
        elif told.id and told.spki in self._private:
            facts["private_key"] = "in_checkout"
        made = Credential(
            id=credential_id,
            scope_id=self._book.scope_id,
            source=SOURCE,
            locator=_where(one),
            kind=item.kind,
            name=self._book.scrub(name),
            format=item.format,
            lifetime=Lifetime.STATIC if item.private and item.known is None else None,
            issued_at=told.issued_at or item.created,
            expires_at=told.expires_at,
            fingerprint=self._book.key.fingerprint(item.value) if item.value else None,
            public=True if common or not item.private else None,
            sample=sample,
            encrypted=item.encrypted,
            facts=facts,
        )
        return made if item.known is None else self._recognised(made, one, item.known)

    def _recognised(self, made: Credential, one: _Found, known: Candidate) -> Credential:
        from nhiscan.collectors.repo._credential import Place, credential

        at = Place(made.id, self._book.scope_id, SOURCE, _where(one))
        return replace(credential(known, at, self._book.key), name=made.name)

    def _exposure(self, one: _Found, credential_id: str, place: str) -> Exposure:
        visibility = one.file.visibility
        return Exposure(
            id=f"{place}@certificates",
            scope_id=self._book.scope_id,
            source=SOURCE,
            locator=_where(one),
            credential_id=credential_id,
            uri=one.file.path,
            line=one.item.line,
            detector=one.item.format or SOURCE,
            part=ExposurePart.VALUE if one.item.private else ExposurePart.KEY_ID,
            at_head=self._checkout.at_head(visibility),
            visibility=visibility,
            file_class=_class(one.file.path),
        )


def _class(path: str) -> FileClass:
    told = file_class(path)
    return FileClass.KEY_FILE if told is FileClass.SOURCE else told


def _is_invented(one: _Found) -> bool:
    return file_class(one.file.path) in _INVENTED


def _public_id(item: Material) -> str:
    return item.told.id or f"ssh_key:{item.told.facts.get('public_key')}"


def _own_name(one: _Found) -> str:
    base = one.file.path.rpartition("/")[2]
    own = one.item.label if one.item.format in {"jks", "jceks"} else one.item.told.name
    if one.item.kind is CredentialKind.SSH_KEY and not one.item.private:
        return own or base.removesuffix(".pub")
    return own or base


def _where(one: _Found) -> str:
    return one.file.path if one.item.line is None else f"{one.file.path}:{one.item.line}"
