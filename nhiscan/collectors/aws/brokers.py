"""AWS caches and message brokers: their own users, passwords and secrets: ElastiCache, MemoryDB, MSK, Amazon MQ.

A cache or broker is a resource: `local_auth` True where it takes a password (or nothing at all) although it could
demand an IAM identity.  A user is an identity of kind `service_account`; its password a credential.  Calls: lists; one
for each MSK cluster with SCRAM, one for each ActiveMQ broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import facts, flag, listing, mapping, moment, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking, owners, seen
from nhiscan.plugin import (
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityKind,
    IdentityState,
    Lifetime,
    Resource,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_GROUPS, _CACHES = "elasticache:DescribeUsers", "elasticache:DescribeReplicationGroups"
_SCRAM, _MQ_USERS = "kafka:ListScramSecrets", "mq:ListUsers"


def _user(ask: Ask, arn: str, name: str, entry: Json) -> Iterator[Record]:
    """A user of ElastiCache or MemoryDB: by IAM, by up to two passwords, or with none."""
    auth = mapping(entry.get("Authentication"))
    kind = text(auth.get("Type"))
    active = text(entry.get("Status")) in {None, "active"}
    yield Identity(
        **seen(ask, arn), provider="aws", kind=IdentityKind.SERVICE_ACCOUNT, name=name, interactive=False,
        state=IdentityState.ENABLED if active else None,
    )  # fmt: skip
    count = auth.get("PasswordCount")
    for number in range(1, (count if isinstance(count, int) else 1) + 1) if kind == "password" else ():
        yield Credential(
            **seen(ask, f"{arn}#password/{number}", arn), provider="aws", kind=CredentialKind.PASSWORD, name=name,
            identity_id=arn, state=CredentialState.ACTIVE, lifetime=Lifetime.STATIC, account_id=ask.account.number,
            facts=facts(auth=kind),
        )  # fmt: skip


def _weak(ways: Mapping[str, list[str | None]], groups: list[object]) -> bool | None:
    """Whether any user of the groups signs in without IAM; None when a user's way is not known."""
    found = [way for group in groups for way in ways.get(text(group) or "", [None])]
    if any(way in {"password", "no-password"} for way in found):
        return True
    return None if None in found or not found else False


def _elasticache(ask: Ask) -> Iterator[Record]:
    ways: dict[str, list[str | None]] = {}
    asking = Asking(ask)
    for entry in asking.items(_GROUPS, "Users", MaxRecords=100):
        arn, name = text(entry.get("ARN")), text(entry.get("UserId"))
        if arn is None or name is None:
            continue
        yield from _user(ask, arn, name, entry)
        way = text(mapping(entry.get("Authentication")).get("Type"))
        for group in listing(entry.get("UserGroupIds")):
            ways.setdefault(text(group) or "", []).append(way)
    for entry in asking.items(_CACHES, "ReplicationGroups", MaxRecords=100):
        arn, name = text(entry.get("ARN")), text(entry.get("ReplicationGroupId"))
        if arn is None or name is None:
            continue
        token, groups = flag(entry.get("AuthTokenEnabled")), listing(entry.get("UserGroupIds"))
        yield Resource(
            **seen(ask, arn), provider="aws", kind="cache", name=name,
            # Without user groups it takes one shared token, or whoever reaches it.
            local_auth=_weak(ways, groups) if groups else True,
            encrypted_with=text(entry.get("KmsKeyId")), created_at=moment(entry.get("ReplicationGroupCreateTime")),
        )  # fmt: skip
        if token:
            yield Credential(
                **seen(ask, f"{arn}#auth_token", arn), provider="aws", kind=CredentialKind.PASSWORD,
                name=f"AUTH token of {name}", state=CredentialState.ACTIVE, lifetime=Lifetime.STATIC,
                issued_at=moment(entry.get("AuthTokenLastModifiedDate")),
                rotated_at=moment(entry.get("AuthTokenLastModifiedDate")), account_id=ask.account.number,
                facts=facts(service="elasticache", kept="inline"),
            )  # fmt: skip
    yield from asking.gaps


def _memorydb(ask: Ask) -> Iterator[Record]:
    ways: dict[str, list[str | None]] = {}
    asking = Asking(ask)
    for entry in asking.items("memorydb:DescribeUsers", "Users", MaxResults=50):
        arn, name = text(entry.get("ARN")), text(entry.get("Name"))
        if arn is None or name is None:
            continue
        yield from _user(ask, arn, name, entry)
        way = text(mapping(entry.get("Authentication")).get("Type"))
        for acl in listing(entry.get("ACLNames")):
            ways.setdefault(text(acl) or "", []).append(way)
    for entry in asking.items("memorydb:DescribeClusters", "Clusters", MaxResults=50):
        arn, name, acl = text(entry.get("ARN")), text(entry.get("Name")), text(entry.get("ACLName"))
        if arn is not None and name is not None:
            yield Resource(
                **seen(ask, arn), provider="aws", kind="cache", name=name,
                local_auth=True if acl == "open-access" else _weak(ways, [acl]),
                encrypted_with=text(entry.get("KmsKeyId")),
            )  # fmt: skip
    yield from asking.gaps


def _kafka(ask: Ask) -> Iterator[Record]:
    with_scram: dict[str, Json] = {}
    for entry in ask.items("kafka:ListClustersV2", "ClusterInfoList", MaxResults=100):
        arn = text(entry.get("ClusterArn"))
        if arn is None:
            continue
        settings = mapping(entry.get("Provisioned")) or mapping(entry.get("Serverless"))
        auth = mapping(settings.get("ClientAuthentication"))
        sasl = mapping(auth.get("Sasl"))
        scram = mapping(sasl.get("Scram")).get("Enabled") is True
        others = [mapping(auth.get(name)).get("Enabled") is True for name in ("Unauthenticated", "Tls")]
        access = text(
            mapping(
                mapping(mapping(settings.get("BrokerNodeGroupInfo")).get("ConnectivityInfo")).get("PublicAccess")
            ).get("Type")
        )
        tags = _tags.read(entry.get("Tags"))
        yield Resource(
            **seen(ask, arn), provider="aws", kind="kafka_cluster", name=text(entry.get("ClusterName")) or arn,
            public={"DISABLED": False, "SERVICE_PROVIDED_EIPS": True}.get(access or ""),
            # A cluster without any setting lets everybody in who reaches it.
            local_auth=scram or any(others) or mapping(sasl.get("Iam")).get("Enabled") is not True,
            encrypted_with=text(mapping(mapping(settings.get("EncryptionInfo")).get("EncryptionAtRest")).get("DataVolumeKMSKeyId")),
            created_at=moment(entry.get("CreationTime")), environment=_tags.environment(tags), tags=tags,
        )  # fmt: skip
        yield from owners(ask, arn, tags)
        if scram:
            with_scram[arn] = {"ClusterArn": arn, "MaxResults": 100}
    asking = Asking(ask)
    for arn, found in asking.each_items(_SCRAM, "SecretArnList", with_scram, absent=("NotFoundException",)):
        for secret in (text(entry.get("")) for entry in found):
            if secret is not None:
                yield Credential(
                    **seen(ask, f"{arn}#scram/{secret}", arn), provider="aws", kind=CredentialKind.PASSWORD,
                    name=secret.rsplit(":", 1)[-1], state=CredentialState.ACTIVE, lifetime=Lifetime.STATIC,
                    account_id=ask.account.number, facts=facts(service="kafka", secret=secret, kept="secret"),
                )  # fmt: skip
    yield from asking.gaps


def _mq(ask: Ask) -> Iterator[Record]:
    brokers: dict[str, Json] = {}
    for entry in ask.items("mq:ListBrokers", "BrokerSummaries", MaxResults=100):
        arn, broker = text(entry.get("BrokerArn")), text(entry.get("BrokerId"))
        if arn is None or broker is None:
            continue
        yield Resource(
            **seen(ask, arn), provider="aws", kind="message_broker", name=text(entry.get("BrokerName")) or broker,
            created_at=moment(entry.get("Created")),
        )  # fmt: skip
        # Users of RabbitMQ are known to the broker alone (Amazon MQ API reference, ListUsers).
        if (text(entry.get("EngineType")) or "").upper() == "ACTIVEMQ":
            brokers[arn] = {"BrokerId": broker, "MaxResults": 100}
    asking = Asking(ask)
    for arn, answer in asking.each(_MQ_USERS, brokers, absent=("NotFoundException",)):
        for user in (text(mapping(entry).get("Username")) for entry in listing(answer.get("Users"))):
            if user is not None:
                yield Identity(
                    **seen(ask, f"{arn}/user/{user}", arn), provider="aws", kind=IdentityKind.SERVICE_ACCOUNT,
                    name=user, state=IdentityState.ENABLED,
                )  # fmt: skip
                yield Credential(
                    **seen(ask, f"{arn}/user/{user}#password", arn), provider="aws", kind=CredentialKind.PASSWORD,
                    name=user, identity_id=f"{arn}/user/{user}", state=CredentialState.ACTIVE,
                    lifetime=Lifetime.STATIC, account_id=ask.account.number, facts=facts(service="mq", kept="inline"),
                )  # fmt: skip
    yield from asking.gaps


COLLECTOR = Group(
    name="aws.brokers",
    title="AWS caches and message brokers: ElastiCache, MemoryDB, MSK, Amazon MQ",
    parts=(
        Part(
            name="elasticache",
            kind="ElastiCache user",
            facts=("status", "way of signing in", "passwords", "caches without users"),
            calls={_GROUPS: "identity, credential, resource.local_auth", _CACHES: "resource, credential"},
            read=_elasticache,
        ),
        Part(
            name="memorydb",
            kind="MemoryDB user",
            facts=("status", "way of signing in", "passwords", "open clusters"),
            calls={
                "memorydb:DescribeUsers": "identity, credential, resource.local_auth",
                "memorydb:DescribeClusters": "resource",
            },
            read=_memorydb,
        ),
        Part(
            name="kafka",
            kind="MSK SCRAM secret",
            facts=("secret", "ways of signing in", "public", "created", "owner"),
            calls={"kafka:ListClustersV2": "resource, credential, owner", _SCRAM: "credential"},
            read=_kafka,
        ),
        Part(
            name="brokers",
            kind="Amazon MQ user",
            facts=("name", "broker"),
            calls={"mq:ListBrokers": "resource, identity, credential", _MQ_USERS: "identity, credential"},
            read=_mq,
        ),
    ),
)
