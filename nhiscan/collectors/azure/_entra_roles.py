"""Directory roles: what they allow, who holds them, and who may activate them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import document, flag, guid, listing, mapping, objects, text
from nhiscan.collectors.azure import _entra
from nhiscan.collectors.azure._entra_calls import ELIGIBLE, ROLE_ASSIGNMENTS, ROLE_DEFINITIONS, SCHEDULED
from nhiscan.plugin import Attachment, AttachmentKind, Policy, PolicyKind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

# What Graph answers where the tenant has no licence for it: then there is nothing to activate and nothing ends.
_UNLICENSED = frozenset({"AadPremiumLicenseRequired"})
_Key = tuple[str | None, str | None, str]
_TYPES = ("afterDateTime", "afterDuration")


def roles(ask: Ask) -> Iterator[Record]:
    """Assignments, the roles that are assigned, and every custom one."""
    yield from _entra.living(ask, _roles(ask))


def _roles(ask: Ask) -> Iterator[Record]:
    definitions = yield from _definitions(ask)
    ends = yield from _ends(ask)
    used: dict[str, str] = {}
    for row in _entra.rows(ask, ROLE_ASSIGNMENTS):
        yield from _entra.other(ask, mapping(row.get("principal")))
        yield from _attachment(ask, row, "role", definitions, used, time_bound=_bound(row, ends))
    for row in (yield from _eligible(ask)):
        yield from _entra.other(ask, mapping(row.get("principal")))
        yield from _attachment(ask, row, "eligible_role", definitions, used, time_bound=True)
    for role, policy in used.items():
        yield _policy(ask, policy, definitions.get(role, {}), role)
    for role, row in definitions.items():
        if flag(row.get("isBuiltIn")) is False and role not in used:
            yield _policy(ask, _policy_id(ask, role, row), row, role)


def _definitions(ask: Ask) -> Generator[Record, None, dict[str, Json]]:
    """Every role by its id (returned); where they are refused, assignments keep the id of theirs."""
    try:
        return {role: row for row in ask.shared(ROLE_DEFINITIONS) if (role := guid(row.get("id")))}
    except RefusedError as e:
        yield _entra.gap(ask, e, "roles", ("policy.document", "policy.name"), everywhere=True)
        return {}


def _ends(ask: Ask) -> Generator[Record, None, Mapping[_Key, bool | None] | None]:
    """Which assignments end by themselves, by principal, role and scope (returned); None where nobody could say."""
    try:
        return {_key(row): _limited(row) for row in ask.shared(SCHEDULED)}
    except RefusedError as e:
        if e.code in _UNLICENSED:
            return {}
        yield _entra.gap(ask, e, "ends", ("attachment.time_bound",), everywhere=True)
        return None


def _eligible(ask: Ask) -> Generator[Record, None, tuple[Json, ...]]:
    try:
        return _entra.rows(ask, ELIGIBLE)
    except RefusedError as e:
        if e.code not in _UNLICENSED:
            yield ask.refused(e)
        return ()


def _key(row: Json) -> _Key:
    return guid(row.get("principalId")), guid(row.get("roleDefinitionId")), _target(row)


def _limited(row: Json) -> bool | None:
    """Whether a schedule ends: an activation always does, a standing one when it says so."""
    if text(row.get("assignmentType")) == "Activated":
        return True
    sort = text(mapping(mapping(row.get("scheduleInfo")).get("expiration")).get("type"))
    return None if sort is None else sort in _TYPES


def _bound(row: Json, ends: Mapping[_Key, bool | None] | None) -> bool | None:
    # Assignments that PIM does not know were made without an end.
    return None if ends is None else ends.get(_key(row), False)


def _target(row: Json) -> str:
    """The scope of an assignment: `/` is the tenant, `/<object id>` one application, else an administrative unit."""
    return (text(row.get("directoryScopeId")) or text(row.get("appScopeId")) or "/").lower()


def _attachment(
    ask: Ask, row: Json, word: str, definitions: Mapping[str, Json], used: dict[str, str], *, time_bound: bool | None
) -> Iterator[Record]:
    principal, role = guid(row.get("principalId")), guid(row.get("roleDefinitionId"))
    if principal is None or role is None:
        return
    policy = used.setdefault(role, _policy_id(ask, role, definitions.get(role, {})))
    holder = _entra.identity_id(ask, principal)
    yield Attachment(
        **_entra.seen(ask, f"{holder}#{word}/{role}{'' if _target(row) == '/' else _target(row)}"),
        policy_id=policy,
        principal_id=holder,
        kind=AttachmentKind.GRANTS,
        target_id=_target(row),
        condition=text(row.get("condition")),
        time_bound=time_bound,
        eligible=word == "eligible_role",
    )


def _policy_id(ask: Ask, role: str, row: Json) -> str:
    """Built-in roles have one id in all tenants, that of their template; custom ones are the tenant's own."""
    if flag(row.get("isBuiltIn")) is False:
        return f"entra:role/{_entra.tenant(ask)}/{role}"
    return f"entra:role/{guid(row.get('templateId')) or role}"


def _policy(ask: Ask, policy_id: str, row: Json, role: str) -> Policy:
    permissions = [
        {
            "allowedResourceActions": listing(entry.get("allowedResourceActions")),
            **({"condition": condition} if (condition := text(entry.get("condition"))) else {}),
        }
        for entry in objects(row.get("rolePermissions"))
    ]
    disabled = flag(row.get("isEnabled")) is False
    body = {"rolePermissions": permissions, **({"isEnabled": False} if disabled else {})}
    return Policy(
        **_entra.seen(ask, policy_id),
        provider="azure",
        kind=PolicyKind.MANAGED if flag(row.get("isBuiltIn")) is False else PolicyKind.PROVIDER,
        name=text(row.get("displayName")) or role,
        document=document(body) if row else None,
    )
