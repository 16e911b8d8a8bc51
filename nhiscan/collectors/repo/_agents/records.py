"""From what was found to records: credentials, the places they lie, and who uses them.  Values end here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents import words
from nhiscan.collectors.repo._agents.formats import Traits, known_values
from nhiscan.collectors.repo._agents.judge import AWS_ID, AWS_SECRET, AWS_SESSION, Found
from nhiscan.collectors.repo._agents.nodes import clean
from nhiscan.detect.aws_key import account_of
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import (
    Confidence,
    Credential,
    CredentialKind,
    Exposure,
    ExposurePart,
    Form,
    Lifetime,
    Record,
    Sensitive,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._agents.nodes import Document
    from nhiscan.sensitive import FingerprintKey

SOURCE = "repo.agents"
# Shorter values occur in ordinary words; what holds them is replaced where it stands instead.
_SHORTEST_SCRUBBED = 6
# Ten times what `clean` keeps, so that no value is cut in half where it would be seen.
_LONGEST_SHOWN = 2_000
_MASK = "***"


@dataclass(slots=True, repr=False)
class Book:
    """What has been numbered and must not be shown, while one agent's files are read."""

    scope_id: str
    key: FingerprintKey
    ordinals: Counter[tuple[str, str]] = field(default_factory=Counter)
    uses: Counter[str] = field(default_factory=Counter)
    values: list[Sensitive[str]] = field(default_factory=list)

    def learn(self, found: Iterable[Found]) -> list[Found]:
        """The same findings, their values noted for `scrub`."""
        kept = list(found)
        self.values += [f.value for f in kept if f.value is not None and f.part != AWS_ID]
        return kept

    def scrub(self, text: str) -> str:
        """The text without any value seen in this agent's files or shaped like a vendor's, fit to be shown."""
        text = text[:_LONGEST_SHOWN]
        hidden = [v.reveal() for v in self.values if len(v) >= _SHORTEST_SCRUBBED] + known_values(text)
        for value in sorted(hidden, key=len, reverse=True):
            text = text.replace(value, _MASK)
        return clean(conceal(text))

    def place(self, path: str, key_name: str) -> str:
        """The next place-bound id for this key name in this file."""
        self.ordinals[path, key_name] += 1
        return f"{self.scope_id}#{path}:{key_name}:{self.ordinals[path, key_name]}"


@dataclass(frozen=True, slots=True)
class Holder:
    """The consumer that holds what is found in one file."""

    consumer_id: str
    client: str


def holdings(found: Iterable[Found], holder: Holder, document: Document, book: Book) -> Iterator[Record]:
    """Credential, exposure and use records for what one consumer holds in one file; AWS halves become one."""
    rest = list(found)
    ids = [f for f in rest if f.part == AWS_ID and f.form is Form.LITERAL]
    secrets = [f for f in rest if f.part == AWS_SECRET and f.form is Form.LITERAL]
    paired = {id(s): i for i, s in zip(ids, secrets, strict=False)}
    loose = {id(i) for i in ids[len(secrets) :]}
    for item in rest:
        if item.part == AWS_SESSION and (ids or secrets):
            continue
        if item.part == AWS_ID and id(item) not in loose:
            if item.form is Form.PLACEHOLDER and not any(s.part == AWS_SECRET for s in rest):
                yield _use(item, holder, document, book, None)
            continue
        yield from _one(item, paired.get(id(item)), holder, document, book)


def _one(item: Found, key_id: Found | None, holder: Holder, document: Document, book: Book) -> Iterator[Record]:
    credential_id: str | None = None
    if item.form is Form.LITERAL and item.value is not None:
        credential = _literal(item, key_id, document, book)
        credential_id = credential.id
        yield credential
        yield _exposure(item, credential.id, holder, document, book)
    elif item.place == "profile" and item.form is Form.REFERENCE:
        name = book.scrub(item.name)
        credential_id = f"{book.scope_id}#aws_profile:{name}"
        yield Credential(
            id=credential_id, scope_id=book.scope_id, source=SOURCE, locator=document.path, provider="aws", name=name
        )
    elif item.form is Form.REFERENCE and item.reference:
        credential = _referenced(item, document, book)
        credential_id = credential.id
        yield credential
    yield _use(item, holder, document, book, credential_id)


def _referenced(item: Found, document: Document, book: Book) -> Credential:
    name = book.scrub(item.reference or "")
    return Credential(
        id=f"{book.scope_id}#env:{name}",
        scope_id=book.scope_id,
        source=SOURCE,
        locator=document.path,
        provider=words.provider_of(name),
        kind=words.kind_of(name),
        name=name,
    )


def _literal(item: Found, key_id: Found | None, document: Document, book: Book) -> Credential:
    value = item.value or Sensitive("")
    public = key_id.value.reveal() if key_id and key_id.value else value.reveal() if item.part == AWS_ID else None
    traits = item.traits or Traits(kind=CredentialKind.ACCESS_KEY, provider="aws", format="aws-access-key")
    if item.part == AWS_SESSION:
        traits = Traits(kind=CredentialKind.TOKEN, provider="aws", lifetime=Lifetime.SHORT_LIVED)
    name = book.scrub(item.name)
    short = (public or "").startswith("ASIA") or traits.lifetime is Lifetime.SHORT_LIVED
    return Credential(
        id=f"aws:access_key/{public}" if public else book.place(document.path, name or traits.format or traits.kind),
        scope_id=book.scope_id,
        source=SOURCE,
        locator=f"{document.path}:{item.line}",
        provider=traits.provider or None,
        kind=traits.kind,
        name=name or None,
        format=traits.format,
        lifetime=Lifetime.SHORT_LIVED if short else traits.lifetime,
        issued_at=traits.issued_at,
        expires_at=traits.expires_at,
        key_id=public,
        account_id=account_of(public) if public else None,
        fingerprint=None if item.part == AWS_ID else book.key.fingerprint(value),
        public=traits.public,
        human=traits.human,
        facts=traits.facts,
        confidence=Confidence.HIGH if public else item.confidence,
    )


def _exposure(item: Found, credential_id: str, holder: Holder, document: Document, book: Book) -> Exposure:
    name = book.scrub(item.name)
    # The exposure of a public id needs a place of its own: one key may lie in many files.
    place = (
        credential_id
        if credential_id.startswith(f"{book.scope_id}#")
        else f"{book.place(document.path, name or 'aws-access-key')}"
    )
    return Exposure(
        id=f"{place}@agents",
        scope_id=book.scope_id,
        source=SOURCE,
        locator=f"{document.path}:{item.line}",
        credential_id=credential_id,
        uri=document.path,
        line=item.line,
        key_name=name or None,
        detector=SOURCE,
        part=ExposurePart.KEY_ID if item.part == AWS_ID else ExposurePart.VALUE,
        at_head=document.at_head,
        visibility=document.visibility,
        config=holder.client,
    )


def _use(item: Found, holder: Holder, document: Document, book: Book, credential_id: str | None) -> Use:
    name = "AWS_PROFILE" if item.place == "profile" else book.scrub(item.name)
    place = "env" if item.place == "profile" else item.place
    stem = f"{holder.consumer_id}#use:{place}:{name}"
    book.uses[stem] += 1
    return Use(
        id=f"{stem}:{book.uses[stem]}",
        scope_id=book.scope_id,
        source=SOURCE,
        locator=f"{document.path}:{item.line}",
        consumer_id=holder.consumer_id,
        credential_id=credential_id,
        how=UseHow.ENV if place in {"env", "env_file"} else UseHow.CONFIGURED,
        form=Form.REFERENCE if item.part == AWS_ID and item.form is Form.LITERAL else item.form,
        name=name or None,
        place=place,
        uri=document.path,
        line=item.line,
    )
