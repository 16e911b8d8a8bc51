"""Organisation policies that decide about keys, accounts and federation, as policies that control a scope.

Names and meanings of the constraints: cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints
(November 2026); shape: cloudasset.v1 `GoogleCloudOrgpolicyV1Policy` (discovery document).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import document, objects, text
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._limits import CONSTRAINTS
from nhiscan.collectors.gcp._names import scope_of_resource
from nhiscan.plugin import Attachment, AttachmentKind, Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.gcp._bindings import Around
    from nhiscan.plugin import Record

LIST = Operation(
    "cloudasset:assets.listOrgPolicies", "/v1/{+parent}/assets", ("cloudasset.assets.listOrgPolicy",),
    query={"contentType": "ORG_POLICY", "pageSize": "1000"},
)  # fmt: skip
_OTHERS = frozenset({
    "storage.publicAccessPrevention", "compute.requireOsLogin", "storage.restrictAuthTypes",
    "gcp.restrictServiceUsage", "cloudbuild.disableCreateDefaultServiceAccount", "cloudbuild.useBuildServiceAccount",
    "run.allowedIngress", "essentialcontacts.allowedContactDomains",
})  # fmt: skip
_KEPT = ("booleanPolicy", "listPolicy", "restoreDefault")


def read_org_policies(around: Around, limited: dict[str, None]) -> Iterator[Record]:
    """One policy and one attachment for each constraint about identities that something sets.

    `limited` gains what sets one of the constraints whose effect is asked for.
    """
    for entry in around.ask.items(LIST, "assets"):
        name = around.named(text(entry.get("name")) or "")
        scope_id = scope_of_resource(name)
        if scope_id is None:
            continue
        parent = name.removeprefix("//cloudresourcemanager.googleapis.com/")
        for policy in objects(entry.get("orgPolicy")):
            constraint = (text(policy.get("constraint")) or "").removeprefix("constraints/")
            if constraint in CONSTRAINTS:
                limited[parent] = None
            if constraint.startswith("iam.") or constraint in _OTHERS:
                yield from _policy(around, name, around.scopes.at(parent), constraint, policy)


def _policy(around: Around, target: str, scope_id: str, constraint: str, said: Json) -> Iterator[Record]:
    own = f"gcp:org_policy/{target.removeprefix('//')}/{constraint}"
    yield Policy(
        id=own, scope_id=scope_id, source=around.ask.source, locator=target, provider="gcp",
        kind=PolicyKind.RESOURCE_CONTROL, name=constraint,
        document=document({"constraint": constraint, **{k: said[k] for k in _KEPT if said.get(k) is not None}}),
    )  # fmt: skip
    yield Attachment(
        id=f"{own}#control", scope_id=scope_id, source=around.ask.source, locator=target, policy_id=own,
        principal_id=scope_id, kind=AttachmentKind.CONTROL, target_id=target,
    )  # fmt: skip
