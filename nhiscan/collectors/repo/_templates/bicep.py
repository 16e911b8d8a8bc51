"""Bicep as the tree of an ARM template: values as they are, everything else as `[expression]`.

A tolerant reader of our own: declarations, objects, lists, strings and comments; what stands for a value and is no
literal is kept as text.  Grammar: learn.microsoft.com, Bicep file structure and syntax (November 2026).
"""

from __future__ import annotations

import re
from typing import NoReturn

from nhiscan.collectors.repo._config.nodes import MalformedError, Node, Value
from nhiscan.collectors.repo._templates.arm import MOST, TOO_MANY

_DEEPEST = 60
_BLANK = re.compile(r"(?:[ \t\r\ufeff]+|//[^\n]*|/\*.*?(?:\*/|\Z))+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z_]\w*")
_PLAIN = re.compile(r"[^'\\\n$]+")
_PIECE = re.compile(r"[^'\n,(){}\[\]/]+")
_NUMBER = re.compile(r"-?\d{1,18}")
_CONTINUES = re.compile(r"\s*(?:\?|:|&&|\|\||==|!=)")
_FOR = re.compile(r"for\b")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_TABLES = {"param": "parameters", "var": "variables", "output": "outputs"}
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}


def parse_bicep(text: str) -> Node:
    """The tree of one Bicep file.  Raises MalformedError with the line where sense ends."""
    return _Reader(text).file()


class _Reader:
    """A cursor over the text; the line is counted as the cursor moves."""

    __slots__ = ("at", "counted", "line", "text")

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line, self.counted = text, 0, 1, 0

    def here(self) -> int:
        """The line of the cursor."""
        self.line += self.text.count("\n", self.counted, self.at) if self.at >= self.counted else 0
        self.counted = max(self.at, self.counted)
        return self.line

    def fail(self, what: str) -> NoReturn:
        raise MalformedError(what, self.here())

    def skip(self, *, lines: bool = True) -> str:
        """The next character that counts, or the empty string at the end."""
        while True:
            if blank := _BLANK.match(self.text, self.at):
                self.at = blank.end()
            if not lines or self.text[self.at : self.at + 1] != "\n":
                return self.text[self.at : self.at + 1]
            self.at += 1

    def word(self) -> str:
        found = _WORD.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found[0] if found else ""

    def rest(self) -> None:
        """Past the end of the line."""
        self.at = (self.text.find("\n", self.at) + 1) or len(self.text)

    def file(self) -> Node:
        found: dict[str, dict[str, Node]] = {"parameters": {}, "variables": {}, "outputs": {}}
        resources: list[Node] = []
        decorators: list[str] = []
        while char := self.skip():
            if char == "@":
                decorators.append(self.expression())
                continue
            line, keyword = self.here(), self.word()
            self.skip(lines=False)
            match keyword:
                case "param" | "var" | "output":
                    self._named(keyword, line, decorators, found)
                case "resource" | "module":
                    resources += self._resource(line, 0)
                    if len(resources) > MOST:
                        self.fail(TOO_MANY)
                case _:
                    self.expression()
                    if not keyword:
                        self.rest()
            decorators = []
        members: dict[str, Node] = {k: Node(dict(v), 1, 1) for k, v in found.items()}
        return Node(
            {**members, "resources": Node(resources, 1, 1), "bicep": Node(value=True, line=1, key_line=1)}, 1, 1
        )

    def _named(self, keyword: str, line: int, decorators: list[str], found: dict[str, dict[str, Node]]) -> None:
        name = self.word()
        self.skip(lines=False)
        kind = ""
        if keyword != "var" and (self.text[self.at : self.at + 1] != "="):
            kind = self._until_assigned()
        members: dict[str, Node] = {}
        if self.skip(lines=False) == "=":
            self.at += 1
            value = self.value(0)
            members["value" if keyword == "output" else "defaultValue"] = Node(value.value, value.line, line)
        secure = any(d.replace(" ", "").lower() in {"@secure()", "@sys.secure()"} for d in decorators)
        members["type"] = Node("securestring" if secure else kind, line, line)
        if name:
            found[_TABLES[keyword]][name] = Node(members, line, line)

    def _until_assigned(self) -> str:
        start, end = self.at, self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        assigned = self.text.find("=", start, end)
        self.at = assigned if assigned >= 0 else end
        return self.text[start : self.at].strip()[:200]

    def _resource(self, line: int, depth: int) -> list[Node]:
        symbol = self.word()
        if self.skip(lines=False) != "'":
            self.rest()
            return []
        kind = self.string()
        self.skip(lines=False)
        existing = self.text.startswith("existing", self.at)
        if existing:
            self.word()
        if self.skip(lines=False) != "=":
            self.rest()
            return []
        self.at += 1
        self.skip(lines=False)
        if self.text.startswith("if", self.at) and not self.text[self.at + 2 : self.at + 3].isalnum():
            self.at += 2
            if self.skip() == "(":
                self._balanced()
        body = self.value(depth)
        members = dict(body.map or (body.list[0].map if body.list else {}))
        said: dict[str, Value] = {"symbol": symbol, "type": (kind or "").split("@")[0], "existing": existing}
        return [Node({**members, **{k: Node(v, line, line) for k, v in said.items()}}, line, line)]

    def _balanced(self) -> str:
        """The text from one bracket to its partner."""
        start, depth = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "'":
                self.string()
                continue
            depth += (char in "([{") - (char in ")]}")
            self.at += 1
            if depth <= 0:
                break
        return self.text[start : self.at]

    def value(self, depth: int) -> Node:
        """One value; Raises MalformedError where the file ends too early or nests too deeply."""
        char = self.skip()
        line = self.here()
        if not char:
            self.fail("the file ends too early")
        if depth > _DEEPEST:
            self.fail("nested too deeply")
        start = self.at
        if char == "{":
            return Node(self._object(depth), line, line)
        if char == "[":
            return Node(self._list(depth), line, line)
        if char == "'":
            literal = self.string()
            if self.skip(lines=False) in {"\n", "", ",", "}", "]"} and literal is not None:
                return Node(f"[{literal}" if literal.startswith("[") else literal, line, line)
            self.at = start
        text = self.expression()
        if text in _WORDS:
            return Node(_WORDS[text], line, line)
        return Node(int(text), line, line) if _NUMBER.fullmatch(text) else Node(f"[{text}]", line, line)

    def _object(self, depth: int) -> dict[str, Node]:
        members: dict[str, Node] = {}
        nested: list[Node] = []
        self.at += 1
        while (char := self.skip()) != "}":
            line = self.here()
            if not char:
                self.fail("an object is not closed")
            before = self.at
            key = self._key() if char == "'" else self.word()
            follows = self.skip(lines=False)
            if follows == ":" and key:
                self.at += 1
                value = self.value(depth + 1)
                members[key] = Node(value.value, value.line, line)
            elif key == "resource":
                nested += self._resource(line, depth + 1)
            else:
                self.expression()
            if self.skip(lines=False) == "," or self.at == before:
                self.at += 1
        self.at += 1
        if nested:
            members["resources"] = Node(nested, nested[0].line, nested[0].line)
        return members

    def _key(self) -> str:
        """A key in quotes, put together ones as an expression."""
        start = self.at
        found = self.string()
        return f"[{self.text[start : self.at]}]" if found is None else found

    def _list(self, depth: int) -> list[Node]:
        items: list[Node] = []
        self.at += 1
        if self.skip() == "f" and _FOR.match(self.text, self.at):
            end = self.text.find("\n", self.at)
            brace = self.text.find("{", self.at, None if end < 0 else end)
            if brace < 0:
                self.expression()
            else:
                self.at = brace
        while (char := self.skip()) != "]":
            if not char:
                self.fail("a list is not closed")
            before = self.at
            items.append(self.value(depth + 1))
            if self.skip(lines=False) == "," or self.at == before:
                self.at += 1
        self.at += 1
        return items

    def string(self) -> str | None:
        """The text of a string, None for one that is put together."""
        if self.text.startswith("'''", self.at):
            end = self.text.find("'''", self.at + 3)
            end = len(self.text) if end < 0 else end
            found = self.text[self.at + 3 : end]
            self.at = end + 3
            return found.removeprefix("\r").removeprefix("\n")
        self.at += 1
        parts: list[str] = []
        put_together = False
        while True:
            if plain := _PLAIN.match(self.text, self.at):
                parts.append(plain[0])
                self.at = plain.end()
            char = self.text[self.at : self.at + 1]
            if char == "'":
                self.at += 1
                return None if put_together else "".join(parts)
            if char == "\\":
                letter = self.text[self.at + 1 : self.at + 2]
                parts.append(_ESCAPES.get(letter, letter))
                self.at += 2
            elif char == "$":
                put_together = self._interpolated() or put_together
                parts.append("$")
            else:
                # Not closed on its line: whatever it is, it is no string.
                return None if put_together else "".join(parts)

    def _interpolated(self) -> bool:
        self.at += 1
        if self.text[self.at : self.at + 1] != "{":
            return False
        depth = 0
        while (char := self.text[self.at : self.at + 1]) not in {"", "\n"}:
            depth += (char == "{") - (char == "}")
            self.at += 1
            if depth == 0:
                break
        return True

    def expression(self) -> str:
        """The text up to the end of the value: its line, or the comma or bracket that closes what holds it."""
        start, depth = self.at, 0
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "'":
                self.string()
            elif char in "([{":
                depth += 1
                self.at += 1
            elif char in ")]}":
                if depth == 0:
                    break
                depth -= 1
                self.at += 1
            elif depth == 0 and char == ",":
                break
            elif depth == 0 and char == "\n":
                if (follows := _CONTINUES.match(self.text, self.at + 1)) is None:
                    break
                self.at = follows.end()
            elif blank := _BLANK.match(self.text, self.at):
                self.at = blank.end()
            else:
                piece = _PIECE.match(self.text, self.at)
                self.at = piece.end() if piece else self.at + 1
        return self.text[start : self.at].strip()
