"""Which cloud identity a file means that names it by e-mail address or client id alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.model import IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nhiscan.model import Identity

GOOGLE, ENTRA = "gcp:sa/", "entra:"
_CLIENT_TAGS = ("client_id", "clientId", "app_id", "appId")


def namesakes(identities: Iterable[Identity]) -> dict[str, str]:
    """The identity of its provider's collector by the id of one that files merely name.

    Google service accounts are told by e-mail address, applications and managed identities of Azure by client id, and
    what infrastructure code declares by whatever its provider will call it.  A name that two identities share means
    neither.
    """
    rows = sorted(identities, key=lambda i: i.id)
    known: dict[tuple[str, str], set[str]] = {}
    for identity in rows:
        for name in _names(identity):
            known.setdefault((identity.provider, name), set()).add(identity.id)
    found: dict[str, str] = {}
    for identity in rows:
        if identity.provider not in {"gcp", "azure"} or is_collected(identity) or not identity.native_id:
            continue
        meant = known.get((identity.provider, identity.native_id.lower()), set())
        if len(meant) == 1 and identity.id not in meant:
            found[identity.id] = next(iter(meant))
    return found


def is_collected(identity: Identity) -> bool:
    """Whether a provider's own collector tells of it."""
    return identity.state is not IdentityState.DECLARED and identity.id.startswith((GOOGLE, ENTRA))


def client_id(identity: Identity) -> str | None:
    """The client id of an application, service principal or managed identity of Entra."""
    named = next((identity.tags[t] for t in _CLIENT_TAGS if identity.tags.get(t)), None)
    own = identity.native_id if identity.native_id and not identity.native_id.startswith("/") else None
    return (named or own or "").lower() or None


def _names(identity: Identity) -> set[str]:
    if not is_collected(identity):
        return set()
    if identity.id.startswith(GOOGLE):
        return {identity.id.removeprefix(GOOGLE).lower()}
    return {name.lower() for name in (client_id(identity), identity.native_id) if name}
