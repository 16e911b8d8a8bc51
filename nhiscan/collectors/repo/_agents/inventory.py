"""From the files of one agent to its records: the agent, its servers, hooks, tools, logs, and what they hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents import host
from nhiscan.collectors.repo._agents.agent_spots import pattern_values
from nhiscan.collectors.repo._agents.client import Client, Place, entries, origin_of
from nhiscan.collectors.repo._agents.hooks import hooks_of
from nhiscan.collectors.repo._agents.stance import Rule, Stance, server_rules
from nhiscan.collectors.repo._agents.tooling import tools, whole_server
from nhiscan.collectors.repo._agents.traits import Traits, server_traits
from nhiscan.collectors.repo._config import servers
from nhiscan.collectors.repo._config.judge import Found, Judge, Spot
from nhiscan.collectors.repo._config.launch import read_launch, shell_words
from nhiscan.collectors.repo._config.records import Holder, holdings
from nhiscan.collectors.repo._config.spots import ENV_KEYS, entry_spots, not_its_own
from nhiscan.collectors.repo._file_class import file_class
from nhiscan.plugin import (
    Approval,
    Autonomy,
    Basis,
    Consumer,
    ConsumerKind,
    Credential,
    Logging,
    Origin,
    Use,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors.repo._agents.hooks import Hook
    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Record

# Servers whose bare arguments are the folders they hand over.
_FILE_SERVERS = ("filesystem", "server-filesystem", "desktop-commander", "obsidian", "mcp-server-git", "server-git")


@dataclass(frozen=True, slots=True)
class Part:
    """A file of an agent, and where it belongs."""

    place: Place
    document: Document


@dataclass(frozen=True, slots=True)
class Group:
    """The files that make one agent, in rising precedence; `whole`: every file that could speak was seen."""

    agent_id: str
    name: str
    client: Client
    parts: tuple[Part, ...]
    parent_id: str | None = None
    whole: bool = False

    @property
    def framework(self) -> str:
        """The product, also of an agent that it starts."""
        return self.client.started_by or self.client.slug


@dataclass(slots=True)
class _Run:
    """One agent while its records are made; `rules` and `known` grow with its servers."""

    group: Group
    book: Book
    stance: Stance
    rules: list[Rule]
    known: dict[str, Traits] = field(default_factory=dict)
    names: Counter[str] = field(default_factory=Counter)
    settings: tuple[Node, ...] = ()

    @property
    def free(self) -> bool:
        """Whether what nobody wrote a rule for runs unasked."""
        return (self.stance.approval or self.group.client.default) is Approval.AUTO


def records(group: Group, book: Book) -> Iterator[Record]:
    """Everything that the files of one agent say."""
    documents = [p.document for p in group.parts]
    stance = group.client.stance(documents)
    run = _Run(group, book, stance, list(stance.rules), settings=tuple(d.root for d in documents))
    # Tool patterns are shown, so what they hold is learnt before anything is written.
    learnt = [book.learn(judged(group.client.spots(d), Judge())) for d in documents]
    book.learn(
        Found("", "", 0, f.form, literal=f.literal) for r in run.rules for f in judged(pattern_values(r.name), Judge())
    )
    yield _agent(run)
    for found, document in zip(learnt, documents, strict=True):
        yield from _held(found, Holder(group.agent_id, group.framework), document, book)
        yield from _taken(group.agent_id, _folders(document.root), document, book)
    for number, hook in enumerate(hooks_of(documents), 1):
        yield from _hook(run, hook, number)
    for part in group.parts:
        judge = Judge(_inputs(part.document.root))
        for name, node in entries(group.client, part.place.file, part.document.root):
            yield from _server(run, part.document, judge, name, node)
    yield from tools(group.agent_id, run.rules, run.known, book)
    yield from _logs(run)


def judged(spots: Iterable[Spot | Found], judge: Judge) -> Iterator[Found]:
    """What lies at the spots."""
    for spot in spots:
        if isinstance(spot, Found):
            yield spot
        else:
            yield from judge.spot(spot)


def _inputs(root: Node) -> dict[str, bool]:
    node = root.at("inputs") or root.at("customizations", "vscode", "mcp", "inputs") or root.at("mcp", "inputs")
    return {i: n.is_true("password") for n in (node.list if node else []) if (i := n.text_at("id"))}


def _held(found: Iterable[Found], holder: Holder, document: Document, book: Book) -> Iterator[Record]:
    """Credential, exposure and use records; a key that passes every row policy says so."""
    for record in holdings(found, holder, document, book):
        if isinstance(record, Credential) and record.facts.get("role") == "service_role":
            yield replace(record, scopes=("service_role",))
        else:
            yield record


def _agent(run: _Run) -> Consumer:
    group, stance, book = run.group, run.stance, run.book
    first = group.parts[0].document
    uri, line = (stance.uri, stance.line) if stance.uri else (first.path, first.root.line)
    client = group.client
    origins = {origin_of(p.document.path, p.place) for p in group.parts}
    return Consumer(
        id=group.agent_id,
        scope_id=book.scope_id,
        source=book.source,
        locator=f"{uri}:{line}",
        kind=ConsumerKind.AGENT,
        name=book.scrub(group.name),
        framework=group.framework,
        parent_id=group.parent_id,
        uri=uri,
        line=line,
        visibility=first.visibility,
        enabled=True,
        autonomy=stance.autonomy or client.autonomy,
        autonomy_basis=Basis.EXPLICIT if stance.autonomy else Basis.DEFAULT if client.autonomy else None,
        approval=stance.approval or client.default,
        approval_basis=Basis.EXPLICIT if stance.approval else Basis.DEFAULT if client.default else None,
        bypass=stance.bypass,
        sandbox=book.scrub(stance.sandbox) if stance.sandbox else None,
        origin=next((o for o in (Origin.PROJECT, Origin.USER, Origin.SYSTEM) if o in origins), Origin.EXTENSION),
        alters_itself=stance.alters or _approves_for_others(group) or None,
        enforced=False if group.whole and stance.enforced is None else stance.enforced,
        file_class=file_class(uri),
        tags={key: book.scrub(text) for key, text in sorted(stance.notes.items())},
    )


def _approves_for_others(group: Group) -> bool:
    """Whether a file that comes with the project approves tools of a server for whoever opens it."""
    return any(
        r.approval is Approval.AUTO
        for p in group.parts
        if origin_of(p.document.path, p.place) in {Origin.PROJECT, Origin.EXTENSION}
        for name, node in entries(group.client, p.place.file, p.document.root)
        for r in server_rules(name, node, "")
    )


def _folders(root: Node) -> list[tuple[str, int]]:
    """What a settings file takes from the machine: homes among further folders, profiles in the environment."""
    found = list(host.from_environment(root.at("env")))
    more = root.at("permissions", "additionalDirectories")
    argv = [(n.text, n.line) for n in more.list if n.text] if more else []
    return found + list(host.taken(argv, files=True))


def _taken(consumer_id: str, things: Iterable[tuple[str, int]], document: Document, book: Book) -> Iterator[Use]:
    seen: set[str] = set()
    for name, line in things:
        if name in seen:
            continue
        seen.add(name)
        yield Use(
            id=f"{consumer_id}#use:host:{name}:{document.path}",
            scope_id=book.scope_id,
            source=book.source,
            locator=f"{document.path}:{line}",
            consumer_id=consumer_id,
            how=UseHow.ENV if name == "environment" else UseHow.MOUNTED,
            name=name,
            place="host",
            uri=document.path,
            line=line,
        )


def _hook(run: _Run, hook: Hook, number: int) -> Iterator[Record]:
    """A command that the client runs by itself, with the environment of whoever uses it."""
    book, group = run.book, run.group
    launch = read_launch(shell_words(hook.command))
    hook_id = f"{group.agent_id}#hook:{hook.event}:{number}"
    document = next(p.document for p in group.parts if p.document.path == hook.uri)
    yield Consumer(
        id=hook_id,
        scope_id=book.scope_id,
        source=book.source,
        locator=f"{hook.uri}:{hook.line}",
        kind=ConsumerKind.STEP,
        name=hook.event,
        framework=group.framework,
        parent_id=group.agent_id,
        uri=hook.uri,
        line=hook.line,
        visibility=document.visibility,
        enabled=True,
        autonomy=Autonomy.UNATTENDED,
        autonomy_basis=Basis.DEFAULT,
        launcher=book.scrub(launch.launcher) if launch.launcher else None,
        package=book.scrub(launch.package) if launch.package else None,
        pin=launch.pin,
        origin=origin_of(hook.uri),
    )
    yield from _taken(hook_id, [("environment", hook.line)], document, book)


def _server(run: _Run, document: Document, judge: Judge, called: str, node: Node) -> Iterator[Record]:
    group, book = run.group, run.book
    argv = servers.command_line(node)
    found = book.learn(judged(entry_spots(node, argv), judge))
    name = book.scrub(called)
    launch = servers.launch_of(argv)
    place = servers.reached(node, launch, argv)
    consent = servers.consent_of(called, node, run.settings, project_consent=group.client.project_consent)
    server_id = f"{group.agent_id}/{name}"
    # One name in two files of a client, or twice in a list, is two entries.
    if run.names[server_id]:
        again = f"{server_id}@{document.path}"
        run.names[again] += 1
        server_id = again if run.names[again] == 1 else f"{again}:{run.names[again]}"
    else:
        run.names[server_id] = 1
    server = Consumer(
        id=server_id,
        scope_id=book.scope_id,
        source=book.source,
        locator=f"{document.path}:{node.key_line}",
        kind=ConsumerKind.TOOL_SERVER,
        name=name,
        framework="mcp",
        parent_id=group.agent_id,
        uri=document.path,
        line=node.key_line,
        visibility=document.visibility,
        enabled=consent.enabled,
        approval=consent.approval,
        approval_basis=consent.basis,
        bypass=consent.bypass,
        transport=place.transport,
        url=book.scrub(place.url) if place.url else None,
        tls=place.tls,
        loopback=place.loopback,
        auth=servers.auth_of(node, found, place.transport),
        launcher=book.scrub(launch.launcher) if launch.launcher else None,
        package=book.scrub(launch.package) if launch.package else None,
        pin=launch.pin,
        sandbox="enabled" if node.is_true("sandbox") or node.is_true("sandboxEnabled") else None,
        origin=next(origin_of(document.path, p.place) for p in group.parts if p.document is document),
        host_network=host.shares_network(argv),
        enforced=True if launch.package == "mcp gateway" else None,
        file_class=file_class(document.path),
    )
    yield server
    yield from _held(not_its_own(node, found), Holder(server_id, group.framework), document, book)
    files = any(w in (launch.package or called).lower() for w in _FILE_SERVERS)
    things = [t for key in ENV_KEYS for t in host.from_environment(node.at(key))]
    yield from _taken(server_id, [*host.taken(argv, files=files), *things], document, book)
    run.rules.extend(server_rules(name, node, document.path))
    run.known[name] = server_traits(name, launch.package, place.url)
    run.rules.extend(whole_server(server, run.known[name], free=run.free))


def _logs(run: _Run) -> Iterator[Logging]:
    for log in run.stance.logs:
        yield Logging(
            id=f"{run.group.agent_id}#logging/{log.kind}", scope_id=run.book.scope_id, source=run.book.source,
            locator=f"{log.uri}:{log.line}", subject_id=run.group.agent_id, kind=log.kind, enabled=log.enabled,
            destination=run.book.scrub(log.destination) if log.destination else None,
        )  # fmt: skip
