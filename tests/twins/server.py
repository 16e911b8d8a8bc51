"""The base of every twin: a threaded loopback server that answers as a provider does and refuses what it would refuse.

A twin is a `Twin` with a table of routes.  It records every request, and as a *violation* each one that the provider
would refuse: an unknown path, another verb, a query name the path does not have, the same name twice, a paging token
that it did not hand out.  It also records its own mistakes (`faulty`): an answer that its vendor could not send.

    class Books(Twin):
        def routes(self):
            yield Route("books.list", r"/v1/books", self.books, queries={"pageSize", "pageToken"}, permissions=("read",))

        def books(self, request):
            return self.page(request, [{"id": "1"}], GOOGLE)

    with Books() as twin:
        twin.fail("books.list", Fault("throttle", times=2, headers={"Retry-After": "1"}))
        …  # talk to twin.url
    assert twin.violations == []

Faults by route name: `status` (any status), `throttle` (429), `cut` (the connection ends within the answer), `slow`
(answers after `seconds`), `text` (no JSON), `empty` (a page without entries before each page, with a next link),
`foreign` (a next link to another host), `loop` (a next link to the same page), `expired` (401 until the caller comes
with another token).
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.twins.exchange import ALWAYS, Answer, Fault, RefusedRequestError, Request, Route
from tests.twins.loopback import Server
from tests.twins.paging import Pages

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Self

    from tests.twins.paging import Paging


class Twin:
    """A server on loopback; use it as a context manager.  `tls` is a server-side context for https."""

    realm = "twin"
    anonymous = False
    """Whether it answers those without a token (an authority must)."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.faulty: list[str] = []
        self.granted: set[str] | None = None
        """The permissions the caller has; None: all of them."""
        self.tokens: set[str] | None = None
        """The bearer tokens that are accepted; None: any that is not empty."""
        self.pages = Pages()
        self._faults: dict[str, list[Fault]] = {}
        self._seen: Counter[str] = Counter()
        self._dead: set[str] = set()
        self._lock = threading.Lock()
        self._routes = [(re.compile(route.pattern), route) for route in self.routes()]

    # What a vendor's twin says of itself.

    def routes(self) -> Iterator[Route]:
        """The table of operations."""
        raise NotImplementedError

    def error(self, status: int, code: str, message: str) -> object:
        """The body of a refusal in the vendor's form."""
        return {"error": {"code": code, "message": message}}

    def denied(self, route: Route) -> Answer:
        """The answer to a caller without permission."""
        return Answer(self.error(403, "Forbidden", f"needs {' or '.join(route.permissions)}"), 403)

    def unauthorized(self) -> Answer:
        """The answer to a caller without a valid token."""
        return Answer(
            self.error(401, "Unauthorized", "token"), 401, {"WWW-Authenticate": f'Bearer realm="{self.realm}"'}
        )

    def check(self, request: Request, answer: Answer) -> Iterable[str]:
        """What the vendor could not have sent, as sentences: faults of the twin."""
        del request, answer
        return ()

    # What a test does with it.

    def fail(self, route: str, *faults: Fault) -> None:
        """Let a route go wrong; several faults come one after the other."""
        assert route in {each.name for _, each in self._routes}, f"no route {route}"
        self._faults[route] = list(faults)

    def mend(self) -> None:
        """Take away all faults and forget what was asked."""
        self._faults.clear()
        self._seen.clear()
        self._dead.clear()
        self.requests.clear()
        self.violations.clear()

    def count(self) -> Counter[str]:
        """How often each route was asked."""
        return Counter(request.route for request in self.requests)

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://localhost:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._server = Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    # How it answers.

    def page(self, request: Request, rows: Sequence[object], paging: Paging, **more: object) -> Answer:
        """The page of rows that the request asks for, with the way to the next; `more` goes on the top level."""
        faults = {fault.kind for fault in self._due(request.route, {"empty", "foreign", "loop"})}
        return self.pages.page(request, rows, paging, faults, self.url, **more)

    def answer(self, request: Request) -> Answer:
        """The answer to a request; never raises."""
        found = self._match(request)
        request = replace(request, route=found[1].name, params=found[0]) if found else request
        with self._lock:
            self.requests.append(request)
        if found is None:
            return self._violated(request, RefusedRequestError(404, "NotFound", "no such path or verb"))
        early = self._early(request, found[1])
        if early is not None:
            return early
        try:
            self._known(request, found[1])
            answer = found[1].answer(request)
        except RefusedRequestError as e:
            return self._violated(request, e)
        self.faulty += [f"{request.path}: {what}" for what in self.check(request, answer)]
        return answer

    def _match(self, request: Request) -> tuple[Mapping[str, str], Route] | None:
        for pattern, route in self._routes:
            match = pattern.fullmatch(request.path)
            if match and route.method == request.method:
                return match.groupdict(), route
        return None

    def _early(self, request: Request, route: Route) -> Answer | None:
        """What is decided before the request is read: token, faults, permission."""
        if not self.anonymous and not self._valid(request.token):
            return self.unauthorized()
        for fault in self._due(route.name, {"expired", "throttle", "status", "cut", "text", "slow"}):
            if (planted := self._planted(fault, request)) is not None:
                return planted
        if route.permissions and self.granted is not None and not self.granted & set(route.permissions):
            return self.denied(route)
        return None

    def _planted(self, fault: Fault, request: Request) -> Answer | None:
        if fault.kind == "expired":
            self._dead.add(request.token)
            return self.unauthorized()
        if fault.kind == "slow":
            time.sleep(fault.seconds)
            return None
        return {
            "throttle": Answer(self.error(429, fault.code or "TooManyRequests", "slow down"), 429, fault.headers),
            "status": Answer(self.error(fault.status, fault.code or "Fault", "planted"), fault.status, fault.headers),
            "cut": Answer(b"", 0),
            "text": Answer(b"<html>proxy</html>", 200, {"Content-Type": "text/html"}),
        }[fault.kind]

    def _valid(self, token: str) -> bool:
        return bool(token) and token not in self._dead and (self.tokens is None or token in self.tokens)

    def _due(self, route: str, kinds: set[str]) -> list[Fault]:
        with self._lock:
            due = []
            for number, fault in enumerate(self._faults.get(route, [])):
                if fault.kind not in kinds:
                    continue
                name = f"{route}#{number}"
                self._seen[name] += 1
                seen = self._seen[name] - fault.after
                if seen > 0 and (fault.times == ALWAYS or seen <= fault.times):
                    due.append(fault)
                    break
            return due

    def _known(self, request: Request, route: Route) -> None:
        unknown = sorted(set(request.query) - set(route.queries))
        if unknown:
            raise RefusedRequestError(400, "BadRequest", f"unknown query names {unknown}")

    def _violated(self, request: Request, error: RefusedRequestError) -> Answer:
        with self._lock:
            self.violations.append(f"{request.method} {request.path} {dict(request.query)}: {error.why}")
        return Answer(self.error(error.answer_status, error.code, error.why), error.answer_status)
