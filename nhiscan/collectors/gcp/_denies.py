"""Deny policies: their rules, whom they name, and whom they leave out.

Lists of the IAM v2 API omit the rules (iam.v2 `policies.listPolicies`), so each policy is read by itself where Cloud
Asset Inventory does not give it.  Shape: iam.v2 `GoogleIamV2Policy`, `GoogleIamV2DenyRule` (discovery document).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import document, mapping, objects, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import shown
from nhiscan.collectors.gcp._assets import unseen
from nhiscan.collectors.gcp._names import scope_of_resource
from nhiscan.plugin import Attachment, AttachmentKind, Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._assets import Asset
    from nhiscan.collectors.gcp._bindings import Around
    from nhiscan.plugin import Record

DENY = "iam.googleapis.com/PolicyV2"
LIST = Operation(
    "iam:policies.listPolicies", "/v2/policies/{point}/denypolicies", ("iam.denypolicies.list",),
    query={"pageSize": "1000"},
)  # fmt: skip
GET = Operation("iam:policies.get", "/v2/policies/{point}/denypolicies/{policy}", ("iam.denypolicies.get",))
_NAME = re.compile(r"(?://iam\.googleapis\.com/)?policies/(.+)/denypolicies/([^/]+)")
_COVERS = ("policy", "attachment")


def read_denials(around: Around, listed: Iterable[Asset], points: Iterable[str]) -> Iterator[Record]:
    """The deny policies among assets, and those of further attachment points (`projects/p`, `organizations/1`)."""
    bare: dict[tuple[str, str], Json] = {}
    for asset in listed:
        if asset.type == DENY and (names := _names(asset.data, asset.name)):
            if objects(asset.data.get("rules")):
                yield from _policy(around, names, asset.data)
            else:
                bare[names] = asset.data
    asked = [{"point": f"cloudresourcemanager.googleapis.com/{point}"} for point in points]
    try:
        for given, answer in around.ask.each_items(LIST, "policies", asked):
            if isinstance(answer, RefusedError):
                point = str(given["point"]).partition("/")[2]
                scope_id = scope_of_resource(point)
                yield from unseen(around.ask, answer, covers=_COVERS, subject_id=scope_id, listing=True)
                continue
            bare |= {names: data for data in answer if (names := _names(data, ""))}
    except RefusedError as e:
        yield from unseen(around.ask, e, covers=_COVERS)
    yield from _singly(around, bare)


def _names(data: Json, otherwise: str) -> tuple[str, str] | None:
    """The attachment point, unquoted and without its service, and the policy's own id."""
    match = _NAME.fullmatch(text(data.get("name")) or otherwise)
    if match is None:
        return None
    return unquote(match[1]).removeprefix("cloudresourcemanager.googleapis.com/"), match[2]


def _singly(around: Around, bare: dict[tuple[str, str], Json]) -> Iterator[Record]:
    asked = [{"point": f"cloudresourcemanager.googleapis.com/{point}", "policy": own} for point, own in bare]
    names = dict(zip(((str(a["point"]), str(a["policy"])) for a in asked), bare, strict=True))
    left = dict(bare)
    try:
        for given, answer in around.ask.each(GET, asked):
            key = names[str(given["point"]), str(given["policy"])]
            data = left.pop(key)
            if isinstance(answer, RefusedError):
                yield _row(around, key, data, None)
                yield from unseen(around.ask, answer, covers=_COVERS, subject_id=_id(around, key))
            else:
                yield from _policy(around, key, answer)
    except RefusedError as e:
        yield from unseen(around.ask, e, covers=_COVERS)
        yield from (_row(around, key, data, None) for key, data in left.items())


def _point(around: Around, point: str) -> str:
    kind, _, name = point.partition("/")
    return f"{kind}/{around.projects.id(name) or name}" if kind == "projects" else point


def _id(around: Around, names: tuple[str, str]) -> str:
    point = quote(f"cloudresourcemanager.googleapis.com/{_point(around, names[0])}", safe="")
    return f"gcp:policies/{point}/denypolicies/{names[1]}"


def _row(around: Around, names: tuple[str, str], data: Json, body: str | None) -> Policy:
    own = _id(around, names)
    return Policy(
        id=own, scope_id=around.scopes.at(names[0]), source=around.ask.source,
        locator=own.replace("gcp:", "//iam.googleapis.com/", 1), provider="gcp", kind=PolicyKind.DENY,
        name=shown(data.get("displayName")) or names[1], document=body,
    )  # fmt: skip


def _policy(around: Around, names: tuple[str, str], data: Json) -> Iterator[Record]:
    rules = objects(data.get("rules"))
    row = _row(around, names, data, document({"rules": list(rules)}))
    yield row
    target = f"//cloudresourcemanager.googleapis.com/{_point(around, names[0])}"
    for kind, key in ((AttachmentKind.DENIES, "deniedPrincipals"), (AttachmentKind.EXEMPT, "exceptionPrincipals")):
        named = [m for rule in rules for m in texts(mapping(rule.get("denyRule")).get(key))]
        for who in {w.id: w for member in named if (w := around.met(member))}.values():
            yield Attachment(
                id=f"{row.id}#{kind}/{who.id}", scope_id=row.scope_id, source=row.source, locator=row.locator,
                policy_id=row.id, principal_id=who.id, kind=kind, target_id=target,
            )  # fmt: skip
