"""How a reporter is asked to write, and what a reporter is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import TextIO

    from nhiscan.triage.result import Result


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the user asked of every report.

    `color` None leaves it to the terminal and NO_COLOR; `width` in columns, None for the terminal's own; `verbosity`
    is -1 with `-q`, 0, 1 with `-v`, 2 with `-vv`; `redact` holds `people` and `accounts`; `include_people` lets
    people's names and addresses into formats that leave them out by themselves.
    """

    color: bool | None = None
    width: int | None = None
    verbosity: int = 0
    redact: frozenset[str] = frozenset()
    include_people: bool = False


class Reporter(Protocol):
    """A report format: a module (or any object) with the file suffixes it stands for and a writer."""

    SUFFIXES: tuple[str, ...]

    def write(self, result: Result, out: TextIO, options: ReportOptions) -> None:
        """Write the whole report to `out`; equal results and options give equal bytes."""
        ...


class ReporterError(Exception):
    """A format that does not exist or cannot be loaded; `remedy` is one line the user can act on."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy
