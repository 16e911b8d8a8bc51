"""From a pattern of `re` to a short expression for the automaton: its beginning of fixed length, without look-around.

Only the parser of the standard library reads the pattern, so both stages agree on what it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from re import _parser  # type: ignore[attr-defined]  # missing in the type stubs
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST = 24
"""Bytes an expression looks at: enough that a chance hit is rare, short enough that the automaton stays small."""

_MOST_WAYS = 24  # alternatives written out; a pattern with more is cut before them
_CLASSES = {
    "CATEGORY_DIGIT": "0-9", "CATEGORY_WORD": "A-Za-z0-9_", "CATEGORY_SPACE": r" \t\n\r\f\v",
    "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_NOT_WORD": r"\W", "CATEGORY_NOT_SPACE": r"\S",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prefix:
    """An expression, one text for each byte; `last` where what follows has no fixed place any more."""

    texts: tuple[str, ...] = ()
    last: bool = False

    @property
    def text(self) -> str:
        """The expression, equal neighbours written as one repeat."""
        return _joined(self.texts)

    def followed(self, part: Prefix, most: int) -> Prefix:
        """This and then as much of the part as fits."""
        texts = self.texts + part.texts
        return Prefix(texts[:most], part.last or len(texts) >= most)


def prefixes(pattern: str, most: int = MOST) -> list[Prefix]:
    """Expressions for the fixed beginnings of a pattern, none of which is empty unless the pattern has no beginning.

    Every match of the pattern begins with a match of one of them.
    """
    tree = _parser.parse(pattern.encode("ascii"))
    return _ways(tree, most, caseless=bool(tree.state.flags & re.IGNORECASE))


def _ways(tree: Iterable[tuple[object, Any]], most: int, *, caseless: bool) -> list[Prefix]:
    ways = [Prefix()]
    for code, value in tree:
        parts = _of(code, value, most, caseless=caseless)
        longer = [way.followed(part, most) for way in ways if not way.last for part in parts]
        ways = [way for way in ways if way.last] + longer
        if len(ways) > _MOST_WAYS or not longer:
            break
    else:
        return _distinct(ways)
    return _distinct(replace(way, last=True) for way in ways)


def _distinct(ways: Iterable[Prefix]) -> list[Prefix]:
    return list(dict.fromkeys(ways))


def _of(code: object, value: Any, most: int, *, caseless: bool) -> list[Prefix]:  # noqa: ANN401 - the parser's own shapes
    match str(code):
        case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
            return [Prefix((_cased(_single(str(code), value), caseless=caseless),))]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, sub = value
            return _repeated(low, high, sub, most, caseless=caseless)
        case "SUBPATTERN":
            return _ways(value[3], most, caseless=caseless or bool(value[1] & re.IGNORECASE))
        case "ATOMIC_GROUP":
            return _ways(value, most, caseless=caseless)
        case "BRANCH":
            return _distinct(way for branch in value[1] for way in _ways(branch, most, caseless=caseless))
    return [Prefix(last=str(code) not in {"AT", "ASSERT", "ASSERT_NOT"})]


def _single(code: str, value: Any) -> str:  # noqa: ANN401 - the parser's own shapes
    if code == "IN":
        return _set(value)
    return r"[^\n]" if code == "ANY" else f"[^{_literal(value)}]" if code == "NOT_LITERAL" else _literal(value)


def _repeated(low: int, high: int, sub: Iterable[tuple[object, Any]], most: int, *, caseless: bool) -> list[Prefix]:
    once = _ways(sub, most, caseless=caseless)
    if (low, high) == (0, 1) and any(len(way.texts) > 1 for way in once):
        return [Prefix(), *once]
    ways = [Prefix()]
    for _ in range(min(low, most)):
        ways = [way.followed(part, most) for way in ways for part in once]
        if len(ways) > _MOST_WAYS:
            return [Prefix(last=True)]
    return ways if low == high <= most else [replace(way, last=True) for way in ways]


def _joined(texts: Sequence[str]) -> str:
    """The texts in a row, equal neighbours as one repeat."""
    out: list[str] = []
    place = 0
    while place < len(texts):
        run = place
        while run < len(texts) and texts[run] == texts[place]:
            run += 1
        count = run - place
        single = texts[place].startswith("[") or len(texts[place]) <= 2
        out.append(f"{texts[place]}{{{count}}}" if count > 2 and single and texts[place] else texts[place] * count)
        place = run
    return "".join(out)


def _literal(code: int) -> str:
    character = chr(code)
    if code > 0x7E or code < 0x20:
        return f"\\x{code:02x}"
    return character if character.isalnum() or character in "_ " else f"\\{character}"


def _cased(text: str, *, caseless: bool) -> str:
    return f"(?i:{text})" if caseless and any(c.isalpha() for c in text) else text


def _set(items: Iterable[tuple[object, Any]]) -> str:
    out = []
    for code, value in items:
        match str(code):
            case "NEGATE":
                out.append("^")
            case "LITERAL":
                out.append(_literal(value))
            case "RANGE":
                out.append(f"{_literal(value[0])}-{_literal(value[1])}")
            case _:
                out.append(_CLASSES[str(value)])
    return f"[{''.join(out)}]"
