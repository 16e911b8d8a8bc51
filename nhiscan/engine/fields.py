"""Reading typed values out of a rule file, with a problem for each that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nhiscan.engine.yamlfile import Problem
from nhiscan.model import RECORDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.engine.yamlfile import Document

Where = tuple[str | int, ...]


class Fields:
    """Reads values out of a document and remembers what is wrong with them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def wrong(self, where: Where, message: str, remedy: str) -> None:
        """Note a problem at a place."""
        self.problems.append(Problem(self.document.path, self.document.line(*where), message, remedy))

    def keys(self, where: Where, data: Mapping[str, Any], allowed: tuple[str, ...]) -> None:
        """Note every key that is not allowed."""
        for key in data:
            if key not in allowed:
                self.wrong((*where, key), f"the key `{key}` is unknown here", f"use one of: {', '.join(allowed)}")

    def text(self, where: Where, value: object) -> str:
        """The value as a text without space around it; empty when it is none."""
        if isinstance(value, str) and value.strip():
            return value.strip()
        self.wrong(where, f"`{where[-1]}` is not a text", "write a text, in quotes if it looks like a number")
        return ""

    def texts(self, where: Where, value: object) -> tuple[str, ...]:
        """The value as texts; empty when it is no list."""
        if not isinstance(value, list):
            self.wrong(where, f"`{where[-1]}` is not a list", "write a list of texts")
            return ()
        return tuple(self.text((*where, n), item) for n, item in enumerate(value))

    def choice(self, where: Where, value: object, allowed: tuple[str, ...]) -> str:
        """The value if it is one of those allowed, else the first of them."""
        if isinstance(value, str) and value in allowed:
            return value
        self.wrong(where, f"`{value}` is no value of `{where[-1]}`", f"use one of: {', '.join(allowed)}")
        return allowed[0]

    def mapping(self, where: Where, value: object) -> dict[str, Any]:
        """The value as a mapping; empty when it is none."""
        if isinstance(value, dict):
            return value
        self.wrong(where, f"`{where[-1]}` is not a mapping", "write `key: value` lines below it")
        return {}

    def tables(self, where: Where, value: object) -> tuple[str, ...]:
        """The value as names of tables."""
        names = self.texts(where, value)
        for n, name in enumerate(names):
            if name and name not in RECORDS:
                self.wrong((*where, n), f"`{name}` is no table", f"use one of: {', '.join(RECORDS)}")
        return names
