"""Credential files of a checkout: `.aws`, key files of clouds, kubeconfig, registries, `.env`, and those of tools.

A credential for each value, with what the format says of it as facts: `profile`, `role_arn`, `registry`, `host`,
`user`, `client_email`, `server`, `tls_verified`.  What is declared without a value (a helper, a keyring, a federation,
a role that is taken) is a credential whose fact `form` says so, and no exposure.  A profile of AWS has the id
`<scope>#aws_profile:<name>`, by which agents refer to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._credential_files import COVERS, SOURCE
from nhiscan.collectors.repo._credential_files.names import may_hold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record


class RepoCredentialFiles(CheckoutCollector):
    """Credential files of a checkout, read for what they hold and for what they say of it."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Credential files in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return may_hold(path)

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Credentials and exposures; a file that looks like one of these and cannot be read is a gap."""
        from nhiscan.collectors.repo._credential_files import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoCredentialFiles()
