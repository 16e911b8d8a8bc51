"""Applications, managed identities, their credentials and roles of Azure.

Arguments: Terraform Registry, providers hashicorp/azuread 3 and hashicorp/azurerm 4 (November 2026).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nhiscan.collectors.repo._config.azure_roles import role_of
from nhiscan.collectors.repo._terraform.grants import Terms, assigned, demands, federated, host, terms
from nhiscan.collectors.repo._terraform.values import Ref, Text, Unknown, flag, known_text, member, strings
from nhiscan.plugin import Credential, CredentialKind, CredentialState, IdentityKind, Lifetime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nhiscan.collectors.repo._terraform.desk import Desk
    from nhiscan.collectors.repo._terraform.values import Thing, Value
    from nhiscan.plugin import Record

APPLICATIONS = ("azuread_application", "azuread_application_registration")
MANAGED = ("azurerm_user_assigned_identity",)
_DEFINITION = "azurerm_role_definition"
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
        audiences = (
            *demands(desk, thing.at("audiences"), "audiences"),
            *demands(desk, thing.at("audience"), "audience"),
        )
        yield federated(
            desk, thing, target, host(issuer), subjects=demands(desk, thing.at("subject"), "subject"),
            audiences=tuple(audiences),
        )  # fmt: skip


def _managed(desk: Desk, thing: Thing) -> Iterator[Record]:
    yield desk.identity(thing, IdentityKind.WORKLOAD_IDENTITY, "azure", native_id=thing.text("id"))


def _assignment(desk: Desk, thing: Thing) -> Iterator[Record]:
    value = thing.at("principal_id")
    who: str | None = None
    if isinstance(value, Ref):
        for other in desk.by_address.get((thing.root, value.address), ()):
            who = _owner(desk, other) if other.kind == "azuread_service_principal" else None
    who = who or desk.target(thing, value, _PRINCIPALS)
    role = thing.text("role_definition_name") or _role(desk, thing, thing.at("role_definition_id"))
    if who is not None and role is not None:
        given = _TERMS.get(thing.kind, _conditional)(desk, thing)
        yield from assigned(desk, thing, "azure", role, desk.shown(thing.at("scope")), who, given)


def _role(desk: Desk, thing: Thing, value: Value) -> str | None:
    """The role behind the id of its definition: by a data source that looks it up, else by the id."""
    for part in value.parts if isinstance(value, Text) else (value,):
        if isinstance(part, Ref):
            found = desk.by_address.get((thing.root, part.address), ())
            named = (t.text("name") or t.text("role_definition_id") for t in found if t.kind == _DEFINITION)
            if name := next(filter(None, named), None):
                return role_of(name)
        elif isinstance(part, str) and role_of(part) != part:
            return role_of(part)
    text = known_text(value)
    return role_of(text) if text is not None else None


def _conditional(desk: Desk, thing: Thing) -> Terms:
    return terms(desk, thing.at("condition"))


def _eligible(_desk: Desk, _thing: Thing) -> Terms:
    """Must be activated, for hours, before it counts."""
    return Terms(time_bound=True, eligible=True)


def _active(_desk: Desk, thing: Thing) -> Terms:
    """Ends when its schedule says so; without one it has no expiration (source of the provider, NoExpiration)."""
    schedule = thing.at("schedule")
    expiration = member(schedule, "expiration")
    given = [member(expiration, k) for k in ("duration_days", "duration_hours", "end_date_time")]
    if any(isinstance(v, Unknown) for v in (schedule, expiration)):
        return Terms(eligible=False)
    return Terms(time_bound=any(v not in (None, "", 0) for v in given), eligible=False)


_TERMS: Mapping[str, Callable[[Desk, Thing], Terms]] = {
    "azurerm_pim_eligible_role_assignment": _eligible,
    "azurerm_pim_active_role_assignment": _active,
}


HANDLERS: Mapping[str, Callable[[Desk, Thing], Iterator[Record]]] = {
    **dict.fromkeys(APPLICATIONS, _application),
    "azuread_service_principal": _principal,
    **dict.fromkeys(_KINDS, _credential),
    "azuread_application_federated_identity_credential": _federated,
    "azurerm_federated_identity_credential": _federated,
    "azurerm_user_assigned_identity": _managed,
    **dict.fromkeys(("azurerm_role_assignment", *_TERMS), _assignment),
}
