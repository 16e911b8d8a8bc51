"""Who may do what on Google Cloud: allow policies with their conditions, roles, deny policies, organisation policies.

One list of Cloud Asset Inventory gives the allow policies of an organisation with everything below it, another its
custom roles and deny policies; what stands above a folder or project is asked for one by one.  Where the inventory is
closed, policies of projects, folders and service accounts are, and those of other resources are not seen.  Principal
access boundaries are not read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import mapping, text, texts
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp import _denies, _direct, _limits, _org_policies, _roles
from nhiscan.collectors.gcp._accounts import email_of
from nhiscan.collectors.gcp._assets import (
    ASSETS,
    Asset,
    Projects,
    Scopes,
    assets,
    known_by,
    project_in,
    projects,
    unseen,
)
from nhiscan.collectors.gcp._below import ASKED, folders_below, known_below, projects_below
from nhiscan.collectors.gcp._bindings import Around, Place, people, read_policy
from nhiscan.collectors.gcp._iam_client import ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record


def _bears(entry: Json) -> bool:
    """Whether an asset comes with its policy."""
    return known_by(entry) and isinstance(entry.get("iamPolicy"), dict)


POLICIES = Operation(
    "cloudasset:assets.listIamPolicies", "/v1/{+parent}/assets", ("cloudasset.assets.listIamPolicy",),
    query={"contentType": "IAM_POLICY", "pageSize": "1000"}, named=_bears,
)  # fmt: skip
_ACCOUNT = "iam.googleapis.com/ServiceAccount"
_TYPES = (_roles.ROLE, _denies.DENY, _ACCOUNT)
_COVERS = ("policy", "attachment")
# What resources themselves allow; roles that identities hold on projects and above are seen all the same.
_OF_RESOURCES = ("attachment.target_id", "resource.public")
_NUMBER = re.compile(r".*/serviceAccounts/(\d+)")


def _inventory(ask: Ask) -> tuple[list[Asset], RefusedError | None]:
    try:
        return assets(ask, *_TYPES), None
    except RefusedError as e:
        return [], e


def _around(ask: Ask, listed: list[Asset], closed: RefusedError | None = None) -> Around:
    known = projects(ask, listed) if closed is None else known_below(ask)
    emails: dict[str, str] = {}
    for asset in listed:
        if asset.type == _ACCOUNT and (email := email_of(asset.data)):
            match = _NUMBER.fullmatch(asset.name)
            number = match[1] if match else text(asset.data.get("uniqueId"))
            emails |= {number: email} if number else {}
    return Around(ask, known, Scopes(ask, known), emails)


def _allowed(ask: Ask) -> Iterator[Record]:
    listed, closed = _inventory(ask)
    around = _around(ask, listed, closed)
    first: list[Asset] = []
    try:
        for entry in ask.items(POLICIES, "assets"):
            asset = _policy_asset(around.projects, entry)
            if asset is not None:
                first = first or [asset]
                around.scopes.tree(asset.ancestors)
                name = around.named(asset.name)
                place = Place(name, asset.type, around.scopes.of(asset.project))
                yield from read_policy(around, place if asset.project else _high(around, place), asset.data)
    except RefusedError as e:
        yield from unseen(ask, e, covers=_OF_RESOURCES if projects_below(ask) else _COVERS, listing=True)
        yield from _direct.read_below(around)
    if closed is not None and around.unnamed:
        yield from unseen(ask, closed, covers=("attachment.target_id",), listing=True)
    yield from _inherited(around, [*listed, *first])
    yield from _roles.read_roles(around, listed)
    yield from people(around)
    yield from around.scopes.rows()


def _policy_asset(known: Projects, entry: Json) -> Asset | None:
    name, type_ = text(entry.get("name")), text(entry.get("assetType"))
    if name is None or type_ is None:
        return None
    ancestors = texts(entry.get("ancestors"))
    project = project_in(name, None, ancestors)
    # Names that hold `projects/_` (buckets) or a number that nobody named are placed by what lies above them.
    if known.id(project) is None or project in {"_", "-"}:
        project = project_in("", None, ancestors)
    return Asset(name, type_, mapping(entry.get("iamPolicy")), project, ancestors)


def _high(around: Around, place: Place) -> Place:
    """A policy of an organisation or folder itself, or of something that lies in no project."""
    own = place.name.removeprefix("//cloudresourcemanager.googleapis.com/")
    return Place(place.name, place.type, around.scopes.at(own)) if own.startswith(("folders/", "organ")) else place


def _inherited(around: Around, listed: Iterable[Asset]) -> Iterator[Record]:
    try:
        names = _direct.above(around.ask, listed)
    except RefusedError as e:
        yield from unseen(around.ask, e, covers=_COVERS, subject_id=around.ask.scope_id, listing=True)
        return
    around.scopes.tree([around.ask.place.params.get("parent", ""), *names])
    yield from _direct.read_above(around, names)


def _denied(ask: Ask) -> Iterator[Record]:
    listed, closed = _inventory(ask)
    around = _around(ask, listed, closed)
    try:
        points = list(_direct.above(ask, listed))
    except RefusedError as e:
        yield from unseen(ask, e, covers=_COVERS, subject_id=ask.scope_id, listing=True)
        points = []
    if closed is not None:
        own = ask.place.params.get("parent", "")
        listed_below = projects_below(ask)
        if not listed_below:
            yield from unseen(ask, closed, covers=_COVERS, listing=True)
        below = (*folders_below(ask), *(f"projects/{project}" for project in listed_below))
        points = [*points, *dict.fromkeys((own, *below))]
    yield from _denies.read_denials(around, listed, points)
    yield from people(around)
    yield from around.scopes.rows()


def _controlled(ask: Ask) -> Iterator[Record]:
    listed, _ = _inventory(ask)
    around = _around(ask, listed)
    own = ask.place.params.get("parent", "")
    parents: dict[str, None] = {own: None} if own else {}
    try:
        yield from _org_policies.read_org_policies(around, parents)
    except RefusedError as e:
        yield from unseen(ask, e, listing=True)
    yield from _limits.limits(around, parents)
    yield from around.scopes.rows()


COLLECTOR = Group(
    name="gcp.iam_policies",
    title="Google Cloud IAM: allow policies, roles, deny policies and organisation policies",
    place="estate",
    weight=1,
    parts=(
        Part(
            name="allow policies",
            kind="allow policy, with the roles it gives",
            facts=("role", "members", "condition", "ends by itself", "permissions of the role", "open to everybody"),
            calls={
                ASSETS: "policy.document",
                POLICIES: "policy, attachment, identity, resource.public",
                **dict.fromkeys((*ASKED, *_direct.CHAIN, *_direct.ABOVE, _direct.PROJECTS), "policy, attachment"),
                ACCOUNTS: "policy, attachment",
                _direct.ACCOUNTS: "policy, attachment",
                _roles.LIST: "policy.document",
                _roles.GET: "policy.document",
            },
            read=_allowed,
        ),
        Part(
            name="deny policies",
            kind="deny policy",
            facts=("rules", "whom it names", "whom it leaves out"),
            calls={
                ASSETS: "policy, attachment",
                **dict.fromkeys((*ASKED, *_direct.CHAIN), "policy, attachment"),
                _denies.LIST: "policy, attachment",
                _denies.GET: "policy, attachment",
            },
            read=_denied,
        ),
        Part(
            name="organisation policies",
            kind="organisation policy about keys, accounts and federation",
            facts=("constraint", "what it says", "limits of keys and members in effect"),
            calls={_org_policies.LIST: "policy.kind, attachment.kind", _limits.EFFECTIVE: "signal"},
            read=_controlled,
        ),
    ),
)
