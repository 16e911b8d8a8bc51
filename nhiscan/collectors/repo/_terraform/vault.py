"""Auth roles, policies, tokens and mounts of HashiCorp Vault.

Arguments and defaults: Terraform Registry, provider hashicorp/vault 5, and Vault API documentation (November 2026): a
secret id without ttl never expires, one without a number of uses serves without end; a role without `token_max_ttl`, or
with 0, has the longest life that its mount and server set, which no file shows.  What a role demands by a reference is
`${argument}` in its trust.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform.grants import demand, demands, federated, host
from nhiscan.collectors.repo._terraform.values import Ref, Unknown, Value, known_text, strings
from nhiscan.plugin import (
    Attachment,
    AttachmentKind,
    Certainty,
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
    from collections.abc import Callable, Iterator, Sequence

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record

_POLICY = ("vault_policy",)
_BACKEND = "vault_jwt_auth_backend"
# What a role of the EC2 kind can demand of a machine (Vault API, AWS auth method, "Create role").
_MACHINES = (
    "bound_ami_ids", "bound_regions", "bound_vpc_ids", "bound_subnet_ids", "bound_iam_role_arns",
    "bound_iam_instance_profile_arns", "bound_ec2_instance_ids",
)  # fmt: skip
ANY_ACCOUNT = "${bound_account_ids}"
"""Who enters, where a role names machines and no account: one that the server has credentials for."""


def _role(desk: Desk, thing: Thing) -> Iterator[Record]:
    longest = thing.number("token_max_ttl") or None
    role = desk.identity(thing, IdentityKind.ROLE, "vault", native_id=None, max_session=longest)
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
    claims = thing.at("bound_claims")
    pairs = dict(claims) if isinstance(claims, Mapping) else {}
    subjects = (
        *demands(desk, thing.at("bound_subject"), "bound_subject"),
        *_accepted(desk, pairs.pop("sub", None), "sub"),
    )
    further = tuple(f"{k}={v}" for k, value in pairs.items() for v in _accepted(desk, value, k))
    if not isinstance(claims, Mapping) and claims is not None:
        further = ("${bound_claims}",)
    yield federated(
        desk, thing, role.id, _issuer(desk, thing) or desk.shown(thing.at("backend")) or "jwt", subjects=subjects,
        audiences=demands(desk, thing.at("bound_audiences"), "bound_audiences"), claims=further,
    )  # fmt: skip


def _accepted(desk: Desk, value: Value, name: str) -> list[str]:
    """The values of a claim that are accepted: several are written as one text with commas."""
    return [v.strip() for text in demands(desk, value, name) for v in text.split(",") if v.strip()]


def _issuer(desk: Desk, thing: Thing) -> str | None:
    backend = thing.at("backend")
    for other in desk.by_kind.get((thing.root, _BACKEND), ()):
        named = isinstance(backend, Ref) and backend.address == other.address
        if named or known_text(backend) == (other.text("path") or "jwt"):
            url = other.text("bound_issuer") or other.text("oidc_discovery_url")
            return host(url) if url else None
    return None


def _kubernetes(desk: Desk, thing: Thing, role: Identity) -> Iterator[Record]:
    names = demands(desk, thing.at("bound_service_account_names"), "bound_service_account_names")
    spaces = demands(desk, thing.at("bound_service_account_namespaces"), "bound_service_account_namespaces")
    # A selector of labels stands for namespaces that the cluster alone knows.
    spaces = spaces or demands(desk, thing.at("bound_service_account_namespace_selector") and Unknown(), "selector")
    yield federated(
        desk, thing, role.id, desk.shown(thing.at("backend")) or "kubernetes",
        subjects=tuple(f"system:serviceaccount:{s}:{n}" for s in spaces[:50] for n in names[:50]),
        audiences=demands(desk, thing.at("audience"), "audience"),
    )  # fmt: skip


def _aws(desk: Desk, thing: Thing, role: Identity) -> Iterator[Record]:
    """Who of AWS may enter: principals, or machines of accounts, networks and images that the role is bound to."""
    for value in _listed(thing.at("bound_iam_principal_arns")):
        known = desk.target(thing, value, ("aws_iam_role", "aws_iam_user")) or known_text(value)
        yield from _entered(desk, thing, role, known or demand(desk, value, "bound_iam_principal_arns"), ())
    bound = tuple(f"{name}={text}" for name in _MACHINES for text in demands(desk, thing.at(name), name))
    accounts = demands(desk, thing.at("bound_account_ids"), "bound_account_ids")
    if bound or accounts:
        for who in accounts or (ANY_ACCOUNT,):
            yield from _entered(desk, thing, role, who, bound, PrincipalKind.ACCOUNT)


def _listed(value: Value) -> Sequence[Value]:
    """A list; one thing, known or not, counts as a list of one."""
    return value if isinstance(value, (list, tuple)) else () if value is None else (value,)


def _entered(
    desk: Desk,
    thing: Thing,
    role: Identity,
    who: str | None,
    claims: tuple[str, ...],
    kind: PrincipalKind = PrincipalKind.IDENTITY,
) -> Iterator[Record]:
    if who is None:
        return
    shown = desk.book.scrub(who)
    yield Trust(
        **desk.seen(f"{role.id}#trust:{shown}", thing), principal=shown, principal_kind=kind, target_id=role.id,
        kind=TrustKind.FEDERATE, claims=claims, certainty=Certainty.CONDITIONAL if "${" in shown else Certainty.CERTAIN,
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
