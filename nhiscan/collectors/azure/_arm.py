"""What the readers of Azure Resource Manager share: ids in lower case, where things were seen, who owns them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common import tags as tagging
from nhiscan.collectors._common.seen import Seen
from nhiscan.collectors._common.values import guid, text
from nhiscan.collectors._rest.exports import FileAnswers
from nhiscan.plugin import Gap, Scope, ScopeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from nhiscan.collectors._common.errors import RefusedError
    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Owner, Record

_SUBSCRIPTION = re.compile(r"/subscriptions/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:/|$)")
_NO_PATH = re.compile("[?#\N{REPLACEMENT CHARACTER}]")


def seen(ask: Ask, record_id: str, resource: str, locator: str | None = None) -> Seen:
    """Where a record was seen: in the subscription of a resource, else in the tenant."""
    return Seen(id=record_id, scope_id=scope_of(ask, resource), source=ask.source, locator=locator or resource)


def in_tenant(ask: Ask, record_id: str, locator: str | None) -> Seen:
    """Where a record was seen that belongs to the tenant, as everything of Entra does."""
    return Seen(id=record_id, scope_id=ask.scope_id, source=ask.source, locator=locator)


def scope_of(ask: Ask, resource: str) -> str:
    """The scope of what has this resource id: its subscription, or the tenant for what is above subscriptions."""
    found = subscription_of(resource)
    return f"azure:sub/{found}" if found else ask.scope_id


def subscription_of(resource: str) -> str | None:
    """The subscription in a resource id, else None."""
    match = _SUBSCRIPTION.match(resource.lower())
    return match[1] if match else None


def resource_id(value: object) -> str | None:
    """A resource id, or a scope, in lower case and without a slash at its end (`/` alone stays), else None.

    Azure compares resource ids without regard to case and itself answers in several spellings.
    """
    found = text(value)
    if found is None or not found.startswith("/") or _NO_PATH.search(found):
        return None
    return found.lower().rstrip("/") or "/"


def known_by(row: Json) -> str | None:
    """The resource id of a row; None where it has none, or a type that is none, and so says nothing to be kept."""
    found = resource_id(row.get("id"))
    typed = "type" not in row or "/" in type_of(row).strip("/")
    return found if found != "/" and typed else None


def type_of(row: Json) -> str:
    """The type of a resource in lower case; an empty text when it has none."""
    return (text(row.get("type")) or "").lower()


def name_of(row: Json, resource: str) -> str:
    """The name of a resource, without those of its parents that some services put before it."""
    return (text(row.get("name")) or resource).rsplit("/", 1)[-1]


def tenant_of(ask: Ask, *given: object) -> str:
    """The tenant whose directory holds the principals of a row: the first GUID given, else the tenant of the unit.

    A subscription that is managed from outside (Azure Lighthouse) belongs to another tenant than the unit.
    """
    return next((found for each in given if (found := guid(each))), ask.place.params["tenant"])


def entra(tenant: str, object_id: str) -> str:
    """The id of a principal of Entra."""
    return f"entra:{tenant}/{object_id}"


def host(address: object) -> str | None:
    """An address without its scheme and a slash at its end, as issuers are named; None for what is no text."""
    found = text(address)
    return re.sub(r"^[a-z][a-z0-9+.-]*://", "", found, flags=re.IGNORECASE).rstrip("/") or None if found else None


def subscriptions(ask: Ask) -> tuple[str, ...]:
    """The subscriptions that the unit may look into."""
    return tuple(s for s in ask.place.params.get("subscriptions", "").split(",") if s)


def offline(ask: Ask) -> bool:
    """Whether the answers come from exported files."""
    return isinstance(ask.answers, FileAnswers)


def unique(rows: Iterable[Json]) -> Iterator[tuple[str, Json]]:
    """Each row with its resource id, once; those without one are gaps of whoever listed them."""
    told: set[str] = set()
    for row in rows:
        found = known_by(row)
        if found is not None and found not in told:
            told.add(found)
            yield found, row


def in_scopes(read: Callable[[Ask], Iterator[Record]]) -> Callable[[Ask], Iterator[Record]]:
    """The same reader; from exported files it also tells the subscriptions that its records lie in.

    Of a live target another collector enumerates those, with their names.
    """

    def wrapped(ask: Ask) -> Iterator[Record]:
        told: set[str] = set()
        for record in read(ask):
            scope = record.scope_id
            if scope.startswith("azure:sub/") and scope not in told and offline(ask):
                told.add(scope)
                yield Scope(
                    id=scope, scope_id=scope, source=ask.source, provider="azure", kind=ScopeKind.ACCOUNT,
                    name=scope.removeprefix("azure:sub/"),
                )  # fmt: skip
            yield record

    return wrapped


def owners(ask: Ask, subject_id: str, scope_id: str, tags: Mapping[str, str]) -> Iterator[Owner]:
    """The owners that the tags of a record name."""
    return tagging.owners(tags, subject_id=subject_id, scope_id=scope_id, source=ask.source)


def local_gap(ask: Ask, error: RefusedError, resource: str, covers: tuple[str, ...]) -> Gap:
    """The gap that a refused call leaves in what lies inside one resource, without hiding the rest of the tenant."""
    gap = ask.refused(error, covers=covers)
    if gap.subject_id is not None:  # nothing that others know depends on it
        return ask.refused(error, covers=covers, subject_id=resource)
    gap_id = f"{resource}#gap/{ask.source}/{error.operation or error.detail}"
    return replace(gap, id=gap_id, scope_id=scope_of(ask, resource), locator=resource)
