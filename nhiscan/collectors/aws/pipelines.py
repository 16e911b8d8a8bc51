"""AWS automation: CodeBuild, CodePipeline, CloudFormation, Step Functions, EventBridge; the roles it works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws import _builds as builds
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import Asking
from nhiscan.collectors.aws._tagged import GET_RESOURCES, Tagged
from nhiscan.collectors.aws._workloads import TAGS_COVER, Rows, Workload, acts_as, consumer, gathered
from nhiscan.plugin import ConsumerKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_MACHINES, _MACHINE = "stepfunctions:ListStateMachines", "stepfunctions:DescribeStateMachine"
_SCHEDULES, _SCHEDULE = "scheduler:ListSchedules", "scheduler:GetSchedule"
_RULES, _TARGETS = "events:ListRules", "events:ListTargetsByRule"
_STACKS = "cloudformation:DescribeStacks"
_TAGS = ", ".join(TAGS_COVER)


def _machines(ask: Ask) -> Iterator[Record]:
    entries = ask.items(_MACHINES, "stateMachines", maxResults=1000)
    found = {arn: e for e in entries if (arn := text(e.get("stateMachineArn")))}
    if not found:
        return
    tagged, asking = Tagged(), Asking(ask)
    yield from tagged.read(ask, "states:stateMachine", covers=TAGS_COVER)
    for arn, entry in found.items():
        yield from consumer(ask, Workload(
            arn=arn, name=text(entry.get("name")) or arn.rsplit(":", 1)[-1], platform="aws_stepfunctions",
            kind=ConsumerKind.PIPELINE, created_at=moment(entry.get("creationDate")), tags=tagged.of(arn),
        ))  # fmt: skip
    # Without the definition: it may be encrypted with a key that the audit cannot use.
    requests = {arn: {"stateMachineArn": arn, "includedData": "METADATA_ONLY"} for arn in found}
    for arn, answer in asking.each(_MACHINE, requests):
        yield from acts_as(ask, arn, ("role", answer.get("roleArn")))
    yield from asking.gaps


def _schedules(ask: Ask) -> Iterator[Record]:
    asking = Asking(ask)
    requests: dict[str, dict[str, object]] = {}
    for entry in ask.items(_SCHEDULES, "Schedules", MaxResults=100):
        arn, name, group = (text(entry.get(k)) for k in ("Arn", "Name", "GroupName"))
        if arn and name:
            requests[arn] = {"Name": name, "GroupName": group or "default"}
            yield from consumer(ask, Workload(
                arn=arn, name=name, platform="aws_scheduler", kind=ConsumerKind.PIPELINE,
                created_at=moment(entry.get("CreationDate")), enabled=_enabled(entry.get("State")),
            ))  # fmt: skip
    for arn, answer in asking.each(_SCHEDULE, requests):
        yield from acts_as(ask, arn, ("role", mapping(answer.get("Target")).get("RoleArn")))
    yield from asking.gaps


def _rules(ask: Ask) -> Iterator[Record]:
    """Rules of the default bus that start something with a role; those that AWS manages are left out."""
    asking = Rows(ask)
    found = {
        arn: e
        for e in ask.items(_RULES, "Rules", Limit=100)
        if (arn := text(e.get("Arn"))) and text(e.get("Name")) and not e.get("ManagedBy")
    }
    requests = {arn: {"Rule": e["Name"], "Limit": 100} for arn, e in found.items()}
    for arn, targets in asking.each_items(_TARGETS, "Targets", requests):
        entry = found[arn]
        roles = [("role", t.get("RoleArn")) for t in targets] + [("bus_role", entry.get("RoleArn"))]
        if any(text(role) for _, role in roles):
            yield from consumer(ask, Workload(
                arn=arn, name=str(text(entry.get("Name"))), platform="aws_events", kind=ConsumerKind.PIPELINE,
                enabled=_enabled(entry.get("State")),
            ))  # fmt: skip
            yield from acts_as(ask, arn, *roles)
    yield from asking.gaps


def _enabled(state: object) -> bool | None:
    known = text(state)
    return None if known is None else known.startswith("ENABLED")


def _stacks(ask: Ask) -> Iterator[Record]:
    """Stacks that work with a role of their own, and those whose parameters or outputs hold a credential."""
    values = Values(ask, "stack")
    for entry in (yield from gathered(ask, _STACKS, "Stacks")):
        arn, name = text(entry.get("StackId")), text(entry.get("StackName"))
        if arn is None or name is None or entry.get("StackStatus") == "DELETE_COMPLETE":
            continue
        pairs = [(str(p.get("ParameterKey")), p.get("ParameterValue")) for p in _rows(entry.get("Parameters"))]
        found = list(values.variables(arn, pairs, "parameter"))
        pairs = [(str(p.get("OutputKey")), p.get("OutputValue")) for p in _rows(entry.get("Outputs"))]
        found += values.variables(arn, pairs, "output")
        uses = list(acts_as(ask, arn, ("role", entry.get("RoleARN"))))
        if found or uses:
            yield from consumer(ask, Workload(
                arn=arn, name=name, platform="aws_cloudformation", kind=ConsumerKind.PIPELINE,
                created_at=moment(entry.get("CreationTime")), tags=_tags.read(entry.get("Tags")),
            ))  # fmt: skip
            yield from (*uses, *found)
    yield from values.told()


def _rows(found: object) -> Iterator[dict[str, object]]:
    return (dict(mapping(row)) for row in listing(found))


COLLECTOR = Group(
    name="aws.pipelines",
    title="AWS automation: builds, pipelines, stacks, state machines, schedules, rules, and the roles they use",
    parts=(
        Part(
            name="builds",
            kind="CodeBuild project",
            facts=("role", "privileged", "public", "secrets by reference", "variables", "source sign-in", "owner"),
            calls={builds.PROJECTS: "consumer, use", builds.PROJECT: "consumer, use"},
            read=builds.projects,
        ),
        Part(
            name="pipelines",
            kind="CodePipeline pipeline",
            facts=("role", "roles of its actions", "variables", "created", "owner"),
            calls={builds.PIPELINES: "consumer, use", builds.PIPELINE: "use", GET_RESOURCES: _TAGS},
            read=builds.pipelines,
        ),
        Part(
            name="stacks",
            kind="CloudFormation stack with a role",
            facts=("role", "parameters", "created", "owner"),
            calls={_STACKS: "consumer, use"},
            read=_stacks,
        ),
        Part(
            name="state-machines",
            kind="Step Functions state machine",
            facts=("role", "created", "owner"),
            calls={_MACHINES: "consumer, use", _MACHINE: "use", GET_RESOURCES: _TAGS},
            read=_machines,
        ),
        Part(
            name="schedules",
            kind="EventBridge schedule",
            facts=("role", "enabled", "created"),
            calls={_SCHEDULES: "consumer, use", _SCHEDULE: "use"},
            read=_schedules,
        ),
        Part(
            name="rules",
            kind="EventBridge rule with a role",
            facts=("roles of its targets", "enabled"),
            calls={_RULES: "consumer, use", _TARGETS: "consumer, use"},
            read=_rules,
        ),
    ),
)
