"""CloudFormation, SAM and CDK output as a tree: parameters, resources, and what their functions come to.

Functions, pseudo parameters and dynamic references: CloudFormation User Guide, intrinsic-function-reference,
pseudo-parameter-reference and dynamic-references.  What is only known at deployment stays as `${Name}` or
`${Name.Attribute}`; of the two sides of a condition both may come true, so a list keeps both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import MalformedError, Node
from nhiscan.collectors.repo._config.yamlc import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nhiscan.collectors.repo._config.nodes import Document

NOTHING = object()
"""What `AWS::NoValue` comes to: the property is not there."""
_FUNCTIONS = frozenset({
    "And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Length", "Not",
    "Or", "Select", "Split", "Sub", "ToJsonString", "Transform",
})  # fmt: skip
_PLAIN = ("Ref", "Condition")
_HOLE = re.compile(r"\$\{(!?)([^{}$]{1,300})\}")
_ONE = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.([A-Za-z0-9.]+))?\}")
_TYPE = re.compile(r"(?:AWS|Custom|Alexa)::[A-Za-z0-9:@_-]+")
# Far more than CloudFormation takes (4,096 bytes for a parameter, 51,200 for a template sent directly).
_LONGEST_DEFAULT = 4_096
_LONGEST = 40_000
_DEEPEST = 64
# Twice the quota of CloudFormation.
_MOST = 1_000
_TOO_MANY = "more resources than a stack may have"


def parse_template(text: str) -> Node:
    """The tree of a template in YAML or JSON, short forms written out.  Raises MalformedError with the line."""
    if text.lstrip("\ufeff \t\r\n").startswith("{"):
        root = parse_json(text)
    else:
        documents = parse_yaml(text, short_form)
        root = documents[0] if documents else Node(None, 1, 1)
    if (resources := root.at("Resources")) and len(resources.map) > _MOST:
        raise MalformedError(_TOO_MANY, resources.key_line)
    return root


def short_form(tag: str, node: Node) -> Node:
    """`!Sub x` as `{Fn::Sub: x}`; other tags say nothing."""
    name = tag[1:]
    if name not in _FUNCTIONS and name not in _PLAIN:
        return node
    return Node({name if name in _PLAIN else f"Fn::{name}": node}, node.line, node.key_line)


def is_template(root: Node) -> bool:
    """Whether the tree is a CloudFormation template, whatever its file is called."""
    resources = root.at("Resources")
    types = (r.text_at("Type") for r in resources.map.values()) if resources else ()
    return any(t is not None and _TYPE.fullmatch(t) for t in types)


@dataclass(frozen=True, slots=True, repr=False)
class Part:
    """One resource of a template; `props` are its properties, empty where it has none."""

    name: str
    type: str
    node: Node
    props: Node

    @property
    def line(self) -> int:
        """The line of its logical id."""
        return self.node.key_line


@dataclass(frozen=True, slots=True, repr=False)
class Template:
    """A template; `base` begins the ids of what it declares."""

    document: Document
    base: str
    parameters: Mapping[str, Node] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)  # what a function comes to -> what it stands for

    def id_of(self, name: str) -> str:
        """The id of what is declared under a logical id."""
        return f"{self.base}:{name}"

    def part(self, name: str | None, *types: str) -> Part | None:
        """The resource of this logical id, when it is of one of the types."""
        found = self.parts.get(name or "")
        return found if found and (not types or found.type in types) else None

    def secret_parameter(self, name: str) -> bool:
        """Whether a parameter is hidden in the console and in the answers of the API."""
        node = self.parameters.get(name)
        return node is not None and (node.is_true("NoEcho") or (node.text_at("NoEcho") or "").lower() == "true")


def template_of(document: Document, base: str, root: Node | None = None) -> Template:
    """The parameters and resources of a document, or of the part of it below `root`."""
    root = root or document.root
    parameters = root.at("Parameters")
    resources = root.at("Resources")
    parts = {
        name: Part(name, kind, node, node.at("Properties") or Node({}, node.line, node.line))
        for name, node in (resources.map if resources else {}).items()
        if (kind := node.text_at("Type"))
    }
    return Template(document, base, parameters.map if parameters else {}, parts)


def target(node: Node | None) -> tuple[str, str] | None:
    """The logical id and attribute (empty for a plain reference) that a node is nothing but a reference to."""
    if node is None or len(node.map) != 1:
        return None
    ((name, argument),) = node.map.items()
    if name == "Ref" and argument.text:
        return argument.text, ""
    if name == "Fn::GetAtt":
        parts = [n.text or "" for n in argument.list] or (argument.text or "").split(".", 1)
        return (parts[0], ".".join(parts[1:])) if parts[0] else None
    if name == "Fn::Sub":
        body = argument.text or (argument.list[0].text if argument.list else None)
        match = _ONE.fullmatch((body or "").strip())
        return (match[1], match[2] or "") if match else None
    return None


@dataclass(frozen=True, slots=True, repr=False)
class Resolver:
    """What the values of one template come to."""

    template: Template

    def text(self, node: Node | None) -> str | None:
        """The text a node comes to, None for anything else."""
        found = self.value(node) if node else None
        if isinstance(found, bool):
            return str(found).lower()
        return str(found) if isinstance(found, str | int | float) else None

    def strings(self, node: Node | None) -> list[str]:
        """The texts of a list, or the only one."""
        found = self.value(node) if node else None
        items = found if isinstance(found, list) else [found]
        return [i for i in items if isinstance(i, str)]

    def value(self, node: Node, depth: int = 0) -> object:
        """The node as plain data with its functions carried out as far as the template alone tells."""
        if depth > _DEEPEST:
            return None
        if node.map:
            if len(node.map) == 1:
                ((name, argument),) = node.map.items()
                if name == "Ref" or name.startswith("Fn::"):
                    return self._function(name, argument, depth)
            return {k: v for k, n in node.map.items() if (v := self.value(n, depth + 1)) is not NOTHING}
        if isinstance(node.value, list):
            return self._items(node, depth)
        return node.value

    def _items(self, node: Node, depth: int) -> list[object]:
        found: list[object] = []
        for item in node.list:
            value = self.value(item, depth + 1)
            if "Fn::If" in item.map and isinstance(value, list):
                found += value
            elif value is not NOTHING:
                found.append(value)
        return found

    def _function(self, name: str, argument: Node, depth: int) -> object:  # noqa: PLR0911 - one a function
        items = argument.list
        match name:
            case "Ref" if argument.text:
                return self._reference(argument.text)
            case "Fn::GetAtt":
                return self._reference(".".join(target(Node({name: argument}, 0, 0)) or ("?",)))
            case "Fn::Sub":
                return self._sub(argument, depth)
            case "Fn::Join" if len(items) == 2:
                return self._join(items, depth)
            case "Fn::If" if len(items) == 3:
                return self._either([self.value(i, depth + 1) for i in items[1:]])
            case "Fn::Base64":
                return self.value(argument, depth + 1)
            case "Fn::Split" if len(items) == 2:
                text, by = self.value(items[1], depth + 1), items[0].text
                return list(text.split(by)) if isinstance(text, str) and by else "${Split}"
            case "Fn::Select" if len(items) == 2:
                return self._select(items, depth)
            case _:
                return f"${{{name.removeprefix('Fn::')}}}"

    def _either(self, sides: list[object]) -> object:
        known = [s for s in sides if s is not NOTHING]
        if len(known) < 2:
            return known[0] if known else NOTHING
        flat = [i for s in known for i in (s if isinstance(s, list) else [s])]
        return flat if any(i != flat[0] for i in flat) else known[0]

    def _select(self, items: Sequence[Node], depth: int) -> object:
        index, options = (self.value(i, depth + 1) for i in items)
        number = int(index) if isinstance(index, str | int) and str(index).isdecimal() and len(str(index)) < 4 else -1
        return options[number] if isinstance(options, list) and 0 <= number < len(options) else "${Select}"

    def _join(self, items: Sequence[Node], depth: int) -> object:
        by, parts = (self.value(i, depth + 1) for i in items)
        if not isinstance(by, str) or not isinstance(parts, list) or not all(isinstance(p, str | int) for p in parts):
            return "${Join}"
        return self._known(by.join(str(p) for p in parts)[:_LONGEST])

    def _sub(self, argument: Node, depth: int) -> object:
        body = argument.text or (argument.list[0].text if argument.list else None)
        if body is None:
            return "${Sub}"
        own = argument.list[1].map if len(argument.list) > 1 else {}
        local = {k: v for k, n in own.items() if isinstance(v := self.value(n, depth + 1), str)}
        size = 0

        def fill(match: re.Match[str]) -> str:
            nonlocal size
            if match[1]:
                return f"${{{match[2]}}}"
            found = local.get(match[2]) or self._reference(match[2].strip())
            text = found if isinstance(found, str) else match[0]
            size += len(text)
            return text if size < _LONGEST else match[0]

        return self._known(_HOLE.sub(fill, body))

    def _reference(self, name: str) -> object:
        if name == "AWS::NoValue":
            return NOTHING
        parameter = self.template.parameters.get(name)
        if parameter is not None:
            default = parameter.at("Default")
            kind = parameter.text_at("Type") or "String"
            known = (
                default is not None and not kind.startswith("AWS::SSM::") and not self.template.secret_parameter(name)
            )
            if known and default is not None and isinstance(default.value, str | int) and default.value != "":
                text = str(default.value)
                if len(text) <= _LONGEST_DEFAULT:
                    return text.split(",") if "List" in kind else text
            return f"${{{name}}}"
        return self._known(f"${{{name}}}")

    def _known(self, text: str) -> str:
        return self.template.aliases.get(text, text)
