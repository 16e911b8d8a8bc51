"""TOML with lines: the standard library reads the values, a scan of the text tells where they stand."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import MalformedError, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PART = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_PART}(?:\s*\.\s*{_PART})*"
_TABLE = re.compile(rf"^\s*\[\[?\s*({_DOTTED})\s*\]\]?")
_KEY = re.compile(rf"^\s*({_DOTTED})\s*=")
_PARTS = re.compile(_PART)
_LINE = re.compile(r"line (\d+)")
_DEEPEST = 64
# The standard library takes quadratic time over a long dotted key, so such a file is refused unread.
_CHAIN = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')\s*+\.\s*+){65}""")
_INVALID = "not valid TOML"
_TOO_DEEP = "nested too deeply or a number out of range"


def parse_toml(text: str) -> Node:
    """The tree of one TOML document.  Raises MalformedError with the line where it stops making sense."""
    if chain := _CHAIN.search(text):
        raise MalformedError(_TOO_DEEP, text.count("\n", 0, chain.start()) + 1)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        line = _LINE.search(str(e))
        raise MalformedError(_INVALID, int(line[1]) if line else text.count("\n") + 1) from None
    except (RecursionError, ValueError):
        raise MalformedError(_TOO_DEEP, 1) from None
    lines = text.split("\n")
    return _node(data, (), dict(_places(lines)), 1, lines)


def _places(lines: list[str]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Each key path as written and its line; text inside multi-line strings is passed over."""
    table: tuple[str, ...] = ()
    fence = ""
    for number, line in enumerate(lines, 1):
        if fence:
            fence = "" if fence in line else fence
            continue
        if header := _TABLE.match(line):
            table = _split(header[1])
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_split(key[1])), number
        fence = next((f for f in ('"""', "'''") if line.count(f) % 2), "")


def _split(dotted: str) -> tuple[str, ...]:
    return tuple(p[1:-1] if p[0] in "\"'" else p for p in _PARTS.findall(dotted))


def _node(
    value: object, path: tuple[str, ...], places: Mapping[tuple[str, ...], int], above: int, lines: list[str]
) -> Node:
    line = places.get(path, above)
    if len(path) > _DEEPEST:
        raise MalformedError(_TOO_DEEP, line)
    if isinstance(value, dict):
        members = {str(k): _node(v, (*path, str(k)), places, line, lines) for k, v in value.items()}
        return Node(members, line, line)
    if isinstance(value, list):
        items: list[Node] = []
        for item in value:
            above = _line_of(item, items[-1].line if items else line, lines)
            items.append(_node(item, (*path, "[]"), places, above, lines))
        return Node(items, line, line)
    return Node(value if isinstance(value, str | int | float) else str(value), line, line)


def _line_of(item: object, start: int, lines: list[str]) -> int:
    """Where an item of a list stands: the first line from `start` on that holds it as written, else `start`."""
    if isinstance(item, str) and item:
        for number in range(start, min(start + 50, len(lines)) + 1):
            if item in lines[number - 1]:
                return number
    return start
