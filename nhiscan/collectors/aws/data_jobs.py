"""AWS data and machine learning: Glue, SageMaker, EMR, Redshift, managed Airflow, and the roles they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import flag, listing, mapping, moment, text
from nhiscan.collectors.aws import _sagemaker as sagemaker
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.collectors.aws._workloads import (
    GET_ROLE,
    LIST_PROFILES,
    TAGS_COVER,
    Profiles,
    Roles,
    Rows,
    Workload,
    acts_as,
    consumer,
    from_vault,
    gathered,
    named_pairs,
    vault,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_JOBS, _CRAWLERS, _ENDPOINTS = "glue:GetJobs", "glue:GetCrawlers", "glue:GetDevEndpoints"
_EMR, _EMR_CLUSTER = "emr:ListClusters", "emr:DescribeCluster"
_REDSHIFT = "redshift:DescribeClusters"
_AIRFLOWS, _AIRFLOW = "mwaa:ListEnvironments", "mwaa:GetEnvironment"
_EMR_ALIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
_TAGS = ", ".join(TAGS_COVER)


def _glue(ask: Ask) -> Iterator[Record]:
    kinds = []
    for operation, key, name_key, prefix in (
        (_JOBS, "Jobs", "Name", "job"),
        (_CRAWLERS, "Crawlers", "Name", "crawler"),
        (_ENDPOINTS, "DevEndpoints", "EndpointName", "devEndpoint"),
    ):
        for entry in (yield from gathered(ask, operation, key, MaxResults=100)):
            name = text(entry.get(name_key))
            if name:
                kinds.append((ask.arn("glue", f"{prefix}/{name}"), name, entry))
    if not kinds:
        return
    tagged, roles, values = Tagged(), Roles(), Values(ask, "Glue job")
    yield from tagged.read(ask, "glue", covers=TAGS_COVER)
    yield from roles.find(ask, (entry.get("Role", entry.get("RoleArn")) for _, _, entry in kinds))
    for arn, name, entry in kinds:
        created = entry.get("CreatedOn", entry.get("CreationTime", entry.get("CreatedTimestamp")))
        yield from consumer(
            ask, Workload(arn=arn, name=name, platform="aws_glue", created_at=moment(created), tags=tagged.of(arn))
        )
        yield from acts_as(ask, arn, ("role", roles.arn(ask, entry.get("Role", entry.get("RoleArn")))))
        for key, place in (("DefaultArguments", "argument"), ("NonOverridableArguments", "argument/fixed")):
            yield from values.variables(arn, named_pairs(entry.get(key)), place)
        yield from values.variables(arn, named_pairs(entry.get("Arguments")), "argument")
    yield from values.told()


def _emr(ask: Ask) -> Iterator[Record]:
    rows = Rows(ask)
    found = {
        arn: key
        for e in rows.items(_EMR, "Clusters", ClusterStates=_EMR_ALIVE)
        if (arn := text(e.get("ClusterArn"))) and (key := text(e.get("Id")))
    }
    requests = {arn: {"ClusterId": key} for arn, key in found.items()}
    clusters = [(arn, mapping(answer.get("Cluster"))) for arn, answer in rows.each(_EMR_CLUSTER, requests)]
    roles, profiles = Roles(), Profiles()
    if clusters:
        yield from profiles.read(ask)
        yield from roles.find(ask, (c.get(k) for _, c in clusters for k in ("ServiceRole", "AutoScalingRole")))
    for arn, cluster in clusters:
        times = mapping(mapping(cluster.get("Status")).get("Timeline"))
        yield from consumer(ask, Workload(
            arn=arn, name=text(cluster.get("Name")) or found[arn], platform="aws_emr",
            created_at=moment(times.get("CreationDateTime")), enabled=True, tags=_tags.read(cluster.get("Tags")),
        ))  # fmt: skip
        machines = mapping(cluster.get("Ec2InstanceAttributes"))
        yield from profiles.uses(ask, arn, machines.get("IamInstanceProfile"))
        yield from acts_as(
            ask, arn, ("service_role", roles.arn(ask, cluster.get("ServiceRole"))),
            ("scaling_role", roles.arn(ask, cluster.get("AutoScalingRole"))),
        )  # fmt: skip
    yield from rows.gaps


def _redshift(ask: Ask) -> Iterator[Record]:
    for entry in ask.items(_REDSHIFT, "Clusters", MaxRecords=100):
        name = text(entry.get("ClusterIdentifier"))
        if name is None:
            continue
        arn = ask.arn("redshift", f"cluster:{name}")
        status = text(entry.get("ClusterStatus"))
        yield from consumer(ask, Workload(
            arn=arn, name=name, platform="aws_redshift", created_at=moment(entry.get("ClusterCreateTime")),
            enabled=None if status is None else status != "paused", public=flag(entry.get("PubliclyAccessible")),
            tags=_tags.read(entry.get("Tags")),
        ))  # fmt: skip
        roles = [("default_role", entry.get("DefaultIamRoleArn"))]
        roles += [("role", mapping(role).get("IamRoleArn")) for role in listing(entry.get("IamRoles"))]
        yield from acts_as(ask, arn, *roles)
        secret = text(entry.get("MasterPasswordSecretArn"))
        if secret:
            yield from_vault(ask, arn, "master_password", vault(ask, secret) or secret, place="sign_in")


def _airflow(ask: Ask) -> Iterator[Record]:
    rows, values = Rows(ask), Values(ask, "Airflow environment")
    names = [name for e in rows.items(_AIRFLOWS, "Environments", MaxResults=25) if (name := text(e.get("")))]
    requests = {ask.arn("airflow", f"environment/{name}"): {"Name": name} for name in names}
    for arn, answer in rows.each(_AIRFLOW, requests):
        entry = mapping(answer.get("Environment"))
        access = text(entry.get("WebserverAccessMode"))
        yield from consumer(ask, Workload(
            arn=arn, name=text(entry.get("Name")) or arn.rsplit("/", 1)[-1], platform="aws_mwaa",
            created_at=moment(entry.get("CreatedAt")), public=None if access is None else "PUBLIC" in access,
            tags=_tags.read(entry.get("Tags")),
        ))  # fmt: skip
        yield from acts_as(ask, arn, ("execution_role", entry.get("ExecutionRoleArn")),
                           ("service_role", entry.get("ServiceRoleArn")))  # fmt: skip
        yield from values.variables(arn, named_pairs(entry.get("AirflowConfigurationOptions")), "option")
    yield from rows.gaps
    yield from values.told()


COLLECTOR = Group(
    name="aws.data_jobs",
    title="AWS data and machine learning: Glue, SageMaker, EMR, Redshift and Airflow, and the roles they use",
    parts=(
        Part(
            name="glue",
            kind="Glue job, crawler, development endpoint",
            facts=("role", "arguments", "created", "owner"),
            calls={
                _JOBS: "consumer, use", _CRAWLERS: "consumer, use", _ENDPOINTS: "consumer, use",
                GET_ROLE: "use", GET_RESOURCES: _TAGS,
            },
            read=_glue,
        ),
        Part(
            name="sagemaker",
            kind="SageMaker notebook, domain, model, pipeline",
            facts=("role", "metadata without a token", "variables", "created", "owner"),
            calls={
                sagemaker.NOTEBOOKS: "consumer, use", sagemaker.NOTEBOOK: "use, consumer.metadata_v1",
                sagemaker.DOMAINS: "consumer, use", sagemaker.DOMAIN: "use, consumer.auth",
                sagemaker.MODELS: "consumer, use", sagemaker.MODEL: "use",
                sagemaker.PIPELINES: "consumer, use", GET_RESOURCES: _TAGS,
            },
            read=sagemaker.records,
        ),
        Part(
            name="emr",
            kind="EMR cluster",
            facts=("instance profile", "service role", "created", "owner"),
            calls={_EMR: "consumer, use", _EMR_CLUSTER: "consumer, use", GET_ROLE: "use",
                   LIST_PROFILES: "use.identity_id"},
            read=_emr,
        ),
        Part(
            name="redshift",
            kind="Redshift cluster",
            facts=("roles", "public", "managed password", "created", "owner"),
            calls={_REDSHIFT: "consumer, use"},
            read=_redshift,
        ),
        Part(
            name="airflow",
            kind="Managed Airflow environment",
            facts=("execution role", "public", "options", "created", "owner"),
            calls={_AIRFLOWS: "consumer, use", _AIRFLOW: "consumer, use"},
            read=_airflow,
        ),
    ),
)  # fmt: skip
