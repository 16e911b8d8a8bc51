"""Documents whose values are encoded by their own rules: Kubernetes Secrets and Jupyter notebooks."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING

from nhiscan.detect.escapes import unescape
from nhiscan.detect.layer import Layer
from nhiscan.detect.stage import Expression

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[bytes, int, int], Layer | None]

_BACK, _AHEAD = 256 << 10, 1 << 20
_DATA = re.compile(rb"(?:^|[\n{,])([ \t-]*)[\"']?data[\"']?[ \t]*:[ \t]*+(\{?)\s*+")
_YAML = re.compile(
    rb"[ \t]*[\"']?([\w.-]{1,253})[\"']?[ \t]*:[ \t]*(?:[|>][+-]?[ \t]*\r?\n[ \t]+)?[\"']?"
    rb"([A-Za-z0-9+/]++={0,2}(?:\r?\n[ \t]+[A-Za-z0-9+/]++={0,2}(?=[ \t]*(?:\r?\n|\Z)))*)[\"']?"
    rb"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)"
)
_VERSION, _BREAK = b"apiVersion", b"\n---"
_JSON = re.compile(rb"\s*\"([\w.-]{1,253})\"\s*:\s*\"([A-Za-z0-9+/\\n]*={0,2})\"\s*[,}]?")
_ANY_LINE = re.compile(rb"[^\n]*+\n?")
_CELL_TEXT = re.compile(rb"\s*+\"((?:[^\"\\\r\n]++|\\[^\r\n])*+)\"\s*+(,?)")
_PLAIN = bytes(range(0x20, 0x7F))


def readers() -> list[tuple[Expression, Reader]]:
    """Expressions and their readers."""
    kind = rb"kind[\"']?\s{0,2}:\s{0,3}[\"']?Secret[\"'\s,}]"
    cell = rb"\"(?:source|text|text/plain|traceback)\"\s{0,2}:\s{0,2}\["
    return [(Expression(kind, 7), secret_layer), (Expression(cell, 1), cell_layer)]


class Borders:
    """What parts documents in a file: asked about many places, it reads each stretch of the file once."""

    __slots__ = ("_data", "_next")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._next: dict[tuple[bytes, int], tuple[int, int]] = {}  # from where it was looked for, where it stands

    def find(self, text: bytes, place: int, high: int, turn: int = 0) -> int:
        """What `data.find` says; the places of each `turn` are best asked about in ascending order."""
        since, at = self._next.get((text, turn), (0, -1))
        if not since <= place <= at:
            at = self._data.find(text, place)
            at = len(self._data) if at < 0 else at
            self._next[text, turn] = place, at
        return at if at + len(text) <= high else -1


def secret_layer(data: bytes, place: int, floor: int = 0, borders: Borders | None = None) -> Layer | None:
    """The values under `data` of a Kubernetes Secret, decoded, each behind its name (Kubernetes API, v1 Secret)."""
    low, high = max(floor, place - _BACK), min(len(data), place + _AHEAD)
    begin, end = _document(data, place, (low, high), borders or Borders(data))
    parts: list[bytes] = []
    marks: list[tuple[int, int]] = []
    size, last = 0, place
    for name, value, start, stop in _values(data, begin, end):
        last = max(last, stop)
        marks.append((size, start))
        parts.append(_named(name, value))
        size += len(parts[-1])
    if not parts:
        return Layer(place, end, b"", "base64")
    return Layer(marks[0][1], last, b"".join(parts), "base64", tuple(marks))


def _document(data: bytes, place: int, within: tuple[int, int], borders: Borders) -> tuple[int, int]:
    """The YAML document or, in a list, the object around the place: from its `apiVersion` to the next one's."""
    low, high = within
    broken = borders.find(_BREAK, place, high)
    end = broken if broken >= 0 else high
    below = borders.find(_VERSION, place, end)
    if below >= 0 and data.rfind(_VERSION, low, place) < 0:
        below = borders.find(_VERSION, below + 1, end, turn=1)  # the first is its own
    end = below if below >= 0 else end
    begin = max(low, data.rfind(_BREAK, low, place))
    above = data.rfind(_VERSION, begin, place)
    listed = end == below or data.rfind(_VERSION, begin, max(begin, above)) >= 0
    return above if above >= 0 and listed else begin, end


def _values(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Name, decoded value, start and end of each entry under the first `data` between the two positions."""
    head = _DATA.search(data, begin, end)
    if head is None:
        return
    braces = bool(head[2])
    at = head.end() if braces else data.find(b"\n", head.end(1), end) + 1
    pattern = _JSON if braces else _YAML
    while 0 < at < end:
        if not braces and _left(data, at, len(head[1])):
            return
        match = pattern.match(data, at, end)
        at = match.end() if match else _ANY_LINE.match(data, at).end()  # type: ignore[union-attr]  # matches anything
        if match is None and braces:
            return
        if match is None:
            continue
        try:
            value = binascii.a2b_base64(re.sub(rb"\s|\\n", b"", match[2]), strict_mode=True)
        except binascii.Error:
            continue
        yield match[1], value, match.start(2), match.end(2)
        if braces and match.group().endswith(b"}"):
            return


def _left(data: bytes, at: int, indent: int) -> bool:
    """Whether the line at the position ends the block whose name is indented so far; blank lines do not."""
    line = data[at : at + indent + 1]
    return len(line.lstrip(b" \t")) > 0 and line[:1] not in b"\r\n"


def _named(name: bytes, value: bytes) -> bytes:
    """The pair as one setting where the value fits in a string, as a name above a text otherwise."""
    if value.strip(_PLAIN) or b'"' in value or b"\\" in value:
        return b"%b:\n%b\n" % (name, value)
    return b'%b: "%b"\n' % (name, value)


def cell_layer(data: bytes, place: int, floor: int = 0) -> Layer | None:
    """The lines of a notebook cell, or of its output, as the text they are (nbformat 4, multi-line strings)."""
    if place < floor:
        return None
    at, limit = place + 1, place + _AHEAD
    parts: list[bytes] = []
    marks: list[tuple[int, int]] = []
    size = 0
    while (match := _CELL_TEXT.match(data, at, limit)) is not None:
        text = unescape(match[1])
        parts.append(text if text.endswith(b"\n") else text + b"\n")
        marks.append((size, match.start(1)))
        size += len(parts[-1])
        at = match.end()
        if not match[2]:
            break
    return Layer(place, at, b"".join(parts), "notebook", tuple(marks)) if parts else None
