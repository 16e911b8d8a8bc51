"""Where reports go: one format on standard output, any number of files beside it."""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nhiscan.report import ReportOptions
    from nhiscan.triage.gate import Gate
    from nhiscan.triage.result import Result


@dataclass(frozen=True, slots=True)
class Output:
    """What to write: the format of standard output, (format, file) pairs, and how talkative to be."""

    format: str
    files: tuple[tuple[str, Path], ...]
    verbose: int
    quiet: bool
    no_color: bool
    include_people: bool = False


def outputs(texts: Sequence[str]) -> tuple[tuple[str, Path], ...]:
    """(format, path) of each `-o`: `FORMAT=FILE`, or a file whose suffix names the format.  Raises UsageError."""
    from nhiscan.report import available, for_suffix

    found = []
    for text in texts:
        prefix, equals, rest = text.partition("=")
        if equals and prefix in available():
            found.append((prefix, Path(rest)))
            continue
        format_name = for_suffix(Path(text))
        if format_name is None:
            msg = f"the format of -o {text!r} is not clear from its suffix"
            raise UsageError(msg, f"write FORMAT=FILE with one of {', '.join(available())}")
        found.append((format_name, Path(text)))
    return tuple(found)


def check(output: Output) -> None:
    """Fail before the work starts when a format does not exist.  Raises ReporterError."""
    from nhiscan.report import load

    for name in {output.format, *(name for name, _ in output.files)}:
        load(name)


def render(result: Result, output: Output, gate: Gate) -> None:
    """Write every report; files are replaced whole or not at all."""
    from nhiscan.report import ReportOptions, load
    from nhiscan.triage.files import write_atomic

    options = ReportOptions(
        color=False if output.no_color else None,
        verbosity=-1 if output.quiet else min(output.verbose, 2),
        redact=result.redact,
        include_people=output.include_people,
    )
    for name, path in output.files:
        text = io.StringIO()
        load(name).write(result, text, replace(options, color=False))
        write_atomic(path, text.getvalue())
    shown = _narrowed(result, gate) if output.format == "text" else result
    load(output.format).write(shown, sys.stdout, _for_terminal(options))
    sys.stdout.flush()


def _for_terminal(options: ReportOptions) -> ReportOptions:
    if options.color is None and (os.environ.get("NO_COLOR") or not sys.stdout.isatty()):
        return replace(options, color=False)
    return options


def _narrowed(result: Result, gate: Gate) -> Result:
    """What a reader asked to see: with `--new-only` no known entries, with `--min-confidence` no unsure ones."""
    wanted = _any_severity(gate)
    keep = {f.folded_into or f.id for f in result.findings if f.state == "suppressed" or wanted.counts(f)}
    return replace(result, findings=tuple(f for f in result.findings if (f.folded_into or f.id) in keep))


def _any_severity(gate: Gate) -> Gate:
    """The same gate for every severity."""
    from nhiscan.model import Severity

    return replace(gate, fail_on=Severity.INFO)
