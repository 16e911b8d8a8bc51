"""What is shown on a terminal beside reports: tables, a progress line, who a cloud target answers as."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from nhiscan.api import Progress as State


def console(*, stderr: bool = False, no_color: bool = False, width: int | None = None) -> Console:
    """A terminal that honours NO_COLOR and is plain when it is none."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    plain = no_color or bool(os.environ.get("NO_COLOR")) or not stream.isatty()
    return Console(
        file=stream,
        no_color=plain,
        color_system=None if plain else "auto",
        highlight=False,
        soft_wrap=False,
        width=width,
    )


@contextmanager
def progress(*, quiet: bool) -> Iterator[Callable[[State], None]]:
    """A progress line on standard error while units are collected; the callers of cloud targets are named first."""
    if quiet:
        yield lambda _: None
        return
    said: set[str] = set()
    if not sys.stderr.isatty():
        yield lambda p: _say_callers(p, said)
        return
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("auditing"), BarColumn(24), TextColumn("{task.completed}/{task.total} units"),
        TextColumn("{task.fields[identities]} identities, {task.fields[credentials]} credentials"),
    )  # fmt: skip
    # Drawn when something ends and by no thread of its own, beside which no worker could be forked.
    with Progress(*columns, console=console(stderr=True), transient=True, auto_refresh=False) as bar:
        task = bar.add_task("audit", total=None, identities=0, credentials=0)

        def update(p: State) -> None:
            _say_callers(p, said)
            bar.update(task, completed=p.done, total=p.total, identities=p.identities, credentials=p.credentials)
            bar.refresh()

        yield update


def _say_callers(p: State, said: set[str]) -> None:
    from nhiscan.cli.errors import inert

    for caller in p.callers:
        if caller not in said:
            said.add(caller)
            sys.stderr.write(f"auditing as {inert(caller)}\n")
