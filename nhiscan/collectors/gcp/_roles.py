"""What roles contain: those Google defines that some policy uses, and all custom ones, with as few calls as that takes.

`roles.list?view=FULL` gives 1,000 roles a page, of some 2,000 in all; a few used roles are cheaper one by one.  Custom
roles come from Cloud Asset Inventory, or one by one.  A custom role that is deleted or DISABLED keeps its bindings and
grants nothing (cloud.google.com/iam/docs/creating-custom-roles); both facts stay in the document.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import document, flag, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import shown
from nhiscan.collectors.gcp._assets import unseen
from nhiscan.plugin import Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._assets import Asset
    from nhiscan.collectors.gcp._bindings import Around
    from nhiscan.plugin import Record

ROLE = "iam.googleapis.com/Role"
LIST = Operation("iam:roles.list", "/v1/roles", ("iam.roles.list",), query={"view": "FULL", "pageSize": "1000"})
GET = Operation("iam:roles.get", "/v1/{+role}", ("iam.roles.get",))
_SINGLY = 3
_NAME = re.compile(r"(?:(projects|organizations)/([^/]+)/)?roles/([^/]+)")


def role_name(around: Around, asset: Asset) -> str | None:
    """The name of a custom role as bindings write it, else None."""
    name = text(asset.data.get("name")) or asset.name.removeprefix("//iam.googleapis.com/")
    match = _NAME.fullmatch(name)
    if match is None or match[1] is None:
        return None
    holder = around.projects.id(match[2]) or match[2] if match[1] == "projects" else match[2]
    return f"{match[1]}/{holder}/roles/{match[3]}"


def read_role(around: Around, name: str, data: Json) -> Iterator[Record]:
    """A role with what it permits, in order."""
    custom = not name.startswith("roles/")
    held = {"includedPermissions": sorted(set(texts(data.get("includedPermissions"))))}
    # No role of Google's is empty: a list that names none was asked for without them (view=BASIC).
    raw = data.get("includedPermissions")
    torn = raw is not None and (not isinstance(raw, list) or len(texts(raw)) != len(raw))
    told = not torn and (custom or bool(held["includedPermissions"]))
    stage, deleted = text(data.get("stage")), flag(data.get("deleted"))
    body = held | ({"stage": stage} if custom and stage else {}) | ({"deleted": True} if deleted else {})
    yield Policy(
        id=f"gcp:{name}", scope_id=_scope(around, name), source=around.ask.source,
        locator=f"//iam.googleapis.com/{name}", provider="gcp",
        kind=PolicyKind.MANAGED if custom else PolicyKind.PROVIDER,
        name=name if not custom else shown(data.get("title")) or name, document=document(body) if told else None,
    )  # fmt: skip
    if torn:
        detail = f"what the role {name} permits could not be read"
        remedy = "run again or export it again; if it stays, report what its permissions look like"
        yield around.ask.gap("role", ("policy.document",), detail, remedy, subject_id=f"gcp:{name}")


def _scope(around: Around, name: str) -> str:
    return around.scopes.of(name.split("/")[1] if name.startswith("projects/") else None)


def read_roles(around: Around, listed: Iterable[Asset]) -> Iterator[Record]:
    """The custom roles of a list, and every role that a policy uses."""
    told: set[str] = set()
    for asset in listed:
        if asset.type == ROLE and (name := role_name(around, asset)):
            told.add(name)
            yield from read_role(around, name, asset.data)
    used = [name for name in around.roles if name not in told and _NAME.fullmatch(name)]
    common = [name for name in used if name.startswith("roles/")]
    if len(common) > _SINGLY:
        found, refused = _common(around, set(common))
        rows = [row for name, data in found.items() for row in read_role(around, name, data)]
        yield from rows
        if any(isinstance(row, Policy) and row.document is None for row in rows):
            detail = "the list of roles does not say what they permit"
            yield around.ask.gap("roles", ("policy.document",), detail, "export it again with view=FULL")
        if refused is not None:
            yield from unseen(around.ask, refused, covers=("policy.document",))
            yield from (_unread(around, name) for name in common if name not in found)
            used = [name for name in used if name not in common]
        used = [name for name in used if name not in found]
    yield from _singly(around, used)


def _common(around: Around, wanted: set[str]) -> tuple[dict[str, Json], RefusedError | None]:
    found: dict[str, Json] = {}
    try:
        for data in around.ask.items(LIST, "roles"):
            name = text(data.get("name"))
            if name in wanted:
                found[name] = data
    except RefusedError as e:
        return found, e
    return found, None


def _singly(around: Around, names: list[str]) -> Iterator[Record]:
    answered: set[str] = set()
    try:
        for given, answer in around.ask.each(GET, [{"role": name} for name in names]):
            name = str(given["role"])
            answered.add(name)
            if isinstance(answer, RefusedError):
                yield _unread(around, name)
                yield from unseen(around.ask, answer, covers=("policy.document",), subject_id=f"gcp:{name}")
            else:
                yield from read_role(around, name, answer)
    except RefusedError as e:
        yield from unseen(around.ask, e, covers=("policy.document",))
        yield from (_unread(around, name) for name in names if name not in answered)


def _unread(around: Around, name: str) -> Policy:
    return Policy(
        id=f"gcp:{name}", scope_id=_scope(around, name), source=around.ask.source,
        locator=f"//iam.googleapis.com/{name}", provider="gcp",
        kind=PolicyKind.PROVIDER if name.startswith("roles/") else PolicyKind.MANAGED, name=name,
    )  # fmt: skip
