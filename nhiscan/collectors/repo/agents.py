"""Agents in a checkout: which tool servers they start, what they may do unasked, whose credentials they use."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._agents import clients, servers
from nhiscan.collectors.repo._agents.agent_spots import agent_spots, pattern_values
from nhiscan.collectors.repo._agents.jsonc import parse_json
from nhiscan.collectors.repo._agents.judge import Found, Judge, Spot
from nhiscan.collectors.repo._agents.nodes import Document, MalformedError, Node, decode
from nhiscan.collectors.repo._agents.records import SOURCE, Book, Holder, holdings
from nhiscan.collectors.repo._agents.spots import entry_spots, not_its_own
from nhiscan.collectors.repo._agents.stance import Rule, Stance, read_stance, server_rules
from nhiscan.collectors.repo._agents.tomlc import parse_toml
from nhiscan.collectors.repo._tree import Checkout, is_asked_for
from nhiscan.plugin import (
    Autonomy,
    Basis,
    Collector,
    Consumer,
    ConsumerKind,
    Gap,
    GapReason,
    Record,
    Target,
    Tool,
    Unit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._tree import SourceFile
    from nhiscan.plugin import Context

_COVERS = ("consumer", "tool", "use", "credential")
# Ten times the largest configuration seen; anything beyond is no configuration.
_LARGEST = 2_000_000
_NO_MAPPING = "the document is no mapping"


class RepoAgents:
    """Agent and MCP configuration of a checkout, read and never started."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Agent and MCP configuration in a checkout"
    requires: ClassVar[Mapping[str, str]] = {}
    local: ClassVar[bool] = True

    def units(self, target: Target, ctx: Context) -> Iterator[Unit]:
        """One unit for a path; raises TargetError when it cannot be read."""
        if is_asked_for(target, ctx):
            scope_id = Checkout.open(Path(target.value), ctx).scope.id
            yield Unit(f"{SOURCE}:{scope_id}", SOURCE, scope_id, target)

    def collect(self, unit: Unit, ctx: Context) -> Iterator[Record]:
        """Agents, tool servers, tools, uses, credentials and exposures; a file that cannot be read is a gap."""
        checkout = Checkout.open(Path(unit.target.value), ctx)
        yield checkout.scope
        agents: dict[tuple[str, str], list[tuple[clients.Client, str, Document]]] = defaultdict(list)
        for file in checkout.files():
            if (known := clients.client_of(file.path)) is None:
                continue
            client, directory, name = known
            document = _read(checkout, file)
            if isinstance(document, Gap):
                yield document
            elif document and clients.belongs(client, name, document.root):
                agents[directory, client.slug].append((client, name, document))
        for (directory, slug), parts in sorted(agents.items()):
            client = parts[0][0]
            parts.sort(key=lambda p: client.files.index(p[1]))
            book = Book(checkout.scope.id, ctx.key)
            yield from _agent(f"{checkout.scope.id}#{directory}:{slug}", client, parts, book)


def _read(checkout: Checkout, file: SourceFile) -> Document | Gap | None:
    """The file's tree, None for an empty file, or the gap it leaves."""
    data = checkout.read(file, _LARGEST)
    if data is None:
        return _gap(
            checkout, file.path, GapReason.SKIPPED, "was skipped", "make the file readable and smaller than 2 MB"
        )
    text = decode(data)
    if not text.strip():
        return None
    try:
        root = parse_toml(text) if file.path.endswith(".toml") else parse_json(text)
        if not isinstance(root.value, dict):
            raise MalformedError(_NO_MAPPING, root.line)  # noqa: TRY301 - one way out for both
    except MalformedError as e:
        return _gap(
            checkout,
            file.path,
            GapReason.MALFORMED,
            f"line {e.line}: {e.what}",
            f"correct {file.path} at line {e.line}",
        )
    return Document(file.path, root, file.visibility, checkout.at_head(file.visibility))


def _gap(checkout: Checkout, path: str, reason: GapReason, what: str, remedy: str) -> Gap:
    scope_id = checkout.scope.id
    return Gap(
        id=f"{scope_id}#{path}:agents:{reason}",
        scope_id=scope_id,
        source=SOURCE,
        locator=path,
        covers=_COVERS,
        reason=reason,
        remedy=remedy,
        detail=f"{path}: {what}",
    )


def _agent(
    agent_id: str, client: clients.Client, parts: Sequence[tuple[clients.Client, str, Document]], book: Book
) -> Iterator[Record]:
    documents = [d for _, _, d in parts]
    stance = read_stance(client.slug, documents)
    rules = list(stance.rules)
    # Tool patterns are shown, so what they hold is learnt before anything is written.
    learnt = {id(d): book.learn(_judged(agent_spots(d), Judge())) for d in documents}
    book.learn(
        Found("", "", 0, f.form, literal=f.literal) for r in rules for f in _judged(pattern_values(r.name), Judge())
    )
    yield _agent_record(agent_id, client, documents[0], stance, book)
    for document in documents:
        yield from holdings(learnt[id(document)], Holder(agent_id, client.slug), document, book)
    settings = [d.root for d in documents]
    for _, file, document in parts:
        judge = Judge(_inputs(document.root))
        for name, node in _entries(client, file, document.root):
            yield from _server(_Entry(agent_id, client, name, node, document, judge), settings, book, rules)
    yield from _tools(agent_id, rules, book)


def _judged(spots: Iterable[Spot | Found], judge: Judge) -> Iterator[Found]:
    for spot in spots:
        if isinstance(spot, Found):
            yield spot
        else:
            yield from judge.spot(spot)


def _inputs(root: Node) -> dict[str, bool]:
    node = root.at("inputs")
    return {i: n.is_true("password") for n in (node.list if node else []) if (i := n.text_at("id"))}


def _entries(client: clients.Client, file: str, root: Node) -> Iterator[tuple[str, Node]]:
    for node in clients.server_maps(client, file, root):
        for name, entry in node.map.items():
            if clients.is_server(entry):
                yield name, entry
        for entry in node.list:
            if clients.is_server(entry) and (named := entry.text_at("name")):
                yield named, entry


@dataclass(frozen=True, slots=True, repr=False)
class _Entry:
    """One server entry and where it stands."""

    agent_id: str
    client: clients.Client
    name: str
    node: Node
    document: Document
    judge: Judge


def _server(entry: _Entry, settings: Sequence[Node], book: Book, rules: list[Rule]) -> Iterator[Record]:
    argv = servers.command_line(entry.node)
    found = book.learn(_judged(entry_spots(entry.node, argv), entry.judge))
    name = book.scrub(entry.name)
    launch = servers.launch_of(argv)
    place = servers.reached(entry.node, launch, argv)
    consent = servers.consent_of(entry.name, entry.node, settings, project_consent=entry.client.project_consent)
    server_id = f"{entry.agent_id}/{name}"
    yield Consumer(
        id=server_id,
        scope_id=book.scope_id,
        source=SOURCE,
        locator=f"{entry.document.path}:{entry.node.key_line}",
        kind=ConsumerKind.TOOL_SERVER,
        name=name,
        framework="mcp",
        parent_id=entry.agent_id,
        uri=entry.document.path,
        line=entry.node.key_line,
        visibility=entry.document.visibility,
        enabled=consent.enabled,
        approval=consent.approval,
        approval_basis=consent.basis,
        bypass=consent.bypass,
        transport=place.transport,
        url=book.scrub(place.url) if place.url else None,
        tls=place.tls,
        loopback=place.loopback,
        auth=servers.auth_of(entry.node, found, place.transport),
        launcher=book.scrub(launch.launcher) if launch.launcher else None,
        package=book.scrub(launch.package) if launch.package else None,
        pin=launch.pin,
    )
    found = not_its_own(entry.node, found)
    yield from holdings(found, Holder(server_id, entry.client.slug), entry.document, book)
    rules.extend(server_rules(name, entry.node, entry.document.path))


def _agent_record(agent_id: str, client: clients.Client, first: Document, stance: Stance, book: Book) -> Consumer:
    uri, line = (stance.uri, stance.line) if stance.uri else (first.path, first.root.line)
    return Consumer(
        id=agent_id,
        scope_id=book.scope_id,
        source=SOURCE,
        locator=f"{uri}:{line}",
        kind=ConsumerKind.AGENT,
        name=client.slug,
        framework=client.slug,
        uri=uri,
        line=line,
        visibility=first.visibility,
        enabled=True,
        autonomy=stance.autonomy or Autonomy.INTERACTIVE,
        autonomy_basis=Basis.EXPLICIT if stance.autonomy else Basis.DEFAULT,
        approval=stance.approval or client.default,
        approval_basis=Basis.EXPLICIT if stance.approval else Basis.DEFAULT,
        bypass=stance.bypass,
        sandbox=book.scrub(stance.sandbox) if stance.sandbox else None,
    )


def _tools(agent_id: str, rules: Iterable[Rule], book: Book) -> Iterator[Tool]:
    seen: set[str] = set()
    for r in rules:
        name = _shown(r.name, book)
        tool_id = f"{agent_id}#tool:{r.approval}:{name}"
        if tool_id in seen:
            continue
        seen.add(tool_id)
        yield Tool(
            id=tool_id,
            scope_id=book.scope_id,
            source=SOURCE,
            locator=f"{r.uri}:{r.line}",
            consumer_id=agent_id,
            name=name,
            class_=r.class_,
            approval=r.approval,
            approval_basis=r.basis,
            unrestricted=r.unrestricted,
            uri=r.uri,
            line=r.line,
        )


def _shown(pattern: str, book: Book) -> str:
    """The pattern as written, without the values in it, however short."""
    for found in _judged(pattern_values(pattern), Judge()):
        if found.literal is not None:
            pattern = pattern.replace(found.literal.value.reveal(), "***")
    return book.scrub(pattern)


COLLECTOR: Collector = RepoAgents()
