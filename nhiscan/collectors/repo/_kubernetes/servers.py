"""Tool servers that kagent, kmcp and ToolHive run or reach, and what all their resources have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nhiscan.collectors.repo._config.launch import read_launch
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._config.spots import url_spots
from nhiscan.collectors.repo._kubernetes.accounts import account_of
from nhiscan.collectors.repo._kubernetes.desk import FRAMEWORK
from nhiscan.collectors.repo._kubernetes.manifests import is_known, known
from nhiscan.collectors.repo._kubernetes.pods import pod_uses, secret_use
from nhiscan.collectors.repo._kubernetes.workloads import account_node, consumer, image_of, runs_as
from nhiscan.plugin import (
    Auth,
    ConsumerKind,
    Logging,
    Transport,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Consumer, Record

_TRANSPORTS = {
    "stdio": Transport.STDIO, "sse": Transport.SSE, "streamable-http": Transport.HTTP,
    "streamable_http": Transport.HTTP, "http": Transport.HTTP, "streamablehttp": Transport.HTTP,
}  # fmt: skip
_MOST = 300
_KAGENT = "kagent.dev"
SERVERS = ("RemoteMCPServer", "ToolServer", "MCPServer", "MCPRemoteProxy", "VirtualMCPServer")


def servers(desk: Desk) -> Iterator[Record]:
    """Consumers with their uses; for ToolHive also whether calls are logged."""
    for server_id, thing in desk.cluster.of(*SERVERS):
        spec = thing.node.at("spec")
        if spec is not None:
            read = _kagent_server if thing.group == _KAGENT else _toolhive
            yield from read(desk, server_id, thing, spec)


def _kagent_server(desk: Desk, server_id: str, thing: Thing, spec: Node) -> Iterator[Record]:
    inner = spec.at("config") or spec
    remote = inner.at("streamableHttp") or inner.at("sse") or (inner if inner.text_at("url") else None)
    local = inner.at("stdio") or inner.at("deployment")
    named = inner.text_at("protocol") or inner.text_at("transportType") or ("sse" if inner.at("sse") else "")
    url = known(remote.text_at("url")) if remote else None
    headers = items(remote, "headersFrom") if remote else []
    base = _placed(consumer(desk, server_id, thing, None, kind=ConsumerKind.TOOL_SERVER), desk, url)
    argv = _argv(local)
    launch = read_launch(argv)
    image, pin = image_of(local.text_at("image") if local else None)
    yield replace(
        base,
        framework="kagent",
        transport=_TRANSPORTS.get(named.lower(), Transport.HTTP if remote else Transport.STDIO if local else None),
        auth=_auth(headers) if remote else None,
        launcher=desk.book.scrub(launch.launcher) if launch.launcher else None,
        package=desk.book.scrub(launch.package or image or "") or None,
        pin=launch.pin if launch.package else pin,
    )
    yield from headers_from(desk, server_id, thing, headers)
    if url and remote:
        found = desk.judged(url_spots(url, remote.line))
        yield from holdings(found, Holder(server_id, FRAMEWORK), thing.document, desk.book)
    if local is not None and local.map:
        yield from account(desk, server_id, thing, account_node(local), None)
        yield from deployed(desk, server_id, thing, local)


def _toolhive(desk: Desk, server_id: str, thing: Thing, spec: Node) -> Iterator[Record]:
    url = known(spec.text_at("remoteUrl") or spec.text_at("remoteURL"))
    incoming = spec.at("incomingAuth")
    oauth = any(spec.at(k) for k in ("oidcConfig", "oidcConfigRef", "authServerRef"))
    oauth = oauth or (incoming is not None and incoming.text_at("type") == "oidc")
    policy = spec.at("authzConfig") or (incoming.at("authzConfig") if incoming else None)
    package, pin = image_of(spec.text_at("image"))
    profile = spec.text_at("permissionProfile", "name") if spec.at("permissionProfile") else None
    base = _placed(consumer(desk, server_id, thing, None, kind=ConsumerKind.TOOL_SERVER), desk, url)
    yield replace(
        base,
        framework="toolhive",
        transport=_TRANSPORTS.get((spec.text_at("transport") or "").lower()),
        auth=Auth.OAUTH if oauth else Auth.NONE,
        enforced=policy is not None and policy.value is not None,
        sandbox=desk.book.scrub(profile) if profile and is_known(profile) else None,
        package=desk.book.scrub(package) if package else None,
        pin=pin,
    )
    for row in items(spec, "secrets"):
        name, key = known(row.text_at("name")), known(row.text_at("key"))
        if name and key:
            named = known(row.text_at("targetEnvName")) or key
            yield from secret_use(desk, server_id, thing, (name, key), row.line, place="env", named=named)
    yield from account(desk, server_id, thing, spec.at("serviceAccount"), None)
    yield from deployed(desk, server_id, thing, spec)
    audit = spec.at("audit")
    yield Logging(
        id=f"{server_id}#log:tool_call",
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        subject_id=server_id,
        kind="tool_calls",
        enabled=audit.is_true("enabled") if audit else False,
    )


def _placed(record: Consumer, desk: Desk, url: str | None) -> Consumer:
    """The record with the address of its server, which is shown without what stands before the host."""
    if url is None or len(url) > 2_000:
        return record
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return record
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    loopback = host in {"localhost", "::1"} or host.startswith("127.")
    return replace(record, url=desk.book.scrub(shown), tls=parts.scheme in {"https", "wss"}, loopback=loopback)


def _auth(headers: list[Node]) -> Auth:
    names = {(row.text_at("name") or "").lower() for row in headers}
    if "authorization" in names:
        return Auth.STATIC_BEARER
    return Auth.API_KEY if names else Auth.UNDECLARED


def _argv(local: Node | None) -> list[str]:
    command = local.text_at("command") or local.text_at("cmd") if local else None
    if not local or not command or not is_known(command):
        return []
    return [command, *(n.text for n in items(local, "args") if n.text)]


def account(desk: Desk, consumer_id: str, thing: Thing, node: Node | None, default: str | None) -> Iterator[Record]:
    """The account that the node names, or the default, with its uses; nothing where neither is known."""
    name = known(node.text) if node else default
    if name:
        account_id, records = account_of(desk, thing.namespace, name, thing)
        yield from records
        yield from runs_as(desk, consumer_id, thing, account_id, node.line if node else thing.line)


def deployed(desk: Desk, consumer_id: str, thing: Thing, deployment: Node) -> Iterator[Record]:
    """A deployment of kagent has the environment of a container and the volumes of a pod in one."""
    from nhiscan.collectors.repo._config.nodes import Node as Tree

    members = dict(deployment.map)
    env = members.get("env")
    if env is not None and env.map:
        # kmcp writes a mapping where Kubernetes has a list.
        rows = [
            Tree({"name": Tree(k, v.key_line, v.key_line), "value": v}, v.line, v.key_line) for k, v in env.map.items()
        ]
        members["env"] = Tree(list(rows), env.line, env.key_line)
    command = members.get("cmd")
    words = [command, *(members["args"].list if "args" in members else [])] if command is not None else None
    if words:
        members["args"] = Tree(words, deployment.line, deployment.line)
    one = Tree(members, deployment.line, deployment.key_line)
    pod = Tree({**members, "containers": Tree([one], deployment.line, deployment.line)}, deployment.line, 0)
    yield from pod_uses(desk, consumer_id, thing, pod)
    for row in items(deployment, "secretRefs"):
        if name := known(row.text_at("name")):
            yield from secret_use(desk, consumer_id, thing, (name, "*"), row.line, place="env", named=name)


def headers_from(desk: Desk, consumer_id: str, thing: Thing, rows: list[Node]) -> Iterator[Record]:
    """The uses of Secrets whose keys are sent as headers."""
    for row in rows:
        source, header = row.at("valueFrom"), known(row.text_at("name"))
        if source is None or source.text_at("type") != "Secret" or not header:
            continue
        secret = known(source.text_at("name") or source.text_at("valueRef"))
        key = known(source.text_at("key"))
        if secret and key:
            yield from secret_use(
                desk, consumer_id, thing, (secret, key), row.line,
                place="header", named=header, how=UseHow.CONFIGURED,
            )  # fmt: skip


def items(node: Node, key: str) -> list[Node]:
    """The items of a list below the key, bounded."""
    found = node.at(key)
    return list(found.list[:_MOST]) if found else []
