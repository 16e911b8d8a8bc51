"""What stands before a value: the name it is assigned to and how, read backwards from the value.

The place of a value comes from the automaton.  From there the name is read by stripping from the right (quotes, blanks,
operators, types, names), which costs the same for every place; nothing is searched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

LOOK_BACK = 160
"""Bytes before a value in which its name is looked for."""

_NAME = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.$-"
_BLANK = b" \t"
_QUOTES = b"\"'`"
_TYPES = frozenset(
    b"str string char byte bytes text std::string String SecureString CharSequence object auto varchar varchar2"
    b" nvarchar final const static &str".split()
)
# Names that only say that a value follows; the name proper stands before it: {"name": "X", "value": "Y"}.
_VALUE_OF = frozenset(b"value val default content data text string stringvalue current defaultvalue".split())
_NAMED = re.compile(
    rb"""(?:name|key|id|variable|var|setting|field|property|param)["']?[ \t]{0,3}[:=]?>?[ \t]{0,3}\\{0,3}["']?"""
    rb"""([\w.-]{2,60})\\{0,3}["']?(?:[\s,{/<]|type["']?[ \t]?[:=][ \t]?["']?\w{1,20}["']?){0,80}\Z""",
    re.IGNORECASE,
)
_PLIST = re.compile(rb"<(?:key|name|td)>([\w.-]{2,60})</(?:key|name|td)>\s{0,40}\Z")
_HOLDERS = frozenset(b"string value entry property setting item add param td".split())
_TERMS = (b"define", b"set", b"const", b"let", b"var", b"export", b"env", b"arg", b"setx", b"my", b"our", b"val")
_TYPE = _NAME + b"[] |?<>*&'\t"
_PREFIXES = (b"b", b"B", b"r", b"R", b"u", b"U", b"f", b"F", b"L", b"@", b"$")
_LETTERS = tuple(bytes([c]) for c in _NAME)
_ASSIGNS = (b"=", b":")
_CLOSERS = (b" ", b"\t", b"\n")
_ARROWS = (b"=>", b"->")
_COMPARES = frozenset({b"==", b"===", b"!=", b"!==", b"=~", b"<>", b"<=", b">="})


class Form(StrEnum):
    """How a value is bound to its name, from the surest to the loosest."""

    ASSIGNED = "keyword"
    OPTION = "command line"
    ELEMENT = "element"
    PARAMETER = "parameter"
    ARGUMENT = "argument"
    LISTED = "list"
    WORD = "word"
    COMPARED = "comparison"
    HEADER = "header"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Binding:
    """`name` as written, empty when there is none; `outer` is the function or type around the value, if any."""

    name: str
    form: Form
    quoted: bool
    outer: str = ""


def binding(data: bytes, place: int) -> Binding | None:
    """How the value that begins at `place` is named; None when nothing before it names a value."""
    head = data[max(0, place - LOOK_BACK) : place]
    last = head[-1:]
    if not last or last not in _QUOTES:
        return _before(head, b"")
    body = head[:-1].rstrip(b"\\")
    quote = head[len(body) :]
    if last == b"`":
        body = body.rstrip(b"`")  # Markdown and reStructuredText double it
    if body[-1:] in _PREFIXES and body[-2:-1] not in _LETTERS:
        body = body[:-1]
    return _before(body, quote)


def _before(head: bytes, quote: bytes) -> Binding | None:
    rest = head.rstrip(b" \t\r\n" if quote else _BLANK)
    if not rest or head.count(b"\n", len(rest)) > 1:
        return None
    if quote and rest[-1:] in b"([{":
        return _inside(rest, quote)
    if rest[-1:] in b"=:~>":
        return _signed(rest, quote, "")
    if rest.endswith(b","):
        name = _name(closed := _closed(told := rest[:-1].rstrip(_BLANK)))
        if told[-1:] in _QUOTES and closed[: len(closed) - len(name)].endswith(b" "):
            return None  # the end of a sentence
        call = closed[: len(closed) - len(name)].rstrip(b"\"' \t").lower()
        return _bound(name, Form.ASSIGNED if call.endswith(b"define(") else Form.LISTED, quote)
    return _spoken(rest, quote) if len(rest) < len(head) else None


def _spoken(rest: bytes, quote: bytes) -> Binding | None:
    """The name that only a blank parts from its value."""
    name = _name(_closed(rest))
    if name.startswith(b"-"):
        return _bound(name, Form.OPTION, quote)
    declared = rest[: len(rest) - len(name)].lower().rstrip(_BLANK).endswith(_TERMS)
    return _bound(name, Form.ASSIGNED if declared else Form.WORD, quote)


def _inside(rest: bytes, quote: bytes) -> Binding | None:
    """The name of the first value in brackets: of the list, of the call, or of what the call is assigned to."""
    name = _name(inner := rest[:-1].rstrip(_BLANK))
    before = inner[: len(inner) - len(name)].rstrip(b" \t&*")
    if before[-1:] in _ASSIGNS:
        return _signed(before, quote, _text(name))
    around = _name(before[:-1].rstrip(_BLANK)) if before.endswith(b"(") else b""
    return _bound(name, Form.ARGUMENT if rest.endswith(b"(") else Form.LISTED, quote, _text(around))


def _bound(name: bytes, form: Form, quote: bytes, outer: str = "") -> Binding | None:
    return Binding(_text(name), form, bool(quote), outer) if name else None


def _signed(rest: bytes, quote: bytes, outer: str) -> Binding | None:
    bare = rest.rstrip(b"=:!<>+?~|")
    if bare.endswith(b" .") and len(bare) < len(rest):  # PHP's .=
        bare = bare[:-1]
    sign = rest[len(bare) :].lstrip(b"?.|+:") or b":"
    form = Form.COMPARED if sign in _COMPARES else Form.ASSIGNED
    if sign[-1:] not in b"=:" and sign != b"=>":
        return None
    if sign == b":" and bare[-1:].isdigit():  # PHP's serialize(): s:8:"password";s:6:"…"
        serial = bare.rstrip(b"0123456789")
        bare = serial[:-3] if serial.endswith(b";s:") else bare
    rest = bare.rstrip(b" \t")
    closed = _closed(rest)
    name = _name(closed)
    before = closed[: len(closed) - len(name)]
    if sign == b"=" and rest[-1:] not in _QUOTES:
        name = _untyped(rest, name, before)
    if name.lower() in _VALUE_OF and (named := _NAMED.search(before.rstrip(b"\"'\\ \t-"))):
        name = named[1]
    if not name or name.endswith(b"--"):
        return None
    if name.startswith(b"-"):
        form = Form.OPTION
    elif before[-1:] in b"?&;" and before:
        form = Form.PARAMETER
    return _bound(name, form, quote, outer)


def _untyped(rest: bytes, name: bytes, before: bytes) -> bytes:
    """The name in `name: Type =` and `Type name =`, `name Type =`."""
    colon = rest.rfind(b":", max(0, len(rest) - 45))
    if colon > 0 and not rest[colon + 1 :].strip(_TYPE) and rest[colon - 1 : colon] not in b":/":
        return _name(rest[:colon].rstrip(b"?! \t")) or name
    if name in _TYPES or not name:
        return _name(before.rstrip(b" \t*&[]")) or name
    return name


def element_before(data: bytes, place: int) -> bool:
    """Whether a tag of XML ends before the place, rather than an arrow."""
    last = data[place - 1 : place]
    if last in _CLOSERS:
        last = data[max(0, place - 42) : place].rstrip()[-2:]
        return last[-1:] == b">" and last not in _ARROWS
    return last == b">" and data[place - 2 : place] not in _ARROWS


def element(data: bytes, place: int) -> Binding | None:
    """How the text of an XML element is named: by its tag, an attribute or the element before."""
    head = data[max(0, place - LOOK_BACK) : place].rstrip()
    if not head.endswith(b">"):
        return None
    head = head[:-1]
    opened = head.rfind(b"<")
    if opened < 0:
        return None
    inside = head[opened + 1 :]
    name, _, attributes = inside.partition(b" ")
    if name.lower() in _HOLDERS:
        if (named := _NAMED.search(attributes.rstrip(b"\"' "))) is not None:
            name = named[1]
        elif (outside := _PLIST.search(head[:opened])) is not None:
            name = outside[1]
    return Binding(_text(name), Form.ELEMENT, quoted=False) if name.strip(_NAME + b":") == b"" and name else None


def _closed(rest: bytes) -> bytes:
    """Without the quotes and brackets that close a name."""
    return rest.rstrip(b"\"'`\\]) \t") if rest[-1:] in b"\"'`\\])" else rest


def _name(rest: bytes) -> bytes:
    return rest[len(rest.rstrip(_NAME)) :]


def _text(name: bytes) -> str:
    return name.decode("ascii", "replace").strip("$.")
