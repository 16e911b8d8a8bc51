"""Templates of clouds in a checkout: CloudFormation, SAM, CDK output, Serverless, Bicep, ARM.

Declared identities, policies, trusts and credentials enter the inventory as those of an account do, with the state
`declared`; nothing is deployed, and no cloud is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._templates import COVERS, SOURCE, SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record


class RepoTemplates(CheckoutCollector):
    """CloudFormation, SAM, Serverless, Bicep and ARM templates of a checkout, read and never deployed."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "CloudFormation, SAM, Serverless, Bicep and ARM templates in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return path.endswith(SUFFIXES)

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """What the templates declare; one that cannot be read is a gap."""
        from nhiscan.collectors.repo._templates import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoTemplates()
