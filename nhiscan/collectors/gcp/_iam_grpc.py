"""google-cloud-iam as a reader of service accounts and keys: reading methods only, each request counted.

Importing this module imports google-cloud-iam and grpc.  Methods: `google.iam.admin.v1.IAM`; answers are turned into
the form that the REST API gives (proto3 JSON mapping), without the fields that could ever hold a private key.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc
from google.api_core import exceptions, retry
from google.cloud.iam_admin_v1 import IAMClient
from google.cloud.iam_admin_v1.services.iam.transports.grpc import IAMGrpcTransport
from google.protobuf.json_format import MessageToDict

from nhiscan.collectors._common.errors import RefusedError, UndeclaredCallError, everywhere, fatal
from nhiscan.collectors.gcp._iam_client import ACCOUNTS, KEYS
from nhiscan.collectors.gcp._session import Identity
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.auth.credentials import Credentials

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors._rest.operation import Operation

HOST = "iam.googleapis.com:443"
_SERVICE = "/google.iam.admin.v1.IAM/"
READS = {
    f"{_SERVICE}{method}": operation
    for method, operation in {
        "ListServiceAccounts": ACCOUNTS.name,
        "ListServiceAccountKeys": KEYS.name,
        "GetServiceAccount": "iam:projects.serviceAccounts.get",
        "ListRoles": "iam:roles.list",
        "GetRole": "iam:roles.get",
        "GetIamPolicy": "iam:projects.serviceAccounts.getIamPolicy",
    }.items()
}
"""The methods that may be called, with the names their calls are counted under."""
_SECRET = frozenset({"privateKeyData", "privateKeyType", "publicKeyData", "etag"})
_PAGE = 100
_TIMEOUT_S = 60.0
_AGAIN = retry.Retry(
    predicate=retry.if_exception_type(
        exceptions.ServiceUnavailable, exceptions.TooManyRequests, exceptions.InternalServerError,
        exceptions.GatewayTimeout,
    ),
    initial=0.5, maximum=30.0, timeout=_TIMEOUT_S,
)  # fmt: skip


class Guard(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # grpc has no types
    """Lets reading methods pass and counts them; anything else is not sent.  Raises UndeclaredCallError."""

    def __init__(self, calls: dict[str, int]) -> None:
        self._calls = calls
        self._lock = threading.Lock()

    def intercept_unary_unary(
        self, continuation: Callable[[object, object], object], client_call_details: object, request: object
    ) -> object:
        """See grpc.UnaryUnaryClientInterceptor."""
        method = getattr(client_call_details, "method", b"")
        name = method.decode("ascii", "replace") if isinstance(method, bytes) else str(method)
        if name not in READS:
            msg = f"{name} is no reading method"
            raise UndeclaredCallError(msg)
        with self._lock:
            self._calls[READS[name]] = self._calls.get(READS[name], 0) + 1
        return continuation(client_call_details, request)


@dataclass(frozen=True, slots=True)
class Grpc:
    """`Accounts` through google-cloud-iam."""

    client: IAMClient

    @classmethod
    def of(cls, ask: Ask, address: str | None) -> Grpc:
        """A client for the accounts of a unit.  Raises RefusedError when nobody is signed in."""
        credentials = None if _loopback(address) else Identity(ask.ctx.endpoints).google()
        return cls.to(address, credentials, ask.ctx.calls)

    @classmethod
    def to(cls, address: str | None, credentials: Credentials | None, calls: dict[str, int]) -> Grpc:
        """A client of an address (None: Google's own); without credentials, and without TLS, on loopback."""
        host = (address or HOST).removeprefix("http://").removeprefix("https://").rstrip("/")
        channel = (
            grpc.insecure_channel(host)
            if _loopback(address)
            else IAMGrpcTransport.create_channel(host, credentials=credentials)
        )
        guarded = grpc.intercept_channel(channel, Guard(calls))
        return cls(IAMClient(transport=IAMGrpcTransport(host=host, channel=guarded)))

    def accounts(self, project: str) -> Iterator[Json]:
        """See Accounts."""
        request = {"name": f"projects/{project}", "page_size": _PAGE}
        try:
            for found in self.client.list_service_accounts(request=request, retry=_AGAIN, timeout=_TIMEOUT_S):
                yield _plain(found)
        except (exceptions.GoogleAPIError, grpc.RpcError) as e:
            raise refused(e, ACCOUNTS) from None

    def keys(self, project: str, email: str) -> list[Json]:
        """See Accounts."""
        request = {"name": f"projects/{project}/serviceAccounts/{email}"}
        try:
            found = self.client.list_service_account_keys(request=request, retry=_AGAIN, timeout=_TIMEOUT_S)
        except (exceptions.GoogleAPIError, grpc.RpcError) as e:
            raise refused(e, KEYS) from None
        return [_plain(key) for key in found.keys]


def _loopback(address: str | None) -> bool:
    host = (address or "").removeprefix("http://").rpartition(":")[0]
    return host in {"localhost", "127.0.0.1", "[::1]"}


def _plain(message: object) -> Json:
    told = MessageToDict(getattr(message, "_pb", message))
    return {name: value for name, value in told.items() if name not in _SECRET}


def refused(error: Exception, operation: Operation) -> RefusedError:
    """What an error of the client means, told by its type alone: messages of servers are not repeated."""
    name = operation.name
    if isinstance(error, exceptions.RetryError) and isinstance(error.cause, Exception):
        error = error.cause
    kind = type(error).__name__
    match error:
        case exceptions.Forbidden():
            remedy = f"grant {', '.join(operation.permissions)}"
            return _coded(RefusedError(GapReason.DENIED, name, f"{name} was denied", remedy), error)
        case exceptions.Unauthorized():
            remedy = "sign in again (gcloud auth application-default login)"
            return everywhere(RefusedError(GapReason.FAILED, name, "the token was refused", remedy))
        case exceptions.TooManyRequests():
            return RefusedError(GapReason.THROTTLED, name, f"{name} was throttled after all retries", "run again later")
        case exceptions.NotFound():
            gone = RefusedError(GapReason.FAILED, name, f"{name}: it is gone", "nothing to do")
            gone.missing = True
            return gone
        case exceptions.ServiceUnavailable() | exceptions.GatewayTimeout():
            remedy = "check the network, and --endpoint gcp-iam-grpc"
            found = fatal(RefusedError(GapReason.FAILED, name, f"cannot reach IAM over gRPC ({kind})", remedy))
            found.unreachable = True
            return found
    return RefusedError(GapReason.FAILED, name, f"{name} failed ({kind})", "run again; if it stays, report it")


def _coded(found: RefusedError, error: exceptions.Forbidden) -> RefusedError:
    # A service that is switched off answers with a refusal too, and says so in its details.
    if error.reason == "SERVICE_DISABLED":
        found.code = error.reason
    return found
