"""Policy documents as AWS gives them: as objects, as JSON text, or as URL-encoded JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import unquote

from nhiscan.collectors._common import values

_LONGEST = 1_000_000  # IAM allows 10,240 characters; whatever is a hundred times that is no policy


def document(value: object) -> str | None:
    """A policy document as compact JSON text from an object, JSON text or URL-encoded JSON text.

    None when it is none of these: IAM itself URL-encodes documents (RFC 3986), the AWS CLI and SDKs decode them.
    A value of a known credential format, which people do put into conditions, is replaced by `***`.
    """
    found = _decoded(value) if isinstance(value, str) else value
    return values.document(found) if isinstance(found, Mapping) else None


def _decoded(raw: str) -> object:
    if len(raw) > _LONGEST:
        return None
    plain = unquote(raw) if raw.lstrip().startswith("%") else raw
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return None
