"""What another tool reports, reduced to what is safe to keep: who says it, by which rule, and of which place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from nhiscan.detect.conceal import conceal

Row = Mapping[str, object]

_LONGEST_RULE = 120
_LONGEST_MESSAGE = 200
_LONGEST_PLACE = 400
# What is longer is cut before it is looked at for values; a value that the cut halves lies behind what is shown.
_LONGEST_READ = 2_000
_LAST_LINE = 1_000_000_000
_BLANK = re.compile(r"\s")


class IngestError(Exception):
    """A report that cannot be read; the message names the file and the line, `remedy` says what would help."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class About(StrEnum):
    """What a tool speaks of, which decides what of ours it can stand beside."""

    SECRET = "secret"  # noqa: S105 - a subject, not a value
    WORKFLOW = "workflow"
    CLOUD = "cloud"
    ANYTHING = "anything"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in the words of the tool: the paths it gives for one file, the best first, and lines from 1."""

    paths: tuple[str, ...] = field(default=(), repr=False)
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """One finding of another tool.

    `spots` are its places, the main one first; `resources` the ids of cloud resources; `verified` is True when the
    tool asked the issuer and the credential works, False when it does not, None when nobody asked.
    """

    tool: str
    rule: str
    about: About
    spots: tuple[Spot, ...] = ()
    resources: tuple[str, ...] = ()
    message: str | None = None
    verified: bool | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """A report format.

    `marks` are alternatives: a row that has every path of one of them is of this format.  `keys` are all the names
    that `read` looks at; everything else, and so every value of a secret, is dropped while the file is parsed.
    """

    name: str
    marks: tuple[tuple[str, ...], ...]
    keys: frozenset[str]
    read: Callable[[Row], Iterable[Sighting]]


def at(row: object, path: str) -> object:
    """What stands below dotted keys (`a.b`), None when a step is missing."""
    for step in path.split("."):
        if not isinstance(row, Mapping):
            return None
        row = row.get(step)
    return row


def text(row: object, path: str) -> str | None:
    """The text below dotted keys; None when there is none, or it is empty."""
    found = at(row, path)
    return found if isinstance(found, str) and found else None


def rows(value: object) -> Iterator[Row]:
    """The objects of a list; nothing for anything else."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield item


def line(value: object) -> int | None:
    """A line number from 1, None for what cannot be one."""
    return value if type(value) is int and 1 <= value <= _LAST_LINE else None


def spot(paths: Iterable[str | None], first: object, last: object = None) -> Spot:
    """The place of a finding; a last line before the first is left out."""
    begin, end = line(first), line(last)
    named = tuple(dict.fromkeys(p for p in paths if p))
    return Spot(named, begin, end if begin and end and end > begin else None)


def rule_name(found: str | None) -> str:
    """A rule's id fit to be shown."""
    return say(found, _LONGEST_RULE) or "unnamed"


def message(found: str | None) -> str | None:
    """A rule's own text fit to be shown.  Texts about single findings are never read: they may quote the value."""
    return say(found, _LONGEST_MESSAGE)


def place(found: str) -> str:
    """A path or resource id fit to be shown."""
    return say(found, _LONGEST_PLACE) or "unnamed"


@lru_cache(maxsize=8192)
def say(found: str | None, longest: int) -> str | None:
    """Foreign text on one line: without values of known formats, control and reordering characters, and bounded."""
    if not found:
        return None
    # Cleaned first: a character nobody sees must not part a value while it is looked for.
    whole = " ".join("".join(c for c in _BLANK.sub(" ", found[:_LONGEST_READ]) if c.isprintable()).split())
    shown = conceal(whole)
    return (shown if len(shown) <= longest else f"{shown[: longest - 1]}…") or None
