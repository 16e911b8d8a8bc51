"""Service accounts and their keys through google-cloud-iam (gRPC), for where Cloud Asset Inventory is closed.

Only reading methods leave; every call is counted.  An address of one's own for IAM (`--endpoint gcp-iam=…`) is spoken
to over REST, `gcp-iam-grpc=host:port` names one that speaks gRPC (without TLS on loopback only).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nhiscan.collectors._rest.exports import FileAnswers
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import email_of, key_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask

ACCOUNTS = Operation(
    "iam:projects.serviceAccounts.list", "/v1/projects/{project}/serviceAccounts", ("iam.serviceAccounts.list",),
    query={"pageSize": "100"}, named=email_of,
)  # fmt: skip
"""At most 100 a page (iam.v1, discovery document)."""
KEYS = Operation(
    "iam:projects.serviceAccounts.keys.list", "/v1/projects/{project}/serviceAccounts/{email}/keys",
    ("iam.serviceAccountKeys.list",), named=lambda data: key_names(data, {}),
)  # fmt: skip
"""One call for each account; it is not paged."""
ENDPOINT = "gcp-iam-grpc"


class Accounts(Protocol):
    """Who lists service accounts; both methods raise RefusedError."""

    def accounts(self, project: str) -> Iterator[Json]:
        """The service accounts of a project, in the form of the REST API."""
        ...

    def keys(self, project: str, email: str) -> list[Json]:
        """The keys of a service account, in the form of the REST API."""
        ...


@dataclass(frozen=True, slots=True)
class Rest:
    """`Accounts` over REST, or from exported files."""

    ask: Ask

    def accounts(self, project: str) -> Iterator[Json]:
        """See Accounts."""
        return self.ask.items(ACCOUNTS, "accounts", project=project)

    def keys(self, project: str, email: str) -> list[Json]:
        """See Accounts."""
        return list(self.ask.items(KEYS, "keys", project=project, email=email))


def accounts_of(ask: Ask) -> Accounts:
    """The way to the accounts of a unit: google-cloud-iam; REST for exports, without it, and at an own address."""
    address = ask.ctx.endpoints.get(ENDPOINT)
    own = {"gcp", "gcp-iam"} & ask.ctx.endpoints.keys() or os.environ.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAM")
    if isinstance(ask.answers, FileAnswers) or (address is None and own):
        return Rest(ask)
    try:
        from nhiscan.collectors.gcp._iam_grpc import Grpc
    except ImportError:
        return Rest(ask)
    return Grpc.of(ask, address)
