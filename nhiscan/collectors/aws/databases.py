"""AWS databases: whether they take a password where they could demand an identity, and what holds their main password.

A database is a resource: `public` as its network setting says, `local_auth` True where signing in by IAM is possible
and not switched on (unknown for engines without it; a Neptune cluster without IAM asks for nothing at all).  Its main
user's password is a credential: static when it was set by hand, with `facts.secret` when Secrets Manager keeps and
rotates it.  The roles of Redshift are told by the collector of data jobs.  Calls: lists alone; DocumentDB and Neptune
clusters answer through the same one as Aurora.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import facts, flag, listing, mapping, moment, text
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import owners, role_arn, seen
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.plugin import (
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Lifetime,
    Resource,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

# Amazon RDS User Guide, "IAM database authentication": MariaDB, MySQL, PostgreSQL and their Aurora editions; Neptune.
_WITH_IAM = ("mariadb", "mysql", "postgres", "aurora", "neptune")
_INSTANCES, _CLUSTERS = "rds:DescribeDBInstances", "rds:DescribeDBClusters"


@dataclass(frozen=True, slots=True)
class _Database:
    """What the different answers say of a database; `secret` keeps its main password, `user` is who has it."""

    arn: str
    kind: str
    name: str
    user: str | None = None
    secret: str | None = None
    public: bool | None = None
    local_auth: bool | None = None
    encrypted_with: str | None = None
    created: datetime | None = None
    engine: str | None = None


def _records(ask: Ask, found: _Database, tags: dict[str, str]) -> Iterator[Record]:
    environment = _tags.environment(tags)
    yield Resource(
        **seen(ask, found.arn), provider="aws", kind=found.kind, name=found.name, public=found.public,
        local_auth=found.local_auth, encrypted_with=found.encrypted_with, created_at=found.created,
        environment=environment, tags=tags,
    )  # fmt: skip
    yield from owners(ask, found.arn, tags)
    if found.user is not None:
        yield Credential(
            **seen(ask, f"{found.arn}#main_password", found.arn), provider="aws", kind=CredentialKind.PASSWORD,
            name=f"main password of {found.name}", state=CredentialState.ACTIVE,
            # Secrets Manager rotates one that it manages, every seven days unless told otherwise.
            lifetime=None if found.secret else Lifetime.STATIC,
            account_id=ask.account.number, environment=environment,
            facts=facts(service=found.kind, engine=found.engine, user=found.user, secret=found.secret,
                        kept="secret" if found.secret else "inline"),
        )  # fmt: skip


def _instances(ask: Ask) -> Iterator[Record]:
    for entry in ask.items(_INSTANCES, "DBInstances", MaxRecords=100):
        arn = text(entry.get("DBInstanceArn"))
        # Instances of a cluster sign in as their cluster does.
        if arn is not None and not text(entry.get("DBClusterIdentifier")):
            yield from _rds(ask, arn, entry, "db_instance", text(entry.get("DBInstanceIdentifier")))


def _clusters(ask: Ask) -> Iterator[Record]:
    for entry in ask.items(_CLUSTERS, "DBClusters", MaxRecords=100):
        arn = text(entry.get("DBClusterArn"))
        if arn is not None:
            yield from _rds(ask, arn, entry, "db_cluster", text(entry.get("DBClusterIdentifier")))


def _rds(ask: Ask, arn: str, entry: Json, kind: str, name: str | None) -> Iterator[Record]:
    engine = text(entry.get("Engine")) or ""
    with_iam = flag(entry.get("IAMDatabaseAuthenticationEnabled"))
    tags = _tags.read(entry.get("TagList"))
    found = _Database(
        arn=arn,
        kind=kind,
        name=name or arn.rsplit(":", 1)[-1],
        # Neptune names a user and has no passwords.
        user=None if engine == "neptune" else text(entry.get("MasterUsername")),
        secret=text(mapping(entry.get("MasterUserSecret")).get("SecretArn")),
        public=flag(entry.get("PubliclyAccessible")),
        local_auth=not with_iam if engine.startswith(_WITH_IAM) and with_iam is not None else None,
        encrypted_with=text(entry.get("KmsKeyId")),
        created=moment(entry.get("InstanceCreateTime")) or moment(entry.get("ClusterCreateTime")),
        engine=engine or None,
    )
    yield from _records(ask, found, tags)
    given = [mapping(item).get("RoleArn") for item in listing(entry.get("AssociatedRoles"))]
    yield from _runs_as(ask, found, tags, given)


def _runs_as(ask: Ask, found: _Database, tags: dict[str, str], given: list[object]) -> Iterator[Record]:
    """The roles a database uses on behalf of whoever queries it (to load from S3, to call Lambda)."""
    roles = [role for value in given if (role := role_arn(ask, value))]
    if roles:
        yield Consumer(
            **seen(ask, found.arn), kind=ConsumerKind.WORKLOAD, name=found.name, platform="aws_rds",
            created_at=found.created, public=found.public, environment=_tags.environment(tags), tags=tags,
        )  # fmt: skip
    for role in roles:
        yield Use(
            **seen(ask, f"{found.arn}#runs_as/{role}", found.arn), consumer_id=found.arn, identity_id=role,
            how=UseHow.RUNS_AS, name="associated_role",
        )  # fmt: skip


def _redshift(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("redshift:DescribeClusters", "Clusters", MaxRecords=100):
        name = text(entry.get("ClusterIdentifier"))
        if name is None:
            continue
        arn = ask.arn("redshift", f"cluster:{name}")
        found = _Database(
            arn=arn,
            kind="redshift_cluster",
            name=name,
            user=text(entry.get("MasterUsername")),
            secret=text(entry.get("MasterPasswordSecretArn")),
            public=flag(entry.get("PubliclyAccessible")),
            encrypted_with=text(entry.get("KmsKeyId")),
            created=moment(entry.get("ClusterCreateTime")),
            engine="redshift",
        )
        yield from _records(ask, found, _tags.read(entry.get("Tags")))


def _namespaces(ask: Ask) -> Iterator[Record]:
    entries = list(ask.items("redshift-serverless:ListNamespaces", "namespaces", maxResults=100))
    tagged = Tagged()
    if entries:
        yield from tagged.read(ask, "redshift-serverless:namespace", covers=("owner", "resource.tags"))
    for entry in entries:
        arn, name = text(entry.get("namespaceArn")), text(entry.get("namespaceName"))
        if arn is None:
            continue
        found = _Database(
            arn=arn,
            kind="redshift_namespace",
            name=name or arn.rsplit("/", 1)[-1],
            user=text(entry.get("adminUsername")),
            secret=text(entry.get("adminPasswordSecretArn")),
            encrypted_with=text(entry.get("kmsKeyId")),
            created=moment(entry.get("creationDate")),
            engine="redshift",
        )
        yield from _records(ask, found, tagged.of(arn))


COLLECTOR = Group(
    name="aws.databases",
    title="AWS databases: RDS, Aurora, DocumentDB, Neptune, Redshift",
    parts=(
        Part(
            name="instances",
            kind="RDS/Aurora main password",
            facts=("main user", "secret or static password", "IAM sign-in", "public", "created", "owner"),
            calls={_INSTANCES: "resource, credential, consumer, use, owner"},
            read=_instances,
        ),
        Part(
            name="clusters",
            kind="Aurora, DocumentDB or Neptune cluster",
            facts=("main user", "secret or static password", "IAM sign-in", "roles", "created", "owner"),
            calls={_CLUSTERS: "resource, credential, consumer, use, owner"},
            read=_clusters,
        ),
        Part(
            name="redshift",
            kind="Redshift main password",
            facts=("main user", "secret or static password", "public", "created", "owner"),
            calls={"redshift:DescribeClusters": "resource, credential, owner"},
            read=_redshift,
        ),
        Part(
            name="namespaces",
            kind="Redshift Serverless namespace",
            facts=("main user", "secret or static password", "created", "owner"),
            calls={
                "redshift-serverless:ListNamespaces": "resource, credential, owner",
                GET_RESOURCES: "owner, resource.tags",
            },
            read=_namespaces,
        ),
    ),
)
