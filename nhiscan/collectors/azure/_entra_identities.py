"""Applications, service principals and managed identities: one identity for a registration and its principal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import facts, flag, guid, mapping, moment, text, texts
from nhiscan.collectors.azure import _entra
from nhiscan.collectors.azure._entra_calls import (
    APPLICATIONS,
    FEDERATED,
    KEY_SIGN_INS,
    PRINCIPALS,
    SIGN_INS,
)
from nhiscan.collectors.azure._entra_credentials import Holder, credentials, federated
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import (
    Identity,
    IdentityClass,
    IdentityKind,
    IdentityState,
    LastUsed,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_AGENTS = frozenset({IdentityKind.AGENT_IDENTITY, IdentityKind.AGENT_BLUEPRINT})


@dataclass(frozen=True, slots=True)
class SignIns:
    """When clients signed in last, and with which of their credentials."""

    clients: Mapping[str, datetime] = field(default_factory=dict)
    keys: Mapping[str, Mapping[str, datetime]] = field(default_factory=dict)


def identities(ask: Ask) -> Iterator[Record]:
    """Every application and service principal with its credentials; a refused list leaves the other whole."""
    found = _entra.directory(ask)
    signs = yield from _sign_ins(ask)
    for principal in found.principals.values():
        yield from _principal(ask, principal, found.application_of(principal), signs)
    for application in found.applications.values():
        object_id = found.of_application[guid(application.get("id")) or ""]
        yield from _registration(ask, application, object_id, signs, alone=object_id not in found.principals)
    for operation in (APPLICATIONS, PRINCIPALS):
        try:
            _entra.rows(ask, operation)
        except RefusedError as e:
            yield _entra.gap(ask, e, "identities", ("identity", "credential"))


def federations(ask: Ask) -> Iterator[Record]:
    """The federated credentials of registrations."""
    of_application = _entra.directory(ask).of_application
    for row, entries in _entra.related(ask, APPLICATIONS, "federatedIdentityCredentials", FEDERATED):
        own = guid(row.get("id")) or ""
        holder = Holder(of_application.get(own, own), f"applications/{own}", "application")
        if not isinstance(entries, RefusedError):
            for entry in entries:
                yield from federated(ask, entry, holder)
        elif not entries.missing:
            yield ask.refused(entries, subject_id=_entra.identity_id(ask, holder.object_id))


def _sign_ins(ask: Ask) -> Generator[Record, None, SignIns]:
    """The reports of last use; returns SignIns.  One that is refused is a gap and leaves last use unknown."""
    clients: dict[str, datetime] = {}
    keys: dict[str, dict[str, datetime]] = defaultdict(dict)
    try:
        for row in ask.shared(SIGN_INS):
            client, when = guid(row.get("appId")), _when(row.get("lastSignInActivity"))
            if client and when:
                clients[client] = max(when, clients.get(client, when))
    except RefusedError as e:
        yield _entra.gap(ask, e, "last use", ("identity.last_used", "identity.last_used_at"), everywhere=True)
    try:
        for row in ask.shared(KEY_SIGN_INS):
            client, key, when = guid(row.get("appId")), guid(row.get("keyId")), _when(row.get("signInActivity"))
            if client and key and when:
                keys[client][key] = max(when, keys[client].get(key, when))
    except RefusedError as e:
        yield _entra.gap(ask, e, "last use", ("credential.last_used", "credential.last_used_at"), everywhere=True)
    return SignIns(clients, keys)


def _when(activity: object) -> datetime | None:
    """The last sign-in of an activity; the one that succeeded where Graph tells them apart."""
    told = mapping(activity)
    return moment(told.get("lastSuccessfulSignInDateTime")) or moment(told.get("lastSignInDateTime"))


def _principal(ask: Ask, principal: Json, application: Json | None, signs: SignIns) -> Iterator[Record]:
    object_id, client = guid(principal.get("id")) or "", guid(principal.get("appId")) or ""
    kind = _entra.kind_of(principal)
    used = signs.clients.get(client)
    base = Identity(
        **_entra.seen(ask, _entra.identity_id(ask, object_id), f"servicePrincipals/{object_id}"),
        provider="azure",
        kind=kind,
        name=text(principal.get("displayName")) or client or object_id,
        class_=_class_of(principal, kind),
        state=_state(principal),
        created_at=moment(principal.get("createdDateTime")),  # only agents have one
        last_used_at=used,
        last_used=LastUsed.KNOWN if used else None,
        interactive=False,
        native_id=_native(principal, kind) or client or None,
        redirect_uris=_uris(texts(principal.get("replyUrls"))),
        tags=_tags(principal) | ({"client_id": client} if kind is IdentityKind.MANAGED_IDENTITY and client else {}),
    )
    yield _with_registration(base, application) if application is not None else base
    home = guid(principal.get("appOwnerOrganizationId"))
    if home is not None and home != _entra.tenant(ask) and kind is not IdentityKind.MANAGED_IDENTITY:
        yield from _abroad(ask, object_id, home)
    if kind is IdentityKind.MANAGED_IDENTITY:  # its certificates are made, held and renewed by Azure alone
        return
    holder = Holder(object_id, f"servicePrincipals/{object_id}", "service_principal", signs.keys.get(client, {}))
    yield from credentials(ask, principal, holder)


def _registration(ask: Ask, application: Json, object_id: str, signs: SignIns, *, alone: bool) -> Iterator[Record]:
    """What a registration adds to its principal, and the identity itself where it has none in this tenant."""
    own, client = guid(application.get("id")) or "", guid(application.get("appId")) or ""
    if alone:
        used = signs.clients.get(client)
        blueprint = str(application.get("@odata.type")).endswith(".agentIdentityBlueprint")
        base = Identity(
            **_entra.seen(ask, _entra.identity_id(ask, object_id), f"applications/{own}"),
            provider="azure",
            kind=IdentityKind.AGENT_BLUEPRINT if blueprint else IdentityKind.APP,
            name=text(application.get("displayName")) or client or own,
            class_=IdentityClass.AGENT if blueprint else None,
            last_used_at=used,
            last_used=LastUsed.KNOWN if used else None,
            interactive=False,
            native_id=client or None,
        )
        yield _with_registration(base, application)
    holder = Holder(object_id, f"applications/{own}", "application", signs.keys.get(client, {}))
    yield from credentials(ask, application, holder)


def _with_registration(base: Identity, application: Json) -> Identity:
    """The identity with what only its registration knows: age, how people sign in to it, who may."""
    web, public = mapping(application.get("web")), mapping(application.get("publicClient"))
    addresses = [
        *texts(web.get("redirectUris")),
        *texts(mapping(application.get("spa")).get("redirectUris")),
        *texts(public.get("redirectUris")),
    ]
    implicit = mapping(web.get("implicitGrantSettings"))
    tags = {
        **base.tags,
        **_tags(application),
        **facts(
            application=guid(application.get("id")),
            id_token_implicit=flag(implicit.get("enableIdTokenIssuance")),
            locked=flag(mapping(application.get("servicePrincipalLockConfiguration")).get("isEnabled")),
        ),
    }
    disabled = text(application.get("disabledByMicrosoftStatus")) not in {None, "NotDisabled"}
    return replace(
        base,
        state=IdentityState.DISABLED if disabled else base.state,
        created_at=moment(application.get("createdDateTime")) or base.created_at,
        public_client=bool(texts(public.get("redirectUris")))
        or flag(application.get("isFallbackPublicClient"))
        or False,
        implicit_grant=flag(implicit.get("enableAccessTokenIssuance")),
        redirect_uris=_uris([*addresses, *base.redirect_uris]),
        tags=tags,
    )


def _class_of(principal: Json, kind: IdentityKind) -> IdentityClass | None:
    if _entra.first_party(principal) and kind is IdentityKind.APP:
        return IdentityClass.PROVIDER_MANAGED
    return IdentityClass.AGENT if kind in _AGENTS else None


def _state(principal: Json) -> IdentityState | None:
    if text(principal.get("disabledByMicrosoftStatus")) not in {None, "NotDisabled"}:
        return IdentityState.DISABLED
    enabled = flag(principal.get("accountEnabled"))
    if enabled is None:
        return None
    return IdentityState.ENABLED if enabled else IdentityState.DISABLED


def _native(principal: Json, kind: IdentityKind) -> str | None:
    """The ARM id of a managed identity, or of the resource that has a system-assigned one."""
    if kind is not IdentityKind.MANAGED_IDENTITY:
        return None
    names = (name.lower() for name in texts(principal.get("alternativeNames")))
    return next((name for name in names if name.startswith("/subscriptions/")), None)


def _tags(thing: Json) -> dict[str, str]:
    """What is worth a word and has no column; notes are left out, people write passwords into them."""
    explicit = [name.lower() for name in texts(thing.get("alternativeNames"))]
    managed = {"isexplicit=true": "user", "isexplicit=false": "system"}
    publisher = mapping(thing.get("verifiedPublisher"))
    reference, labels = text(thing.get("serviceManagementReference")), ", ".join(texts(thing.get("tags")))
    return facts(
        type=text(thing.get("servicePrincipalType")),
        audience=text(thing.get("signInAudience")),
        home_tenant=guid(thing.get("appOwnerOrganizationId")),
        verified_publisher=text(publisher.get("displayName")),
        publisher_domain=text(thing.get("publisherDomain")),
        assigned=next((word for name, word in managed.items() if name in explicit), None),
        single_sign_on=text(thing.get("preferredSingleSignOnMode")),
        service=conceal(reference) if reference else None,
        labels=conceal(labels) if labels else None,
        created_by=guid(thing.get("createdByAppId")),
        blueprint=guid(thing.get("agentIdentityBlueprintId")),
    )


def _uris(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(conceal(address) for address in addresses))


def _abroad(ask: Ask, object_id: str, home: str) -> Iterator[Trust]:
    """Whoever holds the credentials of a registration in another tenant acts as its principal in this one."""
    if home in _entra.MICROSOFT:
        return
    yield Trust(
        **_entra.seen(ask, f"{_entra.identity_id(ask, object_id)}#trust/home/{home}"),
        principal=home,
        principal_kind=PrincipalKind.ACCOUNT,
        target_id=_entra.identity_id(ask, object_id),
        kind=TrustKind.IMPERSONATE,
        account_id=home,
    )
