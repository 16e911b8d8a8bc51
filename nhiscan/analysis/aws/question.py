"""May this principal do that there?  The answer AWS would give, the statements that decide it, and what was not seen.

The answer is *unknown* only where something that was not collected, or a condition key that was not given, decides.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.askers import Asker, AskerKind, UnknownPrincipalError, asker
from nhiscan.analysis.aws.circumstances import circumstances
from nhiscan.analysis.aws.conditions import Truth
from nhiscan.analysis.aws.documents import MalformedDocumentError, parse
from nhiscan.analysis.aws.estate import account_of
from nhiscan.analysis.aws.evaluate import Bound
from nhiscan.analysis.aws.library import Library, library
from nhiscan.analysis.aws.notes import notes
from nhiscan.analysis.aws.organisation import RCP_SERVICES, SERVICE_LINKED, Organisation, organisation
from nhiscan.analysis.aws.request import Outcome, Request, Rights, decided
from nhiscan.analysis.aws.standing import Resources
from nhiscan.model import (
    Attachment,
    AttachmentKind,
    Consumer,
    Gap,
    Identity,
    IdentityKind,
    Member,
    Policy,
    Resource,
    Scope,
    Store,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from nhiscan.analysis.aws.standing import Standing, Thing
    from nhiscan.model import Record

__all__ = ["Answer", "Question", "QuestionError", "Verdict", "World", "answer"]


class Verdict(StrEnum):
    """What AWS would say."""

    ALLOW = "allow"
    DENY = "deny"
    UNKNOWN = "unknown"


class QuestionError(ValueError):
    """A question that cannot be asked; `remedy` says how to ask it."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    `principal` is the ARN of a user, role, role session, federated user or account root, a service
    (`lambda.amazonaws.com`), an identity provider, or `*` for an anonymous caller.  `context` holds condition keys with
    their values, an empty tuple where the key is absent; `closed` says that keys not named are absent, as in a real
    request whose whole context is given.  `session_policies` are JSON documents.
    """

    principal: str
    action: str
    resource: str = "*"
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    closed: bool = False
    session_policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, the deciding statements as sentences, and what was not considered or not known."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def answer(records: Iterable[Record], question: Question, as_of: datetime) -> Answer:
    """The answer to one question over the records of an inventory.  Raises QuestionError."""
    return World.of(records).answer(question, as_of)


@dataclass(frozen=True, slots=True)
class World:
    """An inventory made ready for many questions."""

    books: Library
    above: Organisation
    resources: Resources
    identities: Mapping[str, Identity]
    sessions: Mapping[tuple[str | None, str], Identity]
    groups: Mapping[str, tuple[str, ...]]
    grants: Mapping[str, tuple[str, ...]]
    boundaries: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, records: Iterable[Record]) -> World:
        """Sort the records of an inventory by what they are for."""
        heap = _Heap()
        for record in records:
            heap.add(record)
        books = library(heap.policies)
        held = heap.held(books)
        roles = {(account_of(i.id), i.name): i for i in heap.identities.values() if i.kind is IdentityKind.ROLE}
        things: dict[str, Thing] = {**heap.identities, **heap.things}
        return cls(
            books=books,
            above=organisation(heap.scopes, books, heap.attachments),
            resources=Resources(
                books, things, held[AttachmentKind.RESOURCE], held[AttachmentKind.TRUST], frozenset(heap.blind)
            ),
            identities=heap.identities,
            sessions=roles,
            groups={k: tuple(sorted(v)) for k, v in heap.groups.items()},
            grants=held[AttachmentKind.GRANTS],
            boundaries=held[AttachmentKind.BOUNDARY],
        )

    def answer(self, question: Question, as_of: datetime) -> Answer:
        """The answer to one question.  Raises QuestionError."""
        who, identity = self._who(question)
        standing = self.resources.standing(question.action, question.resource)
        facts = circumstances(
            who,
            identity=identity,
            action=question.action,
            standing=standing,
            above=self.above,
            given=question.context,
            closed=question.closed,
            as_of=as_of,
        )
        request = Request(who, question.action, question.resource, facts)
        rights = self._rights(who, identity, question, standing)
        outcome = decided(request, rights, standing)
        verdict = _verdict(outcome)
        said = notes(request, rights, standing, outcome, self.above)
        return Answer(verdict, tuple(dict.fromkeys(_reasons(verdict, outcome, request))), tuple(said))

    def _who(self, question: Question) -> tuple[Asker, Identity | None]:
        if ":" not in question.action.strip(":"):
            msg = f"{question.action!r} is no action"
            raise QuestionError(msg, "write service:Action, as in s3:GetObject")
        try:
            who = asker(question.principal)
        except UnknownPrincipalError as e:
            msg = f"{question.principal!r} cannot ask: {e}"
            raise QuestionError(msg, "name a user, a role, a session, a service or *") from None
        identity = self.identities.get(who.identity or "")
        if who.kind is AskerKind.SESSION:
            identity = self.sessions.get((who.account, who.name))
        user_id = next((v[0] for k, v in question.context.items() if k.lower() == "aws:userid" and v), None)
        return replace(
            who,
            identity=identity.id if identity else who.identity,
            user_id=user_id,
            bounded=identity is not None and bool(self.boundaries.get(identity.id)),
            closed=question.closed,
        ), identity

    def _rights(self, who: Asker, identity: Identity | None, question: Question, standing: Standing) -> Rights:
        bearers = (identity.id, *self.groups.get(identity.id, ())) if identity else ()
        held = [(p, None if b == bearers[0] else b) for b in bearers for p in self.grants.get(b, ())]
        limits = self.boundaries.get(identity.id, ()) if identity else ()
        needs_record = who.account is not None and who.kind is not AskerKind.ROOT
        unread = [p for p, _ in held if p not in self.books.documents]
        unread += [p for p in limits if p not in self.books.documents]
        linked = identity is not None and SERVICE_LINKED in identity.id
        service = question.action.partition(":")[0].lower()
        # Without a resource it is the caller's account whose resource control policies bind.
        owner = standing.account or who.account
        walled = service in RCP_SERVICES and not linked and question.action.lower() != "kms:retiregrant"
        return Rights(
            identity=tuple(b for p, via in held for b in self._bounds(p, via)),
            boundary=tuple(b for p in limits for b in self._bounds(p, None, "permissions boundary "))
            if limits
            else None,
            session=_session(question.session_policies),
            nodes=() if linked else self.above.path(who.account),
            walls=self.above.walls(owner) if walled else (),
            unread=bool(unread) or (needs_record and identity is None),
        )

    def _bounds(self, policy_id: str, via: str | None, words: str = "") -> list[Bound]:
        document = self.books.documents.get(policy_id)
        return [Bound(policy_id, words + document.name, s, via) for s in document.statements] if document else []


class _Heap:
    """Records on their way to a world."""

    def __init__(self) -> None:
        self.policies: list[Policy] = []
        self.attachments: list[Attachment] = []
        self.scopes: list[Scope] = []
        self.identities: dict[str, Identity] = {}
        self.things: dict[str, Thing] = {}
        self.groups: dict[str, set[str]] = defaultdict(set)
        self.blind: set[str] = set()

    def add(self, record: Record) -> None:
        match record:
            case Policy():
                self.policies.append(record)
            case Attachment():
                self.attachments.append(record)
            case Scope():
                self.scopes.append(record)
            case Identity() if record.provider == "aws":
                self.identities[record.id] = record
            case Member():
                self.groups[record.identity_id].add(record.group_id)
            case Resource() | Store() | Consumer():
                self.things[record.id] = record
            case Gap() if record.subject_id and any(c.partition(".")[0] == "policy" for c in record.covers):
                self.blind.add(record.subject_id)
            case _:
                pass

    def held(self, books: Library) -> dict[AttachmentKind, dict[str, tuple[str, ...]]]:
        """Policies by what they bear on, for every kind of attachment."""
        found: dict[AttachmentKind, dict[str, set[str]]] = {kind: defaultdict(set) for kind in AttachmentKind}
        for item in self.attachments:
            if item.kind is not AttachmentKind.GRANTS or books.bears(item.policy_id):
                found[item.kind][item.principal_id].add(item.policy_id)
        return {kind: {k: tuple(sorted(v)) for k, v in by.items()} for kind, by in found.items()}


def _session(documents: Sequence[str]) -> tuple[Bound, ...] | None:
    """The statements of session policies, which together are one set.  Raises QuestionError."""
    if not documents:
        return None
    found: list[Bound] = []
    for number, text in enumerate(documents, 1):
        name = "session policy" if len(documents) == 1 else f"session policy {number}"
        try:
            found += [Bound(name, name, s) for s in parse(text)]
        except MalformedDocumentError as e:
            msg = f"{name} cannot be read: {e}"
            raise QuestionError(msg, "give a policy document in JSON") from None
    return tuple(found)


def _verdict(outcome: Outcome) -> Verdict:
    if outcome.refused is Truth.TRUE or outcome.granted is Truth.FALSE:
        return Verdict.DENY
    if outcome.refused is Truth.FALSE and outcome.granted is Truth.TRUE:
        return Verdict.ALLOW
    return Verdict.UNKNOWN


def _reasons(verdict: Verdict, outcome: Outcome, request: Request) -> Iterable[str]:
    """The sentences of what decides."""
    action = request.action
    if outcome.refused is Truth.TRUE:
        yield from (c.sentence(action) for c in outcome.denies if c.truth is Truth.TRUE)
        return
    if verdict is Verdict.DENY:
        yield from (g.shut for g in outcome.gates if g.truth is Truth.FALSE)
        return
    for gate in outcome.gates:
        sure = [c for c in gate.clauses if c.truth is Truth.TRUE]
        yield from (c.sentence(action) for c in sure[:1])
        if gate.truth is Truth.UNKNOWN:
            yield from (_open(c.sentence(action), c.keys) for c in gate.clauses)
            if not gate.clauses and gate.shut:
                yield gate.shut
    yield from (_open(c.sentence(action), c.keys) for c in outcome.denies)


def _open(sentence: str, keys: Sequence[str]) -> str:
    return f"perhaps {sentence}" + (f" (not known: {', '.join(dict.fromkeys(keys))})" if keys else "")
