"""Key files of clouds and clusters: Google, Azure, kubeconfig."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._certificates import x509
from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.mend import mend_json
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._credential_files.entry import Entry, taken
from nhiscan.plugin import CredentialKind, Form, Lifetime

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node

_MOST = 500


def read_google(root: Node) -> Iterator[Entry]:
    """Application default credentials by `type` (AIP-4110 to AIP-4117), and OAuth client files."""
    yield from _google(root)
    for key in ("installed", "web"):
        if client := root.at(key):
            facts = {"client_id": client.text_at("client_id"), "project_id": client.text_at("project_id")}
            # An installed application cannot keep a secret, and Google says so (OAuth 2.0 for native apps).
            yield from _secret(client, "client_secret", CredentialKind.CLIENT_SECRET, {**facts, "application": key})


def _google(root: Node) -> Iterator[Entry]:
    match root.text_at("type"):
        case "service_account":
            facts = {n: root.text_at(n) for n in ("client_email", "project_id", "client_id")}
            if key := root.at("private_key"):
                yield Entry(
                    root.text_at("client_email") or "service_account",
                    key.line,
                    taken("private_key", key.text, key.line),
                    kind=CredentialKind.PRIVATE_KEY,
                    provider="gcp",
                    facts=facts,
                    human=False,
                    key_id=root.text_at("private_key_id"),
                    lifetime=Lifetime.STATIC,
                )
        case "authorized_user" | "external_account_authorized_user":
            facts = {n: root.text_at(n) for n in ("client_id", "quota_project_id", "account")}
            yield from _secret(root, "refresh_token", CredentialKind.TOKEN, facts, human=True)
            yield from _secret(root, "client_secret", CredentialKind.CLIENT_SECRET, facts)
        case "external_account":
            names = ("audience", "subject_token_type", "token_url", "service_account_impersonation_url")
            facts = {n: root.text_at(n) for n in names}
            yield Entry("external_account", root.line, form=Form.FEDERATED, kind=CredentialKind.FEDERATED,
                        provider="gcp", facts=facts, lifetime=Lifetime.FEDERATED)  # fmt: skip
        case "impersonated_service_account":
            facts = {"service_account_impersonation_url": root.text_at("service_account_impersonation_url")}
            yield Entry("impersonated_service_account", root.line, form=Form.REFERENCE, kind=CredentialKind.TOKEN,
                        provider="gcp", facts=facts, lifetime=Lifetime.SHORT_LIVED)  # fmt: skip
            if source := root.at("source_credentials"):
                yield from _google(source) if source.text_at("type") != "impersonated_service_account" else ()


def _secret(
    root: Node,
    name: str,
    kind: CredentialKind,
    facts: dict[str, str | None],
    *,
    human: bool | None = None,
) -> Iterator[Entry]:
    if node := root.at(name):
        yield Entry(name, node.line, taken(name, node.text, node.line), None, kind, "gcp", facts, human=human)


def read_azure(root: Node) -> Iterator[Entry]:
    """What `az ad sp create-for-rbac` prints, with and without `--sdk-auth`."""
    client = root.text_at("clientId") or root.text_at("appId")
    tenant = root.text_at("tenantId") or root.text_at("tenant")
    facts = {"client_id": client, "tenant_id": tenant, "subscription_id": root.text_at("subscriptionId")}
    for name in ("clientSecret", "password"):
        if client and tenant and (node := root.at(name)):
            found = taken("client_secret", node.text, node.line, name)
            yield Entry(name, node.line, found, None, CredentialKind.CLIENT_SECRET, "azure", facts, human=False,
                        account_id=tenant)  # fmt: skip


def read_kube(text: str, _path: str) -> Iterator[Entry]:
    """Users of a kubeconfig with the clusters their contexts lead to (Kubernetes API, `Config` v1)."""
    for root in parse_yaml(text) if not text.lstrip().startswith("{") else [_json(text)]:
        if root.text_at("kind") != "Config" and not (root.at("users") and root.at("clusters")):
            continue
        for name, user in list(_named(root, "users", "user"))[:_MOST]:
            yield from _user(name, user, _reached(root, name))


def _json(text: str) -> Node:
    try:
        return parse_json(text)
    except MalformedError:
        return mend_json(text)


def _named(root: Node, key: str, inner: str) -> Iterator[tuple[str, Node]]:
    found = root.at(key)
    for item in found.list if found else ():
        if (name := item.text_at("name")) and (node := item.at(inner)):
            yield name, node


def _reached(root: Node, user: str) -> dict[str, str | None]:
    clusters = dict(_named(root, "clusters", "cluster"))
    for _, context in _named(root, "contexts", "context"):
        if context.text_at("user") == user and (cluster := clusters.get(context.text_at("cluster") or "")):
            insecure = cluster.at("insecure-skip-tls-verify")
            checked = "false" if insecure and insecure.value is True else "true"
            return {"server": cluster.text_at("server"), "tls_verified": checked, "cluster": context.text_at("cluster"),
                    "namespace": context.text_at("namespace")}  # fmt: skip
    return {}


def _user(name: str, user: Node, facts: dict[str, str | None]) -> Iterator[Entry]:
    facts = {"user": name, **facts}
    for key, kind in (("token", CredentialKind.TOKEN), ("password", CredentialKind.PASSWORD)):
        if node := user.at(key):
            found = taken(key, node.text, node.line, f"users {name} {key}")
            yield Entry(f"{name} {key}", node.line, found, None, kind, "kubernetes", facts)
    if node := user.at("client-key-data"):
        yield _client_key(name, user, node, facts)
    if (helper := user.at("exec")) and helper.map:
        facts = {**facts, "helper": helper.text_at("command")}
        yield Entry(f"{name} exec", helper.line, form=Form.HELPER_COMMAND, provider="kubernetes", facts=facts,
                    lifetime=Lifetime.SHORT_LIVED)  # fmt: skip
    for key in ("id-token", "refresh-token", "access-token", "client-secret"):
        if node := user.at("auth-provider", "config", key):
            kind = CredentialKind.CLIENT_SECRET if key == "client-secret" else CredentialKind.TOKEN
            found = taken(key.replace("-", "_"), node.text, node.line, f"users {name} {key}")
            told = {**facts, "auth_provider": user.text_at("auth-provider", "name")}
            yield Entry(f"{name} {key}", node.line, found, None, kind, "kubernetes", told)


def _client_key(name: str, user: Node, node: Node, facts: dict[str, str | None]) -> Entry:
    pem = _decoded(node.text) or ""
    # The certificate says until when the key opens the cluster, as whom (CN) and in which groups (O).
    told = x509.first(_decoded(user.text_at("client-certificate-data")) or "")
    subject = {"certificate": told.id, "subject": told.facts.get("subject")} if told else {}
    return Entry(
        f"{name} client-key-data",
        node.line,
        taken("private_key", pem, node.line, f"users {name} client-key-data"),
        kind=CredentialKind.PRIVATE_KEY,
        provider="kubernetes",
        facts={**facts, **subject},
        issued_at=told.issued_at if told else None,
        expires_at=told.expires_at if told else None,
    )


def _decoded(text: str | None) -> str | None:
    try:
        return base64.b64decode("".join((text or "").split()), validate=True).decode() if text else None
    except (binascii.Error, ValueError):
        return None
