"""Whether code hands the token it was called with on to somebody else (MCP security best practices: token passthrough).

Within one function: a variable that holds the incoming `Authorization` header or access token, and a request that
carries it.  What passes through other functions is not followed, so silence proves nothing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._agent_code.source import Function, Module

_INCOMING = frozenset({"get_http_headers", "get_access_token"})
_SENDS = frozenset(
    {"get", "post", "put", "patch", "delete", "request", "stream", "Client", "AsyncClient", "ClientSession"}
)
_CARRIES = frozenset({"headers", "auth", "token", "access_token", "bearer_token"})
_MOST_NODES = 5_000


def forwards(module: Module) -> bool:
    """Whether some function of the file puts a token it received on a request of its own."""
    return any(_passes_on(module, function) for function in module.functions.values())


def _passes_on(module: Module, function: Function) -> bool:
    tainted: set[str] = set()
    for node in _in_order(function):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if node.value is not None and _holds(module, node.value, tainted):
                tainted.update(n for t in targets if (n := _base(t)))
        elif isinstance(node, ast.Call) and _sends(module, node, tainted):
            return True
    return False


def _in_order(function: Function) -> Iterator[ast.AST]:
    todo: list[ast.AST] = [function]
    for _ in range(_MOST_NODES):
        if not todo:
            return
        node = todo.pop()
        yield node
        todo.extend(reversed(list(ast.iter_child_nodes(node))))


def _base(target: ast.expr) -> str | None:
    """The variable a target changes: `headers` in `headers["Authorization"] = …`."""
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else None


def _sends(module: Module, call: ast.Call, tainted: set[str]) -> bool:
    if module.dotted(call.func).rpartition(".")[2] not in _SENDS:
        return False
    return any(k.arg in _CARRIES and _holds(module, k.value, tainted) for k in call.keywords)


def _holds(module: Module, expression: ast.expr, tainted: set[str]) -> bool:
    """Whether the expression holds what came in."""
    for node in ast.walk(expression):
        if isinstance(node, ast.Name) and node.id in tainted:
            return True
        if isinstance(node, ast.Call) and module.dotted(node.func).rpartition(".")[2] in _INCOMING:
            return True
        if _reads_header(module, node):
            return True
    return False


def _reads_header(module: Module, node: ast.AST) -> bool:
    key: ast.expr | None = None
    owner = ""
    if isinstance(node, ast.Subscript):
        key, owner = node.slice, module.dotted(node.value)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        key, owner = node.args[0], module.dotted(node.func.value)
    if not (isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.lower() == "authorization"):
        return False
    return owner.endswith(("request.headers", "req.headers", "request_context.headers"))
