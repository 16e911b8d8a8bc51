"""Modules as they are written: directories of HCL files, expanded from the ones that nobody calls."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform import lookup, tree
from nhiscan.collectors.repo._terraform.evaluate import Budget, Evaluator
from nhiscan.collectors.repo._terraform.values import Thing, Unknown, Value, known_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.tree import Block, Expr, Source

_DEEPEST_CALL = 8
_MOST_MODULES = 500
"""Instances of modules below one root; real ones have dozens."""


@dataclass(slots=True)
class Folder:
    """The files of one directory: blocks by kind, and the variable files beside them."""

    path: str
    files: dict[str, Source] = field(default_factory=dict)
    variables: dict[str, Source] = field(default_factory=dict)

    def blocks(self, kind: str, labels: int) -> Iterator[tuple[str, Block]]:
        """Blocks of a kind with so many labels, each with the file it stands in."""
        for path, source in sorted(self.files.items()):
            for block in source.body.named(kind):
                if len(block.labels) == labels:
                    yield path, block

    def given(self) -> dict[str, Expr]:
        """The values that `terraform.tfvars` and `*.auto.tfvars` set; those of the only variable file there is."""
        automatic = [p for p in sorted(self.variables) if _is_automatic(p)]
        chosen = automatic or (list(self.variables) if len(self.variables) == 1 else [])
        return {k: e for p in chosen for k, (e, _) in self.variables[p].body.attributes.items()}

    def calls(self) -> Iterator[tuple[str, str]]:
        """Name and directory of each local module that is called."""
        for _, block in self.blocks("module", 1):
            if (source := _local(block)) is not None:
                yield block.labels[0], posixpath.normpath(posixpath.join(self.path, source))


def _is_automatic(path: str) -> bool:
    return posixpath.basename(path) == "terraform.tfvars" or path.endswith(".auto.tfvars")


def _local(block: Block) -> str | None:
    source = block.body.attributes.get("source")
    if source is None or not isinstance(source[0], tree.Lit) or not isinstance(source[0].value, str):
        return None
    text = source[0].value
    return text if text.startswith(("./", "../")) or text in {".", ".."} else None


def roots(folders: Mapping[str, Folder]) -> list[Folder]:
    """The directories that no other one calls; where they only call each other, all of them."""
    called = {place for folder in folders.values() for _, place in folder.calls() if place != folder.path}
    top = [f for path, f in sorted(folders.items()) if path not in called and f.files]
    return top or [f for _, f in sorted(folders.items()) if f.files]


@dataclass(slots=True)
class Instance:
    """One module as it is called: `prefix` is `module.app.` for what is called `app`, `root` where it starts."""

    home: Folder
    prefix: str
    root: str
    shared: Shared
    arguments: Mapping[str, Value] | None = None
    depth: int = 0
    _locals: dict[str, Value] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _variables: dict[str, Value] = field(default_factory=dict)
    _children: dict[str, Instance | None] = field(default_factory=dict)
    index: lookup.Index = field(init=False)

    def __post_init__(self) -> None:
        self.index = lookup.Index.of(self.home)

    @property
    def folder(self) -> str:
        """The directory of the files."""
        return self.home.path or "."

    @property
    def evaluator(self) -> Evaluator:
        """Evaluates in this module."""
        return Evaluator(self, self.shared.budget)

    def file(self, path: str) -> str | None:
        """The text of a file of the checkout."""
        return self.shared.read(path)

    def look_up(self, root: str, steps: tuple[str, ...], depth: int) -> tuple[Value, int]:
        """The value behind `root.step…` and how many of the steps it took."""
        if root == "var" and steps:
            return self._variable(steps[0], depth), 1
        if root == "local" and steps:
            return self._once(f"local.{steps[0]}", self._locals, self.index.locals.get(steps[0]), depth), 1
        if root == "module" and len(steps) > 1:
            return self._output(steps, depth)
        if root in {"each", "count", "self", "terraform", "var", "local", "module"}:
            return Unknown(f"{root}.{steps[0]}" if steps else root), len(steps)
        return lookup.resource(self, root, steps, depth)

    def things(self) -> Iterator[Thing]:
        """Every resource and data source of this module and of those it calls."""
        for kind, data in (("resource", False), ("data", True)):
            for path, block in self.home.blocks(kind, 2):
                yield from self._things(path, block, data=data)
        for name, _ in self.home.calls():
            if child := self._child(name, 0):
                yield from child.things()

    def address(self, kind: str, label: str, *, data: bool = False) -> str:
        """`module.a.aws_iam_role.x`."""
        return f"{self.prefix}{'data.' if data else ''}{kind}.{label}"

    def _things(self, path: str, block: Block, *, data: bool) -> Iterator[Thing]:
        kind, label = block.labels
        lines = tree.lines_of(block.body)
        rounds = self.evaluator.each(block.body)
        for own in [{}] if rounds is None else rounds:
            values = self.evaluator.with_own(own).body(block.body)
            yield Thing(
                kind=kind, label=label, address=self.address(kind, label, data=data), root=self.root, values=values,
                path=path, line=block.line, lines=lines, data=data, instance=rounds is not None,
            )  # fmt: skip

    def _variable(self, name: str, depth: int) -> Value:
        if self.arguments is not None and name in self.arguments:
            return self.arguments[name]
        given = self.index.given.get(name) if self.arguments is None else None
        return self._once(f"var.{name}", self._variables, given or self.index.defaults.get(name), depth)

    def _once(self, name: str, known: dict[str, Value], expr: Expr | None, depth: int) -> Value:
        if name in known:
            return known[name]
        if expr is None or name in self._busy:
            return Unknown(name)
        self._busy.add(name)
        known[name] = self.evaluator.value(expr, depth + 1)
        self._busy.discard(name)
        return known[name]

    def _output(self, steps: tuple[str, ...], depth: int) -> tuple[Value, int]:
        child = self._child(steps[0], depth)
        name = f"module.{steps[0]}.{steps[1]}"
        if child is None:
            return Unknown(name), len(steps)
        at = 1 if steps[1] in child.index.outputs or len(steps) == 2 else 2
        expr = child.index.outputs.get(steps[at])
        busy = f"output.{steps[0]}.{steps[at]}"
        if expr is None or busy in self._busy:
            return Unknown(name), len(steps)
        self._busy.add(busy)
        value = child.evaluator.value(expr, depth + 1)
        self._busy.discard(busy)
        return value, at + 1

    def _child(self, name: str, depth: int) -> Instance | None:
        """The module that is called so; None for one that is not in the checkout."""
        if name in self._children:
            return self._children[name]
        block = self.index.calls.get(name)
        place = dict(self.home.calls()).get(name)
        folder = self.shared.folders.get(place) if place is not None else None
        if block is None or folder is None or self.depth >= _DEEPEST_CALL or not self.shared.room():
            self._children[name] = None
            return None
        self._children[name] = None  # while its arguments are worked out, it is not there
        rounds = self.evaluator.each(block.body)
        own = rounds[0] if rounds is not None and len(rounds) == 1 else {}
        if rounds == [] or known_text(self.look_up_count(block)) == "0":
            return None
        arguments = {k: self.evaluator.with_own(own).value(e, depth + 1) for k, (e, _) in block.body.attributes.items()}
        child = Instance(folder, f"{self.prefix}module.{name}.", self.root, self.shared, arguments, self.depth + 1)
        self._children[name] = child
        return child

    def look_up_count(self, block: Block) -> Value:
        """The number of instances a module call wants, None where it does not say."""
        made = block.body.attributes.get("count")
        return self.evaluator.value(made[0]) if made else None


@dataclass(slots=True)
class Shared:
    """What all modules below one root share."""

    folders: Mapping[str, Folder]
    read: Callable[[str], str | None]
    budget: Budget = field(default_factory=Budget)
    modules: int = 0
    documents: dict[str, Value] = field(default_factory=dict)

    def room(self) -> bool:
        """Whether one more module may be expanded."""
        self.modules += 1
        return self.modules <= _MOST_MODULES


def declared(folders: Mapping[str, Folder], read: Callable[[str], str | None]) -> Iterable[Thing]:
    """What all modules of a checkout declare, each from the directory where one would start it."""
    for folder in roots(folders):
        yield from Instance(folder, "", folder.path, Shared(folders, read)).things()
