"""Amazon Bedrock AgentCore: runtimes and harnesses, gateways and their targets, tools, identities and credentials.

A runtime that serves MCP is a tool server, any other an agent; its endpoints always demand IAM or a token of an issuer,
so none is public.  Endpoints may keep earlier versions in service, whose roles are read too.  `tool_calls` logging of a
runtime or gateway is a CloudWatch Logs delivery of its application logs or traces; without one a gateway logs no calls,
while a runtime may still write logs of its own, which is not known.

Source: Amazon Bedrock AgentCore Developer Guide; the API's own model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import flag, mapping, moment, text
from nhiscan.collectors.aws._agentcore import CLIENT, POLICY, SERVES, TAGGED, TAGS
from nhiscan.collectors.aws._agentcore_gateways import GATEWAYS
from nhiscan.collectors.aws._agentcore_harness import HARNESSES
from nhiscan.collectors.aws._agentcore_identity import (
    API_KEYS,
    OAUTHCLIENTS,
    PAYMENT_KEYS,
    POLICY_ENGINES,
    TOKEN_VAULT,
    WORKLOAD_IDENTITIES,
)
from nhiscan.collectors.aws._agentcore_logs import DELIVERIES, SOURCES, tool_calls
from nhiscan.collectors.aws._agentcore_tools import BROWSERS, CODE_INTERPRETERS, MEMORIES
from nhiscan.collectors.aws._agents import Kind, Thing, fetch, fetch_items, inbound, once, runs_as, things
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import owners, policy_on, seen
from nhiscan.collectors.aws._workloads import named_pairs
from nhiscan.plugin import Consumer, ConsumerKind, Transport

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_ENDPOINTS = f"{CLIENT}:ListAgentRuntimeEndpoints"
_RUNTIMES = Kind(
    list_all=f"{CLIENT}:ListAgentRuntimes", entries="agentRuntimes", arn="agentRuntimeArn", number="agentRuntimeId",
    describe=f"{CLIENT}:GetAgentRuntime", parameter="agentRuntimeId", tags=TAGS, params={"maxResults": 100},
)  # fmt: skip


def _runtimes(ask: Ask) -> Iterator[Record]:
    runtimes = yield from things(ask, _RUNTIMES)
    values = Values(ask, "AgentCore runtime")
    for runtime in runtimes:
        yield _runtime(ask, runtime)
        yield from owners(ask, runtime.arn, runtime.tags)
        yield from values.variables(runtime.arn, named_pairs(runtime.detail.get("environmentVariables")))
    yield from values.told()
    roles = yield from _versions(ask, runtimes)
    yield from once(roles)
    arns = [runtime.arn for runtime in runtimes]
    for arn, _, answer in (yield from fetch(ask, POLICY, [(arn, {"resourceArn": arn}) for arn in arns])):
        yield from policy_on(ask, arn, answer.get("policy"))
    yield from tool_calls(ask, arns, otherwise=None)


def _runtime(ask: Ask, runtime: Thing) -> Consumer:
    detail = runtime.detail
    protocol = text(mapping(detail.get("protocolConfiguration")).get("serverProtocol"))
    container = mapping(mapping(detail.get("agentRuntimeArtifact")).get("containerConfiguration"))
    token = flag(mapping(detail.get("metadataConfiguration")).get("requireMMDSV2"))
    return Consumer(
        **seen(ask, runtime.arn),
        kind=ConsumerKind.TOOL_SERVER if protocol == "MCP" else ConsumerKind.AGENT,
        name=text(runtime.entry.get("agentRuntimeName")) or runtime.number,
        framework="agentcore-runtime",
        platform="aws_agentcore",
        environment=_tags.environment(runtime.tags),
        enabled=SERVES.get(text(runtime.entry.get("status")) or ""),
        transport=Transport.HTTP,
        tls=True,
        loopback=False,
        auth=inbound(detail.get("authorizerConfiguration")) if detail else None,
        package=text(container.get("containerUri")),
        created_at=moment(detail.get("createdAt")),
        public=False,
        metadata_v1=None if token is None else not token,
        tags=runtime.tags,
    )


def _versions(ask: Ask, runtimes: list[Thing]) -> Generator[Record, None, list[Record]]:
    """The identities of the newest version and of every other one that an endpoint serves."""
    newest = {r.arn: text(r.detail.get("agentRuntimeVersion")) for r in runtimes}
    asked = [(r.arn, {"agentRuntimeId": r.number}) for r in runtimes]
    earlier = []
    for arn, request, endpoints in (yield from fetch_items(ask, _ENDPOINTS, "runtimeEndpoints", asked)):
        served = {version for e in endpoints if (version := text(e.get("liveVersion")))}
        earlier += [(arn, {**request, "agentRuntimeVersion": v}) for v in sorted(served - {newest[arn]})]
    older = yield from fetch(ask, _RUNTIMES.describe, earlier)
    roles: list[Record] = []
    for arn, detail in [*((r.arn, r.detail) for r in runtimes), *((arn, answer) for arn, _, answer in older)]:
        identity = mapping(detail.get("workloadIdentityDetails")).get("workloadIdentityArn")
        roles += runs_as(ask, arn, detail.get("roleArn"))
        roles += runs_as(ask, arn, identity, "workload_identity")
    return roles


RUNTIMES = Part(
    name="runtimes",
    kind="AgentCore runtime",
    facts=("role", "workload identity", "created", "authorizer", "metadata service", "tool-call log", "owner"),
    calls={
        _RUNTIMES.list_all: "consumer, use, policy, attachment, logging, owner",
        _RUNTIMES.describe: "consumer.kind, consumer.auth, consumer.metadata_v1, use, credential, exposure",
        _ENDPOINTS: "use",
        TAGS: TAGGED,
        POLICY: "policy, attachment",
        SOURCES: "logging",
        DELIVERIES: "logging",
    },
    read=_runtimes,
)
COLLECTOR = Group(
    name="aws.agentcore",
    title="Amazon Bedrock AgentCore runtimes, gateways, tools, identities and outbound credentials",
    parts=(
        RUNTIMES, HARNESSES, GATEWAYS, CODE_INTERPRETERS, BROWSERS, MEMORIES, WORKLOAD_IDENTITIES, OAUTHCLIENTS,
        API_KEYS, PAYMENT_KEYS, TOKEN_VAULT, POLICY_ENGINES,
    ),
)  # fmt: skip
