"""Microsoft 365 Copilot: declarative agents and the plugins they act through.

Sources (read 2026-11): learn.microsoft.com/microsoft-365-copilot/extensibility, declarative agent manifest 1.x, API
plugin manifest 2.x, plugin-authentication (the vaults of the Teams developer portal keep key and client secret).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.abilities import at_address, beside, items, traits_of, with_traits
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import Approval, Auth, Basis, ConsumerKind, CredentialKind, Form, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record

_AUTH = {"none": Auth.NONE, "oauthpluginvault": Auth.OAUTH, "apikeypluginvault": Auth.API_KEY,
         "microsoftentra": Auth.OAUTH, "dynamicclientregistration": Auth.OAUTH}  # fmt: skip
_KINDS = {"oauthpluginvault": CredentialKind.CLIENT_SECRET, "apikeypluginvault": CredentialKind.API_KEY}


def _is_agent(root: Node) -> bool:
    schema = root.text_at("$schema") or ""
    return bool(root.text_at("name")) and (
        "declarative-agent" in schema
        or bool(root.at("instructions") and (root.at("capabilities") or root.at("actions")))
    )


def _agent(sheet: Sheet, root: Node) -> Iterator[Record]:
    agent = sheet.consumer(ConsumerKind.AGENT, "agent", root.text_at("name") or "", root.line)
    yield replace(agent, platform="microsoft_365")
    for item in items(root, "capabilities"):
        if name := item.text_at("name"):
            yield with_traits(sheet.tool(agent.id, name, item.line), traits_of(name))
    for item in items(root, "actions"):
        file = item.text_at("file")
        yield sheet.tool(agent.id, item.text_at("id") or file or "action", item.line)
        path = beside(sheet.document.path, file) if file else None
        other = sheet.others.get(path) if path else None
        if other is not None and _is_plugin(other):
            hop = sheet.hop(agent.id, f"{sheet.book.scope_id}#{path}:plugin", "action", item.line)
            yield replace(hop, auth=_plugin_auth(other))


def _is_plugin(root: Node) -> bool:
    return any(r.at("type") and (r.at("auth") or r.at("spec")) for r in items(root, "runtimes"))


def _plugin(sheet: Sheet, root: Node) -> Iterator[Record]:
    plugin = sheet.consumer(
        ConsumerKind.TOOL_SERVER, "plugin", root.text_at("name_for_human") or root.text_at("namespace") or "plugin",
        root.line,
    )  # fmt: skip
    url = next((u for r in items(root, "runtimes") if (u := r.text_at("spec", "url"))), None)
    yield replace(
        at_address(plugin, url if url and "://" in url else None, Transport.HTTP),
        auth=_plugin_auth(root),
        platform="microsoft_365",
    )
    for runtime in items(root, "runtimes"):
        reference = runtime.at("auth", "reference_id")
        if reference is None or not reference.text:
            continue
        kind = _KINDS.get((runtime.text_at("auth", "type") or "").lower())
        name = sheet.book.scrub(reference.text)
        known = sheet.credential(f"#secret:{name}", name, "azure", kind)
        yield known
        use = sheet.use(plugin.id, "key", "reference_id", reference.line, Form.VAULT)
        yield replace(use, credential_id=known.id)
    for function in items(root, "functions"):
        if called := function.text_at("name"):
            tool = sheet.tool(plugin.id, called, function.line, approval=_approval(function))
            yield with_traits(tool, traits_of(called))


def _approval(function: Node) -> tuple[Approval, Basis] | None:
    said = (function.text_at("capabilities", "confirmation", "type") or "").lower()
    if not said:
        return None
    return (Approval.AUTO if said == "none" else Approval.ASK), Basis.EXPLICIT


def _plugin_auth(root: Node) -> Auth | None:
    said = [_AUTH.get((r.text_at("auth", "type") or "").lower()) for r in items(root, "runtimes") if r.at("auth")]
    # One open runtime is enough.
    return Auth.NONE if Auth.NONE in said else next((a for a in said if a), None)


FORMATS = (
    Format(
        "copilot", yaml=False, named=None,
        marks=((b"declarative-agent/",), (b'"instructions"', b'"capabilities"', b'"conversation_starters"')),
        belongs=_is_agent, read=_agent, joined=True,
    ),
    Format(
        "copilot_plugin", yaml=False, named=None, marks=((b'"runtimes"', b'"schema_version"'),),
        belongs=_is_plugin, read=_plugin, joined=True,
    ),
)  # fmt: skip
