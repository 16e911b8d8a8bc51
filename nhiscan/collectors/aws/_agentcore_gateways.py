"""AgentCore gateways: who may call them, whom they act as, which tools their targets offer, with which credentials.

A target is a tool server of its own below its gateway; its address is kept without query and login.  A gateway whose
authorizer is NONE answers anybody.  `guardrail` is true when a policy engine decides every call (mode ENFORCE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._actions import by_name, of_schema
from nhiscan.collectors.aws._agentcore import CLIENT, POLICY, SERVES, TAGGED, TAGS
from nhiscan.collectors.aws._agentcore_logs import DELIVERIES, SOURCES, tool_calls
from nhiscan.collectors.aws._agents import (
    Kind,
    Thing,
    address,
    fetch,
    fetch_items,
    function_arn,
    hands_to,
    once,
    presents,
    runs_as,
    things,
)
from nhiscan.collectors.aws._group import Part
from nhiscan.collectors.aws._seen import owners, policy_on, seen
from nhiscan.plugin import Auth, Consumer, ConsumerKind, Tool, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record, ToolClass

_TARGETS, _TARGET = f"{CLIENT}:ListGatewayTargets", f"{CLIENT}:GetGatewayTarget"
_GATEWAYS = Kind(
    list_all=f"{CLIENT}:ListGateways", entries="items", arn="bedrock-agentcore:gateway/{}", number="gatewayId",
    describe=f"{CLIENT}:GetGateway", parameter="gatewayIdentifier", tags=TAGS, params={"maxResults": 1000},
)  # fmt: skip
_AUTH = {"CUSTOM_JWT": Auth.OAUTH, "AUTHENTICATE_ONLY": Auth.OAUTH, "AWS_IAM": Auth.IAM, "NONE": Auth.NONE}
_OUTBOUND = {
    "OAUTH": Auth.OAUTH, "JWT_PASSTHROUGH": Auth.OAUTH, "API_KEY": Auth.API_KEY, "GATEWAY_IAM_ROLE": Auth.IAM,
    "CALLER_IAM_CREDENTIALS": Auth.IAM,
}  # fmt: skip


def _gateways(ask: Ask) -> Iterator[Record]:
    gateways = yield from things(ask, _GATEWAYS)
    for gateway in gateways:
        yield _gateway(ask, gateway)
        yield from owners(ask, gateway.arn, gateway.tags)
        yield from once(_acts(ask, gateway.arn, gateway.detail))
    arns = [gateway.arn for gateway in gateways]
    yield from _targets(ask, [(gateway.arn, {"gatewayIdentifier": gateway.number}) for gateway in gateways])
    for arn, _, answer in (yield from fetch(ask, POLICY, [(arn, {"resourceArn": arn}) for arn in arns])):
        yield from policy_on(ask, arn, answer.get("policy"))
    yield from tool_calls(ask, arns, otherwise=False)


def _gateway(ask: Ask, gateway: Thing) -> Consumer:
    authorizer = text(gateway.entry.get("authorizerType"))
    url, tls = address(gateway.detail.get("gatewayUrl"))
    engine = mapping(gateway.detail.get("policyEngineConfiguration"))
    return Consumer(
        **seen(ask, gateway.arn),
        kind=ConsumerKind.TOOL_SERVER,
        name=text(gateway.entry.get("name")) or gateway.number,
        framework="agentcore-gateway",
        platform="aws_agentcore",
        environment=_tags.environment(gateway.tags),
        enabled=SERVES.get(text(gateway.entry.get("status")) or ""),
        transport=Transport.HTTP,
        url=url,
        tls=tls,
        loopback=False,
        auth=_AUTH.get(authorizer or ""),
        created_at=moment(gateway.entry.get("createdAt")),
        public=None if authorizer is None else authorizer == "NONE",
        guardrail=engine.get("mode") == "ENFORCE" if gateway.detail else None,
        tags=gateway.tags,
    )


def _acts(ask: Ask, arn: str, detail: Json) -> Iterator[Record]:
    identity = mapping(detail.get("workloadIdentityDetails")).get("workloadIdentityArn")
    yield from runs_as(ask, arn, detail.get("roleArn"))
    yield from runs_as(ask, arn, identity, "workload_identity")
    for entry in map(mapping, listing(detail.get("interceptorConfigurations"))):
        function = mapping(mapping(entry.get("interceptor")).get("lambda")).get("arn")
        yield from hands_to(ask, arn, function_arn(function), "interceptor")
    function = mapping(mapping(detail.get("customTransformConfiguration")).get("lambda")).get("arn")
    yield from hands_to(ask, arn, function_arn(function), "transform")


def _targets(ask: Ask, gateways: list[tuple[str, dict[str, str]]]) -> Iterator[Record]:
    listed = {}
    for gateway, request, found in (yield from fetch_items(ask, _TARGETS, "items", gateways)):
        for entry in found:
            if number := text(entry.get("targetId")):
                listed[f"{gateway}/target/{number}"] = (gateway, {**request, "targetId": number}, entry)
    answers = yield from fetch(ask, _TARGET, [(target, request) for target, (_, request, _) in listed.items()])
    details = {target: answer for target, _, answer in answers}
    for target, (gateway, request, entry) in listed.items():
        detail = details.get(target, {})
        kind, settings = _settings(detail.get("targetConfiguration"))
        url, tls = address(settings.get("endpoint"))
        yield Consumer(
            **seen(ask, target), kind=ConsumerKind.TOOL_SERVER, framework="agentcore-gateway-target",
            name=text(entry.get("name")) or str(request["targetId"]), parent_id=gateway, platform="aws_agentcore",
            enabled=SERVES.get(text(entry.get("status")) or ""), transport=Transport.HTTP if url else None, url=url,
            tls=tls, loopback=False if url else None, auth=_outbound(detail), created_at=moment(entry.get("createdAt")),
        )  # fmt: skip
        yield from once(_credentials(ask, target, detail))
        yield from _tools(ask, target, kind, settings)
        yield from hands_to(ask, target, function_arn(settings.get("lambdaArn")), "gateway")
        runtime = text(settings.get("arn")) if kind == "agentcoreRuntime" else None
        yield from hands_to(ask, target, runtime, "gateway", _outbound(detail))


def _settings(configuration: object) -> tuple[str, Json]:
    """The one member of the union that says what a target is, with its settings."""
    for outer in mapping(configuration).values():
        for kind, settings in mapping(outer).items():
            return str(kind), mapping(settings)
    return "", {}


def _outbound(detail: Json) -> Auth | None:
    if not detail:
        return None
    entries = map(mapping, listing(detail.get("credentialProviderConfigurations")))
    kinds = [text(entry.get("credentialProviderType")) for entry in entries]
    return _OUTBOUND.get(kinds[0] or "") if kinds else Auth.NONE


def _credentials(ask: Ask, target: str, detail: Json) -> Iterator[Record]:
    for entry in map(mapping, listing(detail.get("credentialProviderConfigurations"))):
        provider = mapping(entry.get("credentialProvider"))
        oauth, key = mapping(provider.get("oauthCredentialProvider")), mapping(provider.get("apiKeyCredentialProvider"))
        yield from presents(ask, target, oauth.get("providerArn"), text(oauth.get("grantType")) or "OAUTH")
        name = text(key.get("credentialParameterName")) or text(key.get("credentialLocation")) or "API_KEY"
        yield from presents(ask, target, key.get("providerArn"), name)


def _tools(ask: Ask, target: str, kind: str, settings: Json) -> Iterator[Record]:
    for name, class_ in sorted(dict(_offered(kind, settings)).items()):
        yield Tool(
            **seen(ask, f"{target}#tool/{name}", target), consumer_id=target, name=name, class_=class_,
            unrestricted=None if name == "*" else False,
        )  # fmt: skip


def _offered(kind: str, settings: Json) -> Iterator[tuple[str, ToolClass | None]]:
    if kind == "lambda":
        for tool in map(mapping, listing(mapping(settings.get("toolSchema")).get("inlinePayload"))):
            if name := text(tool.get("name")):
                yield name, by_name(name)
    elif kind == "openApiSchema":
        for action in of_schema(settings.get("inlinePayload")) or ():
            yield action.name, action.class_
    elif kind == "mcpServer":
        yield "*", None


GATEWAYS = Part(
    name="gateways",
    kind="AgentCore gateway and target",
    facts=("role", "authorizer", "targets", "tools", "credential providers", "policy engine", "tool-call log", "owner"),
    calls={
        _GATEWAYS.list_all: "consumer, use, tool, hop, policy, attachment, logging, owner",
        _GATEWAYS.describe: "consumer.url, consumer.guardrail, use, hop",
        _TARGETS: "consumer, use, tool, hop",
        _TARGET: "consumer.auth, consumer.url, use, tool, hop",
        TAGS: TAGGED,
        POLICY: "policy, attachment",
        SOURCES: "logging",
        DELIVERIES: "logging",
    },
    read=_gateways,
)
