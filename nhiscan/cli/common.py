"""Options that several commands share, and the way from them to `api.Options`."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nhiscan.cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from nhiscan.api import Options
    from nhiscan.api import Progress as State

Targets = Annotated[
    list[str] | None,
    typer.Argument(metavar="TARGET", help="A path (default .), aws[:PROFILE], snapshot:DIR.", show_default=False),
]
TargetsFile = Annotated[
    Path | None, typer.Option("--targets-file", metavar="FILE", help="Read more targets, one a line.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration (default: nhiscan.yaml at the root).")
]
NoConfig = Annotated[bool, typer.Option("--no-config", help="Read no nhiscan.yaml.")]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="TIME", help="Judge ages as of this ISO date or time (default now).")
]
RulesDirs = Annotated[
    list[Path] | None, typer.Option("--rules", metavar="DIR", help="Add rules from a directory; repeatable.")
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Worker processes.", show_default="cores")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no key or cache on disk; fingerprints last one run.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text (also NO_COLOR).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and only findings.")]
ExpectAccount = Annotated[
    str | None, typer.Option("--expect-account", metavar="ID", help="Stop when a cloud answers with another account.")
]
CPUS = os.cpu_count() or 2


def options_of(
    targets: Sequence[str] | None,
    *,
    targets_file: Path | None = None,
    as_of: str | None = None,
    config: Path | None = None,
    no_config: bool = False,
    no_cache: bool = False,
    **more: Any,  # noqa: ANN401 - handed on to Options unchanged
) -> Options:
    """The api's options.  The clock is read here and nowhere else.  Raises UsageError and TargetSyntaxError."""
    from nhiscan.api import Options
    from nhiscan.collect.targets import parse

    texts = [*(targets or ()), *_from_file(targets_file)] or ["."]
    return Options(
        targets=tuple(parse(text) for text in dict.fromkeys(texts)),
        named=bool(targets or targets_file),
        as_of=moment(as_of),
        config_path=config,
        use_config=not no_config,
        cache_dir=None if no_cache else cache_dir(),
        **more,
    )


def _from_file(path: Path | None) -> list[str]:
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        msg = f"cannot read the targets file {path}"
        raise UsageError(msg, "name a readable UTF-8 file with one target a line") from None
    return [text for line in lines if (text := line.strip()) and not text.startswith("#")]


def moment(text: str | None) -> datetime:
    """The time ages are judged at, in UTC: now, or an ISO date or date and time."""
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        parsed = datetime.fromisoformat(text)
    except ValueError:
        msg = f"--as-of {text!r} is no time"
        raise UsageError(msg, "write 2026-11-01 or 2026-11-01T12:00:00Z") from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def cache_dir() -> Path:
    """Where the fingerprint key lives: the platform's cache directory of the user."""
    base = os.environ.get("XDG_CACHE_HOME")
    if base and Path(base).is_absolute():
        return Path(base) / "nhiscan"
    if sys.platform == "win32" and os.environ.get("LOCALAPPDATA"):
        return Path(os.environ["LOCALAPPDATA"]) / "nhiscan" / "cache"
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() raises where there is no home
    return home / "Library/Caches/nhiscan" if sys.platform == "darwin" else home / ".cache/nhiscan"


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
    with Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("audit", total=None, identities=0, credentials=0)

        def update(p: State) -> None:
            _say_callers(p, said)
            bar.update(task, completed=p.done, total=p.total, identities=p.identities, credentials=p.credentials)

        yield update


def _say_callers(p: State, said: set[str]) -> None:
    from nhiscan.cli.errors import inert

    for caller in p.callers:
        if caller not in said:
            said.add(caller)
            sys.stderr.write(f"auditing as {inert(caller)}\n")
