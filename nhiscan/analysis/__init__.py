"""Turns what was collected into what it means: one credential per secret, grants, capabilities, reach, owners, classes.

Every stage is a module of functions over records; this module only reads the tables and writes them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from nhiscan.model import Effective, Trust
    from nhiscan.store.inventory import Inventory

__all__ = ["run"]


def run(inventory: Inventory, as_of: datetime) -> None:
    """Fill the derived tables of an inventory, and the derived columns of collected ones.

    `as_of` stands for now (credentials that expired, conditions on time).  Running it twice gives the same inventory.
    Raises StoreError only.
    """
    _join(inventory)
    _states(inventory, as_of)
    _permissions(inventory, as_of)
    _people(inventory)


def _join(inventory: Inventory) -> None:
    from nhiscan.analysis.clusters import join
    from nhiscan.model import Cluster, Credential, Exposure, Owner, Use

    tables = (inventory.rows(Credential), inventory.rows(Exposure), inventory.rows(Use), inventory.rows(Owner))
    known = {c.id: c for c in inventory.rows(Cluster)}
    joined = join(*tables)
    inventory.replace(Credential, joined.credentials)
    inventory.replace(Exposure, joined.exposures)
    inventory.replace(Use, joined.uses)
    inventory.replace(Owner, joined.owners)
    inventory.replace(Cluster, {**known, **{c.id: c for c in joined.clusters}}.values())


def _states(inventory: Inventory, as_of: datetime) -> None:
    from nhiscan.analysis.state import blinded, states
    from nhiscan.model import Credential, Gap, Scope

    gaps = inventory.rows(Gap)
    found = list(states(inventory.rows(Credential), inventory.rows(Scope), gaps, as_of))
    inventory.replace(Credential, found)
    inventory.add(blinded(found, gaps))


def _permissions(inventory: Inventory, as_of: datetime) -> None:
    from nhiscan.analysis.aws.effective import effective
    from nhiscan.analysis.aws.estate import SOURCE, build, library
    from nhiscan.analysis.aws.grants import grants
    from nhiscan.analysis.aws.ground import prepare
    from nhiscan.analysis.aws.trusts import trusts, world
    from nhiscan.analysis.reach import reach
    from nhiscan.model import Attachment, Declared, Effective, Gap, Grant, Identity, Member, Policy, Reach, Scope, Trust

    identities, attachments = inventory.rows(Identity), inventory.rows(Attachment)
    books = library(inventory.rows(Policy))
    estate = build(identities, books, attachments, inventory.rows(Member), as_of)
    known = world(inventory.rows(Scope), inventory.rows(Declared), identities, as_of)
    collected = [t for t in inventory.rows(Trust) if t.source != SOURCE]
    trusted: list[Trust] = [*collected, *trusts(identities, books, attachments, known)]
    able: list[Effective] = list(effective(prepare(estate, trusted)))
    old_gaps = [g for g in inventory.rows(Gap) if g.source != SOURCE]
    inventory.replace(Gap, [*old_gaps, *books.gaps])
    inventory.replace(Trust, trusted)
    inventory.replace(Grant, grants(estate))
    inventory.replace(Effective, able)
    inventory.replace(Reach, reach(estate, trusted, able))


def _people(inventory: Inventory) -> None:
    from nhiscan.analysis.classify import Evidence, classify
    from nhiscan.analysis.owners import Heirs, inherited
    from nhiscan.model import Consumer, Credential, Declared, Exposure, Identity, Member, Owner, Trust, Use

    credentials, consumers, uses = inventory.rows(Credential), inventory.rows(Consumer), inventory.rows(Use)
    trusts, declared = inventory.rows(Trust), inventory.rows(Declared)
    evidence = Evidence(credentials=credentials, consumers=consumers, uses=uses, trusts=trusts, declared=declared)
    inventory.replace(Identity, classify(inventory.rows(Identity), evidence))
    exposures, members = inventory.rows(Exposure), inventory.rows(Member)
    heirs = Heirs(credentials=credentials, exposures=exposures, consumers=consumers, uses=uses, members=members)
    inventory.add(inherited(inventory.rows(Owner), heirs))
