"""How agents and plugins present themselves: A2A agent cards and `ai-plugin.json`.

Sources (read 2026-11): a2a-protocol.org specification 0.3 (`securitySchemes`, `security`) and 1.0 (its protobuf
spelling, `supportedInterfaces`, `securityRequirements`); cards of 0.2 with `authentication`; OpenAI's plugins, v1.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.abilities import at_address, items
from nhiscan.collectors.repo._config.judge import Spot
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import Auth, ConsumerKind, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record

# From the weakest to the strongest: what a caller may choose among is as strong as the weakest.
_WEAKEST = (Auth.NONE, Auth.API_KEY, Auth.BASIC, Auth.STATIC_BEARER, Auth.OAUTH, Auth.MTLS)
_TYPES = {
    "apikey": Auth.API_KEY, "oauth2": Auth.OAUTH, "openidconnect": Auth.OAUTH, "mutualtls": Auth.MTLS,
    "apikeysecurityscheme": Auth.API_KEY, "oauth2securityscheme": Auth.OAUTH,
    "openidconnectsecurityscheme": Auth.OAUTH, "openidsecurityscheme": Auth.OAUTH, "mtlssecurityscheme": Auth.MTLS,
    "mutualtlssecurityscheme": Auth.MTLS,
}  # fmt: skip
_SPOKEN = {
    "none": Auth.NONE, "public": Auth.NONE, "anonymous": Auth.NONE, "bearer": Auth.STATIC_BEARER, "basic": Auth.BASIC,
    "apikey": Auth.API_KEY, "oauth": Auth.OAUTH, "mtls": Auth.MTLS, **_TYPES,
}  # fmt: skip


def _is_card(root: Node) -> bool:
    skills = root.at("skills")
    said = {"capabilities", "defaultInputModes", "default_input_modes", "supportedInterfaces", "protocolVersion"}
    return bool(root.text_at("name") and skills is not None and isinstance(skills.value, list)) and not (
        said.isdisjoint(root.map)
    )


def _card(sheet: Sheet, root: Node) -> Iterator[Record]:
    old = root.at("authentication")
    credentials = old.at("credentials") if old else None
    spots = [Spot("key", "credentials", credentials.text, credentials.line, forced=True)] if (
        credentials and credentials.text
    ) else []  # fmt: skip
    found = sheet.found(spots)
    name = root.text_at("name") or ""
    agent = sheet.consumer(ConsumerKind.AGENT, "agent", name, root.line)
    signatures = root.at("signatures")
    yield replace(
        at_address(agent, _url(root)),
        auth=_auth(root),
        tags={"signed": "true" if signatures and signatures.list else "false"},
    )
    yield from sheet.held(agent, found)
    for skill in items(root, "skills"):
        if said := skill.text_at("id") or skill.text_at("name"):
            yield sheet.tool(agent.id, said, skill.line)


def _url(root: Node) -> str | None:
    if url := root.text_at("url"):
        return url
    for key in ("supportedInterfaces", "supported_interfaces", "additionalInterfaces"):
        if node := root.at(key):
            return next((u for i in node.list if (u := i.text_at("url"))), None)
    return None


def _auth(root: Node) -> Auth:
    """How a caller proves itself; `undeclared` where the card has no word about it."""
    if (old := root.at("authentication")) is not None and not root.at("securitySchemes"):
        schemes = old.at("schemes")
        said = [s.text or "" for s in schemes.list] if schemes else [old.text_at("type") or old.text or ""]
        return _weakest([_SPOKEN.get(re.sub(r"[^a-z0-9]", "", s.lower())) for s in said]) or (
            Auth.NONE if schemes is not None and not said else Auth.UNDECLARED
        )
    declared = root.at("securitySchemes") or root.at("security_schemes")
    known = {name: _scheme(node) for name, node in (declared.map if declared else {}).items()}
    wanted = root.at("security") or root.at("securityRequirements") or root.at("security_requirements")
    if wanted is not None and wanted.list:
        return _weakest([_alternative(item, known) for item in wanted.list]) or Auth.UNDECLARED
    return _weakest(list(known.values())) or Auth.UNDECLARED


def _alternative(item: Node, known: dict[str, Auth | None]) -> Auth | None:
    """What one requirement demands: all its schemes together, so the strongest; an empty one demands nothing."""
    names = (item.at("schemes") or item).map
    if not names:
        return Auth.NONE
    auths = [a for n in names if (a := known.get(n))]
    return max(auths, key=_WEAKEST.index) if auths else None


def _scheme(node: Node) -> Auth | None:
    type_ = (node.text_at("type") or next(iter(node.map), "")).lower()
    if type_ == "http":
        return _SPOKEN.get((node.text_at("scheme") or "").lower())
    if type_ in {"httpauthsecurityscheme", "http_auth_security_scheme"}:
        return _SPOKEN.get((next(iter(node.map.values())).text_at("scheme") or "").lower())
    return _TYPES.get(type_.replace("_", ""))


def _weakest(auths: Sequence[Auth | None]) -> Auth | None:
    said = [a for a in auths if a]
    return min(said, key=_WEAKEST.index) if said and len(said) == len(auths) else None


def _is_plugin(root: Node) -> bool:
    return bool(root.text_at("name_for_model") and root.text_at("auth", "type") and root.at("api"))


def _plugin(sheet: Sheet, root: Node) -> Iterator[Record]:
    """A plugin of the first kind; its verification tokens are public by design, they stand in a public file."""
    kind = root.text_at("auth", "type") or ""
    auth = {"none": Auth.NONE, "oauth": Auth.OAUTH}.get(kind)
    if kind in {"user_http", "service_http"}:
        auth = Auth.BASIC if root.text_at("auth", "authorization_type") == "basic" else Auth.STATIC_BEARER
    api = sheet.consumer(
        ConsumerKind.TOOL_SERVER, "plugin", root.text_at("name_for_human") or root.text_at("name_for_model") or "",
        root.line,
    )  # fmt: skip
    found = sheet.found(
        Spot("key", key, n.text, n.line)
        for key in ("client_secret", "token", "api_key")
        if (n := root.at("auth", key)) and n.text
    )
    yield replace(at_address(api, root.text_at("api", "url"), Transport.HTTP), auth=auth)
    yield from sheet.held(api, found)


FORMATS = (
    Format(
        "a2a", yaml=False, named=re.compile(r"agent[-_]?card[^/]*\.json$|(?:^|/)agent\.json$|cards?/[^/]+\.json$"),
        marks=((b'"skills"', b'"name"'),), belongs=_is_card, read=_card,
    ),
    Format(
        "openai_plugin", yaml=False, named=re.compile(r"(?:^|/)[\w.-]*plugin[\w.-]*\.json$"),
        marks=((b'"name_for_model"',),), belongs=_is_plugin, read=_plugin,
    ),
)  # fmt: skip
