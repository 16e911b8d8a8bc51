"""From jobs to records: pipelines, the code of others in them, what they hold and whom they call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Judge
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._pipelines.parts import OWN
from nhiscan.collectors.repo._pipelines.purposes import purpose_of
from nhiscan.plugin import (
    Autonomy,
    Basis,
    Confidence,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    Exposure,
    FileClass,
    Form,
    Hop,
    Record,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._config.judge import Spot
    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.collectors.repo._pipelines.parts import Call, Held, Job, Part, Pipeline, Ref

_KEPT = frozenset({Form.LITERAL, Form.VAULT, Form.KEYRING, Form.PLACEHOLDER, Form.EMPTY})


@dataclass(slots=True, repr=False)
class Ledger:
    """Writes the records of one checkout; a credential or a called pipeline is written once however often it is met."""

    book: Book
    credentials: dict[str, Credential] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    renamed: dict[str, str] = field(default_factory=dict)
    batches: dict[tuple[object, ...], list[Record]] = field(default_factory=dict)

    def pipeline(self, pipeline: Pipeline) -> Iterator[Record]:
        """Everything of one pipeline but the credentials, which `end` gives."""
        shared = [(s, self.judged(s.spots)) for s in pipeline.shared]
        judged = [(job, self.judged(job.spots)) for job in pipeline.jobs]
        for part in pipeline.parts:
            yield from self._included(part, pipeline)
        for job, found in judged:
            job_id = f"{self.book.scope_id}#{job.document.path}:{self.book.scrub(job.name)}"
            if job_id in self.written:
                continue
            self.written.add(job_id)
            yield self._job(job_id, job, pipeline.platform)
            parts: dict[str, str] = {}
            for part in job.parts:
                step = self._part(part, job_id, job.document, pipeline.platform)
                parts[step.package or ""] = step.id
                if step.id not in self.written:
                    self.written.add(step.id)
                    yield step
            for common, common_found in shared:
                yield from self._literals(common_found, job_id, common.document, pipeline.platform)
                yield from self._held(common.held, job_id, parts, common.document)
            yield from self._literals(found, job_id, job.document, pipeline.platform)
            yield from self._held(job.held, job_id, parts, job.document)
            for call in job.calls:
                yield from self._call(call, job_id, job, pipeline.platform)

    def end(self) -> Iterator[Credential]:
        """Every credential that was met, ordered by id."""
        yield from (self.credentials[i] for i in sorted(self.credentials))

    def note(self, credential: Credential) -> str:
        """The id of a credential, which is kept; what is known of it from before is not lost."""
        from nhiscan.analysis.merge import first_known

        known = self.credentials.get(credential.id)
        merged = first_known([known, credential]) if known else credential
        self.credentials[credential.id] = merged
        return credential.id

    def ref(self, ref: Ref, holder_id: str, locator: str) -> str:
        """The id of a credential that is known by name."""
        name = self.book.scrub(ref.name)
        stem = holder_id if ref.space == OWN else f"{self.book.scope_id}#{ref.space}"
        return self.note(
            Credential(
                id=f"{stem}:{name}",
                scope_id=self.book.scope_id,
                source=self.book.source,
                locator=locator,
                provider=ref.provider or words.provider_of(name),
                kind=ref.kind or (CredentialKind.UNKNOWN if ref.space in _SETS else words.kind_of(name)),
                name=name,
                lifetime=ref.lifetime,
                scopes=ref.scopes,
                facts={k: self.book.scrub(v) for k, v in ref.facts},
            )
        )

    def literals(self, found: list[Found], holder_id: str, document: Document, platform: str) -> Iterator[Record]:
        """Exposures and uses of what one holder has in one file; credentials are noted."""
        for record in holdings(found, Holder(holder_id, platform), document, self.book):
            if isinstance(record, Credential):
                self.note(record)
            elif isinstance(record, Exposure):
                yield replace(record, file_class=record.file_class or FileClass.PIPELINE)
            elif isinstance(record, Use):
                yield replace(record, purpose=record.purpose or purpose_of(record.name or ""))

    def judged(self, spots: Iterable[Spot | Found]) -> list[Found]:
        """What stands at the spots, values learnt; references are left out, they are told as `Held`."""
        judge = Judge()
        found = (f for s in spots for f in ([s] if isinstance(s, Found) else judge.spot(s)))
        return self.book.learn(f for f in found if f.form in _KEPT and (f.place != "arg" or _is_sure(f)))

    def uses_of(self, held: Iterable[Held], holder_id: str, document: Document) -> Iterator[Use]:
        """The uses of a holder that is no job."""
        yield from self._held(held, holder_id, {}, document)

    def _literals(self, found: list[Found], job_id: str, document: Document, platform: str) -> Iterator[Record]:
        """The same lines read for another job (an anchor, a global variable) give that job its uses and no more."""
        key = (document.path, *((f.place, f.name, f.line) for f in found))
        if not found:
            return
        if key not in self.batches:
            self.batches[key] = list(self.literals(found, job_id, document, platform))
            yield from self.batches[key]
            return
        for record in self.batches[key]:
            if isinstance(record, Use):
                yield replace(
                    record,
                    id=self._use_id(job_id, record.place or "", record.name or ""),
                    consumer_id=job_id,
                )

    def _use_id(self, holder_id: str, place: str, name: str) -> str:
        stem = f"{holder_id}#use:{place}:{name}"
        self.book.uses[stem] += 1
        return f"{stem}:{self.book.uses[stem]}"

    def _held(self, held: Iterable[Held], job_id: str, parts: dict[str, str], document: Document) -> Iterator[Use]:
        seen: set[tuple[object, ...]] = set()
        for item in held:
            holder = parts.get(self.book.scrub(item.by), job_id) if item.by else job_id
            key = (holder, item.ref, item.name, item.place, item.purpose, item.how, item.identity_id)
            if key in seen:
                continue
            seen.add(key)
            locator = f"{document.path}:{item.line}"
            name = self.book.scrub(item.name)
            yield Use(
                id=self._use_id(holder, item.place, name),
                scope_id=self.book.scope_id,
                source=self.book.source,
                locator=locator,
                consumer_id=holder,
                credential_id=self.ref(item.ref, job_id, document.path) if item.ref else None,
                identity_id=item.identity_id,
                how=item.how,
                form=item.form,
                name=name or None,
                place=item.place,
                purpose=item.purpose,
                uri=document.path,
                line=item.line,
            )

    def _job(self, job_id: str, job: Job, platform: str) -> Consumer:
        return Consumer(
            id=job_id,
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=f"{job.document.path}:{job.line}",
            kind=ConsumerKind.PIPELINE,
            name=self.book.scrub(job.name),
            framework=platform.replace("_", "-"),
            uri=job.document.path,
            line=job.line,
            environment=self.book.scrub(job.environment) if job.environment else None,
            visibility=job.document.visibility,
            autonomy=Autonomy.UNATTENDED,
            autonomy_basis=Basis.DEFAULT,
            platform=platform,
            trigger=job.trigger,
            triggers=tuple(self.book.scrub(t) for t in job.triggers),
            runs_untrusted=job.runs_untrusted,
            gated=job.gated,
            self_hosted=job.self_hosted,
            issuer=self.book.scrub(job.issuer) if job.issuer else None,
            subjects=tuple(self.book.scrub(s) for s in job.subjects),
        )

    def _part(self, part: Part, parent: str | None, document: Document, platform: str) -> Consumer:
        package = self.book.scrub(part.package)
        part_id = f"{parent or f'{self.book.scope_id}#{document.path}'}:{part.launcher}:{_unversioned(package)}"
        return Consumer(
            id=part_id,
            scope_id=self.book.scope_id,
            source=self.book.source,
            locator=f"{document.path}:{part.line}",
            kind=ConsumerKind.STEP,
            name=package,
            framework=platform.replace("_", "-"),
            parent_id=parent,
            uri=document.path,
            line=part.line,
            visibility=document.visibility,
            platform=platform,
            launcher=part.launcher,
            package=package,
            pin=part.pin,
        )

    def _included(self, part: Part, pipeline: Pipeline) -> Iterator[Record]:
        """A file of somebody else that may define jobs, and so is given every secret of the project."""
        step = self._part(part, None, pipeline.document, pipeline.platform)
        if step.id not in self.written:
            self.written.add(step.id)
            yield step
            yield Use(
                id=self._use_id(step.id, "all_secrets", part.launcher),
                scope_id=self.book.scope_id,
                source=self.book.source,
                locator=step.locator,
                consumer_id=step.id,
                how=UseHow.ENV,
                form=Form.REFERENCE,
                name=part.launcher,
                place="all_secrets",
                uri=step.uri,
                line=step.line,
            )

    def _call(self, call: Call, job_id: str, job: Job, platform: str) -> Iterator[Record]:
        target = self.book.scrub(call.target)
        target_id = f"{self.book.scope_id}#pipeline:{platform}:{target}"
        if target_id not in self.written:
            self.written.add(target_id)
            yield Consumer(
                id=target_id,
                scope_id=self.book.scope_id,
                source=self.book.source,
                locator=f"{job.document.path}:{call.line}",
                kind=ConsumerKind.PIPELINE,
                name=target,
                framework=platform.replace("_", "-"),
                platform=platform,
            )
        hop_id = f"{job_id}#hop:{call.via}:{target}"
        if hop_id not in self.written:
            self.written.add(hop_id)
            yield Hop(
                id=hop_id,
                scope_id=self.book.scope_id,
                source=self.book.source,
                locator=f"{job.document.path}:{call.line}",
                from_id=job_id,
                to_id=target_id,
                via=call.via,
                forwards=call.forwards,
            )


# What these hold is many secrets or settings of the server, of which the name says nothing.
_SETS = frozenset({"context", "variable_group", "service_connection"})


def _is_sure(found: Found) -> bool:
    """Whether a word of a command is a secret beyond doubt: scripts hold many flags that only sound like one."""
    literal = found.literal
    return literal is not None and (bool(literal.format) or literal.confidence is Confidence.HIGH)


def _unversioned(package: str) -> str:
    """A package without its version, so that an update does not make another record of it."""
    head, at, _ = package.partition("@")
    if at and head:
        return head
    folder, slash, last = package.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0].partition('#')[0]}"
