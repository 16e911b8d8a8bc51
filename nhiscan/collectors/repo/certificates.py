"""Certificates and keys of a checkout: subject, issuer, validity, strength, and the private key that belongs to them.

A certificate is public, so its id is `x509:` and the SHA-256 of its bytes; a public SSH key is `ssh_key:` and the
SHA-256 of its blob.  A private key is place-bound and meets its copies by value.  Facts are named as the cloud
collectors name them: `key_algorithm`, `key_bits`, `public_key`; of certificates also `subject`, `issuer`, `serial`,
`self_signed`, `san`, `role` (`authority`), `private_key` (`in_checkout`); of a private key `certificate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._certificates import COVERS, SOURCE
from nhiscan.collectors.repo._certificates.names import may_hold
from nhiscan.collectors.repo._collector import CheckoutCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Collector, Context, Record


class RepoCertificates(CheckoutCollector):
    """Certificates, key stores, and private and public keys of a checkout."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Certificates and keys in a checkout"
    covers: ClassVar[tuple[str, ...]] = COVERS

    def concerns(self, path: str) -> bool:
        """Whether a file of this path may be one to read."""
        return may_hold(path)

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """Credentials and exposures, once all files are read, because halves of a pair lie in several."""
        from nhiscan.collectors.repo._certificates import checkout as reading

        yield from reading.records(checkout, ctx)


COLLECTOR: Collector = RepoCertificates()
