"""Workload and workforce identity pools, and the outside issuers that each of their providers believes.

Fields: iam.v1 `WorkloadIdentityPool`, `WorkloadIdentityPoolProvider`, `WorkforcePool`, `WorkforcePoolProvider`
(discovery document).  What a provider demands stands in the tags of its identity: `type`, `issuer`,
`allowed_audiences` (joined by blanks), `account_id` (AWS), `attribute_condition` (CEL as written) and
`attribute_mapping` (JSON).  Which accounts its tokens open is said by bindings (`principalSet://…`), not here.
Permissions: cloud.google.com/iam/docs/manage-workload-identity-pools-providers.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import Json, document, facts, flag, mapping, text, texts
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.gcp._accounts import shown
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import Identity, IdentityClass, IdentityKind, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors.gcp._assets import Scopes
    from nhiscan.plugin import Record

POOL, PROVIDER = "iam.googleapis.com/WorkloadIdentityPool", "iam.googleapis.com/WorkloadIdentityPoolProvider"
WORKFORCE, WORKFORCE_PROVIDER = "iam.googleapis.com/WorkforcePool", "iam.googleapis.com/WorkforcePoolProvider"
POOLS = Operation(
    "iam:projects.locations.workloadIdentityPools.list",
    "/v1/projects/{project}/locations/global/workloadIdentityPools",
    ("iam.googleapis.com/workloadIdentityPools.list",), query={"pageSize": "1000"},
)  # fmt: skip
PROVIDERS = Operation(
    "iam:projects.locations.workloadIdentityPools.providers.list", "/v1/{+pool}/providers",
    ("iam.googleapis.com/workloadIdentityPoolProviders.list",), query={"pageSize": "100"},
)  # fmt: skip
WORKFORCES = Operation(
    "iam:locations.workforcePools.list", "/v1/locations/global/workforcePools",
    ("iam.googleapis.com/workforcePools.list",),
    query={"pageSize": "1000"},
)  # fmt: skip
WORKFORCE_PROVIDERS = Operation(
    "iam:locations.workforcePools.providers.list", "/v1/{+pool}/providers",
    ("iam.googleapis.com/workforcePoolProviders.list",),
    query={"pageSize": "100"},
)  # fmt: skip
_NAME = re.compile(
    r"(?:projects/([^/]+)/)?locations/([^/]+)/(workloadIdentityPools|workforcePools)/([^/]+)(?:/providers/([^/]+))?"
)
# AWS accounts and certificate authorities are neither OIDC nor SAML: outside roots that are trusted.
_KINDS = {
    "oidc": IdentityKind.OIDC_PROVIDER, "saml": IdentityKind.SAML_PROVIDER, "aws": IdentityKind.TRUST_ANCHOR,
    "x509": IdentityKind.TRUST_ANCHOR,
}  # fmt: skip
_LONGEST = 4096


def pool_name(name: str, number: str | None) -> str | None:
    """The name of a pool or provider with its project by number, as bindings write it, where that is known."""
    match = _NAME.fullmatch(name.removeprefix("//iam.googleapis.com/"))
    if match is None:
        return None
    head = f"projects/{number or match[1]}/" if match[1] else ""
    tail = f"/providers/{match[5]}" if match[5] else ""
    return f"{head}locations/{match[2]}/{match[3]}/{match[4]}{tail}"


def _state(data: Json) -> IdentityState | None:
    if text(data.get("state")) == "DELETED":
        return IdentityState.DELETED
    disabled = False if data.get("disabled") is None else flag(data.get("disabled"))
    return None if disabled is None else IdentityState.DISABLED if disabled else IdentityState.ENABLED


def read_pool(ask: Ask, data: Json, name: str, scope_id: str) -> Iterator[Record]:
    """A pool: the people (workforce) or workloads that outside issuers vouch for."""
    people, limits = "/workforcePools/" in f"/{name}", mapping(data.get("accessRestrictions"))
    yield Identity(
        id=f"gcp:pool/{name}", scope_id=scope_id, source=ask.source, locator=f"//iam.googleapis.com/{name}",
        provider="gcp", kind=IdentityKind.IDENTITY_POOL, name=name.rpartition("/")[2],
        class_=IdentityClass.HUMAN if people else IdentityClass.WORKLOAD, state=_state(data), native_id=name,
        max_session=_seconds(data.get("sessionDuration")),
        tags=facts(
            type="workforce" if people else "workload", mode=text(data.get("mode")),
            display_name=shown(data.get("displayName")),
            programmatic=False if flag(limits.get("disableProgrammaticSignin")) else None,
        ),
    )  # fmt: skip


def _seconds(value: object) -> int | None:
    match = re.fullmatch(r"(\d{1,9})(?:\.\d+)?s", text(value) or "")
    return int(match[1]) if match else None


def read_provider(ask: Ask, data: Json, name: str, scope_id: str) -> Iterator[Record]:
    """A provider of a pool: whom it believes, and what it demands of their tokens."""
    type_ = next((t for t in _KINDS if mapping(data.get(t))), None)
    oidc = mapping(data.get("oidc"))
    audiences = (*texts(oidc.get("allowedAudiences")), *filter(None, [text(oidc.get("clientId"))]))
    condition = data.get("attributeCondition")
    yield Identity(
        id=f"gcp:pool/{name}", scope_id=scope_id, source=ask.source, locator=f"//iam.googleapis.com/{name}",
        provider="gcp", kind=_KINDS.get(type_ or "", IdentityKind.OIDC_PROVIDER), name=name.rpartition("/")[2],
        class_=IdentityClass.HUMAN if "/workforcePools/" in f"/{name}" else IdentityClass.WORKLOAD,
        state=_state(data), native_id=name,
        tags=facts(
            type=type_, issuer=text(oidc.get("issuerUri")), allowed_audiences=" ".join(audiences) or None,
            account_id=text(mapping(data.get("aws")).get("accountId")),
            attribute_condition=conceal(condition[:_LONGEST]) if isinstance(condition, str) and condition else None,
            attribute_mapping=document(mapping(data.get("attributeMapping")) or None),
            own_keys=True if text(oidc.get("jwksJson")) else None, vendor=text(data.get("vendorType")),
        ),
    )  # fmt: skip


def scope_of(scopes: Scopes, ask: Ask, name: str, parent: object = None) -> str:
    """The scope of a pool or provider: its project, or the organisation that a workforce pool is of."""
    match = _NAME.fullmatch(name)
    if match and match[1]:
        return scopes.of(match[1])
    above = text(parent) or ""
    return scopes.at(above) if re.fullmatch(r"organizations/\d+", above) else ask.scope_id
