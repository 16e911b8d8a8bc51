"""The projects below an organisation or folder, for where no inventory lists what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import text
from nhiscan.collectors.gcp._assets import Projects, projects
from nhiscan.collectors.gcp._estate import FOLDERS, PROJECTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.collectors._rest.ask import Ask

ASKED = (PROJECTS, FOLDERS)
"""The calls it takes."""
_ACTIVE = frozenset({None, "ACTIVE"})


def projects_below(ask: Ask) -> tuple[str, ...]:
    """The ids of the active projects of a unit: its own, or those below its place; none where nobody lists them."""
    own = ask.place.params.get("project")
    if own:
        return (own,)
    top = ask.place.params.get("parent", "")
    try:
        listed = ask.shared(PROJECTS, "projects")
    except RefusedError:
        return ()
    try:
        folders = ask.shared(FOLDERS, "folders")
    except RefusedError:
        folders = ()
    parents = {text(entry.get("name")) or "": text(entry.get("parent")) or "" for entry in folders}
    found = [
        project
        for entry in listed
        if (project := text(entry.get("projectId")))
        and entry.get("state") in _ACTIVE
        and _lies_in(text(entry.get("parent")) or "", top, parents)
    ]
    return tuple(sorted(found))


def known_below(ask: Ask) -> Projects:
    """The numbers of those projects, for where no inventory tells them."""
    known = projects(ask, ())
    if projects_below(ask) and "project" not in ask.place.params:
        for entry in ask.shared(PROJECTS, "projects"):
            number, id_ = (text(entry.get("name")) or "").removeprefix("projects/"), text(entry.get("projectId"))
            if id_ is not None:
                known.by_number[number] = id_
    return known


def folders_below(ask: Ask) -> tuple[str, ...]:
    """The folders (`folders/1`) below the place of a unit; none where nobody lists them."""
    try:
        folders = ask.shared(FOLDERS, "folders")
    except RefusedError:
        return ()
    parents = {text(entry.get("name")) or "": text(entry.get("parent")) or "" for entry in folders}
    top = ask.place.params.get("parent", "")
    return tuple(sorted(name for name in parents if name and name != top and _lies_in(name, top, parents)))


def _lies_in(name: str, top: str, parents: Mapping[str, str]) -> bool:
    seen: set[str] = set()
    while name and name not in seen:
        if name == top:
            return True
        seen.add(name)
        name = parents.get(name, "")
    return False
