"""Texts that are shown as they are (names, owners, reasons), without the secrets that people put into them.

Detection is loaded with the first text: what reads configuration imports this, and many a run has no such text.
"""

from __future__ import annotations

import re

MASK = "***"
_JOINT = re.compile(rb"__+")  # joins the parts of a tool's name, and would hide where a value begins
_SHORTEST_RANDOM = 16


def conceal(text: str) -> str:
    """The text with every value of a known format replaced by `***`."""
    from nhiscan.detect.scan import shipped

    data = text.encode("utf-8", "surrogateescape")
    parted = _JOINT.sub(lambda m: b" " * len(m[0]), data)
    for found in reversed(shipped().known(parted)):
        data = data[: found.start] + MASK.encode() + data[found.end :]
    return data.decode("utf-8", "surrogateescape")


def conceal_name(name: str | None) -> str | None:
    """The name a value is assigned to; None when the name looks like a secret itself (`connect("…", "…")`)."""
    if name is None:
        return None
    from nhiscan.detect import noise

    return None if len(name) >= _SHORTEST_RANDOM and noise.random_looking(name) else conceal(name)
