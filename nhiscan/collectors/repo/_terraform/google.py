"""Service accounts, their keys, roles and federation of Google Cloud.

Arguments: Terraform Registry, provider hashicorp/google 6 (November 2026); forms of members: Google Cloud IAM,
"Principal identifiers"; which role lets somebody become a service account: "Service account impersonation".
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.nodes import clean
from nhiscan.collectors.repo._terraform.grants import assigned, demand, demands, federated, host, terms
from nhiscan.collectors.repo._terraform.values import Ref, Text, Unknown, Value, known_text, member, strings
from nhiscan.plugin import (
    Credential,
    CredentialKind,
    CredentialState,
    IdentityKind,
    Lifetime,
    Policy,
    PolicyKind,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record

ACCOUNTS = ("google_service_account",)
_POOL = "google_iam_workload_identity_pool"
_PROVIDER = "google_iam_workload_identity_pool_provider"
_BECOME = {
    "roles/iam.serviceAccountUser": TrustKind.ACT_AS,
    "roles/iam.serviceAccountTokenCreator": TrustKind.IMPERSONATE,
    "roles/iam.serviceAccountOpenIdTokenCreator": TrustKind.IMPERSONATE,
    "roles/iam.workloadIdentityUser": TrustKind.FEDERATE,
}
_WHERE = ("project", "folder", "org_id", "bucket", "secret_id", "name", "service", "dataset_id", "topic", "repository")
_IN_POOL = re.compile(r"workloadIdentityPools/([^/]+)")
_ATTRIBUTE = re.compile(r"/attribute\.([\w.]+)/(.+)$")
_SUBJECT = re.compile(r"/subject/(.+)$")
_ANYONE = frozenset({"allUsers", "allAuthenticatedUsers"})


def _account(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield desk.identity(thing, IdentityKind.SERVICE_ACCOUNT, "gcp", native_id=thing.text("email"))


def _key(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield Credential(
        **desk.seen(desk.id(thing), thing), provider="gcp", kind=CredentialKind.PRIVATE_KEY, name=desk.name(thing),
        identity_id=desk.target(thing, thing.at("service_account_id"), ACCOUNTS), lifetime=Lifetime.STATIC,
        state=CredentialState.DECLARED,
    )  # fmt: skip


def _custom(desk: Desk, thing: Thing) -> Iterator[Record]:
    permissions = strings(thing.at("permissions"))
    yield Policy(
        **desk.seen(desk.id(thing), thing), provider="gcp", kind=PolicyKind.MANAGED,
        name=desk.book.scrub(thing.text("role_id") or thing.label),
        document=json.dumps({"includedPermissions": permissions}) if permissions else None,
    )  # fmt: skip


def principal(desk: Desk, thing: Thing, named: Value) -> str | None:
    """The declared service account that a member names."""
    if isinstance(named, Text):
        found = [p for p in named.parts if isinstance(p, Ref)]
        return desk.target(thing, found[0], ACCOUNTS) if len(found) == 1 else None
    if isinstance(named, Ref):
        return desk.target(thing, named, ACCOUNTS)
    text = known_text(named) or ""
    return desk.target(thing, text.removeprefix("serviceAccount:"), ACCOUNTS) if text else None


def _members(thing: Thing) -> list[Value]:
    listed = thing.at("members")
    return list(listed) if isinstance(listed, (list, tuple)) else [thing.at("member")]


def _binding(desk: Desk, thing: Thing) -> Iterator[Record]:
    """`*_iam_member` and `*_iam_binding`: one role, one or more members."""
    role = thing.text("role")
    where = next((w for k in _WHERE if (w := desk.shown(thing.at(k)))), None)
    for one in _members(thing) if role else ():
        if (who := principal(desk, thing, one)) is not None and role:
            yield from assigned(desk, thing, "gcp", role, where, who, terms(desk, _expression(thing.at("condition"))))


def _expression(condition: Value) -> Value:
    """The expression of a condition block; the block itself where it is not known."""
    if isinstance(condition, (Ref, Unknown)):
        return condition
    return member(condition, "expression")


def _policy_data(desk: Desk, thing: Thing) -> Iterator[Record]:
    """`google_project_iam_policy` with the bindings of a `google_iam_policy` data source."""
    data = thing.at("policy_data")
    bindings: list[Mapping[str, Value]] = []
    if isinstance(data, Ref):
        for source in desk.by_address.get((thing.root, data.address), ()):
            bindings += source.blocks("binding")
    elif (text := known_text(data)) is not None:
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            body = None
        listed = body.get("bindings") if isinstance(body, dict) else None
        bindings += [b for b in listed or [] if isinstance(b, dict)]
    for binding in bindings:
        name, members = known_text(binding.get("role")), binding.get("members")
        given = terms(desk, _expression(binding.get("condition")))
        for one in members if name and isinstance(members, (list, tuple)) else ():
            if (who := principal(desk, thing, one)) is not None and name:
                yield from assigned(desk, thing, "gcp", name, desk.shown(thing.at("project")), who, given)


def _become(desk: Desk, thing: Thing) -> Iterator[Record]:
    """`google_service_account_iam_member`: who may become a service account."""
    target = desk.target(thing, thing.at("service_account_id"), ACCOUNTS)
    kind = _BECOME.get(thing.text("role") or "")
    if target is None or kind is None:
        return
    for n, one in enumerate(_members(thing)):
        if kind is TrustKind.FEDERATE:
            yield from _pool_trust(desk, thing, target, one, n)
            continue
        anyone = known_text(one) in _ANYONE
        who = "*" if anyone else principal(desk, thing, one)
        if who is not None:
            yield Trust(
                **desk.seen(f"{target}#trust:{clean(thing.address)}:{n}", thing), principal=who,
                principal_kind=PrincipalKind.ANYONE if anyone else PrincipalKind.IDENTITY, target_id=target, kind=kind,
                external=True if anyone else None,
            )  # fmt: skip


def _pool_trust(desk: Desk, thing: Thing, target: str, named_by: Value, number: int) -> Iterator[Record]:
    """Members of a pool: the issuers of all its providers, with what the provider and the member demand."""
    text = demand(desk, named_by, "member") or ""
    if not text.startswith(("principal://", "principalSet://")):
        return
    pools = {p.address for p in named_by.parts if isinstance(p, Ref)} if isinstance(named_by, Text) else set()
    named = _IN_POOL.search(text)
    subject, attribute = _SUBJECT.search(text), _ATTRIBUTE.search(text)
    for provider in desk.by_kind.get((thing.root, _PROVIDER), ()):
        pool = provider.at("workload_identity_pool_id")
        address = pool.address if isinstance(pool, Ref) else None
        issuer = provider.text("oidc", "issuer_uri")
        if issuer and (address in pools or (named and known_text(pool) == named[1])):
            condition = demand(desk, provider.at("attribute_condition"), "attribute_condition")
            yield federated(
                desk, thing, target, host(issuer),
                subjects=(subject[1],) if subject else (),
                audiences=demands(desk, provider.at("oidc", "allowed_audiences"), "allowed_audiences"),
                claims=(
                    *((f"{attribute[1]}={attribute[2]}",) if attribute else ()), *((condition,) if condition else ())
                ),
                mark=f":{number}",
            )  # fmt: skip


def _provider(desk: Desk, thing: Thing) -> Iterator[Record]:
    identity = desk.identity(thing, IdentityKind.OIDC_PROVIDER, "gcp", native_id=None)
    issuer = thing.text("oidc", "issuer_uri")
    yield dataclasses.replace(identity, name=desk.book.scrub(host(issuer))) if issuer else identity


_SCOPES = (
    "project", "folder", "organization", "storage_bucket", "secret_manager_secret", "pubsub_topic", "bigquery_dataset",
    "cloud_run_service", "cloud_run_v2_service", "cloudfunctions_function", "cloudfunctions2_function",
    "kms_crypto_key", "artifact_registry_repository",
)  # fmt: skip
HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    "google_service_account": _account,
    "google_service_account_key": _key,
    "google_project_iam_custom_role": _custom,
    "google_organization_iam_custom_role": _custom,
    **{f"google_{scope}_iam_{form}": _binding for scope in _SCOPES for form in ("member", "binding")},
    "google_project_iam_policy": _policy_data,
    "google_service_account_iam_member": _become,
    "google_service_account_iam_binding": _become,
    _PROVIDER: _provider,
}
