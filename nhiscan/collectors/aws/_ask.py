"""What a part of a group asks AWS through: one account and region, declared calls only, live or from exported files."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from nhiscan.collectors.aws._errors import RefusedError
from nhiscan.collectors.aws._values import listing, mapping
from nhiscan.plugin import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.collectors.aws._source import Account
    from nhiscan.collectors.aws._values import Json
    from nhiscan.plugin import Context

_Answer = TypeVar("_Answer")
_WORKERS = 8
_CHUNK = 64
_ENOUGH_REFUSED = 5
# Tables that speak of things which other collectors or calls find; rows of any other table stand for themselves.
_EVIDENCE = frozenset({
    "consumer", "use", "tool", "hop", "logging", "exposure", "usage", "signal", "scope", "policy", "attachment",
})  # fmt: skip
# A group reads policies that stand on things: who may use those is unknown then, not what policies of identities allow.
_STANDING = {"policy": "policy.kind", "attachment": "attachment.kind"}


class Answers(Protocol):
    """Where answers come from; both methods raise RefusedError."""

    def call(self, operation: str, /, **params: object) -> Json:
        """One answer, as boto3 decodes it."""
        ...

    def pages(self, operation: str, /, **params: object) -> Iterator[Json]:
        """All pages of an answer, by the SDK's own paginator; a single one where the operation has none."""
        ...


@dataclass(slots=True)
class _Kept:
    """An answer that several parts of a group want."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    found: tuple[Json, ...] | RefusedError | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One account and region (`""` for a service without regions) as a part of a group sees it.

    `covers` maps an operation to the tables and columns that are not seen without it; `source` is the collector.
    """

    answers: Answers
    account: Account
    region: str
    source: str
    ctx: Context
    covers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: dict[str, _Kept] = field(default_factory=dict, repr=False)

    @property
    def scope_id(self) -> str:
        """The scope of every record of this account."""
        return self.account.scope_id

    def arn(self, service: str, rest: str) -> str:
        """An ARN of this account and region: `arn("lambda", "function:etl")`."""
        return f"arn:{self.account.partition}:{service}:{self.region}:{self.account.number}:{rest}"

    def call(self, operation: str, /, **params: object) -> Json:
        """One answer.  Raises RefusedError; a part need not catch it, its group makes it a gap."""
        return self.answers.call(operation, **params)

    def items(self, operation: str, key: str, /, **params: object) -> Iterator[Json]:
        """The entries of list `key` (`A.B`: list B inside A) over all pages; entries that are text as {"": text}."""
        for page in self.answers.pages(operation, **params):
            found: object = page
            for name in key.split("."):
                found = mapping(found).get(name)
            yield from (entry if isinstance(entry, dict) else {"": entry} for entry in listing(found))

    def shared(self, operation: str, key: str, /, **params: object) -> tuple[Json, ...]:
        """The same at once, asked for only once in a unit however many of its parts want it."""
        name = f"{operation} {key} {sorted(params.items())}"
        kept = self.kept.setdefault(name, _Kept())
        with kept.lock:
            if kept.found is None:
                try:
                    kept.found = tuple(self.items(operation, key, **params))
                except RefusedError as e:
                    kept.found = e
        if isinstance(kept.found, RefusedError):
            raise kept.found
        return kept.found

    def each(self, operation: str, requests: Iterable[Json]) -> Iterator[tuple[Json, Json | RefusedError]]:
        """The answer to each request, several at a time and in order; a refused one is its own answer.

        Raises RefusedError when the first few are all refused, or when no further call can succeed; what does not
        exist any more (`missing`) is never a reason to give up.
        """
        return self._fan_out(requests, lambda request: self.call(operation, **request))

    def each_items(
        self, operation: str, key: str, requests: Iterable[Json]
    ) -> Iterator[tuple[Json, list[Json] | RefusedError]]:
        """The same for operations that answer with a list in pages."""
        return self._fan_out(requests, lambda request: list(self.items(operation, key, **request)))

    def refused(
        self, error: RefusedError, *, covers: tuple[str, ...] | None = None, subject_id: str | None = None
    ) -> Gap:
        """The gap that a refused call leaves: of one record, or of what follows from things nobody could list.

        A thing that was not listed cannot change what is known of the others, so such a gap is about the account alone,
        unless the things are evidence on identities and credentials of other collectors (who consumes them, what is
        logged): then it hides that.
        """
        place = f"{self.region or 'global'}/{error.operation or error.detail}"
        known = covers or self.covers.get(error.operation or "", ())
        if subject_id is None:
            evidence = tuple(_STANDING.get(c, c) for c in known if c.partition(".")[0] in _EVIDENCE)
            known, subject_id = (evidence, None) if evidence else (known, self.scope_id)
        return Gap(
            id=f"{subject_id or self.scope_id}#gap/{self.source}/{place}",
            scope_id=self.scope_id,
            source=self.source,
            locator=subject_id if subject_id != self.scope_id else None,
            covers=known or tuple(sorted({c for each in self.covers.values() for c in each})),
            reason=error.reason,
            remedy=error.remedy,
            detail=f"{error.detail} in {self.region}" if self.region else error.detail,
            operation=error.operation,
            subject_id=subject_id,
        )

    def gap(
        self, name: str, covers: tuple[str, ...], detail: str, remedy: str, *, subject_id: str | None = None
    ) -> Gap:
        """What was not read although no call was refused (an answer that makes no sense, a missing option)."""
        return Gap(
            id=f"{subject_id or self.scope_id}#gap/{self.source}/{self.region or 'global'}/{name}",
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

        waiting = iter(requests)
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
