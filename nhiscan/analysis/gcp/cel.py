"""Reads the subset of the Common Expression Language that conditions of Google Cloud are written in.

Grammar: github.com/google/cel-spec, doc/langdef.md.  Macros and message literals do not occur in IAM conditions and are
refused, as is everything that is longer or deeper than a condition may be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

MAX_LENGTH = 20_000
MAX_DEPTH = 60
_TOKEN = re.compile(
    r"\s*(?:(?P<text>[rR]?(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"))|(?P<number>\d+(?:\.\d+)?)u?"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!().,?:\[\]]))",
    re.ASCII,
)
_ESCAPE = re.compile(r"\\(.)")
_COMPARE = frozenset({"==", "!=", "<", "<=", ">", ">=", "in"})
_LEVELS = (("||",), ("&&",), tuple(_COMPARE), ("+", "-"), ("*", "/", "%"))


class UnreadableError(ValueError):
    """The expression is not of the subset; the message has a reason and no part of the expression."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression.

    `kind` is `literal` (a text, number or truth in `value`), `name` (dotted path in `value`), `call` (function in
    `value`, its receiver first among the parts or None), `list`, `if`, `!`, `negative`, or a binary operator.
    """

    kind: str
    value: str | float | bool | None = None
    parts: tuple[Node, ...] = ()


def _refuse(why: str) -> NoReturn:
    raise UnreadableError(why)


@lru_cache(4096)
def parse(text: str) -> Node:
    """The expression as a tree.  Raises UnreadableError."""
    if len(text) > MAX_LENGTH:
        _refuse("it is too long")
    reader = _Reader(_tokens(text))
    node = reader.whole()
    if reader.here is not None:
        _refuse("it goes on after its end")
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            _refuse("it has a sign that is not of the language")
        found.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class _Reader:
    """Walks over tokens; `here` is the next one."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def here(self) -> tuple[str, str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *signs: str) -> str | None:
        """The next token if it is one of these signs (or the word `in`)."""
        if self.here and self.here[0] in {"sign", "name"} and self.here[1] in signs:
            self._at += 1
            return self._tokens[self._at - 1][1]
        return None

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            _refuse(f"it lacks {sign!r}")

    def whole(self) -> Node:
        """A whole expression: a choice, or whatever binds tighter."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse("it is too deep")
        node = self._binary(0)
        if self._take("?"):
            first = self.whole()
            self._need(":")
            node = Node("if", None, (node, first, self.whole()))
        self._depth -= 1
        return node

    def _binary(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while sign := self._take(*_LEVELS[level]):
            node = Node(sign, None, (node, self._binary(level + 1)))
        return node

    def _unary(self) -> Node:
        signs: list[str] = []
        while sign := self._take("!", "-"):
            signs.append(sign)
        node = self._member()
        for sign in reversed(signs[:MAX_DEPTH]):
            node = Node("!" if sign == "!" else "negative", None, (node,))
        return node

    def _member(self) -> Node:
        node = self._primary()
        while sign := self._take(".", "["):
            if sign == "[":
                node = Node("index", None, (node, self.whole()))
                self._need("]")
                continue
            if self.here is None or self.here[0] != "name":
                _refuse("it has no name after a dot")
            name = self.here[1]
            self._at += 1
            if self._take("("):
                node = Node("call", name, (node, *self._list(")")))
            elif node.kind == "name":
                node = Node("name", f"{node.value}.{name}")
            else:
                node = Node("field", name, (node,))
        return node

    def _primary(self) -> Node:
        if self._take("("):
            node = self.whole()
            self._need(")")
            return node
        if self._take("["):
            return Node("list", None, tuple(self._list("]")))
        token = self.here
        if token is None or token[0] == "sign":
            _refuse("it lacks a value")
        self._at += 1
        kind, text = token
        if kind == "name" and self._take("("):
            return Node("function", text, tuple(self._list(")")))
        if kind == "name":
            return Node("literal", text == "true") if text in {"true", "false"} else Node("name", text)
        return Node("literal", _text(text) if kind == "text" else float(text))

    def _list(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self._take(end):
            if found:
                self._need(",")
            found.append(self.whole())
        return found


def _text(token: str) -> str:
    if token[0] in "rR":
        return token[2:-1]
    return _ESCAPE.sub(lambda m: {"n": "\n", "t": "\t", "r": "\r"}.get(m[1], m[1]), token[1:-1])
