"""Many verdicts in order, most of them on disk: a rule can fail for hundreds of thousands of subjects.

A verdict with its facts is about two kilobytes of Python objects and a fifth of that in a file.  The file has no name
from the start (`tempfile.TemporaryFile`), so it is gone with the program however that ends.
"""

from __future__ import annotations

import marshal
import tempfile
import weakref
from abc import abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, cast, overload

from nhiscan.engine.verdict import Verdict
from nhiscan.model import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.engine.verdict import Fact

_SEVERITIES = {s.value: s for s in Severity}
_CONFIDENCES = {c.value: c for c in Confidence}
# Rules with fewer verdicts than this are kept in memory whole.
CHUNK = 512

Packed = tuple[str, str, str, str, str, tuple[object, ...]]
"""A verdict in short: ids of subject and scope, severity, confidence, message, and the values of its facts."""


class _Verdicts(Sequence[Verdict]):
    """Indexes and slices for what knows its length and the verdict at a place."""

    @abstractmethod
    def _at(self, place: int) -> Verdict: ...

    @overload
    def __getitem__(self, index: int) -> Verdict: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Verdict]: ...
    def __getitem__(self, index: int | slice) -> Verdict | Sequence[Verdict]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            msg = "there are not that many verdicts"
            raise IndexError(msg)
        return self._at(place)


class Pile(_Verdicts):
    """The verdicts of one rule, in the order in which they were added; `facts` names the facts that each has."""

    def __init__(self, rule_id: str, table: str, facts: Sequence[str]) -> None:
        self._rule_id = rule_id
        self._table = table
        self._facts = facts
        self._last: list[Packed] = []
        self._file: IO[bytes] | None = None
        self._chunks: list[tuple[int, int]] = []  # offset and bytes

    def add(self, verdict: Packed) -> None:
        """Put one more at the end."""
        self._last.append(verdict)
        if len(self._last) >= CHUNK:
            self._put()

    def _put(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="nhiscan-")  # noqa: SIM115 - it lives as long as the verdicts
            weakref.finalize(self, self._file.close)
        data = marshal.dumps(self._last)
        self._chunks.append((self._file.seek(0, 2), len(data)))
        self._file.write(data)
        self._last = []

    def _chunk(self, number: int) -> list[Verdict]:
        rows = self._last
        if self._file is not None and number < len(self._chunks):
            offset, size = self._chunks[number]
            self._file.seek(offset)
            rows = marshal.loads(self._file.read(size))  # noqa: S302 - written above, by this process
        return [self._verdict(row) for row in rows]

    def _verdict(self, row: Packed) -> Verdict:
        subject_id, scope_id, severity, confidence, message, values = row
        return Verdict(
            rule_id=self._rule_id,
            subject_table=self._table,
            subject_id=subject_id,
            scope_id=scope_id,
            severity=_SEVERITIES[severity],
            confidence=_CONFIDENCES[confidence],
            message=message,
            facts=dict(zip(self._facts, cast("tuple[Fact, ...]", values), strict=True)),
        )

    def __len__(self) -> int:
        return len(self._chunks) * CHUNK + len(self._last)

    def __iter__(self) -> Iterator[Verdict]:
        for number in range(len(self._chunks) + 1):
            yield from self._chunk(number)

    def _at(self, place: int) -> Verdict:
        return self._chunk(place // CHUNK)[place % CHUNK]


class Piles(_Verdicts):
    """The verdicts of several rules, one after the other."""

    def __init__(self, parts: Iterable[Sequence[Verdict]]) -> None:
        self._parts = [part for part in parts if len(part)]
        self._starts = [0]
        for part in self._parts:
            self._starts.append(self._starts[-1] + len(part))

    def __len__(self) -> int:
        return self._starts[-1]

    def __iter__(self) -> Iterator[Verdict]:
        for part in self._parts:
            yield from part

    def _at(self, place: int) -> Verdict:
        part = bisect_right(self._starts, place) - 1
        return self._parts[part][place - self._starts[part]]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or len(other) != len(self):
            return False
        return all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # like every sequence that is compared by what it holds
