"""A literal written in pieces: adjacent or added strings, lines that end in a backslash, YAML block scalars."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.detect.layer import Layer
from nhiscan.detect.stage import Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[bytes, int, int], Layer | None]

_LEAD = 200  # bytes before the first piece that are kept: the name it is assigned to
_MOST = 64 << 10
_TOKEN = rb"[0-9A-Za-z_+/=.-]"
_CHARACTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_+/=.-"
_WORD = 16  # characters of one word on both sides of the joint
_SPOKEN = re.compile(rb"[A-Z]?[a-z]++(?:[_+/=.-]++[A-Z]?[a-z]++)*+[_+/=.-]*+")
_ENDING = _TOKEN + rb"{3}"  # more than the `n` of an escaped line end
_OPERATORS = (rb"", rb" ?\+ ?", rb" ?\\", rb" ?\. ?", rb" ?& ?(?:_ ?)?", rb" ?\.\. ?", rb" ?<> ?", rb" ?\|\| ?")
_BETWEEN = re.compile(
    rb"(?P<quote>[\"'`])[ \t]{0,4}(?:(?:\+|\\|\.\.?|&(?:[ \t]{0,4}_)?|<>|\|\|)[ \t]{0,8}(?:\r?\n[ \t]{0,200})?"
    rb"|\r?\n[ \t]{0,200}(?:\+|\.\.?|&|<>|\|\|)?[ \t]{0,4})[bfrBFRu]?(?P=quote)"
)
_PIECES = {quote: re.compile(rb"(?:[^%b\\\r\n]++|\\[^\r\n])*+" % quote) for quote in (b'"', b"'", b"`")}
_CONTINUED = re.compile(rb"((?:[^\\\r\n]++|\\[^\r\n])*+)\\\r?\n[ \t]{0,200}")
_REST = re.compile(rb"(?:[^\\\r\n]++|\\[^\r\n])*+")
_BLOCK_LINE = re.compile(rb"\r?\n([ \t]{1,200})([0-9A-Za-z_+/=.:@-]+)[ \t]*(?=\r?\n|\Z)")


def readers() -> list[tuple[Expression, Reader]]:
    """Expressions and their readers."""
    return [
        *((Expression(text, 3), literals_layer) for text in _adjacent()),
        (Expression(_TOKEN + rb"\\\r?\n[ \t]*" + _TOKEN, 1), lines_layer),
        (Expression(rb":[ \t][>|][+-]?[ \t]{0,2}\r?\n[ \t]{1,20}[0-9A-Za-z_+/=.-]{8}", 8), block_layer),
    ]


def _adjacent() -> Iterator[bytes]:
    """One expression for each way to write it, so that each has a literal of its own.

    The blanks are not counted: a bounded run of them costs the automaton half a nanosecond a byte, a free one nothing.
    """
    for quote in (b'"', b"'", b"`"):
        for operator in _OPERATORS:
            if quote != b"`" or b"+" in operator:
                yield _ENDING + quote + operator + rb"\r?\n[ \t]*" + quote + _ENDING
        for operator in (rb"\+", rb"\.", rb"\.\.", rb"&", rb"<>", rb"\|\|"):
            yield _ENDING + quote + rb" ?" + operator + rb" ?" + quote + _ENDING
            yield _ENDING + quote + rb"\r?\n[ \t]*" + operator + rb" ?" + quote + _ENDING


def literals_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The strings joined at the place as one, behind the start of their line; the place is in the second one."""
    quote = data[place - 1 : place]
    body = _PIECES.get(quote)
    gap = _gap(data, place, quote, max(floor, place - 2 * _LEAD))
    if body is None or gap is None:
        return None
    if not _continues(data, gap, place):
        return None
    low = max(floor, gap - _MOST)
    first = max(low, data.rfind(b"\n", low, gap) + 1)
    opening = data.rfind(quote, first, gap)
    start = max(first, opening - _LEAD) if opening >= 0 else first
    parts, marks = [data[start:gap]], [(0, start)]
    size, at = gap - start, place
    while True:
        end = body.match(data, at, place + _MOST).end()  # type: ignore[union-attr]  # matches anything
        parts.append(data[at:end])
        marks.append((size, at))
        size += end - at
        following = _BETWEEN.match(data, end)
        if following is None or end >= place + _MOST:
            break
        at = following.end()
    return Layer(start, end, b"".join(parts) + quote, "joined", tuple(marks))


def _gap(data: bytes, place: int, quote: bytes, low: int) -> int | None:
    """Where the quote stands that closes the string before the one that begins at the place."""
    closing = data.rfind(quote, low, place - 1)
    return closing if closing >= 0 and (match := _BETWEEN.match(data, closing)) and match.end() == place else None


def _continues(data: bytes, before: int, after: int) -> bool:
    """Whether what ends before the one position and begins at the other is one word, long enough for a credential."""
    head = data[max(0, before - _WORD) : before]
    tail = data[after : after + _WORD]
    word = head[len(head.rstrip(_CHARACTERS)) :] + tail[: len(tail) - len(tail.lstrip(_CHARACTERS))]
    # Prose that goes on in the next string is the rule: words have no digits and keep to one case.
    return len(word) >= _WORD and not _SPOKEN.fullmatch(word)


def lines_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The line before the place and those that follow it by a backslash at their ends, as one line."""
    low = max(floor, place - _MOST)
    above = data.rfind(b"\n", low, place)
    if not _continues(data, above - 1 - (data[above - 1 : above] == b"\r"), place):
        return None
    start = max(low, data.rfind(b"\n", low, max(low, above)) + 1)
    parts, marks, size, at = [], [], 0, start
    while (match := _CONTINUED.match(data, at, place + _MOST)) is not None:
        parts.append(match[1])
        marks.append((size, at))
        size += len(match[1])
        at = match.end()
    end = _REST.match(data, at, place + _MOST).end()  # type: ignore[union-attr]  # matches anything
    return Layer(start, end, b"".join([*parts, data[at:end]]), "lines", (*marks, (size, at))) if parts else None


def block_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The lines of a YAML block scalar as one, where each is a single word; None for one line and for prose."""
    above = data.rfind(b"\n", floor, place)
    begin = data.rfind(b"\n", floor, max(floor, above)) + 1
    at = above - (data[above - 1 : above] == b"\r")
    name = data[max(begin, at - _LEAD) : at].rstrip(b" \t+-|>")
    parts, marks, size, indent = [name + b" "], [(0, max(begin, at - _LEAD))], len(name) + 1, b""
    while (match := _BLOCK_LINE.match(data, at)) is not None and match[1] == (indent or match[1]):
        indent = match[1]
        parts.append(match[2])
        marks.append((size, match.start(2)))
        size += len(match[2])
        at = match.end()
        if at > place + _MOST:
            break
    return Layer(marks[0][1], at, b"".join(parts), "lines", tuple(marks)) if len(parts) > 2 else None
