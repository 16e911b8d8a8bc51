"""Applications, managed identities, their credentials and roles of Azure.

Arguments: Terraform Registry, providers hashicorp/azuread 3 and hashicorp/azurerm 4 (November 2026).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._terraform.grants import assigned, federated, host
from nhiscan.collectors.repo._terraform.values import Ref, flag, known_text, member, strings
from nhiscan.plugin import Credential, CredentialKind, CredentialState, IdentityKind, Lifetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing
    from nhiscan.plugin import Record

APPLICATIONS = ("azuread_application", "azuread_application_registration")
MANAGED = ("azurerm_user_assigned_identity",)
_PRINCIPALS = ("azuread_service_principal", *APPLICATIONS, *MANAGED)
_APPLICATION = ("application_id", "application_object_id", "client_id")
_KINDS = {
    "azuread_application_password": CredentialKind.CLIENT_SECRET,
    "azuread_service_principal_password": CredentialKind.CLIENT_SECRET,
    "azuread_application_certificate": CredentialKind.CERTIFICATE,
    "azuread_service_principal_certificate": CredentialKind.CERTIFICATE,
}


def _application(desk: Desk, thing: Thing) -> Iterator[Record]:
    grant = thing.at("web", "implicit_grant")
    given = [flag(member(grant, k)) for k in ("access_token_issuance_enabled", "id_token_issuance_enabled")]
    public = thing.at("fallback_public_client_enabled")
    uris = [
        u for b in ("web", "public_client", "single_page_application") for u in strings(thing.at(b, "redirect_uris"))
    ]
    yield desk.identity(
        thing, IdentityKind.APP, "azure", native_id=thing.text("client_id"),
        # Both are off unless they are set (provider documentation).
        public_client=False if public is None and thing.kind == APPLICATIONS[0] else flag(public),
        implicit_grant=True if True in given else None if grant is not None and None in given else False,
        redirect_uris=tuple(map(desk.book.scrub, uris[:100])),
    )  # fmt: skip


def _principal(desk: Desk, thing: Thing) -> Iterator[Record]:
    """A service principal of an application declared elsewhere; that of a declared one is the application."""
    if _owner(desk, thing) is None:
        yield desk.identity(thing, IdentityKind.APP, "azure", native_id=thing.text("client_id"))


def _owner(desk: Desk, thing: Thing) -> str | None:
    """The declared application that a service principal or credential belongs to."""
    for argument in (*_APPLICATION, "service_principal_id"):
        value = thing.at(argument)
        if value is None:
            continue
        if isinstance(value, Ref):
            for other in desk.by_address.get((thing.root, value.address), ()):
                if other.kind == "azuread_service_principal" and other is not thing:
                    return _owner(desk, other) or desk.id(other)
        text = known_text(value)
        target = desk.target(thing, value if text is None else text.removeprefix("/applications/"), APPLICATIONS)
        target = target or desk.target(thing, value, APPLICATIONS)
        if target is not None:
            return target
    return None


def _credential(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield Credential(
        **desk.seen(desk.id(thing), thing), provider="azure", kind=_KINDS[thing.kind], name=desk.name(thing),
        identity_id=_owner(desk, thing), lifetime=Lifetime.STATIC, state=CredentialState.DECLARED,
        issued_at=_moment(thing.text("start_date")), expires_at=_moment(thing.text("end_date")),
    )  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _federated(desk: Desk, thing: Thing) -> Iterator[Record]:
    target = _owner(desk, thing) or desk.target(thing, thing.at("parent_id"), MANAGED)
    target = target or desk.target(thing, thing.at("user_assigned_identity_id"), MANAGED)
    issuer = desk.shown(thing.at("issuer"))
    if target is not None and issuer:
        subject = desk.shown(thing.at("subject"))
        audiences = [*strings(thing.at("audiences")), *strings(thing.at("audience"))]
        yield federated(
            desk, thing, target, host(issuer), subjects=(subject,) if subject else (), audiences=tuple(audiences)
        )


def _managed(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield desk.identity(thing, IdentityKind.WORKLOAD_IDENTITY, "azure", native_id=thing.text("id"))


def _assignment(desk: Desk, thing: Thing) -> Iterator[Record]:
    value = thing.at("principal_id")
    who: str | None = None
    if isinstance(value, Ref):
        for other in desk.by_address.get((thing.root, value.address), ()):
            who = _owner(desk, other) if other.kind == "azuread_service_principal" else None
    who = who or desk.target(thing, value, _PRINCIPALS)
    role = thing.text("role_definition_name") or thing.text("role_definition_id")
    if who is not None and role is not None:
        yield from assigned(desk, thing, "azure", role, desk.shown(thing.at("scope")), who)


HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    **dict.fromkeys(APPLICATIONS, _application),
    "azuread_service_principal": _principal,
    **dict.fromkeys(_KINDS, _credential),
    "azuread_application_federated_identity_credential": _federated,
    "azurerm_federated_identity_credential": _federated,
    "azurerm_user_assigned_identity": _managed,
    "azurerm_role_assignment": _assignment,
}
