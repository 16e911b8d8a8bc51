"""What a part of a group asks a provider through, as far as it is the same for all of them.

Lists that several parts want are asked for once; many requests go out several at a time; what is refused is a gap.
"""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.plugin import Gap, GapReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.collectors._common.place import Place
    from nhiscan.collectors._common.values import Json
    from nhiscan.plugin import Context

_Answers = TypeVar("_Answers")
_Answer = TypeVar("_Answer")
_ENOUGH_REFUSED = 5
_PROBED = 1  # things of each kind that are asked about to find out whether one may
EVIDENCE = frozenset({
    "consumer", "use", "tool", "hop", "logging", "exposure", "usage", "signal", "scope", "policy", "attachment",
})  # fmt: skip


@dataclass(slots=True)
class _Kept:
    """A list that several parts of a group want: its entries, or those read before it was refused, and why."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    found: tuple[Json, ...] | None = None
    error: RefusedError | None = None


@dataclass(frozen=True, slots=True)
class BaseAsk(Generic[_Answers]):
    """One place as a part of a group sees it; `source` is the collector.

    `covers` maps the name of an operation to the tables and columns that are not seen without it.
    """

    answers: _Answers
    place: Place
    source: str
    ctx: Context
    covers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: dict[str, _Kept] = field(default_factory=dict, repr=False)
    cut: dict[str, RefusedError] = field(default_factory=dict, repr=False)
    """Lists of which only the first pages were read, or not every entry, by operation: a gap each."""

    workers: ClassVar[int] = 8
    chunk: ClassVar[int] = 64
    evidence: ClassVar[frozenset[str]] = EVIDENCE
    """Tables that speak of things which other collectors or calls find; rows of any other stand for themselves."""
    narrowed: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """What of such a table a group reads, where that is not all of it."""

    @property
    def scope_id(self) -> str:
        """The scope of every record of this place."""
        return self.place.scope_id

    def refused(
        self, error: RefusedError, *, covers: tuple[str, ...] | None = None, subject_id: str | None = None
    ) -> Gap:
        """The gap that a refused call leaves: of one record, or of what follows from things nobody could list.

        A thing that was not listed cannot change what is known of the others, so such a gap is about the place alone,
        unless the things are evidence on identities and credentials of other collectors (who consumes them, what is
        logged): then it hides that.
        """
        usual = self.covers.get(error.operation or "", ())
        known = covers or usual
        if subject_id is None:
            evidence = tuple(self.narrowed.get(c, c) for c in known if c.partition(".")[0] in self.evidence)
            known, subject_id = (evidence, None) if evidence else (known, self.scope_id)
        more = f"/{','.join(covers)}" if covers and covers != usual else ""
        return Gap(
            id=self._gap_id(f"{error.operation or error.detail}{more}", subject_id),
            scope_id=self.scope_id,
            source=self.source,
            locator=subject_id if subject_id != self.scope_id else None,
            covers=known or tuple(sorted({c for each in self.covers.values() for c in each})),
            reason=error.reason,
            remedy=error.remedy,
            detail=self.told(error),
            operation=error.operation,
            subject_id=subject_id,
        )

    def told(self, error: RefusedError) -> str:
        """What a gap says of a refusal."""
        return error.detail

    def gap(
        self, name: str, covers: tuple[str, ...], detail: str, remedy: str, *, subject_id: str | None = None
    ) -> Gap:
        """What was not read although no call was refused (an answer that makes no sense, a missing option)."""
        return Gap(
            id=self._gap_id(name, subject_id), scope_id=self.scope_id, source=self.source, locator=subject_id,
            covers=covers, reason=GapReason.SKIPPED, remedy=remedy, detail=detail, subject_id=subject_id,
        )  # fmt: skip

    def _gap_id(self, name: str, subject_id: str | None) -> str:
        return f"{subject_id or self.scope_id}#gap/{self.source}/{self.place.id}/{name}"

    def _once(
        self, name: str, operation: str, items: Callable[[], Iterator[Json]], *, partial: bool = False
    ) -> tuple[Json, ...]:
        """The entries that `items` gives, asked for only once under a name.

        With `partial` a list that breaks off after its first entries is what was read, and a gap for the rest.
        """
        kept = self.kept.setdefault(name, _Kept())
        with kept.lock:
            if kept.found is None:
                entries: list[Json] = []
                try:
                    entries.extend(items())
                except RefusedError as e:
                    kept.error = e
                kept.found = tuple(entries)
        if kept.error is not None:
            if not (partial and kept.found):
                raise kept.error
            self.cut[operation] = kept.error
        return kept.found

    def _fan_out(
        self, requests: Iterable[Json], ask: Callable[[Json], _Answer]
    ) -> Iterator[tuple[Json, _Answer | RefusedError]]:
        """The answer to each request, several at a time and in order; a refused one is its own answer.

        Raises RefusedError when the first few are all refused, or when no further call can succeed; what does not
        exist any more (`missing`) is never a reason to give up.
        """

        def one(request: Json) -> _Answer | RefusedError:
            try:
                return ask(request)
            except RefusedError as e:
                return e

        waiting = itertools.islice(requests, _PROBED) if self.ctx.probe else iter(requests)
        chunks = iter(lambda: list(itertools.islice(waiting, self.chunk)), [])
        refused = 0
        with ThreadPoolExecutor(self.workers) as pool:
            for chunk in itertools.chain([list(itertools.islice(waiting, _ENOUGH_REFUSED))], chunks):
                for request, answer in zip(chunk, pool.map(one, chunk), strict=True):
                    if isinstance(answer, RefusedError) and not answer.missing:
                        refused = refused + 1 if refused >= 0 else -1
                        if answer.fatal or refused >= min(_ENOUGH_REFUSED, len(chunk)):
                            raise answer
                    else:
                        refused = -1  # one that worked: the permission is there, refusals are about single things
                    yield request, answer
