"""A threaded HTTP server on loopback that lets a twin answer."""

from __future__ import annotations

import http.server
import json
import socket
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from tests.twins.exchange import Answer, Request

if TYPE_CHECKING:
    from tests.twins.server import Twin


class Server(http.server.ThreadingHTTPServer):
    """Serves one twin."""

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
    server: Server

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
