"""Who owns an application, service principal or group: accountable for it, and able to act as it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import guid, text
from nhiscan.collectors.azure import _entra
from nhiscan.collectors.azure._entra_calls import (
    APPLICATION_OWNERS,
    DISABLED,
    OWNERS_OF_APPLICATION,
    OWNERS_OF_PRINCIPAL,
    PRINCIPALS,
)
from nhiscan.plugin import (
    Confidence,
    IdentityKind,
    Owner,
    OwnerBasis,
    OwnerKind,
    PrincipalKind,
    Trust,
    TrustKind,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record


def owners(ask: Ask) -> Iterator[Record]:
    """Owners of registrations and of service principals."""
    yield from _entra.living(ask, _owners(ask))


def people(ask: Ask) -> Iterator[Record]:
    """Nothing: whether people are enabled is laid on them where they are told; this part tells the gap."""
    ask.shared(DISABLED)
    yield from ()


def _owners(ask: Ask) -> Iterator[Record]:
    found = _entra.directory(ask)
    nameless: set[str] = set()
    for row, owned_by in _entra.related(ask, APPLICATION_OWNERS, "owners", OWNERS_OF_APPLICATION):
        object_id = found.of_application.get(guid(row.get("id")) or "") or guid(row.get("id"))
        if object_id is not None:
            yield from _owned(ask, object_id, owned_by, nameless, may_act=True)
    for row, owned_by in _entra.related(ask, PRINCIPALS, "owners", OWNERS_OF_PRINCIPAL):
        if (object_id := guid(row.get("id"))) is not None:
            # Managed identities and agents hold no credential that an owner could add one to.
            may_act = _entra.kind_of(row) is IdentityKind.APP
            yield from _owned(ask, object_id, owned_by, nameless, may_act=may_act)
    yield from without_names(ask, nameless)


def without_names(ask: Ask, nameless: set[str]) -> Iterator[Record]:
    """The gap that owners leave of whom only the id may be read."""
    if nameless:
        yield ask.gap(
            "owner names", ("owner.name",), f"{len(nameless)} owners or sponsors were given without a name",
            "grant User.ReadBasic.All (or Directory.Read.All)",
        )  # fmt: skip


def _owned(
    ask: Ask, object_id: str, owned_by: list[Json] | RefusedError, nameless: set[str], *, may_act: bool
) -> Iterator[Record]:
    subject = _entra.identity_id(ask, object_id)
    if isinstance(owned_by, RefusedError):
        if not owned_by.missing:
            yield ask.refused(owned_by, subject_id=subject)
        return
    yield from accountable(ask, subject, owned_by, OwnerBasis.DECLARED, nameless)
    if may_act:
        yield from acting(ask, subject, owned_by)


def accountable(
    ask: Ask, subject: str, people: Iterable[Json], basis: OwnerBasis, nameless: set[str]
) -> Iterator[Record]:
    """A row for each person or group; an application that owns another is accountable for nothing."""
    for person in people:
        object_id = guid(person.get("id"))
        sort = str(person.get("@odata.type") or "").rpartition(".")[2]
        yield from _entra.other(ask, person)
        if object_id is None or sort in {"servicePrincipal", "agentIdentity", "agentUser"}:
            continue
        name = text(person.get("userPrincipalName")) or text(person.get("displayName"))
        if name is None:
            nameless.add(object_id)
        word = "sponsor" if basis is OwnerBasis.SPONSOR else "owner"
        yield Owner(
            **_entra.seen(ask, f"{subject}#{word}/{object_id}"),
            subject_id=subject,
            name=name or object_id,
            kind=OwnerKind.TEAM if sort == "group" else OwnerKind.PERSON,
            basis=basis,
            confidence=Confidence.HIGH,
        )


def acting(ask: Ask, subject: str, people: Iterable[Json]) -> Iterator[Trust]:
    """That an owner can become what he owns: he may add a credential, or a member, to it."""
    for person in people:
        if (object_id := guid(person.get("id"))) is not None:
            yield Trust(
                **_entra.seen(ask, f"{subject}#trust/owner/{object_id}"),
                principal=_entra.identity_id(ask, object_id),
                principal_kind=PrincipalKind.IDENTITY,
                target_id=subject,
                kind=TrustKind.IMPERSONATE,
            )
