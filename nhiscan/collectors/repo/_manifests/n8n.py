"""Workflows of n8n: what sets them to work, their agents, and the stored credentials their nodes share.

Source (read 2026-11): docs.n8n.io export format, webhook and trigger nodes, and the AI cluster nodes (`ai_tool`,
`ai_memory`, `ai_languageModel` connections lead from the part to its agent).  Credentials stay in n8n: a workflow
holds their type, id and name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.abilities import at_address, traits_of, with_traits
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import ConsumerKind, CredentialKind, Form, Transport, Trigger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record

_AGENTS = frozenset({"agent", "openAiAssistant", "agentTool"})
_SCHEDULES = frozenset({"scheduleTrigger", "cron", "interval"})
_MANUAL = frozenset({"manualTrigger", "executeWorkflowTrigger", "start", "evaluationTrigger"})
# Whoever has the address may write to these.
_OPEN = frozenset({
    "emailReadImap", "gmailTrigger", "telegramTrigger", "formTrigger", "whatsAppTrigger", "microsoftOutlookTrigger",
    "twilioTrigger", "typeformTrigger", "rssFeedReadTrigger", "jotFormTrigger", "facebookTrigger",
})  # fmt: skip
_KINDS = (
    ("OAuth2Api", CredentialKind.TOKEN), ("OAuth1Api", CredentialKind.TOKEN), ("BasicAuth", CredentialKind.PASSWORD),
    ("HeaderAuth", CredentialKind.API_KEY), ("QueryAuth", CredentialKind.API_KEY),
    ("Password", CredentialKind.PASSWORD),
    ("PrivateKey", CredentialKind.PRIVATE_KEY), ("jwtAuth", CredentialKind.JWT), ("TokenApi", CredentialKind.TOKEN),
    ("Api", CredentialKind.API_KEY),
)  # fmt: skip
_PASSWORDS = frozenset({"postgres", "mySql", "redis", "mongoDb", "smtp", "imap", "ftp", "sftp", "microsoftSql", "mqtt"})
_PROVIDERS = {"openAiApi": "openai", "openAi": "openai", "aws": "aws", "gitHubApi": "github", "githubApi": "github"}
_EXPRESSION = re.compile(r"\{\{")
_VARIABLE = re.compile(r"\$env(?:\.|\[['\"])([A-Za-z_]\w*)")
_PREFIXES = ("n8n-nodes-", "@n8n/", "CUSTOM.")
_RANK = (Trigger.MANUAL, Trigger.SCHEDULE, Trigger.EVENT, Trigger.UNTRUSTED)


@dataclass(frozen=True, slots=True, repr=False)
class _Part:
    """A node of the workflow; `type` is its last word (`slack`, `agent`)."""

    name: str
    type: str
    node: Node


@dataclass(frozen=True, slots=True, repr=False)
class _Flow:
    """The workflow, its agents by the name of their node, and for each of their parts the connection and agent."""

    consumer: Consumer
    agents: dict[str, Consumer]
    leads: dict[str, tuple[str, str]]


def _is_workflow(root: Node) -> bool:
    nodes = root.at("nodes")
    return bool(nodes and any((n.text_at("type") or "").startswith(_PREFIXES) for n in nodes.list)) and (
        root.at("connections") is not None
    )


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    nodes = root.at("nodes")
    parts = [
        _Part(n.text_at("name") or f"node {i}", (n.text_at("type") or "").rpartition(".")[2], n)
        for i, n in enumerate(nodes.list if nodes else [], 1)
        if n.text_at("type") and not n.is_true("disabled")
    ]
    found = {p.name: sheet.found(_spots(p.node)) for p in parts}
    name = root.text_at("name") or sheet.document.path.rpartition("/")[2].removesuffix(".json")
    triggers = [(t, p.type) for p in parts if (t := _trigger(p))]
    active = root.at("active")
    flow = replace(
        sheet.consumer(ConsumerKind.PIPELINE, "workflow", name, root.line),
        platform="n8n",
        enabled=active.value if active and isinstance(active.value, bool) else None,
        trigger=max((t for t, _ in triggers), key=_RANK.index, default=None),
        triggers=tuple(sorted({sheet.book.scrub(n) for _, n in triggers})),
    )
    yield flow
    agents = {p.name: _agent(sheet, flow, p) for p in parts if p.type in _AGENTS}
    yield from agents.values()
    leads = dict(_leads(root, {p.node.text_at("id") or "": p.name for p in parts}, set(agents)))
    for part in parts:
        yield from _part(sheet, _Flow(flow, agents, leads), part, found[part.name])


def _agent(sheet: Sheet, flow: Consumer, part: _Part) -> Consumer:
    agent = sheet.consumer(ConsumerKind.AGENT, f"workflow/{part.name}", part.name, part.node.line)
    return replace(agent, parent_id=flow.id, platform="n8n", trigger=flow.trigger, triggers=flow.triggers)


def _leads(root: Node, names: dict[str, str], agents: set[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """For each part of an agent: the connection and the agent it leads to; some exports name nodes by their id."""
    connections = root.at("connections")
    for source, outputs in (connections.map if connections else {}).items():
        for via, slots in outputs.map.items():
            for target in (t for slot in slots.list for t in slot.list):
                said = target.text_at("node") or ""
                if via.startswith("ai_") and (name := names.get(said, said)) in agents:
                    yield names.get(source, source), (via, name)


def _part(sheet: Sheet, flow: _Flow, part: _Part, found: list[Found]) -> Iterator[Record]:
    """One node: it holds its credentials itself, except that an agent's model and memory are the agent's own."""
    via, agent_name = flow.leads.get(part.name, ("", ""))
    agent = flow.agents.get(agent_name)
    stored = list(_stored(part.node))
    if agent and via == "ai_tool":
        yield with_traits(sheet.tool(agent.id, part.name, part.node.line), traits_of(part.type))
        if part.name in flow.agents:
            yield sheet.hop(agent.id, flow.agents[part.name].id, "agent_tool", part.node.line)
    if part.name in flow.agents:
        holder = flow.agents[part.name]
    elif agent and via != "ai_tool":
        holder = agent
    elif stored or found or part.type == "mcpClientTool":
        holder = _holder(sheet, flow.consumer, part, agent)
        yield holder
    else:
        holder = flow.consumer
    yield from sheet.held(holder, found)
    for type_, id_, name, line in stored:
        known = sheet.credential(f"#n8n:{sheet.book.scrub(type_)}/{sheet.book.scrub(id_)}", name, *_sort(type_))
        yield known
        yield replace(sheet.use(holder.id, "key", type_, line, Form.VAULT), credential_id=known.id)
    if via == "ai_memory" and agent:
        yield from _memory(sheet, agent, part, stored)


def _holder(sheet: Sheet, flow: Consumer, part: _Part, agent: Consumer | None) -> Consumer:
    """A node as a consumer of its own: a tool of its agent, or a step of the workflow."""
    kind = ConsumerKind.TOOL_SERVER if agent else ConsumerKind.STEP
    holder = sheet.consumer(kind, f"workflow/{part.name}", part.name, part.node.line)
    holder = replace(holder, parent_id=agent.id if agent else flow.id, platform="n8n")
    endpoint = part.node.text_at("parameters", "endpointUrl") or part.node.text_at("parameters", "sseEndpoint")
    if part.type == "mcpClientTool" and endpoint and not endpoint.startswith("="):
        return at_address(holder, endpoint, Transport.HTTP)
    return holder


def _stored(node: Node) -> Iterator[tuple[str, str, str, int]]:
    """Type, id, name and line of each stored credential a node names; old exports name it only."""
    credentials = node.at("credentials")
    for type_, item in (credentials.map if credentials else {}).items():
        name = item.text or item.text_at("name") or ""
        said = item.text_at("id") or ""
        # Published templates blank the id out.
        if id_ := said if said and not words.is_placeholder(said) else name:
            yield type_, id_, name, item.key_line


def _sort(type_: str) -> tuple[str | None, CredentialKind]:
    kind = next((k for end, k in _KINDS if type_.endswith(end)), CredentialKind.UNKNOWN)
    if type_ in _PASSWORDS:
        kind = CredentialKind.PASSWORD
    return _PROVIDERS.get(type_) or words.provider_of(type_), CredentialKind.ACCESS_KEY if type_ == "aws" else kind


def _memory(sheet: Sheet, agent: Consumer, part: _Part, stored: list[tuple[str, str, str, int]]) -> Iterator[Record]:
    """Memory in a store: agents whose memory lies behind one stored credential and table share it."""
    if stored:
        table = part.node.text_at("parameters", "tableName") or part.node.text_at("parameters", "collectionName") or ""
        id_ = f"#n8n:memory/{stored[0][0]}/{stored[0][1]}/{table}"
    else:
        id_ = f"#{sheet.document.path}:memory/{part.name}"
    store = sheet.resource(f"{sheet.book.scope_id}{sheet.book.scrub(id_)}", "n8n", "agent_memory", part.name)
    yield store
    yield replace(sheet.use(agent.id, "key", part.type, part.node.line), resource_id=store.id)


def _trigger(part: _Part) -> Trigger | None:
    if part.type in _SCHEDULES:
        return Trigger.SCHEDULE
    if part.type in _MANUAL:
        return Trigger.MANUAL
    if part.type == "webhook":
        # The node's default is no authentication, and exports leave defaults out.
        open_ = (part.node.text_at("parameters", "authentication") or "none") == "none"
        return Trigger.UNTRUSTED if open_ else Trigger.EVENT
    if part.type == "chatTrigger":
        return Trigger.UNTRUSTED if part.node.is_true("parameters", "public") else Trigger.MANUAL
    if part.type in _OPEN:
        return Trigger.UNTRUSTED
    return Trigger.EVENT if part.type.endswith("Trigger") else None


def _spots(node: Node) -> Iterator[Spot | Found]:
    """Headers, queries and fields written into a node; expressions are no literals."""
    parameters = node.at("parameters")
    for key, member in (parameters.map if parameters else {}).items():
        # A session key only tells conversations apart.
        named = words.names_credential(key) and key != "sessionKey"
        if member.text is not None and (named or key in {"jsonHeaders", "headerParametersJson"}):
            yield from _spot("key", key, member)
    for group, place in (("headerParameters", "header"), ("queryParameters", "url"), ("headerParametersUi", "header"),
                         ("queryParametersUi", "url"), ("bodyParameters", "key")):  # fmt: skip
        found = parameters.at(group) if parameters else None
        for item in [i for m in (found.map if found else {}).values() for i in m.list]:
            if (name := item.text_at("name")) and (value := item.at("value")):
                yield from _spot(place, name, value)


def _spot(place: str, name: str, node: Node) -> Iterator[Spot | Found]:
    text = node.text or ""
    if _EXPRESSION.search(text):
        for variable in _VARIABLE.findall(text):
            if words.names_credential(name) or words.names_credential(variable):
                yield Found(place, name, node.line, Form.REFERENCE, reference=variable)
    elif words.names_credential(name) or text.lstrip("=").startswith("{"):
        yield Spot(place, name, text.removeprefix("="), node.line)


FORMATS = (
    Format(
        "n8n", yaml=False, named=None, marks=((b'"n8n-nodes-', b'"connections"'), (b'"@n8n/', b'"connections"')),
        belongs=_is_workflow, read=_read,
    ),
)  # fmt: skip
