"""How vendors page, and the paging tokens that a twin has handed out."""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from tests.twins.exchange import Answer, RefusedRequestError, Request

if TYPE_CHECKING:
    from collections.abc import Sequence


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


class Pages:
    """Pages of lists; a token is good for the request that it was handed out for, and for no other."""

    def __init__(self) -> None:
        self.cap: int | None = None
        """A page never has more entries than this, whatever is asked for."""
        self._handed_out: dict[str, tuple[str, int, tuple[tuple[str, str], ...]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def page(
        self, request: Request, rows: Sequence[object], paging: Paging, faults: set[str], here: str, **more: object
    ) -> Answer:
        """The page of rows that the request asks for, with the way to the next; `here` is the twin's own address."""
        start = self._start(request, paging)
        size = self._size(request, paging)
        taken = list(rows[start : start + size])
        following = start + size if start + size < len(rows) else None
        if "empty" in faults and "~" not in request.query.get(paging.token, ""):
            taken, following = [], start
        if faults & {"foreign", "loop"}:
            following = start
        body: dict[str, object] = {**more, paging.key: taken}
        if following is not None:
            token = self._token(request, following, empty="empty" in faults and following == start)
            if paging.link:
                host = "https://elsewhere.example" if "foreign" in faults else here
                query = {k: v for k, v in request.query.items() if k != paging.token} | {paging.token: token}
                body[paging.link] = f"{host}{quote(request.path)}?{urlencode(query, quote_via=quote)}"
            else:
                body[paging.next_token] = token
        return Answer(body)

    def _start(self, request: Request, paging: Paging) -> int:
        token = request.query.get(paging.token)
        if token is None:
            return 0
        path, start, query = self._handed_out.get(token, ("", 0, ()))
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
        return min(size, self.cap or size)

    def _token(self, request: Request, start: int, *, empty: bool) -> str:
        # Opaque to the caller; "~" tells the twin that the empty page was sent.
        token = f"{'~' if empty else ''}{next(self._numbers):06x}{start * 7919 % 65536:04x}"
        asked = tuple(
            sorted((k, v) for k, v in request.query.items() if k not in {"$skiptoken", "$skipToken", "pageToken"})
        )
        with self._lock:
            self._handed_out[token] = (request.path, start, asked)
        return token
