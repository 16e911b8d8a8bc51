"""What the process tells its caller; apart from everything else, so that the command line can import it at once."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller."""

    CLEAN = 0
    FINDINGS = 1
    USAGE = 2
    INCOMPLETE = 3
    NOTHING_AUDITED = 4
    INTERNAL = 5
