"""A development container as records: what of the developer's machine is handed into it.

Format: containers.dev, devcontainer.json reference.  `remoteEnv` and `containerEnv` may refer to the variables of the
machine as `${localEnv:NAME}`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.nodes import Node
from nhiscan.collectors.repo._config.spots import arg_spots, env_spots
from nhiscan.collectors.repo._containers.records import Teller
from nhiscan.plugin import Form, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Record

_PLATFORM = "devcontainer"
_KNOWN = frozenset({"image", "build", "dockerComposeFile", "features", "dockerFile", "postCreateCommand", "remoteUser"})
_LOCAL = re.compile(r"\$\{localEnv:(\w+)(?::[^}]*)?\}")
_SOURCE = re.compile(r"(?:^|,)(?:source|src)=([^,]+)")
_SOCKETS = re.compile(r"/docker-(?:outside-of-docker|from-docker)(?::|$)")


def devcontainer(document: Document, book: Book) -> Iterator[Record]:
    """The records of one development container; of any other document nothing."""
    root = document.root
    if _KNOWN.isdisjoint(root.map):
        return
    teller = Teller(document, book, _PLATFORM)
    mine = f"{teller.base}:(devcontainer)"
    argv = [(n.text, n.line) for n in _list(root.at("runArgs")) if n.text]
    flags = {w for w, _ in argv}
    held = teller.held(mine, [*_variables(root), *arg_spots(argv)])
    network = "--network=host" in flags or ("host" in flags and bool({"--network", "--net"} & flags))
    privileged = root.is_true("privileged") or "--privileged" in flags
    yield teller.consumer(
        mine, root.text_at("name") or "devcontainer", root.line, platform=_PLATFORM, image=root.text_at("image"),
        host_network=True if network or "--net=host" in flags else None, sandbox="privileged" if privileged else None,
    )  # fmt: skip
    yield from held
    yield from teller.mounts(mine, _mounted(root, argv))
    features = root.at("features")
    for name, node in features.map.items() if features else ():
        if _SOCKETS.search(name):
            yield teller.use(mine, "host", "docker_socket", node.key_line, None, UseHow.MOUNTED)


def _variables(root: Node) -> Iterator[Spot | Found]:
    for key in ("containerEnv", "remoteEnv"):
        node = root.at(key)
        plain: dict[str, Node] = {}
        for name, value in node.map.items() if node else ():
            local = _LOCAL.search(value.text or "")
            if local is None:
                plain[name] = value
            elif words.names_credential(name) or words.names_credential(local[1]):
                yield Found("env", name, value.line, Form.REFERENCE, reference=local[1])
        yield from env_spots(Node(dict(plain), root.line, root.line))


def _mounted(root: Node, argv: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    for entry in [*_list(root.at("mounts")), *_list(root.at("workspaceMount"))]:
        source = entry.text_at("source") or ((_SOURCE.search(entry.text) or ("", ""))[1] if entry.text else None)
        if source:
            yield source, entry.line
    for (word, _), (value, line) in pairwise(argv):
        if word in {"-v", "--volume"}:
            yield value.split(":")[0] if not value.startswith("${") else value, line
        elif word == "--mount" and (match := _SOURCE.search(value)):
            yield match[1], line
    for word, line in argv:
        if word.startswith(("-v=", "--volume=")):
            yield word.partition("=")[2].split(":")[0], line


def _list(node: Node | None) -> list[Node]:
    return [] if node is None else list(node.list) if isinstance(node.value, list) else [node]
