"""Allow policies asked for one by one: those above a place, and those below it where no inventory lists them.

`getIamPolicy` is a POST that reads (cloudresourcemanager.v3, iam.v1, discovery documents); version 3 is asked for,
because older ones leave out conditions (cloud.google.com/iam/docs/allow-policies, "Policy versions").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import text
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import email_of
from nhiscan.collectors.gcp._assets import unseen
from nhiscan.collectors.gcp._below import folders_below, projects_below
from nhiscan.collectors.gcp._bindings import MANAGER, Place, read_policy
from nhiscan.collectors.gcp._estate import PROJECT_GET
from nhiscan.collectors.gcp._iam_client import accounts_of
from nhiscan.collectors.gcp._names import scope_of_resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._assets import Asset
    from nhiscan.collectors.gcp._bindings import Around
    from nhiscan.collectors.gcp._iam_client import Accounts
    from nhiscan.plugin import Record

_VERSION = {"options": {"requestedPolicyVersion": 3}}
_POLICIES = {
    kind: Operation(
        f"cloudresourcemanager:{kind}.getIamPolicy",
        f"/v3/{kind}/{{name}}:getIamPolicy",
        (f"resourcemanager.{kind}.getIamPolicy",),
        body=_VERSION,
    )
    for kind in ("organizations", "folders", "projects")
}
ABOVE = (_POLICIES["folders"], _POLICIES["organizations"])
PROJECTS = _POLICIES["projects"]
ACCOUNTS = Operation(
    "iam:projects.serviceAccounts.getIamPolicy", "/v1/projects/{project}/serviceAccounts/{email}:getIamPolicy",
    ("iam.serviceAccounts.getIamPolicy",), query={"options.requestedPolicyVersion": "3"}, body={},
)  # fmt: skip
FOLDER_GET = Operation("cloudresourcemanager:folders.get", "/v3/folders/{folder}", ("resourcemanager.folders.get",))
CHAIN = (PROJECT_GET, FOLDER_GET)
"""The calls that find out what lies above a place."""
_COVERS = ("policy", "attachment")
_TYPES = {"organizations": "Organization", "folders": "Folder", "projects": "Project"}


def above(ask: Ask, listed: Iterable[Asset]) -> tuple[str, ...]:
    """What lies above the place of a unit (`folders/2`, `organizations/1`), the innermost first.

    Raises RefusedError where neither an inventory nor Resource Manager tells.
    """
    own = ask.place.params.get("parent", "")
    if own.startswith("organizations/"):
        return ()
    for asset in listed:
        chain = list(asset.ancestors)
        if own.startswith("projects/") and chain and chain[0].startswith("projects/"):
            return tuple(chain[1:])
        if own in chain:
            return tuple(chain[chain.index(own) + 1 :])
    return tuple(_asked(ask, own))


def _asked(ask: Ask, own: str) -> Iterator[str]:
    name, seen = own, {""}
    while name not in seen and not name.startswith("organizations/"):
        seen.add(name)
        kind, _, number = name.partition("/")
        answer = ask.call(PROJECT_GET) if kind == "projects" else ask.call(FOLDER_GET, folder=number)
        name = text(answer.get("parent")) or ""
        if name not in seen:
            yield name


def read_above(around: Around, names: Iterable[str]) -> Iterator[Record]:
    """The allow policies of what lies above a place; they bear on everything in it."""
    for name in names:
        yield from _read(around, [name])


def read_below(around: Around) -> Iterator[Record]:
    """The allow policies of a place, of folders and projects below it, and of their service accounts."""
    ask = around.ask
    own = ask.place.params.get("parent", "")
    projects = projects_below(ask)
    if not own.startswith("projects/"):
        yield from _read(around, [own])
        yield from _read(around, folders_below(ask))
    yield from _read(around, [f"projects/{project}" for project in projects])
    client = accounts_of(ask)
    for project in projects:
        yield from _of_accounts(around, client, project)


def _read(around: Around, names: Iterable[str]) -> Iterator[Record]:
    asked = [(name.partition("/")[0], name.partition("/")[2]) for name in names]
    for kind in dict.fromkeys(kind for kind, _ in asked if kind in _POLICIES):
        try:
            for given, answer in around.ask.each(_POLICIES[kind], [{"name": n} for k, n in asked if k == kind]):
                name = f"{kind}/{given['name']}"
                if isinstance(answer, RefusedError):
                    yield from unseen(
                        around.ask, answer, covers=_COVERS, subject_id=around.scopes.at(name), listing=True
                    )
                    continue
                target = f"//{MANAGER}/{name}"
                place = Place(target, f"{MANAGER}/{_TYPES[kind]}", around.scopes.at(name))
                yield from read_policy(around, place, answer)
        except RefusedError as e:
            for name in (n for k, n in asked if k == kind):
                yield from unseen(around.ask, e, covers=_COVERS, subject_id=scope_of_resource(f"{kind}/{name}"))
                around.scopes.at(f"{kind}/{name}")


def _of_accounts(around: Around, client: Accounts, project: str) -> Iterator[Record]:
    scope_id = around.scopes.of(project)
    try:
        emails = [e for data in client.accounts(project) if (e := email_of(data))]
        for given, answer in around.ask.each(ACCOUNTS, [{"project": project, "email": email} for email in emails]):
            target = f"//iam.googleapis.com/projects/{project}/serviceAccounts/{given['email']}"
            if isinstance(answer, RefusedError):
                yield from unseen(around.ask, answer, covers=_COVERS, subject_id=f"gcp:sa/{given['email']}")
                continue
            place = Place(target, "iam.googleapis.com/ServiceAccount", scope_id)
            yield from read_policy(around, place, answer)
    except RefusedError as e:
        yield from unseen(around.ask, e, covers=_COVERS, subject_id=scope_id, listing=True)
