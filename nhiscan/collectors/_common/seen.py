"""Where a record was seen."""

from __future__ import annotations

from typing import TypedDict


class Seen(TypedDict):
    """The columns that every record has, to be spread into its constructor."""

    id: str
    scope_id: str
    source: str
    locator: str | None
