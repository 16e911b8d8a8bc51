"""Amazon Bedrock agents: whom they act as, what they may call and whether anybody is asked first.

An agent has a working draft and numbered versions that aliases put into service; roles, tools and guardrails of the
draft and of every version in service are read, and where they differ the weaker one counts.  An agent calls nothing but
its action groups, so what is not listed is denied.  Of instructions and prompts nothing is read, of schemas only names.

Source: Amazon Bedrock User Guide, "Automate tasks in your application using AI agents"; the API's own model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as _tags
from nhiscan.collectors._common.values import mapping, moment, text
from nhiscan.collectors.aws._agents import entries, fetch, fetch_items, function_arn, hands_to, once, runs_as, tags_of
from nhiscan.collectors.aws._bedrock_actions import actions_of
from nhiscan.collectors.aws._bedrock_sources import FLOWS, GUARDRAILS, KNOWLEDGE_BASES, TAGS, agent_of_alias
from nhiscan.collectors.aws._group import Group, Part
from nhiscan.collectors.aws._seen import owners, seen
from nhiscan.plugin import Approval, Basis, Consumer, ConsumerKind, Tool, ToolClass

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors.aws._actions import Action
    from nhiscan.collectors.aws._ask import Ask
    from nhiscan.plugin import Record

_GET, _VERSION, _ALIASES = "bedrock-agent:GetAgent", "bedrock-agent:GetAgentVersion", "bedrock-agent:ListAgentAliases"
_GROUPS, _GROUP = "bedrock-agent:ListAgentActionGroups", "bedrock-agent:GetAgentActionGroup"
_BASES, _OTHERS = "bedrock-agent:ListAgentKnowledgeBases", "bedrock-agent:ListAgentCollaborators"
_DRAFT = "DRAFT"
_USABLE = frozenset({"PREPARED", "PREPARING", "UPDATING", "VERSIONING"})
_HEAVY = frozenset({ToolClass.EXEC, ToolClass.DESTRUCTIVE, ToolClass.DEPLOY, ToolClass.IDENTITY, ToolClass.PAYMENT})
# Where versions differ, the action that runs unasked counts, then the one nobody knows of.
_WEAKEST = (Approval.AUTO, None, Approval.ASK)


@dataclass(slots=True)
class _Agent:
    """What the answers say of one agent; `versions` holds the draft and those in service."""

    arn: str
    number: str
    summary: Json
    versions: dict[str, Json] = field(default_factory=dict)
    aliases: list[Json] | None = None
    tools: dict[str, Action] = field(default_factory=dict)
    unknown: bool = False

    @property
    def draft(self) -> Json:
        return self.versions.get(_DRAFT, {})

    def add(self, action: Action) -> None:
        known = self.tools.get(action.name)
        if known is None or _WEAKEST.index(action.approval) < _WEAKEST.index(known.approval):
            self.tools[action.name] = action


def _agents(ask: Ask) -> Iterator[Record]:
    agents = {}
    for entry in (yield from entries(ask, "bedrock-agent:ListAgents", "agentSummaries", maxResults=1000)):
        number = text(entry.get("agentId"))
        if number is not None:
            arn = ask.arn("bedrock", f"agent/{number}")
            agents[arn] = _Agent(arn, number, entry)
    yield from _versions(ask, agents)
    tags = yield from tags_of(ask, TAGS, agents)
    yield from _action_groups(ask, agents)
    yield from _knowledge(ask, agents)
    yield from _collaborators(ask, agents)
    for agent in agents.values():
        yield from _records(ask, agent, tags.get(agent.arn, {}))


def _versions(ask: Ask, agents: dict[str, _Agent]) -> Iterator[Record]:
    numbers = [(a.arn, {"agentId": a.number}) for a in agents.values()]
    for arn, _, answer in (yield from fetch(ask, _GET, numbers)):
        agents[arn].versions[_DRAFT] = mapping(answer.get("agent"))
    for arn, _, aliases in (yield from fetch_items(ask, _ALIASES, "agentAliasSummaries", numbers)):
        agents[arn].aliases = [a for a in aliases if a.get("aliasInvocationState") != "REJECT_INVOCATIONS"]
    served = [
        (agent.arn, {"agentId": agent.number, "agentVersion": version})
        for agent in agents.values()
        for version in sorted(set(_served(agent)) - {_DRAFT})
    ]
    for arn, request, answer in (yield from fetch(ask, _VERSION, served)):
        agents[arn].versions[str(request["agentVersion"])] = mapping(answer.get("agentVersion"))


def _served(agent: _Agent) -> Iterator[str]:
    for alias in agent.aliases or ():
        routes = alias.get("routingConfiguration")
        for route in routes if isinstance(routes, list) else ():
            if version := text(mapping(route).get("agentVersion")):
                yield version


def _each_version(agents: Iterable[_Agent]) -> list[tuple[str, Json]]:
    return [
        (agent.arn, {"agentId": agent.number, "agentVersion": version})
        for agent in agents
        for version in dict.fromkeys((_DRAFT, *sorted(agent.versions)))
    ]


def _action_groups(ask: Ask, agents: dict[str, _Agent]) -> Generator[Record, None, None]:
    asked = _each_version(agents.values())
    listed = yield from fetch_items(ask, _GROUPS, "actionGroupSummaries", asked)
    wanted = [
        (arn, {**request, "actionGroupId": number})
        for arn, request, groups in listed
        for group in groups
        if group.get("actionGroupState") != "DISABLED" and (number := text(group.get("actionGroupId")))
    ]
    answers = yield from fetch(ask, _GROUP, wanted)
    _doubt(agents, asked, [(arn, request) for arn, request, _ in listed])
    _doubt(agents, wanted, [(arn, request) for arn, request, _ in answers])
    hops: list[Record] = []
    for arn, _, answer in answers:
        group = mapping(answer.get("agentActionGroup"))
        for action in actions_of(group):
            agents[arn].add(action)
        executor = mapping(group.get("actionGroupExecutor")).get("lambda")
        hops += hands_to(ask, arn, function_arn(executor), "action_group")
    yield from once(hops)


def _doubt(agents: dict[str, _Agent], asked: Sequence[tuple[str, Json]], got: Sequence[tuple[str, Json]]) -> None:
    for arn, request in asked:
        if (arn, request) not in got:
            agents[arn].unknown = True


def _knowledge(ask: Ask, agents: dict[str, _Agent]) -> Generator[Record, None, None]:
    found = set()
    listed = yield from fetch_items(ask, _BASES, "agentKnowledgeBaseSummaries", _each_version(agents.values()))
    for arn, _, bases in listed:
        found |= {
            (arn, number)
            for base in bases
            if base.get("knowledgeBaseState") != "DISABLED" and (number := text(base.get("knowledgeBaseId")))
        }
    for arn, number in sorted(found):
        base = ask.arn("bedrock", f"knowledge-base/{number}")
        yield Tool(
            **seen(ask, f"{arn}#tool/knowledge-base/{number}", arn), consumer_id=arn, name=f"knowledge base {number}",
            class_=ToolClass.READ, approval=Approval.AUTO, approval_basis=Basis.DEFAULT, unrestricted=False,
        )  # fmt: skip
        yield from hands_to(ask, arn, base, "knowledge_base")


def _collaborators(ask: Ask, agents: dict[str, _Agent]) -> Generator[Record, None, None]:
    leading = [
        (agent.arn, {"agentId": agent.number, "agentVersion": version})
        for agent in agents.values()
        for version, detail in sorted(agent.versions.items())
        if text(detail.get("agentCollaboration")) not in {None, "DISABLED"}
    ]
    hops: list[Record] = []
    for arn, _, found in (yield from fetch_items(ask, _OTHERS, "agentCollaboratorSummaries", leading)):
        for entry in found:
            other = agent_of_alias(mapping(entry.get("agentDescriptor")).get("aliasArn"))
            hops += hands_to(ask, arn, other, "collaboration")
    yield from once(hops)


def _records(ask: Ask, agent: _Agent, tags: dict[str, str]) -> Iterator[Record]:
    actions = sorted(agent.tools.values(), key=lambda action: action.name)
    approval, basis = _approval(agent, actions)
    yield Consumer(
        **seen(ask, agent.arn),
        kind=ConsumerKind.AGENT,
        name=text(agent.summary.get("agentName")) or agent.number,
        framework="bedrock-agents",
        platform="aws_bedrock_agent",
        environment=_tags.environment(tags),
        enabled=_enabled(agent),
        approval=approval,
        approval_basis=basis,
        sandbox=_sandbox(actions),
        created_at=moment(agent.draft.get("createdAt")),
        guardrail=_guardrail(agent),
        tags=tags,
    )
    yield from owners(ask, agent.arn, tags)
    for action in actions:
        yield Tool(
            **seen(ask, f"{agent.arn}#tool/{action.name}", agent.arn), consumer_id=agent.arn, name=action.name,
            class_=action.class_, approval=action.approval,
            approval_basis=None if action.approval is None else Basis.EXPLICIT if action.explicit else Basis.DEFAULT,
            unrestricted=action.class_ is ToolClass.EXEC,
        )  # fmt: skip
    yield from once(_acts(ask, agent))


def _acts(ask: Ask, agent: _Agent) -> Iterator[Record]:
    for detail in agent.versions.values():
        own = mapping(mapping(detail.get("customOrchestration")).get("executor")).get("lambda")
        parser = mapping(detail.get("promptOverrideConfiguration")).get("overrideLambda")
        yield from runs_as(ask, agent.arn, detail.get("agentResourceRoleArn"))
        yield from hands_to(ask, agent.arn, function_arn(own), "orchestration")
        yield from hands_to(ask, agent.arn, function_arn(parser), "prompt_parser")


def _enabled(agent: _Agent) -> bool | None:
    status = text(agent.draft.get("agentStatus")) or text(agent.summary.get("agentStatus"))
    if status == "DELETING":
        return False
    if status in _USABLE or set(_served(agent)) - {_DRAFT} or agent.draft.get("preparedAt"):
        return True
    return False if agent.aliases is not None and agent.draft else None


def _guardrail(agent: _Agent) -> bool | None:
    known = [d for d in agent.versions.values() if d]
    if not known:
        return None
    return all(text(mapping(d.get("guardrailConfiguration")).get("guardrailIdentifier")) for d in known)


def _approval(agent: _Agent, actions: list[Action]) -> tuple[Approval | None, Basis | None]:
    if agent.unknown or any(action.approval is None for action in actions):
        return None, None
    if actions and all(action.approval is Approval.ASK for action in actions):
        return Approval.ASK, Basis.EXPLICIT
    return Approval.DENY, Basis.DEFAULT


def _sandbox(actions: list[Action]) -> str | None:
    # Code the agent writes runs in Bedrock's own sandbox; that says nothing of what its functions do.
    heavy = [action.name for action in actions if action.class_ is None or action.class_ in _HEAVY]
    return "bedrock_code_interpreter" if heavy and all(n.endswith("CodeInterpreter") for n in heavy) else None


COLLECTOR = Group(
    name="aws.bedrock",
    title="Amazon Bedrock agents, their tools, collaborators, knowledge bases, flows and guardrails",
    parts=(
        Part(
            name="agents",
            kind="Bedrock agent",
            facts=("role", "created", "status", "guardrail", "tools", "confirmation", "collaborators", "owner"),
            calls={
                "bedrock-agent:ListAgents": "consumer, tool, hop, use, owner",
                _GET: "consumer.guardrail, consumer.enabled, consumer.created_at, use, hop",
                _ALIASES: "use, hop, tool, consumer.guardrail",
                _VERSION: "use, hop, consumer.guardrail",
                _GROUPS: "tool, hop",
                _GROUP: "tool, hop",
                _BASES: "tool, hop",
                _OTHERS: "hop",
                TAGS: "consumer.tags, consumer.environment, owner",
            },
            read=_agents,
        ),
        KNOWLEDGE_BASES,
        FLOWS,
        GUARDRAILS,
    ),
)
