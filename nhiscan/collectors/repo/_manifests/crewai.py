"""CrewAI's `config/agents.yaml` with the `tasks.yaml` beside it.

Source (read 2026-11): docs.crewai.com concepts/agents and concepts/tasks (`allow_delegation` and
`allow_code_execution` are false by default, `code_execution_mode` is `safe`, which is Docker).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.abilities import beside, credential_spots, items, traits_of, with_traits
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import Autonomy, Basis, ConsumerKind, ToolClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record


def _agents(root: Node) -> Mapping[str, Node]:
    return {k: n for k, n in root.map.items() if {"goal", "backstory"}.intersection(n.map) and n.at("role")}


def _is_crew(root: Node) -> bool:
    return bool(_agents(root))


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    agents = _agents(root)
    found = {key: sheet.found(credential_spots(node)) for key, node in agents.items()}
    tasks = sheet.others.get(beside(sheet.document.path, "tasks.yaml") or "")
    made = {key: sheet.consumer(ConsumerKind.AGENT, key, key, node.key_line) for key, node in agents.items()}
    for key, node in agents.items():
        agent, reviewed = made[key], _reviewed(key, tasks)
        runs_code = _said(node, "allow_code_execution") is True
        mode = node.text_at("code_execution_mode") or "safe"
        yield replace(
            agent,
            autonomy=Autonomy.SUPERVISED if reviewed else None,
            autonomy_basis=Basis.EXPLICIT if reviewed else None,
            sandbox=("none" if mode == "unsafe" else "docker") if runs_code else None,
        )
        yield from sheet.held(agent, found[key])
        for tool in items(node, "tools"):
            if tool.text:
                yield with_traits(sheet.tool(agent.id, tool.text, tool.line), traits_of(tool.text))
        if runs_code:
            yield sheet.tool(agent.id, "code_interpreter", node.key_line, ToolClass.EXEC)
        if _said(node, "allow_delegation") is True:
            for other in made.values():
                if other.id != agent.id:
                    yield sheet.hop(agent.id, other.id, "delegation", node.key_line)


def _said(node: Node, key: str) -> bool | None:
    found = node.at(key)
    return found.value if found and isinstance(found.value, bool) else None


def _reviewed(agent: str, tasks: Node | None) -> bool:
    """Whether a person looks at the result of one of its tasks."""
    return any(t.text_at("agent") == agent and t.is_true("human_input") for t in (tasks.map if tasks else {}).values())


def _nothing(_sheet: Sheet, _root: Node) -> Iterator[Record]:
    return iter(())


def _is_tasks(root: Node) -> bool:
    return any(n.at("expected_output") for n in root.map.values())


FORMATS = (
    Format(
        "crewai", yaml=True, named=re.compile(r"(?:^|/)[\w-]*agents\.ya?ml$"),
        marks=((b"role:", b"goal:"), (b"role:", b"backstory:")), belongs=_is_crew, read=_read, joined=True,
    ),
    Format(
        "crewai_tasks", yaml=True, named=re.compile(r"(?:^|/)tasks\.ya?ml$"), marks=((b"expected_output:",),),
        belongs=_is_tasks, read=_nothing, joined=True,
    ),
)  # fmt: skip
