"""Roles that Google and Azure hand out by name, and what trusts demand.

A role makes one policy for each assignment, with the role and where it holds.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.ending import ends
from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._terraform.desk import REMEDY, is_untold
from nhiscan.collectors.repo._terraform.values import Ref, Text, Unknown, known_text
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Gap,
    GapReason,
    Policy,
    PolicyKind,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing, Value
    from nhiscan.plugin import Record

_NAMED = re.compile(r"[\w.-]{1,80}")


@dataclass(frozen=True, slots=True, repr=False)
class Terms:
    """How long a grant stands, and whether it must be activated first."""

    time_bound: bool | None = None
    condition: str | None = None
    eligible: bool | None = None


def terms(desk: Desk, value: Value) -> Terms:
    """The terms of a condition as its provider writes it; without one a grant stands for ever."""
    if value in (None, ""):
        return Terms(time_bound=False)
    text = known_text(value)
    if text is None and isinstance(value, Text):
        text = "".join(p if isinstance(p, str) else "…" for p in value.parts)
    return Terms(ends(text) if text is not None else None, demand(desk, value, "condition"))


def assigned(
    desk: Desk, thing: Thing, provider: str, role: str, where: str | None, principal: str, given: Terms
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
        kind=AttachmentKind.GRANTS, time_bound=given.time_bound, condition=given.condition, eligible=given.eligible,
    )  # fmt: skip


def demand(desk: Desk, value: Value, name: str) -> str | None:
    """What a trust or grant demands, fit to be shown; what is not known of it stands there as `${name}`.

    None where nothing is demanded.
    """
    if value in (None, ""):
        return None
    if not isinstance(value, Text):
        known = known_text(value)
        return desk.book.scrub(known) if known is not None else f"${{{name}}}"
    return desk.book.scrub("".join(p if isinstance(p, str) else _part(p, name) for p in value.parts))


def _part(value: Ref | Unknown, name: str) -> str:
    """Part of a text: what is known, else what gives it, in the words of the file."""
    if isinstance(value, Unknown):
        return f"${{{value.why if _NAMED.fullmatch(value.why) else name}}}"
    return value.text if value.text is not None else f"${{{value.address}.{value.attribute}}}"


def demands(desk: Desk, value: Value, name: str) -> tuple[str, ...]:
    """The same of a list; a single value counts as a list of one."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return tuple(t for i in items if (t := demand(desk, i, name)) is not None)


def untold(desk: Desk) -> Iterator[Gap]:
    """One gap for each trust of which no form tells all that it demands."""
    for trust in list(desk.records.values()):
        if not isinstance(trust, Trust):
            continue
        open_ = [c for c in ("subjects", "claims", "audiences") if is_untold(getattr(trust, c))]
        if "${" in trust.principal:
            open_.append("principal")
        if open_:
            yield Gap(
                id=f"{trust.id}#gap:demand", scope_id=trust.scope_id, source=trust.source, locator=trust.locator,
                covers=tuple(f"trust.{c}" for c in open_), reason=GapReason.UNSUPPORTED, remedy=REMEDY,
                detail="part of what this trust demands is only known when it is applied", subject_id=trust.id,
            )  # fmt: skip


def host(url: str) -> str:
    """An issuer as trusts name it: without scheme and final slash."""
    return url.partition("://")[2].rstrip("/") if "://" in url else url.rstrip("/")


def federated(
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
