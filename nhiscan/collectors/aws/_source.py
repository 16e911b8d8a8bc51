"""Where the facts of an account come from: the live API or exported files.  Both answer in the API's own shapes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nhiscan.collectors._common.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from nhiscan.collectors._common.errors import RefusedError
    from nhiscan.collectors._common.values import Json

NAME = "aws.iam"
GLOBAL = "global"
_ACCOUNT_OF_ARN = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::(\d{12}):")


@dataclass(frozen=True, slots=True)
class Account:
    """The account a unit is about; `partition` is `aws`, `aws-cn` or `aws-us-gov`."""

    number: str
    partition: str = "aws"

    @property
    def scope_id(self) -> str:
        """`aws:<12 digits>`."""
        return f"aws:{self.number}"

    def arn(self, rest: str) -> str:
        """The IAM ARN of something of this account: `user/etl` -> `arn:aws:iam::<account>:user/etl`."""
        return f"arn:{self.partition}:iam::{self.number}:{rest}"


def place_of(account: Account, region: str) -> Place:
    """The place of an account and region, `""` for what has no regions."""
    params = {"account": account.number, "partition": account.partition, "region": region}
    return Place(region or GLOBAL, "region" if region else "account", account.scope_id, params=params)


@dataclass(frozen=True, slots=True)
class Keys:
    """The access keys (SSH keys, signing certificates) of one user, or why they are not known."""

    user: str
    found: Sequence[Json] = ()
    refused: RefusedError | None = None


class Source(Protocol):
    """The facts of one account.  Every method raises RefusedError for what it cannot give."""

    def pages(self) -> Iterator[Json]:
        """The pages of GetAccountAuthorizationDetails."""
        ...

    def report(self) -> str:
        """The credential report as CSV text."""
        ...

    def generated(self) -> datetime | None:
        """When the report that was given had been made; None when nobody says."""
        ...

    def keys(self, users: Sequence[str]) -> Iterator[Keys]:
        """ListAccessKeys for each user, in order; raises when it is pointless to go on."""
        ...

    def signing_certificates(self, users: Sequence[str]) -> Iterator[Keys]:
        """ListSigningCertificates for each user, in order; raises when it is pointless to go on."""
        ...

    def ssh_keys(self, users: Sequence[str]) -> Iterator[Keys]:
        """ListSSHPublicKeys for each user, in order; raises when it is pointless to go on."""
        ...

    def service_credentials(self) -> Iterator[Json]:
        """The entries of ListServiceSpecificCredentials of all users; one may come twice."""
        ...

    def server_certificates(self) -> Iterator[Json]:
        """The entries of ListServerCertificates."""
        ...

    def policy(self, arn: str) -> object:
        """The document of a policy's default version."""
        ...

    def oidc_providers(self) -> Iterator[tuple[str, Json | RefusedError]]:
        """The ARN and details of each OIDC provider."""
        ...

    def saml_providers(self) -> Iterator[Json]:
        """The entries of ListSAMLProviders."""
        ...

    def saml_tags(self, arn: str) -> object:
        """The tags of a SAML provider."""
        ...


def account_of_arn(arn: object) -> Account | None:
    """The account in an IAM or STS ARN, else None (AWS-managed policies have none)."""
    found = _ACCOUNT_OF_ARN.match(arn) if isinstance(arn, str) else None
    return Account(found.group(1), arn.split(":")[1]) if found and isinstance(arn, str) else None
