"""The agents of a file: their names, tools, hand-overs, who is asked, and where code they write runs."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agent_code import names
from nhiscan.collectors.repo._agent_code.source import shown
from nhiscan.collectors.repo._agent_code.tools import function_traits, tool_approval
from nhiscan.collectors.repo._config.abilities import at_address, traits_of, with_traits
from nhiscan.plugin import Approval, Auth, Autonomy, Basis, ConsumerKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._agent_code.source import Module
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record


# As far as lists are added to lists, and agents wrapped in tools.
_DEEPEST = 8


@dataclass(slots=True, repr=False)
class Agent:
    """An agent and the call that makes it; `variable` is what other code calls it."""

    consumer: Consumer
    call: ast.Call
    framework: str
    variable: str
    reached: set[int] = field(default_factory=set)


def find_agents(module: Module, sheet: Sheet) -> list[Agent]:
    """Every agent the file makes, in order; local ones and those behind an address."""
    found: list[Agent] = []
    taken: dict[str, int] = {}
    for call in module.calls:
        if (framework := _framework(module, call)) is None:
            continue
        known_by = module.names.get(id(call), "")
        said = _said_name(module, call, framework)
        key = known_by or said or "agent"
        taken[key] = taken.get(key, 0) + 1
        key = key if taken[key] == 1 else f"{key}:{taken[key]}"
        consumer = sheet.consumer(ConsumerKind.AGENT, key, said or key.rpartition(".")[2], call.lineno)
        consumer = _stance(module, call, replace(consumer, framework=framework))
        if _last(module, call) in names.REMOTE_AGENTS:
            consumer = _remote(module, call, consumer)
        found.append(Agent(consumer, call, framework, known_by.rpartition(".")[2]))
    calls = {id(a.call) for a in found}
    for agent in found:
        if _last(module, agent.call) not in names.REMOTE_AGENTS:
            # What another agent holds is not this one's, though it hands over to it.
            agent.reached = {id(n) for n in module.reached(agent.call, calls)}
    return _reviewed(module, found)


def _last(module: Module, call: ast.Call) -> str:
    return module.dotted(call.func).rpartition(".")[2]


def _framework(module: Module, call: ast.Call) -> str | None:
    """The framework whose agent a call makes, or None."""
    name = module.dotted(call.func)
    before, _, last = name.rpartition(".")
    framework = names.framework_of(name)
    given = {k.arg for k in call.keywords}
    if last in names.REMOTE_AGENTS and framework:
        return framework if call.keywords else None
    if framework and last in names.AGENTS.get(framework, ()):
        return framework if call.args or not names.AGENT_WORDS.isdisjoint(given) or None in given else None
    if framework and last.startswith("from_") and before.rpartition(".")[2] in names.AGENTS.get(framework, ()):
        return framework
    if last in {"as_agent", "create_agent"} and isinstance(call.func, ast.Attribute) and "instructions" in given:
        return "microsoft_agent" if "microsoft_agent" in map(names.framework_of, module.imports.values()) else None
    if last == "compile" and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
        built = module.resolved(call.func.value)
        made = module.dotted(built.func) if isinstance(built, ast.Call) else ""
        return (
            "langgraph" if made.startswith("langgraph.") and made.endswith((".StateGraph", ".MessageGraph")) else None
        )
    return None


def _said_name(module: Module, call: ast.Call, framework: str) -> str | None:
    name = module.value(module.argument(call, "name")).text
    if name is None and call.args and framework == "autogen":
        name = module.value(call.args[0]).text
    return shown(name) if name and len(name) <= 100 and "$" not in name and "\n" not in name else None


def _stance(module: Module, call: ast.Call, consumer: Consumer) -> Consumer:
    """The consumer with what the call says of asking and of the place where code runs."""
    mode = module.value(module.argument(call, "human_input_mode", "permission_mode")).text
    interrupts = module.argument(call, "interrupt_before", "interrupt_after", "interrupt_on") is not None
    if interrupts or mode in {"ALWAYS", "plan"} or _asks(module, call):
        consumer = replace(consumer, approval=Approval.ASK, approval_basis=Basis.EXPLICIT)
    elif mode in {"NEVER", "bypassPermissions"}:
        bypass = "human_input_mode" if mode == "NEVER" else "permission_mode"
        consumer = replace(consumer, approval=Approval.AUTO, approval_basis=Basis.EXPLICIT, bypass=bypass)
    return replace(consumer, sandbox=_sandbox(module, call))


def _asks(module: Module, call: ast.Call) -> bool:
    middleware = module.argument(call, "middleware")
    return middleware is not None and any(
        isinstance(n, ast.Call) and _last(module, n) == "HumanInTheLoopMiddleware" for n in module.reached(middleware)
    )


def _sandbox(module: Module, call: ast.Call) -> str | None:
    last = _last(module, call)
    config = module.value(module.argument(call, "code_execution_config"))
    if docker := config.at("use_docker"):
        return "none" if docker.value is False else "docker"
    if module.value(module.argument(call, "allow_code_execution")).value is True:
        return "none" if module.value(module.argument(call, "code_execution_mode")).text == "unsafe" else "docker"
    if last == "CodeAgent":
        # smolagents runs what the model writes in its own process unless told otherwise.
        executor = module.value(module.argument(call, "executor_type")).text or "local"
        return "none" if executor == "local" else executor
    given = [module.argument(call, key) for key in ("code_executor", "code_execution_config")]
    for item in [*(g for g in given if g is not None), *_items(module, module.argument(call, "tools"))]:
        held = module.resolved(item)
        if isinstance(held, ast.Call) and (found := names.SANDBOXES.get(_last(module, held))):
            return found
    return None


def _remote(module: Module, call: ast.Call, consumer: Consumer) -> Consumer:
    url = module.value(module.argument(call, "agent_card", "url", "base_url", "endpoint", "agent_card_url")).text
    return replace(at_address(consumer, url), auth=Auth.UNDECLARED)


def _reviewed(module: Module, agents: list[Agent]) -> list[Agent]:
    """CrewAI asks a person about the result of a task, not about the agent."""
    tasks = [c for c in module.calls if module.dotted(c.func).startswith("crewai.") and _last(module, c) == "Task"]
    asked = {
        node.id
        for t in tasks
        if module.value(module.argument(t, "human_input")).value is True
        for node in [module.argument(t, "agent")]
        if isinstance(node, ast.Name)
    }
    for agent in agents:
        if agent.variable in asked:
            agent.consumer = replace(agent.consumer, autonomy=Autonomy.SUPERVISED, autonomy_basis=Basis.EXPLICIT)
    return agents


def agent_records(module: Module, sheet: Sheet, agent: Agent, agents: list[Agent]) -> Iterator[Record]:
    """The tools and hand-overs of one agent."""
    known = {a.variable: a for a in agents if a.variable}
    for key, via in names.HANDOVERS.items():
        for item in _items(module, module.argument(agent.call, key)):
            if (other := _agent_in(module, item, known, agents)) and other is not agent:
                yield _hop(sheet, agent, other, via)
    for key in sorted(names.TOOL_ARGUMENTS):
        for item in _items(module, module.argument(agent.call, key)):
            yield from _tool(module, sheet, agent, item, agents)
    # Positional tools: `create_react_agent(model, [a, b])`.
    for argument in agent.call.args[1:3]:
        if isinstance(module.resolved(argument), ast.List):
            for item in _items(module, argument):
                yield from _tool(module, sheet, agent, item, agents)


def _hop(sheet: Sheet, agent: Agent, other: Agent, via: str) -> Record:
    hop = sheet.hop(agent.consumer.id, other.consumer.id, via, agent.call.lineno)
    return replace(hop, auth=other.consumer.auth) if other.consumer.url or other.consumer.auth else hop


def _items(module: Module, argument: ast.expr | None, depth: int = 0) -> list[ast.expr]:
    if argument is None or depth > _DEEPEST:
        return []
    held = module.resolved(argument)
    if isinstance(held, ast.List | ast.Tuple | ast.Set):
        return [e.value if isinstance(e, ast.Starred) else e for e in held.elts][:200]
    if isinstance(held, ast.BinOp):
        return [*_items(module, held.left, depth + 1), *_items(module, held.right, depth + 1)]
    return [argument] if isinstance(held, ast.Call) else []


def _agent_in(
    module: Module, item: ast.expr, known: dict[str, Agent], agents: list[Agent], depth: int = 0
) -> Agent | None:
    """The agent an expression stands for: a variable, a call in place, or one wrapped as a tool or hand-over."""
    if isinstance(item, ast.Name | ast.Attribute):
        name = item.id if isinstance(item, ast.Name) else item.attr
        if name in known:
            return known[name]
        item = module.resolved(item)
    # `x = handoff(x)` leads to itself.
    if not isinstance(item, ast.Call) or depth > _DEEPEST:
        return None
    if direct := next((a for a in agents if a.call is item), None):
        return direct
    if _last(module, item) not in names.AGENT_TOOLS:
        return None
    inner = module.argument(item, "agent") or (item.args[0] if item.args else None)
    if inner is None and isinstance(item.func, ast.Attribute):
        inner = item.func.value
    return _agent_in(module, inner, known, agents, depth + 1) if inner is not None else None


def _tool(module: Module, sheet: Sheet, agent: Agent, item: ast.expr, agents: list[Agent]) -> Iterator[Record]:
    known = {a.variable: a for a in agents if a.variable}
    if other := _agent_in(module, item, known, agents):
        if other is not agent:
            yield _hop(sheet, agent, other, "agent_tool")
        return
    held = module.resolved(item)
    name, function = _tool_name(module, item, held)
    if not name or name in names.SERVERS or name in {"MCPToolset", "McpToolset", "MCPTools", "get_tools"}:
        return
    approval = tool_approval(module, held, function)
    if approval is None and agent.framework in names.UNASKED and agent.consumer.approval is None:
        approval = Approval.AUTO, Basis.DEFAULT
    tool = sheet.tool(agent.consumer.id, name, item.lineno, approval=approval)
    traits = function_traits(module, function) if function else traits_of(name)
    yield with_traits(tool, traits)


def _tool_name(
    module: Module, item: ast.expr, held: ast.expr
) -> tuple[str | None, ast.FunctionDef | ast.AsyncFunctionDef | None]:
    """What a tool is called, and the function behind it where the file holds that."""
    if isinstance(held, ast.Constant) and isinstance(held.value, str):
        return held.value, None
    if isinstance(held, ast.Call):
        last = _last(module, held)
        if last in names.WRAPPERS:
            inner = module.argument(held, "func", "function", "fn") or (held.args[0] if held.args else None)
            said = module.value(module.argument(held, "name")).text
            if isinstance(inner, ast.Name | ast.Attribute):
                called = inner.id if isinstance(inner, ast.Name) else inner.attr
                return said or called, module.functions.get(called)
            return said, None
        return last, None
    if isinstance(item, ast.Name | ast.Attribute):
        called = item.id if isinstance(item, ast.Name) else item.attr
        return called, module.functions.get(called)
    return None, None
