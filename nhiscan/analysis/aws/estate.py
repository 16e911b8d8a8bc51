"""The principals of AWS with every statement that bears on them, put together from the collected tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact, Facts, condition
from nhiscan.analysis.aws.evaluate import Bound, Principal
from nhiscan.analysis.aws.library import SOURCE, Library, library
from nhiscan.analysis.aws.organisation import SERVICE_LINKED, Limits, Organisation, organisation
from nhiscan.model import AttachmentKind, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from nhiscan.analysis.aws.documents import Conditions
    from nhiscan.model import Attachment, Identity, Member, Scope

_PERSONAL = ("aws:principal", "aws:username", "aws:userid")
ACTORS = frozenset({IdentityKind.USER, IdentityKind.ROLE})
__all__ = [
    "ACTORS", "SOURCE", "Estate", "Library", "account_of", "build", "facts_of", "is_personal", "library",
    "partition_of", "target_facts",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estate:
    """Principals by id, and the relations escalation needs.

    `groups` are the groups as principals of their own; `attached` maps a policy to everybody it bears on.
    """

    identities: Mapping[str, Identity]
    principals: Mapping[str, Principal]
    groups: Mapping[str, Principal]
    library: Library
    member_of: Mapping[str, tuple[str, ...]]
    members: Mapping[str, tuple[str, ...]]
    profiled: frozenset[str]
    attached: Mapping[str, tuple[str, ...]]
    boundaries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    organisation: Organisation = field(default_factory=Organisation)


@lru_cache(1 << 17)
def account_of(arn: str) -> str | None:
    """The account number in an ARN, None when it names none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else None


def partition_of(arn: str) -> str:
    """`aws`, `aws-cn` or `aws-us-gov`."""
    parts = arn.split(":", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "arn" else "aws"


def build(
    identities: Iterable[Identity],
    books: Library,
    attachments: Iterable[Attachment],
    members: Iterable[Member],
    as_of: datetime,
    *,
    scopes: Iterable[Scope] = (),
) -> Estate:
    """Everything that bears on every AWS user, role and group; without `scopes` no organisation is known."""
    known = {i.id: i for i in sorted(identities, key=lambda i: i.id) if i.provider == "aws"}
    grants: dict[str, set[str]] = defaultdict(set)
    boundaries: dict[str, set[str]] = defaultdict(set)
    controls: list[Attachment] = []
    for item in attachments:
        if item.kind is AttachmentKind.CONTROL:
            controls.append(item)
        elif item.kind is AttachmentKind.GRANTS and books.bears(item.policy_id):
            grants[item.principal_id].add(item.policy_id)
        elif item.kind is AttachmentKind.BOUNDARY:
            boundaries[item.principal_id].add(item.policy_id)
    member_of, contents, profiled = _relations(known, members)
    above = organisation(scopes, books, controls)
    maker = Maker(books, grants, boundaries, above, as_of)
    return Estate(
        identities=known,
        principals={i.id: maker.principal(i, member_of.get(i.id, ())) for i in known.values() if i.kind in ACTORS},
        groups={i.id: maker.principal(i, ()) for i in known.values() if i.kind is IdentityKind.GROUP},
        library=books,
        member_of=member_of,
        members=contents,
        profiled=profiled,
        attached=_attached(grants, contents, known),
        boundaries={k: tuple(sorted(v)) for k, v in boundaries.items()},
        organisation=above,
    )


def _relations(
    known: Mapping[str, Identity], members: Iterable[Member]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]], frozenset[str]]:
    """Groups of each user, users of each group, and the roles that an instance profile hands out."""
    groups: dict[str, set[str]] = defaultdict(set)
    contents: dict[str, set[str]] = defaultdict(set)
    profiled: set[str] = set()
    for item in members:
        if ":instance-profile/" in item.group_id:
            profiled.add(item.identity_id)
        elif item.group_id in known:
            groups[item.identity_id].add(item.group_id)
            contents[item.group_id].add(item.identity_id)
    return (
        {k: tuple(sorted(v)) for k, v in groups.items()},
        {k: tuple(sorted(v)) for k, v in contents.items()},
        frozenset(profiled),
    )


def _attached(
    grants: Mapping[str, set[str]], contents: Mapping[str, tuple[str, ...]], known: Mapping[str, Identity]
) -> dict[str, tuple[str, ...]]:
    """Who a policy bears on, members of groups included."""
    found: dict[str, set[str]] = defaultdict(set)
    for principal_id, policy_ids in grants.items():
        bearers = contents.get(principal_id, ()) if principal_id not in known or _is_group(known[principal_id]) else ()
        for policy_id in policy_ids:
            found[policy_id].update(bearers or (principal_id,))
    return {k: tuple(sorted(v)) for k, v in found.items()}


def _is_group(identity: Identity) -> bool:
    return identity.kind is IdentityKind.GROUP


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The statements of one policy as they bear on whoever has it, made once for all who do.

    `conditions` are those that speak of the principal itself; `own`: its variables differ from principal to principal.
    """

    order: tuple[str, str]
    allows: tuple[Bound, ...]
    denies: tuple[Bound, ...]
    conditions: Conditions
    own: bool
    plain: bool

    @property
    def bounds(self) -> tuple[Bound, ...]:
        return (*self.allows, *self.denies)


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes principals; what several of them have alike is made once."""

    books: Library
    grants: Mapping[str, Iterable[str]]
    boundaries: Mapping[str, Iterable[str]]
    above: Organisation
    as_of: datetime
    sheets: dict[tuple[str, str | None], _Sheet | None] = field(default_factory=dict)
    limits: dict[str | None, tuple[Limits, _Sheet]] = field(default_factory=dict)

    def principal(self, identity: Identity, groups: Sequence[str]) -> Principal:
        """A principal; equal sets of documents whose conditions come out alike give equal keys."""
        wanted: list[tuple[str, str | None]] = [(p, None) for p in sorted(self.grants.get(identity.id, ()))]
        wanted += [(p, g) for g in groups for p in sorted(self.grants.get(g, ()))]
        limits = sorted(self.boundaries.get(identity.id, ()))
        sheets = [self._sheet(p, via) for p, via in wanted]
        ceilings = [self._sheet(p, None) for p in limits]
        held = sorted((s for s in sheets if s), key=lambda s: s.order)
        account = account_of(identity.id) or identity.scope_id
        linked = SERVICE_LINKED in identity.id
        above, control = self._above(None if linked else account)
        every = (*held, *(c for c in ceilings if c), control)
        facts = facts_of(identity, self.as_of, self.above)
        key = (account, *(f"{p}@{via or ''}" for p, via in wanted), "|", *limits, *(("linked",) if linked else ()))
        return Principal(
            id=identity.id,
            allows=tuple(b for s in held for b in s.allows),
            denies=tuple(b for s in held for b in s.denies),
            facts=facts,
            # A ceiling that could not be read limits in a way we do not know: `incomplete` says so, it is not a void.
            ceilings=tuple(c.bounds for c in ceilings if c),
            incomplete=None in sheets or None in ceilings or above.unread,
            key=(identity.id,) if any(s.own for s in every) else (*key, *_fate(every, facts)),
            guards=above.guards,
            bars=above.bars,
            plain=all(s.plain for s in every),
        )

    def _above(self, account: str | None) -> tuple[Limits, _Sheet]:
        if account not in self.limits:
            limits = self.above.limits(account)
            self.limits[account] = limits, _sheet(("", ""), [b for g in (*limits.guards, limits.bars) for b in g])
        return self.limits[account]

    def _sheet(self, policy_id: str, via: str | None) -> _Sheet | None:
        key = (policy_id, via)
        if key not in self.sheets:
            document = self.books.documents.get(policy_id)
            bounds = [Bound(policy_id, document.name, s, via) for s in document.statements] if document else []
            self.sheets[key] = _sheet((document.name, policy_id), bounds) if document else None
        return self.sheets[key]


def _sheet(order: tuple[str, str], bounds: Sequence[Bound]) -> _Sheet:
    conditions = [c for b in bounds for c in b.statement.conditions if c[1].lower().startswith(_PERSONAL)]
    return _Sheet(
        order=order,
        allows=tuple(b for b in bounds if b.statement.allow),
        denies=tuple(b for b in bounds if not b.statement.allow),
        conditions=tuple(sorted(set(conditions))),
        own=any(b.statement.variable for b in bounds),
        plain=not any(b.statement.conditions or b.statement.variable for b in bounds),
    )


def _fate(sheets: Iterable[_Sheet], facts: Facts) -> tuple[str, ...]:
    """How the conditions on the principal come out for this one."""
    return tuple(condition(*c, facts).value for s in sheets for c in s.conditions)


def is_personal(bound: Bound) -> bool:
    """Whether a statement can mean different things to two principals that both have it."""
    keys = (key.lower() for _, key, _ in bound.statement.conditions)
    return bound.statement.variable or any(key.startswith(_PERSONAL) for key in keys)


def facts_of(identity: Identity, as_of: datetime, above: Organisation | None = None) -> Facts:
    """The condition keys that are known of a principal whatever it asks for."""
    user = identity.kind is IdentityKind.USER
    account = account_of(identity.id)
    known: dict[str, tuple[str, ...] | Fact] = {
        "aws:principalarn": (identity.id,),
        "aws:principalaccount": (account,) if account else Fact.UNKNOWN,
        "aws:principaltype": ("User",) if user else ("AssumedRole",),
        "aws:username": (identity.name,) if user else Fact.ABSENT,
        "aws:principalisawsservice": ("false",),
        "aws:principalservicename": Fact.ABSENT,
        "aws:viaawsservice": ("false",),
        "aws:principaltag/": Fact.ABSENT,
    }
    for key, value in identity.tags.items():
        known[f"aws:principaltag/{key.lower()}"] = (value,)
    if above is not None and (org := above.org_id(account)):
        known["aws:principalorgid"] = (org,)
        known["aws:principalorgpaths"] = (above.org_path(account) or "",)
    return Facts(as_of, known)


def target_facts(identity: Identity | None) -> dict[str, tuple[str, ...] | Fact]:
    """The tags of an identity that is acted upon, as condition keys; a user or role has no other tags than these."""
    if identity is None:
        return {}
    found: dict[str, tuple[str, ...] | Fact] = {}
    if identity.kind in ACTORS:
        found["iam:resourcetag/"] = found["aws:resourcetag/"] = Fact.ABSENT
    for key, value in identity.tags.items():
        found[f"iam:resourcetag/{key.lower()}"] = found[f"aws:resourcetag/{key.lower()}"] = (value,)
    return found
