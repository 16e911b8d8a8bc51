"""Kubernetes in a checkout: accounts, rights, secrets and workloads that manifests, charts and overlays declare."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._kubernetes import COVERS, SOURCE, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record


class RepoKubernetes(CheckoutCollector):
    """Manifests, Helm charts and kustomizations of a checkout, read and never rendered or applied."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Kubernetes manifests, Helm charts and Kustomize overlays in a checkout"
    covers: ClassVar[tuple[str, ...]] = (*COVERS, "tool", "hop", "logging")

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return path.endswith((*SUFFIXES, "Kustomization"))

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """What the manifests declare, every record once; a file that cannot be read is a gap."""
        from nhiscan.collectors.repo._kubernetes import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoKubernetes()
