"""Auth roles, policies, tokens and mounts of HashiCorp Vault.

Arguments and defaults: Terraform Registry, provider hashicorp/vault 5, and Vault API documentation (November 2026): a
secret id without ttl never expires, one without a number of uses serves without end.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform.grants import federated, host
from nhiscan.collectors.repo._terraform.values import Ref, Unknown, Value, known_text, strings
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Credential,
    CredentialKind,
    CredentialState,
    Identity,
    IdentityKind,
    Lifetime,
    Policy,
    PolicyKind,
    PrincipalKind,
    Store,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record

_POLICY = ("vault_policy",)
_BACKEND = "vault_jwt_auth_backend"


def _role(desk: Desk, thing: Thing) -> Iterator[Record]:
    role = desk.identity(thing, IdentityKind.ROLE, "vault", native_id=None, max_session=thing.number("token_max_ttl"))
    name = thing.text("role_name") or thing.text("role")
    yield dataclasses.replace(role, name=desk.book.scrub(name)) if name and not thing.instance else role
    yield from _policies(desk, thing, role.id)
    reader = _TRUSTS.get(thing.kind)
    if reader is not None:
        yield from reader(desk, thing, role)


def _policies(desk: Desk, thing: Thing, principal: str) -> Iterator[Record]:
    for argument in ("token_policies", "allowed_policies", "policies"):
        value = thing.at(argument)
        for one in value if isinstance(value, (list, tuple)) else []:
            policy, name = desk.target(thing, one, _POLICY), known_text(one)
            if policy is None and name:
                # It stands in Vault and is declared elsewhere, or comes with Vault as `root` and `default` do.
                policy = f"{desk.book.scope_id}#vault:policy/{desk.book.scrub(name)}"
                yield Policy(
                    **desk.seen(policy, thing), provider="vault", kind=PolicyKind.MANAGED, name=desk.book.scrub(name)
                )
            if policy:
                yield Attachment(
                    **desk.seen(f"{principal}#grants/{policy}", thing), policy_id=policy, principal_id=principal,
                    kind=AttachmentKind.GRANTS,
                )  # fmt: skip


def _approle(desk: Desk, thing: Thing, role: Identity) -> Iterator[Record]:
    ttl, uses, ranges = thing.at("secret_id_ttl"), thing.at("secret_id_num_uses"), thing.at("secret_id_bound_cidrs")
    yield Credential(
        **desk.seen(f"{role.id}#secret_id", thing), provider="vault", kind=CredentialKind.CLIENT_SECRET,
        name=f"secret id of {role.name}", identity_id=role.id, state=CredentialState.DECLARED,
        ttl=0 if ttl is None else thing.number("secret_id_ttl"),
        max_uses=0 if uses is None else thing.number("secret_id_num_uses"),
        bound=None if isinstance(ranges, (Unknown, Ref)) else bool(ranges),
        lifetime=Lifetime.STATIC if ttl is None or thing.number("secret_id_ttl") == 0 else None,
    )  # fmt: skip


def _jwt(desk: Desk, thing: Thing, role: Identity) -> Iterator[Record]:
    issuer = _issuer(desk, thing)
    claims = thing.at("bound_claims")
    pairs = claims.items() if isinstance(claims, Mapping) else ()
    subject = desk.shown(thing.at("bound_subject"))
    yield federated(
        desk, thing, role.id, issuer or desk.shown(thing.at("backend")) or "jwt",
        subjects=((subject,) if subject else ()) + tuple(_split(dict(pairs).get("sub"))),
        audiences=tuple(strings(thing.at("bound_audiences"))),
        claims=tuple(f"{k}={v}" for k, value in pairs if k != "sub" for v in _split(value)),
    )  # fmt: skip


def _split(value: Value) -> list[str]:
    """Several accepted values are written as one text with commas."""
    return [v.strip() for text in strings(value) for v in text.split(",") if v.strip()]


def _issuer(desk: Desk, thing: Thing) -> str | None:
    backend = thing.at("backend")
    for other in desk.by_kind.get((thing.root, _BACKEND), ()):
        named = isinstance(backend, Ref) and backend.address == other.address
        if named or known_text(backend) == (other.text("path") or "jwt"):
            url = other.text("bound_issuer") or other.text("oidc_discovery_url")
            return host(url) if url else None
    return None


def _kubernetes(desk: Desk, thing: Thing, role: Identity) -> Iterator[Record]:
    names = strings(thing.at("bound_service_account_names"))
    spaces = strings(thing.at("bound_service_account_namespaces"))
    subjects = tuple(f"system:serviceaccount:{s}:{n}" for s in spaces[:50] for n in names[:50])
    audience = thing.text("audience")
    yield federated(
        desk, thing, role.id, desk.shown(thing.at("backend")) or "kubernetes", subjects=subjects,
        audiences=(audience,) if audience else (),
    )  # fmt: skip


def _aws(desk: Desk, thing: Thing, role: Identity) -> Iterator[Record]:
    bound = thing.at("bound_iam_principal_arns")
    for value in bound if isinstance(bound, (list, tuple)) else []:
        who = desk.target(thing, value, ("aws_iam_role", "aws_iam_user")) or desk.shown(value)
        if who:
            yield Trust(
                **desk.seen(f"{role.id}#trust:{who}", thing), principal=who, principal_kind=PrincipalKind.IDENTITY,
                target_id=role.id, kind=TrustKind.FEDERATE,
            )  # fmt: skip


def _token(desk: Desk, thing: Thing) -> Iterator[Record]:
    periodic = thing.number("period") or thing.text("period")
    yield Credential(
        **desk.seen(desk.id(thing), thing), provider="vault", kind=CredentialKind.TOKEN, name=desk.name(thing),
        state=CredentialState.DECLARED, ttl=_seconds(thing.text("ttl")), max_uses=thing.number("num_uses"),
        lifetime=Lifetime.STATIC if periodic else None, scopes=tuple(strings(thing.at("policies"))) or None,
    )  # fmt: skip


def _seconds(text: str | None) -> int | None:
    """Seconds of `3600`, `90m`, `24h`; None for anything else."""
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}.get((text or " ")[-1])
    digits = (text or "")[:-1] if unit else text or ""
    return int(digits) * (unit or 1) if digits.isdecimal() and len(digits) < 12 else None


def _policy(desk: Desk, thing: Thing) -> Iterator[Record]:
    text = thing.text("policy")
    yield Policy(
        **desk.seen(desk.id(thing), thing), provider="vault", kind=PolicyKind.MANAGED, name=desk.name(thing),
        document=_document(text) if text else None,
    )  # fmt: skip


def _document(text: str) -> str | None:
    """A policy as JSON, `{"path": {PATH: {"capabilities": […]}}}`; None for text that is neither HCL nor JSON."""
    from nhiscan.collectors.repo._terraform.hcl import parse_hcl
    from nhiscan.collectors.repo._terraform.tree import Items, Lit

    if text.lstrip().startswith("{"):
        try:
            return json.dumps(json.loads(text))
        except (ValueError, RecursionError):
            return None
    source = parse_hcl(text)
    paths: dict[str, object] = {}
    for block in source.body.named("path"):
        found = block.body.attributes.get("capabilities")
        listed = found[0].items if found and isinstance(found[0], Items) else ()
        if block.labels:
            paths[block.labels[0]] = {"capabilities": [i.value for i in listed if isinstance(i, Lit)]}
    return json.dumps({"path": paths}, ensure_ascii=False) if paths else None


def _mount(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield Store(
        **desk.seen(desk.id(thing), thing), provider="vault", kind=desk.shown(thing.at("type")) or "mount",
        name=desk.name(thing), ttl=thing.number("default_lease_ttl_seconds"), state="declared",
        max_ttl=thing.number("max_lease_ttl_seconds"),
    )  # fmt: skip


_TRUSTS: Mapping[str, Callable[[Desk, Thing, Identity], Iterator[Record]]] = {
    "vault_approle_auth_backend_role": _approle,
    "vault_jwt_auth_backend_role": _jwt,
    "vault_kubernetes_auth_backend_role": _kubernetes,
    "vault_aws_auth_backend_role": _aws,
}
HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    **dict.fromkeys(_TRUSTS, _role),
    "vault_token_auth_backend_role": _role,
    "vault_token": _token,
    "vault_policy": _policy,
    "vault_mount": _mount,
}
