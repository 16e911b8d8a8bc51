"""What a CloudFormation template lets run, as whom, and with which credentials in its settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._templates.cfn import target
from nhiscan.collectors.repo._templates.maker import environment
from nhiscan.plugin import Auth, Consumer, ConsumerKind, Form, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._templates.cfn import Part
    from nhiscan.collectors.repo._templates.iam import Iam
    from nhiscan.plugin import Record

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """Where a type of resource says what it runs as, and what it is given."""

    platform: str
    kind: ConsumerKind = ConsumerKind.WORKLOAD
    roles: tuple[tuple[str, Path], ...] = ()
    variables: tuple[Path, ...] = ()
    script: Path = ()
    framework: str | None = None


_JOB = ("ContainerProperties",)
_LAUNCH = ("LaunchTemplateData",)
_RUN = ("SourceConfiguration", "ImageRepository", "ImageConfiguration")
KINDS: Mapping[str, Kind] = {
    "AWS::Lambda::Function": Kind(
        "aws_lambda", ConsumerKind.FUNCTION, (("role", ("Role",)),), (("Environment", "Variables"),)
    ),
    "AWS::Serverless::Function": Kind(
        "aws_lambda", ConsumerKind.FUNCTION, (("role", ("Role",)),), (("Environment", "Variables"),)
    ),
    "AWS::ECS::TaskDefinition": Kind(
        "aws_ecs", roles=(("task_role", ("TaskRoleArn",)), ("execution_role", ("ExecutionRoleArn",)))
    ),
    "AWS::EC2::Instance": Kind("aws_ec2", roles=(("instance_profile", ("IamInstanceProfile",)),), script=("UserData",)),
    "AWS::AutoScaling::LaunchConfiguration": Kind(
        "aws_ec2", roles=(("instance_profile", ("IamInstanceProfile",)),), script=("UserData",)
    ),
    "AWS::EC2::LaunchTemplate": Kind(
        "aws_ec2",
        roles=tuple(("instance_profile", (*_LAUNCH, "IamInstanceProfile", k)) for k in ("Arn", "Name")),
        script=(*_LAUNCH, "UserData"),
    ),
    "AWS::CodeBuild::Project": Kind(
        "aws_codebuild",
        ConsumerKind.PIPELINE,
        (("role", ("ServiceRole",)),),
        (("Environment", "EnvironmentVariables"),),
    ),
    "AWS::CodePipeline::Pipeline": Kind("aws_codepipeline", ConsumerKind.PIPELINE, (("role", ("RoleArn",)),)),
    "AWS::StepFunctions::StateMachine": Kind("aws_stepfunctions", roles=(("role", ("RoleArn",)),)),
    "AWS::Serverless::StateMachine": Kind("aws_stepfunctions", roles=(("role", ("Role",)),)),
    "AWS::Glue::Job": Kind("aws_glue", roles=(("role", ("Role",)),), variables=(("DefaultArguments",),)),
    "AWS::SageMaker::NotebookInstance": Kind("aws_sagemaker", roles=(("role", ("RoleArn",)),)),
    "AWS::Batch::JobDefinition": Kind(
        "aws_batch",
        roles=(("task_role", (*_JOB, "JobRoleArn")), ("execution_role", (*_JOB, "ExecutionRoleArn"))),
        variables=((*_JOB, "Environment"),),
    ),
    "AWS::AppRunner::Service": Kind(
        "aws_apprunner",
        roles=(("role", ("InstanceConfiguration", "InstanceRoleArn")),),
        variables=((*_RUN, "RuntimeEnvironmentVariables"),),
    ),
}
_SECRET_TYPES = frozenset({"SECRETS_MANAGER", "PARAMETER_STORE"})


def workloads(iam: Iam) -> Iterator[Record]:
    """Consumers, what they run as, and what they hold."""
    for part in iam.template.parts.values():
        if kind := KINDS.get(part.type):
            yield from _workload(iam, part, kind)


def _workload(iam: Iam, part: Part, kind: Kind) -> Iterator[Record]:
    mine, props = f"{iam.template.id_of(part.name)}", part.props
    # Values first: what they teach is masked in everything that follows.
    held: list[Record] = []
    for path in kind.variables:
        held += iam.values.variables(mine, pairs(props.at(*path)))
        held += _from_stores(iam, mine, props.at(*path))
    if kind.platform == "aws_ecs":
        held += _containers(iam, mine, props)
    if kind.script:
        held += iam.values.script(mine, props.at(*kind.script))
    held += iam.values.everywhere(mine, without(props, {"Environment", "UserData", "ContainerDefinitions", *_LAUNCH}))
    yield _consumer(iam, part, kind)
    yield from held
    if part.type == "AWS::Serverless::Function":
        return  # its role is told with its policies
    for name, path in kind.roles:
        node = props.at(*path)
        yield from runs_as(iam, mine, name, node)


def runs_as(iam: Iam, mine: str, name: str, node: Node | None) -> Iterator[Record]:
    """What a consumer acts as: a role, or the roles that an instance profile hands out."""
    identity = iam.bearer_or_arn(node)
    if identity is None or node is None:
        return
    profile = iam.template.part(identity.removeprefix(f"{iam.template.base}:"), "AWS::IAM::InstanceProfile")
    if profile is None:
        yield iam.maker.acts_as(mine, identity, name, node.line)
        return
    roles = profile.props.at("Roles")
    for item in roles.list if roles else ():
        if role := iam.bearer(item):
            yield iam.maker.acts_as(mine, role, name, node.line)


def _consumer(iam: Iam, part: Part, kind: Kind) -> Consumer:
    maker, props = iam.maker, part.props
    tags = iam.tags(props.at("Tags"))
    options = props.at("MetadataOptions") or props.at(*_LAUNCH, "MetadataOptions")
    demand = options.text_at("HttpTokens") if options else None
    hops = iam.resolver.text(options.at("HttpPutResponseHopLimit")) if options else None
    url, auth = _address(iam, part)
    triggers = _triggers(props)
    least = None if not triggers else Trigger.SCHEDULE if set(triggers) <= {"Schedule", "ScheduleV2"} else Trigger.EVENT
    return Consumer(
        **maker.seen(iam.template.id_of(part.name), part.line), kind=kind.kind, name=part.name,
        framework=kind.framework, platform=kind.platform, uri=maker.document.path, line=part.line,
        visibility=maker.document.visibility, environment=environment(tags), tags=tags,
        metadata_v1={"required": False, "optional": True}.get(demand or ""),
        metadata_hops=int(hops) if hops and hops.isdecimal() and len(hops) < 4 else None,
        public=url, auth=auth, trigger=least, triggers=triggers,
    )  # fmt: skip


def _triggers(props: Node) -> tuple[str, ...]:
    events = props.at("Events")
    kinds = {k for e in (events.map.values() if events else ()) if (k := e.text_at("Type"))}
    return tuple(sorted(kinds))


def _address(iam: Iam, part: Part) -> tuple[bool | None, Auth | None]:
    """Whether anybody may call a function by a URL of its own, and how callers prove themselves."""
    said = part.props.text_at("FunctionUrlConfig", "AuthType")
    for other in iam.template.parts.values():
        if other.type == "AWS::Lambda::Url" and (target(other.props.at("TargetFunctionArn")) or ("",))[0] == part.name:
            said = other.props.text_at("AuthType") or said
    if said is None or part.type not in {"AWS::Lambda::Function", "AWS::Serverless::Function"}:
        return None, None
    # SAM adds the permission for everybody to a URL without sign-in; CloudFormation does not.
    opened = part.type == "AWS::Serverless::Function" or _everybody_may(iam, part)
    return said == "NONE" and opened, {"NONE": Auth.NONE, "AWS_IAM": Auth.IAM}.get(said)


def _everybody_may(iam: Iam, part: Part) -> bool:
    found = (p.props for p in iam.template.parts.values() if p.type == "AWS::Lambda::Permission")
    return any((target(p.at("FunctionName")) or ("",))[0] == part.name and p.text_at("Principal") == "*" for p in found)


def pairs(node: Node | None) -> list[tuple[str, Node]]:
    """The variables of a mapping, or of a list of names and values, without those taken from a store."""
    found = list(node.map.items()) if node else []
    for entry in node.list if node else ():
        name, value = entry.text_at("Name"), entry.at("Value")
        if name and value and entry.text_at("Type") not in _SECRET_TYPES:
            found.append((name, value))
    return found


def without(node: Node, keys: set[str]) -> Node:
    """The mapping without some of its members."""
    return type(node)({k: n for k, n in node.map.items() if k not in keys}, node.line, node.key_line)


def _from_stores(iam: Iam, mine: str, node: Node | None) -> Iterator[Record]:
    for entry in node.list if node else ():
        name = entry.text_at("Name") or entry.text_at("name")
        stored = entry.text_at("Type") in _SECRET_TYPES or entry.at("ValueFrom") is not None
        if name and stored and (words.names_credential(name) or entry.text_at("Type") == "SECRETS_MANAGER"):
            yield iam.maker.use(mine, "env", name, Form.VAULT, entry.line)


def _containers(iam: Iam, mine: str, props: Node) -> Iterator[Record]:
    found = props.at("ContainerDefinitions")
    for container in found.list if found else ():
        yield from iam.values.variables(mine, pairs(container.at("Environment")))
        yield from _from_stores(iam, mine, container.at("Secrets"))
        for key in ("Command", "EntryPoint"):
            argv = container.at(key)
            yield from iam.values.command(mine, [n for n in (argv.list if argv else ()) if n.text])
