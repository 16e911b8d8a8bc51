"""`nhiscan diff`: what changed between two saved runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nhiscan import __version__
from nhiscan.cli.audit import severity_of
from nhiscan.cli.errors import UsageError, inert

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.api.diff import Diff
    from nhiscan.api.unseen import Side
    from nhiscan.model import Severity

FORMATS = ("text", "json")
SCHEMA = "nhiscan-diff/1"
PARTS = {"identity": "identities", "credential": "credentials", "finding": "findings"}
SHOWN = 10  # lines of one kind of change; -v shows all
_WORDS = {
    "new": "new", "gone": "gone", "rotated": "rotated", "repermissioned": "with other permissions",
    "reowned": "with other owners", "fixed": "fixed", "severity": "of another severity", "suppressed": "suppressed",
    "not_seen": "not seen",
}  # fmt: skip
_KINDS = {
    "identity": ("new", "gone", "repermissioned", "reowned", "not_seen"),
    "credential": ("new", "gone", "rotated", "reowned", "not_seen"),
    "finding": ("new", "fixed", "severity", "suppressed", "not_seen"),
}


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A saved run (audit --save DIR), or a JSON report.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The later one; of two reports, findings are compared.")],
    output_format: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="text or json.")] = "text",
    fail_on: Annotated[
        str,
        typer.Option("--fail-on", metavar="SEVERITY", help="Exit 1 when a new finding is this severe, or became so."),
    ] = "none",
    require_coverage: Annotated[
        bool, typer.Option("--require-coverage", help="Exit 3 when the new run did not see what the old one had.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every change, and every reason.")] = False,
) -> int:
    """Say what changed between two runs: identities, credentials, permissions, owners, findings."""
    from nhiscan import api

    if output_format not in FORMATS:
        msg = f"--format {output_format!r} is unknown"
        raise UsageError(msg, f"use one of {', '.join(FORMATS)}")
    threshold = severity_of(fail_on)
    with api.diff(old, new) as found:
        if output_format == "json":
            sys.stdout.writelines(_json(found))
        else:
            sys.stdout.writelines(f"{line}\n" for line in _text(found, None if verbose else SHOWN))
        sys.stdout.flush()
        return _code(found, threshold, require_coverage=require_coverage)


def _code(found: Diff, threshold: Severity | None, *, require_coverage: bool) -> int:
    from nhiscan.triage.exitcode import ExitCode
    from nhiscan.triage.gate import SEVERITIES

    if threshold is not None:
        severe = {s.value for s in SEVERITIES[: SEVERITIES.index(threshold) + 1]}
        if any(now in severe and before not in severe for now, before in found.comparison.worse()):
            return ExitCode.FINDINGS
    unseen = any(change == "not_seen" for _, change in found.comparison.counts())
    cut_off = not (found.old.complete and found.new.complete)
    return ExitCode.INCOMPLETE if require_coverage and (unseen or cut_off) else ExitCode.CLEAN


def _json(found: Diff) -> Iterator[str]:
    """The whole comparison as JSON in ASCII, one change a line, written as it is read."""
    counts = found.comparison.counts()
    head = {
        "schema": SCHEMA,
        "version": __version__,
        "old": _side(found.old),
        "new": _side(found.new),
        "compared": [PARTS[part] for part in PARTS if found.inventory or part == "finding"],
        "notes": list(found.notes),
        "summary": {PARTS[p]: {change: counts.get((p, change), 0) for change in _KINDS[p]} for p in PARTS},
        "not_seen": [
            {"reason": reason, "part": PARTS[part], "count": n, "remedy": remedy}
            for reason, part, remedy, n in found.comparison.reasons()
        ],
    }
    yield "{\n" + ",\n".join(f"  {_dumps(key)}: {_dumps(value)}" for key, value in head.items())
    for part, name in PARTS.items():
        yield f",\n  {_dumps(name)}: ["
        for n, row in enumerate(found.comparison.changes(part)):
            yield f"{',' if n else ''}\n    {_dumps(_change(row))}"
        yield "]"
    yield "\n}\n"


def _change(row: Mapping[str, object]) -> dict[str, object]:
    """A change without its part, which is the name of the list; a finding names its rule, subject and message."""
    shown = {key: value for key, value in row.items() if key != "part"}
    if row["part"] == "finding":
        for key, called in (("kind", "rule"), ("name", "subject"), ("how", "message")):
            shown[called] = shown.pop(key)
        for key in ("provider", "gained", "lost"):
            del shown[key]
        return shown
    return shown | {"gained": row["gained"] or [], "lost": row["lost"] or []}


def _side(side: Side) -> dict[str, object]:
    return {
        "name": side.text,
        "as_of": side.as_of.replace("+00:00", "Z"),
        "version": side.tool,
        "targets": list(side.targets),
        "complete": side.complete,
        "report": side.key_id is None,
    }


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")


def _text(found: Diff, limit: int | None) -> Iterator[str]:
    """Counts first, then each kind of change, at most `limit` lines of each."""
    for label, side in (("old", found.old), ("new", found.new)):
        yield f"{label}  {inert(side.text)}  as of {side.as_of[:10]}{'' if side.complete else ', cut off'}"
    yield ""
    counts = found.comparison.counts()
    for part, name in PARTS.items():
        if found.inventory or part == "finding":
            yield f"{name.capitalize():12} {_counted(part, counts, found.comparison.severities())}"
    for note in found.notes:
        yield f"Note: {inert(note)}"
    for part in PARTS:
        for change in _KINDS[part]:
            if change != "not_seen" and counts.get((part, change)):
                yield from _section(found, part, change, counts[part, change], limit)
    yield from _unseen(found, limit)


def _counted(part: str, counts: Mapping[tuple[str, str], int], severities: Mapping[str, int]) -> str:
    from nhiscan.model import Severity

    said = []
    for change in _KINDS[part]:
        number = counts.get((part, change), 0)
        if number:
            each = ", ".join(f"{severities[s]} {s.value}" for s in Severity if severities.get(s.value))
            said.append(f"{number} {_WORDS[change]}" + (f" ({each})" if (part, change) == ("finding", "new") else ""))
    return ", ".join(said) or "no change"


def _section(found: Diff, part: str, change: str, number: int, limit: int | None) -> Iterator[str]:
    one = part if number == 1 else PARTS[part]
    before = change in {"new", "fixed", "suppressed", "rotated", "gone"}
    yield ""
    yield (f"{_WORDS[change]} {one}" if before else f"{one} {_WORDS[change]}").capitalize()
    shown = 0
    for row in found.comparison.changes(part, change, limit):
        shown += 1
        yield f"  {inert(_line(row))}"
        if row["reason"]:
            yield f"      not known to the old run: {inert(str(row['reason']))}"
    if limit is not None and number > shown >= limit:
        yield f"  and {number - shown} more; -v shows them, -f json has all"


def _line(row: Mapping[str, object]) -> str:
    if row["part"] == "finding":
        told = f"{row['old']} → {row['new']}" if row["old"] and row["new"] else str(row["new"] or row["old"])
        return f"{told:8} {row['kind']}  {row['how']}  ({row['scope_id']})"
    who = f"{str(row['kind'] or '').replace('_', ' ')} {row['name'] or ''}".strip()
    return f"{who}  {row['id']}{_told(row)}"


def _told(row: Mapping[str, object]) -> str:
    if row["change"] == "rotated":
        was = f" (before: {row['old']})" if row["old"] not in {None, row["new"]} else ""
        return f": {row['how']}{was}"
    if row["change"] == "reowned":
        return f": {row['old'] or 'nobody'} → {row['new'] or 'nobody'}"
    if row["change"] == "repermissioned":
        return ": " + "; ".join([*_signed("+", row["gained"]), *_signed("-", row["lost"])])
    return ""


def _signed(sign: str, items: object) -> Iterable[str]:
    named: Sequence[object] = items if isinstance(items, list) else []
    yield from (f"{sign} {item}" for item in named[:4])
    if len(named) > 4:
        yield f"{sign} {len(named) - 4} more"


def _unseen(found: Diff, limit: int | None) -> Iterator[str]:
    reasons = found.comparison.reasons()
    if not reasons:
        return
    yield ""
    yield "Not seen by the new run, so neither gone nor fixed"
    for reason, part, remedy, number in reasons[:limit]:
        yield f"  {number} {part if number == 1 else PARTS[part]}: {inert(reason)}"
        yield f"      try: {inert(remedy)}"
    if limit is not None and len(reasons) > limit:
        yield f"  and {len(reasons) - limit} more reasons; -v shows them"
