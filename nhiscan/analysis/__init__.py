"""Turns what was collected into what it means: one credential per secret, grants, capabilities, reach, owners, classes.

Every stage is a module of functions over records; this module only reads the tables and writes them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from nhiscan.model import Record
    from nhiscan.store.inventory import Inventory

__all__ = ["run"]


def run(inventory: Inventory, as_of: datetime, collected: Collection[tuple[str, str]] = ()) -> None:
    """Fill the derived tables of an inventory, and the derived columns of collected ones.

    `as_of` stands for now (credentials that expired, conditions on time); `collected` are the pairs (scope id,
    collector) that were read, so that a kind of workload that was looked for and not found is known to be absent.
    Running it twice gives the same inventory.  Raises StoreError only.
    """
    _join(inventory)
    _states(inventory, as_of, collected)
    _departed(inventory, collected)
    if not {"identity", "policy", "trust"} <= inventory.empty():
        _permissions(inventory, as_of, collected)
    _people(inventory)


def _join(inventory: Inventory) -> None:
    from nhiscan.analysis.clusters import join
    from nhiscan.model import Cluster, Credential, Exposure, Owner, Use

    tables = (inventory.rows(Credential), inventory.rows(Exposure), inventory.rows(Use), inventory.rows(Owner))
    known = {c.id: c for c in inventory.rows(Cluster)}
    joined = join(*tables)
    after: tuple[Sequence[Record], ...] = (joined.credentials, joined.exposures, joined.uses, joined.owners)
    kinds: tuple[type[Record], ...] = (Credential, Exposure, Use, Owner)
    for record, old, new in zip(kinds, cast("tuple[Sequence[Record], ...]", tables), after, strict=True):
        _put(inventory, record, old, new)
    inventory.replace(Cluster, {**known, **{c.id: c for c in joined.clusters}}.values())


def _put(inventory: Inventory, record: type[Record], old: Sequence[Record], new: Sequence[Record]) -> None:
    """Write a table again if anything in it has changed: most stages leave most tables alone."""
    if list(old) != list(new):
        inventory.replace(record, new)


def _states(inventory: Inventory, as_of: datetime, collected: Collection[tuple[str, str]]) -> None:
    from nhiscan.analysis.state import blinded, states
    from nhiscan.model import Credential, Gap, Scope

    gaps = inventory.rows(Gap)
    # An organisation names accounts that nobody read: their keys are not in scope, and by no means deleted.
    scopes = [s for s in inventory.rows(Scope) if not collected or (s.id, "aws.iam") in collected]
    credentials = inventory.rows(Credential)
    found = list(states(credentials, scopes, gaps, as_of))
    _put(inventory, Credential, credentials, found)
    inventory.add(blinded(found, gaps))


def _departed(inventory: Inventory, collected: Collection[tuple[str, str]]) -> None:
    from nhiscan.analysis.azure.departed import DIRECTORY, departed
    from nhiscan.model import Gap, Identity

    if any(collector == DIRECTORY for _, collector in collected):
        identities = inventory.rows(Identity)
        _put(inventory, Identity, identities, departed(identities, inventory.rows(Gap), collected))


def _permissions(inventory: Inventory, as_of: datetime, collected: Collection[tuple[str, str]]) -> None:
    from nhiscan.analysis.declared import names
    from nhiscan.analysis.federation import SOURCE as JOINED
    from nhiscan.analysis.permissions import SOURCE, Tables, derive
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

    called = names(inventory.rows(Identity), inventory.rows(Policy))
    tables = Tables(
        identities=called.given(inventory.rows(Identity)),
        policies=called.given(inventory.rows(Policy)),
        attachments=called.given(inventory.rows(Attachment)),
        members=called.given(inventory.rows(Member)),
        trusts=[t for t in inventory.rows(Trust) if t.source not in {SOURCE, JOINED}],
        scopes=inventory.rows(Scope),
        consumers=inventory.rows(Consumer),
        uses=[u for u in called.given(inventory.rows(Use)) if u.source != JOINED],
        resources=inventory.rows(Resource),
        gaps=inventory.rows(Gap),
        declared=inventory.rows(Declared),
    )
    found = derive(tables, as_of, collected)
    old_gaps = [g for g in tables.gaps if g.source != SOURCE]
    inventory.replace(Gap, [*old_gaps, *called.taken(found.gaps)])
    inventory.replace(Trust, called.taken(found.trusts))
    inventory.add(called.taken(found.uses))
    inventory.replace(Grant, called.taken(found.grants))
    inventory.replace(Effective, called.taken(found.effective))
    inventory.replace(Reach, called.taken(found.reach))


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
