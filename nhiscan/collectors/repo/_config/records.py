"""From what was found to records: credentials, the places they lie, and who uses them.  Values end here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._credential import Place, credential, public_id
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.detect import pairs
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import (
    Consumer,
    Credential,
    Exposure,
    ExposurePart,
    FileClass,
    Form,
    Record,
    Sensitive,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.judge import Found
    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.detect.candidate import Candidate
    from nhiscan.sensitive import FingerprintKey

# Shorter values occur in ordinary words; what holds them is replaced where it stands instead.
_SHORTEST_SCRUBBED = 6
# Ten times what `clean` keeps, so that no value is cut in half where it would be seen.
_LONGEST_SHOWN = 2_000
_MASK = "***"
# Names occur again and again within a file; longer texts do not.
_SHORT, _MOST_SHOWN = 100, 1_000


@dataclass(slots=True, repr=False)
class Book:
    """What has been numbered and must not be shown, while one consumer's files are read by the collector `source`."""

    scope_id: str
    source: str
    key: FingerprintKey
    ordinals: Counter[tuple[str, str]] = field(default_factory=Counter)
    uses: Counter[str] = field(default_factory=Counter)
    values: list[Sensitive[str]] = field(default_factory=list)
    _begins: dict[str, set[Sensitive[str]]] = field(default_factory=dict)  # the values by how they begin
    _shown: dict[str, str] = field(default_factory=dict)  # what `scrub` gave for short texts since the last value
    _known: int = 0  # so many of them

    def learn(self, found: Iterable[Found]) -> list[Found]:
        """The same findings, their values noted for `scrub`."""
        kept = list(found)
        self.values += [f.literal.value for f in kept if f.literal and f.literal.part is ExposurePart.VALUE]
        return kept

    def scrub(self, text: str) -> str:
        """The text without any value seen in this agent's files or in a known format, fit to be shown."""
        if self._known != len(self.values):
            self._learn()
        if (shown := self._shown.get(text)) is not None:
            return shown
        if len(self._shown) >= _MOST_SHOWN:
            self._shown.clear()
        shown = self._scrubbed(text[:_LONGEST_SHOWN])
        if len(text) <= _SHORT:
            self._shown[text] = shown
        return shown

    def _learn(self) -> None:
        """Look at the values that are new."""
        for value in self.values[self._known :]:
            if len(value) >= _SHORTEST_SCRUBBED:
                self._begins.setdefault(value.reveal()[:_SHORTEST_SCRUBBED], set()).add(value)
        self._known = len(self.values)
        self._shown.clear()

    def _scrubbed(self, text: str) -> str:
        if self._begins:
            at, parts = 0, []
            while at < len(text):
                held = self._at(text, at)
                parts.append(_MASK if held else text[at])
                at += held or 1
            text = "".join(parts)
        return clean(conceal(text))

    def _at(self, text: str, at: int) -> int:
        """The length of the longest value that stands here, 0 for none."""
        known = self._begins.get(text[at : at + _SHORTEST_SCRUBBED], ())
        return max((len(v) for v in known if text.startswith(v.reveal(), at)), default=0)

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
    ids = [f for f in rest if _format(f) == pairs.KEY_ID]
    secrets = [f for f in rest if _format(f) == pairs.SECRET]
    paired = {id(s): i for i, s in zip(ids, secrets, strict=False)}
    loose = {id(i) for i in ids[len(secrets) :]}
    for item in rest:
        if _format(item) == pairs.SESSION and (ids or secrets):
            continue
        if _format(item) != pairs.KEY_ID or id(item) in loose:
            yield from _one(item, paired.get(id(item)), holder, document, book)


def classed(records: Iterable[Record]) -> Iterator[Record]:
    """The same records, of each consumer what the file is for in which it is declared."""
    known: dict[str, FileClass] = {}
    for record in records:
        if isinstance(record, Consumer) and record.uri and record.file_class is None:
            found = known[record.uri] = known.get(record.uri) or file_class(record.uri)
            yield replace(record, file_class=found)
        else:
            yield record


def _format(item: Found) -> str | None:
    return item.literal.format if item.literal else None


def _one(item: Found, key_id: Found | None, holder: Holder, document: Document, book: Book) -> Iterator[Record]:
    credential_id: str | None = None
    if item.literal is not None:
        key = key_id.literal if key_id else None
        literal = pairs.pair(key, item.literal) if key else item.literal
        literal = replace(literal, key_name=book.scrub(item.name) or None, line=item.line)
        credential_id = public_id(literal) or book.place(
            document.path, literal.key_name or literal.format or literal.kind
        )
        at = Place(credential_id, book.scope_id, book.source, f"{document.path}:{item.line}")
        yield credential(literal, at, book.key)
        yield _exposure(literal, credential_id, holder, document, book)
    elif item.place == "profile" and item.form is Form.REFERENCE:
        name = book.scrub(item.name)
        credential_id = f"{book.scope_id}#aws_profile:{name}"
        yield Credential(
            id=credential_id,
            scope_id=book.scope_id,
            source=book.source,
            locator=document.path,
            provider="aws",
            name=name,
        )
    elif item.form is Form.REFERENCE and item.reference:
        referenced = _referenced(item, document, book)
        credential_id = referenced.id
        yield referenced
    yield _use(item, holder, document, book, credential_id)


def _referenced(item: Found, document: Document, book: Book) -> Credential:
    name = book.scrub(item.reference or "")
    return Credential(
        id=f"{book.scope_id}#env:{name}",
        scope_id=book.scope_id,
        source=book.source,
        locator=document.path,
        provider=words.provider_of(name),
        kind=words.kind_of(name),
        name=name,
    )


def _exposure(literal: Candidate, credential_id: str, holder: Holder, document: Document, book: Book) -> Exposure:
    name = literal.key_name
    # The exposure of a public id needs a place of its own: one key may lie in many files.
    place = (
        credential_id
        if credential_id.startswith(f"{book.scope_id}#")
        else f"{book.place(document.path, name or 'aws-access-key')}"
    )
    return Exposure(
        id=f"{place}@{book.source.partition('.')[2]}",
        scope_id=book.scope_id,
        source=book.source,
        locator=f"{document.path}:{literal.line}",
        credential_id=credential_id,
        uri=document.path,
        line=literal.line,
        key_name=name,
        detector=book.source,
        part=literal.part,
        at_head=document.at_head,
        visibility=document.visibility,
        file_class=file_class(document.path),
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
        source=book.source,
        locator=f"{document.path}:{item.line}",
        consumer_id=holder.consumer_id,
        credential_id=credential_id,
        how=UseHow.ENV if place in {"env", "env_file"} else UseHow.CONFIGURED,
        form=Form.REFERENCE if _format(item) == pairs.KEY_ID else item.form,
        name=name or None,
        place=place,
        uri=document.path,
        line=item.line,
    )
