"""One call that a collector may make: where it goes, what it needs, and what is always sent with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote

from nhiscan.collectors._common.exports import file_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NOTHING: Mapping[str, str] = MappingProxyType({})
_BLANK = re.compile(r"\{(\+?)(\w+)\}")
_DOTS = re.compile(r"(?:^|/)\.{1,2}(?:/|$)")
_OWN_FAMILY = ("graph", "arm")


@dataclass(frozen=True, slots=True)
class Operation:
    """A read of a provider: `name` is `<service>:<resource>.<verb>`, `service` the key of its endpoint.

    `path` begins with `/`; `{x}` is filled with the quoted value of parameter x, `{+x}` with a resource path of the
    provider's own, whose slashes stay.  `permissions` are what the caller must be granted, all of them.  `query` is
    sent with every call, `headers` too, and with a `body` (an empty one too) the call is a POST.  Operations are equal
    by name.  `named` gives what an entry of its list is known by; one that it finds nothing in cannot be read, and is
    told as a gap.
    """

    name: str
    path: str = field(compare=False)
    permissions: tuple[str, ...] = field(default=(), compare=False)
    query: Mapping[str, str] = field(default_factory=lambda: _NOTHING, compare=False)
    body: Mapping[str, object] | None = field(default=None, compare=False)
    headers: Mapping[str, str] = field(default_factory=lambda: _NOTHING, compare=False)
    named: Callable[[Mapping[str, object]], object] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Its name."""
        return self.name

    @property
    def service(self) -> str:
        """The key of its endpoint: `graph`, `arm`, `iam`."""
        return self.name.partition(":")[0]

    @property
    def method(self) -> str:
        """GET, or POST for the few reads that providers want sent that way."""
        return "GET" if self.body is None else "POST"

    @property
    def needs(self) -> tuple[str, ...]:
        """Its permissions as `requires` names them: `graph:Application.Read.All`, `gcp:iam.roles.list`."""
        family = self.service if self.service in _OWN_FAMILY else "gcp"
        return tuple(f"{family}:{permission}" for permission in self.permissions)

    @property
    def file(self) -> str:
        """The name of the file that holds its answers in an export."""
        return file_of(self.name)

    def blanks(self) -> tuple[str, ...]:
        """The names of the parameters of its path."""
        return tuple(match[2] for match in _BLANK.finditer(self.path))

    def fill(self, params: Mapping[str, object]) -> str:
        """The path with its parameters.  Raises ValueError for one that is missing or would lead elsewhere."""

        def value(match: re.Match[str]) -> str:
            given = params.get(match[2])
            if given is None or given == "":
                msg = f"{self.name} lacks {match[2]}"
                raise ValueError(msg)
            text = str(given)
            if match[1]:
                text = text.strip("/")
                if _DOTS.search(text) or "//" in text:
                    msg = f"{self.name}: {match[2]} is no path"
                    raise ValueError(msg)
                return quote(text, safe="/:@!$&'()*+,;=-._~")
            if text in {".", ".."}:
                msg = f"{self.name}: {match[2]} is no name"
                raise ValueError(msg)
            return quote(text, safe="@-._~")

        return _BLANK.sub(value, self.path)
