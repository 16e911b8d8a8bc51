"""What all kinds of resources have in common on their way to records: ids, places, references, merging of forms.

A module may be there as HCL, as a plan and as state.  All three give the same ids, so their records are one: of each
column the first known value is kept, HCL first because it has lines.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._terraform.documents import render, tree_of
from nhiscan.collectors.repo._terraform.values import Ref, Text, Thing, Unknown, Value, known_text
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    CredentialKind,
    Gap,
    GapReason,
    Identity,
    IdentityKind,
    IdentityState,
    Policy,
    PolicyKind,
    Record,
    Use,
    UseHow,
    Visibility,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Sensitive

R = TypeVar("R", bound=Record)
# Shorter values occur in ordinary words.
_SHORTEST = 8
REMEDY = "keep `terraform show -json` of a plan or of the state beside the module, or audit the account itself"
_UNKNOWN: tuple[object, ...] = (None, (), CredentialKind.UNKNOWN)
# Arguments that hold the name under which the provider knows a thing, by preference.
_NAMES = (
    "name", "user_name", "function_name", "family", "cluster_identifier", "account_id", "display_name", "bucket",
    "agent_name", "role_name", "workload_identity_pool_id", "path", "repository",
)  # fmt: skip


class Seen(TypedDict):
    """The columns that every record has, to be spread into its constructor."""

    id: str
    scope_id: str
    source: str
    locator: str | None


@dataclass(slots=True, repr=False)
class Desk:
    """Everything declared in a checkout, found by address, ARN and name, and the records made of it so far."""

    book: Book
    things: Sequence[Thing]
    by_address: dict[tuple[str, str], list[Thing]] = field(default_factory=lambda: defaultdict(list))
    by_arn: dict[str, tuple[str, str]] = field(default_factory=dict)
    by_name: dict[tuple[str, str, str], str] = field(default_factory=dict)
    records: dict[tuple[str, str], Record] = field(default_factory=dict)
    by_kind: dict[tuple[str, str], list[Thing]] = field(default_factory=lambda: defaultdict(list))
    secrets: dict[str, Sensitive[str]] = field(default_factory=dict)
    doubts: dict[str, tuple[Policy, str]] = field(default_factory=dict)
    places: Mapping[str, tuple[Visibility, bool | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for thing in self.things:
            self.by_address[thing.root, thing.address].append(thing)
            if thing.data:
                continue
            self.by_kind[thing.root, thing.kind].append(thing)
            if (arn := thing.text("arn")) and arn.startswith("arn:"):
                self.by_arn.setdefault(arn, (thing.root, thing.address))
            for key in ("name", "email", "id", "client_id", "principal_id", "object_id", "unique_id", "alias"):
                if name := thing.text(key):
                    self.by_name.setdefault((thing.root, thing.kind, name), thing.address)

    def place(self, path: str) -> tuple[Visibility, bool | None]:
        """Who sees a file, and whether HEAD holds it."""
        return self.places.get(path, (Visibility.UNTRACKED, None))

    def id(self, thing: Thing) -> str:
        """The id of what a thing declares."""
        return self.id_of(thing.root, thing.address)

    def id_of(self, root: str, address: str) -> str:
        """The id of what an address in a root module declares."""
        return f"{self.book.scope_id}#{clean(root) or '.'}:{clean(address)}"

    def seen(self, record_id: str, thing: Thing, line: int | None = None) -> Seen:
        """Where a record was seen."""
        at = line or thing.line
        return Seen(
            id=record_id, scope_id=self.book.scope_id, source=self.book.source,
            locator=f"{thing.path}:{at}" if at else thing.path,
        )  # fmt: skip

    def shown(self, value: Value) -> str | None:
        """A text fit to be shown; what is referred to by its id, what is unknown as None."""
        if isinstance(value, Ref) and value.text is None:
            return None
        if isinstance(value, Text):
            text = "".join(p if isinstance(p, str) else "*" for p in value.parts)
            return self.book.scrub(text)
        text_ = known_text(value)
        return self.book.scrub(text_) if text_ is not None else None

    def name(self, thing: Thing) -> str:
        """What its provider calls it; its label where that is not known or it is one of several."""
        if thing.instance:
            return self.book.scrub(thing.label)
        found = next((t for k in _NAMES if (t := thing.text(k))), None)
        return self.book.scrub(found or thing.label)

    def naming(self, root: str) -> Naming:
        """How references of a root module are written in a document: by the id of what they name."""
        return Naming(self, root)

    def target(self, thing: Thing, value: Value, kinds: Sequence[str]) -> str | None:
        """The id that a reference, an ARN or a name in an attribute leads to; None where nothing says.

        An ARN of something that is not declared here stays as it is.
        """
        if isinstance(value, (list, tuple)):
            value = value[0] if len(value) == 1 else None
        if isinstance(value, Ref):
            address = value.address
            if (thing.root, address) in self.by_address and not f".{address}".count(".data."):
                return self.id_of(thing.root, address)
        text = known_text(value)
        if not text:
            return None
        if text.startswith("arn:") and "${" not in text:
            home = self.by_arn.get(text)
            return self.id_of(*home) if home else text if text.count(":") >= 5 else None
        name = text.rpartition("/")[2]
        for kind in kinds:
            for candidate in (text, name):
                if address_ := self.by_name.get((thing.root, kind, candidate)):
                    return self.id_of(thing.root, address_)
        return None

    def put(self, records: Iterable[Record]) -> None:
        """Keep records; one that is known already is filled from the new one."""
        for record in records:
            key = (record.table, record.id)
            known = self.records.get(key)
            self.records[key] = filled(known, record) if known is not None else record

    def identity(self, thing: Thing, kind: IdentityKind, provider: str, **more: Any) -> Identity:  # noqa: ANN401 - columns
        """A declared identity; `native_id` is kept only where it is one thing alone."""
        native = more.pop("native_id", thing.text("arn"))
        return Identity(
            **self.seen(self.id(thing), thing), provider=provider, kind=kind, name=self.name(thing),
            state=IdentityState.DECLARED, native_id=None if thing.instance or not native or "${" in native else native,
            tags=self.tags(thing), **more,
        )  # fmt: skip

    def tags(self, thing: Thing) -> Mapping[str, str]:
        """Tags or labels whose values are known."""
        found: dict[str, str] = {}
        for key in ("tags", "labels"):
            value = thing.at(key)
            if isinstance(value, dict) and not thing.instance:
                pairs = {k: self.shown(v) for k, v in value.items() if known_text(v) is not None}
                found |= {self.book.scrub(k): v for k, v in sorted(pairs.items())[:50] if v is not None}
        return found

    def policy(self, thing: Thing, policy_id: str, kind: PolicyKind, name: str, value: Value) -> Iterator[Policy]:
        """A policy of AWS; what is open in its document is remembered until another form closes it."""
        if value in (None, "", []):
            return
        document, doubt = render(tree_of(value), self.naming(thing.root))
        policy = Policy(
            **self.seen(policy_id, thing), provider="aws", kind=kind, name=name,
            document=self.hidden(document) if document else None,
        )  # fmt: skip
        known = self.records.get(("policy", policy_id))
        if doubt is None and policy_id in self.doubts and isinstance(known, Policy):
            # Another form of the module tells all of it.
            self.records["policy", policy_id] = dataclasses.replace(known, document=policy.document)
            del self.doubts[policy_id]
        elif doubt is not None and known is None:
            self.doubts[policy_id] = (policy, doubt)
        yield policy

    def hidden(self, document: str) -> str:
        """The document without values that were recognised as secret."""
        for value in self.secrets.values():
            if len(value) >= _SHORTEST and value.reveal() in document:
                document = document.replace(value.reveal(), "***")
        return document

    def attached(self, thing: Thing, principal: str, policy: str, kind: AttachmentKind) -> Attachment:
        """A policy and what it bears on."""
        return Attachment(
            **self.seen(f"{principal}#{kind.value}/{policy}", thing),
            policy_id=policy,
            principal_id=principal,
            kind=kind,
        )

    def runs_as(self, thing: Thing, consumer: str, identity: str | None, name: str = "role") -> Iterator[Use]:
        """The identity that a consumer acts as."""
        if identity is not None:
            yield Use(
                **self.seen(f"{consumer}#runs_as/{identity}", thing), consumer_id=consumer, identity_id=identity,
                how=UseHow.RUNS_AS, name=name, uri=thing.path, line=thing.line,
            )  # fmt: skip

    def gaps(self) -> Iterator[Gap]:
        """What of policies could not be told from any form."""
        for policy_id, (policy, why) in sorted(self.doubts.items()):
            about = f" ({self.book.scrub(why)})" if why else ""
            yield Gap(
                id=f"{policy_id}#gap:document", scope_id=policy.scope_id, source=policy.source, locator=policy.locator,
                covers=("policy.document",), reason=GapReason.UNSUPPORTED, remedy=REMEDY,
                detail=f"part of policy {policy.name} is only known when it is applied{about}", subject_id=policy_id,
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Naming:
    """Gives references their text in a document."""

    desk: Desk
    root: str

    def __call__(self, ref: Ref) -> str:
        """The id of what is declared, with the attribute where it is not what stands for the whole."""
        whole = ref.attribute in {"", "arn", "id", "name", "json", "execution_arn", "role_arn"}
        address = ref.address if whole else f"{ref.address}.{ref.attribute}"
        return self.desk.id_of(self.root, address)


def filled(known: R, more: R) -> R:
    """The first record, its unknown columns filled from the second."""
    changes: dict[str, Any] = {}
    for column in dataclasses.fields(known):
        old, new = getattr(known, column.name), getattr(more, column.name)
        if (old in _UNKNOWN or old == {} or is_untold(old)) and new not in _UNKNOWN:
            changes[column.name] = new
    return dataclasses.replace(known, **changes) if changes else known


def is_untold(demand: object) -> bool:
    """Whether part of what a trust demands is not known (`${subject}`)."""
    return isinstance(demand, tuple) and any(isinstance(d, str) and "${" in d for d in demand)


def is_open(value: Value) -> bool:
    """Whether a value is not known at all."""
    return isinstance(value, (Unknown, Text)) or (isinstance(value, Ref) and value.text is None)
