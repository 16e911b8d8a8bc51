"""Which subscriptions a target means: asked once for all collectors of a run."""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.memo import remembered
from nhiscan.collectors._common.values import guid, mapping, objects, text
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors._rest.session import Session
from nhiscan.collectors.azure._clouds import cloud_of
from nhiscan.collectors.azure._plan import ESTATE, SUBSCRIPTION, TENANT, subscription_place, tenant_place
from nhiscan.collectors.azure._session import Identity
from nhiscan.plugin import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.collectors._common.place import Place
    from nhiscan.collectors._common.values import Json
    from nhiscan.plugin import Context, Target

TENANTS = Operation("arm:tenants.list", "/tenants", query={"api-version": "2022-12-01"})
SUBSCRIPTIONS = Operation(
    "arm:subscriptions.list", "/subscriptions", ("Microsoft.Resources/subscriptions/read",),
    query={"api-version": "2022-12-01"},
)  # fmt: skip
DESCENDANTS = Operation(
    "arm:managementGroups.descendants",
    "/providers/Microsoft.Management/managementGroups/{group}/descendants",
    ("Microsoft.Management/managementGroups/descendants/read",),
    query={"api-version": "2020-05-01"},
)
PLANNING = {SUBSCRIPTIONS: "scope", DESCENDANTS: "scope, scope.parent_id", TENANTS: "scope"}
"""The calls that find out where to look, with what is not seen without them."""
_BUDGET_S = 300.0
_EXCLUDED = "!"
# "Management group": letters, digits, -, _, (, ) and periods, 90 at most (Azure, "Naming rules and restrictions").
_GROUP = re.compile(r"[A-Za-z0-9_(][A-Za-z0-9_().-]{0,89}")
_GONE = "Deleted"


@dataclass(frozen=True, slots=True)
class Known:
    """A subscription as its list tells it; that of a customer (Azure Lighthouse) is of another tenant."""

    name: str = ""
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class Estate:
    """A tenant, its chosen subscriptions by id, and those that were chosen and cannot be seen.

    `whole` says that the tenant itself was meant too, and not some of its subscriptions alone; `group` is the
    management group that was meant, "" for none; `caller` is who asks.
    """

    tenant: str
    name: str
    subscriptions: Mapping[str, Known]
    missing: tuple[str, ...]
    whole: bool
    group: str = ""
    caller: str = ""

    def places(self, kind: str) -> Iterator[Place]:
        """Its places of a kind, in order."""
        for place in self._places(kind):
            yield replace(place, params={**place.params, "caller": self.caller})

    def _places(self, kind: str) -> Iterator[Place]:
        if kind == TENANT and self.whole:
            yield tenant_place(self.tenant, TENANT, name=self.name)
        elif kind == ESTATE:
            place = tenant_place(self.tenant, ESTATE, tuple(self.subscriptions), self.name)
            more = {"missing": ",".join(self.missing), "whole": str(self.whole).lower(), "group": self.group}
            yield replace(place, params={**place.params, **more})
        elif kind == SUBSCRIPTION:
            for number, known in self.subscriptions.items():
                yield subscription_place(known.tenant or self.tenant, number, known.name)


def estate(target: Target, ctx: Context) -> Estate:
    """What a target means.  Raises TargetError when nobody answers, or when it is not understood."""
    key = f"azure estate:{(target.value, ctx.expect_account, ctx.accounts, sorted(ctx.endpoints.items()))}"
    return remembered(ctx, key, lambda: _estate(target, ctx))


def meant(value: str) -> tuple[str, str]:
    """What a target names: `("all", "")`, `("sub", id)` or `("mg", name)`.  Raises TargetError for anything else."""
    kind, _, rest = value.partition("/")
    if value in {"", "all"}:
        return "all", ""
    if kind == "sub" and (number := guid(rest)):
        return "sub", number
    if kind == "mg" and _GROUP.fullmatch(rest):
        return "mg", rest
    message = "this is no Azure target"
    raise TargetError(
        message, "write azure:all, azure:mg/ID or azure:sub/ID, with the id of a subscription, not its name"
    )


def _estate(target: Target, ctx: Context) -> Estate:
    kind, what = meant(target.value)
    identity = Identity(cloud_of(ctx.endpoints))
    session = Session(identity, PLANNING, ctx.calls, budget_s=_BUDGET_S)
    try:
        known = _listed(session, identity)
        claims = _claims(identity)
        tenant, name = _tenant(session, claims, known)
        if ctx.expect_account not in {None, tenant}:
            message = f"this is tenant {tenant}, not {ctx.expect_account} as expected"
            raise TargetError(message, "sign in to another tenant, or choose another --expect-account")
        below = _below(session, kind, what, known)
    except RefusedError as e:
        raise e.as_target_error() from None
    finally:
        session.close()
    chosen = {n for a in ctx.accounts if not a.startswith(_EXCLUDED) and (n := guid(a))}
    excluded = {n for a in ctx.accounts if a.startswith(_EXCLUDED) and (n := guid(a[1:]))}
    wanted = ((below & chosen) if chosen else below) - excluded
    if not wanted and kind != "all":
        message = "no subscription is left to audit"
        raise TargetError(message, "grant the caller the role Reader there, or name others with --accounts")
    # One that was named must not vanish in silence; one below a management group is read as far as the caller may.
    missing = tuple(sorted((chosen - below | (wanted - known.keys())) - excluded))
    found = {number: known.get(number, Known()) for number in sorted(wanted)}
    who = next((t for k in ("upn", "preferred_username", "appid", "oid") if (t := text(claims.get(k)))), "somebody")
    caller = f"{who} in tenant {name or tenant}"
    return Estate(tenant, name, found, missing, kind == "all", what if kind == "mg" else "", caller)


def _listed(session: Session, identity: Identity) -> dict[str, Known]:
    """The subscriptions that the caller sees, by id; none when they cannot be listed, which their collector tells.

    Raises RefusedError when nobody can sign in at all.
    """
    found: dict[str, Known] = {}
    try:
        for entry in _entries(session, SUBSCRIPTIONS):
            number = guid(entry.get("subscriptionId"))
            if number and entry.get("state") != _GONE:
                found[number] = Known(text(entry.get("displayName")) or "", guid(entry.get("tenantId")) or "")
    except RefusedError as e:
        if e.everywhere:  # no token for Resource Manager: there may be one for Graph
            try:
                identity.token("graph")
            except RefusedError:
                raise e from None
    return found


def _tenant(session: Session, claims: Json, known: Mapping[str, Known]) -> tuple[str, str]:
    """The tenant that the caller signed in to, and its name, "" when it is not told.  Raises TargetError."""
    named: dict[str, str] = {}
    try:
        for entry in _entries(session, TENANTS):
            if number := guid(entry.get("tenantId")):
                named[number] = text(entry.get("displayName")) or ""
    except RefusedError:
        named = {}  # a name is all that would be gained
    candidates = (
        {guid(claims.get("tid"))}, {guid(os.environ.get("AZURE_TENANT_ID"))}, set(named),
        {k.tenant for k in known.values()},
    )  # fmt: skip
    for found in candidates:
        sure = found - {None, ""}
        if len(sure) == 1:
            tenant = str(sure.pop())
            return tenant, named.get(tenant, "")
    message = "nothing says which tenant this is"
    raise TargetError(message, "set AZURE_TENANT_ID to the id of the tenant")


def _claims(identity: Identity) -> Json:
    """What a token says of its tenant and owner (Microsoft identity platform, "Access token claims"); it may be opaque.

    Nothing is decided by it but what is shown and in which scope things are, so its signature is not looked at.
    """
    for service in ("arm", "graph"):
        try:
            body = identity.token(service).split(".")[1]
            claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        except (RefusedError, IndexError, ValueError, RecursionError):
            continue
        if guid(mapping(claims).get("tid")):
            return mapping(claims)
    return {}


def _below(session: Session, kind: str, what: str, known: Mapping[str, Known]) -> set[str]:
    if kind != "mg":
        return {what} if kind == "sub" else set(known)
    entries = _entries(session, DESCENDANTS, group=what)
    names = [guid(e.get("name")) for e in entries if str(e.get("type")).lower().endswith("/subscriptions")]
    return {name for name in names if name}


def _entries(session: Session, operation: Operation, **params: str) -> Iterator[Json]:
    for page in session.pages(operation, params, {}, {}):
        yield from objects(page.get("value"))
