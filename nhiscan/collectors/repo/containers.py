"""Containers that a checkout describes: compose services, images, development containers, and what each is given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from nhiscan.collectors.repo._collector import CheckoutCollector
from nhiscan.collectors.repo._config.nodes import Document
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.plugin import Collector, Gap, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

    Reader = tuple[Callable[[str], Node], Callable[[Document, Book], Iterator[Record]]]

SOURCE = "repo.containers"
_COVERS = ("consumer", "use", "credential", "exposure")
_COMPOSE = re.compile(
    r"(?:^|[.-])(?:docker-)?compose(?:[.-][\w.-]+)?\.ya?ml$|^(?:docker-)?stack(?:[.-][\w.-]+)?\.ya?ml$"
)
_DOCKERFILE = re.compile(r"(?:^|\.)(?:dockerfile|containerfile)(?:[.-][\w.-]+)?$")
_NOT_DOCKERFILE = (".md", ".py", ".ts", ".js", ".go", ".rs", ".json", ".yml", ".yaml", ".txt", ".dockerignore", ".sh")


class RepoContainers(CheckoutCollector):
    """Compose files, Dockerfiles and development containers of a checkout, read and never built."""

    name: ClassVar[str] = SOURCE
    title: ClassVar[str] = "Compose files, Dockerfiles and development containers in a checkout"
    covers: ClassVar[tuple[str, ...]] = _COVERS

    def records(self, checkout: Checkout, ctx: Context) -> Iterator[Record]:
        """What runs in containers, with what it is given; a file that cannot be read is a gap."""
        files = Files(checkout, SOURCE, _COVERS)
        for file in checkout.files():
            if (kind := kind_of(file.path)) is not None:
                yield from classed(_file(files, file, kind, ctx))


def kind_of(path: str) -> str | None:
    """Which reader a path is for, None for most."""
    name = path.rsplit("/", 1)[-1].lower()
    if name.endswith((".yml", ".yaml")):
        return "compose" if _COMPOSE.search(name) else None
    if name in {"devcontainer.json", ".devcontainer.json"}:
        return "devcontainer"
    found = "ockerfile" in name or "ontainerfile" in name
    return "dockerfile" if found and _DOCKERFILE.search(name) and not name.endswith(_NOT_DOCKERFILE) else None


def _readers() -> Mapping[str, Reader]:
    from nhiscan.collectors.repo._config.jsonc import parse_json
    from nhiscan.collectors.repo._containers import compose, devcontainer, dockerfile

    return {
        "compose": (compose.parse_compose, compose.compose),
        "devcontainer": (parse_json, devcontainer.devcontainer),
        "dockerfile": (dockerfile.parse_dockerfile, dockerfile.dockerfile),
    }


def _file(files: Files, file: SourceFile, kind: str, ctx: Context) -> Iterator[Record]:
    parse, told = _readers()[kind]
    root = files.parsed(file, parse)
    if isinstance(root, Gap):
        yield root
    elif root is not None:
        document = Document(file.path, root, file.visibility, files.checkout.at_head(file.visibility))
        yield from told(document, Book(files.checkout.scope.id, SOURCE, ctx.key))


COLLECTOR: Collector = RepoContainers()
