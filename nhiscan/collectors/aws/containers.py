"""AWS containers: ECS tasks and services, EKS clusters, nodes and pods, App Runner services; the roles they act as."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import flag, listing, mapping, moment, text
from nhiscan.collectors.aws import _ecs as ecs
from nhiscan.collectors.aws import _eks as eks
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import pages
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.collectors.aws._workloads import TAGS_COVER, Rows, Workload, acts_as, consumer, handed, named_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_SERVICES, _SERVICE = "apprunner:ListServices", "apprunner:DescribeService"
_ENABLED = {"RUNNING": True, "OPERATION_IN_PROGRESS": True, "PAUSED": False, "DELETED": False, "CREATE_FAILED": False}


def _app_runner(ask: Ask) -> Iterator[Record]:
    found = [
        mapping(entry)
        for page in pages(ask, _SERVICES, "NextToken", MaxResults=20)
        for entry in listing(page.get("ServiceSummaryList"))
    ]
    arns = [arn for e in found if e.get("Status") != "DELETED" and (arn := text(e.get("ServiceArn")))]
    if not arns:
        return
    tagged, values, asking = Tagged(), Values(ask, "App Runner service"), Rows(ask)
    yield from tagged.read(ask, "apprunner:service", covers=TAGS_COVER)
    for arn, answer in asking.each(_SERVICE, {arn: {"ServiceArn": arn} for arn in arns}):
        yield from _service(ask, arn, mapping(answer.get("Service")), tagged.of(arn), values)
    yield from asking.gaps
    yield from values.told()


def _service(ask: Ask, arn: str, service: Json, tags: dict[str, str], values: Values) -> Iterator[Record]:
    source = mapping(service.get("SourceConfiguration"))
    code = mapping(mapping(source.get("CodeRepository")).get("CodeConfiguration"))
    image = mapping(mapping(source.get("ImageRepository")).get("ImageConfiguration"))
    ingress = mapping(mapping(service.get("NetworkConfiguration")).get("IngressConfiguration"))
    url = text(service.get("ServiceUrl"))
    yield from consumer(ask, Workload(
        arn=arn, name=text(service.get("ServiceName")) or arn, platform="aws_apprunner",
        created_at=moment(service.get("CreatedAt")), enabled=_ENABLED.get(text(service.get("Status")) or ""),
        public=flag(ingress.get("IsPubliclyAccessible")), url=f"https://{url}" if url else None, tags=tags,
    ))  # fmt: skip
    yield from acts_as(
        ask, arn, ("role", mapping(service.get("InstanceConfiguration")).get("InstanceRoleArn")),
        ("access_role", mapping(source.get("AuthenticationConfiguration")).get("AccessRoleArn")),
    )  # fmt: skip
    for settings in (mapping(code.get("CodeConfigurationValues")), image):
        yield from handed(ask, arn, settings.get("RuntimeEnvironmentSecrets"))
        yield from values.variables(arn, named_pairs(settings.get("RuntimeEnvironmentVariables")))


COLLECTOR = Group(
    name="aws.containers",
    title="AWS containers: ECS tasks and services, EKS clusters and pods, App Runner services; roles and secrets",
    parts=(
        Part(
            name="ecs",
            kind="ECS task definition and service",
            facts=("task role", "execution role", "secrets by reference", "variables", "running", "owner"),
            calls={
                ecs.CLUSTERS: "consumer",
                ecs.SERVICES: "consumer",
                ecs.SERVICE: "consumer",
                ecs.FAMILIES: "consumer, use",
                ecs.DEFINITION: "consumer, use",
            },
            read=ecs.tasks,
        ),
        Part(
            name="eks",
            kind="EKS cluster, node group, pod identity, access entry",
            facts=("roles", "OIDC issuer", "public endpoint", "service account to role", "access policies", "owner"),
            calls={
                eks.CLUSTERS: "consumer, use, policy.provider, attachment.kind",
                eks.CLUSTER: "consumer, use",
                eks.NODEGROUPS: "consumer, use",
                eks.NODEGROUP: "consumer, use",
                eks.FARGATES: "consumer, use",
                eks.FARGATE: "consumer, use",
                eks.ASSOCIATIONS: "consumer, use",
                eks.ASSOCIATION: "consumer, use",
                eks.ENTRIES: "policy.provider, attachment.kind",
                eks.ACCESS: "policy.provider, attachment.kind",
            },
            read=eks.clusters,
        ),
        Part(
            name="app-runner",
            kind="App Runner service",
            facts=("role", "access role", "public", "secrets by reference", "variables", "created", "owner"),
            calls={
                _SERVICES: "consumer, use",
                _SERVICE: "consumer, use",
                GET_RESOURCES: ", ".join(TAGS_COVER),
            },
            read=_app_runner,
        ),
    ),
)
