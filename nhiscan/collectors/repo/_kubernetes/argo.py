"""Argo CD: applications that sync by themselves, projects and their tokens, and the Secrets with its logins.

Source: argo-cd.readthedocs.io, "Declarative Setup", "Projects" and "Automated Sync Policy".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._kubernetes.cluster import part
from nhiscan.collectors.repo._kubernetes.desk import ALL_KEYS
from nhiscan.collectors.repo._kubernetes.manifests import is_known, known
from nhiscan.collectors.repo._kubernetes.pods import number
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Autonomy,
    Basis,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    CredentialState,
    Lifetime,
    Policy,
    PolicyKind,
    Purpose,
    UseHow,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Record

_TYPE = "argocd.argoproj.io/secret-type"
_PURPOSES = {"repository": Purpose.SOURCE, "repo-creds": Purpose.SOURCE, "cluster": Purpose.CLOUD}
_LISTS = ("sourceRepos", "destinations", "clusterResourceWhitelist", "namespaceResourceWhitelist", "sourceNamespaces")
_MOST = 500
_LAST_YEAR = 9999


def argo(desk: Desk) -> Iterator[Record]:
    """Applications as pipelines, projects as policies that bear on them, tokens of project roles."""
    for project_id, thing in desk.cluster.of("AppProject"):
        yield _project(desk, project_id, thing)
        yield from _tokens(desk, project_id, thing)
    for app_id, thing in desk.cluster.of("Application"):
        yield from _application(desk, app_id, thing)
    logins = [(i, t) for i, t in desk.cluster.of("Secret") if t.node.text_at("metadata", "labels", _TYPE) in _PURPOSES]
    if logins:
        yield from _server(desk, logins)


def _project(desk: Desk, project_id: str, thing: Thing) -> Policy:
    spec = thing.node.at("spec")
    document = {k: _plain(found) for k in _LISTS if spec and (found := spec.at(k)) is not None}
    return Policy(
        id=project_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider="argocd",
        kind=PolicyKind.MANAGED,
        name=desk.book.scrub(thing.name),
        document=json.dumps(document, sort_keys=True),
    )


def _plain(node: Node) -> object:
    if isinstance(node.value, list):
        return [_plain(n) for n in node.value[:_MOST]]
    if isinstance(node.value, dict):
        return {k: n.text for k, n in list(node.value.items())[:_MOST] if n.text is not None}
    return node.text


def _tokens(desk: Desk, project_id: str, thing: Thing) -> Iterator[Record]:
    """Tokens that the project's roles have been given; without `exp` they never end."""
    roles = thing.node.at("spec", "roles")
    for role in (roles.list if roles else [])[:_MOST]:
        tokens = role.at("jwtTokens")
        name = desk.book.scrub(role.text_at("name") or "role")
        for at, token in enumerate((tokens.list if tokens else [])[:_MOST], start=1):
            expires = token.at("exp")
            ends = _moment(expires)
            yield Credential(
                id=f"{project_id}#token:{part(name)}:{at}",
                scope_id=desk.scope_id,
                source=desk.source,
                locator=f"{thing.document.path}:{token.line}",
                provider="argocd",
                kind=CredentialKind.JWT,
                name=name,
                state=CredentialState.DECLARED,
                lifetime=Lifetime.STATIC if expires is None else None,
                issued_at=_moment(token.at("iat")),
                expires_at=ends,
            )


def _moment(node: Node | None) -> datetime | None:
    seconds = number(node) if node else None
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds else None
    except (OverflowError, ValueError, OSError):
        return None


def _application(desk: Desk, app_id: str, thing: Thing) -> Iterator[Record]:
    spec = thing.node.at("spec")
    if spec is None:
        return
    automated = spec.at("syncPolicy", "automated")
    by_itself = automated is not None and automated.at("enabled") is not None and not automated.is_true("enabled")
    tags = {k: desk.book.scrub(v) for k, v in _described(spec).items() if is_known(v)}
    yield Consumer(
        id=app_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        kind=ConsumerKind.PIPELINE,
        name=desk.book.scrub(thing.name),
        framework="argocd",
        uri=thing.document.path,
        line=thing.line,
        visibility=thing.document.visibility,
        platform="argocd",
        autonomy=Autonomy.UNATTENDED if automated is not None and not by_itself else Autonomy.SUPERVISED,
        autonomy_basis=Basis.EXPLICIT if automated is not None else Basis.DEFAULT,
        tags=tags,
    )
    project = known(spec.text_at("project")) or "default"
    found = desk.cluster.find("AppProject", None, project, thing.realm)
    if found:
        policy_id = desk.cluster.own_id(found)
        yield Attachment(
            id=f"{app_id}>{part(project)}",
            scope_id=desk.scope_id,
            source=desk.source,
            locator=thing.locator,
            policy_id=policy_id,
            principal_id=app_id,
            kind=AttachmentKind.GRANTS,
        )


def _described(spec: Node) -> dict[str, str]:
    first = next(iter(n.list), None) if (n := spec.at("sources")) else None
    source = spec.at("source") or first
    facts = {
        "repository": source.text_at("repoURL") if source else None,
        "revision": source.text_at("targetRevision") if source else None,
        "destination": spec.text_at("destination", "server") or spec.text_at("destination", "name"),
        "namespace": spec.text_at("destination", "namespace"),
        "project": spec.text_at("project"),
    }
    return {k: v for k, v in facts.items() if v}


def _server(desk: Desk, logins: list[tuple[str, Thing]]) -> Iterator[Record]:
    """Argo CD itself, which holds the logins to repositories and clusters."""
    consumer_id = f"{desk.scope_id}#k8s:argocd"
    first = logins[0][1]
    yield Consumer(
        id=consumer_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=first.locator,
        kind=ConsumerKind.PIPELINE,
        name="argocd",
        framework="argocd",
        uri=first.document.path,
        visibility=first.document.visibility,
        platform="kubernetes",
    )
    for secret_id, thing in logins:
        purpose = _PURPOSES[thing.node.text_at("metadata", "labels", _TYPE) or ""]
        seen: set[str] = set()
        for key, held in desk.cluster.keys.get(secret_id, {}).items():
            if key != ALL_KEYS and held.credential_id not in seen:
                seen.add(held.credential_id)
                yield desk.use(
                    consumer_id, thing, thing.line, UseHow.CONFIGURED, place="file", name=key, form=held.form,
                    credential_id=held.credential_id, purpose=purpose,
                )  # fmt: skip
