"""What a part of a group asks a provider through: one place, declared calls only, live or from exported files."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from nhiscan.collectors._rest.errors import RefusedError, malformed
from nhiscan.collectors._rest.exports import BARE
from nhiscan.collectors._rest.values import listing, mapping
from nhiscan.plugin import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors._rest.place import Answers, Place
    from nhiscan.collectors._rest.values import Json
    from nhiscan.plugin import Context

_Answer = TypeVar("_Answer")
_WORKERS = 12
_CHUNK = 96
_ENOUGH_REFUSED = 5
_PROBED = 1  # things of each kind that are asked about to find out whether one may
_NONE: Json = {}
_ALWAYS = "value"
# Tables that speak of things which other collectors or calls find; rows of any other table stand for themselves.
_EVIDENCE = frozenset({
    "consumer", "use", "tool", "hop", "logging", "exposure", "usage", "signal", "scope", "policy", "attachment",
    "trust", "member", "owner",
})  # fmt: skip


@dataclass(slots=True)
class _Kept:
    """A list that several parts of a group want: its entries, or those read before it was refused, and why."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    found: tuple[Json, ...] | None = None
    error: RefusedError | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One place as a part of a group sees it; `source` is the collector.

    The parameters of a call fill the blanks of its path; those that the place knows (`tenant`, `project`) need not be
    given.  `covers` maps the name of an operation to the tables and columns that are not seen without it.
    """

    answers: Answers
    place: Place
    source: str
    ctx: Context
    covers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: dict[str, _Kept] = field(default_factory=dict, repr=False)
    cut: dict[str, RefusedError] = field(default_factory=dict, repr=False)
    """Lists of which only the first pages were read, by operation: a gap each."""

    @property
    def scope_id(self) -> str:
        """The scope of every record of this place."""
        return self.place.scope_id

    def call(self, operation: Operation, /, *, query: Json = _NONE, body: Json = _NONE, **path: object) -> Json:
        """One answer.  Raises RefusedError; a part need not catch it, its group makes it a gap."""
        return self.answers.call(operation, {**self.place.params, **path}, query, body)

    def items(
        self, operation: Operation, key: str = "value", /, *, query: Json = _NONE, body: Json = _NONE, **path: object
    ) -> Iterator[Json]:
        """The entries of list `key` (`a.b`: list b inside a) over all pages; entries that are text as {"": text}."""
        for page in self.answers.pages(operation, {**self.place.params, **path}, query, body):
            yield from (entry if isinstance(entry, dict) else {"": entry} for entry in _entries(page, key, operation))

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
        kept = self.kept.setdefault(name, _Kept())
        with kept.lock:
            if kept.found is None:
                entries: list[Json] = []
                try:
                    entries.extend(self.items(operation, key, query=query, body=body, **path))
                except RefusedError as e:
                    kept.error = e
                kept.found = tuple(entries)
        if kept.error is not None:
            if not (partial and kept.found):
                raise kept.error
            self.cut[operation.name] = kept.error
        return kept.found

    def each(
        self, operation: Operation, requests: Iterable[Json], *, query: Json = _NONE, body: Json = _NONE
    ) -> Iterator[tuple[Json, Json | RefusedError]]:
        """The answer to each request (the parameters of its path), several at a time and in order.

        A refused one is its own answer.  Raises RefusedError when the first few are all refused, or when no further
        call can succeed; what does not exist any more (`missing`) is never a reason to give up.
        """
        return self._fan_out(requests, lambda given: self.call(operation, query=query, body=body, **given))

    def each_items(
        self, operation: Operation, key: str, requests: Iterable[Json], *, query: Json = _NONE, body: Json = _NONE
    ) -> Iterator[tuple[Json, list[Json] | RefusedError]]:
        """The same for operations that answer with a list in pages."""
        return self._fan_out(requests, lambda given: list(self.items(operation, key, query=query, body=body, **given)))

    def refused(
        self, error: RefusedError, *, covers: tuple[str, ...] | None = None, subject_id: str | None = None
    ) -> Gap:
        """The gap that a refused call leaves: of one record, or of what follows from things nobody could list.

        A thing that was not listed cannot change what is known of the others, so such a gap is about the place alone,
        unless the things are evidence on identities and credentials of other collectors: then it hides that.
        """
        known = covers or self.covers.get(error.operation or "", ())
        if subject_id is None:
            evidence = tuple(c for c in known if c.partition(".")[0] in _EVIDENCE)
            known, subject_id = (evidence, None) if evidence else (known, self.scope_id)
        # One refused call may hide different things from several parts: each says so in a gap of its own.
        more = f"/{','.join(covers)}" if covers and covers != self.covers.get(error.operation or "") else ""
        name = f"{error.operation or error.detail}{more}"
        return Gap(
            id=f"{subject_id or self.scope_id}#gap/{self.source}/{self.place.id}/{name}",
            scope_id=self.scope_id,
            source=self.source,
            locator=subject_id if subject_id != self.scope_id else None,
            covers=known or tuple(sorted({c for each in self.covers.values() for c in each})),
            reason=error.reason,
            remedy=error.remedy,
            detail=error.detail,
            operation=error.operation,
            subject_id=subject_id,
        )

    def gap(
        self, name: str, covers: tuple[str, ...], detail: str, remedy: str, *, subject_id: str | None = None
    ) -> Gap:
        """What was not read although no call was refused (an answer that makes no sense, a missing option)."""
        return Gap(
            id=f"{subject_id or self.scope_id}#gap/{self.source}/{self.place.id}/{name}",
            scope_id=self.scope_id, source=self.source, locator=subject_id, covers=covers, reason=GapReason.SKIPPED,
            remedy=remedy, detail=detail, subject_id=subject_id,
        )  # fmt: skip

    def _fan_out(
        self, requests: Iterable[Json], ask: Callable[[Json], _Answer]
    ) -> Iterator[tuple[Json, _Answer | RefusedError]]:
        def one(request: Json) -> _Answer | RefusedError:
            try:
                return ask(request)
            except RefusedError as e:
                return e

        waiting = itertools.islice(requests, _PROBED) if self.ctx.probe else iter(requests)
        chunks = iter(lambda: list(itertools.islice(waiting, _CHUNK)), [])
        refused = 0
        with ThreadPoolExecutor(_WORKERS) as pool:
            for chunk in itertools.chain([list(itertools.islice(waiting, _ENOUGH_REFUSED))], chunks):
                for request, answer in zip(chunk, pool.map(one, chunk), strict=True):
                    if isinstance(answer, RefusedError) and not answer.missing:
                        refused = refused + 1 if refused >= 0 else -1
                        if answer.fatal or refused >= min(_ENOUGH_REFUSED, len(chunk)):
                            raise answer
                    else:
                        refused = -1  # one that worked: the permission is there, refusals are about single things
                    yield request, answer


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
