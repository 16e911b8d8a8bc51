"""Secrets, keys, buckets, queues and topics of AWS, with the policies that stand on them.

Arguments: Terraform Registry, provider hashicorp/aws 6 (November 2026).  The rotation of a secret is one resource of
its own; a secret without one does not rotate (AWS Secrets Manager User Guide, "Rotate secrets").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform.values import member, number
from nhiscan.plugin import AttachmentKind, PolicyKind, Resource, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing, Value
    from nhiscan.plugin import Record

_KEYS = ("aws_kms_key",)
# The argument of a policy resource that says what it stands on, and the kinds that can be meant.
_ON: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "aws_s3_bucket_policy": ("bucket", ("aws_s3_bucket",)),
    "aws_sqs_queue_policy": ("queue_url", ("aws_sqs_queue",)),
    "aws_sns_topic_policy": ("arn", ("aws_sns_topic",)),
    "aws_secretsmanager_secret_policy": ("secret_arn", ("aws_secretsmanager_secret",)),
    "aws_kms_key_policy": ("key_id", _KEYS),
    "aws_ecr_repository_policy": ("repository", ("aws_ecr_repository",)),
}
_RESOURCES = {
    "aws_s3_bucket": "bucket", "aws_sqs_queue": "queue", "aws_sns_topic": "topic",
    "aws_ecr_repository": "image_repository",
}  # fmt: skip


def _resource(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield Resource(
        **desk.seen(desk.id(thing), thing), provider="aws", kind=_RESOURCES[thing.kind], name=desk.name(thing),
        encrypted_with=desk.target(thing, thing.at("kms_master_key_id"), _KEYS), tags=desk.tags(thing),
    )  # fmt: skip
    yield from _standing(desk, thing, desk.id(thing), thing.at("policy"))


def _standing(desk: Desk, thing: Thing, subject: str, document: Value) -> Iterator[Record]:
    if document in (None, "", []):
        return
    policy = f"{subject}#policy"
    yield from desk.policy(thing, policy, PolicyKind.RESOURCE, "resource policy", document)
    yield desk.attached(thing, subject, policy, AttachmentKind.RESOURCE)


def _policy_on(desk: Desk, thing: Thing) -> Iterator[Record]:
    argument, kinds = _ON[thing.kind]
    if (subject := desk.target(thing, thing.at(argument), kinds)) is not None and not subject.startswith("arn:"):
        yield from _standing(desk, thing, subject, thing.at("policy"))


def _secret(desk: Desk, thing: Thing) -> Iterator[Record]:
    rules = thing.blocks("rotation_rules")
    days = number(rules[0].get("automatically_after_days")) if rules else None
    yield _store(desk, thing, "secret", rotation=True if rules else None, rotation_days=days)
    yield from _standing(desk, thing, desk.id(thing), thing.at("policy"))


def _store(desk: Desk, thing: Thing, kind: str, *, rotation: bool | None, rotation_days: int | None) -> Store:
    return Store(
        **desk.seen(desk.id(thing), thing), provider="aws", kind=kind, name=desk.name(thing), rotation=rotation,
        rotation_days=rotation_days, state="declared",
        encrypted_with=desk.target(thing, thing.at("kms_key_id"), _KEYS), tags=desk.tags(thing),
    )  # fmt: skip


def _rotation(desk: Desk, thing: Thing) -> Iterator[Record]:
    """Fills the store of the secret it is about."""
    secret = desk.target(thing, thing.at("secret_id"), ("aws_secretsmanager_secret",))
    if secret is None or secret.startswith("arn:"):
        return
    days = number(member(thing.at("rotation_rules"), "automatically_after_days"))
    yield Store(
        **desk.seen(secret, thing), provider="aws", kind="secret", name=secret.rpartition(".")[2], rotation=True,
        rotation_days=days, state="declared",
    )  # fmt: skip


def _parameter(desk: Desk, thing: Thing) -> Iterator[Record]:
    if thing.text("type") == "SecureString":
        yield _store(desk, thing, "parameter", rotation=False, rotation_days=None)


def _key(desk: Desk, thing: Thing) -> Iterator[Record]:
    # Off unless it is set (provider documentation).
    rotation = False if thing.at("enable_key_rotation") is None else thing.flag("enable_key_rotation")
    days = thing.number("rotation_period_in_days")
    yield _store(desk, thing, "kms_key", rotation=rotation, rotation_days=days)
    yield from _standing(desk, thing, desk.id(thing), thing.at("policy"))


HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    **dict.fromkeys(_RESOURCES, _resource),
    **dict.fromkeys(_ON, _policy_on),
    "aws_secretsmanager_secret": _secret,
    "aws_secretsmanager_secret_rotation": _rotation,
    "aws_ssm_parameter": _parameter,
    "aws_kms_key": _key,
}
