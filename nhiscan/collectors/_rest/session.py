"""One unit's way to a provider: declared calls only, counted, tried again where that helps, within a time budget."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from nhiscan.collectors._common.errors import RefusedError, everywhere, fatal, malformed, undeclared
from nhiscan.collectors._common.exports import BARE
from nhiscan.collectors._rest.paging import MOST_PAGES, Request, following
from nhiscan.collectors._rest.refusal import refusal, temporary
from nhiscan.collectors._rest.waiting import Patience, asked_to_wait, exhausted
from nhiscan.collectors._rest.wire import Answer, TooLargeError, Wire, WireError
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.operation import Operation

# Parameters that name a place, which does not vanish between two calls: what is not found there was not read.
_PLACES = frozenset({"tenant", "subscription", "group", "organization", "folder", "project", "number", "parent"})
_UNREACHED = 3  # attempts, when nobody is there at all


class Access(Protocol):
    """Where a provider's services are, and the proof that is shown there."""

    def base(self, service: str) -> str:
        """The address of a service, without a slash at the end.  Raises RefusedError when there is none."""
        ...

    def headers(self, service: str, *, renew: bool) -> Mapping[str, str]:
        """What signs a request; with `renew` a fresh proof.  Raises RefusedError when there is no way to sign in."""
        ...


class Session:
    """Calls of one unit, safe to make from several threads; see `_rest.place.Answers`.

    `allowed` are the only operations that leave this process.  `calls` counts what was really sent by operation,
    retries included.  `home` are the parameters that the place itself gives: a call with any other is about one thing.
    After `budget_s` seconds no further call is made; with `probe` no page after the first is asked for.
    """

    def __init__(
        self,
        access: Access,
        allowed: Collection[Operation],
        calls: dict[str, int] | None = None,
        *,
        home: Mapping[str, str] | None = None,
        budget_s: float | None = None,
        patience: Patience | None = None,
        probe: bool = False,
    ) -> None:
        self.calls: dict[str, int] = {} if calls is None else calls
        self._access = access
        self._allowed = {operation.name: operation for operation in allowed}
        self._home = dict(home or {})
        self._patience = patience or Patience.of_environment()
        self._probe = probe
        self._budget_s = budget_s
        self._ends = None if budget_s is None else time.monotonic() + budget_s
        self._counting = threading.Lock()
        self._making = threading.Lock()
        self._signing = threading.Lock()
        self._made: Wire | None = None
        self._not_before: dict[str, float] = {}
        self._gone: dict[str, RefusedError] = {}  # services of which nobody answers
        self._broken: RefusedError | None = None

    def call(self, operation: Operation, params: Json, query: Json, body: Json) -> Json:
        """One answer.  Raises RefusedError; after a fatal one always the same."""
        return self._page(operation, self._request(operation, params, query, body), self._of_one(operation, params))

    def pages(self, operation: Operation, params: Json, query: Json, body: Json) -> Iterator[Json]:
        """All pages of an answer.  Raises RefusedError between pages; an empty page with a link is not the last."""
        request: Request | None = self._request(operation, params, query, body)
        of_one = self._of_one(operation, params)
        seen: set[tuple[str, ...]] = set()
        while request is not None:
            if request.key in seen or len(seen) >= MOST_PAGES:
                raise malformed(operation.name, "leads in a circle: a page was offered twice")
            seen.add(request.key)
            page = self._page(operation, request, of_one)
            yield page
            request = None if self._probe else following(operation, request, page)

    def close(self) -> None:
        """Close its connections."""
        if self._made is not None:
            self._made.close()

    def _request(self, operation: Operation, params: Json, query: Json, body: Json) -> Request:
        declared = self._allowed.get(operation.name)
        if declared is None or declared.path != operation.path or declared.method != operation.method:
            raise undeclared(operation.name)
        try:
            path = operation.fill({**self._home, **params})
        except ValueError as e:
            raise RefusedError(GapReason.FAILED, operation.name, str(e), "report it as a bug of nhiscan") from None
        content = None if operation.body is None else {**operation.body, **body}
        return Request(self._access.base(operation.service) + path, {**operation.query, **query}, content)

    def _of_one(self, operation: Operation, params: Json) -> bool:
        """Whether a call is about a thing that was listed, and not about a place as a whole."""
        own = {part for value in self._home.values() for part in (value, *value.split(","))}
        blanks = (blank for blank in operation.blanks() if blank not in _PLACES)
        given = (str(params.get(blank, "")).strip("/").removesuffix("/locations/-") for blank in blanks)
        return any(own.isdisjoint((value, value.rpartition("/")[2])) for value in given)

    def _page(self, operation: Operation, request: Request, of_one: bool) -> Json:  # noqa: FBT001 - of this class
        try:
            answer = self._answer(operation, request)
            if not 200 <= answer.status < 300:
                raise refusal(answer, operation, of_one=of_one)
        except RefusedError as e:
            if e.everywhere:
                self._broken = e
            elif e.fatal:
                self._gone.setdefault(operation.service, e)
            raise
        if answer.status == 204:
            return {}
        if isinstance(answer.body, list):
            return {BARE: answer.body}
        if not answer.json or not isinstance(answer.body, dict):
            raise malformed(operation.name)
        return answer.body

    def _answer(self, operation: Operation, request: Request) -> Answer:
        """The answer, after as many attempts as it is worth; the last one when all were alike."""
        renewed = False
        attempt = 0
        while True:
            self._check(operation)
            self._wait_for_quota(operation)
            proof = self._proof(operation.service)
            found = self._attempt(operation, request, proof)
            if isinstance(found, Answer) and found.status == 401 and not renewed:
                renewed = True
                found = self._attempt(operation, request, self._proof(operation.service, refused=proof))
            attempt += 1
            if isinstance(found, WireError):
                most = self._patience.attempts if found.connected else min(_UNREACHED, self._patience.attempts)
                if attempt >= most:
                    raise _unreached(found, operation, self._access.base(operation.service))
                wait = self._patience.backoff(attempt - 1)
            elif not temporary(found) or attempt >= self._patience.attempts:
                return found
            else:
                asked = asked_to_wait(found)
                wait = self._patience.backoff(attempt - 1) if asked is None else asked
            if self._ends is not None and time.monotonic() + wait > self._ends:
                if isinstance(found, WireError):
                    raise self._spent(operation)
                return found
            time.sleep(wait)

    def _attempt(self, operation: Operation, request: Request, proof: Mapping[str, str]) -> Answer | WireError:
        with self._counting:
            self.calls[operation.name] = self.calls.get(operation.name, 0) + 1
        try:
            wire = self._wire()
            answer = wire.send(
                operation.method, request.url, request.query, request.body, {**operation.headers, **proof}
            )
        except WireError as e:
            return e
        except TooLargeError:
            raise malformed(operation.name, "is larger than any of the provider's") from None
        if (wait := exhausted(answer)) is not None:
            self._not_before[operation.service] = time.monotonic() + wait
        return answer

    def _proof(self, service: str, *, refused: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """What signs a request; a fresh one when the newest is the one that was refused."""
        with self._signing:
            try:
                found = self._access.headers(service, renew=False)
                return self._access.headers(service, renew=True) if found == refused else found
            except RefusedError as e:
                self._broken = everywhere(e)
                raise

    def _wire(self) -> Wire:
        with self._making:
            if self._made is None:
                self._made = Wire(self._patience.timeout_s)
            return self._made

    def _wait_for_quota(self, operation: Operation) -> None:
        left = self._not_before.get(operation.service, 0.0) - time.monotonic()
        if left > 0:
            if self._ends is not None and time.monotonic() + left > self._ends:
                raise self._spent(operation)
            time.sleep(left)

    def _check(self, operation: Operation) -> None:
        known = self._broken or self._gone.get(operation.service)
        if known is not None:
            raise known.of(operation.name)
        if self._ends is not None and time.monotonic() > self._ends:
            raise self._spent(operation)

    def _spent(self, operation: Operation) -> RefusedError:
        detail = f"not asked: the {self._budget_s or 0:.0f} seconds for this unit were used up"
        remedy = "audit fewer subscriptions or projects at once (--accounts), or an export (snapshot:DIR)"
        return everywhere(RefusedError(GapReason.SKIPPED, operation.name, detail, remedy))


def _unreached(error: WireError, operation: Operation, base: str) -> RefusedError:
    host = base.partition("://")[2].partition("/")[0].rpartition("@")[2]
    remedy = "check the network, --endpoint, HTTPS_PROXY, and SSL_CERT_FILE for a certificate authority of your own"
    if error.connected:
        detail = f"{operation.name}: no whole answer came from {host} ({error.kind})"
        return RefusedError(GapReason.FAILED, operation.name, detail, remedy)
    found = RefusedError(GapReason.FAILED, operation.name, f"cannot reach {host} ({error.kind})", remedy)
    found.unreachable = True
    return fatal(found)
