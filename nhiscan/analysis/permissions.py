"""Who may do what and become whom: each provider by its own logic, joined where one accepts tokens of another.

Trusts come first, because a federated token opens a door in another cloud; then what everybody can do and reach within
one provider; at last the paths that lead through several.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from nhiscan.model import (
        Attachment,
        Consumer,
        Declared,
        Effective,
        Gap,
        Grant,
        Identity,
        Member,
        Policy,
        Reach,
        Resource,
        Scope,
        Trust,
        Use,
    )

SOURCE = "analysis"


@dataclass(frozen=True, slots=True)
class Tables:
    """What the stage reads: collected rows alone, none of its own."""

    identities: Sequence[Identity]
    policies: Sequence[Policy]
    attachments: Sequence[Attachment]
    members: Sequence[Member]
    trusts: Sequence[Trust]
    scopes: Sequence[Scope]
    consumers: Sequence[Consumer]
    uses: Sequence[Use]
    resources: Sequence[Resource]
    gaps: Sequence[Gap]
    declared: Sequence[Declared]


@dataclass(slots=True)
class Derived:
    """What it makes of them; `trusts` holds the given ones too, `uses` and `gaps` only what is new."""

    trusts: list[Trust] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    grants: list[Grant] = field(default_factory=list)
    effective: list[Effective] = field(default_factory=list)
    reach: list[Reach] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


def derive(tables: Tables, as_of: datetime, collected: Collection[tuple[str, str]]) -> Derived:
    """Grants, capabilities, trusts and reach of all providers together."""
    from nhiscan.analysis.classify import strangers
    from nhiscan.analysis.crossings import crossings
    from nhiscan.analysis.federation import federated
    from nhiscan.analysis.passages import passages

    found = Derived(trusts=list(tables.trusts))
    present = {i.provider for i in tables.identities}
    amazon, google = _Amazon(tables, as_of), _Google(tables, as_of) if "gcp" in present else None
    found.trusts += amazon.trusts()
    found.trusts += google.trusts() if google else ()
    found.trusts += list(crossings(tables.identities, found.trusts))
    found.uses = list(federated(tables.consumers, found.trusts, tables.uses, tables.identities))
    amazon.judge(found, collected)
    if google:
        google.judge(found)
    if "kubernetes" in present:
        _kubernetes(tables, found)
    if "azure" in present:
        _azure(tables, found)
    found.reach += list(passages(tables.identities, found.trusts, found.reach, found.effective))
    found.trusts += amazon.shares()
    found.trusts = list(strangers(found.trusts, tables.scopes, tables.identities, tables.declared))
    return found


class _Amazon:
    """AWS."""

    def __init__(self, tables: Tables, as_of: datetime) -> None:
        from nhiscan.analysis.aws.estate import build, library
        from nhiscan.analysis.aws.trusts import world

        self.tables = tables
        self.books = library(tables.policies)
        self.estate = build(
            tables.identities, self.books, tables.attachments, tables.members, as_of, scopes=tables.scopes
        )
        self.world = world(tables.scopes, tables.declared, tables.identities, as_of)

    def trusts(self) -> list[Trust]:
        from nhiscan.analysis.aws.trusts import trusts

        return list(trusts(self.tables.identities, self.books, self.tables.attachments, self.world))

    def shares(self) -> list[Trust]:
        """Who may use what by a policy that stands on it: no way to become anybody."""
        from nhiscan.analysis.aws.shares import shares

        return list(shares(self.tables.attachments, self.books, self.world))

    def judge(self, found: Derived, collected: Collection[tuple[str, str]]) -> None:
        from nhiscan.analysis.aws.effective import effective
        from nhiscan.analysis.aws.grants import grants
        from nhiscan.analysis.aws.ground import prepare
        from nhiscan.analysis.aws.workloads import workloads
        from nhiscan.analysis.reach import reach

        t = self.tables
        running = workloads(t.consumers, [*t.uses, *found.uses], t.members, t.gaps, collected)
        ground = prepare(self.estate, found.trusts, running)
        able = list(effective(ground))
        found.gaps += self.books.gaps
        found.grants += grants(self.estate)
        found.effective += able
        found.reach += reach(self.estate, found.trusts, able, ground.edges)


class _Google:
    """Google Cloud."""

    def __init__(self, tables: Tables, as_of: datetime) -> None:
        from nhiscan.analysis.gcp.estate import Seen, build

        self.estate = build(
            Seen(
                tables.identities, tables.policies, tables.attachments, tables.members, tables.scopes, tables.uses,
                tables.consumers,
            ),
            as_of,
        )  # fmt: skip

    def trusts(self) -> list[Trust]:
        from nhiscan.analysis.gcp.trusts import trusts

        return list(trusts(self.estate))

    def judge(self, found: Derived) -> None:
        from nhiscan.analysis.gcp.effective import effective
        from nhiscan.analysis.gcp.grants import gaps, grants
        from nhiscan.analysis.gcp.power import power
        from nhiscan.analysis.gcp.reach import reach
        from nhiscan.analysis.gcp.ways import ways

        able = power(self.estate, ways(self.estate))
        found.gaps += gaps(self.estate)
        found.grants += grants(self.estate)
        found.effective += effective(self.estate, able)
        found.reach += reach(self.estate, able)


def _kubernetes(tables: Tables, found: Derived) -> None:
    from nhiscan.analysis.kubernetes.effective import effective
    from nhiscan.analysis.kubernetes.estate import build
    from nhiscan.analysis.kubernetes.grants import grants
    from nhiscan.analysis.kubernetes.reach import reach
    from nhiscan.analysis.kubernetes.ways import ways

    estate = build(tables.identities, tables.policies, tables.attachments, tables.members, tables.uses)
    edges = ways(estate)
    able = list(effective(estate, edges))
    found.grants += grants(estate)
    found.effective += able
    found.reach += reach(estate, edges, able)


def _azure(tables: Tables, found: Derived) -> None:
    from nhiscan.analysis.azure.effective import abilities, effective
    from nhiscan.analysis.azure.estate import Records, build
    from nhiscan.analysis.azure.grants import grants
    from nhiscan.analysis.azure.reach import reach
    from nhiscan.analysis.azure.ways import ways

    t = tables
    estate = build(
        Records(
            identities=t.identities, policies=t.policies, attachments=t.attachments, members=t.members, scopes=t.scopes,
            trusts=found.trusts, consumers=t.consumers, uses=[*t.uses, *found.uses], resources=t.resources,
        )
    )  # fmt: skip
    edges = ways(estate)
    able = abilities(estate, edges)
    found.grants += grants(estate)
    found.effective += effective(estate, able)
    found.reach += reach(estate, edges, able)
