"""Which parser and which reading each kind of template has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors.repo._templates import azure, bicep, cfn, serverless
from nhiscan.collectors.repo._templates.stack import stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._config.records import Book
    from nhiscan.plugin import Record

    Reader = tuple[Callable[[str], Node], Callable[[Document, Book], Iterator[Record]]]


def _cloudformation(document: Document, book: Book) -> Iterator[Record]:
    """A file that speaks of AWS types and is no template says nothing."""
    return stack(document, book) if cfn.is_template(document.root) else iter(())


READERS: Mapping[str, Reader] = {
    "cloudformation": (cfn.parse_template, _cloudformation),
    "serverless": (cfn.parse_template, serverless.service),
    "arm": (azure.parse_arm, azure.deployment),
    "bicep": (bicep.parse_bicep, azure.deployment),
}
