"""The `nhiscan` command: each command is loaded when it runs, and what it needs within it, so each answers at once."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
from importlib import import_module
from typing import Annotated, NoReturn

import typer

from nhiscan import __version__
from nhiscan.cli.errors import report_exception
from nhiscan.triage.exitcode import ExitCode

# What a shell reports for a program ended by Ctrl-C (128 + SIGINT).
INTERRUPTED = 130
# What a shell reports for a program whose reader went away (128 + SIGPIPE): nobody saw the end, so it is not clean.
PIPE_CLOSED = 141

# The module of each; groups of commands come last, as typer shows them.
_COMMANDS = {
    "audit": "audit", "inventory": "inventory", "query": "inventory", "explain": "explain", "can": "can",
    "diff": "diff", "permissions": "permissions", "doctor": "doctor", "rules": "rules", "baseline": "baseline",
}  # fmt: skip


def _version(value: bool) -> None:
    if value:
        typer.echo(f"nhiscan {__version__}")
        raise typer.Exit


def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Set up what all commands share."""
    import logging

    # Libraries log requests and responses below WARNING, values included: nothing of that is ever shown.
    logging.disable(logging.INFO)
    logging.getLogger().addHandler(logging.NullHandler())


def application(name: str = "") -> typer.Typer:
    """The command line with the command of that name alone, or with all of them where there is none."""
    app = typer.Typer(
        name="nhiscan",
        help="Find every machine identity, what it can do, who owns it, and which AI agents hold its credentials.",
        epilog="Exit codes: 0 clean, 1 findings, 2 usage, 3 incomplete coverage, 4 nothing audited, 5 internal error.",
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(main)
    for command in [name] if name in _COMMANDS else _COMMANDS:
        module = import_module(f"nhiscan.cli.{_COMMANDS[command]}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=command)
        else:
            app.command(command)(getattr(module, command))
    return app


def run() -> None:
    """The console entry point: never a traceback, always one of the documented exit codes."""
    # An inventory is a few million small records that live to the end; looking for garbage among them costs a tenth.
    gc.set_threshold(200_000, 50, 50)
    _leave(invoke(sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """End the program at once: taking apart every module and object first takes a tenth of a small audit.

    What others registered for the end still runs.  Where something is left to do or cannot be written, the interpreter
    ends as it always does.
    """
    try:
        atexit._run_exitfuncs()  # noqa: SLF001 - what sys.exit runs; there is no public name
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        sys.exit(code)
    if threading.active_count() > 1:
        sys.exit(code)
    os._exit(code)


def _reader_is_gone() -> bool:
    """Whether standard output is closed (`| head`); then it is put aside, so that Python does not complain at exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None
        return True
    return False


def invoke(argv: list[str]) -> int:
    """Run one command line and return its exit code; messages go to standard error."""
    try:
        code = application(argv[0] if argv else "")(args=argv, prog_name="nhiscan", standalone_mode=False)
    except typer.Exit as e:
        return e.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except SystemExit:
        # rich ends the program with 1 when its reader goes away; 1 would say that there are findings.
        return PIPE_CLOSED
    except BrokenPipeError as e:
        return PIPE_CLOSED if _reader_is_gone() else report_exception(e)
    except Exception as e:  # noqa: BLE001 - the last line of defence against tracebacks
        return report_exception(e)
    if code == INTERRUPTED:
        sys.stderr.write("\ninterrupted; with --save DIR the same command continues from the finished units\n")
    return code if isinstance(code, int) else ExitCode.CLEAN
