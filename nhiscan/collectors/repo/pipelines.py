"""Pipelines of a checkout other than GitHub's: jobs, their secrets, federated tokens and the code of others in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._pipelines import COVERS, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record

SUFFIXES = (".yml", ".yaml")


class RepoPipelines(CheckoutCollector):
    """GitLab CI, Azure, CircleCI, Bitbucket, Jenkins, Buildkite, Drone, CodeBuild: definitions read, never run."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Pipelines of other systems than GitHub Actions in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        lower = path.lower()
        return lower.endswith(SUFFIXES) or "jenkins" in lower

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Jobs, steps of others, uses, credentials, exposures, calls; a file that cannot be read is a gap."""
        from nhiscan.collectors.repo._pipelines import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoPipelines()
