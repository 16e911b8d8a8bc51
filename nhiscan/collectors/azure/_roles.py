"""Roles of Azure RBAC, their assignments and denials as records (learn.microsoft.com, role-based-access-control)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nhiscan.collectors._common.values import document, flag, guid, listing, mapping, objects, text
from nhiscan.collectors.azure._arm import entra, in_tenant, resource_id, seen, tenant_of
from nhiscan.detect.conceal import conceal
from nhiscan.plugin import Attachment, AttachmentKind, Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Gap, Record

# "All principals" of a deny assignment ("List Azure deny assignments": the object id is all zeros).
_EVERYONE = "00000000-0000-0000-0000-000000000000"
_LISTS = ("actions", "notActions", "dataActions", "notDataActions")
_TEXTS = ("condition", "conditionVersion")


def definition(ask: Ask, resource: str, row: Json) -> Policy | None:
    """The policy that a role definition is; None for one without an id of its own.

    Built-in roles have the same id in every tenant.  Microsoft's older roles call themselves custom and apply anywhere.
    """
    role = role_guid(resource)
    if role is None:
        return None
    known = mapping(row.get("properties"))
    built_in = (text(known.get("type")) or "").lower() == "builtinrole"
    tenant = tenant_of(ask, row.get("tenantId"))
    return Policy(
        **in_tenant(ask, f"azure:role/{role}" if built_in else f"azure:role/{tenant}/{role}", resource),
        provider="azure",
        kind=PolicyKind.PROVIDER if built_in else PolicyKind.MANAGED,
        name=text(known.get("roleName")) or role,
        document=_document(known),
    )


def unlisted(ask: Ask, policy_id: str) -> Policy:
    """A role that is assigned and whose definition was not among those listed."""
    role = policy_id.rpartition("/")[2]
    locator = f"/providers/microsoft.authorization/roledefinitions/{role}"
    return Policy(
        **in_tenant(ask, policy_id, locator), provider="azure", kind=PolicyKind.MANAGED, name=role, document=None
    )


def unread(ask: Ask, policy: Policy) -> Gap:
    """The gap that a role leaves of which nobody could say what it allows."""
    return ask.gap(
        "role", ("policy.document",), f"what the role {policy.name} allows was not among what could be listed",
        "grant Microsoft.Authorization/roleDefinitions/read where the role is assignable", subject_id=policy.id,
    )  # fmt: skip


def role_guid(value: object) -> str | None:
    """The GUID at the end of the id of a role definition, whatever stands before it, else None."""
    found = resource_id(value)
    return guid(found.rpartition("/")[2]) if found else None


def grant(
    ask: Ask,
    resource: str,
    row: Json,
    roles: Mapping[str, str],
    *,
    time_bound: bool | None = None,
    eligible: bool | None = None,
) -> Attachment | None:
    """The attachment that an assignment is; `roles` maps the GUID of a role to its policy.

    None where scope, role or principal is missing: such a row grants nothing that could be told.
    """
    known = mapping(row.get("properties"))
    scope, role = resource_id(known.get("scope")), role_guid(known.get("roleDefinitionId"))
    principal = guid(known.get("principalId"))
    if scope is None or role is None or principal is None:
        return None
    return Attachment(
        **seen(ask, resource, scope, resource),
        policy_id=roles.get(role, f"azure:role/{role}"),
        principal_id=entra(tenant_of(ask, row.get("tenantId")), principal),
        kind=AttachmentKind.GRANTS,
        target_id=scope,
        condition=_condition(known),
        time_bound=time_bound,
        eligible=eligible,
    )


def denial(ask: Ask, resource: str, row: Json) -> Iterator[Record]:
    """The policy that a deny assignment is, and whom it denies or leaves out."""
    known = mapping(row.get("properties"))
    scope = resource_id(known.get("scope"))
    if scope is None:
        return
    yield Policy(
        **seen(ask, resource, scope, resource),
        provider="azure",
        kind=PolicyKind.DENY,
        name=text(known.get("denyAssignmentName")) or resource.rpartition("/")[2],
        document=_document(known, scope=scope, **{
            name: flag(known.get(name)) for name in ("doNotApplyToChildScopes", "isSystemProtected")
        }),
    )  # fmt: skip
    tenant = tenant_of(ask, row.get("tenantId"))
    for key, kind in (("principals", AttachmentKind.DENIES), ("excludePrincipals", AttachmentKind.EXEMPT)):
        for principal in _principals(known.get(key), tenant):
            yield Attachment(
                **seen(ask, f"{resource}#{kind.value}/{principal}", scope, resource),
                policy_id=resource,
                principal_id=principal,
                kind=kind,
                target_id=scope,
                condition=_condition(known),
            )


def _principals(entries: object, tenant: str) -> Iterator[str]:
    told: set[str] = set()
    for entry in objects(entries):
        found = guid(entry.get("id"))
        # "SystemDefined" is the type of "all principals"; newer answers call it "Everyone".
        if found == _EVERYONE or (text(entry.get("type")) or "").lower() in {"systemdefined", "everyone"}:
            found = "everyone"
        if found and found not in told:
            told.add(found)
            yield entra(tenant, found)


def _document(known: Json, **more: object) -> str | None:
    """What a role or denial says as JSON text; None when its permissions could not be read."""
    entries = known.get("permissions")
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) and _told(each) for each in entries):
        return None
    permissions = [
        {name: [a for a in listing(entry.get(name)) if isinstance(a, str)] for name in _LISTS}
        | {name: entry[name] for name in _TEXTS if text(entry.get(name))}
        for entry in entries
    ]
    scopes = {"assignableScopes": listing(known.get("assignableScopes"))} if "assignableScopes" in known else {}
    return document({"permissions": permissions, **scopes, **{k: v for k, v in more.items() if v is not None}})


def _told(entry: Json) -> bool:
    """Whether the actions of a permission are lists of texts, as far as it has them."""
    return all(isinstance(entry.get(name) or [], list) and all(isinstance(a, str) for a in listing(entry.get(name)))
               for name in _LISTS)  # fmt: skip


def _condition(known: Json) -> str | None:
    """The condition of an assignment as it is written (a text of its own language), without known forms of secrets."""
    found = known.get("condition")
    return conceal(found.strip()) or None if isinstance(found, str) else None
