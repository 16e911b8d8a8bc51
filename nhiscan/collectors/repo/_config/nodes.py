"""A parsed configuration file that remembers on which line each value stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, Union

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nhiscan.plugin import Visibility

Value: TypeAlias = Union[str, int, float, bool, "dict[str, Node]", "list[Node]", None]

_LONGEST_NAME = 200


class MalformedError(Exception):
    """A file is not in the format its name promises; `line` is where reading stopped (from 1), never its content."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.what = what
        self.line = line


@dataclass(slots=True, repr=False)  # not frozen, which would double what making hundreds of thousands costs
class Node:
    """A value, the line it begins on, and the line of the key that names it; shows nothing when printed."""

    value: Value
    line: int
    key_line: int

    @property
    def map(self) -> Mapping[str, Node]:
        """The members of a mapping, in order; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def list(self) -> Sequence[Node]:
        """The items of a list; empty for anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str | None:
        """The string, or None for anything else."""
        return self.value if isinstance(self.value, str) else None

    def at(self, *path: str) -> Node | None:
        """The node below these keys, or None when a step is missing or no mapping."""
        node: Node | None = self
        for key in path:
            if node is None or not isinstance(node.value, dict):
                return None
            node = node.value.get(key)
        return node

    def text_at(self, *path: str) -> str | None:
        """The string below these keys, or None."""
        node = self.at(*path)
        return node.text if node else None

    def is_true(self, *path: str) -> bool:
        """Whether `true` stands below these keys, not merely something that counts as true."""
        node = self.at(*path)
        return node is not None and node.value is True


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """A file that parsed: where it lies (`path` relative to the checkout) and what it says."""

    path: str
    root: Node
    visibility: Visibility
    at_head: bool | None = None


def clean(text: str) -> str:
    """The text fit for an id, a name and a terminal: control characters replaced, length bounded."""
    shown = text[: _LONGEST_NAME + 1]
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shown)
    return shown if len(shown) <= _LONGEST_NAME else shown[:_LONGEST_NAME] + "…"


def decode(data: bytes) -> str:
    """The bytes as text: a BOM decides, else UTF-8, and what is invalid is replaced rather than refused."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")
