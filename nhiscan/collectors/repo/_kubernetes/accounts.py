"""Service accounts, the groups they belong to, and the cloud identities they may become.

Annotations: EKS, "IAM roles for service accounts" (`eks.amazonaws.com/role-arn`); GKE, "Authenticate to Google Cloud
APIs from GKE workloads" (`iam.gke.io/gcp-service-account`); Azure AD Workload Identity, "Labels and annotations"
(`azure.workload.identity/client-id`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._kubernetes.desk import PROVIDER
from nhiscan.collectors.repo._kubernetes.manifests import known
from nhiscan.plugin import (
    Identity,
    IdentityKind,
    IdentityState,
    Member,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors.repo._config.nodes import Node
    from nhiscan.collectors.repo._kubernetes.desk import Desk
    from nhiscan.collectors.repo._kubernetes.manifests import Thing
    from nhiscan.plugin import Record

AWS = "eks.amazonaws.com/role-arn"
GCP = "iam.gke.io/gcp-service-account"
AZURE = "azure.workload.identity/client-id"
_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_MAIL = re.compile(r"[\w.-]{1,100}@[\w.-]{1,150}\.gserviceaccount\.com")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ALL_ACCOUNTS = "system:serviceaccounts"
_GROUPS = frozenset({ALL_ACCOUNTS, "system:authenticated"})


def accounts(desk: Desk) -> Iterator[Record]:
    """Every declared service account; `tags` hold its namespace, the annotations that federate it, and `automount`."""
    for account_id, thing in desk.cluster.of("ServiceAccount"):
        yield account(desk, account_id, thing, thing.node.at("metadata", "annotations"), automount=automount_of(thing))


def automount_of(account_thing: Thing | None) -> bool | None:
    """What the account itself says of mounting its token; None where it says nothing or a template decides."""
    node = account_thing.node.at("automountServiceAccountToken") if account_thing else None
    return node.value if node and isinstance(node.value, bool) else None


def account(
    desk: Desk, account_id: str, thing: Thing, annotations: Node | None, *, automount: bool | None = None
) -> Identity:
    """The record of a declared account."""
    tags = {"namespace": thing.namespace} if thing.namespace else {}
    for key in (AWS, GCP, AZURE):
        if annotations and (text := known(annotations.text_at(key))):
            tags[key] = desk.book.scrub(text)
    if automount is not None:
        tags["automount"] = str(automount).lower()
    return Identity(
        id=account_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider=PROVIDER,
        kind=IdentityKind.SERVICE_ACCOUNT,
        name=desk.book.scrub(thing.name),
        state=IdentityState.DECLARED,
        tags=tags,
    )


def federation(desk: Desk) -> Iterator[Record]:
    """A trust from each annotated account to the cloud identity it names, which accepts it or not by its own trust."""
    for account_id, thing in desk.cluster.of("ServiceAccount"):
        yield from federate(desk, account_id, thing, thing.node.at("metadata", "annotations"))


def federate(desk: Desk, account_id: str, thing: Thing, annotations: Node | None) -> Iterator[Record]:
    """The trust of one account, and the cloud identity where its provider's collector may not know it."""
    for key in (AWS, GCP, AZURE):
        node = annotations.at(key) if annotations else None
        text = known(node.text) if node else None
        if node is None or text is None or (target := _target(desk, key, text.strip(), thing)) is None:
            continue
        target_id, records = target
        yield from records
        desk.cluster.federated[account_id] = target_id
        subject = (f"system:serviceaccount:{thing.namespace}:{thing.name}",) if thing.namespace else ()
        yield Trust(
            id=f"{account_id}>{target_id}",
            scope_id=desk.scope_id,
            source=desk.source,
            locator=f"{thing.document.path}:{node.key_line}",
            principal=account_id,
            principal_kind=PrincipalKind.IDENTITY,
            target_id=target_id,
            kind=TrustKind.FEDERATE,
            subjects=subject,
        )


def _target(desk: Desk, key: str, text: str, thing: Thing) -> tuple[str, tuple[Record, ...]] | None:
    if key == AWS:
        return (text, ()) if _ARN.fullmatch(text) else None
    if key == GCP and _MAIL.fullmatch(text):
        record = _cloud(desk, f"gcp:service_account/{text}", IdentityKind.SERVICE_ACCOUNT, text, thing)
    elif key == AZURE and _UUID.fullmatch(text):
        record = _cloud(desk, f"azure:client/{text.lower()}", IdentityKind.WORKLOAD_IDENTITY, text.lower(), thing)
    else:
        return None
    return record.id, (record,)


def _cloud(desk: Desk, identity_id: str, kind: IdentityKind, native: str, thing: Thing) -> Identity:
    return Identity(
        id=identity_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider=identity_id.partition(":")[0],
        kind=kind,
        name=native,
        native_id=native,
    )


def account_of(desk: Desk, namespace: str | None, name: str, thing: Thing) -> tuple[str, tuple[Record, ...]]:
    """The account a name means, with its record where no file declares it; `default` exists in every namespace."""
    account_id = desk.cluster.refer("ServiceAccount", namespace, name, thing.realm)
    if account_id in desk.cluster.things:
        return account_id, ()
    record = Identity(
        id=account_id,
        scope_id=desk.scope_id,
        source=desk.source,
        locator=thing.locator,
        provider=PROVIDER,
        kind=IdentityKind.SERVICE_ACCOUNT,
        name=desk.book.scrub(name),
        state=IdentityState.DECLARED if name == "default" else None,
        tags={"namespace": namespace} if namespace else {},
    )
    return account_id, (record,)


def group_records(desk: Desk, group_id: str, name: str, thing: Thing) -> Iterator[Record]:
    """The declared accounts of the realm that belong to a group which Kubernetes fills by itself."""
    namespace = name.removeprefix(f"{ALL_ACCOUNTS}:") if name.startswith(f"{ALL_ACCOUNTS}:") else None
    if group_id in desk.groups or (namespace is None and name not in _GROUPS):
        return
    desk.groups.add(group_id)
    for account_id, candidate in desk.cluster.of("ServiceAccount"):
        if candidate.realm == thing.realm and (namespace is None or candidate.namespace == namespace):
            yield Member(
                id=f"{group_id}<{account_id.partition('#k8s:')[2]}",
                scope_id=desk.scope_id,
                source=desk.source,
                locator=thing.locator,
                identity_id=account_id,
                group_id=group_id,
            )
