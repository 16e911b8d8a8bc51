"""Lists that a service keeps in each of its locations, asked for at once where it lets itself be asked so.

`locations/-` stands for all of them where a service allows it (google.aip.dev/159); the discovery documents of
agentidentity.v1 and agentregistry.v1 neither promise nor forbid it.  So `-` goes first, one call for each project, and
a service that refuses it is asked for its locations, and then in each of them.  `unreachable` in an answer names those
that it could not look into (google.aip.dev/217).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import Json, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._assets import disabled, unseen
from nhiscan.plugin import GapReason

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors._rest.place import Answers
    from nhiscan.collectors.gcp._things import Estate
    from nhiscan.plugin import Record

_ALL = "-"
_NAME = re.compile(r"[a-z0-9-]{2,40}")
# What a service may answer to a location that it does not know; a caller who may do nothing is told 403 as well.
_REFUSES = frozenset({400, 403, 404, 501})
_GONE = 404


def located(service: str, what: str, size: int) -> Operation:
    """The list of one kind of thing in all locations of a project, `size` a page."""
    return Operation(
        f"{service}:{what}.list", f"/v1/projects/{{project}}/locations/{_ALL}/{what}", (f"{service}.{what}.list",),
        query={"pageSize": str(size)},
    )  # fmt: skip


def inside(operation: Operation) -> Operation:
    """The same list in one location."""
    service, _, what = operation.name.partition(":")
    path = operation.path.replace(f"/{_ALL}/", "/{location}/")
    return replace(operation, name=f"{service}:locations.{what}", path=path)


def locations_of(service: str) -> Operation:
    """The list of the locations that a service has for a project."""
    return Operation(
        f"{service}:locations.list", "/v1/projects/{project}/locations", (f"{service}.locations.list",)
    )  # fmt: skip


def calls(covers: Mapping[Operation, str]) -> dict[Operation, str]:
    """What is called for such lists, with what each covers: at once, in one location, and to know which there are."""
    found = dict(covers)
    for operation, words in covers.items():
        places = locations_of(operation.service)
        found |= {inside(operation): words, places: ", ".join(filter(None, (found.get(places), words)))}
    return found


@dataclass(frozen=True, slots=True)
class _Noting:
    """Answers that remember the locations they could not look into, as pairs of a project and a location."""

    answers: Answers
    lost: list[tuple[str, str]] = field(default_factory=list)

    def call(self, operation: Operation, params: Json, query: Json, body: Json) -> Json:
        return self.answers.call(operation, params, query, body)

    def pages(self, operation: Operation, params: Json, query: Json, body: Json) -> Iterator[Json]:
        for page in self.answers.pages(operation, params, query, body):
            self.lost.extend((str(params.get("project")), _last(name)) for name in texts(page.get("unreachable")))
            yield page

    def close(self) -> None:
        self.answers.close()


@dataclass(slots=True)
class _Read:
    """Entries and refusals by project and location; `ended` is why the rest was not asked for."""

    found: list[tuple[str, list[Json]]] = field(default_factory=list)
    refused: list[tuple[str, str, RefusedError]] = field(default_factory=list)
    ended: RefusedError | None = None


def each_location(
    around: Estate, operation: Operation, key: str, projects: list[str] | None = None
) -> Generator[Record, None, list[tuple[str, Json]]]:
    """The entries of a list (`located`) in all locations, with the project of each; gaps for those that refuse.

    All projects are asked where none are named.
    """
    wanted = around.ids() if projects is None else projects
    if not wanted and around.error is not None:
        yield from _gap(around, operation, around.error)
    noting = _Noting(around.ask.answers)
    asked = _List(replace(around.ask, answers=noting), operation, key)
    read = asked.read([(project, _ALL) for project in wanted])
    refusal = next((e for e in _refusals(read) if e.status in _REFUSES and not (disabled(e) or e.fatal)), None)
    if refusal is not None and not read.found:
        read = _walked(asked, wanted, refusal)
    yield from _gaps(around, operation, read, alone=len(wanted) == 1)
    yield from _lost(around, operation, noting.lost)
    return [(project, entry) for project, entries in read.found for entry in entries]


def _refusals(read: _Read) -> list[RefusedError]:
    return [e for *_, e in read.refused] + ([read.ended] if read.ended is not None else [])


@dataclass(frozen=True, slots=True)
class _List:
    """One list, to be asked for at several places."""

    ask: Ask
    operation: Operation
    key: str

    def read(self, wanted: Iterable[tuple[str, str]]) -> _Read:
        """What the list holds at pairs of a project and a location."""
        read = _Read()
        requests = [{"project": project, "location": location} for project, location in wanted]
        try:
            for request, answer in self.ask.each_items(self.operation, self.key, requests):
                project = str(request["project"])
                if isinstance(answer, RefusedError):
                    read.refused.append((project, str(request["location"]), answer))
                else:
                    read.found.append((project, answer))
        except RefusedError as e:
            read.ended = e
        return read


def _walked(wanted: _List, projects: list[str], refusal: RefusedError) -> _Read:
    """The same from one location after the other; the refusal of all at once where nobody says which there are."""
    places = locations_of(wanted.operation.service)
    listed = _List(wanted.ask, places, "locations").read([(project, _ALL) for project in projects])
    known = [
        (project, name) for project, entries in listed.found for entry in entries if (name := _last(_named(entry)))
    ]
    if not known:
        unnamed = next(iter(_refusals(listed)), refusal)
        return _Read(ended=refusal if refusal.reason is GapReason.DENIED else unnamed)
    read = replace(wanted, operation=inside(wanted.operation)).read(known)
    read.refused += listed.refused
    read.ended = read.ended or listed.ended
    return read


def _gaps(around: Estate, operation: Operation, read: _Read, *, alone: bool) -> Iterator[Record]:
    """One gap for each project that refused, which says in which locations."""
    by_project: dict[str, list[tuple[str, RefusedError]]] = {}
    for project, location, e in read.refused:
        if location == _ALL or not e.missing:  # a location in which the service is not holds nothing of it
            by_project.setdefault(project, []).append((location, e))
    for project, refused in by_project.items():
        e = refused[0][1]
        named = [location for location, _ in refused if location != _ALL]
        if named:
            detail = f"{e.detail} in {', '.join(named)}"
            e = RefusedError(e.reason, e.operation, detail, e.remedy, code=e.code, status=e.status)
        subject_id = None if alone else around.scopes.of(project)
        yield from _gap(around, operation, e, subject_id)
    if read.ended is not None:
        yield from _gap(around, operation, read.ended)


def _gap(
    around: Estate, operation: Operation, error: RefusedError, subject_id: str | None = None
) -> Iterator[Record]:  # fmt: skip
    """The gap of what a list covers, whichever call was refused."""
    covers = around.ask.covers.get(operation.name)
    # A list that nothing answered to is not a thing that is gone.
    yield from unseen(around.ask, error, covers=covers, subject_id=subject_id, listing=error.status == _GONE)


def _lost(around: Estate, operation: Operation, lost: list[tuple[str, str]]) -> Iterator[Record]:
    for project in dict.fromkeys(project for project, _ in lost):
        names = sorted({name or "a location without a name" for p, name in lost if p == project})
        detail = f"{operation.name}: {', '.join(names)} could not be reached"
        error = RefusedError(GapReason.FAILED, operation.name, detail, "run again later")
        yield around.ask.refused(error, subject_id=around.scopes.of(project))


def _named(entry: Json) -> str:
    return text(entry.get("locationId")) or text(entry.get("name")) or ""


def _last(name: str) -> str:
    """The name of a location from that of a resource; `""` for what is none."""
    found = name.rpartition("/")[2]
    return found if _NAME.fullmatch(found) else ""
