"""AWS stores of secrets: what is in them, how old it is, who rotates it; never a value.

Kinds of store: `secret`; `managed_secret` (another service owns and rotates it), `replica_secret` (its primary region
rotates it); `parameter` (encrypted, SSM `SecureString`) and `plain_parameter` (not encrypted, although its name speaks
of a secret).  Calls: one per 100 secrets and one for the policy of each; one per 50 parameters, one per 100 tags.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import flag, listing, mapping, moment, number, text
from nhiscan.collectors.aws._documents import document
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, policy_on, seen
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.detect.generic import speaks_of_secrets
from nhiscan.plugin import LastUsed, Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_POLICY = "secretsmanager:GetResourcePolicy"
_GONE = ("ResourceNotFoundException",)


def _secrets(ask: Ask) -> Iterator[Record]:
    primaries = []
    for entry in ask.items("secretsmanager:ListSecrets", "SecretList", MaxResults=100):
        arn, name = text(entry.get("ARN")), text(entry.get("Name"))
        if arn is None or name is None:
            continue
        kind = _kind(ask, entry)
        yield from _secret(ask, entry, kind, arn, name)
        # A replica has the policy of its primary (Secrets Manager User Guide, "Replicate secrets across Regions").
        primaries += [arn] if kind != "replica_secret" else []
    asking = Asking(ask)
    for arn, answer in asking.each(_POLICY, {arn: {"SecretId": arn} for arn in primaries}, absent=_GONE):
        yield from policy_on(ask, arn, answer.get("ResourcePolicy"))
    yield from asking.gaps


def _kind(ask: Ask, entry: Json) -> str:
    if text(entry.get("PrimaryRegion")) not in {None, ask.region}:
        return "replica_secret"
    return "managed_secret" if text(entry.get("OwningService")) else "secret"


def _secret(ask: Ask, entry: Json, kind: str, arn: str, name: str) -> Iterator[Record]:
    tags = _tags.read(entry.get("Tags"))
    accessed = moment(entry.get("LastAccessedDate"))
    rotates = flag(entry.get("RotationEnabled"))
    yield Store(
        **seen(ask, arn),
        provider="aws",
        kind=kind,
        name=name,
        # Left out for a secret that nobody ever set up to rotate; of others the owning service or region decides.
        rotation=None if kind == "replica_secret" else False if rotates is None and kind == "secret" else rotates,
        rotation_days=number(mapping(entry.get("RotationRules")).get("AutomaticallyAfterDays")),
        state="deleting" if entry.get("DeletedDate") else None,
        created_at=moment(entry.get("CreatedDate")),
        changed_at=moment(entry.get("LastChangedDate")),
        rotated_at=moment(entry.get("LastRotatedDate")),
        last_used_at=accessed,
        # "Omitted if the secret has never been retrieved in the Region" (API reference, SecretListEntry).
        last_used=LastUsed.KNOWN if accessed else LastUsed.NEVER,
        encrypted_with=text(entry.get("KmsKeyId")) or "alias/aws/secretsmanager",
        environment=_tags.environment(tags),
        tags=tags,
    )
    yield from owners(ask, arn, tags)


def _parameters(ask: Ask) -> Iterator[Record]:
    found = []
    for entry in ask.items("ssm:DescribeParameters", "Parameters", MaxResults=50):
        name, type_ = text(entry.get("Name")), text(entry.get("Type"))
        if name is None or type_ is None:
            continue
        encrypted = type_ == "SecureString"
        if encrypted or speaks_of_secrets(name.strip("/").rsplit("/", 1)[-1]):
            arn = text(entry.get("ARN")) or ask.arn("ssm", f"parameter/{name.lstrip('/')}")
            found.append((arn, name, "parameter" if encrypted else "plain_parameter", entry))
    if not found:
        return
    tagged = Tagged()
    yield from tagged.read(ask, "ssm:parameter", covers=("owner", "store.tags", "store.environment"))
    for arn, name, kind, entry in found:
        tags = tagged.of(arn)
        yield Store(
            **seen(ask, arn),
            provider="aws",
            kind=kind,
            name=name,
            changed_at=moment(entry.get("LastModifiedDate")),
            expires_at=_expiry(entry.get("Policies")),
            encrypted_with=text(entry.get("KeyId")),
            environment=_tags.environment(tags),
            tags=tags,
        )
        yield from owners(ask, arn, tags)


def _expiry(policies: object) -> datetime | None:
    """When an advanced parameter deletes itself (Systems Manager User Guide, "Assigning parameter policies")."""
    for policy in map(mapping, listing(policies)):
        if text(policy.get("PolicyType")) == "Expiration":
            body = document(policy.get("PolicyText")) or "{}"
            return moment(mapping(mapping(json.loads(body)).get("Attributes")).get("Timestamp"))
    return None


COLLECTOR = Group(
    name="aws.secrets",
    title="AWS Secrets Manager and Parameter Store: stored secrets and what is known of them",
    parts=(
        Part(
            name="secrets",
            kind="Secrets Manager secret",
            facts=("created", "changed", "rotated", "last read (day)", "rotation", "key", "owner", "who may read it"),
            calls={
                "secretsmanager:ListSecrets": "store, owner, policy, attachment",
                _POLICY: "policy, attachment",
            },
            read=_secrets,
        ),
        Part(
            name="parameters",
            kind="Systems Manager parameter",
            facts=("changed", "expires", "encrypted", "key", "owner"),
            calls={
                "ssm:DescribeParameters": "store, owner",
                GET_RESOURCES: "owner, store.tags, store.environment",
            },
            read=_parameters,
        ),
    ),
)
