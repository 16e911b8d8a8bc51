"""ARM templates, and Bicep read as one: resources with their names, and what expressions speak of.

A text in brackets is an expression (learn.microsoft.com, ARM template syntax); `[[` begins a literal bracket.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import MalformedError, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document

_WORD = re.compile(r"[A-Za-z_][\w-]*")
_QUOTED = re.compile(r"'([^'\n]{0,300})'")
_CALLED = re.compile(r"(?:parameters|variables)\('([^'\n]{1,200})'\)")
_DEEPEST = 12
MOST = 1_000
"""More resources than a deployment may have (800)."""
TOO_MANY = "more resources than a deployment may have"
_LONGEST = 4_000
_EMPTY = Node({}, 1, 1)


def parse_arm(text: str) -> Node:
    """The tree of a template in JSON.  Raises MalformedError with the line."""
    root = parse_json(text)
    if (resources := root.at("resources")) and len(resources.list) + len(resources.map) > MOST:
        raise MalformedError(TOO_MANY, resources.key_line)
    return root


def literal(node: Node | None) -> str | None:
    """The text of a node that is no expression."""
    text = node.text if node else None
    if text is None or (text.startswith("[") and not text.startswith("[[") and text.endswith("]")):
        return None
    return text[1:] if text.startswith("[[") else text


def expression(node: Node | None) -> str | None:
    """The inside of an expression, None for anything else."""
    text = node.text if node else None
    return text[1:-1] if text is not None and literal(node) is None else None


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """One resource: `key` names it within its file, `parent` is the resource it is declared in."""

    key: str
    type: str
    name: str
    node: Node
    existing: bool = False
    parent: Item | None = None

    @property
    def line(self) -> int:
        """Where it is declared."""
        return self.node.line

    @property
    def properties(self) -> Node:
        """Its properties, empty where it has none."""
        return self.node.at("properties") or _EMPTY


@dataclass(frozen=True, slots=True, repr=False)
class Deployment:
    """The resources of one template, and the values of its parameters and variables."""

    document: Document
    items: tuple[Item, ...]
    parameters: Mapping[str, Node]
    values: Mapping[str, Node]

    def expanded(self, node: Node | None) -> str:
        """The text of a node together with the parameters and variables it speaks of, so that it can be searched."""
        text = ((node.text if node else None) or "")[:_LONGEST]
        names = {*_CALLED.findall(text), *_WORD.findall(text)} if expression(node) is not None else set()
        for name in sorted(names):
            value = self.values.get(name)
            if value is not None and value.text and len(text) < _LONGEST:
                text += f" {value.text[:_LONGEST]}"
        return text

    def meant(self, node: Node | None, *types: str) -> Item | None:
        """The resource of one of the types that an expression speaks of: by its symbol, else by type and name."""
        text = self.expanded(node)
        spoken = set(_WORD.findall(text))
        found = [i for i in self.items if i.type.lower() in {t.lower() for t in types}]
        by_symbol = next((i for i in found if i.node.text_at("symbol") in spoken), None)
        if by_symbol is not None:
            return by_symbol
        quoted = set(_QUOTED.findall(text))
        for item in found:
            named = expression(item.node.at("name"))
            if any(q.lower() == item.type.lower() for q in quoted) and (
                item.name in quoted or (named is not None and named in text)
            ):
                return item
        return None


def deployment_of(document: Document) -> Deployment:
    """The resources of a document, nested ones and those of nested deployments included."""
    root = document.root
    parameters, variables = root.at("parameters") or _EMPTY, root.at("variables") or _EMPTY
    values = dict(variables.map)
    values = {k: (n.at("defaultValue") or n) if root.is_true("bicep") else n for k, n in values.items()}
    values |= {k: d for k, n in parameters.map.items() if (d := n.at("defaultValue") or n.at("value"))}
    keys: dict[str, int] = {}
    items = tuple(islice(_items(root.at("resources"), None, keys, 0), 2 * MOST))
    return Deployment(document, items, parameters.map, values)


def _items(node: Node | None, parent: Item | None, keys: dict[str, int], depth: int) -> Iterator[Item]:
    if node is None or depth > _DEEPEST:
        return
    for given, entry in [*node.map.items(), *(("", n) for n in node.list)]:
        kind = entry.text_at("type")
        if not kind:
            continue
        if parent is not None and "/" not in kind.partition(".")[2].partition("/")[2] and "." not in kind:
            kind = f"{parent.type}/{kind}"
        symbol = entry.text_at("symbol") or given
        name = literal(entry.at("name")) or symbol or _last(expression(entry.at("name"))) or kind.rsplit("/", 1)[-1]
        stem = symbol or f"{kind}/{name}"
        keys[stem] = keys.get(stem, 0) + 1
        key = stem if keys[stem] == 1 else f"{stem}:{keys[stem]}"
        item = Item(key, kind, name, entry, entry.is_true("existing"), parent)
        yield item
        yield from _items(entry.at("resources"), item, keys, depth + 1)
        yield from _items(entry.at("properties", "template", "resources"), None, keys, depth + 1)


def _last(text: str | None) -> str | None:
    """The last name that an expression speaks of, as what is made of it will hold."""
    found = _QUOTED.findall(text or "")
    return next((f for f in reversed(found) if f and len(f) > 2), None)
