r"""Escaped text in a string literal: JSON inside JSON, a PEM in one line with `\n`, `\u0041`, `\x41`, `&quot;`."""

from __future__ import annotations

import html
import json
import re
from typing import TYPE_CHECKING

from nhiscan.detect.layer import Layer
from nhiscan.detect.stage import Expression

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[bytes, int, int], Layer | None]

_BACK, _AHEAD = 8 << 10, 256 << 10
_TRIES = 16
_SMALLEST = 8  # bytes that can hold a credential
_BODIES = {
    b'"': re.compile(rb'(?:[^"\\\r\n]++|\\[^\r\n])*+'),
    b"\"'`": re.compile(rb"(?:[^\"'`\\\r\n]++|\\[^\r\n])*+"),
}
_NOT_JSON = re.compile(rb"\\[^\"\\/bfnrtu]")  # seldom right behind an escaped backslash, and then no harm is done
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([^ux\r\n]))")
_CONTROLS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"0": b"\0"}
_MARKUP = re.compile(rb"[^\"'<>\r\n]*")
_MARKUP_ENDS = b"\"'<>\r\n"


def readers() -> list[tuple[Expression, Reader]]:
    """Expressions and their readers."""
    return [
        (Expression(rb'\\"\s{0,2}:', 1), json_layer),
        (Expression(rb"-----\\{1,4}[rn]", 1), string_layer),
        (Expression(rb"\\u00[2-7][0-9A-Fa-f]", 6), string_layer),
        (Expression(rb"\\x[2-7][0-9A-Fa-f]", 4), string_layer),
        (Expression(rb"[0-9A-Za-z+]\\/[0-9A-Za-z+]{6}", 6), string_layer),
        (Expression(rb"&(?:quot|#34);\s{0,2}[:=]", 1), markup_layer),
    ]


def json_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The text of the double-quoted string around the place, one level of escapes taken off."""
    return _string(data, place, floor, b'"')


def string_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The text of the string around the place, whatever quotes it has; the line where it has none."""
    return _string(data, place, floor, b"\"'`")


def _string(data: bytes, place: int, floor: int, quotes: bytes) -> Layer | None:
    start = _opening(data, place, floor, quotes)
    end = _BODIES[quotes].match(data, start, place + _AHEAD).end()  # type: ignore[union-attr]  # matches anything
    if end <= place or end - start < _SMALLEST:
        return None
    body = data[start:end]
    text = unescape(body)
    return Layer(start, end, text, "string") if text != body else None


def _opening(data: bytes, place: int, floor: int, quotes: bytes) -> int:
    """Where the string around the place begins: behind the last quote on the line with no backslash before it."""
    low = max(floor, place - _BACK)
    low = max(low, data.rfind(b"\n", low, place) + 1)
    at = place
    for _ in range(_TRIES):
        at = max(data.rfind(quotes[i : i + 1], low, at) for i in range(len(quotes)))
        if at < 0:
            return low
        if data[at - 1 : at] != b"\\" or at == low:
            break
    return at + 1


def unescape(text: bytes) -> bytes:
    """The text with one level of the escapes of JSON, or of those that JavaScript, Python, C and PHP have besides."""
    if _NOT_JSON.search(text):
        return _ESCAPE.sub(_character, text)
    try:
        plain = json.loads(f'"{text.decode("utf-8", "replace")}"', strict=False)
    except ValueError:
        return _ESCAPE.sub(_character, text)
    return str(plain).encode("utf-8", "replace")


def _character(match: re.Match[bytes]) -> bytes:
    if code := match[1] or match[2]:
        return chr(int(code, 16)).encode("utf-8", "replace")
    return _CONTROLS.get(match[3], match[3])


def markup_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The text of the attribute or element around the place, with its entities resolved (HTML 4, XML)."""
    low = max(floor, place - _BACK)
    start = max(low, *(data.rfind(_MARKUP_ENDS[i : i + 1], low, place) + 1 for i in range(len(_MARKUP_ENDS))))
    end = _MARKUP.match(data, start, place + _AHEAD).end()  # type: ignore[union-attr]  # matches anything
    text = html.unescape(data[start:end].decode("utf-8", "replace")).encode()
    return Layer(start, end, text, "markup")
