"""The functions of Terraform that are worked out, with known arguments only; every other one gives the unknown.

Semantics: Terraform language documentation, "Built-in Functions".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform.values import (
    LARGEST_LIST,
    LARGEST_TEXT,
    Ref,
    Text,
    TooMuchError,
    Unknown,
    Value,
    Writer,
    joined,
    known_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_VERB = re.compile(r"%(?:%|[svdq]|\[\d\][sv])")
_MARK = re.compile(r"\x00(\d{1,5})\x00")


def jsonencode(args: Sequence[Value]) -> Value:
    """JSON text, with references kept as references inside it."""
    if len(args) != 1 or isinstance(args[0], Unknown):
        return args[0] if args else Unknown("jsonencode")
    held: list[Ref | Unknown] = []

    def hold(part: Ref | Unknown) -> str:
        held.append(part)
        return f"\x00{len(held) - 1}\x00"

    writer = Writer(hold, hold)
    try:
        text = json.dumps(writer.plain(args[0]), ensure_ascii=False)
    except (TooMuchError, ValueError):
        return Unknown("jsonencode")
    if len(text) > LARGEST_TEXT:
        return Unknown("jsonencode")
    parts = _MARK.split(text.replace("\\u0000", "\x00"))
    return joined([held[int(p)] if n % 2 and int(p) < len(held) else p for n, p in enumerate(parts)])


def jsondecode(args: Sequence[Value]) -> Value:
    """What JSON text stands for, references inside its strings kept; Unknown for anything else."""
    value = args[0] if len(args) == 1 else None
    held: list[Ref | Unknown] = []
    if isinstance(value, Text):
        parts: list[str] = []
        for part in value.parts:
            if isinstance(part, str):
                parts.append(part)
            else:
                held.append(part)
                parts.append(f"\x00{len(held) - 1}\x00")
        text: str | None = "".join(parts)
    else:
        text = known_text(value)
    if text is None or len(text) > LARGEST_TEXT:
        return value if isinstance(value, Unknown) else Unknown("jsondecode")
    try:
        # Control characters are the marks of what is held, and newlines that people leave in strings.
        return _restored(json.loads(text, strict=False), held)
    except (ValueError, RecursionError):
        return Unknown("jsondecode")


def _restored(value: Value, held: Sequence[Ref | Unknown]) -> Value:
    """The value with the marks in its strings replaced by what they stand for."""
    if isinstance(value, str):
        if not held or "\x00" not in value:
            return value
        parts = _MARK.split(value)
        found: list[Value] = [held[int(p)] if n % 2 and int(p) < len(held) else p for n, p in enumerate(parts)]
        found = [p for p in found if p != ""]
        return found[0] if len(found) == 1 else joined(found)
    if isinstance(value, Mapping):
        return {_key(k, held): _restored(v, held) for k, v in value.items()}
    if isinstance(value, list):
        return [_restored(v, held) for v in value]
    return value


def _key(key: str, held: Sequence[Ref | Unknown]) -> str:
    found = _restored(key, held)
    return found if isinstance(found, str) else sketch(found)


def sketch(name: Value) -> str:
    """A key of which not everything is known, with the word `unknown` for the rest."""
    parts = name.parts if isinstance(name, Text) else (name,)
    return "".join(p if isinstance(p, str) else known_text(p) or "unknown" for p in parts)


def _format(args: Sequence[Value]) -> Value:
    shape = known_text(args[0]) if args else None
    if shape is None or len(shape) > LARGEST_TEXT:
        return Unknown("format")
    parts: list[Value] = []
    at, taken = 0, 1
    for verb in _VERB.finditer(shape):
        parts.append(shape[at : verb.start()])
        at = verb.end()
        if verb[0] == "%%":
            parts.append("%")
            continue
        if verb[0][1] == "[":
            number = int(verb[0][2])
        else:
            number, taken = taken, taken + 1
        if not 0 < number < len(args):
            return Unknown("format")
        parts.append(args[number])
    return joined([*parts, shape[at:]])


def _join(args: Sequence[Value]) -> Value:
    separator = known_text(args[0]) if args else None
    if separator is None:
        return Unknown("join")
    items: list[Value] = []
    for arg in args[1:]:
        if not isinstance(arg, (list, tuple)):
            return arg if isinstance(arg, Unknown) else Unknown("join")
        for item in arg:
            items += [separator, item] if items else [item]
    return joined(items)


def _concat(args: Sequence[Value]) -> Value:
    items: list[Value] = []
    for arg in args:
        # A list that is not known still has its place, so that what is known of the others is kept.
        items += arg if isinstance(arg, (list, tuple)) else [arg]
        if len(items) > LARGEST_LIST:
            return Unknown("concat")
    return items


def _merge(args: Sequence[Value]) -> Value:
    found: dict[str, Value] = {}
    for arg in args:
        if arg is None:
            continue
        if not isinstance(arg, Mapping):
            return arg if isinstance(arg, Unknown) else Unknown("merge")
        found.update(arg)
    return found


def _same(args: Sequence[Value]) -> Value:
    return args[0] if len(args) == 1 else Unknown()


def _replace(args: Sequence[Value]) -> Value:
    texts = [known_text(a) for a in args]
    if len(texts) != 3 or texts[0] is None or texts[1] is None or texts[2] is None or not texts[1]:
        return Unknown("replace")
    # Between slashes stands a pattern, which nobody runs here.
    if texts[1].startswith("/") and texts[1].endswith("/") and len(texts[1]) > 1:
        return Unknown("replace")
    found = texts[0].replace(texts[1], texts[2])
    return found if len(found) <= LARGEST_TEXT else Unknown("replace")


def _trimprefix(args: Sequence[Value]) -> Value:
    texts = [known_text(a) for a in args]
    if len(texts) != 2 or texts[0] is None or texts[1] is None:
        return Unknown("trimprefix")
    return texts[0].removeprefix(texts[1])


def _lower(args: Sequence[Value]) -> Value:
    text = known_text(args[0]) if len(args) == 1 else None
    return text.lower() if text is not None else Unknown("lower")


def _try(args: Sequence[Value]) -> Value:
    """`try` and `coalesce`: the first argument where it is known for certain, else unknown."""
    for arg in args:
        if isinstance(arg, Unknown):
            return arg
        if arg not in (None, ""):
            return arg
    return Unknown("coalesce")


def _flatten(args: Sequence[Value]) -> Value:
    found: list[Value] = []
    pending: list[Value] = [args[0]] if len(args) == 1 else []
    while pending:
        item = pending.pop()
        if isinstance(item, (list, tuple)):
            pending += reversed(item)
        else:
            found.append(item)
        if len(found) + len(pending) > LARGEST_LIST:
            return Unknown("flatten")
    return found


FUNCTIONS: Mapping[str, Callable[[Sequence[Value]], Value]] = {
    "jsonencode": jsonencode,
    "jsondecode": jsondecode,
    "format": _format,
    "join": _join,
    "concat": _concat,
    "merge": _merge,
    "toset": _same,
    "tolist": _same,
    "tomap": _same,
    "tostring": _same,
    "sensitive": _same,
    "nonsensitive": _same,
    "lower": _lower,
    "replace": _replace,
    "trimprefix": _trimprefix,
    "coalesce": _try,
    "flatten": _flatten,
}


def known(value: Value) -> bool:
    """Whether nothing in a value is open, one level deep."""
    return not isinstance(value, (Unknown, Text, Ref))
