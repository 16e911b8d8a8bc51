"""One Python file as it is needed: where its names come from, what its variables hold, and values as trees."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import MalformedError, Node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_DEEPEST = 12
_MOST_NODES = 400_000
_MOST_REACHED = 4_000
_INVALID = "no valid Python"
_TOO_DEEP = "nested too deeply, or no text"
_TOO_LONG = "longer than any real file"
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
_ENVIRONMENT = frozenset(
    {"os.getenv", "os.environ.get", "os.environ.pop", "environ.get", "getenv", "os.environ.setdefault"}
)
_PLAIN = frozenset(
    {ast.Name, ast.Constant, ast.Attribute, ast.arguments, ast.arg, ast.keyword, ast.Expr, ast.List, ast.Tuple}
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(slots=True, repr=False)
class Module:
    """A parsed file.

    `imports` gives the dotted origin of a local name, `assigned` what a variable holds, `names` the variable or
    function that a call's result is known by, `calls` all calls in order, `reads` all that may read the environment.
    """

    tree: ast.Module
    imports: dict[str, str] = field(default_factory=dict)
    assigned: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    calls: list[ast.Call] = field(default_factory=list)
    dicts: list[ast.Dict] = field(default_factory=list)
    assigns: list[ast.Assign] = field(default_factory=list)
    reads: list[ast.expr] = field(default_factory=list)

    def dotted(self, node: ast.expr) -> str:
        """The dotted name of an expression, its first part replaced by where it was imported from."""
        parts: list[str] = []
        for _ in range(_DEEPEST):
            if isinstance(node, ast.Attribute):
                parts.append(node.attr)
                node = node.value
            elif isinstance(node, ast.Call):
                node = node.func
            elif isinstance(node, ast.Subscript):
                node = node.value
            else:
                break
        head = self.imports.get(node.id, node.id) if isinstance(node, ast.Name) else ""
        return ".".join([head, *reversed(parts)])

    def resolved(self, node: ast.expr) -> ast.expr:
        """What a variable holds, through a few assignments; any other expression as it is."""
        for _ in range(4):
            if isinstance(node, ast.Await):
                node = node.value
            elif isinstance(node, ast.Name) and node.id in self.assigned:
                node = self.assigned[node.id]
            else:
                break
        return node

    def argument(self, call: ast.Call, *names: str) -> ast.expr | None:
        """The first of these keyword arguments that is given."""
        return next((k.value for n in names for k in call.keywords if k.arg == n), None)

    def value(self, expression: ast.expr | None, depth: int = 0) -> Node:
        """The expression as a tree: environment variables as `${NAME}`, what is not known as None."""
        if expression is None or depth > _DEEPEST:
            return Node(None, 1, 1)
        node = self.resolved(expression)
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Constant):
            held = node.value if isinstance(node.value, str | bool | int | float) else None
            return Node(held, line, line)
        if isinstance(node, ast.Dict):
            return Node(dict(self._members(node, depth)), line, line)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return Node([self.value(e, depth + 1) for e in node.elts], line, line)
        if isinstance(node, ast.BoolOp):
            return self.value(node.values[0], depth + 1)
        return Node(self._text(node, depth), line, line)

    def variable(self, node: ast.expr) -> str | None:
        """The environment variable that an expression reads."""
        if isinstance(node, ast.Call) and node.args and self.dotted(node.func) in _ENVIRONMENT:
            return _constant(node.args[0])
        if isinstance(node, ast.Subscript) and self.dotted(node.value) in {"os.environ", "environ"}:
            return _constant(node.slice)
        return None

    def reached(self, start: ast.AST, stop: Collection[int] = ()) -> Iterator[ast.AST]:
        """Every node of the expression, of what its variables hold and its functions do, without those in `stop`."""
        seen: set[str] = set()
        todo: list[ast.AST] = [start]
        for _ in range(_MOST_REACHED):
            if not todo:
                return
            node = todo.pop()
            if node is not start and id(node) in stop:
                continue
            yield node
            if isinstance(node, ast.Name) and node.id not in seen:
                seen.add(node.id)
                held = self.assigned.get(node.id) or self.functions.get(node.id)
                todo.extend([held] if held is not None else [])
            todo.extend(children(node))

    def _members(self, node: ast.Dict, depth: int) -> Iterator[tuple[str, Node]]:
        for key, member in zip(node.keys, node.values, strict=True):
            if key is None:
                yield from self.value(member, depth + 1).map.items()
            elif name := _constant(key):
                held = self.value(member, depth + 1)
                yield name, Node(held.value, held.line, key.lineno)

    def _text(self, node: ast.expr, depth: int) -> str | None:
        if name := self.variable(node):
            default = node.args[1] if isinstance(node, ast.Call) and len(node.args) > 1 else None
            preset = _constant(default) if default is not None else None
            return f"${{{name}:-{preset}}}" if preset else f"${{{name}}}"
        if isinstance(node, ast.JoinedStr):
            return "".join(self._part(v, depth) for v in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.value(node.left, depth + 1).text, self.value(node.right, depth + 1).text
            return None if left is None and right is None else f"{left or _UNKNOWN}{right or _UNKNOWN}"
        if isinstance(node, ast.Call) and self.dotted(node.func).endswith("SecretStr") and node.args:
            return self.value(node.args[0], depth + 1).text
        return "python" if isinstance(node, ast.Attribute) and self.dotted(node) == "sys.executable" else None

    def _part(self, node: ast.expr, depth: int) -> str:
        inner = node.value if isinstance(node, ast.FormattedValue) else node
        return self.value(inner, depth + 1).text or _UNKNOWN


def is_known(text: str | None) -> bool:
    """Whether no part of a text was left open."""
    return text is not None and _UNKNOWN not in text


def shown(text: str) -> str:
    """A text for readers, with `…` for the parts that were left open."""
    return text.replace(_UNKNOWN, "…")


def parse(text: str) -> Module:
    """The file, its imports and assignments collected.  Raises MalformedError with the line that is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except SyntaxError as e:
        raise MalformedError(_INVALID, e.lineno or 1) from None
    except (ValueError, RecursionError, MemoryError):
        raise MalformedError(_TOO_DEEP, 1) from None
    module = Module(tree)
    _collect(module)
    return module


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node, in order, without the marks of load and store; `ast` takes three times as long."""
    found: list[ast.AST] = []
    for name in node._fields:
        held = getattr(node, name, None)
        if type(held) is list:
            found.extend([h for h in held if isinstance(h, ast.AST)])
        elif isinstance(held, ast.AST) and name != "ctx":
            found.append(held)
    return found


def _collect(module: Module) -> None:
    todo: list[tuple[ast.AST, str]] = [(module.tree, "")]
    count = 0
    while todo:
        node, within = todo.pop()
        count += 1
        if count > _MOST_NODES:
            raise MalformedError(_TOO_LONG, getattr(node, "lineno", 1))
        inner = _note(module, node, within)
        # Reversed, so that the stack gives them in the order of the file.
        todo.extend([(child, inner) for child in reversed(children(node))])


def _note(module: Module, node: ast.AST, within: str) -> str:
    """Note what a node declares; gives the function that its children lie in."""
    kind = type(node)
    if kind in _PLAIN:
        return within
    if kind is ast.Dict:
        module.dicts.append(node)  # type: ignore[arg-type]  # its type was just looked at, faster than isinstance
        return within
    if kind is ast.Subscript or kind is ast.Call:
        module.reads.append(node)  # type: ignore[arg-type]  # as above
    if kind is ast.Assign:
        module.assigns.append(node)  # type: ignore[arg-type]  # as above
    match node:
        case ast.Call():
            module.calls.append(node)
        case ast.Import() | ast.ImportFrom():
            _imported(module, node)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            module.functions.setdefault(node.name, node)
            return node.name
        case (
            ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name), *_], value=ast.expr() as value)
            | ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), value=ast.expr() as value)
            | ast.NamedExpr(target=ast.Name(id=name), value=ast.expr() as value)
            | ast.withitem(optional_vars=ast.Name(id=name), context_expr=ast.expr() as value)
        ):
            _assign(module, name, value, within)
        case ast.Return(value=ast.Call() as value) if within:
            module.names.setdefault(id(value), within)
    return within


def _imported(module: Module, node: ast.Import | ast.ImportFrom) -> None:
    for alias in node.names:
        if isinstance(node, ast.ImportFrom):
            module.imports[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
        else:
            first = alias.name.partition(".")[0]
            module.imports[alias.asname or first] = alias.name if alias.asname else first


def _assign(module: Module, name: str, value: ast.expr, within: str) -> None:
    module.assigned.setdefault(name, value)
    inner = value.value if isinstance(value, ast.Await) else value
    if isinstance(inner, ast.Call):
        module.names.setdefault(id(inner), f"{within}.{name}" if within else name)


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
