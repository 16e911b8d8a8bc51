"""Rows as facts that JSON can hold, and messages made of them."""

from __future__ import annotations

import math
import string
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nhiscan.engine.verdict import Fact

# The keyed digest of a value stays inside the run, even when a view hands it on.
NEVER_SHOWN = frozenset({"fingerprint"})
MAX_SHOWN = 300
_PLAIN = frozenset({str, int, bool, type(None)})
UNKNOWN_TEXT = "unknown"


def fact(value: object) -> Fact:
    """One value as JSON can hold it."""
    match value:
        case None | bool() | int() | str():
            held: Fact = value
        case float():
            held = value if math.isfinite(value) else None
        case Decimal():
            held = int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            held = _utc(value).strftime("%Y-%m-%dT%H:%M:%SZ")
        case timedelta():
            held = value.total_seconds()
        case list() | tuple():
            held = tuple(_word(item) for item in value)
        case _:
            held = value.isoformat() if isinstance(value, date) else str(value)
    return held


@lru_cache(maxsize=256)
def parsed(message: str) -> tuple[tuple[str, str | None], ...]:
    """The texts of a message, each with the name of what follows it (None at the end)."""
    return tuple((text, name) for text, name, _, _ in string.Formatter().parse(message))


def shown(value: object) -> str:
    """A value as a reader sees it."""
    match value:
        case None:
            return UNKNOWN_TEXT
        case bool():
            return "yes" if value else "no"
        case datetime():
            text = _utc(value).date().isoformat()
        case list() | tuple():
            text = ", ".join(_word(item) for item in value) or "none"
        case _:
            text = str(fact(value))
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def placeholders(message: str) -> list[str]:
    """The names a message uses.  Raises ValueError when it is no plain format: `{name}` and nothing cleverer."""
    names = []
    for _, name, spec, conversion in string.Formatter().parse(message):
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            msg = f"`{{{name}}}` is no plain column name"
            raise ValueError(msg)
        names.append(name)
    return names


def _word(item: object) -> str:
    return UNKNOWN_TEXT if item is None else str(fact(item))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
