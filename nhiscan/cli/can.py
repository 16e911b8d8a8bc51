"""`nhiscan can`: whether a principal may do something, as AWS decides it, and which statements say so."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan.cli import common
from nhiscan.cli.errors import UsageError, inert

if TYPE_CHECKING:
    from nhiscan.api.can import Said

FORMATS = ("text", "json")
VERDICTS = ("allow", "deny", "unknown")


@common.with_blocks
def can(
    principal: Annotated[
        str,
        typer.Argument(
            metavar="PRINCIPAL", help="A user, role, session or root by ARN, or a name; a service; * for anybody."
        ),
    ],
    action: Annotated[str, typer.Argument(metavar="ACTION", help="An action, as in s3:GetObject.")],
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="An ARN, or a name; * for none.")] = "*",
    targets: Annotated[
        list[str] | None, typer.Option("--target", "-t", metavar="TARGET", help="aws[:PROFILE], snapshot:DIR.")
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context", "-c", metavar="KEY=VALUE", help="A condition key; repeat for more values, KEY= for none."
        ),
    ] = None,
    exact_context: Annotated[
        bool, typer.Option("--exact-context", help="Keys that are not given are absent, not unknown.")
    ] = False,
    session_policy: Annotated[
        list[Path] | None, typer.Option("--session-policy", metavar="FILE", help="A policy the session was given.")
    ] = None,
    expect: Annotated[
        str | None, typer.Option("--expect", metavar="VERDICT", help="Exit 1 unless the answer is allow or deny.")
    ] = None,
    output_format: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="text or json.")] = "text",
    settings: common.Settings = common.DEFAULTS,
    cloud: common.CloudSettings = common.CLOUD_DEFAULTS,
    quiet: common.Quiet = False,
) -> int:
    """Answer whether AWS would allow it: allow, deny or unknown, with the statements that decide."""
    from nhiscan.analysis.aws.question import Question, QuestionError
    from nhiscan.api.can import can as answered

    _one_of("--format", output_format, FORMATS)
    if expect is not None:
        _one_of("--expect", expect, VERDICTS)
    question = Question(
        principal=principal,
        action=action,
        resource=resource,
        context=_context(context or ()),
        closed=exact_context,
        session_policies=tuple(_text(path) for path in session_policy or ()),
    )
    options = common.options_of(targets, settings, cloud)
    try:
        with common.progress(quiet=quiet) as on_progress:
            said = answered(options, question, on_progress)
    except QuestionError as e:
        raise UsageError(str(e), e.remedy) from None
    _json(said) if output_format == "json" else _print(said)
    return _exit_code(said, expect)


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        msg = f"{option} {value!r} is unknown"
        raise UsageError(msg, f"use one of {', '.join(known)}")


def _context(pairs: tuple[str, ...] | list[str]) -> dict[str, tuple[str, ...]]:
    """Condition keys with their values; a key without one is absent from the request."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            msg = f"--context {pair!r} is no KEY=VALUE"
            raise UsageError(msg, "write --context aws:SourceIp=203.0.113.7")
        found[key.strip()] = (*found.get(key.strip(), ()), *((value,) if value else ()))
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        msg = f"cannot read the session policy {path}"
        raise UsageError(msg, "name a readable JSON file") from None


def _print(said: Said) -> None:
    question, answer = said.question, said.answer
    out = [f"{answer.verdict}: {question.principal} {question.action} {question.resource}"]
    out += [f"  because {reason}" for reason in answer.reasons]
    out += [f"  note: {note}" for note in answer.notes]
    sys.stdout.write("\n".join(map(inert, out)) + "\n")
    _warn(said)


def _json(said: Said) -> None:
    from nhiscan.cli.inventory import print_json

    question, answer = said.question, said.answer
    print_json(
        {
            "verdict": str(answer.verdict),
            "principal": question.principal,
            "action": question.action,
            "resource": question.resource,
            "context": {key: list(values) for key, values in sorted(question.context.items())},
            "reasons": list(answer.reasons),
            "notes": list(answer.notes),
        }
    )
    _warn(said)


def _warn(said: Said) -> None:
    for target in said.gathered.targets:
        if target.failed:
            sys.stderr.write(
                f"warning: {inert(target.text)}: {inert(target.error or '')}\n  try: {inert(target.remedy or '')}\n"
            )


def _exit_code(said: Said, expect: str | None) -> int:
    """0 for an answer, whatever it is; with --expect 1 for another one."""
    from nhiscan.triage.exitcode import ExitCode

    return ExitCode.CLEAN if expect in {None, str(said.answer.verdict)} else ExitCode.FINDINGS
