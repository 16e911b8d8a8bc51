"""One HTTP request at a time: TLS and proxies of the environment, no redirects, bounded answers, nothing logged."""

from __future__ import annotations

import json
import logging
import os
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

LARGEST = 100_000_000
"""Bytes of one answer; the largest page of Cloud Asset Inventory or Microsoft Graph is a tenth of it."""
_LOGGERS = ("httpx", "httpcore", "azure", "msal", "google", "urllib3", "requests")
_CONNECT_S = 10.0
_WHOLE = 4  # an answer may take this many read timeouts as a whole, however steadily it trickles in
_CONNECTIONS = 32


class WireError(Exception):
    """No answer came: `kind` says in one word why (the type of the error), `connected` whether anybody was there."""

    def __init__(self, kind: str, *, connected: bool) -> None:
        super().__init__(kind)
        self.kind = kind
        self.connected = connected


class TooLargeError(Exception):
    """An answer is larger than any that a provider gives."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `body` is the parsed JSON, or None when it was none (`json` tells that from null)."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    json: bool = True


def quiet() -> None:
    """Keep the logs of clients off at every verbosity: they print addresses, and at DEBUG headers."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.ERROR))
        logger.propagate = False
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())


def bundle() -> str | None:
    """The file or directory of certificate authorities that the environment names, else None."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"):
        if value := os.environ.get(name):
            return value
    return None


def trust() -> ssl.SSLContext:
    """Whom to trust: the authorities that the environment names, else those of the system.

    Raises OSError for a file that cannot be read and is none (ssl.SSLError is one).
    """
    named = bundle()
    if named is not None:
        is_dir = Path(named).is_dir()
        return ssl.create_default_context(cafile=None if is_dir else named, capath=named if is_dir else None)
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath):  # an interpreter that knows no system store
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    return ssl.create_default_context()


class Wire:
    """One `httpx.Client`, safe to use from several threads.  Raises WireError where it cannot be made."""

    def __init__(self, timeout_s: float) -> None:
        import httpx

        quiet()
        self._timeout_s = timeout_s
        try:
            self._client = httpx.Client(
                verify=trust(),
                timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
                limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
                headers={"User-Agent": f"nhiscan/{__version__}", "Accept": "application/json"},
                follow_redirects=False,
            )
        except (OSError, ValueError, ImportError, httpx.InvalidURL) as e:  # a bad bundle, a bad proxy
            kind = "bad CA bundle" if isinstance(e, OSError) else "bad proxy"
            raise WireError(kind, connected=False) from None

    def send(
        self, method: str, url: str, query: Mapping[str, object], body: object, headers: Mapping[str, str]
    ) -> Answer:
        """The answer to a request.  Raises WireError when none came whole, TooLargeError for one without end."""
        import httpx

        params = {name: value if isinstance(value, list) else str(value) for name, value in query.items()}
        content = None if body is None else json.dumps(body).encode()
        sent = {**headers, "Content-Type": "application/json"} if content is not None else dict(headers)
        ends = time.monotonic() + _WHOLE * self._timeout_s
        try:
            with self._client.stream(method, url, params=params or None, content=content, headers=sent) as answer:
                raw = _whole(answer, ends)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol) as e:
            raise WireError(type(e).__name__, connected=False) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as e:
            raise WireError(type(e).__name__, connected=True) from None
        found, is_json = _parsed(raw)
        return Answer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, found, is_json)

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _whole(answer: httpx.Response, ends: float) -> bytes:
    import httpx

    found = bytearray()
    for chunk in answer.iter_bytes():
        found += chunk
        if len(found) > LARGEST:
            raise TooLargeError
        if time.monotonic() > ends:
            msg = "too slow"
            raise httpx.ReadTimeout(msg)
    return bytes(found)


def _parsed(raw: bytes) -> tuple[object, bool]:
    try:
        return json.loads(raw), True
    except (ValueError, RecursionError):
        return None, False
