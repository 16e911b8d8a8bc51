"""AgentCore tools that act through a role: code interpreters, browsers, memories.  AWS's own ones have no role.

`sandbox` of a code interpreter is `network` when its network mode is SANDBOX, else `none`: it runs in a machine of its
own either way, but only the former cannot reach anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import flag, mapping, moment, text
from nhiscan.collectors.aws._agentcore import CLIENT, TAGGED, TAGS
from nhiscan.collectors.aws._agents import Kind, Thing, runs_as, things
from nhiscan.collectors.aws._group import Part
from nhiscan.collectors.aws._seen import owners, seen
from nhiscan.plugin import Auth, Consumer, ConsumerKind, Logging, Resource, Tool, ToolClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_INTERPRETERS = Kind(
    list_all=f"{CLIENT}:ListCodeInterpreters", entries="codeInterpreterSummaries", arn="codeInterpreterArn",
    number="codeInterpreterId", describe=f"{CLIENT}:GetCodeInterpreter", parameter="codeInterpreterId", tags=TAGS,
    params={"maxResults": 100, "type": "CUSTOM"},
)  # fmt: skip
_BROWSERS = Kind(
    list_all=f"{CLIENT}:ListBrowsers", entries="browserSummaries", arn="browserArn", number="browserId", tags=TAGS,
    describe=f"{CLIENT}:GetBrowser", parameter="browserId", params={"maxResults": 100, "type": "CUSTOM"},
)  # fmt: skip
# Without decryption: texts that a customer's key protects are not wanted here.
_MEMORIES = Kind(
    list_all=f"{CLIENT}:ListMemories", entries="memories", arn="arn", number="id", describe=f"{CLIENT}:GetMemory",
    parameter="memoryId", member="memory", tags=TAGS, params={"maxResults": 100}, extra={"view": "without_decryption"},
)  # fmt: skip
_READY = {"READY": True, "CREATING": False, "CREATE_FAILED": False, "DELETING": False, "DELETED": False}
_SANDBOX = {"SANDBOX": "network", "PUBLIC": "none", "VPC": "none"}


def _interpreters(ask: Ask) -> Iterator[Record]:
    for thing in (yield from things(ask, _INTERPRETERS)):
        mode = text(mapping(thing.detail.get("networkConfiguration")).get("networkMode"))
        yield from _tool_server(ask, thing, "agentcore-code-interpreter", _SANDBOX.get(mode or ""))
        yield _tool(ask, thing.arn, "code interpreter", ToolClass.EXEC)


def _browsers(ask: Ask) -> Iterator[Record]:
    for thing in (yield from things(ask, _BROWSERS)):
        yield from _tool_server(ask, thing, "agentcore-browser", None)
        yield _tool(ask, thing.arn, "browser", ToolClass.EXTERNAL)
        if thing.detail:
            yield _recording(ask, thing.arn, mapping(thing.detail.get("recording")))


def _tool_server(ask: Ask, thing: Thing, framework: str, sandbox: str | None) -> Iterator[Record]:
    yield Consumer(
        **seen(ask, thing.arn), kind=ConsumerKind.TOOL_SERVER, name=text(thing.entry.get("name")) or thing.number,
        framework=framework, platform="aws_agentcore", environment=_tags.environment(thing.tags), auth=Auth.IAM,
        enabled=_READY.get(text(thing.entry.get("status")) or ""), sandbox=sandbox, public=False, tags=thing.tags,
        created_at=moment(thing.entry.get("createdAt")),
    )  # fmt: skip
    yield from owners(ask, thing.arn, thing.tags)
    yield from runs_as(ask, thing.arn, thing.detail.get("executionRoleArn"))


def _tool(ask: Ask, arn: str, name: str, class_: ToolClass) -> Tool:
    return Tool(**seen(ask, f"{arn}#tool/{name}", arn), consumer_id=arn, name=name, class_=class_, unrestricted=True)


def _recording(ask: Ask, arn: str, recording: Json) -> Logging:
    place = mapping(recording.get("s3Location"))
    bucket = text(place.get("bucket"))
    return Logging(
        **seen(ask, f"{arn}#logging/tool_calls", arn), subject_id=arn, kind="tool_calls",
        enabled=flag(recording.get("enabled")) or False,
        destination=f"s3://{bucket}/{text(place.get('prefix')) or ''}" if bucket else None,
    )  # fmt: skip


def _memories(ask: Ask) -> Iterator[Record]:
    for thing in (yield from things(ask, _MEMORIES)):
        name, environment = text(thing.detail.get("name")) or thing.number, _tags.environment(thing.tags)
        created = moment(thing.entry.get("createdAt"))
        yield Resource(
            **seen(ask, thing.arn), provider="aws", kind="memory", name=name, public=False, created_at=created,
            encrypted_with=text(thing.detail.get("encryptionKeyArn")), environment=environment, tags=thing.tags,
        )  # fmt: skip
        yield from owners(ask, thing.arn, thing.tags)
        role = thing.detail.get("memoryExecutionRoleArn")
        if text(role):
            yield Consumer(
                **seen(ask, thing.arn), kind=ConsumerKind.WORKLOAD, name=name, framework="agentcore-memory",
                platform="aws_agentcore", environment=environment, created_at=created, tags=thing.tags,
            )  # fmt: skip
            yield from runs_as(ask, thing.arn, role)


CODE_INTERPRETERS = Part(
    name="code-interpreters",
    kind="AgentCore code interpreter",
    facts=("role", "created", "network mode", "owner"),
    calls={
        _INTERPRETERS.list_all: "consumer, tool, use, owner",
        _INTERPRETERS.describe: "consumer.sandbox, use",
        TAGS: TAGGED,
    },
    read=_interpreters,
)
BROWSERS = Part(
    name="browsers",
    kind="AgentCore browser",
    facts=("role", "created", "recording", "owner"),
    calls={
        _BROWSERS.list_all: "consumer, tool, use, logging, owner",
        _BROWSERS.describe: "use, logging",
        TAGS: TAGGED,
    },
    read=_browsers,
)
MEMORIES = Part(
    name="memories",
    kind="AgentCore memory",
    facts=("role", "created", "key", "owner"),
    calls={
        _MEMORIES.list_all: "resource, consumer, use, owner",
        _MEMORIES.describe: "resource.encrypted_with, consumer, use",
        TAGS: TAGGED,
    },
    read=_memories,
)
