"""A row of things, each made when somebody asks for it: of thousands a run needs few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Late(Sequence[T]):
    """A sequence of `length` things; `make` gives the one at an index from 0 on, and is asked once for each."""

    def __init__(self, length: int, make: Callable[[int], T]) -> None:
        self._length = length
        self._make = make
        self._made: dict[int, T] = {}

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        """The thing at the index, or those of a slice.  Raises IndexError."""
        if isinstance(index, slice):
            return tuple(self[n] for n in range(*index.indices(self._length)))
        try:
            return self._made[index]
        except KeyError:
            number = range(self._length)[index]
            # Two threads may both make it: the things are equal, and the first one kept is the one that stays.
            return self._made.setdefault(index, self._make(number))
