"""Typed access to a parsed configuration: every mistake becomes one line with file, line and remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nhiscan.engine.yamlfile import Document

Where = tuple[str | int, ...]


class ConfigError(Exception):
    """A configuration that cannot be used; the message names file, line and remedy."""

    def __init__(self, path: str, line: int, message: str, remedy: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.remedy = remedy


class Reader:
    """A document and typed look-ups in it; a missing key is None or empty, a wrong type raises ConfigError."""

    def __init__(self, document: Document) -> None:
        self.name = document.path
        self.data: Mapping[str, Any] = document.data
        self._document = document

    def line(self, where: Where) -> int:
        """The line of a place."""
        return self._document.line(*where)

    def error(self, where: Where, message: str, remedy: str) -> ConfigError:
        """The error to raise for a place."""
        return ConfigError(self.name, self.line(where), message, remedy)

    def get(self, where: Where) -> Any:  # noqa: ANN401 - plain YAML data
        """What stands at a place, None when nothing does."""
        found: Any = self.data
        for step in where:
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def text(self, where: Where) -> str | None:
        """A scalar as text."""
        value = self.get(where)
        if value is None:
            return None
        if isinstance(value, dict | list):
            raise self.error(where, f"`{where[-1]}` must be one value", f"write `{where[-1]}: value`")
        return str(value)

    def choice(self, where: Where, allowed: Sequence[str]) -> str | None:
        """A scalar out of a closed set."""
        value = self.text(where)
        if value is not None and value not in allowed:
            raise self.error(where, f"`{value}` is not a {where[-1]}", f"use one of {', '.join(allowed)}")
        return value

    def items(self, where: Where) -> list[Any]:
        """A list of anything."""
        value = self.get(where)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self.error(where, f"`{where[-1]}` must be a list", "begin each item with `- `")
        return value

    def texts(self, where: Where) -> tuple[str, ...]:
        """A list of scalars; one scalar stands for a list of one."""
        value = self.get(where)
        if value is not None and not isinstance(value, dict | list):
            return (str(value),)
        return tuple(self.text((*where, n)) or "" for n, _ in enumerate(self.items(where)))

    def mapping(self, where: Where) -> dict[str, Any]:
        """A mapping."""
        value = self.get(where)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.error(where, f"`{where[-1]}` must be a mapping", "write `key: value` lines below it")
        return value

    def only(self, where: Where, allowed: set[str]) -> None:
        """Refuse keys that mean nothing, so that a typing error never silently does nothing."""
        for key in self.mapping(where):
            if key not in allowed:
                raise self.error((*where, key), f"unknown key `{key}`", f"use one of {', '.join(sorted(allowed))}")
