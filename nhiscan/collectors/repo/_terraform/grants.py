"""Roles that Google and Azure hand out by name: one policy for each assignment, with the role and where it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.plugin import Attachment, AttachmentKind, Policy, PolicyKind, PrincipalKind, Trust, TrustKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record


def assigned(  # noqa: PLR0913, PLR0917 - the parts of an assignment
    desk: Desk, thing: Thing, provider: str, role: str, where: str | None, principal: str
) -> Iterator[Record]:
    """A role that is assigned: the policy names it, its document has `role` and `scope`."""
    role = desk.book.scrub(role)
    policy = f"{desk.id(thing)}/{role}"
    document = {"role": role} | ({"scope": where} if where else {})
    yield Policy(
        **desk.seen(policy, thing), provider=provider, kind=PolicyKind.PROVIDER, name=role,
        document=json.dumps(document, ensure_ascii=False),
    )  # fmt: skip
    yield Attachment(
        **desk.seen(f"{principal}#grants/{policy}", thing), policy_id=policy, principal_id=principal,
        kind=AttachmentKind.GRANTS,
    )  # fmt: skip


def host(url: str) -> str:
    """An issuer as trusts name it: without scheme and final slash."""
    return url.partition("://")[2].rstrip("/") if "://" in url else url.rstrip("/")


def federated(  # noqa: PLR0913 - the columns
    desk: Desk,
    thing: Thing,
    target: str,
    issuer: str,
    *,
    subjects: tuple[str, ...] = (),
    audiences: tuple[str, ...] = (),
    claims: tuple[str, ...] = (),
    condition: str | None = None,
    mark: str = "",
) -> Trust:
    """Who presents a token of this issuer becomes the target."""
    return Trust(
        **desk.seen(f"{target}#trust:{clean(thing.address)}{mark}", thing), principal=desk.book.scrub(issuer),
        principal_kind=PrincipalKind.OIDC, target_id=target, kind=TrustKind.FEDERATE,
        subjects=tuple(map(desk.book.scrub, subjects)), audiences=tuple(map(desk.book.scrub, audiences)),
        claims=tuple(map(desk.book.scrub, claims)), condition=desk.book.scrub(condition) if condition else None,
    )  # fmt: skip
