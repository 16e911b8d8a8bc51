"""What an expression is worth: a literal, a reference to something declared, text around such, or unknown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

# Beyond these a value is no configuration, and what is made of it is unknown.
LARGEST_TEXT = 200_000
LARGEST_LIST = 5_000
_MOST_NODES = 50_000
_DEEPEST = 60

ACCOUNT, REGION, PARTITION = "${AWS::AccountId}", "${AWS::Region}", "aws"
"""What stands for the account and region in a document that does not say which: the words CloudFormation has."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not to be known from here; `why` names the variable or address it comes from, never a value."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """An attribute of something declared; `text` is its value where the declaration says it."""

    address: str
    attribute: str
    text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Text:
    """A string of which not every part is known."""

    parts: tuple[str | Ref | Unknown, ...]


Value: TypeAlias = str | int | float | bool | Ref | Unknown | Text | Sequence["Value"] | Mapping[str, "Value"] | None
Naming: TypeAlias = Callable[[Ref], str]


@dataclass(frozen=True, slots=True, repr=False)
class Thing:
    """One declared resource or data source.

    `address` has no index (all of `count` and `for_each` are one), `root` is the directory of the root module;
    `instance` says that it is one of several; `lines` are those of its attributes.
    """

    kind: str
    label: str
    address: str
    root: str
    values: Mapping[str, Value]
    path: str
    line: int | None = None
    lines: Mapping[str, int] = field(default_factory=dict)
    data: bool = False
    instance: bool = False
    form: str = "hcl"

    def at(self, *steps: str) -> Value:
        """The value below these names; a block counts as the first of its list.  Unknown below the unknown."""
        value: Value = self.values
        for step in steps:
            value = member(value, step)
        return value

    def text(self, *steps: str) -> str | None:
        """The string there, or None where it is not known."""
        return known_text(self.at(*steps))

    def number(self, *steps: str) -> int | None:
        """The whole number there (also written as text), or None."""
        return number(self.at(*steps))

    def flag(self, *steps: str) -> bool | None:
        """The boolean there, or None."""
        return flag(self.at(*steps))

    def blocks(self, *steps: str) -> list[Mapping[str, Value]]:
        """The blocks of a name; one object counts as one block."""
        value = self.at(*steps[:-1]) if len(steps) > 1 else self.values
        return blocks(value, steps[-1])


def member(value: Value, name: str) -> Value:
    """A member of an object, or of the first block of a list; None where there is none."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return value.get(name) if isinstance(value, Mapping) else None


def blocks(value: Value, name: str) -> list[Mapping[str, Value]]:
    """The objects of a block type, in order."""
    found = value.get(name) if isinstance(value, Mapping) else None
    if isinstance(found, Mapping):
        return [found]
    return [b for b in found if isinstance(b, Mapping)] if isinstance(found, (list, tuple)) else []


def known_text(value: Value) -> str | None:
    """The string a value is known to be; numbers and booleans as Terraform writes them."""
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case Ref():
            return value.text
    return None


def number(value: Value) -> int | None:
    """The whole number a value is, also where it is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = known_text(value)
    return int(text) if text is not None and text.lstrip("-").isdecimal() and len(text) < 16 else None


def flag(value: Value) -> bool | None:
    """The boolean a value is, also where it is written as text."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(known_text(value) or "")


def strings(value: Value) -> list[str]:
    """The known strings of a list; a single one counts as a list of one."""
    items = value if isinstance(value, (list, tuple)) else [value]
    return [t for i in items if (t := known_text(i)) is not None]


def joined(parts: Sequence[Value]) -> Value:
    """The parts as one string; Text where one of them is not known."""
    flat: list[str | Ref | Unknown] = []
    for part in parts:
        if isinstance(part, Text):
            flat += part.parts
        elif isinstance(part, (Ref, Unknown)):
            flat.append(part.text if isinstance(part, Ref) and part.text is not None else part)
        else:
            text = known_text(part)
            flat.append(text if text is not None else Unknown())
    if sum(len(p) for p in flat if isinstance(p, str)) > LARGEST_TEXT or len(flat) > LARGEST_LIST:
        return Unknown("too long")
    if all(isinstance(p, str) for p in flat):
        return "".join(p for p in flat if isinstance(p, str))
    return Text(tuple(flat))


class TooMuchError(Exception):
    """A value grows beyond any real one when written out."""


@dataclass(slots=True)
class Writer:
    """Writes values as plain JSON; `name` gives the text of a reference, `unknown` that of what is not known."""

    name: Naming
    unknown: Callable[[Unknown], str] = lambda u: f"unknown:{u.why}"
    count: int = 0

    def plain(self, value: Value, depth: int = 0) -> object:
        """The value for `json.dumps`.  Raises TooMuchError."""
        self.count += 1
        if self.count > _MOST_NODES or depth > _DEEPEST:
            raise TooMuchError
        match value:
            case Ref():
                return value.text if value.text is not None else self.name(value)
            case Unknown():
                return self.unknown(value)
            case Text():
                return "".join(p if isinstance(p, str) else str(self.plain(p, depth + 1)) for p in value.parts)
            case Mapping():
                return {k: self.plain(v, depth + 1) for k, v in value.items()}
            case list() | tuple():
                return [self.plain(v, depth + 1) for v in value]
        return value

    def text(self, value: Value) -> str | None:
        """JSON text of a value, None for what grows too large."""
        try:
            return json.dumps(self.plain(value), ensure_ascii=False)
        except (TooMuchError, ValueError):
            return None
