"""Options that several commands share, and the way from them to `api.Options`."""

from __future__ import annotations

import dataclasses
import fnmatch
import inspect
import os
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from nhiscan.cli.cloud import CLOUD_DEFAULTS, CloudSettings, Deep, ReadConfigValues
from nhiscan.cli.errors import UsageError
from nhiscan.cli.terminal import console, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nhiscan.api import Options

__all__ = [
    "CLOUD_DEFAULTS", "CPUS", "DEFAULTS", "AsOf", "CloudSettings", "ConfigFile", "Deep", "Ingest", "Jobs", "NoCache",
    "NoColor", "NoConfig", "Quiet", "ReadConfigValues", "RulesDirs", "Settings", "Targets", "TargetsFile", "cache_dir",
    "console", "moment", "options_of", "progress", "with_blocks",
]  # fmt: skip

Targets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET",
        help=(
            "A path (default .), aws[:PROFILE], aws:org[/PROFILE], azure[:all], azure:mg/ID, azure:sub/ID, "
            "gcp:PROJECT, gcp:folder/ID, gcp:org/ID, gcp:all, snapshot:DIR."
        ),
        show_default=False,
    ),
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
Ingest = Annotated[
    list[Path] | None,
    typer.Option(
        "--ingest", metavar="FILE", help="Take another scanner's report (SARIF, JSON) as evidence; repeatable."
    ),
]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, max=64, help="Worker processes.", show_default="cores")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no key or cache on disk; fingerprints last one run.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text (also NO_COLOR).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, and only findings.")]
CPUS = os.cpu_count() or 2


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of every command that reads targets."""

    targets_file: TargetsFile = None
    config: ConfigFile = None
    no_config: NoConfig = False
    as_of: AsOf = None
    jobs: Jobs = CPUS
    no_cache: NoCache = False
    history: Annotated[
        bool, typer.Option("--history", help="Read every object of a repository's history. [default for bare ones]")
    ] = False
    since: Annotated[
        str | None, typer.Option("--since", metavar="REF", help="Read only what came into a repository after REF.")
    ] = None
    staged: Annotated[
        bool, typer.Option("--staged", help="Read only what is staged for the next commit, for a pre-commit hook.")
    ] = False
    user: Annotated[
        bool, typer.Option("--user", help="Read also the agent settings of the person who runs it and of the machine.")
    ] = False
    collect: Annotated[
        list[str] | None,
        typer.Option("--collect", metavar="NAME", help="Only this collector (repo.secrets, aws.*); repeatable."),
    ] = None


DEFAULTS = Settings()


def with_blocks(command: Callable[..., int]) -> Callable[..., int]:
    """The command with each parameter whose type is a block of options replaced by the options themselves."""
    known = inspect.signature(command, eval_str=True)
    blocks = {p.name: p.annotation for p in known.parameters.values() if p.annotation in {Settings, CloudSettings}}
    parameters: list[inspect.Parameter] = []
    for parameter in known.parameters.values():
        if parameter.name not in blocks:
            parameters.append(parameter)
            continue
        block = blocks[parameter.name]
        hints = get_type_hints(block, include_extras=True)
        parameters += [
            inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name])
            for f in dataclasses.fields(block)
        ]

    def run(**given: object) -> int:
        for name, block in blocks.items():
            given[name] = block(**{f.name: given.pop(f.name) for f in dataclasses.fields(block)})
        return command(**given)

    ordered = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    run.__signature__ = known.replace(parameters=ordered)  # type: ignore[attr-defined]  # what inspect looks for
    run.__annotations__ = {p.name: p.annotation for p in ordered} | {"return": int}
    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    return run


def options_of(
    targets: Sequence[str] | None,
    settings: Settings | None = None,
    cloud: CloudSettings | None = None,
    **more: Any,  # noqa: ANN401 - handed on to Options unchanged
) -> Options:
    """The api's options.  The clock is read here and nowhere else.  Raises UsageError and TargetSyntaxError."""
    from nhiscan.api import Options
    from nhiscan.collect.targets import parse

    settings = settings or Settings()
    if settings.staged and (settings.since or settings.history):
        msg = "--staged reads the index alone"
        raise UsageError(msg, "leave --since and --history out, or --staged")
    texts = [*(targets or ()), *_from_file(settings.targets_file)] or ["."]
    return Options(
        targets=tuple(parse(text) for text in dict.fromkeys(texts)),
        named=bool(targets or settings.targets_file),
        as_of=moment(settings.as_of),
        config_path=settings.config,
        use_config=not settings.no_config,
        jobs=settings.jobs,
        cache_dir=None if settings.no_cache else cache_dir(),
        history=settings.history,
        since=settings.since,
        staged=settings.staged,
        user=settings.user,
        collect=_collectors(settings.collect),
        cloud=(cloud or CloudSettings()).parsed(),
        **more,
    )


def _collectors(wanted: Sequence[str] | None) -> frozenset[str]:
    """The names of the collectors that the patterns name."""
    from nhiscan.cli.errors import inert
    from nhiscan.collect import registry

    names = registry.names() if wanted else ()
    for pattern in wanted or ():
        if not fnmatch.filter(names, pattern):
            msg = f"there is no collector {inert(pattern)}"
            raise UsageError(msg, f"use one of: {', '.join(names)}")
    return frozenset(name for pattern in wanted or () for name in fnmatch.filter(names, pattern))


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
