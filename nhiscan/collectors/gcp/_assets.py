"""Cloud Asset Inventory: one paged list for all projects below an organisation, folder or project.

`assets.list` gives up to 1,000 assets a page; `assetTypes` takes regular expressions (Cloud Asset API v1, discovery
document).  Names of service accounts hold their numeric id there, names of projects their number.  "IAM data can be
stale by up to 7 days" (cloud.google.com/asset-inventory/docs/asset-types, November 2026).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import Json, mapping, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.plugin import GapReason, Scope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Gap


def known_by(entry: Json) -> bool:
    """Whether an asset has the name and the type without which it says nothing that could be kept."""
    return text(entry.get("name")) is not None and text(entry.get("assetType")) is not None


ASSETS = Operation(
    "cloudasset:assets.list", "/v1/{+parent}/assets", ("cloudasset.assets.listResource",),
    query={"contentType": "RESOURCE", "pageSize": "1000"}, named=known_by,
)  # fmt: skip
PROJECT = "cloudresourcemanager.googleapis.com/Project"
_DISABLED = frozenset({"SERVICE_DISABLED", "accessNotConfigured"})
_PROJECT_OF = re.compile(r"//[^/]+/projects/([^/]+)(?:/|$)")
_NUMBER = re.compile(r"\d{1,20}")
_ABOVE = {"organizations": "org", "folders": "folder"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One asset: its full resource name, its type, what its own service says of it, and its project's id or number."""

    name: str
    type: str
    data: Json
    project: str | None
    ancestors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Projects:
    """The projects that a list named: ids by number, what each lies in, and those that are not being deleted."""

    by_number: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)
    active: set[str] = field(default_factory=set)

    def id(self, project: str | None) -> str | None:
        """The id of a project from its id or number; None for a number that nobody named."""
        if project is None or not _NUMBER.fullmatch(project):
            return project
        return self.by_number.get(project)


def assets(ask: Ask, *types: str) -> list[Asset]:
    """All assets of these types and the projects they are in, asked for once in a unit.  Raises RefusedError."""
    wanted = (PROJECT, *types)
    query = {"assetTypes": "|".join(re.escape(name) for name in sorted(wanted))}
    found = (_asset(entry) for entry in ask.shared(ASSETS, "assets", query=query))
    kept = [asset for asset in found if asset is not None and asset.type in wanted]
    if not all(asset.data for asset in kept):
        ask.partly(ASSETS, "holds assets without what their own service says of them")
    return kept


def _asset(entry: Json) -> Asset | None:
    name, type_ = text(entry.get("name")), text(entry.get("assetType"))
    if name is None or type_ is None:
        return None
    resource = mapping(entry.get("resource"))
    ancestors = texts(entry.get("ancestors"))
    return Asset(
        name, type_, mapping(resource.get("data")), project_in(name, resource.get("parent"), ancestors), ancestors
    )


def project_in(name: str, parent: object = None, ancestors: Iterable[str] = ()) -> str | None:
    """The id or number of the project of an asset, from its name, its parent or its ancestors."""
    for place in (name, text(parent) or ""):
        if match := _PROJECT_OF.match(place):
            return match[1]
    return next((a.removeprefix("projects/") for a in ancestors if a.startswith("projects/")), None)


def projects(ask: Ask, found: Iterable[Asset]) -> Projects:
    """The ids and parents of the projects among assets, with the one that the place itself is."""
    known = Projects()
    own, number = ask.place.params.get("project"), ask.place.params.get("number")
    if own and number:
        known.by_number[number] = own
    for asset in found:
        if asset.type != PROJECT:
            continue
        id_, number = text(asset.data.get("projectId")), text(asset.data.get("projectNumber")) or asset.project
        if id_ is None:
            continue
        if number is not None and _NUMBER.fullmatch(number):
            known.by_number[number] = id_
        if (text(asset.data.get("lifecycleState")) or text(asset.data.get("state"))) in {None, "ACTIVE"}:
            known.active.add(id_)
        above = next((a for a in asset.ancestors if not a.startswith("projects/")), None)
        if above is not None:
            known.parents[id_] = above
    return known


def project_scope(ask: Ask, project: str, parent: str | None = None) -> Scope:
    """The scope of a project; what else is known of it is told by the collector that enumerates projects."""
    scope_id = f"gcp:project/{project}"
    return Scope(
        id=scope_id, scope_id=scope_id, source=ask.source, provider="gcp", kind=ScopeKind.ACCOUNT, name=project,
        parent_id=parent,
    )  # fmt: skip


def below(ask: Ask) -> tuple[str, ...]:
    """The ids of the projects that a unit is about, as far as its plan knows them; its own where it is a project."""
    named = ask.place.params.get("projects")
    own = ask.place.params.get("project")
    return tuple(named.split(",")) if named else (own,) if own else ()


class Scopes:
    """Gives the scope id of each record, and in `rows` the scopes that were needed for them."""

    def __init__(self, ask: Ask, known: Projects) -> None:
        self._ask = ask
        self._known = known
        self._needed: dict[str, str | None] = {}
        self._above: dict[str, str | None] = {}

    def of(self, project: str | None) -> str:
        """The scope of what lies in a project (id or number); that of the place when the project is not known."""
        id_ = self._known.id(project)
        if id_ is None:
            return self._ask.scope_id
        if f"gcp:project/{id_}" != self._ask.scope_id:
            self._needed.setdefault(id_, None)
        return f"gcp:project/{id_}"

    def at(self, name: str) -> str:
        """The scope of `organizations/1`, `folders/2` or `projects/p`."""
        kind, _, number = name.partition("/")
        if kind == "projects":
            return self.of(number)
        own = f"gcp:{_ABOVE.get(kind, 'org')}/{number}"
        if own != self._ask.scope_id:
            self._above.setdefault(own, None)
        return own

    def tree(self, chain: Iterable[str]) -> None:
        """Takes note of what lies in what: `projects/p`, `folders/2`, `organizations/1`, the innermost first."""
        known = [
            name for name in chain if not name.startswith("projects/") or self._known.id(name.removeprefix("projects/"))
        ]
        for inner, outer in itertools.pairwise(self.at(name) for name in known):
            if inner.startswith("gcp:project/"):
                self._needed[inner.removeprefix("gcp:project/")] = outer
            elif inner != outer:
                self._above[inner] = outer

    def rows(self) -> Iterator[Scope]:
        """One scope for each project that a record was in, and for what lies above."""
        for project, above in self._needed.items():
            yield project_scope(self._ask, project, above)
        for own, parent in self._above.items():
            kind = ScopeKind.ORGANIZATION if own.startswith("gcp:org/") else ScopeKind.ORGANIZATIONAL_UNIT
            yield Scope(
                id=own, scope_id=own, source=self._ask.source, provider="gcp", kind=kind, name=own.rpartition("/")[2],
                parent_id=parent,
            )  # fmt: skip


def disabled(error: RefusedError) -> bool:
    """Whether a service is switched off for the caller, which says nothing of what exists in other projects."""
    return error.code in _DISABLED


def unseen(
    ask: Ask,
    error: RefusedError,
    *,
    covers: tuple[str, ...] | None = None,
    subject_id: str | None = None,
    listing: bool = False,
) -> Iterator[Gap]:
    """The gap of a refused call, none for a thing that is gone; a list (`listing`) that is not there was not read.

    Google asks whether a service is enabled in the project that pays for the call (cloud.google.com/service-usage,
    "quota project"), not in the one that is read: there it may hold things all the same.
    """
    if disabled(error):
        service = (error.operation or "").partition(":")[0]
        remedy = f"gcloud services enable {service}.googleapis.com in the project that the caller's quota counts for"
        error = RefusedError(GapReason.UNSUPPORTED, error.operation, error.detail, remedy, code=error.code)
    elif error.missing and listing:
        remedy = "check that the project or folder still exists and that the caller sees it, and run again"
        error = RefusedError(GapReason.FAILED, error.operation, error.detail, remedy, code=error.code)
    if not error.missing:
        yield ask.refused(error, covers=covers, subject_id=subject_id)


def dated(value: datetime | None) -> datetime | None:
    """A time, None for the year 9999, with which Google writes that there is no end."""
    return None if value is None or value.year >= 9999 else value
