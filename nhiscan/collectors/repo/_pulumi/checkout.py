"""Pulumi projects in a checkout: what YAML programs declare, and what the configuration of stacks holds."""

from __future__ import annotations

import dataclasses
import posixpath
import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.judge import Found, Judge, Spot
from nhiscan.collectors.repo._config.nodes import Document, Node, clean
from nhiscan.collectors.repo._config.reading import Files
from nhiscan.collectors.repo._config.records import Book, Holder, classed, holdings
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._pulumi import COVERS, SOURCE
from nhiscan.collectors.repo._pulumi.program import Program
from nhiscan.collectors.repo._terraform import kinds
from nhiscan.collectors.repo._terraform.desk import Desk
from nhiscan.plugin import (
    Confidence,
    Consumer,
    ConsumerKind,
    Exposure,
    FileClass,
    Form,
    Gap,
    Record,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.collectors.repo._tree import Checkout
    from nhiscan.plugin import Context

_FILE = re.compile(r"Pulumi(?:\.(?P<stack>[\w.-]+))?\.ya?ml")
_DEEPEST = 20


def records(checkout: Checkout, ctx: Context) -> Iterator[Record]:
    """What programs declare, and the stacks with the credentials in their configuration."""
    files = Files(checkout, SOURCE, COVERS)
    book = Book(checkout.scope.id, SOURCE, ctx.key)
    things: list[Thing] = []
    stacks: list[tuple[str, Document]] = []
    for file in checkout.files():
        if not (named := _FILE.fullmatch(posixpath.basename(file.path))):
            continue
        roots = files.parsed(file, parse_yaml)
        if isinstance(roots, Gap):
            yield roots
        for root in roots if isinstance(roots, list) else []:
            document = Document(file.path, root, file.visibility, checkout.at_head(file.visibility))
            if named["stack"] and _is_stack(root):
                stacks.append((named["stack"], document))
            elif not named["stack"] and root.at("name") and root.at("runtime"):
                things += Program(file.path, posixpath.dirname(file.path), root).things()
                stacks.append(("", document))
    for stack, document in stacks:
        yield from classed(_stack(stack, document, book))
    shown = {d.path: (d.visibility, d.at_head) for _, d in stacks}
    yield from classed(kinds.records(Desk(book, things, places=shown)))


def _is_stack(root: Node) -> bool:
    return any(root.at(key) for key in ("config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment"))


def _stack(stack: str, document: Document, book: Book) -> Iterator[Record]:
    """A stack as the one who holds its configuration; `tags` say how its secrets are encrypted."""
    found = list(_settings(document.root))
    book.learn(f for f in found if f.literal and f.literal.confidence is not Confidence.LOW)
    if not stack and not found:
        return
    home = posixpath.dirname(document.path)
    provider = document.root.text_at("secretsprovider")
    method = book.scrub(provider.partition(":")[0]) if provider else None
    method = method or ("passphrase" if document.root.at("encryptionsalt") else None)
    consumer = f"{book.scope_id}#{clean(home) or '.'}:pulumi/{clean(stack) or 'project'}"
    yield Consumer(
        id=consumer, scope_id=book.scope_id, source=SOURCE, locator=f"{document.path}:1",
        kind=ConsumerKind.APPLICATION, name=book.scrub(stack or posixpath.basename(home) or "project"),
        framework="pulumi", uri=document.path, line=1, visibility=document.visibility,
        tags={"secrets": method} if method else {},
    )  # fmt: skip
    for record in holdings(found, Holder(consumer, "pulumi"), document, book):
        if isinstance(record, Exposure):
            yield dataclasses.replace(record, file_class=FileClass.INFRASTRUCTURE, config=None)
        else:
            yield record


def _settings(root: Node) -> Iterator[Found]:
    for section in ("config", "configuration"):
        node = root.at(section)
        for name, value in node.map.items() if node else ():
            default = value.at("default") or value.at("value")
            yield from _setting(name, default if default is not None else value, 0)


def _setting(name: str, node: Node, depth: int) -> Iterator[Found]:
    """One value: encrypted where it is `secure`, else what the judge makes of it."""
    if depth > _DEEPEST:
        return
    short = name.rpartition(":")[2]
    if (secure := node.at("secure")) is not None and len(node.map) == 1:
        yield Found("key", short, secure.line, Form.VAULT)
    elif node.text is not None:
        yield from Judge().spot(Spot("key", short, node.text, node.line))
    else:
        for key, inner in node.map.items():
            yield from _setting(key, inner, depth + 1)
        for inner in node.list:
            if inner.text is None:
                yield from _setting(short, inner, depth + 1)
