"""What passes between a twin and its caller, and what a test may let go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
