"""AWS machines: EC2 instances, launch templates and configurations, Batch jobs, and the roles they hand out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.group import CONFIG_VALUES
from nhiscan.collectors._common.values import listing, mapping, number, text
from nhiscan.collectors.aws import _instances as ec2
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._workloads import (
    LIST_PROFILES,
    Workload,
    acts_as,
    consumer,
    gathered,
    handed,
    named_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_JOBS = "batch:DescribeJobDefinitions"


def _machines(ask: Ask) -> Iterator[Record]:
    return ec2.Machines(ask).read()


def _jobs(ask: Ask) -> Iterator[Record]:
    """The newest active revision of each job definition: what is submitted by name runs that one."""
    newest: dict[str, Json] = {}
    for entry in (yield from gathered(ask, _JOBS, "jobDefinitions", status="ACTIVE", maxResults=100)):
        arn, name = text(entry.get("jobDefinitionArn")), text(entry.get("jobDefinitionName"))
        revision = number(entry.get("revision")) or 0
        if arn and name and revision >= (number(newest.get(name, {}).get("revision")) or 0):
            newest[name] = entry
    values = Values(ask, "job definition")
    for name, entry in sorted(newest.items()):
        arn = ask.arn("batch", f"job-definition/{name}")
        workload = Workload(
            arn=arn, name=name, platform="aws_batch", locator=text(entry.get("jobDefinitionArn")), enabled=True,
            tags=_tags.read(entry.get("tags")),
        )  # fmt: skip
        yield from consumer(ask, workload)
        containers = list(_containers(entry))
        roles = [("role", c.get("jobRoleArn", c.get("taskRoleArn"))) for c in containers]
        roles += [("execution_role", c.get("executionRoleArn")) for c in containers]
        yield from acts_as(ask, arn, *roles)
        for index, container in enumerate(containers):
            place = f"env/{text(container.get('name')) or index}"
            yield from handed(ask, arn, container.get("secrets"), place)
            yield from values.variables(arn, named_pairs(container.get("environment", container.get("env"))), place)
    yield from values.told()


def _containers(entry: Json) -> Iterator[Json]:
    """The containers of a job definition in any of its five forms, with the roles of their task."""
    if entry.get("containerProperties"):
        yield mapping(entry["containerProperties"])
    for node in map(mapping, listing(mapping(entry.get("nodeProperties")).get("nodeRangeProperties"))):
        if node.get("container"):
            yield mapping(node["container"])
        yield from _of_ecs(mapping(node.get("ecsProperties")))
        yield from _of_eks(mapping(node.get("eksProperties")))
    yield from _of_ecs(mapping(entry.get("ecsProperties")))
    yield from _of_eks(mapping(entry.get("eksProperties")))


def _of_ecs(properties: Json) -> Iterator[Json]:
    for task in map(mapping, listing(properties.get("taskProperties"))):
        roles = {key: task[key] for key in ("taskRoleArn", "executionRoleArn") if key in task}
        for container in map(mapping, listing(task.get("containers"))):
            yield {**container, **roles}


def _of_eks(properties: Json) -> Iterator[Json]:
    pod = mapping(properties.get("podProperties"))
    for key in ("initContainers", "containers"):
        yield from map(mapping, listing(pod.get(key)))


COLLECTOR = Group(
    name="aws.compute",
    title="AWS instances, launch templates and batch jobs: roles they hand out, metadata service, user data",
    parts=(
        Part(
            name="machines",
            kind="EC2 instance, launch template, launch configuration",
            facts=("role", "metadata without a token", "metadata hops", "running", "created", "owner"),
            calls={
                ec2.INSTANCES: "consumer, use",
                ec2.TEMPLATES: "consumer, use",
                ec2.VERSIONS: "use, consumer.metadata_v1, consumer.metadata_hops",
                ec2.CONFIGURATIONS: "consumer, use",
                ec2.GROUPS: "consumer.parent_id",
                LIST_PROFILES: "use.identity_id",
            },
            read=_machines,
            also={CONFIG_VALUES: {ec2.USER_DATA: "exposure"}},
        ),
        Part(
            name="jobs",
            kind="Batch job definition",
            facts=("job role", "execution role", "secrets by reference", "variables", "owner"),
            calls={_JOBS: "consumer, use"},
            read=_jobs,
        ),
    ),
)
