"""The records of one workflow file as they are found: credentials known by name, and who uses them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Judge, Spot
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.collectors.repo._workflows import purposes
from nhiscan.plugin import Credential, CredentialKind, Form, Lifetime, Purpose, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import FileClass, Record

FRAMEWORK = "github-actions"
_BLOCK = re.compile(r"[|>][+-]?\d?\s*(?:#.*)?$")
# `key:` of a cache, an issue or a project is no credential.
_PLAIN_KEY = re.compile(
    r"(?:.*[_-])?(?:api|access|private|secret|ssh|deploy|signing|service|account|encryption)[_-]?key", re.IGNORECASE
)
_LOOKED_THROUGH = 300


@dataclass(frozen=True, slots=True)
class Spotted:
    """Where a use stands: the variable or input, the kind of spot, file and line."""

    name: str
    place: str
    path: str
    line: int
    purpose: Purpose | None = None
    form: Form | None = Form.REFERENCE
    how: UseHow | None = None


@dataclass(slots=True, repr=False)
class Writer:
    """Collects the records of one file in `out`; `known` are the credentials written already in this checkout.

    `declared` are the secrets that the callers of a reusable workflow (the file at `path`) hand in under these names.
    """

    book: Book
    texts: Mapping[str, Sequence[str]]
    known: set[str]
    out: list[Record] = field(default_factory=list)
    declared: frozenset[str] = frozenset()
    path: str = ""
    _classes: dict[str, FileClass] = field(default_factory=dict)

    @property
    def scope_id(self) -> str:
        """The checkout's scope."""
        return self.book.scope_id

    def class_of(self, path: str) -> FileClass:
        """What a file is for; one file is asked about many times."""
        if path not in self._classes:
            self._classes[path] = file_class(path)
        return self._classes[path]

    def add(self, *records: Record) -> None:
        """Keep records."""
        self.out += records

    def secret(self, name: str, at: str) -> str:
        """The id of a secret in the platform's store, which is noted once per checkout."""
        name = self.book.scrub(name)
        handed_in = name.lower() in self.declared
        identifier = f"{self.scope_id}#{self.path}:secret:{name}" if handed_in else f"{self.scope_id}#secret:{name}"
        if identifier not in self.known:
            self.known.add(identifier)
            named = words.names_credential(name) or words.kind_of(name) is not CredentialKind.UNKNOWN
            self.add(
                Credential(
                    id=identifier,
                    scope_id=self.scope_id,
                    source=self.book.source,
                    locator=at,
                    provider=purposes.publisher(name) or words.provider_of(name),
                    kind=_kind(name),
                    name=name,
                    lifetime=Lifetime.STATIC if named else None,
                )
            )
        return identifier

    def use(
        self, consumer_id: str, at: Spotted, credential_id: str | None = None, identity_id: str | None = None
    ) -> None:
        """Note that a consumer uses a credential or an identity."""
        name = self.book.scrub(at.name)
        stem = f"{consumer_id}#use:{at.place}:{name}"
        self.book.uses[stem] += 1
        self.add(
            Use(
                id=f"{stem}:{self.book.uses[stem]}",
                scope_id=self.scope_id,
                source=self.book.source,
                locator=f"{at.path}:{at.line}",
                consumer_id=consumer_id,
                credential_id=credential_id,
                identity_id=identity_id,
                how=at.how or (UseHow.ENV if at.place == "env" else UseHow.CONFIGURED),
                form=at.form,
                name=name,
                place=at.place,
                purpose=at.purpose,
                uri=at.path,
                line=at.line,
            )
        )

    def literals(self, consumer_id: str, document: Document, place: str, given: Mapping[str, Node]) -> None:
        """Note the values that stand in an environment or in inputs where a credential belongs."""
        found = []
        for name, node in given.items():
            text = node.text
            if text is None or "${{" in text or (place == "input" and not _expects(name)):
                continue
            found += [f for f in Judge().spot(Spot(place, name, text, node.line)) if f.form in _WRITTEN]
        if found:
            self.out += holdings(self.book.learn(found), Holder(consumer_id, FRAMEWORK), document, self.book)

    def line(self, path: str, node: Node, offset: int, text: str) -> int:
        """The line on which `text`, at this offset of a node's value, stands in its file."""
        lines, start = self.texts.get(path, ()), node.line - 1
        if start < len(lines) and _BLOCK.search(lines[start]):
            start += 1
        start += (node.text or "").count("\n", 0, offset)
        shown = text.partition("\n")[0]
        for number in range(start, min(start + _LOOKED_THROUGH, len(lines))):
            if shown in lines[number]:
                return number + 1
        return node.line


_WRITTEN = frozenset({Form.LITERAL, Form.PLACEHOLDER})


def _kind(name: str) -> CredentialKind:
    """The kind that a name promises; AWS calls its pair of id and secret an access key."""
    return CredentialKind.ACCESS_KEY if "ACCESS_KEY" in name and "AWS" in name else words.kind_of(name)


def _expects(name: str) -> bool:
    return words.names_credential(name) and (words.words(name)[-1] != "key" or bool(_PLAIN_KEY.fullmatch(name)))
