"""The first stage: one automaton reads the bytes, and only the places it names are looked at again.

An expression ends with a part of fixed length, and its place is where that part begins: for a token with a prefix of
its own the place is the token, for a value behind a name it is the value.  So no start of match has to be tracked,
which would halve the speed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    Bytes = bytes | bytearray | memoryview[int]


@dataclass(frozen=True, slots=True)
class Expression:
    """`text` in the dialect that automaton and `re` share: no look-around, no back reference, no capture.

    The last `length` bytes of every match are of fixed length; the place reported is `end - length`.
    """

    text: bytes
    length: int
    caseless: bool = False


class CrowdedError(Exception):
    """There are more places in the bytes than the caller wants to hold."""


class Matcher(Protocol):
    """The seam behind which the automaton can be exchanged: made of expressions, kept as bytes, asked for places."""

    @classmethod
    def of(cls, expressions: Sequence[Expression], kept: bytes | None = None) -> Matcher:
        """A matcher for the expressions; `kept` is what `keep` once gave and is ignored where it no longer fits."""
        ...

    def keep(self) -> bytes:
        """The compiled form, for a cache; it is bound to this platform and this version of the library."""
        ...

    def places(self, data: Bytes, most: int | None = None) -> list[tuple[int, int]]:
        """Pairs (index of the expression, place) in any order; a pair may come back more than once.

        Raises CrowdedError when there are more than `most`, without having noted more of them.
        """
        ...


def matcher_kind() -> type[Matcher]:
    """Vectorscan where its wheel is installed, otherwise the automaton over literals: slower, with the same results."""
    try:
        from nhiscan.detect.vectorscan import Vectorscan
    except ImportError:
        from nhiscan.detect.literals import Literals

        return Literals
    return Vectorscan
