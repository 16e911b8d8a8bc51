"""AWS KMS: keys of the account, whether they rotate, who may use them by policy and by grant.

Kinds of store: `kms_key` (symmetric, made by KMS: it can rotate by itself); `kms_asymmetric_key`, `kms_hmac_key`,
`kms_imported_key` and `kms_external_key` (HSM or external key store), which cannot, so their `rotation` stays unknown.
Keys that AWS manages (`alias/aws/…`) are left out: nobody can change them.  Calls: one per 1,000 keys, per 100 aliases
and per 100 tags; for each key its description, rotation, policy and grants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import flag, listing, mapping, moment, number, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, policy_on, seen
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.plugin import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors._common.seen import Seen
    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_DESCRIBE, _ROTATION = "kms:DescribeKey", "kms:GetKeyRotationStatus"
_POLICY, _GRANTS = "kms:GetKeyPolicy", "kms:ListGrants"
_ORIGINS = {
    "EXTERNAL": "kms_imported_key", "AWS_CLOUDHSM": "kms_external_key", "EXTERNAL_KEY_STORE": "kms_external_key",
}  # fmt: skip
_STATES = {
    "Enabled": "enabled", "Updating": "enabled", "Disabled": "disabled", "PendingDeletion": "deleting",
    "PendingReplicaDeletion": "deleting", "PendingImport": "empty", "Unavailable": "unavailable",
    "Creating": "creating",
}  # fmt: skip
_GONE = ("NotFoundException",)
# Asked for a key that cannot rotate, or not in this state (KMS API reference, GetKeyRotationStatus, "Errors").
_NO_ROTATION = (*_GONE, "UnsupportedOperationException", "KMSInvalidStateException")


def _keys(ask: Ask) -> Iterator[Record]:
    aliases = _aliases(ask)
    arns: dict[str, str] = {}
    for entry in ask.items("kms:ListKeys", "Keys", Limit=1000):
        key_id, arn = text(entry.get("KeyId")), text(entry.get("KeyArn"))
        if key_id and arn and not any(name.startswith("alias/aws/") for name in aliases.get(key_id, ())):
            arns[arn] = key_id
    if not arns:
        return
    asking = Asking(ask)
    tagged = Tagged()
    yield from tagged.read(ask, "kms:key", covers=("owner", "store.tags", "store.environment"))
    described = {
        arn: mapping(answer.get("KeyMetadata"))
        for arn, answer in asking.each(_DESCRIBE, {arn: {"KeyId": arn} for arn in arns}, absent=_GONE)
    }
    own = [arn for arn in arns if described.get(arn, {}).get("KeyManager") != "AWS"]
    turning = {arn: {"KeyId": arn} for arn in own if _kind(described.get(arn, {})) in {"kms_key", None}}
    rotation = dict(asking.each(_ROTATION, turning, absent=_NO_ROTATION))
    for arn in own:
        names, tags = sorted(aliases.get(arns[arn], ())), tagged.of(arn)
        yield _store(
            seen(ask, arn), names[0] if names else arns[arn], described.get(arn, {}), rotation.get(arn, {}), tags
        )
        yield from owners(ask, arn, tags)
    policies = {arn: {"KeyId": arn, "PolicyName": "default"} for arn in own}
    for arn, answer in asking.each(_POLICY, policies, absent=_GONE):
        yield from policy_on(ask, arn, answer.get("Policy"), name="key policy")
    for arn, grants in asking.each_items(_GRANTS, "Grants", {a: {"KeyId": a, "Limit": 100} for a in own}, absent=_GONE):
        yield from policy_on(ask, arn, _as_policy(grants), name="grants", mark="grants")
    yield from asking.gaps


def _aliases(ask: Ask) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in ask.items("kms:ListAliases", "Aliases", Limit=100):
        key_id, name = text(entry.get("TargetKeyId")), text(entry.get("AliasName"))
        if key_id and name:
            found.setdefault(key_id, []).append(name)
    return found


def _kind(metadata: Json) -> str | None:
    """The kind of store; None when the key could not be described."""
    if not metadata:
        return None
    origin = _ORIGINS.get(text(metadata.get("Origin")) or "")
    if origin is not None:
        return origin
    spec = text(metadata.get("KeySpec")) or text(metadata.get("CustomerMasterKeySpec")) or "SYMMETRIC_DEFAULT"
    if spec == "SYMMETRIC_DEFAULT":
        return "kms_key"
    return "kms_hmac_key" if spec.startswith("HMAC") else "kms_asymmetric_key"


def _store(place: Seen, name: str, metadata: Json, rotation: Json, tags: dict[str, str]) -> Store:
    return Store(
        **place,
        provider="aws",
        kind=_kind(metadata) or "kms_key",
        name=name.removeprefix("alias/"),
        rotation=flag(rotation.get("KeyRotationEnabled")),
        rotation_days=number(rotation.get("RotationPeriodInDays")),
        state=_STATES.get(text(metadata.get("KeyState")) or ""),
        created_at=moment(metadata.get("CreationDate")),
        expires_at=moment(metadata.get("DeletionDate")) or moment(metadata.get("ValidTo")),
        environment=_tags.environment(tags),
        tags=tags,
    )


def _as_policy(grants: Sequence[Json]) -> dict[str, object] | None:
    """The grants of a key as the policy that would say the same; None without any.

    KMS Developer Guide, "Grants in AWS KMS" and "Grant constraints".
    """
    statements = [statement for grant in grants if (statement := _statement(grant))]
    return {"Version": "2012-10-17", "Statement": statements} if statements else None


def _statement(grant: Json) -> dict[str, object] | None:
    service = text(grant.get("GranteeServicePrincipal"))
    grantee = service or text(grant.get("GranteePrincipal"))
    actions = [f"kms:{name}" for item in listing(grant.get("Operations")) if (name := text(item))]
    if grantee is None or not actions:
        return None
    principal = "AWS" if service is None and grantee.startswith(("arn:", "A")) else "Service"
    condition = _condition(mapping(grant.get("Constraints")))
    return {
        "Effect": "Allow", "Principal": {principal: grantee}, "Action": actions, "Resource": "*",
        **({"Condition": condition} if condition else {}),
    }  # fmt: skip


def _condition(constraints: Json) -> dict[str, object]:
    exact, some = (
        mapping(constraints.get("EncryptionContextEquals")),
        mapping(constraints.get("EncryptionContextSubset")),
    )
    found: dict[str, object] = {}
    pairs = {f"kms:EncryptionContext:{key}": value for key, value in {**some, **exact}.items()}
    if pairs:
        found["StringEquals"] = pairs
    if exact:
        found["ForAllValues:StringEquals"] = {"kms:EncryptionContextKeys": sorted(exact)}
    source = text(constraints.get("SourceArn"))
    if source is not None:
        found["ArnEquals"] = {"aws:SourceArn": source}
    return found


COLLECTOR = Group(
    name="aws.encryption",
    title="AWS KMS keys, their rotation, policies and grants",
    parts=(
        Part(
            name="keys",
            kind="KMS key",
            facts=("created", "state", "kind and origin", "rotation", "owner", "who may use it, also by grant"),
            calls={
                "kms:ListKeys": "store, owner, policy, attachment",
                "kms:ListAliases": "store",
                _DESCRIBE: "store.kind, store.state, store.created_at, store.expires_at, store.rotation",
                _ROTATION: "store.rotation, store.rotation_days",
                _POLICY: "policy, attachment",
                _GRANTS: "policy, attachment",
                GET_RESOURCES: "owner, store.tags, store.environment",
            },
            read=_keys,
        ),
    ),
)
