"""Agents and tool servers that operators run in a cluster: kagent, kmcp and ToolHive.

Sources, read November 2026: kagent.dev API reference (`Agent`, `ModelConfig`, `RemoteMCPServer`, `ToolServer`,
`MCPServer`; tools run unless `requireApproval` names them); docs.stacklok.com/toolhive CRD reference (`MCPServer`,
`MCPRemoteProxy`, `VirtualMCPServer`; without `oidcConfig` or `incomingAuth` callers are anonymous).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._kubernetes.cluster import part
from nhiscan.collectors.repo._kubernetes.manifests import is_known, known
from nhiscan.collectors.repo._kubernetes.pods import secret_use
from nhiscan.collectors.repo._kubernetes.servers import account, deployed, headers_from, items, servers
from nhiscan.collectors.repo._kubernetes.workloads import account_node, consumer, image_of
from nhiscan.plugin import (
    Approval,
    Autonomy,
    Basis,
    ConsumerKind,
    Hop,
    Purpose,
    Tool,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Record


def agents(desk: Desk) -> Iterator[Record]:
    """Tool servers first, then agents with their tools, models and hops."""
    yield from servers(desk)
    for agent_id, thing in desk.cluster.of("Agent", "SandboxAgent"):
        spec = thing.node.at("spec")
        if spec is not None:
            yield from _agent(desk, agent_id, thing, spec)


def _agent(desk: Desk, agent_id: str, thing: Thing, spec: Node) -> Iterator[Record]:
    inner = spec.at("declarative") or spec.at("byo") or spec
    deployment = inner.at("deployment") or spec.at("deployment")
    package, pin = image_of(deployment.text_at("image") if deployment else None)
    needs = any(t.at("mcpServer", "requireApproval") for t in items(inner, "tools"))
    yield replace(
        consumer(desk, agent_id, thing, None, kind=ConsumerKind.AGENT),
        framework="kagent",
        autonomy=Autonomy.SUPERVISED if needs else Autonomy.UNATTENDED,
        autonomy_basis=Basis.EXPLICIT if needs else Basis.DEFAULT,
        approval=Approval.AUTO,
        approval_basis=Basis.DEFAULT,
        sandbox="kagent" if thing.kind == "SandboxAgent" or spec.at("sandbox") else None,
        package=package,
        pin=pin,
    )
    # The operator makes an account of the agent's own name where none is named.
    named = account_node(deployment) if deployment else None
    yield from account(desk, agent_id, thing, named, known(thing.name) if named is None else None)
    if deployment:
        yield from deployed(desk, agent_id, thing, deployment)
    yield from _model(desk, agent_id, thing, inner.text_at("modelConfig") or spec.text_at("modelConfig"))
    for tool in items(inner, "tools"):
        yield from _tool(desk, agent_id, thing, tool)


def _model(desk: Desk, agent_id: str, thing: Thing, name: str | None) -> Iterator[Record]:
    """The key of the model's provider, by the ModelConfig in the agent's namespace."""
    found = desk.cluster.find("ModelConfig", thing.namespace, name or "default-model-config", thing.realm)
    spec = found.node.at("spec") if found else None
    if found is None or spec is None:
        return
    secret = known(spec.text_at("apiKeySecret") or spec.text_at("apiKeySecretRef"))
    key = known(spec.text_at("apiKeySecretKey"))
    if secret and key:
        provider = known(spec.text_at("provider")) or ""
        yield from secret_use(
            desk, agent_id, found, (secret, key), spec.line,
            place="env", named=f"{provider.upper()}_API_KEY" if provider else key, purpose=Purpose.MODEL,
        )  # fmt: skip


def _tool(desk: Desk, agent_id: str, thing: Thing, tool: Node) -> Iterator[Record]:
    other = known(tool.text_at("agent", "name"))
    if other:
        yield from _hop(desk, agent_id, thing, tool, ("Agent", "SandboxAgent"), other, "a2a")
    server = tool.at("mcpServer")
    if server is None:
        return
    name = known(server.text_at("name") or server.text_at("toolServer"))
    if name:
        kinds = (known(server.text_at("kind")) or "", "RemoteMCPServer", "ToolServer", "MCPServer")
        yield from _hop(desk, agent_id, thing, server, kinds, name, "mcp")
    asked = {n.text for n in items(server, "requireApproval")}
    for node in items(server, "toolNames"):
        if node.text and is_known(node.text):
            yield _named_tool(desk, agent_id, thing, (name, node), ask=node.text in asked)
    headers = [*items(tool, "headersFrom"), *items(server, "headersFrom")]
    yield from headers_from(desk, agent_id, thing, headers)


def _named_tool(desk: Desk, agent_id: str, thing: Thing, named: tuple[str | None, Node], *, ask: bool) -> Tool:
    server, node = named
    from nhiscan.collectors.repo._config.tools import classify

    name = desk.book.scrub(f"mcp__{server or 'server'}__{node.text}")
    return Tool(
        id=f"{agent_id}#tool:{part(name)}",
        scope_id=desk.scope_id,
        source=desk.source,
        locator=f"{thing.document.path}:{node.line}",
        consumer_id=agent_id,
        name=name,
        class_=classify(name),
        approval=Approval.ASK if ask else Approval.AUTO,
        approval_basis=Basis.EXPLICIT if ask else Basis.DEFAULT,
        uri=thing.document.path,
        line=node.line,
    )


def _hop(
    desk: Desk, agent_id: str, thing: Thing, node: Node, kinds: tuple[str, ...], name: str, via: str
) -> Iterator[Record]:
    namespace, _, short = name.rpartition("/")
    namespace = namespace or known(node.text_at("namespace")) or thing.namespace or ""
    for kind in kinds:
        found = desk.cluster.find(kind, namespace or None, short, thing.realm)
        if found:
            to_id = desk.cluster.own_id(found)
            yield Hop(
                id=f"{agent_id}>{to_id.partition('#k8s:')[2]}",
                scope_id=desk.scope_id,
                source=desk.source,
                locator=f"{thing.document.path}:{node.line}",
                from_id=agent_id,
                to_id=to_id,
                via=via,
            )
            return
