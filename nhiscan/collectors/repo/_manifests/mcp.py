"""Manifests of MCP servers: the registry's `server.json`, mcpb and dxt bundles, smithery.

Sources (read 2026-11): modelcontextprotocol/registry docs/reference/server-json (both spellings of its keys),
modelcontextprotocol/mcpb MANIFEST.md (`sensitive` input goes to the keychain of the system, other input into the
client's settings), smithery.ai/docs (smithery.yaml).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import words
from nhiscan.collectors.repo._config.abilities import at_address, items, traits_of, with_traits
from nhiscan.collectors.repo._config.judge import Found, Spot
from nhiscan.collectors.repo._config.launch import Launch, read_launch
from nhiscan.collectors.repo._config.servers import command_line, launch_of
from nhiscan.collectors.repo._config.spots import entry_spots
from nhiscan.collectors.repo._manifests.formats import Format
from nhiscan.plugin import Auth, ConsumerKind, Form, Origin, Pin, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._config.sheet import Sheet
    from nhiscan.plugin import Record

_RUNNERS = {"npm": "npx", "pypi": "uvx", "oci": "docker", "docker": "docker", "nuget": "dnx", "mcpb": "mcpb"}
_TRANSPORTS = {
    "stdio": Transport.STDIO,
    "sse": Transport.SSE,
    "streamable-http": Transport.HTTP,
    "http": Transport.HTTP,
}
_VERSION = re.compile(r"v?\d+\.\d+(?:\.\d+)*(?:[-+.]\w[\w.+-]*)?")
_USER_INPUT = re.compile(r"\$\{(?:user_config\.[\w.-]+|__dirname|HOME|DESKTOP|DOCUMENTS|DOWNLOADS|pathSeparator)\}")


def _is_registry(root: Node) -> bool:
    parts = [p for key in ("packages", "remotes") if (n := root.at(key)) for p in n.list]
    keys = {"registryType", "registry_type", "registry_name", "registryName", "transport_type", "type", "url"}
    # Templates of manifests hold `<owner>/<name>` still.
    name = root.text_at("name") or "<"
    return "<" not in name and any(keys.intersection(p.map) for p in parts)


def _registry(sheet: Sheet, root: Node) -> Iterator[Record]:
    name = root.text_at("name") or ""
    for package in items(root, "packages"):
        yield from _package(sheet, name, package)
    for number, remote in enumerate(items(root, "remotes"), 1):
        yield from _remote(sheet, name, number, remote)


def _package(sheet: Sheet, name: str, package: Node) -> Iterator[Record]:
    registry = _text(package, "registryType", "registry_type", "registry_name", "registryName") or "unknown"
    identifier = _text(package, "identifier", "name") or ""
    found = sheet.found(
        spot
        for key in ("environmentVariables", "environment_variables", "packageArguments", "package_arguments",
                    "runtimeArguments", "runtime_arguments")
        for item in items(package, key)
        for spot in _input("env" if key.startswith("env") else "arg", item)
    )  # fmt: skip
    server = sheet.consumer(ConsumerKind.TOOL_SERVER, f"{name}/{registry}:{identifier}", name, package.line)
    launch = _launch(package, registry, identifier)
    transport = _TRANSPORTS.get(package.text_at("transport", "type") or "stdio")
    yield replace(
        at_address(server, package.text_at("transport", "url"), transport),
        launcher=_text(package, "runtimeHint", "runtime_hint") or _RUNNERS.get(registry),
        package=sheet.book.scrub(launch.package) if launch.package else None,
        pin=launch.pin,
    )
    yield from sheet.held(server, found)


def _launch(package: Node, registry: str, identifier: str) -> Launch:
    version = package.text_at("version") or ""
    if registry in {"oci", "docker"}:
        image = identifier if not version or ":" in identifier.rpartition("/")[2] else f"{identifier}:{version}"
        return read_launch(["docker", "run", image])
    if _text(package, "fileSha256", "file_sha256"):
        return Launch(package=identifier, pin=Pin.DIGEST)
    if registry == "mcpb":
        return Launch(package=identifier, pin=Pin.URL)
    spec = f"{identifier}@{version}" if version else identifier
    pin = Pin.EXACT if _VERSION.fullmatch(version) else read_launch(["npx", spec]).pin
    return Launch(package=spec, pin=pin)


def _remote(sheet: Sheet, name: str, number: int, remote: Node) -> Iterator[Record]:
    found = sheet.found(spot for item in items(remote, "headers") for spot in _input("header", item))
    server = sheet.consumer(ConsumerKind.TOOL_SERVER, f"{name}/remote:{number}", name, remote.line)
    headers = [f.name for f in found]
    auth = Auth.UNDECLARED if not headers else Auth.API_KEY
    if any(words.words(h)[-1:] == ["authorization"] for h in headers):
        auth = Auth.STATIC_BEARER
    transport = _TRANSPORTS.get(_text(remote, "type", "transport_type") or "")
    yield replace(at_address(server, remote.text_at("url"), transport), auth=auth)
    yield from sheet.held(server, found)


def _input(place: str, item: Node) -> Iterator[Spot | Found]:
    """One declared variable, argument or header: what is preset, or that whoever installs it is asked.

    Asked without `isSecret`, a credential is kept like any setting: its place is `input`.
    """
    name = item.text_at("name") or item.text_at("valueHint") or ""
    secret = item.is_true("isSecret") or item.is_true("is_secret")
    if not (secret or words.names_credential(name)):
        return
    preset = _text(item, "value", "default") or ""
    if preset and not re.search(r"\{[\w.-]+\}", preset):
        yield Spot(place, name, preset, item.line, forced=True)
    else:
        yield Found(place if secret else "input", name, item.line, Form.PROMPT)


def _is_bundle(root: Node) -> bool:
    versioned = root.at("manifest_version") or root.at("dxt_version") or root.at("mcpb_version")
    return bool(versioned and (root.at("server", "mcp_config") or root.text_at("server", "entry_point")))


def _bundle(sheet: Sheet, root: Node) -> Iterator[Record]:
    name = root.text_at("name") or "server"
    entry = root.at("server", "mcp_config") or root
    argv = command_line(entry) if entry is not root else []
    spots = [s for s in entry_spots(entry, argv) if not (isinstance(s, Spot) and _USER_INPUT.search(s.value))]
    found = sheet.found([*(spots if entry is not root else []), *_user_inputs(root)])
    launch = launch_of(argv)
    server = sheet.consumer(ConsumerKind.TOOL_SERVER, name, root.text_at("display_name") or name, root.line)
    yield replace(
        server,
        transport=Transport.STDIO,
        origin=Origin.EXTENSION,
        launcher=sheet.book.scrub(launch.launcher) if launch.launcher else root.text_at("server", "type"),
        package=sheet.book.scrub(launch.package) if launch.package else None,
        pin=launch.pin,
    )
    yield from sheet.held(server, found)
    for tool in items(root, "tools"):
        if said := tool.text_at("name"):
            yield with_traits(sheet.tool(server.id, said, tool.line), traits_of(said))


def _user_inputs(root: Node) -> Iterator[Found]:
    inputs = root.at("user_config")
    for key, node in (inputs.map if inputs else {}).items():
        sensitive = node.is_true("sensitive")
        if not sensitive and not (words.names_credential(key) and node.text_at("type") in {None, "string"}):
            continue
        yield Found("input", key, node.key_line, Form.KEYRING if sensitive else Form.PROMPT)


def _is_smithery(root: Node) -> bool:
    return bool(root.at("startCommand", "type") or root.at("startCommand", "configSchema")) or (
        root.text_at("runtime") in {"typescript", "container", "python"} and len(root.map) <= 6
    )


def _smithery(sheet: Sheet, root: Node) -> Iterator[Record]:
    start = root.at("startCommand") or root
    schema = start.at("configSchema", "properties")
    example = start.at("exampleConfig") or root.at("exampleConfig")
    found = sheet.found(
        [
            *(
                Found("input", key, node.key_line, Form.PROMPT)
                for key, node in (schema.map if schema else {}).items()
                if words.names_credential(key)
            ),
            *(Spot("key", k, n.text, n.line) for k, n in (example.map if example else {}).items() if n.text),
        ]
    )
    server = sheet.consumer(ConsumerKind.TOOL_SERVER, "server", root.text_at("name") or "server", root.line)
    yield replace(server, transport=_TRANSPORTS.get(start.text_at("type") or ""), origin=Origin.EXTENSION)
    yield from sheet.held(server, found)


def _text(node: Node, *keys: str) -> str | None:
    return next((t for k in keys if (t := node.text_at(k))), None)


FORMATS = (
    Format(
        "mcp_registry", yaml=False, named=re.compile(r"(?:^|[/._-])server\.json$"),
        marks=((b'"packages"',), (b'"remotes"',)), belongs=_is_registry, read=_registry,
    ),
    Format(
        "mcpb", yaml=False, named=re.compile(r"(?:^|/)manifest\.json$"),
        marks=((b'"manifest_version"', b'"server"'), (b'"dxt_version"', b'"server"'), (b'"mcpb_version"', b'"server"')),
        belongs=_is_bundle, read=_bundle,
    ),
    Format(
        "smithery", yaml=True, named=re.compile(r"(?:^|/)smithery\.ya?ml$"),
        marks=((b"startCommand",), (b"runtime",)), belongs=_is_smithery, read=_smithery, own_name=True,
    ),
)  # fmt: skip
