"""Google Cloud's organisations, folders and projects: what lies in what, and what of it could not be seen.

Calls: one list each of projects, folders and organisations, 500 a page; for a single project one call.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors.gcp._estate import FOLDERS, ORGANIZATIONS, PROJECT_GET, PROJECTS
from nhiscan.plugin import Scope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.plugin import Record

_HIDDEN = ("identity", "credential", "consumer", "store", "resource", "attachment", "policy")
_ACTIVE = frozenset({None, "ACTIVE", "STATE_UNSPECIFIED"})
_ABOVE = re.compile(r"(organizations|folders)/(\d{1,20})")
_SHORT = {"organizations": "org", "folders": "folder"}


def _scopes(ask: Ask) -> Iterator[Record]:
    if "project" in ask.place.params:
        found = ask.call(PROJECT_GET)
        yield from _project(ask, found)
        # That it lies there is all that is known of what it lies in.
        yield from _container(ask, text(found.get("parent")) or "", {})
    else:
        yield from _tree(ask)
    for project in filter(None, ask.place.params.get("missing", "").split(",")):
        detail = f"project {project} was named, and the caller does not see it"
        remedy = "grant the caller roles/browser there, or correct --accounts"
        yield ask.gap(f"project/{project}", _HIDDEN, detail, remedy)
    lost = [project for project in ask.place.params.get("unplaced", "").split(",") if project]
    if lost:
        detail = f"{len(lost)} projects lie in folders that the caller may not read ({', '.join(lost[:5])})"
        yield ask.gap("unplaced", _HIDDEN, detail, "grant resourcemanager.folders.get on the organisation")


def _tree(ask: Ask) -> Iterator[Record]:
    """What lies below the place: whatever else the caller sees is no matter of this target."""
    top = ask.place.params["parent"]
    projects = list(ask.items(PROJECTS, "projects"))
    above: dict[str, Json] = {}
    for operation, key in ((FOLDERS, "folders"), (ORGANIZATIONS, "organizations")):
        found, gap = _listed(ask, operation, key)
        above.update({name: entry for entry in found if (name := text(entry.get("name")))})
        yield from gap
    parents = {name: text(entry.get("parent")) or "" for name, entry in above.items()}
    for name, entry in sorted(above.items()):
        if top in _path(name, parents) and entry.get("state") in _ACTIVE:
            yield from _container(ask, name, entry)
    for entry in projects:
        if top in _path(text(entry.get("parent")) or "", parents) and entry.get("state") in _ACTIVE:
            yield from _project(ask, entry)


def _listed(ask: Ask, operation: Operation, key: str) -> tuple[list[Json], list[Record]]:
    try:
        return list(ask.items(operation, key)), []
    except RefusedError as e:
        return [], [ask.refused(e)]


def _path(name: str, parents: dict[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        yield name
        name = parents.get(name, "")


def _container(ask: Ask, name: str, entry: Json) -> Iterator[Record]:
    """An organisation or a folder."""
    scope_id = _scope_of(name)
    if scope_id is not None:
        label = text(entry.get("displayName")) or name.partition("/")[2]
        organisation = name.startswith("organizations/")
        yield Scope(
            id=scope_id, scope_id=scope_id, source=ask.source, locator=name, provider="gcp",
            kind=ScopeKind.ORGANIZATION if organisation else ScopeKind.ORGANIZATIONAL_UNIT,
            name=label, parent_id=_scope_of(text(entry.get("parent")) or ""),
        )  # fmt: skip


def _project(ask: Ask, entry: Json) -> Iterator[Record]:
    project = text(entry.get("projectId"))
    if project is None:
        return
    scope_id = f"gcp:project/{project}"
    labels = tagging.read(entry.get("labels"))
    name = text(entry.get("name")) or f"projects/{project}"  # by its number, which names it in conditions and agents
    yield Scope(
        id=scope_id, scope_id=scope_id, source=ask.source, locator=name, provider="gcp",
        kind=ScopeKind.ACCOUNT, name=text(entry.get("displayName")) or project,
        parent_id=_scope_of(text(entry.get("parent")) or ""), environment=tagging.environment(labels),
    )  # fmt: skip
    yield from tagging.owners(labels, subject_id=scope_id, scope_id=scope_id, source=ask.source)


def _scope_of(name: str) -> str | None:
    match = _ABOVE.fullmatch(name)
    return f"gcp:{_SHORT[match[1]]}/{match[2]}" if match else None


COLLECTOR = Group(
    name="gcp.projects",
    evidence=False,  # having planned is no evidence that anything was read
    title="Google Cloud organisations, folders and projects",
    place="estate",
    parts=(
        Part(
            name="scopes",
            kind="Organisation, folder, project",
            facts=("name", "parent", "environment", "owner"),
            calls={
                PROJECTS: "scope, scope.environment, owner",
                PROJECT_GET: "scope, scope.environment, owner",
                FOLDERS: "scope, scope.parent_id",
                ORGANIZATIONS: "scope, scope.parent_id",
            },
            read=_scopes,
        ),
    ),
)
