"""YAML as plain data that remembers its lines; aliases, foreign tags, deep nesting and big files are refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nhiscan import __version__, cache, yamldata

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import yaml

MAX_BYTES = 512 * 1024
MAX_DEPTH = 24

Path_ = tuple[str | int, ...]

_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_INT = "tag:yaml.org,2002:int"
_FLOAT = "tag:yaml.org,2002:float"
_TEXT = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
_TRUE = ("true", "yes", "on")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file and what to do about it; `line` counts from 1."""

    path: str
    line: int
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}; {self.remedy}"


class RuleFileError(Exception):
    """A rule or framework file that cannot be used; `problem` says where, why and what to do."""

    def __init__(self, path: str, line: int, message: str, remedy: str) -> None:
        self.problem = Problem(path, line, message, remedy)
        super().__init__(str(self.problem))

    @property
    def path(self) -> str:
        """The file."""
        return self.problem.path

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.problem.line

    @property
    def message(self) -> str:
        """What is wrong."""
        return self.problem.message

    @property
    def remedy(self) -> str:
        """What to do."""
        return self.problem.remedy


@dataclass(frozen=True, slots=True)
class Document:
    """A file's mapping and the line of every key and item in it, addressed by path: `("tests", 0, "name")`."""

    path: str
    data: Mapping[str, Any]
    lines: Mapping[Path_, int]

    def line(self, *where: str | int) -> int:
        """The line of a place, or of the nearest place above it that the file has."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)


def read(path: Path, shown: str) -> Document:
    """The one mapping in a file; `shown` is the path to print.  Raises RuleFileError."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as e:
        raise RuleFileError(shown, 1, f"the file cannot be read ({e.strerror})", "make it readable") from None
    if len(raw) > MAX_BYTES:
        raise RuleFileError(shown, 1, f"the file is larger than {MAX_BYTES // 1024} KiB", "split it")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        line = raw.count(b"\n", 0, e.start) + 1
        raise RuleFileError(shown, line, "the file is not UTF-8", "save it as UTF-8") from None
    return parse(text, shown)


def read_all(named: Sequence[tuple[Path, str]], family: str, without: str = "") -> Iterator[Document]:
    """The mapping of each file (path, path to print), kept until one of them changes.  Raises RuleFileError.

    The key `without` is left out of each; what is kept is then much smaller.
    """
    name = f"{family}{cache.stamp(__version__, files=[path for path, _ in named])}.json"
    kept = cache.load(name)
    if kept is not None:
        for shown, data, lines in json.loads(kept):
            yield Document(shown, data, {tuple(where): line for where, line in lines})
        return
    documents = [_less(read(path, shown), without) for path, shown in named]
    rows = [(d.path, d.data, [(where, line) for where, line in d.lines.items()]) for d in documents]
    cache.store(family, name, json.dumps(rows).encode())
    yield from documents


def _less(document: Document, key: str) -> Document:
    data = {k: v for k, v in document.data.items() if k != key}
    return Document(document.path, data, {w: n for w, n in document.lines.items() if w[:1] != (key,)})


def parse(text: str, shown: str) -> Document:
    """The one mapping in a text.  Raises RuleFileError with the line."""
    import yaml

    loader = yamldata.loader()
    try:
        _refuse_traps(text, shown)
        node = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise RuleFileError(shown, line, f"not YAML: {e.problem or e.context}", "correct the syntax") from None
    except yaml.YAMLError as e:
        reason = str(e).splitlines()[0]
        raise RuleFileError(shown, 1, f"not YAML: {reason}", "remove the characters YAML forbids") from None
    if not isinstance(node, yaml.MappingNode):
        raise RuleFileError(shown, 1, "the file is not a mapping", "start it with `id: …`")
    lines: dict[Path_, int] = {(): node.start_mark.line + 1}
    data = _plain(node, (), lines, shown)
    return Document(shown, data, lines)


def _refuse_traps(text: str, shown: str) -> None:
    # Before composing: a composer recurses and expands what an attacker nests or aliases.
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yamldata.loader()):
        line = event.start_mark.line + 1  # type: ignore[union-attr]  # a parser sets it on every event
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise RuleFileError(shown, line, "anchors and aliases are not allowed", "write the value out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise RuleFileError(shown, line, f"nested deeper than {MAX_DEPTH} levels", "flatten it")


def _plain(node: yaml.Node, where: Path_, lines: dict[Path_, int], shown: str) -> Any:  # noqa: ANN401 - plain data
    import yaml

    if isinstance(node, yaml.MappingNode):
        return _mapping(node, where, lines, shown)
    if isinstance(node, yaml.SequenceNode):
        items = []
        for n, item in enumerate(node.value):
            lines[(*where, n)] = item.start_mark.line + 1
            items.append(_plain(item, (*where, n), lines, shown))
        return items
    return _scalar(node, shown)


def _mapping(node: yaml.MappingNode, where: Path_, lines: dict[Path_, int], shown: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key.value, str):
            raise RuleFileError(shown, line, "a key is not a plain word", "use a plain word as key")
        if key.value in found:
            raise RuleFileError(shown, line, f"the key `{key.value}` occurs twice", "remove one of them")
        lines[(*where, key.value)] = line
        found[key.value] = _plain(value, (*where, key.value), lines, shown)
    return found


def _scalar(node: yaml.Node, shown: str) -> str | int | float | bool | None:
    text = str(node.value)
    try:
        if node.tag in _TEXT:
            return text
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return text.lower() in _TRUE
        if node.tag == _INT:
            return int(text.replace("_", ""), 10)
        if node.tag == _FLOAT:
            return float(text.replace("_", ""))
    except ValueError:
        return text
    line = node.start_mark.line + 1
    raise RuleFileError(shown, line, f"the tag {node.tag} is not allowed", "use plain text, numbers and booleans")
