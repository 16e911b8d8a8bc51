"""One encoded stretch of a text and what it says; readers of every encoding give this back."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Layer:
    """The decoded `data` of the bytes `start:end` of a text; `how` names the encoding.

    `marks` are pairs (offset in data, position outside), ascending.  `data` may hold secrets and is never shown.
    """

    start: int
    end: int
    data: bytes
    how: str
    marks: tuple[tuple[int, int], ...] = ()

    def outer(self, offset: int) -> int:
        """The position in the outer text from which the byte at `offset` of `data` comes, to within a few bytes."""
        marks = self.marks or ((0, self.start),)
        number = max(0, bisect_right(marks, offset, key=_inner) - 1)
        inner, outer = marks[number]
        last, end = marks[number + 1] if number + 1 < len(marks) else (len(self.data), self.end)
        place = outer + (offset - inner) * (end - outer) // max(1, last - inner)
        return max(self.start, min(place, self.end - 1))

    def __repr__(self) -> str:
        return f"Layer({self.start}, {self.end}, how={self.how!r})"


def _inner(mark: tuple[int, int]) -> int:
    return mark[0]
