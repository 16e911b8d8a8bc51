"""Credential files that are JSON, YAML or TOML: Docker, GitHub CLI, Cargo, RubyGems, Terraform."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.mend import mend_json
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._config.tomlc import parse_toml
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._credential_files.entry import Entry, taken
from nhiscan.collectors.repo._credential_files.plain import terraform_token
from nhiscan.plugin import CredentialKind, Form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.collectors.repo._config.nodes import Node

_MOST = 2_000
_REGISTRIES = {
    "ghcr.io": "github", "docker.pkg.github.com": "github", "registry.gitlab.com": "gitlab", "gcr.io": "gcp",
    "index.docker.io": "docker", "docker.io": "docker", "registry-1.docker.io": "docker",
}  # fmt: skip


def from_json(read: Callable[[Node], Iterator[Entry]]) -> Callable[[str, str], Iterator[Entry]]:
    """A reader of text; of a broken file it gives what can be read, and then raises MalformedError."""

    def whole(text: str, _path: str) -> Iterator[Entry]:
        error = None
        try:
            root = parse_json(text)
        except MalformedError as e:
            root, error = mend_json(text), e
        yield from read(root)
        if error is not None:
            raise error

    return whole


def read_docker(root: Node) -> Iterator[Entry]:
    """Registries with a login, and those whose login a helper keeps (docker CLI, "config.json properties")."""
    auths = root.at("auths")
    for registry, node in list((auths or root).map.items())[:_MOST]:
        # `.dockercfg` has no such level; in other files a login stands under a word, not under a host.
        if auths or "." in registry or ":" in registry:
            yield from _login(registry, node)
    if (store := root.at("credsStore")) and store.text:
        yield Entry("credsStore", store.line, form=Form.KEYRING, facts={"helper": store.text})
    for registry, node in (helpers.map if (helpers := root.at("credHelpers")) else {}).items():
        form = Form.HELPER_COMMAND if node.text in {"ecr-login", "gcloud", "gcr", "acr-env"} else Form.KEYRING
        facts = {"helper": node.text, "registry": _host(registry)}
        yield Entry(f"credHelpers {registry}", node.line, form=form, provider=_provider(registry), facts=facts)


def _login(registry: str, node: Node) -> Iterator[Entry]:
    user, provider = node.text_at("username"), _provider(registry)
    where, name = node.at("password") or node.at("auth"), "password"
    value = where.text if where else None
    if where is not None and node.at("password") is None:
        user, password = basic(value or "")
        # The value is what stands there, as the scan of files takes it, unless its password says that it is none.
        name, value = "auth", None if _is_stand_in(password) else value
    facts = {"registry": _host(registry), "user": user}
    if where is not None and value and user != "<token>":
        found = taken(name, value, where.line, f"auths {registry}")
        yield Entry(registry, where.line, found, None, CredentialKind.PASSWORD, provider, facts)
    for key in ("identitytoken", "registrytoken"):
        if token := node.at(key):
            found = taken(key, token.text, token.line, f"auths {registry} {key}")
            yield Entry(registry, token.line, found, None, CredentialKind.TOKEN, provider, facts)


def _is_stand_in(password: str | None) -> bool:
    found = taken("password", password, 1) if password is not None else ()
    return password is not None and not any(f.form is Form.LITERAL for f in found)


def basic(text: str) -> tuple[str | None, str | None]:
    """User and password of `base64(user:password)`; None twice where it is none."""
    try:
        raw = base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return None, None
    user, colon, password = raw.rstrip("\0").partition(":")
    return (user, password) if colon and raw.isprintable() else (None, None)


def _host(registry: str) -> str:
    return registry.partition("://")[2].partition("/")[0] or registry.partition("/")[0]


def _provider(registry: str) -> str | None:
    host = _host(registry)
    if host.endswith(".amazonaws.com"):
        return "aws"
    if host.endswith((".gcr.io", ".pkg.dev")):
        return "gcp"
    return "azure" if host.endswith(".azurecr.io") else _REGISTRIES.get(host)


def read_tfrc(root: Node) -> Iterator[Entry]:
    """`credentials.tfrc.json`, which `terraform login` writes."""
    credentials = root.at("credentials")
    for host, node in (credentials.map if credentials else {}).items():
        if token := node.at("token"):
            yield terraform_token(host, token.text or "", token.line)


def read_gh(text: str, _path: str) -> Iterator[Entry]:
    """`hosts.yml` of GitHub CLI and hub; without a token the keyring has it (`gh help environment`)."""
    for host, node in (m for root in parse_yaml(text) for m in root.map.items()):
        # hub writes a list of accounts, gh a mapping with users below.
        users = node.at("users")
        accounts = [
            (None, node),
            *((n, u) for n, u in (users.map if users else {}).items()),
            *((None, n) for n in node.list),
        ]
        seen = False
        for name, account in accounts:
            user = name or account.text_at("user")
            if token := account.at("oauth_token"):
                seen = True
                shown = f"{host} {user}" if user else host
                found = taken("oauth_token", token.text, token.line, shown)
                yield Entry(shown, token.line, found, None, CredentialKind.TOKEN, "github",
                            {"host": host, "user": user}, human=True)  # fmt: skip
        if not seen and "." in host and node.text_at("user"):
            facts = {"host": host, "user": node.text_at("user")}
            yield Entry(host, node.key_line, form=Form.KEYRING, kind=CredentialKind.TOKEN, provider="github",
                        facts=facts, human=True)  # fmt: skip


def read_cargo(text: str, _path: str) -> Iterator[Entry]:
    """Tokens by registry (The Cargo Book, "Configuration", "Credentials")."""
    root = parse_toml(text)
    registries = root.at("registries")
    tables = [("crates.io", root.at("registry")), *(registries.map.items() if registries else ())]
    for name, table in tables:
        if table is None:
            continue
        for key in ("token", "secret-key"):
            if node := table.at(key):
                found = taken(key, node.text, node.line, f"{name} {key}")
                provider = "cratesio" if name in {"crates.io", "crates-io"} else None
                yield Entry(name, node.line, found, None, CredentialKind.TOKEN, provider, {"registry": name})
        if (helper := table.at("credential-provider")) is not None:
            yield Entry(f"{name} credential-provider", helper.line, form=Form.KEYRING, facts={"registry": name})


def read_gem(text: str, _path: str) -> Iterator[Entry]:
    """`:rubygems_api_key` and keys of other hosts (RubyGems guides, "API authorization")."""
    for name, node in (m for root in parse_yaml(text) for m in root.map.items()):
        host = name.strip(":")
        if node.text is not None:
            provider = "rubygems" if host == "rubygems_api_key" else None
            found = taken("api_key", node.text, node.line, host)
            yield Entry(host, node.line, found, None, CredentialKind.API_KEY, provider, {"registry": host})
