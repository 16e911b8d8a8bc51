"""What records of resources share: where they were seen, their labels, their owners, and projects asked one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.seen import Seen
from nhiscan.collectors._common.values import text
from nhiscan.collectors.gcp._assets import Projects, Scopes, assets, projects, unseen
from nhiscan.collectors.gcp._below import projects_below

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors.gcp._assets import Asset
    from nhiscan.plugin import Owner, Record

_NUMBERED = re.compile(r"^(//[^/]+/projects/)(\d+)(?=/|$)")
_DURATION = re.compile(r"(\d{1,12})(?:\.\d+)?s")


@dataclass(frozen=True, slots=True)
class Thing:
    """A resource by its full name (`//run.googleapis.com/projects/…`), and the scope it is in."""

    ask: Ask
    id: str
    scope_id: str

    def seen(self, suffix: str = "") -> Seen:
        """Where a record was seen: the thing's own, or (with a suffix to its id) one that hangs on it."""
        return Seen(id=f"{self.id}{suffix}", scope_id=self.scope_id, source=self.ask.source, locator=self.id)


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels whose purpose is known with their values, others with their keys, and the environment they name."""

    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> str | None:
        """The environment that a label names, else None."""
        return _tags.environment(self.tags)


def labelled(*labels: object) -> Labels:
    """The labels of a thing, those of the first mapping before the others."""
    found: dict[str, str] = {}
    for mapping in labels:
        found = {**_tags.read(mapping), **found}
    return Labels(dict(sorted(found.items())))


def owned(thing: Thing, labels: Labels) -> Iterator[Owner]:
    """The owners that labels name."""
    return _tags.owners(labels.tags, subject_id=thing.id, scope_id=thing.scope_id, source=thing.ask.source)


def seconds(value: object) -> int | None:
    """A duration as Google writes it (`2592000s`) in whole seconds, else None."""
    match = _DURATION.fullmatch(text(value) or "")
    return int(match[1]) if match else None


@dataclass(slots=True)
class Estate:
    """What Cloud Asset Inventory tells of an estate, and its projects; `error` is why it told nothing."""

    ask: Ask
    found: list[Asset] = field(default_factory=list)
    projects: Projects = field(default_factory=Projects)
    error: RefusedError | None = None
    scopes: Scopes = field(init=False)

    def __post_init__(self) -> None:
        """The scopes that records turn out to be in."""
        self.scopes = Scopes(self.ask, self.projects)

    def thing(self, name: str, project: str | None) -> Thing:
        """A resource by its full name."""
        return Thing(self.ask, self.named(name), self.scopes.of(project))

    def named(self, name: str) -> str:
        """A full resource name with its project by id, as policies call it, as far as the id is known."""
        return _NUMBERED.sub(lambda m: m[1] + (self.projects.id(m[2]) or m[2]), name, count=1)

    def number(self, project: str | None) -> str | None:
        """The number of a project, by its id or number; None where nobody named it."""
        if project is None or project.isdigit():
            return project
        return next((n for n, i in self.projects.by_number.items() if i == project), None)

    def ids(self) -> list[str]:
        """All projects by id: the one that the place is, those of the inventory, or those that the caller can see."""
        if self.error is None and "project" not in self.ask.place.params:
            return sorted({*self.projects.by_number.values(), *self.projects.parents})
        return list(projects_below(self.ask))


def estate(ask: Ask, *types: str) -> Estate:
    """The assets of these types in all projects; a refused list is kept as `error`."""
    try:
        found = assets(ask, *types)
    except RefusedError as e:
        # A project can be asked for what it holds, whoever keeps an inventory.
        return Estate(ask, projects=projects(ask, ()), error=e)
    return Estate(ask, found, projects(ask, found))


def each_project(
    around: Estate, operation: Operation, key: str, requests: list[Json] | None = None
) -> Generator[Record, None, list[tuple[str, Json]]]:
    """The entries of a list that every project has, with the project of each; gaps for those that refuse.

    `requests` are the parameters of each call, `project` among them; one for each project when there are none.
    """
    found: list[tuple[str, Json]] = []
    ask = around.ask
    wanted: list[Json] = [{"project": p} for p in around.ids()] if requests is None else requests
    if not wanted and around.error is not None:
        yield from unseen(ask, around.error, covers=ask.covers.get(operation.name))
    try:
        for request, answer in ask.each_items(operation, key, wanted):
            project = str(request["project"])
            if isinstance(answer, RefusedError):
                own = len(wanted) == 1
                yield from unseen(ask, answer, subject_id=None if own else around.scopes.of(project))
            else:
                found += [(project, entry) for entry in answer]
    except RefusedError as e:
        yield from unseen(ask, e, covers=ask.covers.get(operation.name))
    return found
