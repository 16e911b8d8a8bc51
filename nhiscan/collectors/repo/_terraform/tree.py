"""The tree of an HCL file: blocks, attributes and the expressions that can be understood, each with its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, repr=False)
class Lit:
    """A string, number, boolean or null as written."""

    value: str | int | float | bool | None
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Template:
    """A string with parts that are to be filled in; its text parts are `Lit`."""

    parts: tuple[Expr, ...]
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Path:
    """`root.step[index].…`; a step is a name, a number, `*` for a splat, or an expression."""

    root: str
    steps: tuple[str | int | Expr, ...]
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """Steps into what is no name: `jsondecode(…).a`, `["a"][0]`."""

    base: Expr
    steps: tuple[str | int | Expr, ...]
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """A function and its arguments."""

    name: str
    args: tuple[Expr, ...]
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Items:
    """A tuple in brackets."""

    items: tuple[Expr, ...]
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Members:
    """An object in braces: pairs of key and value."""

    pairs: tuple[tuple[Expr, Expr], ...]
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Choice:
    """`test ? yes : no`."""

    test: Expr
    yes: Expr
    no: Expr
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Operation:
    """Operands around one operator; `!` and `-` have one."""

    operator: str
    operands: tuple[Expr, ...]
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Opaque:
    """An expression that is not understood (`for`, splats of splats)."""

    line: int


Expr: TypeAlias = Lit | Template | Path | Access | Call | Items | Members | Choice | Operation | Opaque


@dataclass(frozen=True, slots=True, repr=False)
class Body:
    """What stands between braces: attributes by name, each with its line, and blocks in order."""

    attributes: dict[str, tuple[Expr, int]] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def named(self, kind: str) -> Iterator[Block]:
        """The blocks of one type."""
        return (b for b in self.blocks if b.kind == kind)


@dataclass(frozen=True, slots=True, repr=False)
class Block:
    """`kind "label" … { body }`."""

    kind: str
    labels: tuple[str, ...]
    body: Body
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A file that was read; `broken` is the line of the first mistake, None where there is none."""

    body: Body
    broken: int | None = None


def lines_of(body: Body) -> dict[str, int]:
    """The line of each name in a body, however deep; of a name that stands twice the first."""
    found: dict[str, int] = {}
    pending: list[Body | Expr] = [body]
    while pending:
        part = pending.pop()
        if isinstance(part, Body):
            for name, (expr, line) in part.attributes.items():
                found.setdefault(name, line)
                pending.append(expr)
            pending += [b.body for b in part.blocks]
        elif isinstance(part, Members):
            for key, value in part.pairs:
                if isinstance(key, Lit) and isinstance(key.value, str):
                    found.setdefault(key.value, key.line)
                pending.append(value)
        elif isinstance(part, Items):
            pending += part.items
        elif isinstance(part, Call):
            pending += part.args
    return found
