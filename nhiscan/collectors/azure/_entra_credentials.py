"""Secrets, certificates and federated credentials of applications and service principals; never a value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import document, facts, guid, mapping, moment, objects, text, texts
from nhiscan.collectors.azure import _entra
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import (
    Certainty,
    Credential,
    CredentialKind,
    CredentialState,
    LastUsed,
    Lifetime,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

# The text form of a flexible federated credential (learn.microsoft.com/entra/workload-id/
# workload-identities-flexible-federated-identity-credentials): claims['sub'] eq|matches '…', joined by `and`.
_CLAIM = re.compile(r"claims\['([^']{1,100})'\]\s+(?:eq|matches)\s+'([^']{0,600})'")
_JOINED = re.compile(r"\s+and\s+")


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose credentials are read: the identity, where they are kept, and the last use of each by its key id."""

    object_id: str
    kept_by: str
    origin: str
    used: Mapping[str, datetime] = field(default_factory=dict)


def credentials(ask: Ask, thing: Json, holder: Holder) -> Iterator[Record]:
    """The secrets and certificates of an application or a service principal."""
    signing = {
        key
        for entry in objects(thing.get("keyCredentials"))
        if text(entry.get("usage")) == "Sign" and (key := text(entry.get("customKeyIdentifier")))
    }
    for sort, name in (("password", "passwordCredentials"), ("certificate", "keyCredentials")):
        for entry in objects(thing.get(name)):
            key = guid(entry.get("keyId"))
            if key is not None:
                of_signing = text(entry.get("customKeyIdentifier")) in signing
                yield _credential(ask, entry, holder, (sort, key), of_signing=of_signing)


def _credential(ask: Ask, entry: Json, holder: Holder, which: tuple[str, str], *, of_signing: bool) -> Credential:
    sort, key = which
    owner = _entra.identity_id(ask, holder.object_id)
    password = sort == "password"
    # A pair that signs SAML tokens, and the password of its file, are kept among the credentials
    # (learn.microsoft.com/graph/api/serviceprincipal-addtokensigningcertificate); they prove nothing to Entra.
    certificate = CredentialKind.SIGNING_CERTIFICATE if of_signing else CredentialKind.CERTIFICATE
    used = holder.used.get(key)
    return Credential(
        **_entra.seen(ask, f"{owner}#{sort}/{key}", holder.kept_by),
        provider="azure",
        kind=CredentialKind.CLIENT_SECRET if password else certificate,
        name=conceal(name) if (name := text(entry.get("displayName"))) else None,
        identity_id=owner,
        state=CredentialState.ACTIVE,
        lifetime=Lifetime.STATIC,
        issued_at=moment(entry.get("startDateTime")),
        expires_at=moment(entry.get("endDateTime")),
        last_used_at=used,
        last_used=LastUsed.KNOWN if used else None,
        key_id=key,
        account_id=_entra.tenant(ask),
        facts=facts(
            origin=holder.origin,
            hint=text(entry.get("hint")) if password else None,
            thumbprint=None if password else text(entry.get("customKeyIdentifier")),
            usage=None if password else text(entry.get("usage")),
            type=None if password else text(entry.get("type")),
            protects="signing_certificate" if password and of_signing else None,
        ),
    )


def federated(ask: Ask, entry: Json, holder: Holder) -> Iterator[Record]:
    """A federated credential: which tokens of which issuer are taken for the identity."""
    name = guid(entry.get("id")) or text(entry.get("name"))
    issuer = text(entry.get("issuer"))
    if name is None or issuer is None:
        return
    owner = _entra.identity_id(ask, holder.object_id)
    subject, audiences = text(entry.get("subject")), texts(entry.get("audiences"))
    expression = text(mapping(entry.get("claimsMatchingExpression")).get("value"))
    claims, whole = _claims(expression)
    subjects = (subject,) if subject else tuple(value for claim, value in claims if claim == "sub")
    yield Credential(
        **_entra.seen(ask, f"{owner}#federated/{name}", holder.kept_by),
        provider="azure",
        kind=CredentialKind.FEDERATED,
        name=text(entry.get("name")),
        identity_id=owner,
        state=CredentialState.ACTIVE,
        lifetime=Lifetime.FEDERATED,
        account_id=_entra.tenant(ask),
        facts=facts(issuer=issuer, subject=subject, audiences=" ".join(audiences) or None, expression=expression),
    )
    yield Trust(
        **_entra.seen(ask, f"{owner}#trust/{name}", holder.kept_by),
        principal=host(issuer),
        principal_kind=PrincipalKind.OIDC,
        target_id=owner,
        kind=TrustKind.FEDERATE,
        account_id=_entra.tenant(ask),
        subjects=subjects,
        audiences=audiences,
        claims=tuple(f"{claim}={value}" for claim, value in claims if claim != "sub"),
        condition=document({"claimsMatchingExpression": expression}) if expression else None,
        certainty=Certainty.CERTAIN if whole and (subjects or claims) else Certainty.CONDITIONAL,
    )


def host(issuer: str) -> str:
    """An issuer as trusts name it: without scheme and last slash."""
    return issuer.strip().removeprefix("https://").rstrip("/")


def _claims(expression: str | None) -> tuple[list[tuple[str, str]], bool]:
    """The claims that an expression demands, and whether it was understood whole."""
    if expression is None:
        return [], True
    parts = _JOINED.split(expression.strip())
    found = [match.groups() for part in parts if (match := _CLAIM.fullmatch(part))]
    return [(claim, value) for claim, value in found], len(found) == len(parts)
