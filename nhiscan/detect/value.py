"""One value of a settings file that has been read already, recognised as the scan of that file recognises it."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING

from nhiscan.detect import noise
from nhiscan.detect.scan import shipped

if TYPE_CHECKING:
    from nhiscan.detect.candidate import Candidate
    from nhiscan.detect.formats import Format

# What may stand before a credential in a value that is nothing but that credential.
_LEAD = re.compile(r"(?:https?://(?:[^\s:/@]*:)?|[A-Za-z][A-Za-z-]{2,15}\s+)?")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")


def recognise(value: str, name: str = "") -> Candidate | None:
    """The credential in a known format that the value is, when assigned to the name; None for any other value.

    An authentication scheme may stand before it, and the parts of an address around it; `Candidate.value` is then the
    part that is the secret.
    """
    head = f"{json.dumps(name, ensure_ascii=False)}: "
    text = json.dumps(value, ensure_ascii=False)
    first = len(_bytes(head)) + 1
    data = _bytes(head + text)
    last = len(data) - 1
    for found in shipped().known(data):
        lead = data[first : max(first, found.start)].decode("utf-8", "surrogateescape")
        rest = found.end == last or _ADDRESS.fullmatch(value)
        if found.start >= first and rest and not found.sample and _LEAD.fullmatch(lead):
            return found
    return None


def is_stand_in(value: str) -> bool:
    """Whether the value is written like a known format and is a placeholder (`ghp_xxxx…`, the keys in manuals)."""
    data = _bytes(value)
    return (
        noise.is_placeholder(value)
        and data.startswith(_anchors())
        and any(f.pattern.fullmatch(data) for f in _anchored() if data.startswith(f.anchors))
    )


@functools.cache
def _anchored() -> tuple[Format, ...]:
    return tuple(f for f in shipped().formats if f.anchors)


@functools.cache
def _anchors() -> tuple[bytes, ...]:
    return tuple(word.encode("ascii") for word in shipped().parts.words)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
