"""Which organisations, folders and projects a target means, found out once for all collectors of a run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.place import Place
from nhiscan.collectors._common.values import mapping, text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors._rest.place import Answers
    from nhiscan.plugin import Context, Target

ORGANIZATION, FOLDER, PROJECT, ESTATE = "organization", "folder", "project", "estate"
_FOLDER = re.compile(r"(?:(org|folder)-(\d{1,20})|(project)-([a-z0-9.:-]{4,63}))")
_KINDS = {"org": ORGANIZATION, "folder": FOLDER, "project": PROJECT}
_ITSELF = "cloudresourcemanager.projects.get.json"


class Google:
    """What is particular to Google Cloud: see `_rest.place.Provider`."""

    name = "gcp"
    modules = ("httpx", "google.auth")

    def places(self, target: Target, ctx: Context, kind: str) -> Iterator[Place]:
        """The organisations, folders or projects below a target.  Raises TargetError when nobody answers."""
        from nhiscan.collectors.gcp._estate import estate

        yield from estate(target, ctx).places(kind)

    def place_of(self, folder: Path, kind: str) -> Place | None:
        """The place that `gcp/org-<n>`, `gcp/folder-<n>` or `gcp/project-<id>` stands for; any of them is an estate."""
        match = _FOLDER.fullmatch(folder.name)
        if match is None or folder.parent.name != "gcp":
            return None
        found = _KINDS[match[1] or match[3]]
        if kind not in {found, ESTATE}:
            return None
        if found == PROJECT:
            return project_place(match[4], kind, number=_number(folder))
        return above_place(found, match[2], kind)

    def answers(self, params: Mapping[str, str], operations: Collection[Operation], ctx: Context) -> Answers:
        """A session that may make these calls."""
        from nhiscan.collectors.gcp._session import session_of

        return session_of(params, operations, ctx)


def above_place(what: str, number: str, kind: str, name: str = "") -> Place:
    """The place of an organisation or folder; `params["parent"]` is its resource name (`organizations/1`)."""
    short, plural = ("org", "organizations") if what == ORGANIZATION else ("folder", "folders")
    params = {what: number, "parent": f"{plural}/{number}"}
    return Place(f"{short}-{number}", kind, f"gcp:{short}/{number}", name, params)


def project_place(project: str, kind: str = PROJECT, *, number: str = "", name: str = "") -> Place:
    """The place of a project; `params["number"]` is its number where it is known."""
    params = {"project": project, "parent": f"projects/{project}"} | ({"number": number} if number else {})
    return Place(project, kind, f"gcp:project/{project}", name, params)


def _number(folder: Path) -> str:
    try:
        name = text(mapping(json.loads((folder / _ITSELF).read_text(encoding="utf-8-sig"))).get("name"))
    except (OSError, ValueError, RecursionError):
        return ""
    match = re.fullmatch(r"projects/(\d{1,20})", name or "")
    return match[1] if match else ""


PROVIDER = Google()
