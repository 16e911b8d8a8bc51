"""Reading foreign JSON without trusting its shape: what is not of the expected type is absent, never an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote

from nhiscan.detect.conceal import conceal

Json = Mapping[str, object]

_LONGEST_TEXT = 2048
_LONGEST_DOCUMENT = 1_000_000  # IAM allows 10,240 characters; whatever is a hundred times that is no policy


def mapping(value: object) -> Json:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> list[object]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str | None:
    """A non-empty string without control characters or lone surrogates, else None."""
    if not isinstance(value, str):
        return None
    whole = value[:_LONGEST_TEXT].strip().encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in whole) or None


def moment(value: object) -> datetime | None:
    """A time as an aware datetime in UTC, from a datetime or ISO 8601 text (naive is taken as UTC), else None."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        return None


def document(value: object) -> str | None:
    """A policy document as compact JSON text from an object, JSON text or URL-encoded JSON text.

    None when it is none of these: IAM itself URL-encodes documents (RFC 3986), the AWS CLI and SDKs decode them.
    A value of a known credential format, which people do put into conditions, is replaced by `***`.
    """
    if isinstance(value, str):
        value = _decoded(value)
    if not isinstance(value, Mapping):
        return None
    try:
        return conceal(json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str))
    except (TypeError, ValueError, RecursionError):
        return None


def _decoded(raw: str) -> object:
    if len(raw) > _LONGEST_DOCUMENT:
        return None
    plain = unquote(raw) if raw.lstrip().startswith("%") else raw
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return None
