"""What comments and baselines beside the code say is known, as records that triage weighs and counts."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.plugin import Declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEAKS = "NS-LEK-*"
"""What a note of another scanner of secrets is about."""


@dataclass(frozen=True, slots=True)
class Where:
    """The file of a note."""

    path: str
    scope_id: str
    source: str


def comments(data: bytes, where: Where, lines: int = 0) -> Iterator[Declared]:
    """The suppressions written in a file that stands behind `lines` lines of its own."""
    from nhiscan.detect.conceal import conceal
    from nhiscan.detect.inline import inline_ignores

    seen: Counter[str] = Counter()
    for item in inline_ignores(data):
        names = [conceal(name) for name in item.rules]
        rules = ",".join(names)
        seen[rules] += 1
        expires = item.expires.isoformat() if item.expires else None if item.valid else "invalid"
        note = {"rules": names, "reason": conceal(item.reason) or None, "expires": expires}
        yield _declared(where, f"{rules}:{seen[rules]}", item.line + lines, note)


def listed(where: Where, line: int, number: int) -> Declared:
    """The suppression of a value that a baseline of detect-secrets lists for the file."""
    note = {"rules": [LEAKS], "reason": "listed in .secrets.baseline", "expires": None}
    return _declared(where, f"baseline:{number}", line, note)


def _declared(where: Where, name: str, line: int, note: Mapping[str, object]) -> Declared:
    place = f"{where.path}:{line}"
    return Declared(
        id=f"{where.scope_id}#{where.path}:ignore:{name}",
        scope_id=where.scope_id,
        source=where.source,
        locator=place,
        kind="inline_ignore",
        value=place,
        note=json.dumps(note, sort_keys=True),
    )
