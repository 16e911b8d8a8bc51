"""What a tool written in Python does: by the calls in its body, else by its name; and whether somebody is asked."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agent_code import names
from nhiscan.collectors.repo._config.abilities import Traits, traits_of
from nhiscan.plugin import Approval, Basis, ToolClass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._agent_code.source import Function, Module

_CLIENTS = ("requests.", "httpx.", "aiohttp.", "urllib.request.", "urllib3.")
_RUNS = ("subprocess.", "os.system", "os.popen", "os.exec", "pty.spawn", "asyncio.create_subprocess")
_BUILT_IN = frozenset({"eval", "exec", "compile"})
_APPROVALS = {"never": Approval.AUTO, "never_require": Approval.AUTO, "always": Approval.ASK,
              "always_require": Approval.ASK}  # fmt: skip
_ASKING = ("needs_approval", "requires_approval", "require_confirmation", "require_approval", "approval_mode")
_MOST_NODES = 5_000


def function_traits(module: Module, function: Function) -> Traits:
    """What the function does: running commands outweighs its name; sending is known only where it is seen."""
    traits = traits_of(function.name)
    given = {a.arg for a in (*function.args.args, *function.args.kwonlyargs)}
    for name, call in _called(module, function):
        if name.startswith(_RUNS) or name in _BUILT_IN:
            traits = replace(traits, class_=ToolClass.EXEC)
        elif name.startswith("smtplib."):
            traits = replace(traits, class_=traits.class_ or ToolClass.EXTERNAL, sends=True)
        elif name.startswith(_CLIENTS):
            last = name.rpartition(".")[2]
            # An address that the model chooses may be anybody's.
            chosen = bool(call.args and isinstance(call.args[0], ast.Name) and call.args[0].id in given)
            reads = traits.reads_untrusted or (True if chosen else None)
            sends = traits.sends or (True if last in {"post", "put", "patch"} else None)
            traits = replace(traits, class_=traits.class_ or ToolClass.EXTERNAL, reads_untrusted=reads, sends=sends)
    return traits


def _called(module: Module, function: Function) -> Iterator[tuple[str, ast.Call]]:
    for count, node in enumerate(ast.walk(function)):
        if count > _MOST_NODES:
            return
        if isinstance(node, ast.Call):
            yield module.dotted(node.func), node


def tool_approval(module: Module, held: ast.expr, function: Function | None) -> tuple[Approval, Basis] | None:
    """Whether somebody is asked before the tool runs, where the wrapper or the decorator says so."""
    calls = [held] if isinstance(held, ast.Call) else []
    calls += [d for d in (function.decorator_list if function else []) if isinstance(d, ast.Call)]
    for call in calls:
        if found := said_approval(module, call):
            return found
    return None


def said_approval(module: Module, call: ast.Call) -> tuple[Approval, Basis] | None:
    """What an approval argument of a call says; None where there is none, or a function decides."""
    for key in _ASKING:
        node = module.value(module.argument(call, key))
        if isinstance(node.value, bool):
            return (Approval.ASK if node.value else Approval.AUTO), Basis.EXPLICIT
        if node.text and (said := _APPROVALS.get(node.text.lower())):
            return said, Basis.EXPLICIT
    return None


def decorated(module: Module) -> Iterator[tuple[Function, str, ast.expr]]:
    """Functions that a decorator makes a tool of, with the variable the decorator belongs to (`mcp`, `agent`)."""
    for function in module.functions.values():
        for decorator in function.decorator_list:
            target = decorator.func if isinstance(decorator, ast.Call) else decorator
            last = module.dotted(target).rpartition(".")[2]
            if last in names.TOOL_DECORATORS and isinstance(target, ast.Attribute):
                owner = target.value.id if isinstance(target.value, ast.Name) else ""
                yield function, owner, decorator
                break
