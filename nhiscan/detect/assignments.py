"""Values assigned to names that speak of secrets, in code, settings, JSON, XML and command lines.

`bytes.find` over a few stems gives the places; one regex matched at each place reads the value.  No line is split and
no regex is searched, so the cost grows with the number of places only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STEMS = (
    b"pass",
    b"pwd",
    b"secret",
    b"token",
    b"key",
    b"auth",
    b"cred",
    b"_sid",
    b"webhook",
    b"bearer",
    b"salt",
    b"sig",
)
_SCHEME = rb"""(?:(?:Bearer|Basic|[Tt]oken|ApiKey|Bot)[ ]+)?"""
_VALUE = (
    rb"""(?:(?P<open>\\?["'`])"""
    + _SCHEME
    + rb"""(?P<quoted>(?:(?!(?P=open))[^\n\\]|\\[^\n"'`]){1,512}?)(?P=open)|"""
    + _SCHEME
    + rb"""(?P<bare>[^\s"'`<>\\]{3,512}))"""
)
_OPERATOR = (
    # name: X, value: Y - as Kubernetes, task definitions and XML settings write it
    rb"""(?:(?P<name>["']?\s{0,40},?\s{0,60}["']?(?:value|Value|VALUE)["']?[ \t]{0,4}[:=][ \t]{0,4})|(?P<xml>>)"""
    rb"""|[\])"'`\\]{0,4}[ \t]{0,40}(?::[ \t]?[\w\[\]. |?]{1,40}="""
    rb"""|(?:\[\]|\*)?(?:str(?:ing)?|char|bytes?|text)?(?:\[\])?[ \t]{0,2}:?={1,3}>?|=>|:"""
    rb"""|(?P<comma>,)|(?P<call>\()|(?P<gap>(?<=[ \t])))[ \t]{0,40})"""
)
_TAIL = re.compile(rb"[\w.-]{0,40}?(?:(?<=\w)\b)" + _OPERATOR + rb"(?:[bBrRuUfF@$]{0,2}(?=[\"'`]))?" + _VALUE)
_HEAD = re.compile(rb"[\w.$-]*\Z")
_LONGEST_NAME = 64
_LONGEST_LINE = 5_000


@dataclass(frozen=True, slots=True)
class Assignment:
    """`key` as written; `value` as written (escapes kept) at bytes `start:end`; `strict` where the form is loose."""

    key: str
    value: str
    start: int
    end: int
    quoted: bool
    strict: bool


def assignments(data: bytes, *, bare: bool) -> Iterator[Assignment]:
    """The assignments of a file in order of stems; with `bare` also those without quotes (settings files)."""
    lower = data.lower()
    seen: set[int] = set()
    for stem in _STEMS:
        position = lower.find(stem)
        while position >= 0:
            found = _at(data, position, bare=bare)
            if found is not None and found.start not in seen:
                seen.add(found.start)
                yield found
            position = lower.find(stem, position + len(stem))


def _at(data: bytes, position: int, *, bare: bool) -> Assignment | None:
    match = _TAIL.match(data, position)
    if match is None:
        return None
    group = "quoted" if match["quoted"] is not None else "bare"
    start, end = match.span(group)
    head = _HEAD.search(data, max(0, position - _LONGEST_NAME), position)
    begin = head.start() if head else position
    if data[max(0, begin - 3) : begin] == b"://":
        return None  # a host, not a name
    shell = data[begin : begin + 1] == b"-"
    if group == "bare":
        # After a comma or a bracket only quoted values are values: the rest is prose or code.
        if (match["xml"] is None and not (bare or shell)) or match["comma"] or match["call"] or data[start] in b",*:":
            return None
        closing = b",;)]}&:" if b"{" not in data[start:end] else b",;"
        end = start + len(data[start:end].rstrip(closing))
    if match["gap"] is not None and not (shell or data[max(0, begin - 8) : begin].endswith((b"define ", b"set "))):
        return None
    if _in_long_line(data, start) or end - start < 3:
        return None
    operator = match.start("open") if group == "quoted" else start
    key = re.match(rb"[\w.$-]*", data[begin : min(operator, begin + 2 * _LONGEST_NAME)])
    return Assignment(
        key=key[0].decode("ascii", "replace").strip("-$.") if key else "",
        value=match[group][: end - start].decode("utf-8", "surrogateescape"),
        start=start,
        end=end,
        quoted=group == "quoted",
        strict=any(match[g] is not None for g in ("comma", "call", "gap")),
    )


def _in_long_line(data: bytes, position: int) -> bool:
    """Minified and generated files have lines nobody wrote; what they hold is left to the exact formats."""
    return data.find(b"\n", position, position + _LONGEST_LINE) < 0 and (
        len(data) - position > _LONGEST_LINE
        or data.rfind(b"\n", max(0, position - _LONGEST_LINE), position) < 0 < position - _LONGEST_LINE
    )
