"""What the agents of a file hold: keys, the identity of the machine, memories, and logs they keep."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._agent_code import names
from nhiscan.collectors.repo._agent_code.source import is_known
from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.plugin import Confidence, ConsumerKind, Form, Use, UseHow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._agent_code.agents import Agent
    from nhiscan.collectors.repo._agent_code.source import Module
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Consumer, Record

# `output_key`, `state_key`, `key=len` name no credential: in code a key needs a word before it that says so.
_KEYS = frozenset({"api", "secret", "access", "subscription", "account", "auth", "private", "signing", "encryption",
                   "admin", "master", "service", "role", "license", "shared"})  # fmt: skip
_EXTRA = frozenset({"aws_access_key_id", "aws_session_token"})
_PASSES = frozenset({"token", "credential", "credentials", "auth"})
_TRACE_VARIABLES = {"LANGCHAIN_TRACING_V2": False, "LANGSMITH_TRACING": False, "OPENAI_AGENTS_DISABLE_TRACING": True}
_TRACERS = frozenset({"instrument_pydantic_ai", "instrument_openai_agents", "configure_otel_providers",
                      "setup_observability", "enable_instrumentation"})  # fmt: skip
_MOST_SPOTS = 2_000


@dataclass(slots=True, repr=False)
class Holders:
    """Who holds what stands somewhere: the agents that reach it, the only agent, else the file as an application."""

    sheet: Sheet
    agents: Sequence[Agent]
    line: int = 1
    module: Consumer | None = field(default=None)

    def of(self, node: ast.AST) -> list[Consumer]:
        """The consumers a node of the file belongs to; never none."""
        reaching = [a.consumer for a in self.agents if id(node) in a.reached]
        local = [a.consumer for a in self.agents if a.reached]
        if reaching or len(local) == 1:
            return reaching or local
        if self.module is None:
            name = self.sheet.document.path.rpartition("/")[2].removesuffix(".py")
            self.module = self.sheet.consumer(ConsumerKind.APPLICATION, "module", name, self.line)
        return [self.module]


def is_credential(name: str) -> bool:
    """Whether a keyword, key or variable of code promises a credential."""
    if name in _EXTRA:
        return True
    parts = words.words(name)
    if not words.names_credential(name) or (len(parts) == 1 and parts[0] in {"key", "cookie"}):
        return False
    return parts[-1] != "key" or parts[-2] in _KEYS or parts[0] in words.PROVIDERS


def key_records(module: Module, sheet: Sheet, holders: Holders, served: set[int]) -> Iterator[Record]:
    """Credentials in keyword arguments, dictionaries, assignments and reads of the environment.

    `served` are nodes that a tool server's own records cover.  One literal that two agents reach is one credential.
    """
    for number, (node, spot) in enumerate(_spots(module)):
        if number >= _MOST_SPOTS:
            return
        if id(node) in served:
            continue
        found = [f for f in sheet.found([spot]) if _counts(f)]
        if not found:
            continue
        first, *more = holders.of(node)
        records = list(sheet.held(first, found))
        yield from records
        for other in more:
            for use in (r for r in records if isinstance(r, Use)):
                again = sheet.use(other.id, use.place or "key", use.name or "", use.line or 1)
                yield replace(use, id=again.id, consumer_id=other.id)


def _counts(found: Found) -> bool:
    """Placeholders in code hold nothing, and a weak literal is a default or an example more often than a secret."""
    literal = found.literal
    if found.form in {Form.PLACEHOLDER, Form.EMPTY}:
        return False
    return literal is None or literal.format is not None or literal.confidence is not Confidence.LOW


def _spots(module: Module) -> Iterator[tuple[ast.AST, Spot | Found]]:
    seen: set[tuple[int, int]] = set()
    for node, place, name, expression in _named(module):
        held = module.resolved(expression)
        at = (getattr(held, "lineno", 0), getattr(held, "col_offset", 0))
        if at in seen:
            continue
        value = module.value(expression)
        if value.text and is_known(value.text):
            seen.update((n.lineno, n.col_offset) for n in ast.walk(held) if isinstance(n, ast.expr))
            yield node, Spot(place, name, value.text, value.line)
    for node in module.reads:
        at = (node.lineno, node.col_offset)
        if at not in seen:
            variable = module.variable(node)
            if variable and is_credential(variable) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                seen.add(at)
                yield node, Found("env", variable, node.lineno, Form.REFERENCE, reference=variable)


def _named(module: Module) -> Iterator[tuple[ast.AST, str, str, ast.expr]]:
    """What stands under a name that promises a credential: where it counts, the place, the name, the expression."""
    for call in module.calls:
        for keyword in call.keywords:
            if keyword.arg and is_credential(keyword.arg):
                yield keyword.value, "key", keyword.arg, keyword.value
    for mapping in module.dicts:
        for key, member in zip(mapping.keys, mapping.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and is_credential(key.value):
                header = words.words(key.value)[-1:] == ["authorization"]
                yield member, "header" if header else "key", key.value, member
    for node in module.assigns:
        target = node.targets[0]
        variable = module.variable(target) if isinstance(target, ast.Subscript) else None
        name = variable or (target.id if isinstance(target, ast.Name) else None)
        if name and isinstance(node.value, ast.Constant) and is_credential(name):
            yield node.value, "env" if variable else "key", name, node.value


def ambient_records(module: Module, sheet: Sheet, holders: Holders) -> Iterator[Record]:
    """Calls that sign in as whoever or whatever runs the process."""
    done: set[tuple[str, str]] = set()
    for call in module.calls:
        name = module.dotted(call.func)
        kind = names.AMBIENT.get(name.rpartition(".")[2]) or names.AMBIENT_CALLS.get(name)
        given = {k.arg for k in call.keywords}
        if kind is None or given & {"aws_access_key_id", "aws_secret_access_key", "credentials"}:
            continue
        kind = "cloud_profile" if "profile_name" in given else kind
        for consumer in holders.of(call):
            if (consumer.id, kind) not in done:
                done.add((consumer.id, kind))
                use = sheet.use(consumer.id, "host", kind, call.lineno)
                yield replace(use, how=UseHow.RUNS_AS)


def memory_records(module: Module, sheet: Sheet, agents: Sequence[Agent]) -> Iterator[Record]:
    """Stores of what agents remember; two agents that are given one store, or one name in it, share it."""
    for call in module.calls:
        last = module.dotted(call.func).rpartition(".")[2]
        last = module.dotted(call.func).split(".")[-2] if last.startswith("from_") else last
        if last not in names.MEMORIES:
            continue
        using = [a for a in agents if id(call) in a.reached]
        if not using:
            continue
        known = [t for k in names.MEMORY_KEYS if is_known(t := module.value(module.argument(call, k)).text) and t]
        plain = [t for t in known if "://" not in t]
        variable = module.names.get(id(call), last)
        name = plain[0] if plain else variable
        id_ = f"#memory:{last}:{sheet.book.scrub(name)}" if plain else f"#{sheet.document.path}:memory/{variable}"
        store = sheet.resource(f"{sheet.book.scope_id}{id_}", "memory", "agent_memory", name)
        yield store
        for agent in using:
            yield replace(sheet.use(agent.consumer.id, "key", last, call.lineno), resource_id=store.id)


def vault_records(module: Module, sheet: Sheet, holders: Holders) -> Iterator[Record]:
    """Credentials that AgentCore Identity hands to a function (`@requires_access_token`, `@requires_api_key`)."""
    for call in module.calls:
        last = module.dotted(call.func).rpartition(".")[2]
        provider = module.value(module.argument(call, "provider_name")).text
        if last not in {"requires_access_token", "requires_api_key"} or not provider:
            continue
        scopes = tuple(sheet.book.scrub(n.text) for n in module.value(module.argument(call, "scopes")).list if n.text)
        record = sheet.credential(f"#agentcore:{sheet.book.scrub(provider)}", provider, "aws")
        yield replace(record, scopes=scopes or None)
        for consumer in holders.of(call):
            yield replace(sheet.use(consumer.id, "key", provider, call.lineno, Form.VAULT), credential_id=record.id)


def log_records(module: Module, sheet: Sheet, agents: Sequence[Agent]) -> Iterator[Record]:
    """Traces that the file switches on or off for its agents; nothing where it is silent."""
    said = [s for call in module.calls if (s := _traced(module, call))]
    for node in module.assigns:
        if isinstance(node.targets[0], ast.Subscript):
            variable = module.variable(node.targets[0]) or ""
            if variable in _TRACE_VARIABLES:
                on = (module.value(node.value).text or "").lower() in {"true", "1"}
                switches_off = _TRACE_VARIABLES[variable]
                said.append((on is not switches_off, None if switches_off else "langsmith"))
    for agent in agents if said else ():
        if agent.reached:
            yield sheet.logs(agent.consumer.id, "tool_calls", enabled=said[-1][0], destination=said[-1][1])


def _traced(module: Module, call: ast.Call) -> tuple[bool, str | None] | None:
    """Whether a call switches traces on or off, and where they go."""
    name = module.dotted(call.func)
    last = name.rpartition(".")[2]
    if last == "set_tracing_disabled":
        said = module.value(module.argument(call, "disabled") or (call.args[0] if call.args else None)).value
        return (not said, None) if isinstance(said, bool) else None
    if module.value(module.argument(call, "tracing_disabled")).value is True:
        return False, None
    return (True, name.partition(".")[0] or None) if last in _TRACERS else None
