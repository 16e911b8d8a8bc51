"""Roles as policies with their rules, bindings as attachments to accounts, users and groups."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import builtin
from nhiscan.collectors.repo._kubernetes.accounts import account_of, group_records
from nhiscan.collectors.repo._kubernetes.cluster import part
from nhiscan.collectors.repo._kubernetes.desk import PROVIDER
from nhiscan.collectors.repo._kubernetes.manifests import is_known, known
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    Policy,
    PolicyKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Record

_LISTS = ("apiGroups", "resources", "verbs", "resourceNames", "nonResourceURLs")
_MOST_LABELS = 30
_SERVICE_ACCOUNT = "system:serviceaccount:"
# More subjects than any binding has, fewer than would fill a disk.
_MOST_SUBJECTS = 1_000


def roles(desk: Desk) -> Iterator[Record]:
    """Every declared role; `document` is JSON: `kind`, `rules` and, where written, `aggregate`, `labels`, `partial`.

    `partial` says that a template decides some of the rules, which are not in the document.
    """
    for role_id, thing in desk.cluster.of("Role", "ClusterRole"):
        yield Policy(
            id=role_id,
            scope_id=desk.scope_id,
            source=desk.source,
            locator=thing.locator,
            provider=PROVIDER,
            kind=PolicyKind.MANAGED,
            name=desk.book.scrub(thing.name),
            document=_document(thing),
        )


def _document(thing: Thing) -> str:
    node = thing.node
    rules, partial = [], False
    written = node.at("rules")
    for item in written.list if written else []:
        rule = {key: _texts(found) for key in _LISTS if (found := item.at(key)) is not None}
        broken = any(None in values for values in rule.values()) or "verbs" not in rule
        partial |= broken
        if not broken:
            rules.append(rule)
    partial |= written is not None and written.value is not None and not isinstance(written.value, list)
    document: dict[str, object] = {"kind": thing.kind, "rules": rules}
    selectors = node.at("aggregationRule", "clusterRoleSelectors")
    if selectors:
        document["aggregate"] = [_pairs(s.at("matchLabels")) for s in selectors.list]
    if labels := _pairs(node.at("metadata", "labels")):
        document["labels"] = labels
    if partial:
        document["partial"] = True
    return json.dumps(document, sort_keys=True)


def _texts(node: Node) -> list[str | None]:
    items = node.list if isinstance(node.value, list) else [node]
    return [n.text if is_known(n.text) else None for n in items]


def _pairs(node: Node | None) -> dict[str, str]:
    members = list((node.map if node else {}).items())[:_MOST_LABELS]
    return {k: text for k, n in members if (text := _plain(n)) is not None}


def _plain(node: Node) -> str | None:
    return str(node.value).lower() if isinstance(node.value, bool) else known(node.text)


def bindings(desk: Desk) -> Iterator[Record]:
    """Attachments `{binding id}>{subject}`: the binding's kind and namespace, read from the id, say how far it goes."""
    for binding_id, thing in desk.cluster.of("RoleBinding", "ClusterRoleBinding"):
        role = thing.node.at("roleRef")
        kind, name = (role.text_at("kind"), role.text_at("name")) if role else (None, None)
        if kind not in {"Role", "ClusterRole"} or not name:
            continue
        role_id = desk.cluster.refer(kind, thing.namespace, name, thing.realm)
        if role_id not in desk.cluster.things:
            yield _referenced(desk, role_id, kind, name, thing)
        subjects = thing.node.at("subjects")
        for subject in subjects.list[:_MOST_SUBJECTS] if subjects else []:
            yield from _subject(desk, binding_id, role_id, subject, thing)


def _referenced(desk: Desk, role_id: str, kind: str, name: str, thing: Thing) -> Policy:
    """A role that is not declared here: a built-in one with its rules, any other without."""
    rules = builtin.CLUSTER_ROLES.get(name) if kind == "ClusterRole" else None
    document = None
    if rules is not None:
        content: dict[str, object] = {"kind": kind, "rules": rules}
        if more := builtin.selectors(name):
            content["aggregate"] = more
        document = json.dumps(content, sort_keys=True)
    provided = rules is not None or name.startswith("system:")
    return Policy(
        id=role_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider=PROVIDER,
        kind=PolicyKind.PROVIDER if provided else PolicyKind.MANAGED,
        name=desk.book.scrub(name),
        document=document,
    )


def _subject(desk: Desk, binding_id: str, role_id: str, subject: Node, thing: Thing) -> Iterator[Record]:
    kind, name = subject.text_at("kind"), subject.text_at("name")
    if not name or kind not in {"ServiceAccount", "User", "Group"}:
        return
    namespace = known(subject.text_at("namespace"))
    if kind == "User" and name.startswith(_SERVICE_ACCOUNT) and name.count(":") == 3:
        kind, (namespace, name) = "ServiceAccount", name.removeprefix(_SERVICE_ACCOUNT).split(":")
    if kind == "ServiceAccount":
        # The API server refuses a subject without one; a template may leave it to the release.
        principal_id, records = account_of(desk, namespace, name, thing)
        yield from records
    else:
        principal_id = desk.cluster.id_of(kind, None, name, thing.realm)
        yield _principal(desk, principal_id, kind, name, thing)
        if kind == "Group":
            yield from group_records(desk, principal_id, name, thing)
    yield Attachment(
        id=f"{binding_id}>{kind}:{part(namespace or '-')}:{part(name)}",
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        policy_id=role_id,
        principal_id=principal_id,
        kind=AttachmentKind.GRANTS,
    )


def _principal(desk: Desk, principal_id: str, kind: str, name: str, thing: Thing) -> Identity:
    return Identity(
        id=principal_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider=PROVIDER,
        kind=IdentityKind.USER if kind == "User" else IdentityKind.GROUP,
        name=desk.book.scrub(name),
        class_=IdentityClass.PROVIDER_MANAGED if name.startswith("system:") else None,
        # Kubernetes keeps no users and groups; a binding that names one is all it declares.
        state=IdentityState.DECLARED,
    )
