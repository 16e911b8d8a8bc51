"""The text report: what to fix first, two lines for each entry, and how much could not be assessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.model import Severity
from nhiscan.report._plain import clean, short_keys
from nhiscan.report._redact import redact
from nhiscan.report._text_alike import alike, apart
from nhiscan.report._text_coverage import families, frameworks, not_assessed, not_seen
from nhiscan.report._text_evidence import confidence, mapped, only, others, told, weighed
from nhiscan.report._text_scorecard import scorecards
from nhiscan.triage.context import IN_HISTORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from rich.console import Console

    from nhiscan.report._options import ReportOptions
    from nhiscan.triage.result import Finding, Location, Result

SUFFIXES = (".txt",)

# A line is pieces of text, each with a style; nothing here is ever parsed as markup.
Line = list[tuple[str, str]]

_STYLES = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "cyan",
    Severity.INFO: "dim",
}
_HEADINGS = {
    Severity.CRITICAL: "Fix first",
    Severity.HIGH: "Fix next",
    Severity.MEDIUM: "Plan",
    Severity.LOW: "When you pass by",
    Severity.INFO: "Good to know",
}
_FILE_SCOPES = ("repo:", "dir:")
_PLACES = 2
_REASONS = 3
_HOLES = 5
_HINT = 110
_INDENT = " " * 10
_ASCII = str.maketrans({"…": "...", "·": "-", "→": "->"})


def write(result: Result, out: TextIO, options: ReportOptions) -> None:
    """Write the report for a person.

    On a terminal lines are cut to its width; anywhere else (a file, a pipe, a log) they are whole.  Colour follows the
    terminal, NO_COLOR and `options.color`.
    """
    from rich.console import Console

    shown = redact(result, result.redact | options.redact)
    console = Console(
        file=out,
        width=options.width,
        no_color=options.color is False or None,
        force_terminal=True if options.color else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    width = options.width or (console.width if out.isatty() else None)
    encoding = getattr(out, "encoding", None) or "utf-8"
    for line in _lines(shown, options.verbosity):
        _print(console, line, width, encoding)


def _print(console: Console, line: Line, width: int | None, encoding: str) -> None:
    from rich.text import Text

    text = Text(end="")
    for piece, style in line:
        text.append(_encodable(piece, encoding), style)
    if width is None:
        console.print(text, soft_wrap=True)
    elif line[0][1] in _STYLES.values():
        # What a finding says is never cut: it goes on below, indented.
        body = text[len(line[0][0]) :].wrap(console, max(width - max(len(line[0][0]), len(_INDENT)), 20))
        for number, rest in enumerate(body):
            console.print(Text.assemble(line[0] if number == 0 else _INDENT, rest), soft_wrap=True)
    else:
        text.truncate(max(width, 20), overflow="ellipsis" if _encodable("…", encoding) == "…" else "crop")
        console.print(text, soft_wrap=True)


def _encodable(text: str, encoding: str) -> str:
    """The text as the stream can take it: a terminal in the C locale must not end the report."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return text


def say(text: str) -> str:
    """Text from outside made fit for a terminal: one line, harmless, key ids shortened."""
    return short_keys(clean(text))


def _lines(result: Result, verbosity: int) -> Iterator[Line]:
    yield from _failures(result)
    if verbosity >= 0:
        yield from _header(result)
    if result.scorecards:
        cards = scorecards(result.scorecards, result.families, everything=verbosity > 0)
        yield from ([(say(text), style) for text, style in line] for line in cards)
    else:
        yield from _entries(result, verbosity)
    yield [("", "")]
    yield from _summary(result, verbosity)


def _entries(result: Result, verbosity: int) -> Iterator[Line]:
    shown = [f for f in result.entries if f.state == "new" or (verbosity > 0 and f.state == "known")]
    folded: dict[str, list[Finding]] = {}
    for finding in result.findings:
        if finding.folded_into is not None:
            folded.setdefault(finding.folded_into, []).append(finding)
    for severity in Severity:
        group = [f for f in shown if f.severity == severity]
        if group:
            yield [("", "")]
            yield [(f"{_HEADINGS[severity]} ({len(group)})", "bold")]
        written, more = (group, []) if verbosity > 0 else apart(group)
        for finding in written:
            yield from _entry(finding, folded.get(finding.id, []), result.scopes, verbosity)
        for text in alike(more):
            yield [(f"{_INDENT}{say(text)}; -v shows them, -o FILE keeps them", "dim")]
    if verbosity > 0:
        yield from _suppressed(result.entries)
        yield from ([("reported by others only: ", "dim"), (say(text), "dim")] for text in only(result.unmatched))


def _failures(result: Result) -> Iterator[Line]:
    for error in result.errors:
        yield [("ERROR     ", "bold red"), (say(f"rule {error.rule_id} broke, not assessed: {error.message}"), "")]
    for target in result.targets:
        if target.failed:
            remedy = f" → {target.remedy}" if target.remedy else ""
            text = f"{target.text}: {target.error or 'nothing was audited'}{remedy}"
            yield [("FAILED    ", "bold red"), (say(text), "")]


def _header(result: Result) -> Iterator[Line]:
    for target in result.targets:
        if not target.failed:
            names = ", ".join(result.scopes.get(s, s) for s in target.scopes)
            counts = f"identities {target.identities}, credentials {target.credentials}"
            yield [(say(f"{target.text} ({names}): {counts}" if names else f"{target.text}: {counts}"), "dim")]


def _entry(finding: Finding, reasons: Sequence[Finding], scopes: Mapping[str, str], verbosity: int) -> Iterator[Line]:
    first: Line = [(f"{finding.severity.upper():<10}", _STYLES[finding.severity])]
    if finding.state != "new":
        first.append((f"[{finding.state}] ", "dim"))
    name = _name(finding)
    # What is said of a credential, trust or grant names it already, by more than its variable or id.
    says_itself = finding.subject.table in {"credential", "trust", "attachment"}
    if not says_itself and name.rsplit(" → ", 1)[-1] not in say(finding.message):
        first.append((f"{name}: ", "bold"))
    first.append((say(finding.message), ""))
    yield first
    if verbosity > 0:
        yield from _details(finding, reasons, scopes)
    elif verbosity == 0:
        yield [(_INDENT, ""), (" · ".join(_facts(finding, reasons, scopes)), "dim")]


def _name(finding: Finding) -> str:
    return say(finding.subject.name or finding.subject.id)


def _facts(finding: Finding, reasons: Sequence[Finding], scopes: Mapping[str, str]) -> Iterator[str]:
    yield finding.id
    if finding.base is not None:
        yield weighed(finding)
    rules = list(dict.fromkeys([finding.rule.id, *(r.rule.id for r in reasons)]))
    more = f" +{len(rules) - _REASONS}" if len(rules) > _REASONS else ""
    yield ", ".join(rules[:_REASONS]) + more
    places = [_place(p, finding, scopes) for p in finding.locations]
    more = f" +{len(places) - _PLACES}" if len(places) > _PLACES else ""
    yield ", ".join(places[:_PLACES]) + more
    owner = finding.owner
    yield "no known owner" if owner is None else f"owner {say(owner.name)}"
    if finding.evidence:
        yield say(f"also reported by {others(finding.evidence)}")
    if finding.fix:
        yield f"fix: {_hint(finding.fix)}"


def _hint(fix: str) -> str:
    """The first sentence, cut at 110 characters."""
    # Key ids stay whole here: a command is there to be run.
    text = clean(fix)
    end = min((i for i in (text.find(". "), text.find("; ")) if i > 0), default=len(text))
    return text[:end].rstrip(".") if end <= _HINT else f"{text[: _HINT - 1].rstrip()}…"


def _place(place: Location, finding: Finding, scopes: Mapping[str, str]) -> str:
    line = f":{place.line}" if place.line else ""
    # A commit matters where the file no longer shows it; for what lies there today the place says enough.
    past = place.commit is not None and IN_HISTORY in (place.note or "")
    commit = f" in {(place.commit or '')[:8]}" if past else ""
    note = f" ({place.note})" if place.note else ""
    home, scope = finding.subject.scope_id, place.scope_id or ""
    foreign = scope != home and scope.startswith(_FILE_SCOPES) and home.startswith(_FILE_SCOPES)
    where = f" of {scopes.get(scope, scope)}" if foreign else ""
    return say(f"{place.uri}{line}{where}{commit}{note}")


def _details(finding: Finding, reasons: Sequence[Finding], scopes: Mapping[str, str]) -> Iterator[Line]:
    def row(label: str, text: str) -> Line:
        return [(f"{_INDENT}{label:<9}", "dim"), (text, "")]

    yield row(
        "finding",
        f"{finding.id}, {say(confidence(finding))}, {say(finding.rule.title)} ({finding.rule.id})",
    )
    if finding.base is not None:
        yield row("severity", weighed(finding))
    for reason in reasons:
        yield row("also", f"{reason.rule.id} {reason.severity}: {say(reason.message)}")
    for place in finding.locations:
        yield row("place", _place(place, finding, scopes))
    for item in finding.evidence:
        yield row("evidence", say(told(item)))
    owner = finding.owner
    yield row("owner", "nobody known" if owner is None else f"{say(owner.name)} ({owner.basis}, {owner.confidence})")
    if finding.fix:
        yield row("fix", clean(finding.fix))
    for name, items in sorted(finding.maps.items()):
        yield row("maps to", say(f"{name}: {', '.join(mapped(i, level) for i, level in items.items())}"))


def _suppressed(entries: Iterable[Finding]) -> Iterator[Line]:
    for finding in entries:
        if finding.state == "suppressed":
            text = f"{finding.rule.id} {_name(finding)}: {say(finding.suppression or '')}"
            yield [("suppressed ", "dim"), (text, "dim")]


def _summary(result: Result, verbosity: int) -> Iterator[Line]:
    yield _counts(result)
    if verbosity < 0:
        return
    for text in (*frameworks(result, everything=verbosity > 0), *families(result)):
        yield [(say(text), "")]
    holes = [] if result.scorecards else list(not_assessed(result.coverage))
    shown = holes if verbosity > 0 else holes[:_HOLES]
    for text in shown:
        yield [("not assessed: ", "yellow"), (say(text), "")]
    if len(holes) > len(shown):
        yield [("not assessed: ", "yellow"), (f"{len(holes) - len(shown)} more reasons; -v shows them", "")]
    for text in not_seen(result.gaps, holes, everything=verbosity > 0):
        yield [("not seen: ", "yellow"), (say(text), "")]
    for notice in result.notices:
        remedy = f" → {notice.remedy}" if notice.remedy else ""
        yield [("note: ", "cyan"), (say(f"{notice.message}{remedy}"), "")]


def _counts(result: Result) -> Line:
    entries = result.entries
    new = [f for f in entries if f.state == "new"]
    counts = ((s, sum(f.severity == s for f in new)) for s in Severity)
    parts = [(f"{number} {severity}", _STYLES[severity]) for severity, number in counts if number]
    none = "No new findings" if entries else "No findings"
    if result.targets and all(t.failed for t in result.targets):
        none = "Nothing was audited"
    line: Line = [(f"{len(new)} finding{'s' if len(new) > 1 else ''}: " if new else none, "bold")]
    for n, part in enumerate(parts):
        line += [(" · ", ""), part] if n else [part]
    rest = {s: sum(f.state == s for f in entries) for s in ("known", "suppressed")}
    hidden = ", ".join(f"{number} {state}" for state, number in rest.items() if number)
    return [*line, (f" ({hidden})", "dim")] if hidden else line
