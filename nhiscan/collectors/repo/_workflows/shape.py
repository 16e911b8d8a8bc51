"""A workflow as jobs and steps, read tolerantly: what has another shape than documented is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Document

FOLDER = ".github/workflows/"
# Far more than GitHub runs (256 jobs of a matrix, some hundred steps).
_MOST_JOBS = 300
_MOST_STEPS = 1_000
_LONGEST = 50_000
# What is searched in scripts takes time with the square of a line's length.
_LONG = 1_000
_LONG_LINE = re.compile(r"([^\n]{1000})([^\n]+)")


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """One step; `document` is the action it was found in where a local action was opened for it.

    `given` are the values of the inputs that the caller of that action hands over; `uses` is the action, empty for a
    step that runs a script, `run` the script, bounded; `inputs` stand under `with`.
    """

    node: Node
    index: str
    document: Document
    given: Mapping[str, Node]
    uses: str = field(init=False)
    run: str = field(init=False)
    inputs: Mapping[str, Node] = field(init=False)
    env: Mapping[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        # Each is asked for many times.
        object.__setattr__(self, "uses", self.node.text_at("uses") or "")
        object.__setattr__(self, "run", bounded(self.node.text_at("run") or ""))
        object.__setattr__(self, "inputs", members(self.node, "with"))
        object.__setattr__(self, "env", members(self.node, "env"))

    def text(self, name: str) -> str:
        """An input's text; empty where it is not set."""
        node = self.inputs.get(name)
        return scalar(node) if node else ""


@dataclass(frozen=True, slots=True, repr=False)
class Job:
    """One job of a workflow."""

    name: str
    node: Node
    workflow: Workflow

    @property
    def steps(self) -> Iterator[Step]:
        """Its steps as written, without those of local actions."""
        steps = self.node.at("steps")
        for number, node in enumerate((steps.list if steps else [])[:_MOST_STEPS], 1):
            if node.map:
                yield Step(node, node.text_at("id") or str(number), self.workflow.document, {})

    @property
    def calls(self) -> str:
        """The reusable workflow it calls, or empty."""
        return self.node.text_at("uses") or ""

    @property
    def env(self) -> Mapping[str, Node]:
        """The environment of the job, without the workflow's."""
        return members(self.node, "env")

    @property
    def environment(self) -> Node | None:
        """The deployment environment's name as written."""
        node = self.node.at("environment")
        found = node.at("name") if node and node.map else node
        return found if found and found.text else None


@dataclass(frozen=True, slots=True, repr=False)
class Workflow:
    """One workflow file; `on` are its triggers with what filters them."""

    document: Document
    on: Mapping[str, Node]

    @property
    def root(self) -> Node:
        """The file's tree."""
        return self.document.root

    @property
    def name(self) -> str:
        """Its name, or that of its file."""
        return self.root.text_at("name") or self.document.path.rsplit("/", 1)[-1].rpartition(".")[0]

    @property
    def declared(self) -> frozenset[str]:
        """The secrets that callers hand in, where it can be called, in lower case."""
        call = self.on.get("workflow_call")
        return frozenset(name.lower() for name in members(call, "secrets")) if call else frozenset()

    @property
    def jobs(self) -> Iterator[Job]:
        """Its jobs, in order."""
        for name, node in list(members(self.root, "jobs").items())[:_MOST_JOBS]:
            if node.map:
                yield Job(name, node, self)


def workflow(document: Document) -> Workflow | None:
    """The workflow, or None where the file is something else (no triggers, no jobs)."""
    root = document.root
    on = root.at("on") or root.at("true")
    if on is None or not members(root, "jobs"):
        return None
    if on.text:
        return Workflow(document, {on.text: Node(None, on.line, on.line)})
    if on.map:
        return Workflow(document, on.map)
    return Workflow(document, {n.text: Node(None, n.line, n.line) for n in on.list if n.text})


def bounded(script: str) -> str:
    """A script with every place where it was, but no longer than any real one, nor any of its lines."""
    script = script[:_LONGEST]
    if len(script) < _LONG or max(map(len, script.split("\n"))) <= _LONG:
        return script
    return _LONG_LINE.sub(lambda m: m[1] + "\n" * len(m[2]), script)


def members(node: Node, key: str) -> Mapping[str, Node]:
    """What stands in the mapping below a key; empty without one."""
    found = node.at(key)
    return found.map if found else {}


def scalar(node: Node) -> str:
    """A value as text: `true` for the boolean, empty for a list, a mapping or nothing."""
    if isinstance(node.value, bool):
        return "true" if node.value else "false"
    return node.text or ""


def strings(node: Node | None) -> Iterator[Node]:
    """Every text at or below a node."""
    stack = [node] if node else []
    while stack:
        item = stack.pop()
        if item.text is not None:
            yield item
        stack += [*reversed(list(item.map.values())), *reversed(item.list)]


def root_of(path: str) -> str:
    """The folder that a workflow's `./` starts from: empty, or ends with a slash where the repository lies below."""
    return path[: path.index(FOLDER)] if FOLDER in path else ""
