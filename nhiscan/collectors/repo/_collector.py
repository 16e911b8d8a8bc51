"""A collector of the files of a checkout: opened once, nothing asked of anybody, owners by CODEOWNERS."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo import _owners
from nhiscan.collectors.repo._tree import Checkout, units_of
from nhiscan.plugin import Consumer, ConsumerKind, Identity, OwnerBasis

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.plugin import Context, Record, Target, Unit


class CheckoutCollector(ABC):
    """What such collectors share; each says its `name`, its `title` and the `records` of a checkout."""

    name: ClassVar[str]
    title: ClassVar[str]
    requires: ClassVar[Mapping[str, str]] = {}
    local: ClassVar[bool] = True

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for a path; raises TargetError when it cannot be read."""
        yield from units_of(self.name, target, ctx)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """The scope of the checkout and what is found in it; a file that cannot be read is a gap."""
        checkout = Checkout.open(Path(unit.target.value), ctx)
        yield checkout.scope
        if any(self.concerns(file.path) for file in checkout.files()):
            yield from with_owners(checkout, self.name, self.records(checkout, ctx))

    def concerns(self, path: str) -> bool:  # noqa: ARG002 - each collector knows its own paths
        """Whether a file of this path may be one to read; a checkout without any loads nothing more.  By default yes.

        Told by the path alone, and rather once too often: `records` decides.
        """
        return True

    @abstractmethod
    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """What is found in a checkout."""


def with_owners(checkout: Checkout, source: str, records: Iterable[Record]) -> Iterator[Record]:
    """The records, and who CODEOWNERS says answers for the files that declare the identities and consumers of them."""
    places: dict[str, str] = {}
    for record in records:
        yield record
        # A step of a pipeline has the owner of its job.
        if isinstance(record, Identity) or (isinstance(record, Consumer) and record.kind is not ConsumerKind.STEP):
            places.setdefault(record.id, _path(record.locator or ""))
    if places:
        teams = _owners.code_owners(checkout)
        for subject, path in sorted(places.items()):
            names = teams.of(path) if path else ()
            yield from _owners.owners(subject, checkout.scope.id, source, names, OwnerBasis.CODEOWNERS)


def _path(locator: str) -> str:
    path, _, line = locator.rpartition(":")
    return path if line.isdigit() else locator
