"""Records of one account, with the ids that every part of the collector agrees on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors.aws._documents import document
from nhiscan.collectors.aws._source import NAME, Account
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Gap,
    GapReason,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    LastUsed,
    Member,
    Policy,
    PolicyKind,
    Scope,
    ScopeKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors._common.errors import RefusedError
    from nhiscan.plugin import Owner, Record


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the records of an account."""

    account: Account

    def scope(self) -> Scope:
        """The account itself."""
        number, scope_id = self.account.number, self.account.scope_id
        return Scope(
            id=scope_id, scope_id=scope_id, source=NAME, locator=self.account.arn("root"), provider="aws",
            kind=ScopeKind.ACCOUNT, name=number,
        )  # fmt: skip

    def identity(
        self,
        kind: IdentityKind,
        arn: str,
        name: str,
        *,
        class_: IdentityClass | None = None,
        state: IdentityState | None = None,
        created_at: datetime | None = None,
        last_used: LastUsed | None = None,
        last_used_at: datetime | None = None,
        interactive: bool | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Identity:
        """An identity; its environment is what its tags say."""
        return Identity(
            id=arn,
            scope_id=self.account.scope_id,
            source=NAME,
            locator=arn,
            provider="aws",
            kind=kind,
            name=name,
            class_=class_,
            state=state,
            created_at=created_at,
            last_used=last_used,
            last_used_at=last_used_at,
            interactive=interactive,
            environment=_tags.environment(tags or {}),
            tags=tags or {},
        )

    def owners(self, subject_id: str, tags: Mapping[str, str]) -> Iterator[Owner]:
        """The owners that tags name."""
        return _tags.owners(tags, subject_id=subject_id, scope_id=self.account.scope_id, source=NAME)

    def managed(self, arn: str, name: str, raw: object) -> Iterator[Record]:
        """A managed policy, AWS's own or the account's."""
        provider = arn.split(":")[4:5] == ["aws"]
        return self.policy(arn, PolicyKind.PROVIDER if provider else PolicyKind.MANAGED, name, raw, arn)

    def policy(self, policy_id: str, kind: PolicyKind, name: str, raw: object, locator: str) -> Iterator[Record]:
        """A policy and, when its document is there and cannot be read, the gap that says so."""
        body = document(raw)
        yield Policy(
            id=policy_id, scope_id=self.account.scope_id, source=NAME, locator=locator, provider="aws", kind=kind,
            name=name, document=body,
        )  # fmt: skip
        if body is None and raw is not None:
            detail = "the policy document is not a JSON object"
            remedy = "export it again: aws iam get-account-authorization-details"
            yield self.gap("policy", ("policy.document",), GapReason.MALFORMED, detail, remedy, subject_id=policy_id)

    def attachment(self, principal: str, policy: str, kind: AttachmentKind) -> Attachment:
        """A policy bears on a principal."""
        return Attachment(
            id=f"{principal}#{kind.value}/{policy}", scope_id=self.account.scope_id, source=NAME, locator=principal,
            policy_id=policy, principal_id=principal, kind=kind,
        )  # fmt: skip

    def member(self, identity: str, group: str) -> Member:
        """A user in a group, or a role in an instance profile."""
        return Member(
            id=f"{identity}#member/{group}", scope_id=self.account.scope_id, source=NAME, locator=group,
            identity_id=identity, group_id=group,
        )  # fmt: skip

    def refused(self, error: RefusedError, covers: tuple[str, ...], *, subject_id: str | None = None) -> Gap:
        """The gap that a refused call leaves."""
        name = error.operation or error.detail
        return self.gap(
            name, covers, error.reason, error.detail, error.remedy, operation=error.operation, subject_id=subject_id
        )

    def gap(
        self,
        name: str,
        covers: tuple[str, ...],
        reason: GapReason,
        detail: str,
        remedy: str,
        *,
        operation: str | None = None,
        subject_id: str | None = None,
    ) -> Gap:
        """What could not be seen; `name` tells it apart from other gaps of the same subject."""
        return Gap(
            id=f"{subject_id or self.account.scope_id}#gap/{NAME}/{name}",
            scope_id=self.account.scope_id,
            source=NAME,
            locator=subject_id,
            covers=covers,
            reason=reason,
            remedy=remedy,
            detail=detail,
            operation=operation,
            subject_id=subject_id,
        )
