"""JSON as people and editors write it: comments, trailing commas, BOM, CRLF; every value keeps its line.

A reader of our own because the standard one gives no lines and takes no comments, and the pure-Python JSON5 readers
cost a thousand times more.
"""

from __future__ import annotations

import re
from typing import NoReturn

from nhiscan.collectors.repo._config.nodes import MalformedError, Node, Value

# Deeper than any real file, shallower than Python's stack.
DEEPEST = 64
_BLANK = re.compile(r"(?:[\s\ufeff]+|//[^\n]*|#[^\n]*|/\*.*?\*/)+", re.DOTALL)
_PLAIN = re.compile(r'[^"\\\n]+')
_NUMBER = re.compile(r"-?\d+(?P<real>(?:\.\d+)?(?:[eE][+-]?\d+)?)")
_WORD = re.compile(r"true|false|null")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")
# Longer digits are no setting, and int() refuses more than 4300 of them.
_LONGEST_NUMBER = 40


def parse_json(text: str) -> Node:
    """The tree of one JSON document.  Raises MalformedError with the line where it stops making sense."""
    reader = JsonReader(text)
    root = reader.value(0, reader.line)
    reader.skip()
    if reader.at < len(text):
        reader.fail("something follows the end of the document")
    return root


class JsonReader:
    """A cursor over the text; the line is counted as the cursor moves."""

    __slots__ = ("at", "line", "text")

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1

    def fail(self, what: str) -> NoReturn:
        raise MalformedError(what, self.line)

    def skip(self) -> str:
        """The next character that counts, or the empty string at the end."""
        if blank := _BLANK.match(self.text, self.at):
            self.line += blank.group().count("\n")
            self.at = blank.end()
        return self.text[self.at : self.at + 1]

    def value(self, depth: int, key_line: int | None) -> Node:
        start = self.skip()
        line = self.line
        key_line = key_line if key_line is not None else line
        if not start:
            self.fail("the file ends too early")
        if depth >= DEEPEST:
            self.fail("nested too deeply")
        match start:
            case "{":
                return Node(self._members(depth), line, key_line)
            case "[":
                return Node(self._items(depth), line, key_line)
            case '"':
                return Node(self._string(), line, key_line)
            case _:
                return Node(self._scalar(), line, key_line)

    def _members(self, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        self.at += 1
        while (char := self.skip()) != "}":
            if char != '"':
                self.fail("a key in double quotes or } was expected")
            line = self.line
            key = self._string()
            if self.skip() != ":":
                self.fail("a colon was expected after a key")
            self.at += 1
            members[key] = self.value(depth + 1, line)
            self._comma("}")
        self.at += 1
        return members

    def _items(self, depth: int) -> list[Node]:
        items: list[Node] = []
        self.at += 1
        while self.skip() != "]":
            items.append(self.value(depth + 1, None))
            self._comma("]")
        self.at += 1
        return items

    def _comma(self, close: str) -> None:
        char = self.skip()
        if char == ",":
            self.at += 1
        elif char != close:
            self.fail(f"a comma or {close} was expected" if char else "the file ends too early")

    def _string(self) -> str:
        self.at += 1
        parts: list[str] = []
        while True:
            if plain := _PLAIN.match(self.text, self.at):
                parts.append(plain.group())
                self.at = plain.end()
            char = self.text[self.at : self.at + 1]
            if char == '"':
                self.at += 1
                # A lone surrogate is no character; joined pairs are.
                return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if char != "\\":
                self.fail("a string is not closed on its line")
            parts.append(self._escape())

    def _escape(self) -> str:
        letter = self.text[self.at + 1 : self.at + 2]
        if letter == "u" and (digits := _HEX.match(self.text, self.at + 2)):
            self.at += 6
            return chr(int(digits.group(), 16))
        if letter not in _ESCAPES:
            self.fail("an unknown escape in a string")
        self.at += 2
        return _ESCAPES[letter]

    def _scalar(self) -> Value:
        if word := _WORD.match(self.text, self.at):
            self.at = word.end()
            return _WORDS[word.group()]
        number = _NUMBER.match(self.text, self.at)
        if number is None or len(number.group()) > _LONGEST_NUMBER:
            self.fail("a value was expected")
        self.at = number.end()
        return float(number.group()) if number["real"] else int(number.group())
