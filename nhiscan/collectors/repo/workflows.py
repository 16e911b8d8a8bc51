"""GitHub Actions in a checkout: every job with its token, its secrets, its federation, and the code it trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._workflows import COVERS, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record

FOLDER = ".github/workflows/"
SUFFIXES = ("action.yml", "action.yaml")  # of what a workflow takes from beside it


class RepoWorkflows(CheckoutCollector):
    """Workflows, local actions and agentic workflows of a checkout, read and never run."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "GitHub Actions workflows in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return FOLDER in path or path.endswith(SUFFIXES)

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Pipelines, agents, third-party steps, credentials and uses; a file that cannot be read is a gap."""
        from nhiscan.collectors.repo._workflows import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoWorkflows()
