"""A loopback provider: whatever a function answers to a request, and the ways in which an answer goes wrong."""

from __future__ import annotations

import http.server
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote, urlsplit

from nhiscan.collectors._common.place import Place
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors._rest.waiting import Patience
from nhiscan.plugin import Context
from nhiscan.sensitive import FingerprintKey

TINY = Patience(attempts=3, timeout_s=5.0, first_s=0.001)


@dataclass(frozen=True)
class Got:
    """A request as it came in."""

    method: str
    path: str
    query: dict
    headers: dict
    body: object

    @property
    def token(self) -> str:
        return self.headers.get("authorization", "")


@dataclass
class Reply:
    """What goes back; `body` is JSON unless it is bytes; `cut` ends the connection within it, `wait` delays it."""

    body: object = None
    status: int = 200
    headers: dict = field(default_factory=dict)
    cut: bool = False
    wait: float = 0.0


def _decoded(raw: bytes) -> object:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body waits 40 ms for the acknowledgement of its headers otherwise

    def _serve(self):
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        got = Got(
            self.command, unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)),
            {k.lower(): v for k, v in self.headers.items()}, _decoded(raw),
        )  # fmt: skip
        self.server.seen.append(got)
        reply = self.server.answer(got)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        time.sleep(reply.wait)
        try:
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content) + (100 if reply.cut else 0)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            return
        if reply.cut:
            self.close_connection = True

    do_GET = do_POST = _serve  # noqa: N815 - the names that http.server looks for

    def log_message(self, *args):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


@contextmanager
def serving(answer):
    """A server whose `url` answers what `answer(got)` says; `seen` holds the requests."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.answer, server.seen, server.sessions = answer, [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        for live in server.sessions:
            live.close()
        server.shutdown()
        server.server_close()
        thread.join()


class Keys:
    """`_rest.session.Access` to one server, with tokens that are counted."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.number = 1

    def base(self, service: str) -> str:
        return self.url

    def headers(self, service: str, *, renew: bool) -> dict:
        if renew:
            self.number += 1
        return {"Authorization": f"Bearer t{self.number}"}


def session(server, operations, **more) -> Session:
    live = Session(Keys(server.url), operations, **{"patience": TINY, **more})
    server.sessions.append(live)
    return live


def context(**more) -> Context:
    return Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32), **more)


def tenant() -> Place:
    number = "11111111-2222-4333-8444-555555555555"
    return Place(number, "tenant", f"azure:tenant/{number}", "Acme", {"tenant": number})
