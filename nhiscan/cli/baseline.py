"""`nhiscan baseline create|update`: accept what is there, so that only new findings count."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan import __version__
from nhiscan.cli import common

if TYPE_CHECKING:
    from nhiscan.triage.result import Result

DEFAULT = Path("nhiscan-baseline.json")

app = typer.Typer(
    help="Create or update a baseline of known findings.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip

File = Annotated[Path, typer.Option("--output", "-o", "--baseline", metavar="FILE", help="The baseline file.")]


@app.command()
@common.with_blocks
def create(
    targets: common.Targets = None,
    output: File = DEFAULT,
    rules: common.RulesDirs = None,
    settings: common.Settings = common.DEFAULTS,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
    quiet: common.Quiet = False,
) -> int:
    """Write every present finding into a new baseline."""
    from nhiscan.triage import baseline
    from nhiscan.triage.files import write_atomic

    result = _result(targets, None, rules, settings, cloud, quiet)
    fresh = baseline.create(result.findings)
    write_atomic(output, baseline.dump(fresh, __version__))
    sys.stderr.write(f"wrote {output} with {len(fresh.entries)} findings\n")
    return _code(result)


@app.command()
@common.with_blocks
def update(
    targets: common.Targets = None,
    output: File = DEFAULT,
    rules: common.RulesDirs = None,
    settings: common.Settings = common.DEFAULTS,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
    quiet: common.Quiet = False,
) -> int:
    """Drop what is fixed from a baseline and add nothing: new findings stay new."""
    from nhiscan.triage import baseline
    from nhiscan.triage.files import write_atomic

    old = baseline.load(output)
    result = _result(targets, output, rules, settings, cloud, quiet)
    kept = baseline.update(old, result.findings, baseline.unseen(old, result.coverage, result.targets))
    write_atomic(output, baseline.dump(kept, __version__))
    sys.stderr.write(f"kept {len(kept.entries)} of {len(old.entries)} findings in {output}\n")
    return _code(result)


def _result(
    targets: list[str] | None,
    known: Path | None,
    rules: list[Path] | None,
    settings: common.Settings,
    cloud: common.CloudSettings,
    quiet: bool,
) -> Result:
    from nhiscan import api

    options = common.options_of(targets, settings, cloud, rules=tuple(rules or ()), baseline=known)
    with common.progress(quiet=quiet) as on_progress:
        return api.audit(api.load_policy(options), on_progress)


def _code(result: Result) -> int:
    """Writing a baseline never fails on findings, only on what was not seen."""
    from nhiscan.triage.gate import Gate, exit_code

    return exit_code(result, Gate(fail_on=None))
