"""Agent Registry: agents, MCP servers and endpoints of a project, and which agent reaches which with what credential.

Fields: agentregistry.v1 `Agent`, `McpServer`, `Endpoint`, `Binding`, `AiApplication` (discovery document, October
2026).  The registry knows the identity that something runs as and the resource that hosts it by two attributes; an
agent that a reasoning engine hosts is that engine.  Cards are those of A2A (a2a-protocol.org, "AgentCard").  Of the
hints of a tool only those that are written down count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nhiscan.collectors._common.values import Json, flag, mapping, moment, objects, text
from nhiscan.collectors.gcp._auth_providers import provider_id
from nhiscan.collectors.gcp._engines import Engines, agent_identity, identity_of
from nhiscan.collectors.gcp._locations import each_location, located
from nhiscan.collectors.gcp._using import runs_as
from nhiscan.plugin import Auth, Consumer, ConsumerKind, Form, Hop, Tool, ToolClass, Transport, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.collectors.gcp._things import Estate, Thing
    from nhiscan.plugin import Record

HOST = "//agentregistry.googleapis.com/"
PLATFORM = "gcp_agent_registry"
_SYSTEM = "agentregistry.googleapis.com/system/"
# Bindings come 500 at most; of the others no document says how many.
AGENTS, SERVERS, ENDPOINTS, BINDINGS = (
    located("agentregistry", what, 500) for what in ("agents", "mcpServers", "endpoints", "bindings")
)


@dataclass(frozen=True, slots=True)
class _Sort:
    """One kind of entry: its list, the field of its URN, and what it is as a consumer."""

    operation: Operation
    key: str
    urn: str
    kind: ConsumerKind


_SORTS = (
    _Sort(AGENTS, "agents", "agentId", ConsumerKind.AGENT),
    _Sort(SERVERS, "mcpServers", "mcpServerId", ConsumerKind.TOOL_SERVER),
    _Sort(ENDPOINTS, "endpoints", "endpointId", ConsumerKind.APPLICATION),
)


@dataclass(slots=True)
class Registered:
    """Consumers by URN, with their kind, and agents by the id of the identity they run as."""

    around: Estate
    engines: Engines
    ids: dict[str, tuple[str, ConsumerKind]] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)


def registered(around: Estate) -> Generator[Record, None, Registered]:
    """Every agent, server and endpoint as a consumer, with its tools and identity."""
    known = Registered(around, Engines(around))
    for sort in _SORTS:
        for project, entry in (yield from each_location(around, sort.operation, sort.key)):
            name = text(entry.get("name"))
            if name is not None:
                yield from _entry(around.thing(f"{HOST}{name}", project), sort, entry, known)
    return known


def bindings(known: Registered, auth: Mapping[str, Auth | None]) -> Iterator[Record]:
    """Which agent reaches which entry; `auth` says how each auth provider, by id, lets it prove itself."""
    for project, entry in (yield from each_location(known.around, BINDINGS, "bindings")):
        name = text(entry.get("name"))
        if name is not None:
            yield from _binding(known.around.thing(f"{HOST}{name}", project), entry, known, auth)


def _entry(thing: Thing, sort: _Sort, data: Json, known: Registered) -> Iterator[Record]:
    attributes = mapping(data.get("attributes"))
    host = text(mapping(attributes.get(f"{_SYSTEM}RuntimeReference")).get("uri"))
    principal = text(mapping(attributes.get(f"{_SYSTEM}RuntimeIdentity")).get("principal"))
    engine = known.engines.find(host) or known.engines.find(principal)
    consumer_id = engine or thing.id
    if urn := text(data.get(sort.urn)):
        known.ids[urn] = consumer_id, sort.kind
    known.ids[thing.id.removeprefix(HOST)] = consumer_id, sort.kind
    who = identity_of(principal)
    if who is not None and sort.kind is ConsumerKind.AGENT:
        known.agents[who.id] = consumer_id
    if engine is None:
        yield _consumer(thing, sort, data, host)
        if who is not None:
            yield from agent_identity(thing, who)
            yield runs_as(thing, who.id, "runtime_identity")
    for tool in objects(data.get("tools")):
        yield from _tool(thing, tool)


def _consumer(thing: Thing, sort: _Sort, data: Json, host: str | None) -> Consumer:
    attributes = mapping(data.get("attributes"))
    interfaces = [i for p in objects(data.get("protocols")) for i in objects(p.get("interfaces"))]
    url = next((u for i in [*interfaces, *objects(data.get("interfaces"))] if (u := _url(i))), None)
    scheme = urlsplit(url).scheme if url else ""
    return Consumer(
        **thing.seen(),
        kind=sort.kind,
        name=text(data.get("displayName")) or thing.id.rpartition("/")[2],
        framework=text(mapping(attributes.get(f"{_SYSTEM}Framework")).get("framework")),
        platform=PLATFORM,
        transport=Transport.HTTP if sort.kind is ConsumerKind.TOOL_SERVER and scheme in {"http", "https"} else None,
        url=url,
        tls={"https": True, "http": False}.get(scheme),
        auth=_asked(mapping(mapping(data.get("card")).get("content"))) if sort.kind is ConsumerKind.AGENT else None,
        created_at=moment(data.get("createTime")),
        tags={"runs_on": host} if host else {},
    )


def _url(interface: Json) -> str | None:
    """The address without a login or a query, which may hold what nobody should see."""
    try:
        parts = urlsplit(text(interface.get("url")) or "")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" if parts.scheme and parts.hostname else None


def _asked(card: Json) -> Auth | None:
    """How a card says that callers prove themselves; None without a card."""
    if not card:
        return None
    schemes = mapping(card.get("securitySchemes"))
    found = [auth for s in schemes.values() if (auth := _scheme(mapping(s))) is not None]
    return found[0] if found else Auth.UNDECLARED


def _scheme(scheme: Json) -> Auth | None:
    # Written as OpenAPI does (`type`), or with one field for each kind as protocol buffers do.
    sort = (text(scheme.get("type")) or next(iter(scheme), "")).lower().removesuffix("securityscheme")
    inner = mapping(next(iter(scheme.values()), None)) or scheme
    if sort in {"http", "httpauth"}:
        basic = (text(scheme.get("scheme")) or text(inner.get("scheme")) or "").lower() == "basic"
        return Auth.BASIC if basic else Auth.STATIC_BEARER
    known = {"apikey": Auth.API_KEY, "oauth2": Auth.OAUTH, "openidconnect": Auth.OAUTH, "mutualtls": Auth.MTLS,
             "mtls": Auth.MTLS}  # fmt: skip
    return known.get(sort)


def _tool(thing: Thing, data: Json) -> Iterator[Tool]:
    name, hints = text(data.get("name")), mapping(data.get("annotations"))
    if name is None:
        return
    reads, destroys = flag(hints.get("readOnlyHint")), flag(hints.get("destructiveHint"))
    class_ = ToolClass.READ if reads else ToolClass.DESTRUCTIVE if destroys else None
    if reads is False and destroys is False:
        class_ = ToolClass.WRITE
    yield Tool(**thing.seen(f"#tool/{name}"), consumer_id=thing.id, name=name, class_=class_)


def _binding(thing: Thing, data: Json, known: Registered, auth: Mapping[str, Auth | None]) -> Iterator[Record]:
    """The way from an agent to what it calls, and the credential it presents there."""
    source = known.ids.get(text(mapping(data.get("source")).get("identifier")) or "")
    target = known.ids.get(text(mapping(data.get("target")).get("identifier")) or "")
    provider = provider_id(known.around, mapping(data.get("authProviderBinding")).get("authProvider"))
    if source is None:
        return  # for whichever agent comes: nobody is known to hold anything
    shown = text(data.get("displayName")) or thing.id.rpartition("/")[2]
    if target is not None:
        via = {ConsumerKind.AGENT: "a2a", ConsumerKind.TOOL_SERVER: "mcp"}.get(target[1], "http")
        yield Hop(
            **thing.seen(), from_id=source[0], to_id=target[0], via=via, auth=auth.get(provider),
        )  # fmt: skip
    if provider in auth:
        yield Use(
            **thing.seen("#use"), consumer_id=source[0], credential_id=provider,
            how=UseHow.CONFIGURED, form=Form.VAULT, name=shown, uri=thing.id,
        )  # fmt: skip
