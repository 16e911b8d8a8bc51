"""Pulumi projects in a checkout: what YAML programs declare, and what the configuration of stacks holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._pulumi import COVERS, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record

SUFFIXES = (".yml", ".yaml")


class RepoPulumi(CheckoutCollector):
    """Pulumi projects and stacks of a checkout; no program is run and no secrets provider is asked."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Pulumi programs in YAML and stack configuration in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return path.endswith(SUFFIXES) and "Pulumi" in path

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """What programs declare, and the stacks with the credentials in their configuration."""
        from nhiscan.collectors.repo._pulumi import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoPulumi()
