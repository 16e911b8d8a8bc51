"""JSON that does not parse, read as far as it makes sense: what stands in a broken file still takes effect somewhere.

Truncated files, missing braces and commas, merge marks, keys without quotes.  One pass over the text, so that hostile
input takes linear time.
"""

from __future__ import annotations

import re

from nhiscan.collectors.repo._config.jsonc import DEEPEST, JsonReader
from nhiscan.collectors.repo._config.nodes import MalformedError, Node

_BARE_KEY = re.compile(r"[A-Za-z_$][\w$.-]*(?=\s*:)")
_SINGLE = re.compile(r"'([^'\\\n]*)'")
_OPEN_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)(?:"|$|(?=\n)|\\)')
_JUNK = re.compile(r"""[^\s"'{}\[\],:/#]+|.""", re.DOTALL)
_KEY_AHEAD = re.compile(r'"(?:[^"\\\n]|\\.)*"\s*:')


def mend_json(text: str) -> Node:
    """The mapping that the text seems to mean, possibly empty; never raises."""
    mender = _Mender(text)
    root: dict[str, Node] = {}
    line = mender.line
    while (char := mender.skip()) and not mender.spent:
        if char == "{":
            root.update(mender.value(0, None).map)
        elif char == '"':
            mender.members_into(root, 0)
        else:
            mender.pass_over()
    return Node(root, line, line)


class _Mender(JsonReader):
    """The reader of well-formed text, with a way on at every place where that one gives up."""

    __slots__ = ("spent",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.spent = False

    def pass_over(self) -> None:
        """Go past whatever stands here, at least one character."""
        junk = _JUNK.match(self.text, self.at)
        if junk:
            self.line += junk.group().count("\n")
            self.at = junk.end()
        else:
            self.at = len(self.text)

    def value(self, depth: int, key_line: int | None) -> Node:
        start = self.skip()
        line = self.line
        key_line = line if key_line is None else key_line
        if depth >= DEEPEST:
            self.at, self.spent = len(self.text), True
            return Node(None, line, key_line)
        if start in {"{", "["}:
            self.at += 1
            return Node(
                self.members_into({}, depth, closed=True) if start == "{" else self._listed(depth), line, key_line
            )
        if start == '"':
            return Node(self._loose_string(), line, key_line)
        return self._plain(start, line, key_line)

    def members_into(self, members: dict[str, Node], depth: int, *, closed: bool = False) -> dict[str, Node]:
        """Read members until a brace closes the mapping or the text ends; `closed` says that one was opened."""
        while (char := self.skip()) and not self.spent:
            if char == "}":
                self.at += 1
                break
            if char == "]" and closed:
                break
            line = self.line
            if char == '"':
                key = self._loose_string()
            elif bare := _BARE_KEY.match(self.text, self.at):
                key, self.at = bare.group(), bare.end()
            else:
                self.pass_over()
                continue
            if self.skip() == ":":
                self.at += 1
                members[key] = self.value(depth + 1, line)
        return members

    def _listed(self, depth: int) -> list[Node]:
        items: list[Node] = []
        while (char := self.skip()) and not self.spent:
            if char == "]":
                self.at += 1
                break
            # A key where an item belongs: the list was never closed.
            if char == "}" or (char == '"' and _KEY_AHEAD.match(self.text, self.at)):
                break
            if char in ",:":
                self.at += 1
            else:
                items.append(self.value(depth + 1, None))
        return items

    def _loose_string(self) -> str:
        start = self.at, self.line
        try:
            return self._string()
        except MalformedError:
            self.at, self.line = start
        found = _OPEN_STRING.match(self.text, self.at)
        self.at = max(found.end(), self.at + 1) if found else self.at + 1
        return found[1] if found else ""

    def _plain(self, start: str, line: int, key_line: int) -> Node:
        # A mark of structure belongs to whoever reads on.
        if start in ",:}]":
            return Node(None, line, key_line)
        if single := _SINGLE.match(self.text, self.at):
            self.at = single.end()
            return Node(single[1], line, key_line)
        try:
            return Node(self._scalar(), line, key_line)
        except MalformedError:
            self.pass_over()
            return Node(None, line, key_line)
