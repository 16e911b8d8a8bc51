"""What applications may do at APIs: app roles granted to them, and what they may do in the name of users."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import document, guid, objects, text
from nhiscan.collectors.azure import _entra
from nhiscan.collectors.azure._entra_calls import DELEGATED, GRANTS, GRANTS_OF_PRINCIPAL, PRINCIPALS
from nhiscan.plugin import Attachment, AttachmentKind, Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

# "If no app roles are declared, a default app role id of zeros" (learn.microsoft.com/graph/api/resources/
# approleassignment): the client may have tokens for the API, and no role in it.
_DEFAULT = "00000000-0000-0000-0000-000000000000"
_ROLELESS = "default_access"
_CONSENT = {"allprincipals": "AllPrincipals", "principal": "Principal"}


@dataclass(frozen=True, slots=True)
class _Api:
    """An API as grants name it: its client id, and its app roles by id."""

    client: str
    name: str
    microsoft: bool
    roles: Mapping[str, str] = field(default_factory=dict)


def _apis(principals: Mapping[str, Json]) -> dict[str, _Api]:
    found = {}
    for object_id, row in principals.items():
        roles = {
            role: value
            for entry in objects(row.get("appRoles"))
            if (role := guid(entry.get("id"))) and (value := text(entry.get("value")))
        }
        client = guid(row.get("appId")) or object_id
        found[object_id] = _Api(client, text(row.get("displayName")) or client, _entra.first_party(row), roles)
    return found


def app_roles(ask: Ask) -> Iterator[Record]:
    """App roles granted to service principals: an Attachment each, and a Policy for each role."""
    _entra.rows(ask, PRINCIPALS)  # without it no API has a name: then the gap of that list stands for all
    principals = _entra.directory(ask).principals
    apis, told = _apis(principals), set[str]()
    for row, grants in _entra.related(ask, GRANTS, "appRoleAssignments", GRANTS_OF_PRINCIPAL):
        holder = guid(row.get("id"))
        if holder is None:
            continue
        if isinstance(grants, RefusedError):
            if not grants.missing:
                yield ask.refused(grants, subject_id=_entra.identity_id(ask, holder))
            continue
        for grant in grants:
            yield from _app_role(ask, grant, holder, apis, told)


def _app_role(ask: Ask, grant: Json, holder: str, apis: Mapping[str, _Api], told: set[str]) -> Iterator[Record]:
    resource, role = guid(grant.get("resourceId")), guid(grant.get("appRoleId"))
    if resource is None or role is None:
        return
    api = apis.get(resource) or _Api(resource, text(grant.get("resourceDisplayName")) or resource, microsoft=False)
    value = _ROLELESS if role == _DEFAULT else api.roles.get(role, role)
    policy = f"entra:app_role/{api.client}/{value}"
    if policy not in told:
        told.add(policy)
        yield _policy(ask, policy, api, value, {"resource": api.client, "value": value, "id": role})
    principal = _entra.identity_id(ask, holder)
    yield Attachment(
        **_entra.seen(ask, f"{principal}#app_role/{api.client}/{value}"),
        policy_id=policy,
        principal_id=principal,
        kind=AttachmentKind.GRANTS,
        target_id=f"entra:{_entra.tenant(ask)}",
        time_bound=False,
    )


def delegated(ask: Ask) -> Iterator[Record]:
    """What clients may do in the name of users; single users' consents to the same thing are one row."""
    _entra.rows(ask, PRINCIPALS)
    apis, told = _apis(_entra.directory(ask).principals), set[str]()
    for grant in ask.items(DELEGATED):
        client, resource = guid(grant.get("clientId")), guid(grant.get("resourceId"))
        if client is None or resource is None:
            continue
        api = apis.get(resource) or _Api(resource, resource, microsoft=False)
        consent = _CONSENT.get((text(grant.get("consentType")) or "").lower())
        for scope in dict.fromkeys(str(grant.get("scope") or "").split()):
            yield from _delegated(ask, _entra.identity_id(ask, client), (api, scope, consent), told)


def _delegated(ask: Ask, client: str, what: tuple[_Api, str, str | None], told: set[str]) -> Iterator[Record]:
    api, scope, consent = what
    policy = f"entra:delegated/{api.client}/{scope}"
    if policy not in told:
        told.add(policy)
        yield _policy(ask, policy, api, scope, {"resource": api.client, "value": scope, "delegated": True})
    row = f"{client}#delegated/{api.client}/{scope}/{consent or 'unknown'}"
    if row not in told:
        told.add(row)
        yield Attachment(
            **_entra.seen(ask, row),
            policy_id=policy,
            principal_id=client,
            kind=AttachmentKind.GRANTS,
            target_id=f"entra:{_entra.tenant(ask)}",
            condition=consent,
            time_bound=False,
        )


def _policy(ask: Ask, policy_id: str, api: _Api, value: str, content: Mapping[str, object]) -> Policy:
    return Policy(
        **_entra.seen(ask, policy_id),
        provider="azure",
        kind=PolicyKind.PROVIDER if api.microsoft else PolicyKind.MANAGED,
        name=f"{api.name}: {value}",
        document=document(content),
    )
