"""What stands behind Bedrock agents: knowledge bases with the secrets of their stores, flows, guardrails."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._agents import (
    Kind,
    Thing,
    fetch,
    fetch_items,
    function_arn,
    hands_to,
    once,
    reads,
    runs_as,
    things,
)
from nhiscan.collectors.aws._group import Part
from nhiscan.collectors.aws._seen import owners, seen
from nhiscan.plugin import Consumer, ConsumerKind, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

TAGS = "bedrock-agent:ListTagsForResource"
_SOURCES, _SOURCE = "bedrock-agent:ListDataSources", "bedrock-agent:GetDataSource"
_BASES = Kind(
    list_all="bedrock-agent:ListKnowledgeBases", entries="knowledgeBaseSummaries", params={"maxResults": 1000},
    arn="bedrock:knowledge-base/{}", number="knowledgeBaseId", describe="bedrock-agent:GetKnowledgeBase",
    parameter="knowledgeBaseId", member="knowledgeBase", tags=TAGS,
)  # fmt: skip
_FLOWS = Kind(
    list_all="bedrock-agent:ListFlows", entries="flowSummaries", params={"maxResults": 1000}, arn="arn", number="id",
    describe="bedrock-agent:GetFlow", parameter="flowIdentifier", tags=TAGS,
)  # fmt: skip
_ACTIVE = {"ACTIVE": True, "UPDATING": True, "CREATING": False, "DELETING": False, "FAILED": False}
_ALIAS = re.compile(r"(arn:aws[\w-]*:bedrock:[\w-]+:\d{12}:agent)-alias/(\w+)/\w+")
_DEEPEST = 8


def agent_of_alias(arn: object) -> str | None:
    """The ARN of the agent that an alias belongs to."""
    match = _ALIAS.fullmatch(text(arn) or "")
    return f"{match.group(1)}/{match.group(2)}" if match else None


def _knowledge_bases(ask: Ask) -> Iterator[Record]:
    bases = yield from things(ask, _BASES)
    for base in bases:
        enabled = _ACTIVE.get(text(base.entry.get("status")) or "")
        yield _workload(ask, base, "bedrock-knowledge-base", enabled=enabled)
        yield from owners(ask, base.arn, base.tags)
        yield from runs_as(ask, base.arn, base.detail.get("roleArn"))
        yield from once(use for name, arn in _secrets(base.detail) for use in reads(ask, base.arn, arn, name))
    yield from _data_sources(ask, [(base.arn, {"knowledgeBaseId": base.number}) for base in bases])


def _workload(ask: Ask, thing: Thing, framework: str, *, enabled: bool | None = None) -> Consumer:
    return Consumer(
        **seen(ask, thing.arn), kind=ConsumerKind.WORKLOAD, name=text(thing.entry.get("name")) or thing.number,
        framework=framework, platform="aws_bedrock_agent", environment=_tags.environment(thing.tags), enabled=enabled,
        created_at=moment(thing.detail.get("createdAt")) or moment(thing.entry.get("createdAt")), tags=thing.tags,
    )  # fmt: skip


def _data_sources(ask: Ask, bases: list[tuple[str, dict[str, str]]]) -> Iterator[Record]:
    listed = yield from fetch_items(ask, _SOURCES, "dataSourceSummaries", bases)
    asked = [
        (arn, {**request, "dataSourceId": number})
        for arn, request, found in listed
        for entry in found
        if (number := text(entry.get("dataSourceId")))
    ]
    uses: list[Record] = []
    for arn, _, answer in (yield from fetch(ask, _SOURCE, asked)):
        for name, secret in _secrets(mapping(answer.get("dataSource"))):
            uses += reads(ask, arn, secret, name)
    yield from once(uses)


def _secrets(value: object, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Names and ARNs of the secrets that a configuration refers to, wherever in it they stand."""
    if depth > _DEEPEST:
        return
    for key, inner in mapping(value).items():
        if key in {"credentialsSecretArn", "usernamePasswordSecretArn", "secretArn"} and (arn := text(inner)):
            yield key, arn
        elif isinstance(inner, dict):
            yield from _secrets(inner, depth + 1)
        elif isinstance(inner, list):
            for entry in inner:
                yield from _secrets(entry, depth + 1)


def _flows(ask: Ask) -> Iterator[Record]:
    for flow in (yield from things(ask, _FLOWS)):
        yield _workload(ask, flow, "bedrock-flows")
        yield from owners(ask, flow.arn, flow.tags)
        yield from runs_as(ask, flow.arn, flow.detail.get("executionRoleArn"))
        yield from once(_calls(ask, flow.arn, mapping(flow.detail.get("definition"))))


def _calls(ask: Ask, arn: str, definition: Json) -> Iterator[Record]:
    # Prompts, conditions and inline code stand beside these; they are not looked at.
    for node in map(mapping, listing(definition.get("nodes"))):
        settings = mapping(node.get("configuration"))
        function = mapping(settings.get("lambdaFunction")).get("lambdaArn")
        base = text(mapping(settings.get("knowledgeBase")).get("knowledgeBaseId"))
        yield from hands_to(ask, arn, function_arn(function), "flow")
        yield from hands_to(ask, arn, agent_of_alias(mapping(settings.get("agent")).get("agentAliasArn")), "flow")
        yield from hands_to(ask, arn, ask.arn("bedrock", f"knowledge-base/{base}") if base else None, "flow")


def _guardrails(ask: Ask) -> Iterator[Record]:
    for entry in ask.items("bedrock:ListGuardrails", "guardrails", maxResults=1000):
        if arn := text(entry.get("arn")):
            yield Resource(
                **seen(ask, arn), provider="aws", kind="guardrail", name=text(entry.get("name")) or arn,
                created_at=moment(entry.get("createdAt")),
            )  # fmt: skip


KNOWLEDGE_BASES = Part(
    name="knowledge-bases",
    kind="Bedrock knowledge base",
    facts=("role", "created", "secrets of its store and sources", "owner"),
    calls={
        _BASES.list_all: "consumer, use, owner",
        _BASES.describe: "use, consumer.created_at",
        _SOURCES: "use",
        _SOURCE: "use",
        TAGS: "consumer.tags, consumer.environment, owner",
    },
    read=_knowledge_bases,
)
FLOWS = Part(
    name="flows",
    kind="Bedrock flow",
    facts=("role", "created", "functions and agents it calls", "owner"),
    calls={
        _FLOWS.list_all: "consumer, use, hop, owner",
        _FLOWS.describe: "use, hop",
        TAGS: "consumer.tags, consumer.environment, owner",
    },
    read=_flows,
)
GUARDRAILS = Part(
    name="guardrails",
    kind="Bedrock guardrail",
    facts=("created",),
    calls={"bedrock:ListGuardrails": "resource"},
    read=_guardrails,
)
