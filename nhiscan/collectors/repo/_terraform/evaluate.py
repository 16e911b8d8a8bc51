"""Works out expressions in the scope of one module: variables, locals, references, path and the known functions."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from nhiscan.collectors.repo._terraform import tree
from nhiscan.collectors.repo._terraform.functions import FUNCTIONS, known, sketch
from nhiscan.collectors.repo._terraform.values import Ref, Text, Unknown, Value, joined, known_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from nhiscan.collectors.repo._terraform.tree import Body, Expr

_DEEPEST = 40
_BUDGET = 400_000
"""Steps in one root module; the largest real module seen takes a hundredth of it."""


@dataclass(slots=True)
class Budget:
    """Steps left; when they are spent everything is unknown."""

    left: int = _BUDGET

    def spend(self) -> bool:
        """Whether one more step may be taken."""
        self.left -= 1
        return self.left >= 0


class Names(Protocol):
    """What a module knows by name."""

    @property
    def folder(self) -> str:
        """The directory of the files."""
        ...

    def look_up(self, root: str, steps: tuple[str, ...], depth: int) -> tuple[Value, int]:
        """The value behind `root.step…` and how many of the steps it took."""
        ...

    def file(self, path: str) -> str | None:
        """The text of a file of the checkout, None where it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates in one module; `own` are iterators and `each`, `count` of the block at hand."""

    names: Names
    budget: Budget
    own: Mapping[str, Value] = field(default_factory=dict)

    def with_own(self, own: Mapping[str, Value]) -> Evaluator:
        """The same with more names of its own."""
        return Evaluator(self.names, self.budget, {**self.own, **own})

    def value(self, expr: Expr, depth: int = 0) -> Value:  # noqa: C901, PLR0911 - one for each kind of expression
        """What an expression is worth; Unknown for whatever cannot be told."""
        if depth > _DEEPEST or not self.budget.spend():
            return Unknown("too deep")
        match expr:
            case tree.Lit():
                return expr.value
            case tree.Template():
                return joined([self.value(p, depth + 1) for p in expr.parts])
            case tree.Path():
                return self._path(expr, depth)
            case tree.Access():
                return self._access(expr, depth)
            case tree.Items():
                return [self.value(i, depth + 1) for i in expr.items]
            case tree.Members():
                return self._members(expr, depth)
            case tree.Call():
                return self._call(expr, depth)
            case tree.Choice():
                return self._choice(expr, depth)
            case tree.Operation():
                return self._operation(expr, depth)
        return Unknown("expression")

    def body(self, body: Body, depth: int = 0) -> dict[str, Value]:
        """Attributes and blocks of a body, blocks as lists of objects, as a plan shows them."""
        found: dict[str, Value] = {k: self.value(e, depth + 1) for k, (e, _) in body.attributes.items()}
        if depth > _DEEPEST:
            return found
        lists: dict[str, list[Value]] = {}
        for block in body.blocks:
            if block.kind == "dynamic" and block.labels:
                lists.setdefault(block.labels[0], []).extend(self._dynamic(block, depth))
            else:
                lists.setdefault(block.kind, []).append(self.body(block.body, depth + 1))
        return {**found, **lists}

    def each(self, body: Body) -> list[Mapping[str, Value]] | None:
        """The names of every instance that `count` and `for_each` make; None where there is just one.

        Of an unknown number there is one, of which the key is unknown.
        """
        if (made := body.attributes.get("count")) is not None:
            count = self.value(made[0])
            if isinstance(count, int) and not isinstance(count, bool) and count <= _MOST:
                return [{"count": {"index": n}} for n in range(count)]
            return [{"count": {"index": Unknown("count.index")}}]
        if (made := body.attributes.get("for_each")) is not None:
            return [{"each": pair} for pair in _pairs(self.value(made[0]), "each")]
        return None

    def _dynamic(self, block: tree.Block, depth: int) -> list[Value]:
        label = block.labels[0]
        renamed = block.body.attributes.get("iterator")
        name = renamed[0].root if renamed and isinstance(renamed[0], tree.Path) else label
        over = block.body.attributes.get("for_each")
        pairs = _pairs(self.value(over[0], depth + 1) if over else Unknown(), name)
        contents = list(block.body.named("content"))[:1]
        return [self.with_own({name: pair}).body(c.body, depth + 1) for pair in pairs for c in contents]

    def _members(self, expr: tree.Members, depth: int) -> Value:
        found: dict[str, Value] = {}
        for key, value in expr.pairs:
            name = self.value(key, depth + 1)
            text = known_text(name)
            if text is None:
                # A key like `"${issuer}:sub"` keeps the entry under what is known of it.
                text = sketch(name)
            found[text] = self.value(value, depth + 1)
        return found

    def _path(self, expr: tree.Path, depth: int) -> Value:
        steps: list[str | Value] = [
            s if isinstance(s, str) else str(s) if isinstance(s, int) else self.value(s, depth + 1) for s in expr.steps
        ]
        if expr.root in self.own:
            value, used = self.own[expr.root], 0
        elif expr.root == "path":
            return self.names.folder if steps[:1] == ["module"] else Unknown("path")
        else:
            names: list[str] = []
            for step in steps:
                text = known_text(step)
                names.append(text if text is not None else "*")
            value, used = self.names.look_up(expr.root, tuple(names), depth + 1)
        for step in steps[used:]:
            value = _step(value, step)
        return value

    def _access(self, expr: tree.Access, depth: int) -> Value:
        value = self.value(expr.base, depth + 1)
        for step in expr.steps:
            name = (
                step if isinstance(step, str) else str(step) if isinstance(step, int) else self.value(step, depth + 1)
            )
            value = _step(value, name)
        return value

    def _call(self, expr: tree.Call, depth: int) -> Value:
        args = [self.value(a, depth + 1) for a in expr.args]
        if expr.name == "file" and len(args) == 1:
            path = known_text(args[0])
            text = self.names.file(posixpath.normpath(path)) if path is not None else None
            return text if text is not None else Unknown("file")
        work = FUNCTIONS.get(expr.name)
        return work(args) if work else Unknown(f"{expr.name}()")

    def _choice(self, expr: tree.Choice, depth: int) -> Value:
        test = self.value(expr.test, depth + 1)
        if isinstance(test, bool):
            return self.value(expr.yes if test else expr.no, depth + 1)
        yes, no = self.value(expr.yes, depth + 1), self.value(expr.no, depth + 1)
        return yes if known(yes) and yes == no else Unknown("condition")

    def _operation(self, expr: tree.Operation, depth: int) -> Value:
        values = [self.value(o, depth + 1) for o in expr.operands]
        if any(not known(v) or isinstance(v, (list, Mapping)) for v in values):
            return Unknown("operation")
        worked = _OPERATIONS.get((expr.operator, len(values)))
        return worked(values) if worked else Unknown("operation")


_MOST = 200
_OPERATIONS: Mapping[tuple[str, int], Callable[[list[Value]], Value]] = {
    ("==", 2): lambda v: v[0] == v[1],
    ("!=", 2): lambda v: v[0] != v[1],
    ("!", 1): lambda v: not v[0] if isinstance(v[0], bool) else Unknown("operation"),
    ("&&", 2): lambda v: all(v) if all(isinstance(x, bool) for x in v) else Unknown("operation"),
    ("||", 2): lambda v: any(v) if all(isinstance(x, bool) for x in v) else Unknown("operation"),
    ("-", 1): lambda v: -v[0] if isinstance(v[0], (int, float)) else Unknown("operation"),
    ("*", 2): lambda v: _times(v[0], v[1]),
}


def _times(left: Value, right: Value) -> Value:
    """Products occur in lifetimes (`60 * 60`)."""
    if isinstance(left, int) and isinstance(right, int) and abs(left) < 1 << 32 and abs(right) < 1 << 32:
        return left * right
    return Unknown("operation")


def _pairs(over: Value, name: str) -> list[Value]:
    """`key` and `value` of each round."""
    open_: list[Value] = [{"key": Unknown(f"{name}.key"), "value": Unknown(f"{name}.value")}]
    if isinstance(over, Mapping):
        return [{"key": k, "value": v} for k, v in over.items()] if len(over) <= _MOST else open_
    if isinstance(over, (list, tuple)):
        rounds: list[Value] = [{"key": v, "value": v} for v in over]
        return rounds if len(rounds) <= _MOST else open_
    return open_


def _step(value: Value, step: str | Value) -> Value:
    """One step into a value."""
    if isinstance(value, (Unknown, Text)) or isinstance(step, (Unknown, Text)):
        return value if isinstance(value, Unknown) else Unknown("index")
    text = known_text(step)
    if isinstance(value, Mapping):
        return value[text] if text is not None and text in value else Unknown(text or "")
    if isinstance(value, (list, tuple)):
        if text == "*":
            return value
        number = int(text) if text is not None and text.isdecimal() and len(text) < 9 else None
        if number is None:
            return [_step(v, step) for v in value]
        return value[number] if number < len(value) else Unknown("index")
    # An index or splat of what is declared once is that thing itself.
    return value if isinstance(value, Ref) else Unknown(text or "")
