"""Amazon CloudFront: the public keys that signed addresses and cookies are checked against; one call for each 100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import moment, text
from nhiscan.collectors.aws import _keyform
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import seen
from nhiscan.plugin import Credential, CredentialKind, CredentialState, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record


def _public_keys(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("cloudfront:ListPublicKeys", "PublicKeyList.Items", MaxItems="100"):
        key_id = text(entry.get("Id"))
        if key_id is None:
            continue
        arn = f"arn:{ask.account.partition}:cloudfront::{ask.account.number}:public-key/{key_id}"
        yield Credential(
            **seen(ask, arn),
            provider="aws",
            kind=CredentialKind.PRIVATE_KEY,
            name=text(entry.get("Name")) or key_id,
            state=CredentialState.ACTIVE,
            lifetime=Lifetime.STATIC,
            issued_at=moment(entry.get("CreatedTime")),
            key_id=key_id,
            account_id=ask.account.number,
            facts=_keyform.public_key(entry.get("EncodedKey")).facts(),
        )


COLLECTOR = Group(
    name="aws.edge",
    title="Amazon CloudFront keys for signed addresses and cookies",
    regional=False,
    parts=(
        Part(
            name="public keys",
            kind="CloudFront public key",
            facts=("created", "algorithm and size", "digest of the public key"),
            calls={"cloudfront:ListPublicKeys": "credential"},
            read=_public_keys,
        ),
    ),
)
