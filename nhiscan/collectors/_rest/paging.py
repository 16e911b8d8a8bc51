"""How the next page of an answer is asked for: by the link or the token that the provider put into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nhiscan.collectors._common.errors import malformed
from nhiscan.collectors._common.values import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.operation import Operation

MOST_PAGES = 100_000
"""Pages of one list; a million entries, at ten a page."""
_LINKS = ("@odata.nextLink", "nextLink")
_TOKEN, _SKIP = "nextPageToken", "$skipToken"
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: an address, what is asked of it, and a body when it is a POST."""

    url: str
    query: Mapping[str, object]
    body: Mapping[str, object] | None

    @property
    def key(self) -> tuple[str, ...]:
        """What tells two requests apart."""
        return (self.url, repr(sorted(self.query.items())), repr(self.body))


def following(operation: Operation, sent: Request, page: Json) -> Request | None:
    """The request for the next page, None after the last.  Raises RefusedError for a link that leads elsewhere.

    Links: Microsoft Graph `@odata.nextLink`, Resource Manager `nextLink`.  Tokens: Google `nextPageToken`, sent back as
    `pageToken`; Resource Graph `$skipToken`, sent back in the `options` of the body.
    """
    for name in _LINKS:
        link = page.get(name)
        if isinstance(link, str) and link:
            if not same_server(link, sent.url):
                raise malformed(operation.name, "has a next link to another server, which was not followed")
            return Request(link, {}, sent.body)
        _no_other_type(operation, link)
    token, skip = page.get(_TOKEN), page.get(_SKIP)
    _no_other_type(operation, token)
    _no_other_type(operation, skip)
    if isinstance(token, str) and token:
        if sent.body is None:
            return Request(sent.url, {**sent.query, "pageToken": token}, None)
        return Request(sent.url, sent.query, {**sent.body, "pageToken": token})
    if isinstance(skip, str) and skip and sent.body is not None:
        options = {**mapping(sent.body.get("options")), _SKIP: skip}
        return Request(sent.url, sent.query, {**sent.body, "options": options})
    return None


def same_server(link: str, url: str) -> bool:
    """Whether two addresses have the same scheme, host and port, and the first carries no login."""
    try:
        first, second = urlsplit(link), urlsplit(url)
        ports = [part.port or _PORTS.get(part.scheme) for part in (first, second)]
    except ValueError:
        return False
    same = (first.scheme, (first.hostname or "").lower(), ports[0]) == (
        second.scheme, (second.hostname or "").lower(), ports[1],
    )  # fmt: skip
    return same and "@" not in first.netloc and not any(c.isspace() or ord(c) < 32 for c in link)


def _no_other_type(operation: Operation, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise malformed(operation.name, "has a next link that is none")
