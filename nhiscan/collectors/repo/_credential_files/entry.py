"""What a reader gives for one credential of a file, and the records that come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Judge, Spot
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.plugin import Credential, CredentialKind, Exposure, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors.repo._config.judge import Found
    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import FileClass, Form, Record

_NOBODY = Holder("", "")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role/[\w+=,.@/-]{1,600}")


@dataclass(frozen=True, slots=True, repr=False)
class Entry:
    """One credential of a file: `found` are its values (or references), the rest is what the format says of it.

    `form` is set for a credential that is declared without a value of its own (a helper, a keyring, a federation);
    `label` names it within the file.  `id` is an id that other collectors know it by.
    """

    label: str
    line: int
    found: tuple[Found, ...] = ()
    form: Form | None = None
    kind: CredentialKind | None = None
    provider: str | None = None
    facts: Mapping[str, str | None] = field(default_factory=dict)
    id: str | None = None
    human: bool | None = None
    lifetime: Lifetime | None = None
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    key_id: str | None = None
    account_id: str | None = None
    identity_id: str | None = None
    encrypted: bool | None = None


def taken(name: str, value: str | None, line: int, shown: str | None = None) -> tuple[Found, ...]:
    """What stands under a name that holds a credential; `shown` is the name to tell it by in this file."""
    spots = Judge().spot(Spot("key", name, value or "", line, forced=True))
    return tuple(replace(f, name=shown or name) for f in spots if not _cut_short(f))


def _cut_short(found: Found) -> bool:
    """Whether what stands there begins like a key and is none: dots, or the rest of it is missing."""
    literal = found.literal
    return literal is not None and literal.format is None and literal.value.reveal().startswith("-----BEGIN")


def role(arn: str | None) -> tuple[str | None, str | None]:
    """The role and its account where the text is the ARN of a role (IAM User Guide, "IAM identifiers")."""
    match = _ROLE.fullmatch(arn or "")
    return (match[0], match[1]) if match else (None, None)


def records(entries: Iterable[Entry], document: Document, book: Book, file_class: FileClass) -> Iterator[Record]:
    """Credentials and exposures of a file; every value is known to the book before anything is shown."""
    kept = [replace(e, found=tuple(book.learn(e.found))) for e in entries]
    for entry in kept:
        facts = {k: book.scrub(v) for k, v in entry.facts.items() if v}
        for record in holdings(entry.found, _NOBODY, document, book):
            if isinstance(record, Exposure):
                yield replace(record, config=None, file_class=file_class)
            elif isinstance(record, Credential):
                yield record if "#env:" in record.id else _told(record, entry, facts)
        if entry.form is not None:
            yield _declared(entry, entry.form, facts, document, book)


def _told(record: Credential, entry: Entry, facts: Mapping[str, str]) -> Credential:
    """What the value says of itself goes before what the file says of it."""
    kind = record.kind if record.format or entry.kind is None else entry.kind
    return replace(
        record,
        provider=record.provider or entry.provider,
        kind=kind if kind is not CredentialKind.UNKNOWN or entry.kind is None else entry.kind,
        facts={**facts, **record.facts},
        human=entry.human if record.human is None else record.human,
        lifetime=entry.lifetime or record.lifetime,
        expires_at=record.expires_at or entry.expires_at,
        issued_at=record.issued_at or entry.issued_at,
        key_id=record.key_id or entry.key_id,
        account_id=record.account_id or entry.account_id,
        encrypted=entry.encrypted,
    )


def _declared(entry: Entry, form: Form, facts: Mapping[str, str], document: Document, book: Book) -> Credential:
    label = book.scrub(entry.label)
    return Credential(
        id=f"{book.scope_id}{entry.id}" if entry.id else book.place(document.path, label),
        scope_id=book.scope_id,
        source=book.source,
        locator=f"{document.path}:{entry.line}",
        provider=entry.provider,
        kind=entry.kind or CredentialKind.UNKNOWN,
        name=label,
        lifetime=entry.lifetime,
        human=entry.human,
        key_id=entry.key_id,
        account_id=entry.account_id,
        identity_id=entry.identity_id,
        expires_at=entry.expires_at,
        facts={"form": str(form), **facts},
    )
