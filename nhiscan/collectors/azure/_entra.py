"""What the parts of the Entra collector share: ids, the join of registrations and service principals, people, lists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.seen import Seen
from nhiscan.collectors._common.values import guid, objects, text
from nhiscan.collectors.azure._entra_calls import (
    AGENTS,
    APPLICATIONS,
    BLUEPRINT_PRINCIPALS,
    BLUEPRINTS,
    DISABLED,
    MOST_EXPANDED,
    PLAIN,
    PRINCIPALS,
)
from nhiscan.plugin import Identity, IdentityClass, IdentityKind, IdentityState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.collectors._rest.operation import Operation
    from nhiscan.plugin import Gap, Record

# The tenants that own Microsoft's own applications (learn.microsoft.com/troubleshoot/entra/entra-id/governance/
# verify-first-party-apps-sign-in).
MICROSOFT = frozenset({"f8cdef31-a31e-4b4a-93e4-5f571e91255a", "72f988bf-86f1-41af-91ab-2d7cd011db47"})
_REFUSED_AS_WRONG = frozenset({400, 501})
_SUBTYPES = {
    "#microsoft.graph.agentIdentity": IdentityKind.AGENT_IDENTITY,
    "#microsoft.graph.agentIdentityBlueprintPrincipal": IdentityKind.AGENT_BLUEPRINT,
}


def tenant(ask: Ask) -> str:
    """The tenant that is read, in lower case."""
    return ask.place.params["tenant"].lower()


def identity_id(ask: Ask, object_id: str) -> str:
    """The id of any principal of the tenant."""
    return f"entra:{tenant(ask)}/{object_id}"


def seen(ask: Ask, record_id: str, locator: str | None = None) -> Seen:
    """What every record begins with."""
    return Seen(id=record_id, scope_id=ask.scope_id, source=ask.source, locator=locator)


def rows(ask: Ask, operation: Operation) -> tuple[Json, ...]:
    """All objects of a list, once for all parts; without its expansion where a cloud does not know that.

    Raises RefusedError.
    """
    plain = PLAIN.get(operation)
    try:
        return ask.shared(operation, partial=True)
    except RefusedError as e:
        if plain is None or e.status not in _REFUSED_AS_WRONG:
            raise
    return ask.shared(plain, partial=True)


def gap(ask: Ask, error: RefusedError, name: str, covers: tuple[str, ...], *, everywhere: bool = False) -> Gap:
    """What a refused list hides, told for one part; `everywhere`: of every record of the tenant, not of new ones."""
    found = ask.refused(error, covers=covers, subject_id=ask.scope_id)
    return replace(found, id=f"{found.id}/{name}", locator=None, subject_id=None if everywhere else ask.scope_id)


def known(ask: Ask, operation: Operation) -> tuple[Json, ...]:
    """The same, or nothing where it is refused: another part of the collector tells the gap."""
    try:
        return rows(ask, operation)
    except RefusedError:
        return ()


def related(
    ask: Ask, listed: Operation, relation: str, one: Operation
) -> Iterator[tuple[Json, list[Json] | RefusedError]]:
    """The objects of a list with what they are related to, whole: who has as many as fit is asked again by itself.

    Where a cloud refuses the expansion, every object is asked.  Raises RefusedError.
    """
    again: dict[str, Json] = {}
    for row in rows(ask, listed):
        entries, object_id = row.get(relation), guid(row.get("id"))
        if isinstance(entries, list) and len(entries) < MOST_EXPANDED:
            yield row, objects(entries)
        elif object_id is not None:
            again[object_id] = row
    for request, answer in ask.each_items(one, "value", [{"id": object_id} for object_id in again]):
        yield again[str(request["id"])], answer


@dataclass(frozen=True, slots=True)
class Directory:
    """The applications and service principals of a tenant, joined: one identity for each pair.

    `of_application` maps the object id, and `of_client` the client id, of an application to its identity's object id.
    """

    applications: Mapping[str, Json] = field(default_factory=dict)
    principals: Mapping[str, Json] = field(default_factory=dict)
    of_application: Mapping[str, str] = field(default_factory=dict)
    of_client: Mapping[str, str] = field(default_factory=dict)

    def application_of(self, principal: Json) -> Json | None:
        """The registration of a service principal, where it lies in the same tenant."""
        return self.applications.get(guid(principal.get("appId")) or "")


def directory(ask: Ask) -> Directory:
    """The directory as far as it can be read; what is refused is left out, and told by the part that owns the list."""
    principals = {object_id: row for row in everybody(ask) if (object_id := guid(row.get("id")))}
    of_client = {
        client: object_id
        for object_id, row in principals.items()
        # An agent has no registration: whatever it shows as its client id must not take the place of its blueprint.
        if (client := guid(row.get("appId"))) and kind_of(row) is not IdentityKind.AGENT_IDENTITY
    }
    named = ((guid(row.get("appId")), guid(row.get("id")), row) for row in registrations(ask))
    by_client = {client: row for client, object_id, row in named if client and object_id}
    of_application = {}
    for client, row in by_client.items():
        object_id = guid(row.get("id")) or ""
        of_application[object_id] = of_client.setdefault(client, object_id)
    return Directory(by_client, principals, of_application, of_client)


def everybody(ask: Ask) -> Iterator[Json]:
    """Every service principal once, those of agents with what only their own list tells."""
    own = {AGENTS: "agentIdentity", BLUEPRINT_PRINCIPALS: "agentIdentityBlueprintPrincipal"}
    yield from _with_subtypes(ask, PRINCIPALS, own)


def registrations(ask: Ask) -> Iterator[Json]:
    """Every application once; blueprints are applications too."""
    yield from _with_subtypes(ask, APPLICATIONS, {BLUEPRINTS: "agentIdentityBlueprint"})


def _with_subtypes(ask: Ask, operation: Operation, own: Mapping[Operation, str]) -> Iterator[Json]:
    special: dict[str | None, Json] = {}
    for each, name in own.items():
        for row in known(ask, each):
            special[guid(row.get("id"))] = {**row, "@odata.type": f"#microsoft.graph.{name}"}
    for row in known(ask, operation):
        more = special.pop(guid(row.get("id")), {})
        yield {**more, **row, **({"@odata.type": more["@odata.type"]} if more else {})}
    yield from special.values()


def kind_of(principal: Json) -> IdentityKind:
    """What sort of identity a service principal is."""
    subtype = _SUBTYPES.get(str(principal.get("@odata.type")))
    if subtype is not None:
        return subtype
    sort = text(principal.get("servicePrincipalType"))
    if sort == "ManagedIdentity":
        return IdentityKind.MANAGED_IDENTITY
    return IdentityKind.AGENT_IDENTITY if sort == "ServiceIdentity" else IdentityKind.APP


def first_party(principal: Json) -> bool:
    """Whether Microsoft owns the application behind a service principal."""
    return guid(principal.get("appOwnerOrganizationId")) in MICROSOFT


def once(records: Iterable[Record]) -> Iterator[Record]:
    """The records without those that were given before: people own many things."""
    told: set[tuple[str, str]] = set()
    for record in records:
        if (record.table, record.id) not in told:
            told.add((record.table, record.id))
            yield record


def living(ask: Ask, records: Iterable[Record]) -> Iterator[Record]:
    """The records without repetitions, each person among them with whether his account is enabled."""
    gone: frozenset[str] | None = None
    asked = False
    for record in once(records):
        if isinstance(record, Identity) and record.class_ is IdentityClass.HUMAN:
            gone, asked = gone if asked else _disabled(ask), True
            yield record if gone is None else replace(record, state=_state(record, gone))
        else:
            yield record


def _disabled(ask: Ask) -> frozenset[str] | None:
    """The ids of the people whose accounts are disabled; None where not all of them could be listed."""
    try:
        return frozenset(identity_id(ask, found) for row in ask.shared(DISABLED) if (found := guid(row.get("id"))))
    except RefusedError:  # the part that owns the list tells the gap
        return None


def _state(person: Identity, gone: frozenset[str]) -> IdentityState:
    return IdentityState.DISABLED if person.id in gone else IdentityState.ENABLED


def other(ask: Ask, principal: Json) -> Iterator[Record]:
    """The identity of a user or group that something names; service principals are told by their own list."""
    object_id = guid(principal.get("id"))
    sort = str(principal.get("@odata.type") or "").rpartition(".")[2]
    if object_id is None or sort not in {"user", "agentUser", "group"}:
        return
    name = text(principal.get("userPrincipalName")) or text(principal.get("displayName")) or object_id
    person, group = sort == "user", sort == "group"
    yield Identity(
        **seen(ask, identity_id(ask, object_id), f"{'groups' if group else 'users'}/{object_id}"),
        provider="azure",
        kind=IdentityKind.GROUP if group else IdentityKind.USER,
        name=name,
        class_=None if group else IdentityClass.HUMAN if person else IdentityClass.AGENT,
        interactive=None if group else person,
    )
