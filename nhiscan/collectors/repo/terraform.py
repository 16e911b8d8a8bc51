"""Infrastructure that Terraform declares: identities, policies, trusts, credentials and who runs as whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._terraform import COVERS, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record

SUFFIXES = (".tf", ".tofu", ".tfvars", ".tfstate", ".tfstate.backup", ".json")


class RepoTerraform(CheckoutCollector):
    """Terraform and OpenTofu modules, plans and states of a checkout; nothing is run, no provider is asked."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Terraform modules, plans and states in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return path.endswith(SUFFIXES)

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """What is declared, and the values that lie in files; a file that cannot be read is a gap."""
        from nhiscan.collectors.repo._terraform import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoTerraform()
