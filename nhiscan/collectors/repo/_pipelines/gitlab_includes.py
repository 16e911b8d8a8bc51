"""What a GitLab pipeline consists of: its own file, local files that it includes, and files of others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._pipelines.parts import Part, git_pin
from nhiscan.plugin import Pin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Document, Node
    from nhiscan.collectors.repo._pipelines.parts import Load

_MOST_FILES = 150
_DEEPEST = 10


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A node and the file it stands in."""

    document: Document
    root: Node


@dataclass(slots=True, repr=False)
class Merged:
    """All jobs by name, global keywords, the files they come from, and what is included from elsewhere."""

    jobs: dict[str, Source] = field(default_factory=dict)
    roots: dict[str, Node] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    read: set[str] = field(default_factory=set)


def merged(document: Document, load: Load) -> Merged:
    """One pipeline: what is included comes first, and the including file wins (ci/yaml/includes)."""
    found = Merged()
    _add(found, document, load, 0)
    return found


def _add(found: Merged, document: Document, load: Load, depth: int) -> None:
    if document.path in found.read or depth > _DEEPEST or len(found.read) >= _MOST_FILES:
        return
    found.read.add(document.path)
    for path in _local(document.root.at("include")):
        for included in load(path):
            _add(found, included, load, depth + 1)
    for node in document.root.map.values():
        # A child pipeline is a pipeline of the same project, with its variables.
        child = node.at("trigger", "include")
        for path in _local(child):
            for included in load(path):
                _add(found, included, load, depth + 1)
        found.parts += _foreign(child)
    found.parts += _foreign(document.root.at("include"))
    found.sources.append(Source(document, document.root))
    for name, node in document.root.map.items():
        found.roots[name] = node
        if node.map:
            found.jobs[name] = Source(document, node)


def _entries(node: Node | None) -> Iterator[Node]:
    if node is not None:
        yield from node.list or [node]


def _local(node: Node | None) -> Iterator[str]:
    for entry in _entries(node):
        path = entry.text or entry.text_at("local")
        if path and "://" not in path and "$" not in path:
            yield path.lstrip("/")


def _foreign(node: Node | None) -> Iterator[Part]:
    for entry in _entries(node):
        remote = entry.text_at("remote") or (entry.text if entry.text and "://" in entry.text else None)
        if remote:
            yield Part("remote", remote, Pin.DIGEST if entry.at("integrity") else Pin.URL, entry.line)
        elif project := entry.text_at("project"):
            yield from _of_project(project, entry)
        elif component := entry.text_at("component"):
            version = component.rpartition("@")[2] if "@" in component else ""
            yield Part("component", component, Pin.LATEST if version == "~latest" else git_pin(version), entry.line)


def _of_project(project: str, entry: Node) -> Iterator[Part]:
    ref = entry.text_at("ref")
    for file in [t.text for t in _entries(entry.at("file")) if t.text] or [""]:
        yield Part("project", f"{project}/{file.lstrip('/')}@{ref or ''}".rstrip("@"), git_pin(ref), entry.line)
