"""Records of one template, with the ids, places and tags that all of its parts agree on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Confidence,
    Gap,
    GapReason,
    Identity,
    IdentityKind,
    IdentityState,
    Member,
    Owner,
    OwnerBasis,
    OwnerKind,
    Policy,
    PolicyKind,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Form, Purpose, Record

_OWNERS = frozenset({
    "owner", "owners", "ownedby", "owneremail", "serviceowner", "technicalowner", "businessowner", "team", "teamname",
    "owningteam", "squad", "contact", "contactemail", "maintainer", "steward",
})  # fmt: skip
_ENVIRONMENTS = frozenset({"environment", "env", "environmentname", "stage"})
_KEPT = _OWNERS | _ENVIRONMENTS | {"name", "project", "application", "app", "service", "component", "purpose"}
_USUAL = {"prod": "production", "prd": "production", "stg": "staging", "stage": "staging", "dev": "development"}
_NOBODY = frozenset({"", "-", "none", "n/a", "tbd", "todo", "unknown", "null"})
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


class Seen(TypedDict):
    """The columns that every record has, to be spread into its constructor."""

    id: str
    scope_id: str
    source: str
    locator: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Maker:
    """Makes the records of one template of one provider."""

    document: Document
    book: Book
    provider: str

    def seen(self, record_id: str, line: int) -> Seen:
        """Where a record was seen."""
        return Seen(
            id=record_id, scope_id=self.book.scope_id, source=self.book.source, locator=f"{self.document.path}:{line}"
        )

    def shown(self, text: str) -> str:
        """The text fit to be shown."""
        return self.book.scrub(text)

    def identity(
        self,
        kind: IdentityKind,
        identity_id: str,
        name: str,
        line: int,
        *,
        native_id: str | None = None,
        max_session: int | None = None,
        interactive: bool | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Iterator[Record]:
        """A declared identity and the owners that its tags name."""
        tags = tags or {}
        yield Identity(
            **self.seen(identity_id, line), provider=self.provider, kind=kind, name=self.shown(name),
            state=IdentityState.DECLARED, native_id=native_id, max_session=max_session, interactive=interactive,
            environment=environment(tags), tags=tags,
        )  # fmt: skip
        yield from self.owners(identity_id, tags, line)

    def owners(self, subject_id: str, tags: Mapping[str, str], line: int) -> Iterator[Owner]:
        """One owner per owner tag that names somebody; an e-mail address is a person, anything else a team."""
        for key, value in tags.items():
            if plain(key) in _OWNERS and value.strip().lower() not in _NOBODY and "${" not in value:
                yield Owner(
                    **self.seen(f"{subject_id}#owner/tag/{key}", line), subject_id=subject_id, name=value,
                    kind=OwnerKind.PERSON if _EMAIL.fullmatch(value) else OwnerKind.TEAM, basis=OwnerBasis.TAG,
                    confidence=Confidence.HIGH,
                )  # fmt: skip

    def tags(self, pairs: Iterable[tuple[str, str | None]]) -> dict[str, str]:
        """The tags whose purpose is known; people put secrets into the others."""
        return {self.shown(k): self.shown(v) for k, v in sorted(pairs, key=str) if v is not None and plain(k) in _KEPT}

    def policy(self, policy_id: str, kind: PolicyKind, name: str, body: object, line: int) -> Iterator[Record]:
        """A policy; one whose document cannot be told from the template alone is a gap as well."""
        text = None
        if isinstance(body, str) and body.lstrip()[:1] == "{":
            text = body
        elif isinstance(body, dict):
            text = json.dumps(body, ensure_ascii=False)
        yield Policy(
            **self.seen(policy_id, line), provider=self.provider, kind=kind, name=self.shown(name),
            document=_hidden(text, self) if text else None,
        )  # fmt: skip
        if text is None and body is not None:
            yield self.unread(policy_id, name, line)

    def unread(self, policy_id: str, name: str, line: int, subject_id: str | None = None) -> Gap:
        """The gap of a policy whose document only the provider knows."""
        return Gap(
            **self.seen(f"{policy_id}#gap:document", line), covers=("policy.document",), reason=GapReason.UNSUPPORTED,
            remedy="audit the account it is deployed to: its policies are read there",
            detail=f"what {self.shown(name)} allows cannot be told from the template",
            subject_id=subject_id or policy_id,
        )  # fmt: skip

    def attached(
        self,
        principal_id: str,
        policy_id: str,
        kind: AttachmentKind,
        line: int,
        *,
        time_bound: bool | None = None,
        eligible: bool | None = None,
        condition: str | None = None,
    ) -> Attachment:
        """A policy and what it bears on."""
        mark = "" if eligible is None else "#eligible" if eligible else "#scheduled"
        return Attachment(
            **self.seen(f"{principal_id}#{kind.value}/{policy_id}{mark}", line), policy_id=policy_id,
            principal_id=principal_id, kind=kind, time_bound=time_bound, eligible=eligible,
            condition=self.shown(condition) if condition else None,
        )  # fmt: skip

    def on(self, subject_id: str, body: object, line: int) -> Iterator[Record]:
        """The policy that stands on a resource."""
        if body not in (None, "", {}):
            policy_id = f"{subject_id}#policy"
            yield from self.policy(policy_id, PolicyKind.RESOURCE, "resource policy", body, line)
            yield self.attached(subject_id, policy_id, AttachmentKind.RESOURCE, line)

    def member(self, identity_id: str, group_id: str, line: int) -> Member:
        """Who is in which group, or which role a profile hands out."""
        return Member(**self.seen(f"{identity_id}#member/{group_id}", line), identity_id=identity_id, group_id=group_id)

    def acts_as(self, consumer_id: str, identity_id: str, name: str, line: int) -> Use:
        """What runs, and what it runs as."""
        return Use(
            **self.seen(f"{consumer_id}#runs_as/{name}/{identity_id}", line), consumer_id=consumer_id,
            identity_id=identity_id, how=UseHow.RUNS_AS, name=name, uri=self.document.path, line=line,
        )  # fmt: skip

    def use(
        self,
        consumer_id: str,
        place: str,
        name: str,
        form: Form,
        line: int,
        *,
        credential_id: str | None = None,
        resource_id: str | None = None,
        purpose: Purpose | None = None,
    ) -> Use:
        """A credential that stands elsewhere, at a place of this template."""
        name = self.shown(name)
        stem = f"{consumer_id}#use:{place}:{name}"
        self.book.uses[stem] += 1
        return Use(
            **self.seen(f"{stem}:{self.book.uses[stem]}", line), consumer_id=consumer_id, credential_id=credential_id,
            resource_id=resource_id, how=UseHow.ENV if place == "env" else UseHow.CONFIGURED, form=form, name=name,
            place=place, purpose=purpose, uri=self.document.path, line=line,
        )  # fmt: skip


def plain(key: str) -> str:
    """A tag's key without case and punctuation."""
    return re.sub(r"[^a-z]", "", key.lower().rsplit(":", 1)[-1])


def environment(tags: Mapping[str, str]) -> str | None:
    """The environment that a tag names, common abbreviations spelled out, else None."""
    for key, value in tags.items():
        if plain(key) in _ENVIRONMENTS and value and "${" not in value:
            return _USUAL.get(value.lower(), value.lower())
    return None


def _hidden(text: str, maker: Maker) -> str:
    """The document without any value that the template holds."""
    for value in maker.book.values:
        if len(value) >= 6:
            text = text.replace(json.dumps(value.reveal(), ensure_ascii=False)[1:-1], "***")
    return text
