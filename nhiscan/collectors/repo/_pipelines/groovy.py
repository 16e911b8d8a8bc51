"""Groovy as far as a Jenkinsfile needs it: words, strings and blocks with lines; nothing is evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<gstring>"(?:[^"\\\n]|\\.)*")|(?P<string>'(?:[^'\\\n]|\\.)*')|(?P<word>[A-Za-z_$][\w$.]*)"""
    r"""|(?P<mark>[{}()\[\],:=;\n])|(?P<long>\"{3}|'{3})|(?P<comment>//[^\n]*|\#![^\n]*)|(?P<block>/\*)"""
)
_DEEPEST = 60
_MOST = 200_000
_KINDS = {"gstring": "gstring", "string": "string", "word": "word", "mark": "mark"}


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A word, a mark, a `string`, or a `gstring` in which variables are put in place."""

    kind: str
    text: str
    line: int


@dataclass(slots=True, repr=False)
class Block:
    """What stands before a brace, and the statements and blocks in it."""

    head: list[Token]
    line: int
    body: list[list[Token] | Block] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The first word of the head."""
        return next((t.text for t in self.head if t.kind == "word"), "")

    @property
    def blocks(self) -> list[Block]:
        """The blocks directly inside."""
        return [b for b in self.body if isinstance(b, Block)]

    @property
    def statements(self) -> list[list[Token]]:
        """The statements directly inside."""
        return [s for s in self.body if not isinstance(s, Block)]


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a script without comments; a string that is not closed goes on to the end."""
    at, line, count = 0, 1, 0
    while count < _MOST:
        long = _long_at(text, at)
        match = None if long else _TOKEN.search(text, at)
        if match is not None and (mark := _long_at(text, match.start())):
            line += text.count("\n", at, match.start())
            at, long, match = match.start(), mark, None
        if long:
            end = text.find(long, at + 3)
            end = len(text) if end < 0 else end
            yield Token("gstring" if long[0] == '"' else "string", text[at + 3 : end], line)
            line += text.count("\n", at, end)
            at = min(end + 3, len(text))
        elif match is None:
            return
        else:
            line += text.count("\n", at, match.start())
            at = match.end()
            kind = match.lastgroup or ""
            if kind == "block":
                end = text.find("*/", at)
                end = len(text) if end < 0 else end + 2
                line += text.count("\n", at, end)
                at = end
            elif kind in _KINDS:
                yield Token(kind, match[0][1:-1] if kind.endswith("string") else match[0], line)
                line += match[0] == "\n"
        count += 1


def _long_at(text: str, at: int) -> str:
    return next((q for q in ('"""', "'''") if text.startswith(q, at)), "")


def parse(text: str) -> Block:
    """The script as one block; braces that do not pair are taken as they come."""
    root = Block([], 1)
    stack: list[tuple[Block, int]] = [(root, 0)]
    statement: list[Token] = []
    depth = 0
    for token in tokens(text):
        mark = token.text if token.kind == "mark" else ""
        if mark == "{" and len(stack) < _DEEPEST:
            block = Block(statement, statement[0].line if statement else token.line)
            stack[-1][0].body.append(block)
            stack.append((block, depth))
            statement, depth = [], 0
        elif mark == "}" and len(stack) > 1:
            if statement:
                stack[-1][0].body.append(statement)
            depth = stack.pop()[1]
            statement = []
        elif mark in {"\n", ";"}:
            if depth <= 0 and statement:
                stack[-1][0].body.append(statement)
                statement = []
        else:
            depth += (mark in {"(", "["}) - (mark in {")", "]"})
            depth = max(depth, 0)
            statement.append(token)
    if statement:
        stack[-1][0].body.append(statement)
    return root


def settings(tokens_: list[Token]) -> Iterator[tuple[str, dict[str, Token]]]:
    """Each innermost bracket with its `key: value` pairs, and the word before it (`string(credentialsId: 'a')`)."""
    stack: list[tuple[str, dict[str, Token]]] = [("", {})]
    before = ""
    for i, token in enumerate(tokens_):
        if token.kind == "mark" and token.text in "([":
            stack.append((before, {}))
        elif token.kind == "mark" and token.text in ")]" and len(stack) > 1:
            yield stack.pop()
        elif token.kind == "word":
            if i + 2 < len(tokens_) and tokens_[i + 1].text == ":" and tokens_[i + 1].kind == "mark":
                stack[-1][1][token.text] = tokens_[i + 2]
            before = token.text
    yield from reversed(stack)
