"""AgentCore harnesses: agents that AWS runs from a configuration of model, tools, memory and environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import listing, mapping, moment, text
from nhiscan.collectors.aws._actions import by_name
from nhiscan.collectors.aws._agentcore import CLIENT, SERVES, TAGGED, TAGS
from nhiscan.collectors.aws._agents import (
    Kind,
    address,
    function_arn,
    hands_to,
    inbound,
    once,
    presents,
    runs_as,
    texts,
    things,
)
from nhiscan.collectors.aws._environment import Values
from nhiscan.collectors.aws._group import Part
from nhiscan.collectors.aws._seen import owners, seen
from nhiscan.collectors.aws._workloads import named_pairs
from nhiscan.plugin import Auth, Consumer, ConsumerKind, Tool, ToolClass, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_HARNESSES = Kind(
    list_all=f"{CLIENT}:ListHarnesses", entries="harnesses", arn="arn", number="harnessId", member="harness",
    describe=f"{CLIENT}:GetHarness", parameter="harnessId", tags=TAGS, params={"maxResults": 100},
)  # fmt: skip
_CLASSES = {
    "agentcore_code_interpreter": ToolClass.EXEC,
    "agentcore_browser": ToolClass.EXTERNAL,
    "remote_mcp": None,
    "agentcore_gateway": None,
}


def _harnesses(ask: Ask) -> Iterator[Record]:
    values = Values(ask, "AgentCore harness")
    for thing in (yield from things(ask, _HARNESSES)):
        detail = thing.detail
        yield Consumer(
            **seen(ask, thing.arn), kind=ConsumerKind.AGENT, name=text(thing.entry.get("harnessName")) or thing.number,
            framework="agentcore-harness", platform="aws_agentcore", environment=_tags.environment(thing.tags),
            enabled=SERVES.get(text(thing.entry.get("status")) or ""), public=False, tags=thing.tags,
            auth=inbound(detail.get("authorizerConfiguration")) if detail else None,
            created_at=moment(thing.entry.get("createdAt")),
        )  # fmt: skip
        yield from owners(ask, thing.arn, thing.tags)
        yield from once(_acts(ask, thing.arn, detail))
        yield from once(_tools(ask, thing.arn, detail))
        yield from values.variables(thing.arn, named_pairs(detail.get("environmentVariables")))
    yield from values.told()


def _acts(ask: Ask, arn: str, detail: Json) -> Iterator[Record]:
    yield from runs_as(ask, arn, detail.get("executionRoleArn"))
    for model in mapping(detail.get("model")).values():
        yield from presents(ask, arn, mapping(model).get("apiKeyArn"), "model")
    for skill in map(mapping, listing(detail.get("skills"))):
        yield from presents(ask, arn, mapping(mapping(skill.get("git")).get("auth")).get("credentialArn"), "git")
    for hook in map(mapping, listing(detail.get("hooks"))):
        for settings in hook.values():
            for target in mapping(mapping(settings).get("target")).values():
                for value in mapping(target).values():
                    yield from hands_to(ask, arn, function_arn(value), "hook")


def _tools(ask: Ask, arn: str, detail: Json) -> Iterator[Record]:
    everything = "*" in texts(detail.get("allowedTools"))
    for entry in map(mapping, listing(detail.get("tools"))):
        kind, config = text(entry.get("type")) or "", mapping(entry.get("config"))
        name = text(entry.get("name")) or kind
        if not name:
            continue
        # What an inline function does is done by the application that called the harness.
        class_ = by_name(name) if kind == "inline_function" else _CLASSES.get(kind)
        yield Tool(
            **seen(ask, f"{arn}#tool/{name}", arn), consumer_id=arn, name=name, class_=class_,
            unrestricted=(everything or None) if class_ is None else class_ is ToolClass.EXEC,
        )  # fmt: skip
        for settings in map(mapping, config.values()):
            for key in ("browserArn", "gatewayArn", "codeInterpreterArn"):
                yield from hands_to(ask, arn, text(settings.get(key)), "tool")
        yield from _remote(ask, arn, name, mapping(config.get("remoteMcp")))


def _remote(ask: Ask, arn: str, name: str, settings: Json) -> Iterator[Record]:
    """A tool server elsewhere; its headers may hold a credential and are only counted as such, never read."""
    url, tls = address(settings.get("url"))
    if url is None:
        return
    outbound = mapping(settings.get("outboundAuth"))
    headers = {str(h).lower() for h in mapping(settings.get("headers"))}
    auth = Auth.IAM if "awsIam" in outbound else Auth.STATIC_BEARER if "authorization" in headers else None
    if auth is None and not headers:
        auth = Auth.NONE
    yield Consumer(
        **seen(ask, f"{arn}#server/{name}", arn), kind=ConsumerKind.TOOL_SERVER, name=name, parent_id=arn, url=url,
        tls=tls, framework="agentcore-harness", platform="aws_agentcore", transport=Transport.HTTP, loopback=False,
        auth=auth,
    )  # fmt: skip


HARNESSES = Part(
    name="harnesses",
    kind="AgentCore harness",
    facts=("role", "created", "authorizer", "tools", "credentials of its model", "owner"),
    calls={
        _HARNESSES.list_all: "consumer, tool, hop, use, owner",
        _HARNESSES.describe: "consumer.auth, tool, hop, use, credential, exposure",
        TAGS: TAGGED,
    },
    read=_harnesses,
)
