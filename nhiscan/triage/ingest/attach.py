"""Laying the reports of other tools beside our findings: what is said of the same place becomes evidence of ours."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.model import Confidence, CredentialKind
from nhiscan.triage.ingest import paths
from nhiscan.triage.ingest.sighting import About, place
from nhiscan.triage.ingest.zizmor import IDENTITY, STYLE
from nhiscan.triage.result import Evidence, Ingested, Notice, Unmatched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.store.inventory import Inventory
    from nhiscan.triage.ingest.load import Report
    from nhiscan.triage.ingest.paths import File, Ground
    from nhiscan.triage.ingest.sighting import Sighting
    from nhiscan.triage.result import Finding

_LONG_KINDS = frozenset({CredentialKind.PRIVATE_KEY, CredentialKind.SSH_KEY, CredentialKind.CERTIFICATE,
                         CredentialKind.SIGNING_CERTIFICATE})  # fmt: skip
# Lines of a PEM file: an RSA key of 4096 bits has 52, and a certificate rarely more.
_LONG = 64
# A range of more lines says that something is in the file, not where.
_WIDEST = 200
_CONFIDENCES = tuple(Confidence)
# The rules that judge whether a value is a secret and lies open; another scanner agrees with nothing else.
_FAMILY = "secret_hygiene"
_FILE_SCOPES = ("repo:", "dir:")


@dataclass(frozen=True, slots=True)
class Laid:
    """What became of the reports: each with its counts, what only they report, and what there is to say."""

    reports: tuple[Ingested, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Estate:
    """What the inventory adds to findings: files, the consumers of each file, and the ids providers use."""

    ground: Ground
    jobs: Mapping[File, Sequence[tuple[int, str, str | None]]] = field(default_factory=dict)
    natives: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A finding (by number) that a sighting stands beside; `exact`: at the very line."""

    number: int
    file: File | None = None
    line: int | None = None
    exact: bool = False


def estate(inventory: Inventory, roots: Iterable[tuple[str, str]], base: str) -> Estate:
    """The estate of an inventory; `roots` are scope ids with directories of this machine.  Raises StoreError."""
    files: dict[str, set[str]] = defaultdict(set)
    query = "SELECT scope_id, uri FROM {} WHERE uri IS NOT NULL GROUP BY ALL"
    for table in ("exposure", "consumer", '"use"'):
        for row in inventory.sql(query.format(table)):
            if str(row["scope_id"]).startswith(_FILE_SCOPES):
                files[str(row["uri"])].add(str(row["scope_id"]))
    jobs: dict[File, list[tuple[int, str, str | None]]] = defaultdict(list)
    query = "SELECT id, scope_id, uri, line, parent_id FROM consumer WHERE uri IS NOT NULL AND line IS NOT NULL"
    for row in inventory.sql(query):
        parent = row["parent_id"]
        item = (int(str(row["line"])), str(row["id"]), None if parent is None else str(parent))
        jobs[str(row["scope_id"]), str(row["uri"])].append(item)
    natives: dict[str, list[str]] = defaultdict(list)
    for row in inventory.sql("SELECT id, native_id FROM identity WHERE native_id IS NOT NULL"):
        natives[str(row["native_id"])].append(str(row["id"]))
    ground = paths.Ground({uri: frozenset(owners) for uri, owners in files.items()}, tuple(roots), base)
    return Estate(ground, {f: sorted(items, key=lambda i: i[:2]) for f, items in jobs.items()}, natives)


def attach(findings: Sequence[Finding], reports: Sequence[Report], known: Estate) -> tuple[list[Finding], Laid]:
    """The findings with the evidence of the reports, in the same order, and what became of the reports.

    Places, states and ids stay as they are.  The confidence that a value is a secret rises by one step where another
    tool reports a secret on the very line.
    """
    index = _Index(findings, known)
    evidence: dict[int, dict[tuple[str, str], Evidence]] = defaultdict(dict)
    agreed: set[int] = set()
    told: list[Ingested] = []
    only: set[Unmatched] = set()
    for report in reports:
        resolver = paths.Resolver(report, known.ground)
        matched = 0
        for sighting in report.sightings:
            hits = index.hits(sighting, resolver)
            matched += bool(hits)
            for hit in hits:
                item = _evidence(sighting, hit)
                old = evidence[hit.number].setdefault((item.tool, item.rule), item)
                if item.verified and not old.verified:
                    evidence[hit.number][item.tool, item.rule] = replace(old, verified=True)
                if hit.exact and _agrees(findings[hit.number], sighting):
                    agreed.add(hit.number)
            if not hits:
                only.add(Unmatched(sighting.tool, sighting.rule, _place(sighting, resolver)))
        told.append(Ingested(report.name, report.format, len(report.sightings), matched))
    laid = Laid(tuple(told), tuple(sorted(only)), tuple(_notice(r) for r in told))
    return [_with(f, evidence.get(n), raised=n in agreed) for n, f in enumerate(findings)], laid


class _Index:
    """Findings by the lines and resources they lie at."""

    def __init__(self, findings: Sequence[Finding], known: Estate) -> None:
        self._findings = findings
        self._jobs = known.jobs
        self._natives = known.natives
        self._files: dict[File, dict[int | None, dict[int, None]]] = defaultdict(lambda: defaultdict(dict))
        self._ids: dict[str, dict[int, None]] = defaultdict(dict)
        for number, finding in enumerate(findings):
            self._ids[finding.subject.id][number] = None
            for at in finding.locations:
                scope = at.scope_id or finding.subject.scope_id
                if scope.startswith(_FILE_SCOPES):
                    self._files[scope, at.uri][at.line][number] = None
                else:
                    self._ids[at.uri][number] = None

    def hits(self, sighting: Sighting, resolver: paths.Resolver) -> list[_Hit]:
        """The findings that a sighting stands beside: at its main place, else at a lesser one, else its resource."""
        if sighting.about is About.WORKFLOW and sighting.rule in STYLE:
            return []
        for spot in sighting.spots:
            file = resolver.file(spot.paths)
            if file is not None and spot.first is not None and file in self._files:
                found = list(self._at(sighting, spot.first, spot.last or spot.first, file))
                if found:
                    return found
        numbers: dict[int, None] = {}
        for resource in sighting.resources:
            for id_ in (resource, *self._natives.get(resource, ())):
                numbers.update(self._ids.get(id_, {}))
        return [_Hit(n) for n in numbers]

    def _at(self, sighting: Sighting, first: int, last: int, file: File) -> Iterator[_Hit]:
        near = self._files[file]
        lines = range(first, last + 1) if last - first <= _WIDEST else range(first, first + 1)
        found = [_Hit(n, file, line, exact=True) for line in lines if line in near for n in near[line]]
        if sighting.about is About.SECRET:
            found = found or list(self._long(near, first, file))
            # What is said of a secret is said of credentials, where one of ours lies there.
            yield from [h for h in found if self._findings[h.number].subject.table == "credential"] or found
        elif found:
            # A block that begins at one of ours is about that one, not about all that stands in it.
            yield from [h for h in found if h.line == first] or found
        elif sighting.about is About.WORKFLOW and sighting.rule in IDENTITY:
            yield from self._of_job(first, file)

    def _long(self, near: Mapping[int | None, Iterable[int]], line: int, file: File) -> Iterator[_Hit]:
        """What lies in a file without lines, and values of many lines that begin above this one."""
        yield from (_Hit(n, file, line) for n in near.get(None, ()))
        for above in range(line - 1, max(line - _LONG, 0), -1):
            found = [n for n in near.get(above, ()) if self._findings[n].subject.kind in _LONG_KINDS]
            if found:
                yield from (_Hit(n, file, above) for n in found)
                return

    def _of_job(self, line: int, file: File) -> Iterator[_Hit]:
        """Findings on the job whose lines hold this one; on every job when it stands above them all."""
        jobs = self._jobs.get(file, ())
        names = {id_ for _, id_, _ in jobs}
        if jobs and line < jobs[0][0]:
            wanted = [id_ for _, id_, parent in jobs if parent not in names]
        else:
            wanted = list(_innermost(jobs, line))
        yield from (_Hit(n, file, line) for id_ in wanted for n in self._ids.get(id_, ()))


def _innermost(jobs: Sequence[tuple[int, str, str | None]], line: int) -> Iterator[str]:
    """The last thing declared at or above the line, and what it is part of."""
    parents = {id_: parent for _, id_, parent in jobs}
    current = next((id_ for begin, id_, _ in reversed(jobs) if begin <= line), None)
    seen: set[str] = set()
    while current is not None and current not in seen:
        seen.add(current)
        yield current
        current = parents.get(current)


def _evidence(sighting: Sighting, hit: _Hit) -> Evidence:
    scope_id, uri = hit.file or (None, None)
    said = (sighting.tool, sighting.rule, sighting.message)
    return Evidence(*said, uri, hit.line, sighting.verified, scope_id)


def _agrees(finding: Finding, sighting: Sighting) -> bool:
    secret = sighting.about is About.SECRET and finding.subject.table == "credential"
    return secret and finding.rule.family == _FAMILY


def _with(finding: Finding, found: Mapping[tuple[str, str], Evidence] | None, *, raised: bool) -> Finding:
    if not found:
        return finding
    finding = replace(finding, evidence=tuple(found[key] for key in sorted(found)))
    step = _CONFIDENCES.index(finding.confidence)
    if not raised or step == 0:
        return finding
    return replace(finding, confidence=_CONFIDENCES[step - 1], raised_from=finding.confidence)


def _place(sighting: Sighting, resolver: paths.Resolver) -> str:
    """Where only the tool sees something, fit to be shown: never a path of the machine it ran on."""
    for spot in sighting.spots:
        file = resolver.file(spot.paths)
        path = file[1] if file else next((s for p in spot.paths if (s := paths.shown(p))), None)
        if path is not None:
            return place(path) + (f":{spot.first}" if spot.first else "")
    return place(sighting.resources[0]) if sighting.resources else ""


def _notice(report: Ingested) -> Notice:
    if report.format == "empty":
        return Notice("ingest", f"{report.file} holds no findings, of whatever format it is")
    count = "1 finding" if report.findings == 1 else f"{report.findings} findings"
    rest = report.findings - report.matched
    text = (
        f"{report.file} ({report.format}): {count}, {report.matched} at places of ours, {rest} reported by others only"
    )
    return Notice("ingest", text, "-v lists them" if rest else None)
