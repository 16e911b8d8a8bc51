"""Text from the outside world made harmless: names, paths and messages come from files that anybody may write."""

from __future__ import annotations

import re
import unicodedata

# Every character that moves the cursor, reorders or hides text: C0, C1, line separators, format characters
# (bidirectional controls, zero-width characters, tags) and lone surrogates.
_HARMFUL = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})
# Terminal escape sequences (ECMA-48: CSI, and OSC/DCS/SOS/PM/APC up to their end).
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f]).*?(?:\x07|\x1b\\|\x9c|$)|\x1b.?", re.DOTALL
)
_ACCESS_KEY = re.compile(r"(?<![A-Za-z0-9])(AKIA|ASIA)[A-Z0-9]{10,28}([A-Z0-9]{2})(?![A-Za-z0-9])")
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


def clean(text: str) -> str:
    """The text on one line, without escape sequences, control characters and characters that reorder or hide."""
    if text.isascii() and text.isprintable():
        return text
    # A newline or tab separates words; anything else simply goes.
    out = re.sub(r"\s", " ", _ESCAPES.sub("", text))
    return " ".join("".join(c for c in out if unicodedata.category(c) not in _HARMFUL).split())


def short_keys(text: str) -> str:
    """AWS access key ids as `AKIA…7Q`: enough to recognise one, too little to look up its account."""
    return _ACCESS_KEY.sub(r"\1…\2", text)


def sarif_text(text: str) -> str:
    """Clean text that holds no SARIF link (`[text](target)`, 3.11.6) and no placeholder (`{0}`, 3.11.5)."""
    return _PLACEHOLDER.sub(r"{{\1}}", clean(text).replace("](", "] ("))
