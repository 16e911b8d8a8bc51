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

import http.server
import itertools
import json
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Self

ALWAYS = -1


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in; `params` are the named groups of the route's pattern, `body` the decoded JSON."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    route: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    token: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back; `body` is JSON unless it is bytes."""

    body: object = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedRequestError(Exception):
    """The vendor would refuse this request as wrong: it is answered so, and recorded as a violation."""

    def __init__(self, status: int, code: str, why: str) -> None:
        super().__init__(why)
        self.answer_status, self.code, self.why = status, code, why


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: `pattern` is matched against the whole path, `queries` are the names it knows.

    `permissions`: any one of them suffices; none: nothing is asked for.
    """

    name: str
    pattern: str
    answer: Callable[[Request], Answer]
    queries: frozenset[str] | set[str] = frozenset()
    permissions: tuple[str, ...] = ()
    method: str = "GET"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong at a route, `times` often (ALWAYS: every time), once `after` requests went well."""

    kind: str
    times: int = ALWAYS
    status: int = 500
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Paging:
    """How a vendor pages: `key` holds the entries, `token` is the query name that continues.

    With `link` the answer names the next address there (whole, opaque); else `next_token` holds the token.  `size` is
    the query name of the page size, `most` the largest that the vendor accepts, `usual` the one without it.
    """

    key: str
    token: str
    size: str
    usual: int
    most: int
    link: str = ""
    next_token: str = ""
    refuses_more: bool = False


GRAPH = Paging("value", "$skiptoken", "$top", 100, 999, link="@odata.nextLink", refuses_more=True)
"""Microsoft Graph, directory objects: 100 a page, at most 999 (learn.microsoft.com/graph/paging)."""
ARM = Paging("value", "$skiptoken", "$top", 100, 1000, link="nextLink")
"""Azure Resource Manager: `nextLink`, opaque (github.com/microsoft/api-guidelines, azure/Guidelines.md)."""
GOOGLE = Paging("", "pageToken", "pageSize", 100, 1000, next_token="nextPageToken")
"""Google APIs: AIP-158; give the key of the entries with `replace(GOOGLE, key="accounts")`."""


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
        self.page_cap: int | None = None
        """A page never has more entries than this, whatever is asked for."""
        self._faults: dict[str, list[Fault]] = {}
        self._seen: Counter[str] = Counter()
        self._dead: set[str] = set()
        self._pages: dict[str, tuple[str, int, tuple[tuple[str, str], ...]]] = {}
        self._numbers = itertools.count(1)
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
        self._server = _Server(self)
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
        start = self._start(request, paging)
        size = self._size(request, paging)
        taken = list(rows[start : start + size])
        faults = {fault.kind for fault in self._due(request.route, {"empty", "foreign", "loop"})}
        following = start + size if start + size < len(rows) else None
        if (
            "empty" in faults
            and request.query.get("_filled") is None
            and "~" not in request.query.get(paging.token, "")
        ):
            taken, following = [], start
        if faults & {"foreign", "loop"}:
            following = start
        body: dict[str, object] = {**more, paging.key: taken}
        if following is not None:
            token = self._token(request, following, empty="empty" in faults and following == start)
            if paging.link:
                host = "https://elsewhere.example" if "foreign" in faults else self.url
                query = {k: v for k, v in request.query.items() if k != paging.token} | {paging.token: token}
                body[paging.link] = f"{host}{quote(request.path)}?{urlencode(query, quote_via=quote)}"
            else:
                body[paging.next_token] = token
        return Answer(body)

    def _start(self, request: Request, paging: Paging) -> int:
        token = request.query.get(paging.token)
        if token is None:
            return 0
        path, start, query = self._pages.get(token, ("", 0, ()))
        asked = tuple(sorted((k, v) for k, v in request.query.items() if k != paging.token))
        if path != request.path or asked != query:
            raise RefusedRequestError(400, "BadRequest", f"{paging.token} was not handed out for this request")
        return start

    def _size(self, request: Request, paging: Paging) -> int:
        asked = request.query.get(paging.size) if paging.size else None
        if asked is None:
            size = paging.usual
        elif not asked.isdigit() or int(asked) < 1 or (paging.refuses_more and int(asked) > paging.most):
            raise RefusedRequestError(400, "BadRequest", f"{paging.size}={asked}")
        else:
            size = min(int(asked), paging.most)
        return min(size, self.page_cap or size)

    def _token(self, request: Request, start: int, *, empty: bool) -> str:
        # Opaque to the caller; "~" tells the twin that the empty page was sent.
        token = f"{'~' if empty else ''}{next(self._numbers):06x}{start * 7919 % 65536:04x}"
        asked = tuple(
            sorted((k, v) for k, v in request.query.items() if k not in {"$skiptoken", "$skipToken", "pageToken"})
        )
        with self._lock:
            self._pages[token] = (request.path, start, asked)
        return token

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


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, twin: Twin) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.twin = twin
        self._open: set[socket.socket] = set()

    def get_request(self) -> tuple[socket.socket, object]:
        raw, address = super().get_request()
        raw.settimeout(30)
        if self.twin.tls is None:
            return raw, address
        # The handshake is made by the thread of the request, so that a silent caller holds up nobody.
        return self.twin.tls.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), address

    def process_request(self, request, address) -> None:
        self._open.add(request)
        super().process_request(request, address)

    def shutdown_request(self, request) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for each in list(self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request, address) -> None:
        """A caller that hangs up is no news."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body waits 40 ms for the acknowledgement of its headers otherwise
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""

    def __getattr__(self, name: str):
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def _any(self) -> None:
        parts = urlsplit(self.path)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length) if length else b""
        twin = self.server.twin
        if len({name for name, _ in pairs}) != len(pairs):
            twin.violations.append(f"{self.command} {self.path}: a query name stands twice")
        scheme, _, token = (self.headers.get("Authorization") or "").partition(" ")
        request = Request(
            self.command, parts.path, dict(pairs), {k.lower(): v for k, v in self.headers.items()}, _decoded(raw),
            token=token if scheme.lower() == "bearer" else "",
        )  # fmt: skip
        self._send(twin.answer(request))

    def _send(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        if answer.status == 0:  # cut: promised more than comes
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b'{"value": [')
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _decoded(raw: bytes) -> object:
    """JSON, else a form (token endpoints), else None."""
    try:
        return json.loads(raw)
    except ValueError:
        return dict(parse_qsl(raw.decode("utf-8", "replace"))) or None
