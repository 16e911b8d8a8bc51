"""Reading foreign JSON without trusting its shape: what is not of the expected type is absent, never an error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from nhiscan.detect.conceal import conceal

Json = Mapping[str, object]

_LONGEST_TEXT = 2048
_LONGEST_DOCUMENT = 1_000_000
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_Word = TypeVar("_Word", bound=StrEnum)


def mapping(value: object) -> Json:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> list[object]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def objects(value: object) -> list[Json]:
    """The objects of a list, without whatever else stands in it; an empty list when it is none."""
    return [entry for entry in listing(value) if isinstance(entry, Mapping)]


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list, without whatever else stands in it; empty when it is none."""
    return tuple(found for entry in listing(value) if (found := text(entry)) is not None)


def text(value: object) -> str | None:
    """A non-empty string without control characters or lone surrogates, else None."""
    if not isinstance(value, str):
        return None
    whole = value[:_LONGEST_TEXT].strip().encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in whole) or None


def guid(value: object) -> str | None:
    """A GUID in lower case, else None."""
    return value.strip().lower() if isinstance(value, str) and _GUID.fullmatch(value.strip()) else None


def flag(value: object) -> bool | None:
    """True or False when the answer says so (`"true"` too), else None."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def number(value: object) -> int | None:
    """An integer, also from text (Google sends int64 as text) or a whole float, else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"[+-]?\d{1,18}", value) else None
    return int(value) if isinstance(value, int | float) and abs(value) < 1e18 else None  # neither is NaN


def moment(value: object) -> datetime | None:
    """A time as an aware datetime in UTC, from a datetime or ISO 8601 text (naive is taken as UTC), else None.

    The year 1, which .NET writes for a time that was never set, is None too.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime) or value.year == 1:
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None


def epoch(value: object) -> datetime | None:
    """A time from seconds since 1970 (Key Vault's attributes), else None."""
    seconds = number(value)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
    except (ValueError, OverflowError, OSError):
        return None


def word(kind: type[_Word], value: object) -> _Word | None:
    """The member of a closed vocabulary that a text names, whatever its case, else None."""
    wanted = value.strip().lower() if isinstance(value, str) else None
    return next((member for member in kind if member.value.lower() == wanted), None)


def document(value: object) -> str | None:
    """An object or a list as compact JSON text, secrets of known formats replaced by `***`; else None."""
    if not isinstance(value, Mapping | list):
        return None
    try:
        plain = json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError):
        return None
    return conceal(plain) if len(plain) <= _LONGEST_DOCUMENT else None


def facts(**known: object) -> dict[str, str]:
    """The facts that are known, as text: `true`, `false`, numbers, words."""
    found: dict[str, str] = {}
    for name, value in known.items():
        told = str(value).lower() if isinstance(value, bool) else text(None if value is None else str(value))
        if told:
            found[name] = told
    return found
