"""One AWS session that can only make declared, read-only calls, counts them, and never logs what it sends."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nhiscan.collectors._common.errors import RefusedError, UndeclaredCallError, undeclared
from nhiscan.collectors._common.values import mapping, text
from nhiscan.collectors.aws._clients import SIGN_IN, Clients, Patience, Role, clients, on_behalf_of
from nhiscan.collectors.aws._errors import absent, explain, host_of, no_answer, unknown, unresolved
from nhiscan.collectors.aws._guard import guard, quiet
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from nhiscan.collectors._common.values import Json

__all__ = ["SIGN_IN", "Session", "UndeclaredCallError", "guard", "quiet"]

_Result = TypeVar("_Result")
_ATTEMPTS = 8
_CONNECT_S = 5.0
_READ_S = 60.0
# A wrong endpoint should be told in seconds, not after eight back-offs, and so should a region that never answers.
_PROBE_ATTEMPTS = 3
_FIRST_ATTEMPTS = 3
_FIRST_READ_S = 10.0
_ROLE_SESSION = "nhiscan"


class Session:
    """Calls of one account and region, safe to make from several threads.

    `allowed` are the only operations that leave this process (`iam:ListAccessKeys`), besides signing in; `calls` counts
    what was really sent by operation, retries included.  With `role` (an ARN) it acts as that role, whose credentials
    are renewed by themselves.  `region` "" is the profile's; the first call to a service of a named region waits for
    seconds only.  After `budget_s` seconds no further call is made.
    """

    def __init__(
        self,
        profile: str,
        allowed: Collection[str],
        calls: dict[str, int] | None = None,
        region: str = "",
        *,
        role: str = "",
        external_id: str | None = None,
        budget_s: float | None = None,
    ) -> None:
        self.calls: dict[str, int] = {} if calls is None else calls
        self.region = region
        self._profile = profile
        self._allowed = frozenset(allowed)
        self._role_arn = role
        self._external_id = external_id
        self._budget_s = budget_s
        self._ends = None if budget_s is None else time.monotonic() + budget_s
        self._counting = threading.Lock()
        self._broken: RefusedError | None = None
        self._gone: dict[str, RefusedError] = {}  # services of which nobody answers
        self._met: set[str] = set()  # services that answered
        self._role_of: Role | None = None
        self._made: Clients | None = None

    @property
    def role(self) -> Role | None:
        """The role it acts as, None when that is whoever the profile names.  No call is made."""
        if self._role_arn and self._role_of is None:
            self._role_of = self._clients().role(self._role_arn, self._external_id, self._assume)
        return self._role_of

    def permitted(self, operation: str) -> bool:
        """Whether it may make a call."""
        return operation in self._allowed

    def sent(self, operation: str) -> None:
        """Count a request that goes out."""
        with self._counting:
            self.calls[operation] = self.calls.get(operation, 0) + 1

    def sign_in(self) -> str:
        """Obtain the role's credentials; gives the ARN it acts as.  Raises RefusedError."""
        operation = "sts:AssumeRole"

        def act() -> str:
            role = self.role
            if role is None:
                return ""
            role.credentials.get_frozen_credentials()
            return role.arn

        return self._guarded(operation, act)

    def call(self, operation: str, /, **params: object) -> Json:
        """The answer of an operation, as boto3 decodes it.  Raises RefusedError; after a fatal one always the same."""
        return self._meet(operation, lambda client, method: cast("Json", getattr(client, method)(**params)))

    def pages(self, operation: str, /, **params: object) -> Iterator[Json]:
        """All pages of an operation, by the SDK's paginator where it has one.  Raises RefusedError between pages."""

        def first(client: Any, method: str) -> tuple[Json | None, Iterator[Json]]:  # noqa: ANN401 - botocore's class
            if not client.can_paginate(method):
                return cast("Json", getattr(client, method)(**params)), iter(())
            following = iter(client.get_paginator(method).paginate(**params))
            return cast("Json | None", next(following, None)), following

        page, following = self._meet(operation, first)
        while page is not None:
            yield page
            self._check(operation)
            page = self._guarded(operation, lambda: next(following, None), sending=True)

    def probe(self, operation: str, tries: int = 0, /, **params: object) -> Json:
        """The same for the call that tells whether AWS can be reached at all: it gives up sooner."""
        patience = Patience(tries or _PROBE_ATTEMPTS, _CONNECT_S, _READ_S if not self.region else _FIRST_READ_S)
        return self._with(operation, patience, lambda client, method: cast("Json", getattr(client, method)(**params)))

    def regions(self, service: str, partition: str) -> tuple[str, ...]:
        """The regions that the SDK knows a service in, by its own data; no call is made."""
        return self._clients().regions(service, partition)

    def _meet(self, operation: str, act: Callable[[Any, str], _Result]) -> _Result:
        """A call with the patience its service deserves: being throttled is worth more of it, being broken is not."""
        service = operation.partition(":")[0]
        if not self.region:
            return self._with(operation, _patient(), act)
        met = service in self._met
        if not met and service not in self._gone and operation in self._allowed and self._not_offered(service):
            self._gone[service] = absent(operation, f"{service} is not offered in {self.region}")
        try:
            found = self._with(operation, _known() if met else _first(), act)
        except RefusedError as e:
            if e.unreachable or e.fatal:
                raise
            self._met.add(service)
            if e.reason is not GapReason.THROTTLED:
                raise
            return self._with(operation, _patient(), act)
        self._met.add(service)
        return found

    def _with(self, operation: str, patience: Patience, act: Callable[[Any, str], _Result]) -> _Result:
        from botocore import xform_name

        service, name = operation.split(":")
        self._check(operation)
        client, method = self._guarded(operation, lambda: self._client(service, patience)), xform_name(name)
        if not hasattr(client, method):
            raise unknown(operation)
        try:
            return self._guarded(operation, lambda: act(client, method), sending=True)
        except RefusedError as e:
            if e.unreachable or (e.fatal and not e.everywhere):
                self._gone.setdefault(service, e)
            raise

    def _check(self, operation: str) -> None:
        if operation not in self._allowed:
            raise undeclared(operation)
        known = self._broken or self._gone.get(operation.partition(":")[0])
        if known is not None:
            raise known.of(operation)
        if self._ends is not None and time.monotonic() > self._ends:
            where = f"region {self.region}" if self.region else "the account"
            detail = f"not asked: {self._budget_s:.0f} seconds for this part of {where} were used up"
            remedy = "audit fewer regions or accounts at once (--regions, --accounts), or an export (snapshot:DIR)"
            spent = RefusedError(GapReason.SKIPPED, operation, detail, remedy)
            spent.fatal = spent.everywhere = True
            raise spent

    def _guarded(self, operation: str, act: Callable[[], _Result], *, sending: bool = False) -> _Result:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            with on_behalf_of(self, self.role):
                return act()
        except RefusedError as e:  # the role could not be assumed
            refused = e
        except (BotoCoreError, ClientError, ResponseParserError, ValueError, OSError) as e:
            refused = self._explained(e, operation, sending=sending)
        except UndeclaredCallError:
            raise
        except Exception:
            # botocore's parsers raise whatever the wrong shape of an answer leads to.
            if not sending:
                raise
            refused = no_answer(operation)
        if refused.everywhere:
            self._broken = refused
        raise refused

    def _explained(self, error: Exception, operation: str, *, sending: bool) -> RefusedError:
        from botocore.exceptions import BotoCoreError

        if sending and type(error) is ValueError:  # from the parser: addresses are judged when a client is made
            return no_answer(operation)
        if self.region and isinstance(error, BotoCoreError) and unresolved(error):
            service = operation.partition(":")[0]
            if not self._clients().elsewhere and self._region_resolves(error):
                return absent(operation, f"{service} is not offered in {self.region}")
        return explain(error, operation)

    def _not_offered(self, service: str) -> bool:
        """Whether the SDK's data lack the service in this region and its name leads nowhere (the data may be old)."""
        made = self._guarded("sts:GetCallerIdentity", self._clients)
        if made.elsewhere or made.offered(service, self.region) is not False:
            return False
        if made.proxied:  # the proxy resolves names, so nothing can be said here
            return True
        try:
            socket.getaddrinfo(made.client(service, self.region, _first()).meta.endpoint_url.split("/")[2], 443)
        except OSError:
            return True
        return False

    def _region_resolves(self, error: BaseException) -> bool:
        """Whether names of the region itself can be resolved, so that a missing one means a missing service."""
        failed = host_of(getattr(error, "kwargs", {}).get("endpoint_url")) or ""
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        core = f"ec2.{self.region}.{suffix}"
        try:
            socket.getaddrinfo(core, 443)
        except OSError:
            return False
        return failed != core

    def _assume(self) -> dict[str, Any]:
        """The answer of sts:AssumeRole, asked as the profile itself."""
        params = {"RoleArn": self._role_arn, "RoleSessionName": _ROLE_SESSION}
        if self._external_id is not None:
            params["ExternalId"] = self._external_id
        operation = "sts:AssumeRole"
        try:
            with on_behalf_of(self, None):
                client = self._clients().client("sts", "", _patient())
                answer = client.assume_role(**params)
        except RefusedError:
            raise
        except Exception as e:  # noqa: BLE001 - explain() knows them all, and names what it does not know
            raise self._not_assumed(explain(e, operation)) from None
        return dict(mapping(answer))

    def _not_assumed(self, why: RefusedError) -> RefusedError:
        parts = self._role_arn.split(":")
        account = parts[4] if len(parts) > 5 else "?"
        detail = f"the role {text(parts[-1]) or self._role_arn} of account {account} cannot be assumed: {why.detail}"
        remedy = why.remedy
        if why.reason is GapReason.DENIED:
            remedy = (
                f"create it in {account} (nhiscan permissions aws --cloudformation), let it trust whoever audits, and "
                "give the external id it asks for (--external-id)"
            )
        found = RefusedError(why.reason, why.operation, detail, remedy)
        found.fatal = found.everywhere = True
        found.code = why.code
        return found

    def _client(self, service: str, patience: Patience) -> Any:  # noqa: ANN401 - botocore makes the class
        return self._clients().client(service, self.region, patience)

    def _clients(self) -> Clients:
        if self._made is None:
            self._made = clients(self._profile)
        return self._made


def _patient() -> Patience:
    return Patience(_ATTEMPTS, _CONNECT_S, _READ_S)


def _known() -> Patience:
    return Patience(_PROBE_ATTEMPTS, _CONNECT_S, _READ_S)


def _first() -> Patience:
    return Patience(_FIRST_ATTEMPTS, _CONNECT_S, _FIRST_READ_S)
