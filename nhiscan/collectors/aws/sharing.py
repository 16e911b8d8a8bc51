"""What an account shares by other means than a policy of its own: RAM shares, S3 access grants, VPC Lattice policies.

Each share is a resource with the policy that says the same, so that it is judged like any resource policy: a RAM share
by the statements of its managed permissions, an access grant as `s3:GetDataAccess` on its scope.  Calls: three lists
for RAM, one for each share and each permission used, one for access grants, one for each Lattice service and network.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._documents import document
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, pages, policy_on, seen
from nhiscan.plugin import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_SHARES, _ASSOCIATED = "ram:GetResourceShares", "ram:GetResourceShareAssociations"
_USED, _PERMISSION = "ram:ListResourceSharePermissions", "ram:GetPermission"
_LATTICE = {
    "vpc-lattice:ListServices": "lattice_service", "vpc-lattice:ListServiceNetworks": "lattice_network",
}  # fmt: skip
_GONE = ("UnknownResourceException", "ResourceNotFoundException")
_GRANTS, _AUTH = "s3control:ListAccessGrants", "vpc-lattice:GetAuthPolicy"


def _shares(ask: Ask) -> Iterator[Record]:
    shares = {
        arn: entry
        for entry in ask.items(_SHARES, "resourceShares", resourceOwner="SELF", maxResults=500)
        if (arn := text(entry.get("resourceShareArn"))) and text(entry.get("status")) not in {"DELETED", "FAILED"}
    }
    if not shares:
        return
    asking = Asking(ask)
    principals, resources = (_associated(asking, kind) for kind in ("PRINCIPAL", "RESOURCE"))
    allowed = _allowed(asking, [arn for arn in shares if principals[arn] and resources[arn]])
    for arn, entry in shares.items():
        tags = _tags.read(entry.get("tags"))
        yield Resource(
            **seen(ask, arn), provider="aws", kind="ram_share", name=text(entry.get("name")) or arn, public=False,
            created_at=moment(entry.get("creationTime")), environment=_tags.environment(tags), tags=tags,
        )  # fmt: skip
        yield from owners(ask, arn, tags)
        body = _as_policy(principals[arn], resources[arn], allowed[arn])
        yield from policy_on(ask, arn, body, name="resource share", mark="share")
    yield from asking.gaps


def _associated(asking: Asking, kind: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for entry in asking.items(_ASSOCIATED, "resourceShareAssociations", associationType=kind, maxResults=500):
        arn, entity = text(entry.get("resourceShareArn")), text(entry.get("associatedEntity"))
        if arn and entity and text(entry.get("status")) == "ASSOCIATED":
            found[arn].append(entity)
    return found


def _allowed(asking: Asking, shares: list[str]) -> dict[str, list[Json]]:
    """What each share allows: the statements of the managed permissions it was made with."""
    used: dict[str, list[str]] = {}
    for arn, found in asking.each_items(
        _USED, "permissions", {a: {"resourceShareArn": a} for a in shares}, absent=_GONE
    ):
        used[arn] = [name for entry in found if (name := text(entry.get("arn")))]
    wanted = {name: {"permissionArn": name} for names in used.values() for name in names}
    statements: dict[str, Json] = {}
    for name, answer in asking.each(_PERMISSION, wanted, absent=_GONE):
        body = document(mapping(answer.get("permission")).get("permission"))
        statements[name] = mapping(json.loads(body)) if body else {}
    return defaultdict(list, {arn: [statements[n] for n in names if statements.get(n)] for arn, names in used.items()})


def _as_policy(principals: list[str], resources: list[str], allowed: list[Json]) -> dict[str, object] | None:
    """The resource policy that a share amounts to; None when it allows nobody anything."""
    statements: list[dict[str, object]] = []
    for principal in sorted(principals):
        who, condition = _principal(principal)
        for permission in allowed:
            demanded = {**mapping(permission.get("Condition")), **condition}
            statements.append({
                "Effect": "Allow", "Principal": who, "Action": permission.get("Action"), "Resource": sorted(resources),
                **({"Condition": demanded} if demanded else {}),
            })  # fmt: skip
    return {"Version": "2012-10-17", "Statement": statements} if statements and resources else None


def _principal(principal: str) -> tuple[object, Json]:
    """Accounts and identities as they are; an organisation or a unit of one as everybody with its id or path."""
    parts = principal.split("/")
    if ":organizations:" not in principal:
        return {"Service" if principal.endswith(".amazonaws.com") else "AWS": principal}, {}
    if parts[0].endswith(":organization"):
        return "*", {"StringEquals": {"aws:PrincipalOrgID": parts[-1]}}
    return "*", {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{parts[1]}/*/{parts[-1]}/*"}}


def _access_grants(ask: Ask) -> Iterator[Record]:
    try:
        entries = [
            mapping(entry)
            for page in pages(ask, _GRANTS, "NextToken", AccountId=ask.account.number, MaxResults=1000)
            for entry in listing(page.get("AccessGrantsList"))
        ]
    except RefusedError as e:
        if e.code != "AccessGrantsInstanceNotExistsError":
            raise
        return
    for entry in entries:
        arn, scope = text(entry.get("AccessGrantArn")), text(entry.get("GrantScope"))
        if arn is not None and scope is not None:
            yield Resource(
                **seen(ask, arn), provider="aws", kind="s3_access_grant", name=scope, public=False,
                created_at=moment(entry.get("CreatedAt")),
            )  # fmt: skip
            yield from policy_on(ask, arn, _of_grant(ask, entry, scope), name="access grant", mark="grant")


def _of_grant(ask: Ask, entry: Json, scope: str) -> dict[str, object] | None:
    """The policy that says what a grant to an IAM identity says; users of a directory are no IAM principals."""
    grantee = mapping(entry.get("Grantee"))
    who = text(grantee.get("GranteeIdentifier"))
    if text(grantee.get("GranteeType")) != "IAM" or who is None:
        return None
    resource = f"arn:{ask.account.partition}:s3:::{scope.removeprefix('s3://')}"
    statement = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": "s3:GetDataAccess", "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _lattice(ask: Ask) -> Iterator[Record]:
    asking = Asking(ask)
    found: dict[str, Json] = {}
    for operation, kind in (
        ("vpc-lattice:ListServices", "lattice_service"),
        ("vpc-lattice:ListServiceNetworks", "lattice_network"),
    ):
        for entry in asking.items(operation, "items", maxResults=100):
            arn = text(entry.get("arn"))
            if arn is not None:
                found[arn] = {"resourceIdentifier": arn}
                yield Resource(
                    **seen(ask, arn), provider="aws", kind=kind, name=text(entry.get("name")) or arn,
                    created_at=moment(entry.get("createdAt")),
                )  # fmt: skip
    for arn, answer in asking.each(_AUTH, found, absent=("ResourceNotFoundException",)):
        # An inactive policy is kept and not applied: the service does not ask for IAM at all.
        if text(answer.get("state")) != "Inactive":
            yield from policy_on(ask, arn, answer.get("policy"), name="auth policy")
    yield from asking.gaps


COLLECTOR = Group(
    name="aws.sharing",
    title="AWS sharing: Resource Access Manager, S3 access grants, VPC Lattice policies",
    parts=(
        Part(
            name="shares",
            kind="RAM share",
            facts=("created", "principals", "resources", "owner"),
            calls={
                _SHARES: "resource, policy, attachment, owner",
                _ASSOCIATED: "policy, attachment",
                _USED: "policy, attachment",
                _PERMISSION: "policy, attachment",
            },
            read=_shares,
        ),
        Part(
            name="access grants",
            kind="S3 access grant",
            facts=("created", "grantee", "scope"),
            calls={_GRANTS: "resource, policy, attachment"},
            read=_access_grants,
        ),
        Part(
            name="lattice",
            kind="VPC Lattice auth policy",
            facts=("created", "policy"),
            calls={
                "vpc-lattice:ListServices": "resource, policy, attachment",
                "vpc-lattice:ListServiceNetworks": "resource, policy, attachment",
                _AUTH: "policy, attachment",
            },
            read=_lattice,
        ),
    ),
)
