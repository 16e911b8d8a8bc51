"""The automaton: Vectorscan (a fork of Hyperscan) through the `hyperscan` package, in block mode, one call a file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import hyperscan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.detect.stage import Bytes, Expression


class Vectorscan:
    """A compiled database with the lengths that turn ends into places."""

    def __init__(self, database: hyperscan.Database, lengths: Sequence[int]) -> None:
        self._database = database
        self._lengths = lengths
        # Collectors of clouds conceal names in several threads, and each scan needs a scratch space of its own.
        self._scratch = threading.local()
        database.scratch = hyperscan.Scratch(database)

    @classmethod
    def of(cls, expressions: Sequence[Expression], kept: bytes | None = None) -> Vectorscan:
        """The database of the expressions, read from `kept` in milliseconds or compiled in about a second."""
        lengths = [e.length for e in expressions]
        if kept:
            try:
                return cls(hyperscan.loadb(kept, mode=hyperscan.HS_MODE_BLOCK), lengths)
            except (hyperscan.error, ValueError, TypeError):
                pass  # another version or platform, or damaged: compile anew
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[e.text for e in expressions],
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[hyperscan.HS_FLAG_CASELESS if e.caseless else 0 for e in expressions],
        )
        return cls(database, lengths)

    def keep(self) -> bytes:
        """The database as bytes."""
        return bytes(hyperscan.dumpb(self._database))

    def places(self, data: Bytes) -> list[tuple[int, int]]:
        """Pairs (index of the expression, place), by ends."""
        found: list[tuple[int, int]] = []
        note = found.append
        lengths = self._lengths

        def seen(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            note((number, end - lengths[number]))

        scratch = getattr(self._scratch, "space", None)
        if scratch is None:
            scratch = self._scratch.space = hyperscan.Scratch(self._database)
        self._database.scan(data, match_event_handler=seen, scratch=scratch)  # type: ignore[type-var]  # any buffer is taken
        return found
