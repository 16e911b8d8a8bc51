"""Service accounts, roles and bindings of Kubernetes that Terraform declares, under the ids that manifests have.

Arguments: Terraform Registry, provider hashicorp/kubernetes 2 (November 2026).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config import builtin
from nhiscan.collectors.repo._terraform.values import Value, blocks, known_text
from nhiscan.plugin import Attachment, AttachmentKind, Identity, IdentityKind, IdentityState, Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record

_PROVIDER = "kubernetes"
_ANNOTATIONS = (
    "eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account", "azure.workload.identity/client-id",
)  # fmt: skip
# What separates the parts of an id does not stand in one.
_APART = str.maketrans({"/": "_", ">": "_", "#": "_", "\\": "_"})
_RULES = (
    ("api_groups", "apiGroups"),
    ("resources", "resources"),
    ("verbs", "verbs"),
    ("resource_names", "resourceNames"),
    ("non_resource_urls", "nonResourceURLs"),
)


def _name(thing: Thing) -> str:
    return thing.text("metadata", "name") or thing.label


def _namespace(thing: Thing) -> str:
    return thing.text("metadata", "namespace") or "default"


def _id(desk: Desk, namespace: str, kind: str, name: str) -> str:
    space, short = (desk.book.scrub(t).translate(_APART) for t in (namespace, name))
    return f"{desk.book.scope_id}#k8s:{space}/{kind}/{short}"


def _account(desk: Desk, thing: Thing) -> Iterator[Record]:
    tags = {"namespace": desk.book.scrub(_namespace(thing))}
    annotations = thing.at("metadata", "annotations")
    for key in _ANNOTATIONS if isinstance(annotations, Mapping) else ():
        text = desk.shown(annotations.get(key)) if isinstance(annotations, Mapping) else None
        if text:
            tags[key] = text
    automount = thing.flag("automount_service_account_token")
    if automount is not None:
        tags["automount"] = str(automount).lower()
    yield _identity(desk, thing, _namespace(thing), _name(thing), tags)


def _identity(desk: Desk, thing: Thing, namespace: str, name: str, tags: Mapping[str, str]) -> Identity:
    return Identity(
        **desk.seen(_id(desk, namespace, "ServiceAccount", name), thing), provider=_PROVIDER,
        kind=IdentityKind.SERVICE_ACCOUNT, name=desk.book.scrub(name), state=IdentityState.DECLARED, tags=tags,
    )  # fmt: skip


def _kind(thing: Thing) -> str:
    return "ClusterRole" if "cluster_role" in thing.kind else "Role"


def _role(desk: Desk, thing: Thing) -> Iterator[Record]:
    kind = _kind(thing)
    rules, partial = [], False
    for block in thing.blocks("rule"):
        rule = {name: _texts(block.get(key)) for key, name in _RULES if block.get(key) not in (None, [])}
        broken = "verbs" not in rule or any(None in texts for texts in rule.values())
        partial |= broken
        if not broken:
            rules.append(rule)
    document: dict[str, object] = {"kind": kind, "rules": rules} | ({"partial": True} if partial else {})
    namespace = "-" if kind == "ClusterRole" else _namespace(thing)
    yield Policy(
        **desk.seen(_id(desk, namespace, kind, _name(thing)), thing), provider=_PROVIDER, kind=PolicyKind.MANAGED,
        name=desk.book.scrub(_name(thing)), document=json.dumps(document, sort_keys=True),
    )  # fmt: skip


def _texts(value: Value) -> list[str | None]:
    items = value if isinstance(value, (list, tuple)) else [value]
    return [known_text(i) for i in items]


def _binding(desk: Desk, thing: Thing) -> Iterator[Record]:
    wide = "cluster_role" in thing.kind
    binding = _id(
        desk, "-" if wide else _namespace(thing), "ClusterRoleBinding" if wide else "RoleBinding", _name(thing)
    )
    kind, role = thing.text("role_ref", "kind"), thing.text("role_ref", "name")
    if kind not in {"Role", "ClusterRole"} or not role:
        return
    role_id = _id(desk, "-" if kind == "ClusterRole" else _namespace(thing), kind, role)
    yield _referenced(desk, thing, role_id, kind, role)
    for subject in blocks(thing.values, "subject"):
        what, name = known_text(subject.get("kind")), known_text(subject.get("name"))
        if what != "ServiceAccount" or not name:
            continue
        namespace = known_text(subject.get("namespace")) or "default"
        account = _id(desk, namespace, "ServiceAccount", name)
        yield _identity(desk, thing, namespace, name, {"namespace": desk.book.scrub(namespace)})
        yield Attachment(
            **desk.seen(f"{binding}>{what}:{desk.book.scrub(namespace)}:{desk.book.scrub(name)}", thing),
            policy_id=role_id, principal_id=account, kind=AttachmentKind.GRANTS,
        )  # fmt: skip


def _referenced(desk: Desk, thing: Thing, role_id: str, kind: str, name: str) -> Policy:
    """A role that is bound: with its rules where every cluster has it, else to be filled by its own declaration."""
    rules = builtin.CLUSTER_ROLES.get(name) if kind == "ClusterRole" else None
    return Policy(
        **desk.seen(role_id, thing), provider=_PROVIDER, kind=PolicyKind.PROVIDER if rules else PolicyKind.MANAGED,
        name=desk.book.scrub(name),
        document=json.dumps({"kind": kind, "rules": rules}, sort_keys=True) if rules else None,
    )  # fmt: skip


HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    kind: handler
    for version in ("", "_v1")
    for kind, handler in (
        (f"kubernetes_service_account{version}", _account),
        (f"kubernetes_role{version}", _role),
        (f"kubernetes_cluster_role{version}", _role),
        (f"kubernetes_role_binding{version}", _binding),
        (f"kubernetes_cluster_role_binding{version}", _binding),
    )
}
