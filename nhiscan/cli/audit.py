"""`nhiscan audit`: the main job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError, inert
from nhiscan.cli.output import Output, check, outputs, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.model import Confidence, Severity
    from nhiscan.triage.result import Result

REDACTABLE = ("people", "accounts")


@common.with_blocks
def audit(
    targets: common.Targets = None,
    output_format: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="text, json or sarif on standard output.")
    ] = "text",
    output: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", metavar="FILE", help="Also write FILE (format by suffix) or FORMAT=FILE."),
    ] = None,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="SEVERITY",
            help="Exit 1 at this severity or above, or none. [default: high, or as the profile says]",
        ),
    ] = None,
    min_confidence: Annotated[
        str | None,
        typer.Option("--min-confidence", metavar="LEVEL", help="Leave less certain findings out of the gate and text."),
    ] = None,
    new_only: Annotated[bool, typer.Option("--new-only", help="Gate and print only what the baseline lacks.")] = False,
    require_coverage: Annotated[
        bool, typer.Option("--require-coverage", help="Exit 3 when anything could not be assessed.")
    ] = False,
    allow_failed_targets: Annotated[
        bool, typer.Option("--allow-failed-targets", help="Do not exit 4 when some targets gave nothing.")
    ] = False,
    rules: common.RulesDirs = None,
    select: Annotated[
        list[str] | None, typer.Option("--select", metavar="LABEL", help="Only this rule, area or framework item.")
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="LABEL", help="Not this rule, area or framework item.")
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", metavar="NAME", help="default, strict or ci: ready-made rules, thresholds and gate."),
    ] = None,
    framework: Annotated[
        list[str] | None,
        typer.Option("--framework", metavar="NAME", help="Print the scorecard of a framework or item; repeatable."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Findings that are known already.")
    ] = None,
    ingest: common.Ingest = None,
    settings: common.Settings = common.DEFAULTS,
    policy_ref: Annotated[
        str | None,
        typer.Option("--policy-ref", metavar="REF", help="Take config, baseline and inline ignores from this git ref."),
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Keep the run; a run that was cut off continues.")
    ] = None,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
    redact: Annotated[
        list[str] | None, typer.Option("--redact", metavar="WHAT", help="people, accounts; in every format.")
    ] = None,
    include_people: Annotated[
        bool, typer.Option("--include-people", help="Let people's names into SARIF as well.")
    ] = False,
    no_color: common.NoColor = False,
    quiet: common.Quiet = False,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, help="Every place, reason and gap; API calls.")
    ] = 0,
) -> int:
    """Audit targets and say what to fix first."""
    from nhiscan import api
    from nhiscan.config.profile import profile as profile_of
    from nhiscan.triage.gate import Gate, exit_code

    options = common.options_of(
        targets, settings, cloud, rules=tuple(rules or ()), select=tuple(select or ()), ignore=tuple(ignore or ()),
        baseline=baseline, save=save, policy_ref=policy_ref, redact=_redact(redact),
        ingest=tuple(ingest or ()), profile=profile, frameworks=tuple(framework or ()),
    )  # fmt: skip
    policy = api.load_policy(options)
    chosen = profile_of(profile or policy.config.profile)
    gate = Gate(
        fail_on=severity_of(fail_on or policy.config.fail_on or chosen.fail_on),
        min_confidence=_confidence(min_confidence or policy.config.min_confidence or chosen.min_confidence),
        new_only=new_only,
        require_coverage=require_coverage,
        allow_failed_targets=allow_failed_targets,
    )
    files = outputs([*policy.config.output, *(output or ())])
    view = Output(output_format, files, verbose, quiet, no_color, include_people)
    check(view)
    with common.progress(quiet=quiet) as on_progress:
        result = api.audit(policy, on_progress)
    render(result, view, gate)
    _say_end(result, verbose)
    return exit_code(result, gate)


def _say_end(result: Result, verbose: int) -> None:
    if verbose and result.calls:
        _say_calls(result.calls)
    for crash in result.crashes:
        sys.stderr.write(f"error: a collector broke, what it gave before is kept: {inert(crash)}\n")
    if result.errors:
        broken = ", ".join(e.rule_id for e in result.errors)
        sys.stderr.write(f"error: {len(result.errors)} rule(s) broke and decided nothing: {broken}\n")
    for target in result.targets:
        if target.failed:
            sys.stderr.write(
                f"error: {inert(target.text)}: {inert(target.error or '')}\n  try: {inert(target.remedy or '')}\n"
            )


def _say_calls(calls: Mapping[str, int]) -> None:
    """How many calls of which kind; those that IAM wants for each single identity stand apart, as they grow with it."""
    from nhiscan.collect.permissions import PER_IDENTITY

    single = {operation: n for operation, n in calls.items() if operation in PER_IDENTITY}
    whole = {operation: n for operation, n in calls.items() if operation not in PER_IDENTITY}
    each = ", ".join(f"{operation} {n}" for operation, n in whole.items())
    sys.stderr.write(f"{sum(calls.values())} API calls: {each}\n")
    if single:
        each = ", ".join(f"{operation} {n}" for operation, n in single.items())
        sys.stderr.write(f"  and for single users and roles {sum(single.values())}: {each}\n")


def _redact(values: list[str] | None) -> frozenset[str]:
    found = frozenset(part.strip() for value in values or () for part in value.split(",") if part.strip())
    if found - set(REDACTABLE):
        msg = f"--redact does not know {', '.join(sorted(found - set(REDACTABLE)))}"
        raise UsageError(msg, f"use {' or '.join(REDACTABLE)}")
    return found


def severity_of(text: str) -> Severity | None:
    """The severity that `--fail-on` names, None for `none`.  Raises UsageError."""
    from nhiscan.model import Severity

    if text not in (*Severity, "none"):
        msg = f"--fail-on {text!r} is no severity"
        raise UsageError(msg, f"use one of {', '.join(Severity)}, none")
    return None if text == "none" else Severity(text)


def _confidence(text: str) -> Confidence:
    from nhiscan.model import Confidence

    if text not in tuple(Confidence):
        msg = f"--min-confidence {text!r} is no confidence"
        raise UsageError(msg, f"use one of {', '.join(Confidence)}")
    return Confidence(text)
