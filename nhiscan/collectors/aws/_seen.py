"""What the records of a group share: where they were seen, their owners, the policy that stands on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.seen import Seen
from nhiscan.collectors._common.values import mapping, text
from nhiscan.collectors.aws._documents import document
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Certainty,
    Gap,
    GapReason,
    Policy,
    PolicyKind,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Owner, Record

_Answer = TypeVar("_Answer")
_MOST_PAGES = 10_000
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")


def seen(ask: Ask, record_id: str, locator: str | None = None) -> Seen:
    """Where a record was seen; a person looks under its own id unless `locator` says otherwise."""
    return Seen(id=record_id, scope_id=ask.scope_id, source=ask.source, locator=locator or record_id)


def owners(ask: Ask, subject_id: str, tags: Mapping[str, str]) -> Iterator[Owner]:
    """The owners that the tags of a record name."""
    return _tags.owners(tags, subject_id=subject_id, scope_id=ask.scope_id, source=ask.source)


def role_arn(ask: Ask, value: object) -> str | None:
    """The ARN of a role from an ARN, or from a name (with its path) in this account."""
    name = text(value)
    if name is None or _ROLE.fullmatch(name):
        return name
    return ask.account.arn(f"role/{name.strip('/')}") if re.fullmatch(r"[\w+=,.@/-]+", name) else None


def policy_on(
    ask: Ask, subject_id: str, raw: object, *, name: str = "resource policy", mark: str = "policy"
) -> Iterator[Record]:
    """The policy that stands on a resource, its attachment, and a gap when its text is no JSON object."""
    if raw is None or raw in ("", {}):
        return
    policy_id = f"{subject_id}#{mark}"
    body = document(raw)
    yield Policy(**seen(ask, policy_id, subject_id), provider="aws", kind=PolicyKind.RESOURCE, name=name, document=body)
    yield Attachment(
        **seen(ask, f"{subject_id}#resource/{policy_id}", subject_id), policy_id=policy_id, principal_id=subject_id,
        kind=AttachmentKind.RESOURCE,
    )  # fmt: skip
    if body is None:
        yield Gap(
            **seen(ask, f"{policy_id}#gap/{ask.source}/policy", subject_id), covers=("policy.document",),
            reason=GapReason.MALFORMED, detail="the policy is not a JSON object",
            remedy="read the policy by hand, or export it again with the AWS CLI", subject_id=policy_id,
        )  # fmt: skip


def acts_as(ask: Ask, identity_id: str, role: str, *, certainty: Certainty = Certainty.CERTAIN) -> Trust:
    """An identity of a service works with the permissions of a role (its own session policies may narrow them)."""
    return Trust(
        **seen(ask, f"{identity_id}#acts_as/{role}", identity_id), principal=identity_id,
        principal_kind=PrincipalKind.IDENTITY, target_id=role, kind=TrustKind.ACT_AS, account_id=ask.account.number,
        certainty=certainty,
    )  # fmt: skip


class Asking:
    """Asks one thing after another and keeps what was refused in `gaps`: a refused call hides only what it tells.

    Requests are mappings from the id of the record they are about to their parameters; `absent` are error codes that
    say that there is nothing to tell, beyond those of things that are gone.
    """

    def __init__(self, ask: Ask) -> None:
        self.gaps: list[Record] = []
        self._ask = ask

    def items(self, operation: str, key: str, /, *, absent: Collection[str] = (), **params: object) -> Iterator[Json]:
        """The entries of a list over all pages, up to where it was refused."""
        try:
            yield from self._ask.items(operation, key, **params)
        except RefusedError as e:
            self._refused(e, absent)

    def each(
        self, operation: str, requests: Mapping[str, Json], *, absent: Collection[str] = ()
    ) -> Iterator[tuple[str, Json]]:
        """The id and answer of each thing that was answered for."""
        return self._told(requests, self._ask.each(operation, requests.values()), absent)

    def each_items(
        self, operation: str, key: str, requests: Mapping[str, Json], *, absent: Collection[str] = ()
    ) -> Iterator[tuple[str, list[Json]]]:
        """The same for operations that answer with a list in pages."""
        return self._told(requests, self._ask.each_items(operation, key, requests.values()), absent)

    def _told(
        self, subjects: Iterable[str], answers: Iterable[tuple[Json, _Answer | RefusedError]], absent: Collection[str]
    ) -> Iterator[tuple[str, _Answer]]:
        try:
            for about, (_, answer) in zip(subjects, answers, strict=True):
                if isinstance(answer, RefusedError):
                    self._refused(answer, absent, about)
                else:
                    yield about, answer
        except RefusedError as e:
            self._refused(e, absent)

    def _refused(self, error: RefusedError, absent: Collection[str], about: str | None = None) -> None:
        if not error.missing and error.code not in absent:
            self.gaps.append(self._ask.refused(error, subject_id=about))


def pages(ask: Ask, operation: str, token: str, read: str | None = None, /, **params: object) -> Iterator[Json]:
    """All pages of an operation that the SDK has no paginator for.

    The request takes `token`, the answer gives it as `read`.  Raises RefusedError between pages.
    """
    given: str | None = None
    for _ in range(_MOST_PAGES):
        page = ask.call(operation, **params, **({token: given} if given else {}))
        yield page
        following = mapping(page).get(read or token)
        # A server that answers with the token it was given would be asked for ever.
        if not isinstance(following, str) or not following or following == given:
            return
        given = following
