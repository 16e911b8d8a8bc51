"""Containers that a checkout describes: compose services, images, development containers, and what each is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import Document
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, classed
from nhiscan.collectors.repo._containers import COVERS, SOURCE
from nhiscan.collectors.repo._containers.names import kind_of
from nhiscan.plugin import Gap, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._tree import Checkout, SourceFile
    from nhiscan.plugin import Context

    Reader = tuple[Callable[[str], Node], Callable[[Document, Book], Iterator[Record]]]


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """What runs in containers, with what it is given; a file that cannot be read is a gap."""
    files = Files(checkout, SOURCE, COVERS)
    for file in checkout.files():
        if (kind := kind_of(file.path)) is not None:
            yield from classed(_file(files, file, kind, ctx))


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
