"""What is known of an agent product, and how its files are found: every module in `clients/` declares one or a family.

A further client is one more file there.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agents.agent_spots import agent_spots
from nhiscan.collectors.repo._agents.hooks import names_events
from nhiscan.collectors.repo._agents.stance import Stance
from nhiscan.plugin import Approval, Autonomy, Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nhiscan.collectors.repo._config.judge import Found, Spot
    from nhiscan.collectors.repo._config.nodes import Document, Node

_CLIENTS = "nhiscan.collectors.repo._agents.clients"
_SHAPE = frozenset({"command", "cmd", "url", "httpUrl", "serverUrl", "uri", "transport"})


def keys(text: str) -> frozenset[str]:
    """The words of a text, for `marks`."""
    return frozenset(text.split())


def says_nothing(_: Sequence[Document]) -> Stance:
    """The stance of a client whose files hold tool servers only."""
    return Stance()


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One agent product.

    `started_by` is the client that starts it.  `files` are paths below the directory the agent works in, the later
    overriding the earlier; `agents` patterns of files each of which is an agent that the client starts, `blocks` of
    files that are read beside `files`; `extension` are those of `files` that come with an extension.
    `user` and `system` are files of a person and of a machine: `~/` is the home, `{config}` where programs keep their
    settings, `{data}` where the machine does.  `servers` are the keys that may hold the map of tool servers, `shape`
    what an entry has one of; `marks` are further top-level keys that show a file to be this client's, `own_marks` those
    of single files; `flat` files may be the map itself.  Below the keys `inline` stand agents by name, which the client
    starts.  `default` and
    `autonomy` hold when no file says otherwise (`since`: the page that says so, and when it was read); None: unknown.
    """

    slug: str
    started_by: str | None = None
    files: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    extension: frozenset[str] = frozenset()
    user: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    servers: tuple[tuple[str, ...], ...] = (("mcpServers",),)
    shape: frozenset[str] = _SHAPE
    marks: frozenset[str] = frozenset()
    own_marks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    inline: tuple[str, ...] = ()
    flat: frozenset[str] = frozenset()
    default: Approval | None = Approval.ASK
    autonomy: Autonomy | None = Autonomy.INTERACTIVE
    since: str = ""
    project_consent: bool = False
    stance: Callable[[Sequence[Document]], Stance] = says_nothing
    spots: Callable[[Document], Iterator[Spot | Found]] = agent_spots


@dataclass(frozen=True, slots=True)
class Place:
    """A file that may be a client's: the directory that client works in (`.`: the root), and the file below it.

    `own` says that the file is an agent by itself.
    """

    client: Client
    directory: str
    file: str
    own: bool = False


@cache
def all_clients() -> tuple[Client, ...]:
    """Every client, by the name of its module."""
    package = import_module(_CLIENTS)
    modules = sorted(m.name for m in pkgutil.iter_modules([str(Path(p)) for p in package.__path__]))
    found: list[Client] = []
    for name in modules:
        module = import_module(f"{_CLIENTS}.{name}")
        found += getattr(module, "CLIENTS", None) or (module.CLIENT,)
    return tuple(found)


@cache
def _by_name() -> Mapping[str, tuple[tuple[str, Client], ...]]:
    """The files of all clients by their last part, the longest first, so that the closest fit wins."""
    rows: dict[str, list[tuple[str, Client]]] = {}
    for client in all_clients():
        for file in client.files:
            rows.setdefault(file.rpartition("/")[2], []).append((file, client))
    return {name: tuple(sorted(found, key=lambda r: -len(r[0]))) for name, found in rows.items()}


@cache
def _by_folder() -> Mapping[str, tuple[tuple[str, Client, bool], ...]]:
    """The patterns of all clients by the folder their files lie in; the last says whether a file is an agent."""
    rows: dict[str, list[tuple[str, Client, bool]]] = {}
    for client in all_clients():
        for pattern in (*client.agents, *client.blocks):
            rows.setdefault(pattern.split("/")[-2], []).append((pattern, client, pattern in client.agents))
    return {name: tuple(found) for name, found in rows.items()}


def place_of(path: str) -> Place | None:
    """The client that a path belongs to by its name, or None."""
    head, _, name = path.rpartition("/")
    for file, client in _by_name().get(name, ()):
        if path == file:
            return Place(client, ".", file)
        if path.endswith(f"/{file}"):
            return Place(client, path[: -len(file) - 1], file)
    folder = head.rpartition("/")[2]
    for pattern, client, own in _by_folder().get(folder, ()) if folder else ():
        stem, _, last = pattern.rpartition("/")
        if fnmatchcase(name, last) and (head == stem or head.endswith(f"/{stem}")):
            return Place(client, head[: -len(stem) - 1] or ".", pattern, own=own)
    return None


def server_maps(client: Client, file: str, root: Node) -> Iterator[Node]:
    """Every map of tool servers in a file: under its keys, or the file itself where it is a flat map."""
    found = False
    for path in client.servers:
        if node := root.at(*path):
            found = True
            yield node
    if not found and file in client.flat and any(is_server(client, n) for n in root.map.values()):
        yield root


def is_server(client: Client, node: Node) -> bool:
    """Whether a value has the shape of a tool server's entry."""
    return not client.shape.isdisjoint(node.map)


def entries(client: Client, file: str, root: Node) -> Iterator[tuple[str, Node]]:
    """The tool servers of a file by name; a list names them inside its items."""
    for node in server_maps(client, file, root):
        for name, entry in node.map.items():
            if is_server(client, entry):
                yield name, entry
        for entry in node.list:
            if is_server(client, entry) and (named := entry.text_at("name")):
                yield named, entry


def belongs(client: Client, file: str, root: Node) -> bool:
    """Whether the content bears out what the file's name promises."""
    said = (client.marks | client.own_marks.get(file, frozenset())).intersection(root.map)
    # Many tools have a key `hooks`; the events below it tell whose they are.
    if said - {"hooks"} or ("hooks" in said and names_events(root)):
        return True
    return any(
        n.map or not n.list or any(is_server(client, e) for e in n.list) for n in server_maps(client, file, root)
    )


def origin_of(path: str, place: Place | None = None) -> Origin:
    """Whose settings a file holds, by the path it is shown under."""
    if path.startswith("~"):
        return Origin.EXTENSION if "/plugins/" in path or "/extensions/" in path else Origin.USER
    if path.startswith("/") or path[1:2] == ":":
        return Origin.SYSTEM
    return Origin.EXTENSION if place and place.file in place.client.extension else Origin.PROJECT
