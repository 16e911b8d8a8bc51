"""The principals of AWS with every statement that bears on them, put together from the collected tables."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.conditions import Fact, Facts
from nhiscan.analysis.aws.documents import Document, MalformedDocumentError, parse
from nhiscan.analysis.aws.evaluate import Bound, Principal
from nhiscan.model import AttachmentKind, Gap, GapReason, IdentityKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from nhiscan.model import Attachment, Identity, Member, Policy

SOURCE = "analysis"
_PERSONAL = ("aws:principal", "aws:username", "aws:userid")
ACTORS = frozenset({IdentityKind.USER, IdentityKind.ROLE})


@dataclass(frozen=True, slots=True)
class Library:
    """Parsed documents by policy id; `broken` are those that could not be read, with a gap for each malformed one."""

    documents: Mapping[str, Document]
    broken: frozenset[str]
    gaps: tuple[Gap, ...]


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


def account_of(arn: str) -> str | None:
    """The account number in an ARN, None when it names none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else None


def partition_of(arn: str) -> str:
    """`aws`, `aws-cn` or `aws-us-gov`."""
    parts = arn.split(":", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "arn" else "aws"


def library(policies: Iterable[Policy]) -> Library:
    """Read every AWS document once; what cannot be read is a gap, never a permission."""
    documents: dict[str, Document] = {}
    broken: set[str] = set()
    gaps: list[Gap] = []
    for policy in sorted(policies, key=lambda p: p.id):
        if policy.provider != "aws":
            continue
        if policy.document is None:
            broken.add(policy.id)
            continue
        try:
            documents[policy.id] = Document(policy.id, policy.name, parse(policy.document))
        except MalformedDocumentError as e:
            broken.add(policy.id)
            gaps.append(_gap(policy, str(e)))
    return Library(documents, frozenset(broken), tuple(gaps))


def _gap(policy: Policy, why: str) -> Gap:
    return Gap(
        id=f"{policy.id}#gap:malformed",
        scope_id=policy.scope_id,
        source=SOURCE,
        locator=policy.locator,
        covers=("policy",),
        reason=GapReason.MALFORMED,
        remedy="export the policy document again as JSON",
        detail=f"the document of policy {policy.name} cannot be read: {why}",
        subject_id=policy.id,
    )


def build(
    identities: Sequence[Identity],
    books: Library,
    attachments: Iterable[Attachment],
    members: Iterable[Member],
    as_of: datetime,
) -> Estate:
    """Everything that bears on every AWS user, role and group."""
    known = {i.id: i for i in sorted(identities, key=lambda i: i.id) if i.provider == "aws"}
    grants: dict[str, set[str]] = defaultdict(set)
    boundaries: dict[str, set[str]] = defaultdict(set)
    for item in attachments:
        if item.kind is AttachmentKind.GRANTS:
            grants[item.principal_id].add(item.policy_id)
        elif item.kind is AttachmentKind.BOUNDARY:
            boundaries[item.principal_id].add(item.policy_id)
    member_of, contents, profiled = _relations(known, members)
    maker = _Maker(books, grants, boundaries, as_of)
    principals = {i.id: maker.principal(i, member_of.get(i.id, ())) for i in known.values() if i.kind in ACTORS}
    groups = {i.id: maker.principal(i, ()) for i in known.values() if i.kind is IdentityKind.GROUP}
    return Estate(
        identities=known,
        principals=principals,
        groups=groups,
        library=books,
        member_of=member_of,
        members=contents,
        profiled=profiled,
        attached=_attached(grants, contents, known),
        boundaries={k: tuple(sorted(v)) for k, v in boundaries.items()},
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
class _Maker:
    books: Library
    grants: Mapping[str, set[str]]
    boundaries: Mapping[str, set[str]]
    as_of: datetime

    def principal(self, identity: Identity, groups: Sequence[str]) -> Principal:
        """A principal; equal sets of impersonal documents give equal keys, so that answers can be shared."""
        wanted: list[tuple[str, str | None]] = [(p, None) for p in sorted(self.grants.get(identity.id, ()))]
        wanted += [(p, g) for g in groups for p in sorted(self.grants.get(g, ()))]
        limits = sorted(self.boundaries.get(identity.id, ()))
        bounds = sorted((b for p, via in wanted for b in self._bounds(p, via)), key=lambda b: b.order)
        ceilings = tuple(tuple(self._bounds(p, None)) for p in limits)
        ids = [p for p, _ in wanted] + limits
        incomplete = any(p not in self.books.documents for p in ids)
        personal = any(is_personal(b) for b in bounds) or any(is_personal(b) for c in ceilings for b in c)
        shared = sorted(f"{p}@{via or ''}" for p, via in wanted)
        account = account_of(identity.id) or identity.scope_id
        return Principal(
            id=identity.id,
            allows=tuple(b for b in bounds if b.statement.allow),
            denies=tuple(b for b in bounds if not b.statement.allow),
            facts=facts_of(identity, self.as_of),
            # A ceiling that could not be read limits in a way we do not know: `incomplete` says so, it is not a void.
            ceilings=tuple(c for p, c in zip(limits, ceilings, strict=True) if p in self.books.documents),
            incomplete=incomplete,
            key=(identity.id,) if personal else (account, *shared, "|", *limits),
        )

    def _bounds(self, policy_id: str, via: str | None) -> list[Bound]:
        document = self.books.documents.get(policy_id)
        return [Bound(policy_id, document.name, s, via) for s in document.statements] if document else []


def is_personal(bound: Bound) -> bool:
    """Whether a statement can mean different things to two principals that both have it."""
    s = bound.statement
    return any("${" in p for p in (*s.resources, *s.not_resources)) or any(
        key.lower().startswith(_PERSONAL) or any("${" in v for v in values) for _, key, values in s.conditions
    )


def facts_of(identity: Identity, as_of: datetime) -> Facts:
    """The condition keys that are known of a principal whatever it asks for."""
    user = identity.kind is IdentityKind.USER
    account = account_of(identity.id)
    tags = {f"aws:principaltag/{k.lower()}": (v,) for k, v in identity.tags.items()}
    return Facts(
        as_of,
        {
            "aws:principalarn": (identity.id,),
            "aws:principalaccount": (account,) if account else Fact.UNKNOWN,
            "aws:principaltype": ("User",) if user else ("AssumedRole",),
            "aws:username": (identity.name,) if user else Fact.ABSENT,
            "aws:principalisawsservice": ("false",),
            "aws:viaawsservice": ("false",),
            "aws:principaltag/": Fact.ABSENT,
            **tags,
        },
    )


def target_facts(identity: Identity | None) -> dict[str, tuple[str, ...] | Fact]:
    """The tags of an identity that is acted upon, as condition keys."""
    found: dict[str, tuple[str, ...] | Fact] = {}
    for key, value in (identity.tags if identity else {}).items():
        found[f"iam:resourcetag/{key.lower()}"] = (value,)
        found[f"aws:resourcetag/{key.lower()}"] = (value,)
    return found
