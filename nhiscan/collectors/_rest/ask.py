"""What a part of a group asks a provider through: one place, declared calls only, live or from exported files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors._common.ask import EVIDENCE, BaseAsk
from nhiscan.collectors._common.errors import malformed
from nhiscan.collectors._common.exports import BARE
from nhiscan.collectors._common.values import listing, mapping
from nhiscan.collectors._rest.place import Answers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._common.errors import RefusedError
    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.operation import Operation

_NONE: Json = {}
_ALWAYS = "value"
_AGAIN = "run again or export it again; if it stays, report what the entry looks like"


@dataclass(frozen=True, slots=True)
class Ask(BaseAsk[Answers]):
    """One place as a part of a group sees it.

    The parameters of a call fill the blanks of its path; those that the place knows (`tenant`, `project`) need not be
    given.
    """

    workers: ClassVar[int] = 12
    chunk: ClassVar[int] = 96
    evidence: ClassVar[frozenset[str]] = EVIDENCE | {"trust", "member", "owner"}

    def call(self, operation: Operation, /, *, query: Json = _NONE, body: Json = _NONE, **path: object) -> Json:
        """One answer.  Raises RefusedError; a part need not catch it, its group makes it a gap."""
        return self.answers.call(operation, {**self.place.params, **path}, query, body)

    def items(
        self, operation: Operation, key: str = "value", /, *, query: Json = _NONE, body: Json = _NONE, **path: object
    ) -> Iterator[Json]:
        """The entries of list `key` (`a.b`: list b inside a) over all pages; entries that are text as {"": text}."""
        for page in self.answers.pages(operation, {**self.place.params, **path}, query, body):
            for found in _entries(page, key, operation):
                entry = found if isinstance(found, dict) else {"": found}
                if operation.named is not None and not operation.named(entry):
                    self.partly(operation, "holds entries that have no name")
                yield entry

    def partly(self, operation: Operation, why: str) -> None:
        """Takes note that some of an answer could not be read: a gap beside all that could."""
        self.cut.setdefault(operation.name, malformed(operation.name, why, _AGAIN))

    def shared(
        self,
        operation: Operation,
        key: str = "value",
        /,
        *,
        query: Json = _NONE,
        body: Json = _NONE,
        partial: bool = False,
        **path: object,
    ) -> tuple[Json, ...]:
        """The same at once, asked for only once in a unit however many of its parts want it.

        With `partial` a list that breaks off after its first entries is what was read, and a gap for the rest.
        """
        name = f"{operation.name} {key} {sorted(path.items())} {sorted(query.items())} {sorted(body.items())}"
        return self._once(
            name, operation.name, lambda: self.items(operation, key, query=query, body=body, **path), partial=partial
        )

    def each(
        self, operation: Operation, requests: Iterable[Json], *, query: Json = _NONE, body: Json = _NONE
    ) -> Iterator[tuple[Json, Json | RefusedError]]:
        """The answer to each request (the parameters of its path), several at a time and in order: see `_fan_out`."""
        return self._fan_out(requests, lambda given: self.call(operation, query=query, body=body, **given))

    def each_items(
        self, operation: Operation, key: str, requests: Iterable[Json], *, query: Json = _NONE, body: Json = _NONE
    ) -> Iterator[tuple[Json, list[Json] | RefusedError]]:
        """The same for operations that answer with a list in pages."""
        return self._fan_out(requests, lambda given: list(self.items(operation, key, query=query, body=body, **given)))


def _entries(page: Json, key: str, operation: Operation) -> list[object]:
    """The list in a page.  Google leaves empty lists out; Microsoft never does, so there it is no answer of theirs."""
    if BARE in page:
        return listing(page[BARE])
    found: object = page
    # "@odata" names hold dots of their own.
    names = [key] if key in page else key.split(".")
    for name in names:
        if name == _ALWAYS and name not in mapping(found):
            raise malformed(operation.name, "holds no list")
        found = mapping(found).get(name)
    if found is not None and not isinstance(found, list):
        raise malformed(operation.name, "holds no list")
    return listing(found)
