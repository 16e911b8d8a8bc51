"""Agents that a CloudFormation template declares: Bedrock agents and AgentCore runtimes, gateways and tools.

Properties: CloudFormation Template Reference, AWS::Bedrock::Agent and AWS::BedrockAgentCore (November 2026).  An action
whose function does not demand confirmation runs unasked, which is Bedrock's default (Bedrock User Guide,
agents-userconfirmation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._templates.cfn import target
from nhiscan.collectors.repo._templates.compute import pairs, runs_as, without
from nhiscan.collectors.repo._templates.maker import environment
from nhiscan.plugin import (
    Approval,
    Auth,
    Basis,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Hop,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    Lifetime,
    Tool,
    ToolClass,
    Transport,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._templates.cfn import Part
    from nhiscan.collectors.repo._templates.iam import Iam
    from nhiscan.plugin import Record

_CORE = "AWS::BedrockAgentCore::"
_FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")
_AUTHORISERS = {"NONE": Auth.NONE, "AWS_IAM": Auth.IAM, "CUSTOM_JWT": Auth.OAUTH}
_EXEC = frozenset({"AMAZON.CodeInterpreter"})
_TOOLS = {f"{_CORE}BrowserCustom": "browser", f"{_CORE}CodeInterpreterCustom": "code interpreter"}


def agents(iam: Iam) -> Iterator[Record]:
    """Agents and tool servers, their tools, hand-overs, roles and outbound credentials."""
    for part in iam.template.parts.values():
        if part.type == "AWS::Bedrock::Agent":
            yield from _agent(iam, part)
        elif part.type in {f"{_CORE}Runtime", f"{_CORE}Gateway", *_TOOLS}:
            yield from _core(iam, part)
        elif part.type == f"{_CORE}WorkloadIdentity":
            yield Identity(
                **iam.maker.seen(iam.template.id_of(part.name), part.line), provider="aws",
                kind=IdentityKind.WORKLOAD_IDENTITY, name=_name(iam, part, "Name"), class_=IdentityClass.AGENT,
                state=IdentityState.DECLARED, interactive=False,
            )  # fmt: skip
        elif part.type in {f"{_CORE}ApiKeyCredentialProvider", f"{_CORE}OAuth2CredentialProvider"}:
            yield from _provider(iam, part)
    for part in iam.template.parts.values():
        if part.type == f"{_CORE}GatewayTarget":
            yield from _target(iam, part)


def _agent(iam: Iam, part: Part) -> Iterator[Record]:
    mine, props = iam.template.id_of(part.name), part.props
    groups = _items(props.at("ActionGroups"))
    tools = [t for g in groups for t in _tools(iam, mine, g)]
    asks = bool(tools) and all(t.approval is Approval.ASK for t in tools)
    held = list(iam.values.everywhere(mine, without(props, {"Tags", "Instruction"})))
    tags = iam.tags(props.at("Tags"))
    yield Consumer(
        **iam.maker.seen(mine, part.line), kind=ConsumerKind.AGENT, name=_name(iam, part, "AgentName"),
        framework="bedrock-agents", platform="aws_bedrock_agent", uri=iam.maker.document.path, line=part.line,
        visibility=iam.maker.document.visibility, environment=environment(tags), tags=tags,
        approval=Approval.ASK if asks else Approval.AUTO if tools else None,
        approval_basis=Basis.EXPLICIT if asks else Basis.DEFAULT if tools else None,
        guardrail=props.at("GuardrailConfiguration", "GuardrailIdentifier") is not None,
    )  # fmt: skip
    yield from held
    yield from iam.maker.owners(mine, tags, part.line)
    yield from runs_as(iam, mine, "role", props.at("AgentResourceRoleArn"))
    yield from tools
    for group in groups:
        yield from _hop(iam, mine, group.at("ActionGroupExecutor", "Lambda"), "action_group", _FUNCTIONS)
    for other in _items(props.at("AgentCollaborators")):
        yield from _hop(iam, mine, other.at("AgentDescriptor", "AliasArn"), "collaboration", ())


def _tools(iam: Iam, mine: str, group: Node) -> Iterator[Tool]:
    signature = group.text_at("ParentActionGroupSignature")
    if group.text_at("ActionGroupState") == "DISABLED":
        return
    name = iam.maker.shown(group.text_at("ActionGroupName") or signature or "action group")
    functions = _items(group.at("FunctionSchema", "Functions"))
    named = [(f"{name}/{iam.maker.shown(f.text_at('Name') or '?')}", f) for f in functions] or [(name, group)]
    for full, node in named:
        ask = node.text_at("RequireConfirmation") == "ENABLED"
        said = node.at("RequireConfirmation") is not None
        # What an OpenAPI schema demands stands in a file of its own.
        unknown = not functions and not signature
        yield Tool(
            **iam.maker.seen(f"{mine}#tool/{full}", node.line), consumer_id=mine, name=full,
            class_=ToolClass.EXEC if signature in _EXEC else None,
            approval=None if unknown else Approval.ASK if ask else Approval.AUTO,
            approval_basis=None if unknown else Basis.EXPLICIT if said else Basis.DEFAULT,
            unrestricted=signature in _EXEC, uri=iam.maker.document.path, line=node.line,
        )  # fmt: skip


def _core(iam: Iam, part: Part) -> Iterator[Record]:
    mine, props = iam.template.id_of(part.name), part.props
    gateway, tool = part.type == f"{_CORE}Gateway", part.type in _TOOLS
    protocol = props.text_at("ProtocolConfiguration") or props.text_at("ProtocolConfiguration", "ServerProtocol")
    image = iam.resolver.text(props.at("AgentRuntimeArtifact", "ContainerConfiguration", "ContainerUri"))
    jwt = props.at("AuthorizerConfiguration", "CustomJWTAuthorizer") is not None
    auth = _AUTHORISERS.get(props.text_at("AuthorizerType") or "") if gateway else Auth.OAUTH if jwt else Auth.IAM
    variables = props.at("EnvironmentVariables")
    held = list(iam.values.variables(mine, pairs(variables)))
    held += iam.values.everywhere(mine, without(props, {"EnvironmentVariables", "Tags"}))
    tags = iam.tags(props.at("Tags"))
    yield Consumer(
        **iam.maker.seen(mine, part.line),
        kind=ConsumerKind.TOOL_SERVER if gateway or tool or protocol == "MCP" else ConsumerKind.AGENT,
        name=_name(iam, part, "AgentRuntimeName", "Name"),
        framework=_TOOLS[part.type].replace(" ", "_") if tool else f"agentcore-{'gateway' if gateway else 'runtime'}",
        platform="aws_agentcore", uri=iam.maker.document.path, line=part.line,
        visibility=iam.maker.document.visibility, environment=environment(tags), tags=tags,
        transport=None if tool else Transport.HTTP, tls=None if tool else True, loopback=None if tool else False,
        auth=Auth.IAM if tool else auth, package=iam.maker.shown(image) if image and "${" not in image else None,
    )  # fmt: skip
    yield from held
    yield from iam.maker.owners(mine, tags, part.line)
    yield from runs_as(iam, mine, "role", props.at("RoleArn") or props.at("ExecutionRoleArn"))


def _provider(iam: Iam, part: Part) -> Iterator[Record]:
    mine = iam.template.id_of(part.name)
    key = part.type.endswith("ApiKeyCredentialProvider")
    vendor = (part.props.text_at("CredentialProviderVendor") or "").removesuffix("Oauth2").lower()
    yield Credential(
        **iam.maker.seen(mine, part.line), provider=vendor if vendor and vendor != "custom" else None,
        kind=CredentialKind.API_KEY if key else CredentialKind.CLIENT_SECRET, name=_name(iam, part, "Name"),
        state=CredentialState.DECLARED, lifetime=Lifetime.STATIC,
    )  # fmt: skip


def _target(iam: Iam, part: Part) -> Iterator[Record]:
    single = target(part.props.at("GatewayIdentifier"))
    gateway = iam.template.part(single[0], f"{_CORE}Gateway") if single else None
    if gateway is not None:
        function = part.props.at("TargetConfiguration", "Mcp", "Lambda", "LambdaArn")
        yield from _hop(iam, iam.template.id_of(gateway.name), function, "gateway_target", _FUNCTIONS)


def _hop(iam: Iam, mine: str, node: Node | None, via: str, types: tuple[str, ...]) -> Iterator[Record]:
    """A hand-over to something of the same template."""
    single = target(node)
    part = iam.template.part(single[0], *types) if single else None
    if part is not None and part.type == "AWS::Bedrock::AgentAlias":
        single = target(part.props.at("AgentId"))
        part = iam.template.part(single[0], "AWS::Bedrock::Agent") if single else None
    if part is not None and part.type in {*_FUNCTIONS, "AWS::Bedrock::Agent"} and node is not None:
        to_id = iam.template.id_of(part.name)
        if to_id != mine:
            yield Hop(
                **iam.maker.seen(f"{mine}#hop/{via}/{to_id}", node.line), from_id=mine, to_id=to_id, via=via,
                auth=Auth.IAM,
            )  # fmt: skip


def _items(node: Node | None) -> list[Node]:
    return [n for n in node.list if n.map] if node else []


def _name(iam: Iam, part: Part, *keys: str) -> str:
    said = next((t for key in keys if (t := iam.resolver.text(part.props.at(key)))), None)
    return iam.maker.shown(said if said and "${" not in said else part.name)
