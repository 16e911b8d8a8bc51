"""Flows exported from Flowise.

Source (read 2026-11): docs.flowiseai.com and FlowiseAI/Flowise (a node names a stored credential by its id in
`data.credential` or in the input `FLOWISE_CREDENTIAL_ID`; fields of type password are exported as they are).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.abilities import traits_of, with_traits
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import ConsumerKind, Form

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record

_CREDENTIAL = "FLOWISE_CREDENTIAL_ID"


def _data(root: Node) -> list[Node]:
    nodes = root.at("nodes")
    return [d for n in (nodes.list if nodes else []) if (d := n.at("data")) and d.text_at("name")]


def _is_flow(root: Node) -> bool:
    return root.at("edges") is not None and any(d.at("baseClasses") or d.at("inputAnchors") for d in _data(root))


def _read(sheet: Sheet, root: Node) -> Iterator[Record]:
    nodes = _data(root)
    found = sheet.found(s for d in nodes for s in _spots(d))
    agents = any("agent" in (d.text_at("category") or "").lower() for d in nodes)
    name = root.text_at("name") or sheet.document.path.rpartition("/")[2].removesuffix(".json")
    kind = ConsumerKind.AGENT if agents else ConsumerKind.APPLICATION
    flow = replace(sheet.consumer(kind, "flow", name, root.line), platform="flowise")
    yield flow
    yield from sheet.held(flow, found)
    for data in nodes:
        label = data.text_at("label") or data.text_at("name") or ""
        if "tool" in (data.text_at("category") or "").lower():
            traits = traits_of(data.text_at("name") or label)
            yield with_traits(sheet.tool(flow.id, label, data.line), traits)
        if id_ := data.text_at("credential") or data.text_at("inputs", _CREDENTIAL):
            type_ = data.text_at("name") or ""
            known = sheet.credential(f"#flowise:{sheet.book.scrub(id_)}", label, words.provider_of(type_))
            yield known
            yield replace(sheet.use(flow.id, "key", label, data.line, Form.VAULT), credential_id=known.id)


def _spots(data: Node) -> Iterator[Spot]:
    inputs = data.at("inputs")
    parameters = data.at("inputParams")
    hidden = {n.text_at("name") for n in (parameters.list if parameters else []) if n.text_at("type") == "password"}
    for name, node in (inputs.map if inputs else {}).items():
        if name == _CREDENTIAL or not node.text or "{{" in node.text:
            continue
        if name in hidden or words.names_credential(name) or name.lower() == "headers":
            yield Spot("key", name, node.text, node.line, forced=name in hidden)


FORMATS = (
    Format(
        "flowise", yaml=False, named=None, marks=((b'"inputAnchors"', b'"edges"'), (b'"baseClasses"', b'"edges"')),
        belongs=_is_flow, read=_read,
    ),
)  # fmt: skip
