"""Sections and assignments of INI-like files, with the line of every value; nothing is ever malformed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECTION = re.compile(r"\s*\[([^\]\n]{0,400})\]\s*(?:[#;].*)?")
_KEY = re.compile(r"\s*([^\s=:#;\[][^=:\n]{0,200}?)\s*[=:]\s*(.*)")
_ASSIGNED = re.compile(r"\s*(?:export\s+|set\s+)?([A-Za-z_][\w.-]{0,200})\s*=\s*(.*)")
_QUOTED = re.compile(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_COMMENT = re.compile(r"\s#.*")
_MOST_LINES = 1_000  # of a quoted value; a key of 16,384 bits has 240


@dataclass(slots=True, repr=False)
class Section:
    """A section and what is assigned in it; a key that stands twice has its last value, as most programs read it."""

    name: str
    line: int
    values: dict[str, tuple[str, int]] = field(default_factory=dict)

    def text(self, *keys: str) -> str | None:
        """The first of these keys that has a value, without quotes."""
        return next((self.values[k][0] for k in keys if k in self.values), None)


def sections(text: str) -> list[Section]:
    """The sections of a file in order; what stands before the first has the name ``."""
    found = [Section("", 1)]
    for number, line in enumerate(text.split("\n"), 1):
        if header := _SECTION.fullmatch(line.rstrip("\r")):
            found.append(Section(header[1].strip(), number))
        elif pair := _KEY.fullmatch(line.rstrip("\r")):
            found[-1].values[pair[1].strip().lower()] = (unquoted(pair[2].strip()), number)
    return [s for s in found if s.values]


def assignments(text: str) -> Iterator[tuple[str, str, int]]:
    """Name, value and line of each assignment of a `.env` file, as the common loaders read it (dotenv, Compose)."""
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        number, line = at + 1, lines[at].rstrip("\r")
        at += 1
        pair = _ASSIGNED.fullmatch(line)
        if pair is None:
            continue
        value = pair[2].strip()
        if value[:1] in {'"', "'"} and _QUOTED.match(value) is None:
            end = next((n for n in range(at, min(at + _MOST_LINES, len(lines))) if value[0] in lines[n]), None)
            if end is not None:
                value = "\n".join([value, *(part.rstrip("\r") for part in lines[at : end + 1])])
                at = end + 1
        yield pair[1], _value(value), number


def unquoted(value: str) -> str:
    """The value without the quotes around all of it."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def _value(value: str) -> str:
    if quoted := _QUOTED.match(value):
        return quoted[1] if quoted[1] is not None else _ESCAPED.sub(_plain, quoted[2])
    return _COMMENT.sub("", value).strip()


def _plain(match: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r", "t": "\t"}.get(match[1], match[1])
