"""`langgraph.json`: the graphs a LangGraph server offers, their environment, and how it lets callers in.

Source (read 2026-11): docs.langchain.com/langgraph-platform/cli (`graphs`, `env`, `auth`, `http`,
`store`).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.abilities import beside
from nhiscan.collectors.repo._config.judge import Found
from nhiscan.collectors.repo._config.spots import env_spots
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import ConsumerKind, Form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record


def _is_langgraph(root: Node) -> bool:
    graphs = root.at("graphs")
    return graphs is not None and any(_target(n) for n in graphs.map.values())


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    graphs = root.at("graphs")
    env = root.at("env")
    open_studio = root.at("auth", "path") is not None and not root.is_true("auth", "disable_studio_auth")
    store = sheet.resource(f"{sheet.book.scope_id}#{sheet.document.path}:store", "langgraph", "agent_memory", "store")
    if root.at("store"):
        yield store
    for name, node in (graphs.map if graphs else {}).items():
        if not (target := _target(node)):
            continue
        found = sheet.found(
            [Found("env_file", env.text, env.line, Form.ENV_FILE)] if env and env.text else env_spots(env)
        )
        agent = replace(
            sheet.consumer(ConsumerKind.AGENT, f"graph/{name}", name, node.key_line),
            id=_agent_id(sheet, target) or sheet.id_of(f"graph/{name}"),
            tags={"studio_auth": "open"} if open_studio else {},
        )
        yield agent
        yield from sheet.held(agent, found)
        if root.at("store"):
            yield replace(sheet.use(agent.id, "key", "store", node.key_line), resource_id=store.id)


def _target(node: Node) -> str | None:
    text = node.text or node.text_at("path")
    return text if text and ":" in text else None


def _agent_id(sheet: Sheet, target: str) -> str | None:
    """The id under which the code that the graph stands in declares it, so that both are one agent."""
    file, _, variable = target.rpartition(":")
    path = beside(sheet.document.path, file) if file.endswith(".py") else None
    return f"{sheet.book.scope_id}#{sheet.book.scrub(path)}:{sheet.book.scrub(variable)}" if path else None


FORMATS = (
    Format(
        "langgraph", yaml=False, named=re.compile(r"(?:^|/)langgraph(?:\.[\w-]+)?\.json$"), marks=((b'"graphs"',),),
        belongs=_is_langgraph, read=_read, own_name=True,
    ),
)  # fmt: skip
