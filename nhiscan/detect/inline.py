"""Suppressions written beside the code: `# nhiscan: ignore NS-LEK-001 -- reason [until YYYY-MM-DD]`.

The comments of detect-secrets (`# pragma: allowlist secret`, `… nextline secret`) are read as ignores of leaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

_LEADER = r"(?:#|//|/\*|--|;|<!--)"
_RULE = r"[A-Za-z](?:\w|-(?!-))*+"
# Blanks are never given back: several runs of them in a row would be cut in every possible way.
_LINE = re.compile(
    rf"(?P<leader>{_LEADER})\s*+nhiscan:\s++ignore\b[ \t]*+"
    rf"(?P<rules>{_RULE}(?:[ \t]*+,[ \t]*+{_RULE})*+)?+[ \t]*+"
    r"(?:(?:--(?!>)|—)(?P<reason>.*)|(?:\*/|-->)?[ \t]*+$)"
)
_CLOSERS = ("*/", "-->")
_UNTIL = re.compile(r"\[?\buntil[ \t]++(?P<day>\d{4}-\d{2}-\d{2})\]?$")
_ALLOWED = re.compile(rb"pragma: ?(?:allow|white)list (?P<next>nextline )?secret", re.IGNORECASE)
_ALLOWED_REASON = "pragma: allowlist secret"
_LEAKS = "NS-LEK-*"
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class InlineIgnore:
    """`line` (from 1) is the line it applies to; empty `rules` name nothing, so triage can report it as over-broad.

    `expires` is None when no day is given; `valid` is False when the day is no date.
    """

    line: int
    rules: tuple[str, ...]
    reason: str
    expires: date | None = None
    valid: bool = True


def inline_ignores(data: bytes) -> list[InlineIgnore]:
    """The suppressions of a file in order of lines; a comment alone on its line applies to the next line."""
    found: list[InlineIgnore] = []
    if b"nhiscan:" not in data and b"pragma:" not in data:
        return found
    for number, raw in enumerate(data.split(b"\n"), 1):
        if len(raw) > _LONGEST:
            continue
        if b"pragma:" in raw and (allowed := _ALLOWED.search(raw)) is not None:
            found.append(InlineIgnore(number + (allowed["next"] is not None), (_LEAKS,), _ALLOWED_REASON))
        if b"nhiscan:" not in raw:
            continue
        text = raw.decode("utf-8", "replace").rstrip("\r")
        if match := _LINE.search(text):
            alone = not text[: match.start()].strip()
            found.append(_ignore(number + alone, match["rules"], match["reason"]))
    return found


def _ignore(line: int, rules: str | None, reason: str | None) -> InlineIgnore:
    names = tuple(part.strip() for part in (rules or "").split(",") if part.strip())
    text = (reason or "").strip()
    if text.endswith(_CLOSERS):
        text = text[: -2 if text.endswith("*/") else -3].rstrip()
    match = _UNTIL.search(text)
    if match is None:
        return InlineIgnore(line, names, text)
    text = text[: match.start()].strip()
    try:
        return InlineIgnore(line, names, text, date.fromisoformat(match["day"]))
    except ValueError:
        return InlineIgnore(line, names, text, None, valid=False)
