"""From an exception to two lines and an exit code: what is wrong, and what to do."""

from __future__ import annotations

import sys

import typer

from nhiscan.triage.exitcode import ExitCode

# `UsageError` and its base, wherever the installed typer keeps them.
_USAGE = typer.BadParameter.__mro__[2]

# What a user can mend.  By name, so that reporting an error imports nothing.
_EXPECTED = {
    "ConfigError", "RuleFileError", "BaselineError", "StoreError", "KeyFileError", "PluginError", "TargetSyntaxError",
    "TargetError", "OutputError", "SelectionError", "IngestError", "PolicyError", "ReporterError",
    "MissingExtraError", "UsageError", "ProfileError",
}  # fmt: skip
_BUG = "this is a bug of nhiscan; please report it with this line at the issue tracker, no values are in it"


class UsageError(Exception):
    """A command line that makes no sense; `remedy` says what would."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def report_exception(error: Exception) -> int:
    """Print what happened and return the exit code: 2 for what the user can mend, 5 for a bug."""
    if isinstance(error, _USAGE):
        text = getattr(error, "format_message", lambda: str(error))()
        return fail(text, "see `nhiscan --help` or `nhiscan COMMAND --help`")
    names = {base.__name__ for base in type(error).__mro__ if base.__module__.startswith("nhiscan.")}
    if names & _EXPECTED:
        message, remedy = str(error), getattr(error, "remedy", "")
        return fail(message.removesuffix(f"; {remedy}"), remedy)
    import traceback
    from pathlib import Path

    frame = traceback.extract_tb(error.__traceback__)[-1]
    # Type and place only: the message of a foreign exception may quote a value.
    fail(f"internal error: {type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}", _BUG)
    return ExitCode.INTERNAL


def fail(message: str, remedy: str = "") -> int:
    """Print an error and its remedy to standard error; returns exit code 2."""
    sys.stderr.write(f"error: {inert(message)}\n")
    if remedy:
        sys.stderr.write(f"  try: {inert(remedy)}\n")
    return ExitCode.USAGE


def inert(text: str) -> str:
    """Text that cannot move a terminal's cursor or forge a line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split("\n")))
