"""ECS: task definitions with their two roles, and the services that run them.

A task definition is one workload for each family: the revisions that services run, else the newest one.  Services are
its children, because several of them may run it in several clusters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, number, text
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._workloads import Rows, Workload, acts_as, consumer, handed, named_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

CLUSTERS, SERVICES, SERVICE = "ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices"
FAMILIES, DEFINITION = "ecs:ListTaskDefinitionFamilies", "ecs:DescribeTaskDefinition"
PLATFORM = "aws_ecs"
_SERVICES_AT_ONCE = 10  # ECS API reference, DescribeServices


def tasks(ask: Ask) -> Iterator[Record]:
    """The task definitions of a region and the services that run them; each call that is refused is a gap."""
    asking = Rows(ask)
    services = _services(asking)
    used = {d for s in services if (d := text(s.get("taskDefinition")))}
    running = {text(s.get("taskDefinition")) for s in services if number(s.get("desiredCount"))}
    wanted = {arn: arn for arn in sorted(used)}
    families = {family(arn) for arn in used}
    for entry in asking.items(FAMILIES, "families", status="ACTIVE", maxResults=100):
        name = text(entry.get("")) or ""
        arn = ask.arn("ecs", f"task-definition/{name}")
        if name and arn not in families:
            wanted[arn] = name
    values = Values(ask, "task definition")
    requests = {arn: {"taskDefinition": name, "include": ["TAGS"]} for arn, name in wanted.items()}
    known: set[str] = set()
    for _, answer in asking.each(DEFINITION, requests):
        definition = mapping(answer.get("taskDefinition"))
        revision = text(definition.get("taskDefinitionArn"))
        if revision is not None:
            known.add(family(revision))
            # What no service runs may be run by hand or on a schedule.
            yield from _consumer(ask, revision, answer, enabled=True if revision in running else None)
            yield from _inside(ask, family(revision), definition, values)
    for service in services:
        yield from _service(ask, service, known)
    yield from asking.gaps
    yield from values.told()


def family(arn: str) -> str:
    """The ARN of a task definition without its revision."""
    head, _, revision = arn.rpartition(":")
    return head if head and revision.isdigit() else arn


def _services(asking: Rows) -> list[Json]:
    clusters = [arn for e in asking.items(CLUSTERS, "clusterArns", maxResults=100) if (arn := text(e.get("")))]
    requests: dict[str, Json] = {}
    listed = asking.each_items(SERVICES, "serviceArns", {c: {"cluster": c, "maxResults": 100} for c in clusters})
    for cluster, entries in listed:
        arns = [arn for e in entries if (arn := text(e.get("")))]
        for start in range(0, len(arns), _SERVICES_AT_ONCE):
            batch = arns[start : start + _SERVICES_AT_ONCE]
            requests[f"{cluster}#services/{start}"] = {"cluster": cluster, "services": batch, "include": ["TAGS"]}
    return [mapping(s) for _, answer in asking.each(SERVICE, requests) for s in listing(answer.get("services"))]


def _consumer(ask: Ask, revision: str, answer: Json, *, enabled: bool | None) -> Iterator[Record]:
    definition, arn = mapping(answer.get("taskDefinition")), family(revision)
    containers = map(mapping, listing(definition.get("containerDefinitions")))
    privileged = any(c.get("privileged") is True for c in containers)
    yield from consumer(ask, Workload(
        arn=arn, name=text(definition.get("family")) or arn.rsplit("/", 1)[-1], platform=PLATFORM, locator=revision,
        created_at=moment(definition.get("registeredAt")), enabled=enabled,
        sandbox="privileged" if privileged else "container", tags=_tags.read(answer.get("tags")),
    ))  # fmt: skip
    yield from acts_as(
        ask, arn, ("task_role", definition.get("taskRoleArn")), ("execution_role", definition.get("executionRoleArn"))
    )


def _inside(ask: Ask, arn: str, definition: Json, values: Values) -> Iterator[Record]:
    """What the containers of a task are handed: secrets by reference, variables, the sign-in to their registry."""
    for index, container in enumerate(map(mapping, listing(definition.get("containerDefinitions")))):
        name = text(container.get("name")) or str(index)
        yield from handed(ask, arn, container.get("secrets"), f"env/{name}")
        yield from handed(ask, arn, mapping(container.get("logConfiguration")).get("secretOptions"), f"log/{name}")
        registry = mapping(container.get("repositoryCredentials")).get("credentialsParameter")
        yield from handed(ask, arn, {"registry": registry}, f"image/{name}")
        yield from values.variables(arn, named_pairs(container.get("environment")), f"env/{name}")


def _service(ask: Ask, service: Json, known: set[str]) -> Iterator[Record]:
    arn = text(service.get("serviceArn"))
    if arn is None or service.get("status") == "INACTIVE":
        return
    parent = family(text(service.get("taskDefinition")) or "")
    wanted = number(service.get("desiredCount"))
    yield from consumer(ask, Workload(
        arn=arn, name=text(service.get("serviceName")) or arn.rsplit("/", 1)[-1], platform=PLATFORM,
        parent_id=parent if parent in known else None, created_at=moment(service.get("createdAt")),
        enabled=None if wanted is None else wanted > 0, tags=_tags.read(service.get("tags")),
    ))  # fmt: skip
    yield from acts_as(ask, arn, ("service_role", service.get("roleArn")))
