"""Containers that a checkout describes: compose services, images, development containers, and what each is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._containers import COVERS, SOURCE
from nhiscan.collectors.repo._containers.names import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record


class RepoContainers(CheckoutCollector):
    """Compose files, Dockerfiles and development containers of a checkout, read and never built."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Compose files, Dockerfiles and development containers in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return kind_of(path) is not None

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """What runs in containers, with what it is given; a file that cannot be read is a gap."""
        from nhiscan.collectors.repo._containers import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoContainers()
