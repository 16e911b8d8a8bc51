"""The records of one document: every id bound to its place, every name scrubbed before it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Judge
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.plugin import (
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    Form,
    Hop,
    Logging,
    Resource,
    Tool,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.collectors.repo._config.judge import Spot
    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Approval, Basis, Record, ToolClass


@dataclass(frozen=True, slots=True, repr=False)
class Sheet:
    """Makes the records of one document; `others` are the documents of the same checkout that it may speak of."""

    document: Document
    book: Book
    framework: str
    others: Mapping[str, Node] = field(default_factory=dict)

    def id_of(self, key: str) -> str:
        """The id of what `key` names in this document."""
        return f"{self.book.scope_id}#{self.document.path}:{self.book.scrub(key)}"

    def found(self, spots: Iterable[Spot | Found], inputs: Mapping[str, bool] | None = None) -> list[Found]:
        """What lies at the spots, its values noted: call it before anything of the document is shown."""
        judge = Judge(inputs or {})
        return self.book.learn(f for s in spots for f in ([s] if isinstance(s, Found) else judge.spot(s)))

    def held(self, consumer: Consumer, found: Iterable[Found]) -> Iterator[Record]:
        """Credential, exposure and use records of what a consumer holds here."""
        holder = Holder(consumer.id, consumer.framework or self.framework)
        return holdings(found, holder, self.document, self.book)

    def consumer(self, kind: ConsumerKind, key: str, name: str, line: int) -> Consumer:
        """A consumer declared here; use `dataclasses.replace` for what else is known of it."""
        path = self.document.path
        return Consumer(
            id=self.id_of(key),
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=f"{path}:{line}",
            kind=kind,
            name=self.book.scrub(name) or key,
            framework=self.framework,
            uri=path,
            line=line,
            visibility=self.document.visibility,
        )

    def tool(
        self,
        consumer_id: str,
        name: str,
        line: int,
        class_: ToolClass | None = None,
        approval: tuple[Approval, Basis] | None = None,
    ) -> Tool:
        """A tool that a consumer may call; `approval` with where it is known from."""
        name = self.book.scrub(name)
        return Tool(
            id=f"{consumer_id}#tool:{name}",
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=f"{self.document.path}:{line}",
            consumer_id=consumer_id,
            name=name,
            class_=class_,
            approval=approval[0] if approval else None,
            approval_basis=approval[1] if approval else None,
            uri=self.document.path,
            line=line,
        )

    def hop(self, from_id: str, to_id: str, via: str, line: int) -> Hop:
        """A hand-over between two consumers of this checkout."""
        return Hop(
            id=f"{from_id}#hop:{via}:{to_id.partition('#')[2]}",
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=f"{self.document.path}:{line}",
            from_id=from_id,
            to_id=to_id,
            via=via,
        )

    def use(self, consumer_id: str, place: str, name: str, line: int, form: Form | None = None) -> Use:
        """A use of which `dataclasses.replace` says what is used; its id counts the uses of this place and name."""
        stem = f"{consumer_id}#use:{place}:{self.book.scrub(name)}"
        self.book.uses[stem] += 1
        return Use(
            id=f"{stem}:{self.book.uses[stem]}",
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=f"{self.document.path}:{line}",
            consumer_id=consumer_id,
            how=UseHow.CONFIGURED,
            form=form,
            name=self.book.scrub(name) or None,
            place=place,
            uri=self.document.path,
            line=line,
        )

    def credential(
        self, id_: str, name: str, provider: str | None = None, kind: CredentialKind | None = None
    ) -> Credential:
        """A credential known by a name or a public id only; `id_` is whole, or what follows the scope."""
        return Credential(
            id=f"{self.book.scope_id}{id_}" if id_.startswith("#") else id_,
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=self.document.path,
            provider=provider or words.provider_of(name),
            kind=kind or words.kind_of(name),
            name=self.book.scrub(name) or None,
        )

    def resource(self, id_: str, provider: str, kind: str, name: str) -> Resource:
        """Something that consumers of this document act on."""
        return Resource(
            id=id_,
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=self.document.path,
            provider=provider,
            kind=kind,
            name=self.book.scrub(name) or kind,
        )

    def logs(self, subject_id: str, kind: str, *, enabled: bool | None, destination: str | None = None) -> Logging:
        """Whether the subject's `kind` of log is written, and where to."""
        return Logging(
            id=f"{subject_id}#logging/{kind}",
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=self.document.path,
            subject_id=subject_id,
            kind=kind,
            enabled=enabled,
            destination=self.book.scrub(destination) if destination else None,
        )
