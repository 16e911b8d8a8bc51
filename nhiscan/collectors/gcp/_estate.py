"""Which organisations, folders and projects a target means: asked once for all collectors of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.memo import remembered
from nhiscan.collectors._common.values import mapping, objects, text
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors.gcp._plan import ESTATE, FOLDER, ORGANIZATION, PROJECT, above_place, project_place
from nhiscan.collectors.gcp._session import Identity
from nhiscan.plugin import GapReason, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.place import Place
    from nhiscan.collectors._common.values import Json
    from nhiscan.plugin import Context, Target

PROJECT_GET = Operation(
    "cloudresourcemanager:projects.get", "/v3/projects/{project}", ("resourcemanager.projects.get",)
)
PROJECTS = Operation(
    "cloudresourcemanager:projects.search", "/v3/projects:search", ("resourcemanager.projects.get",),
    query={"pageSize": "500"},
)  # fmt: skip
FOLDERS = Operation(
    "cloudresourcemanager:folders.search", "/v3/folders:search", ("resourcemanager.folders.get",),
    query={"pageSize": "500"},
)  # fmt: skip
ORGANIZATIONS = Operation(
    "cloudresourcemanager:organizations.search", "/v3/organizations:search", ("resourcemanager.organizations.get",),
)  # fmt: skip
PLANNING = {PROJECTS: "scope", PROJECT_GET: "scope", FOLDERS: "scope, scope.parent_id", ORGANIZATIONS: "scope"}
"""The calls that find out where to look, with what is not seen without them."""
_BUDGET_S = 600.0
_EXCLUDED = "!"
_ACTIVE = "ACTIVE"
# "project_id: must be unique, 6 to 30 lowercase letters, digits, or hyphens", before it, in old ones, a domain and a
# colon (Resource Manager reference, Project).
PROJECT_ID = re.compile(r"(?:[a-z][a-z0-9.-]{1,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Known:
    """A project as a search tells it: its number, its name and what it lies in (`folders/1`)."""

    number: str = ""
    name: str = ""
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Estate:
    """What a target means: the tops that are read as a whole, the folders below them, and the chosen projects.

    `tops` are resource names (`organizations/1`, `folders/2`, `projects/etl`) with what they are called; `narrowed`
    says that single projects were chosen, so that nothing may be asked of their organisation as a whole; `missing` are
    projects that were named and cannot be seen, `unplaced` those that lie in folders which the caller may not read, so
    that nobody can say whether they were meant; `caller` is who asks, where its credential says so.
    """

    tops: Mapping[str, str]
    folders: Mapping[str, str] = field(default_factory=dict)
    projects: Mapping[str, Known] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    narrowed: bool = False
    caller: str = ""

    def places(self, kind: str) -> Iterator[Place]:
        """Its places of a kind, in order."""
        for place in self._places(kind):
            yield replace(place, params={**place.params, "caller": self.caller} if self.caller else place.params)

    def _places(self, kind: str) -> Iterator[Place]:
        if kind == PROJECT:
            for project, known in self.projects.items():
                yield project_place(project, number=known.number, name=known.name)
        elif kind == ORGANIZATION:
            yield from (_above(top, name, kind) for top, name in self.tops.items() if top.startswith("organizations/"))
        elif kind == FOLDER:
            found = {**{t: n for t, n in self.tops.items() if t.startswith("folders/")}, **self.folders}
            yield from (_above(top, name, kind) for top, name in sorted(found.items()))
        elif kind == ESTATE:
            yield from self._estates()

    def _estates(self) -> Iterator[Place]:
        """What is asked as a whole: each top, or each project where single ones were chosen."""
        wide = {} if self.narrowed else {t: n for t, n in self.tops.items() if not t.startswith("projects/")}
        first = True
        for top, name in wide.items():
            yield self._estate(_above(top, name, ESTATE), first=first)
            first = False
        for project, known in self.projects.items():
            if not wide or f"projects/{project}" in self.tops:
                place = project_place(project, ESTATE, number=known.number, name=known.name)
                yield self._estate(place, first=first)
                first = False

    def _estate(self, place: Place, *, first: bool) -> Place:
        """The first one also knows of what could not be seen."""
        told = {"missing": self.missing, "unplaced": self.unplaced} if first else {}
        return replace(place, params={**place.params, **{k: ",".join(v) for k, v in told.items() if v}})


def estate(target: Target, ctx: Context) -> Estate:
    """What a target means.  Raises TargetError when nobody answers, or when it is not understood."""
    key = f"gcp estate:{(target.value, ctx.expect_account, ctx.accounts, sorted(ctx.endpoints.items()))}"
    return remembered(ctx, key, lambda: _estate(target, ctx))


def meant(value: str) -> tuple[str, str]:
    """What a target names: `("all", "")`, `("organizations", n)`, `("folders", n)` or `("projects", id)`.

    Raises TargetError for anything else.
    """
    if value in {"", "all"}:
        return "all", ""
    kind, slash, rest = value.partition("/")
    if slash and kind in {"org", "folder"} and re.fullmatch(r"\d{1,20}", rest):
        return {"org": "organizations", "folder": "folders"}[kind], rest
    project = rest if slash and kind == "project" else value
    if PROJECT_ID.fullmatch(project):
        return "projects", project
    message = "this is no Google Cloud target"
    raise TargetError(message, "write gcp:PROJECT_ID, gcp:folder/NUMBER, gcp:org/NUMBER or gcp:all")


def _estate(target: Target, ctx: Context) -> Estate:
    kind, what = meant(target.value)
    identity = Identity(ctx.endpoints)
    session = Session(identity, PLANNING, ctx.calls, budget_s=_BUDGET_S)
    chosen = {a for a in ctx.accounts if PROJECT_ID.fullmatch(a) and not _is_guid(a)}
    excluded = {a[1:] for a in ctx.accounts if a.startswith(_EXCLUDED) and PROJECT_ID.fullmatch(a[1:])}
    try:
        found = _one(session, what) if kind == "projects" else _many(session, kind, what)
    except RefusedError as e:
        raise e.as_target_error() from None
    finally:
        session.close()
    if ctx.expect_account is not None:
        _expected(ctx.expect_account, found)
    wanted = {p: k for p, k in sorted(found.projects.items()) if (not chosen or p in chosen) and p not in excluded}
    missing = tuple(sorted(chosen - found.projects.keys() - excluded))
    if not wanted and not [top for top in found.tops if not top.startswith("projects/")]:
        message = "no project is left to audit"
        raise TargetError(message, "grant the caller roles/browser there, or name others with --accounts")
    narrowed = bool(chosen or excluded & found.projects.keys())
    unplaced = () if chosen else found.unplaced  # of those that were named it is said that they are not seen
    return replace(
        found, projects=wanted, missing=missing, unplaced=unplaced, narrowed=narrowed, caller=identity.caller()
    )


def _one(session: Session, project: str) -> Estate:
    """A single project; one that may not be described is read as far as it goes."""
    known = Known()
    try:
        answer = session.call(PROJECT_GET, {"project": project}, {}, {})
        known = _known(answer)
    except RefusedError as e:
        if e.fatal:
            raise
        if e.status == 404:
            detail = f"there is no project {project}"
            raise RefusedError(GapReason.FAILED, e.operation, detail, "correct the id of the project") from None
    return Estate({f"projects/{project}": known.name}, projects={project: known})


def _many(session: Session, kind: str, what: str) -> Estate:
    projects = {
        project: _known(entry)
        for entry in _entries(session, PROJECTS, "projects")
        if (project := text(entry.get("projectId"))) and entry.get("state") in {None, _ACTIVE}
    }
    parents: dict[str, str] = {}
    names: dict[str, str] = {}
    for operation, key in ((FOLDERS, "folders"), (ORGANIZATIONS, "organizations")):
        try:
            for entry in _entries(session, operation, key):
                if name := text(entry.get("name")):
                    parents[name] = text(entry.get("parent")) or ""
                    names[name] = text(entry.get("displayName")) or ""
        except RefusedError as e:
            if e.everywhere:
                raise
    if kind == "all":
        tops = {name: names[name] for name in sorted(names) if name.startswith("organizations/")}
        alone = {f"projects/{p}": k.name for p, k in sorted(projects.items()) if _ends(k.parent, parents) not in tops}
        folders = {n: names[n] for n in names if n.startswith("folders/")}
        return Estate({**tops, **alone}, folders, projects)
    top = f"{kind}/{what}"
    below = {p: k for p, k in projects.items() if top in _path(k.parent, parents)}
    folders = {n: names[n] for n in names if n != top and n.startswith("folders/") and top in _path(n, parents)}
    lost = (p for p, k in projects.items() if p not in below and _ends(k.parent, parents).startswith("folders/"))
    return Estate({top: names.get(top, "")}, folders, below, unplaced=tuple(sorted(lost)))


def _path(name: str, parents: Mapping[str, str]) -> list[str]:
    """A name and what it lies in, the innermost first."""
    found: list[str] = []
    while name and name not in found:
        found.append(name)
        name = parents.get(name, "")
    return found


def _ends(name: str, parents: Mapping[str, str]) -> str:
    """The outermost thing that a name is known to lie in: an organisation, or a folder whose parent nobody tells."""
    return next(reversed(_path(name, parents)), "")


def _known(entry: Json) -> Known:
    number = re.fullmatch(r"projects/(\d{1,20})", text(entry.get("name")) or "")
    return Known(number[1] if number else "", text(entry.get("displayName")) or "", text(entry.get("parent")) or "")


def _expected(wanted: str, found: Estate) -> None:
    seen = {*(top.partition("/")[2] for top in found.tops), *found.projects}
    if wanted not in seen:
        message = f"{wanted} is not among what the caller sees here"
        raise TargetError(message, "sign in as somebody else, or choose another --expect-account")


def _is_guid(value: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


def _above(top: str, name: str, kind: str) -> Place:
    what, _, number = top.partition("/")
    return above_place(ORGANIZATION if what == "organizations" else FOLDER, number, kind, name)


def _entries(session: Session, operation: Operation, key: str) -> Iterator[Json]:
    for page in session.pages(operation, {}, {}, {}):
        yield from (mapping(entry) for entry in objects(page.get(key)))
