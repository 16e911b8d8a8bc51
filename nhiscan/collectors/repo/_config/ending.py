"""Whether a grant ends by the condition it is given under.

Google Cloud IAM, "Configure temporary access" (`request.time < timestamp(…)`); Azure, "Attributes in role assignment
conditions" (`@Environment[UtcNow] DateTimeLessThan '…'`): both as of November 2026.
"""

from __future__ import annotations

import re

_LONGEST = 4_000
_BEFORE = re.compile(
    r"request\.time\s*<|>=?\s*request\.time\b|@Environment\[UtcNow\]\s*DateTimeLessThan", re.IGNORECASE
)
_CLOCK = re.compile(r"request\.time\b|UtcNow", re.IGNORECASE)
# An alternative or a negation may leave the end out.
_BENT = re.compile(r"\|\||\bOR\b|!\s*\(|\bNOT\b|\bForAny|\?")


def ends(condition: str | None) -> bool | None:
    """Whether the condition is met no more from some moment on; None where that cannot be told, False without one."""
    if not condition:
        return False
    text = condition[:_LONGEST]
    if not _CLOCK.search(text):
        return False
    return True if _BEFORE.search(text) and not _BENT.search(text) and len(condition) <= _LONGEST else None
