"""One file of a client as a tree: JSON with comments, TOML, YAML, front matter; what makes sense of broken ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.mend import mend_json
from nhiscan.collectors.repo._config.nodes import MalformedError, Node
from nhiscan.collectors.repo._config.tomlc import parse_toml
from nhiscan.collectors.repo._config.yamlc import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

# How often the part above an error is tried again: a file with more errors is no configuration.
_TRIES = 4
_PLAIN = re.compile(r"([A-Za-z][\w-]*:)[ \t]+([^\s\[{\"'|>].*)")
_NO_MAPPING = "the document is no mapping"


def read_tree(path: str, text: str) -> tuple[Node | None, MalformedError | None]:
    """What the text says, and what is wrong with it; None for nothing at all."""
    suffix = path.rpartition(".")[2].lower()
    match suffix:
        case "toml":
            return _above(text, parse_toml)
        case "yaml" | "yml":
            return _above(text, _first)
        case "md":
            return _head(_front_matter(text))
    try:
        root = parse_json(text)
    except MalformedError as e:
        mended = mend_json(text)
        return (mended if mended.map else None), e
    if not isinstance(root.value, dict):
        return None, MalformedError(_NO_MAPPING, root.line)
    return root, None


def _head(text: str) -> tuple[Node | None, MalformedError | None]:
    """The head of a Markdown file; people write sentences there that YAML refuses and clients take all the same."""
    root, error = _above(text, _first)
    if error is None:
        return root, None
    quoted = "\n".join(_quoted(line) for line in text.split("\n"))
    root, error = _above(quoted, _first)
    return root, error if root is None else None


def _quoted(line: str) -> str:
    plain = _PLAIN.fullmatch(line)
    return f"""{plain[1]} '{plain[2].replace("'", "''")}'""" if plain else line


def _above(text: str, parse: Callable[[str], Node | None]) -> tuple[Node | None, MalformedError | None]:
    """The tree; of a broken text the tree of what stands above the error."""
    first: MalformedError | None = None
    for _ in range(_TRIES):
        try:
            root = parse(text)
        except MalformedError as e:
            first = first or e
            lines = text.split("\n")
            # At least one line less, also where the error is that the text ends.
            text = "\n".join(lines[: min(e.line, len(lines)) - 1])
            continue
        if root is not None and not isinstance(root.value, dict):
            return None, first or MalformedError(_NO_MAPPING, root.line)
        return (root if root and root.map else None), first
    return None, first


def _first(text: str) -> Node | None:
    documents = parse_yaml(text)
    return documents[0] if documents else None


def _front_matter(text: str) -> str:
    """The head of a Markdown file, on the lines it has there; empty where there is none."""
    lines = text.split("\n")
    start = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if lines[start].rstrip() != "---":
        return ""
    end = next((i for i, line in enumerate(lines[start + 1 :], start + 1) if line.rstrip() == "---"), 0)
    return "\n".join([*([""] * (start + 1)), *lines[start + 1 : end]])
