"""Stores and resources that a CloudFormation template declares, with the policies that stand on them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._templates.cfn import target
from nhiscan.collectors.repo._templates.compute import KINDS, without
from nhiscan.collectors.repo._templates.maker import environment
from nhiscan.plugin import Resource, Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._templates.cfn import Part
    from nhiscan.collectors.repo._templates.iam import Iam
    from nhiscan.plugin import Record

# Type: the kind of resource, and the property that is its policy.
_OWN: Mapping[str, tuple[str, str]] = {
    "AWS::ECR::Repository": ("image_repository", "RepositoryPolicyText"),
    "AWS::S3::Bucket": ("bucket", ""),
    "AWS::SQS::Queue": ("queue", ""),
    "AWS::SNS::Topic": ("topic", ""),
}
# Type: the property that names what the policy stands on, and the property that is the policy.
_APART: Mapping[str, tuple[str, str]] = {
    "AWS::S3::BucketPolicy": ("Bucket", "PolicyDocument"),
    "AWS::SQS::QueuePolicy": ("Queues", "PolicyDocument"),
    "AWS::SNS::TopicPolicy": ("Topics", "PolicyDocument"),
    "AWS::SecretsManager::ResourcePolicy": ("SecretId", "ResourcePolicy"),
}
_NAMED = ("Name", "BucketName", "QueueName", "TopicName", "RepositoryName", "AliasName")
_RATE = re.compile(r"rate\((\d{1,4}) (day|hour)s?\)")
# Told with what they run as, or with what they grant.
_TOLD = ("AWS::IAM::",)


def things(iam: Iam) -> Iterator[Record]:
    """Stores, resources and their policies, and credentials in properties of whatever else is declared."""
    standing = set(_stood_on(iam))
    for part in iam.template.parts.values():
        mine = iam.template.id_of(part.name)
        if part.type in {"AWS::SecretsManager::Secret", "AWS::SSM::Parameter", "AWS::KMS::Key"}:
            yield from _store(iam, part)
        elif part.type in _OWN and (part.name in standing or part.props.at(_OWN[part.type][1] or "-")):
            kind, policy = _OWN[part.type]
            tags = iam.tags(part.props.at("Tags"))
            yield Resource(
                **iam.maker.seen(mine, part.line), provider="aws", kind=kind, name=_name(iam, part),
                environment=environment(tags), tags=tags,
            )  # fmt: skip
            yield from iam.maker.owners(mine, tags, part.line)
            if policy:
                yield from iam.maker.on(mine, iam.body(part.props.at(policy)), part.line)
        elif part.type in _APART:
            yield from _policies(iam, part)


def loose(iam: Iam, stack: str) -> Iterator[Record]:
    """Credentials in the properties of what neither runs nor stores: a database's password, a webhook's token."""
    for part in iam.template.parts.values():
        if part.type in KINDS or part.type.startswith("AWS::Bedrock"):
            continue
        props = part.props
        if part.type == "AWS::SecretsManager::Secret":
            if node := props.at("SecretString"):
                yield from iam.values.variables(stack, [("secret" if node.text else "SecretString", node)], "key")
            continue
        if part.type == "AWS::SSM::Parameter":
            name = iam.resolver.text(props.at("Name")) or part.name
            if (node := props.at("Value")) and words.names_credential(name):
                yield from iam.values.variables(stack, [(name.rsplit("/", 1)[-1], node)], "key")
            continue
        if part.type == "AWS::AutoScaling::LaunchConfiguration":
            continue
        yield from iam.values.everywhere(stack, without(props, {"Tags"}))


def _store(iam: Iam, part: Part) -> Iterator[Record]:
    mine, props = iam.template.id_of(part.name), part.props
    name, tags = _name(iam, part), iam.tags(props.at("Tags"))
    rotation, days, kind = None, None, "secret"
    if part.type == "AWS::SecretsManager::Secret":
        rotation, days = _rotation(iam, part)
    elif part.type == "AWS::SSM::Parameter":
        kind = "parameter" if props.text_at("Type") == "SecureString" else "plain_parameter"
        if kind == "plain_parameter" and not words.names_credential(name.rsplit("/", 1)[-1]):
            return
    else:
        kind = "kms_key"
        said = props.at("EnableKeyRotation")
        rotation = (iam.resolver.text(said) or "").lower() == "true" if said else False
    yield Store(
        **iam.maker.seen(mine, part.line), provider="aws", kind=kind, name=name, rotation=rotation, rotation_days=days,
        encrypted_with=_key(iam, props.at("KmsKeyId")), environment=environment(tags), tags=tags,
    )  # fmt: skip
    yield from iam.maker.owners(mine, tags, part.line)
    if part.type == "AWS::KMS::Key":
        yield from iam.maker.on(mine, iam.body(props.at("KeyPolicy")), part.line)


def _key(iam: Iam, node: Node | None) -> str | None:
    single = target(node)
    if single and iam.template.part(single[0], "AWS::KMS::Key"):
        return iam.template.id_of(single[0])
    text = iam.resolver.text(node)
    return iam.maker.shown(text) if text and "${" not in text else None


def _rotation(iam: Iam, part: Part) -> tuple[bool | None, int | None]:
    """Whether a schedule of the same template rotates the secret; without one another template may."""
    for other in iam.template.parts.values():
        if other.type == "AWS::SecretsManager::RotationSchedule" and _of(other.props.at("SecretId"), part.name, iam):
            rules = other.props.at("RotationRules")
            days = iam.resolver.text(rules.at("AutomaticallyAfterDays")) if rules else None
            rate = _RATE.fullmatch((rules.text_at("ScheduleExpression") if rules else None) or "")
            if days and days.isdecimal() and len(days) < 5:
                return True, int(days)
            return True, (int(rate[1]) if rate[2] == "day" else 1) if rate else None
    return None, None


def _of(node: Node | None, name: str, iam: Iam) -> bool:
    """Whether a node names a resource, also by way of the attachment that ties a secret to its database."""
    single = target(node)
    if single is None:
        return False
    if single[0] == name:
        return True
    tied = iam.template.part(single[0], "AWS::SecretsManager::SecretTargetAttachment")
    return tied is not None and (target(tied.props.at("SecretId")) or ("",))[0] == name


def _stood_on(iam: Iam) -> Iterator[str]:
    for part in iam.template.parts.values():
        if part.type in _APART:
            for node in _list(part.props.at(_APART[part.type][0])):
                if single := target(node):
                    yield single[0]


def _policies(iam: Iam, part: Part) -> Iterator[Record]:
    key, policy = _APART[part.type]
    for node in _list(part.props.at(key)):
        single = target(node)
        on = iam.template.part(single[0], *_OWN, "AWS::SecretsManager::Secret") if single else None
        if on is not None:
            yield from iam.maker.on(iam.template.id_of(on.name), iam.body(part.props.at(policy)), part.line)


def _list(node: Node | None) -> list[Node]:
    return [] if node is None else list(node.list) if isinstance(node.value, list) else [node]


def _name(iam: Iam, part: Part) -> str:
    said = next((t for key in _NAMED if (t := iam.resolver.text(part.props.at(key)))), None)
    return iam.maker.shown(said if said and "${" not in said else part.name)
