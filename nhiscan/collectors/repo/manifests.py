"""Manifests in a checkout: servers, agents, plugins and workflows that are declared rather than programmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._manifests import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record

SUFFIXES = (".yaml", ".yml", ".json")


class RepoManifests(CheckoutCollector):
    """Manifests and exports of agent platforms, read and never started."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Agent and tool server manifests in a checkout"

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return path.lower().endswith(SUFFIXES)

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Agents, servers, tools, hops, uses and credentials; a file that cannot be read is a gap."""
        from nhiscan.collectors.repo._manifests import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoManifests()
