"""The automaton: Vectorscan (a fork of Hyperscan) through the `hyperscan` package, in block mode, one call a file."""

from __future__ import annotations

import threading
from array import array
from typing import TYPE_CHECKING

import hyperscan

from nhiscan.detect.stage import CrowdedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.detect.stage import Bytes, Expression

_SIZE = array("H").itemsize


def _lengths(kept: bytes, count: int) -> array[int]:
    """The lengths that stand before a database.  Raises ValueError where there are too few."""
    found = array("H")
    found.frombytes(kept[: _SIZE * count])
    if len(found) != count:
        msg = "the kept form is cut off"
        raise ValueError(msg)
    return found


class Vectorscan:
    """A compiled database with the lengths that turn ends into places."""

    def __init__(self, database: hyperscan.Database, lengths: array[int]) -> None:
        self._database = database
        self._lengths = lengths
        # Collectors of clouds conceal names in several threads, and each scan needs a scratch space of its own.
        self._scratch = threading.local()
        database.scratch = hyperscan.Scratch(database)

    @classmethod
    def of(cls, expressions: Sequence[Expression], kept: bytes | None = None) -> Vectorscan:
        """The database of the expressions, read from `kept` in milliseconds or compiled in about a second.

        No expression is asked for where the kept form will do.
        """
        if kept:
            try:
                lengths = _lengths(kept, len(expressions))
                return cls(hyperscan.loadb(kept[_SIZE * len(lengths) :], mode=hyperscan.HS_MODE_BLOCK), lengths)
            except (hyperscan.error, ValueError, TypeError):
                pass  # another version or platform, or damaged: compile anew
        lengths = array("H", [e.length for e in expressions])
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[e.text for e in expressions],
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[hyperscan.HS_FLAG_CASELESS if e.caseless else 0 for e in expressions],
        )
        return cls(database, lengths)

    def keep(self) -> bytes:
        """The lengths and the database as bytes."""
        return self._lengths.tobytes() + bytes(hyperscan.dumpb(self._database))

    def places(self, data: Bytes, most: int | None = None) -> list[tuple[int, int]]:
        """Pairs (index of the expression, place), by ends.  Raises CrowdedError when there are more than `most`."""
        found: list[tuple[int, int]] = []
        note = found.append
        lengths = self._lengths

        def seen(number: int, _start: int, end: int, _flags: int, _context: object) -> None:
            note((number, end - lengths[number]))

        def counted(number: int, _start: int, end: int, _flags: int, _context: object) -> bool | None:
            note((number, end - lengths[number]))
            return len(found) > limit or None  # anything but None ends the scan

        limit = most or 0
        scratch = getattr(self._scratch, "space", None)
        if scratch is None:
            scratch = self._scratch.space = hyperscan.Scratch(self._database)
        handler = seen if most is None else counted
        try:
            self._database.scan(data, match_event_handler=handler, scratch=scratch)  # type: ignore[type-var]  # any buffer is taken
        except hyperscan.ScanTerminated:
            raise CrowdedError from None
        return found
