"""A compose file as records: each service, what it is given, and what of the machine it can reach.

Format: the Compose Specification (services, configs, secrets; interpolation of `${X}`, `${X:-default}` and `$$`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.launch import shell_words
from nhiscan.collectors.repo._config.nodes import Node
from nhiscan.collectors.repo._config.spots import arg_spots, env_spots
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._containers.records import Teller, kind_of
from nhiscan.plugin import Form, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Record

_PLATFORM = "docker_compose"
_RUNS = frozenset({
    "image", "build", "command", "environment", "env_file", "volumes", "ports", "extends", "entrypoint", "depends_on",
    "networks", "restart", "container_name", "deploy",
})  # fmt: skip
_STRONG_CAPABILITIES = frozenset({"ALL", "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE", "DAC_READ_SEARCH", "NET_ADMIN"})


def parse_compose(text: str) -> Node:
    """The tree of a compose file.  Raises MalformedError with the line."""
    documents = parse_yaml(text)
    return documents[0] if documents else Node(None, 1, 1)


def is_compose(root: Node) -> bool:
    """Whether a tree is a compose file: services that say how to run something."""
    services = root.at("services")
    return any(not _RUNS.isdisjoint(s.map) for s in (services.map.values() if services else ()))


def compose(document: Document, book: Book) -> Iterator[Record]:
    """The records of a compose file; of any other document nothing."""
    if not is_compose(document.root):
        return
    teller = Teller(document, book, _PLATFORM)
    services = document.root.at("services")
    stores = {k: n for k in ("secrets", "configs") for k, n in _members(document.root.at(k))}
    for name, node in services.map.items() if services else ():
        if node.map:
            yield from _service(teller, name, node, stores)


def _members(node: Node | None) -> list[tuple[str, Node]]:
    return list(node.map.items()) if node else []


def _service(teller: Teller, name: str, node: Node, stores: dict[str, Node]) -> Iterator[Record]:
    mine = f"{teller.base}:{teller.book.scrub(name)}"
    image, argv = node.text_at("image"), [*_argv(node.at("entrypoint")), *_argv(node.at("command"))]
    held = teller.held(mine, _spots(node, argv))
    yield teller.consumer(
        mine, name, node.key_line, kind=kind_of(image, [w for w, _ in argv]), platform=_PLATFORM, image=image,
        host_network=True if node.text_at("network_mode") == "host" else None, sandbox=_sandbox(node),
    )  # fmt: skip
    yield from held
    yield from teller.mounts(mine, _mounted(node))
    for key in ("secrets", "configs"):
        for entry in _list(node.at(key)):
            source = entry.text or entry.text_at("source")
            if source and (key == "secrets" or words.names_credential(source)):
                yield from _stored(teller, mine, source, entry, stores.get(source))
    if node.text_at("network_mode") == "host":
        yield teller.use(mine, "host", "metadata", node.key_line, None, UseHow.CONFIGURED)


def _stored(teller: Teller, mine: str, name: str, entry: Node, store: Node | None) -> Iterator[Record]:
    """A secret that is mounted as a file: from the environment, from a file beside it, or from the platform."""
    variable = store.text_at("environment") if store else None
    if variable:
        yield from teller.held(mine, [Found("file", name, entry.line, Form.REFERENCE, reference=variable)])
        return
    external = store is not None and store.at("external") is not None
    form = Form.VAULT if external else Form.DANGLING if store is None else Form.REFERENCE
    yield teller.use(mine, "file", name, entry.line, form, UseHow.MOUNTED)
    if store and (content := store.at("content")) and content.text:
        yield from teller.held(mine, [Spot("file", name, content.text, content.line, forced=True)])


def _spots(node: Node, argv: Sequence[tuple[str, int]]) -> Iterator[Spot | Found]:
    for key in ("environment", "labels"):
        yield from _variables(node.at(key))
    yield from _variables(node.at("build", "args"))
    yield from _variables(node.at("healthcheck", "environment"))
    for entry in _list(node.at("env_file")):
        if path := entry.text or entry.text_at("path"):
            yield Found("env_file", path, entry.line, Form.ENV_FILE)
    yield from arg_spots(argv)
    yield from arg_spots(_argv(node.at("healthcheck", "test")))


def _variables(node: Node | None) -> Iterator[Spot | Found]:
    """Variables as a mapping or as a list of `NAME=value`; a bare name is passed on from whoever starts it."""
    if node is None:
        return
    given = {k: Node((n.text or "").replace("$$", "\0"), n.line, n.key_line) for k, n in node.map.items() if n.text}
    for entry in node.list:
        name, assigned, value = (entry.text or "").partition("=")
        if assigned and name:
            given[name.strip()] = Node(value.replace("$$", "\0"), entry.line, entry.line)
        elif name and words.names_credential(name):
            yield Found("env", name, entry.line, Form.REFERENCE, reference=name)
    for name, member in node.map.items():
        if member.value is None and words.names_credential(name):
            yield Found("env", name, member.line, Form.REFERENCE, reference=name)
    plain = {k: Node(str(n.value).replace("\0", "$"), n.line, n.key_line) for k, n in given.items()}
    yield from env_spots(Node(dict(plain), node.line, node.line))


def _argv(node: Node | None) -> list[tuple[str, int]]:
    if node is None:
        return []
    if node.text is not None:
        return [(w, node.line) for w in shell_words(node.text)]
    return [(n.text, n.line) for n in node.list if n.text is not None]


def _mounted(node: Node) -> Iterator[tuple[str, int]]:
    for entry in [*_list(node.at("volumes")), *_list(node.at("devices"))]:
        text = entry.text
        source = _source(text) if text else entry.text_at("source")
        if source:
            yield source, entry.line


def _source(text: str) -> str:
    """The path on the machine of `source:target:mode`; a variable may hold colons."""
    depth = 0
    for at, char in enumerate(text[:1_000]):
        depth += (char == "{") - (char == "}")
        if char == ":" and depth == 0 and at != 1:
            return text[:at]
    return text


def _sandbox(node: Node) -> str | None:
    """What weakens the walls of the container, in the words of the file."""
    weak = ["privileged"] if node.is_true("privileged") else []
    weak += [f"{k}: host" for k in ("pid", "ipc", "userns_mode") if node.text_at(k) == "host"]
    weak += [f"cap_add: {c.text}" for c in _list(node.at("cap_add")) if c.text in _STRONG_CAPABILITIES]
    weak += ["unconfined" for o in _list(node.at("security_opt")) if (o.text or "").endswith("unconfined")][:1]
    return ", ".join(weak) or None


def _list(node: Node | None) -> list[Node]:
    return [] if node is None else list(node.list) if isinstance(node.value, list) else [node]
