"""YAML with lines: documents composed to nodes by the C parser, never resolved to types, never constructed.

A scalar stays the text that was written (`012345671234` is an account, `on` a key, `NO` a country); only a plain
`true` or `false` becomes a boolean, and a plain empty, `~` or `null` becomes None.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import MalformedError, Node, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    import yaml

# Deeper than any real file; aliases may not multiply what is there by more than the largest real file has.
_DEEPEST = 64
_MOST_NODES = 500_000
_MOST_DOCUMENTS = 2_000
_INVALID = "not valid YAML"
_TOO_DEEP = "nested too deeply"
_TOO_MUCH = "aliases or documents beyond any real file"
# The C parser calls itself for every level and ends the process when the stack does.
_COMPACT = re.compile(r"(?:[-?:][ \t]+){200}")
_LONG = 400
_ALLOWED = bytes([0x09, 0x0A, 0x0D, *range(0x20, 0x7F)])
_BRACKET = re.compile(r"[\[\]{}]")
_DEEPEST_FLOW = 500
_WORDS: dict[str, Value] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def parse_yaml(text: str, tagged: Callable[[str, Node], Node] | None = None) -> list[Node]:
    """The trees of all documents, empty ones left out.  Raises MalformedError with the line where sense ends.

    `tagged` is given each tag of the file's own (`!Sub`) and the node it stands on, and says what they are together.
    """
    import yaml

    if _is_compact(text) or _flow_depth(text) > _DEEPEST_FLOW:
        raise MalformedError(_TOO_DEEP, 1)
    loader = _loader()(printable(text))
    tree = _Tree(tagged)
    found: list[Node] = []
    try:
        while loader.check_node():
            if (node := loader.get_node()) is not None:
                found.append(tree.node(node, 0, None))
            if len(found) > _MOST_DOCUMENTS:
                raise MalformedError(_TOO_MUCH, found[-1].line)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        raise MalformedError(_INVALID, mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise MalformedError(_INVALID, 1) from None
    finally:
        loader.dispose()
    return [n for n in found if n.value is not None]


@functools.cache
def _loader() -> type[yaml.CBaseLoader]:
    """The C parser that composes nodes and resolves no tags, which would take a quarter of the time."""
    import yaml

    class Composer(yaml.CBaseLoader):
        """What the parser asks of a resolver, answered with nothing: a node has a tag where one is written."""

        def descend_resolver(self, *_: object) -> None:
            """Nothing depends on the path."""

        def ascend_resolver(self) -> None:
            """Nothing depends on the path."""

        def resolve(self, *_: object) -> None:
            """No tag."""

    return Composer


def printable(text: str) -> str:
    """The text with characters that YAML forbids replaced by spaces."""
    import yaml

    if text.isascii() and not text.encode("ascii").translate(None, _ALLOWED):
        return text
    return yaml.reader.Reader.NON_PRINTABLE.sub(" ", text)


def _is_compact(text: str) -> bool:
    """Whether a line opens more levels than the parser's stack bears; only a long one can."""
    return max(map(len, text.split("\n"))) >= _LONG and _COMPACT.search(text) is not None


def _flow_depth(text: str) -> int:
    """At most so many brackets are open at once; those in strings and comments count too."""
    if text.count("[") + text.count("{") <= _DEEPEST_FLOW:
        return 0
    depth = deepest = 0
    for bracket in _BRACKET.finditer(text):
        depth = depth + 1 if bracket[0] in "[{" else max(depth - 1, 0)
        deepest = max(deepest, depth)
    return deepest


class _Tree:
    """Builds nodes and counts them, because an alias may stand for a tree of aliases."""

    __slots__ = ("count", "mapping", "scalar", "sequence", "tagged")

    def __init__(self, tagged: Callable[[str, Node], Node] | None = None) -> None:
        import yaml

        self.count, self.tagged = 0, tagged
        self.scalar, self.mapping, self.sequence = yaml.ScalarNode, yaml.MappingNode, yaml.SequenceNode

    def node(self, node: yaml.Node, depth: int, key_line: int | None) -> Node:
        """The node and all below it, with the tags of the file's own applied."""
        plain = self._plain(node, depth, key_line)
        if self.tagged is None or not (node.tag or "").startswith("!"):
            return plain
        return self.tagged(str(node.tag), plain)

    def _plain(self, node: yaml.Node, depth: int, key_line: int | None) -> Node:
        line = node.start_mark.line + 1
        self.count += 1
        if depth > _DEEPEST:
            raise MalformedError(_TOO_DEEP, line)
        if self.count > _MOST_NODES:
            raise MalformedError(_TOO_MUCH, line)
        key_line = line if key_line is None else key_line
        if isinstance(node, self.scalar):
            text = str(node.value)
            # Only what stands there without quotes can be anything but text.
            return Node(text if node.style else _WORDS.get(text, text), line, key_line)
        if isinstance(node, self.mapping):
            return Node(self._members(node, depth), line, key_line)
        if isinstance(node, self.sequence):
            return Node([self.node(item, depth + 1, None) for item in node.value], line, key_line)
        return Node(None, line, key_line)

    def _members(self, node: yaml.MappingNode, depth: int) -> dict[str, Node]:
        merged: dict[str, Node] = {}
        own: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, self.scalar):
                continue
            line = key.start_mark.line + 1
            if key.value == "<<" and not key.style:
                for part in value.value if isinstance(value, self.sequence) else [value]:
                    merged = {**self.node(part, depth + 1, line).map, **merged}
            else:
                own[str(key.value)] = self.node(value, depth + 1, line)
        return {**merged, **own} if merged else own
