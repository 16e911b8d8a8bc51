"""What a tenant allows everybody: to let applications in, to register them, and how long their secrets may live.

Sources: learn.microsoft.com/graph/api/resources/authorizationpolicy and .../defaultuserrolepermissions;
.../tenantappmanagementpolicy; learn.microsoft.com/entra/identity/enterprise-apps/manage-app-consent-policies (the
built-in policies).  What `microsoft-user-default-recommended` allows is what Microsoft holds right at the time, and
what a policy of one's own allows stands elsewhere: whether consent is open is then not known.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import flag, mapping, moment, objects, text, texts
from nhiscan.collectors.azure import _entra
from nhiscan.collectors.azure._entra_calls import APP_MANAGEMENT, AUTHORIZATION
from nhiscan.plugin import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

_FOR_SELF = "managepermissiongrantsforself."
_OPEN = {"microsoft-user-default-legacy": True, "microsoft-user-default-low": False}
# The kinds of restriction that shorten the life of a secret or forbid it; the others are about how it is made.
_LIMITS = {
    "passwordaddition": "passwords of applications", "passwordlifetime": "passwords of applications",
    "asymmetrickeylifetime": "certificates of applications",
}  # fmt: skip
_FORBIDDING, _ABOUT_PASSWORDS = "passwordaddition", frozenset({"passwordaddition", "passwordlifetime"})
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T.*)?")
_DAYS = (365, 30, 7, 1)


def settings(ask: Ask) -> Iterator[Record]:
    """The settings of a tenant as signals on it; each policy that may not be read is a gap of its own."""
    for operation, read in ((AUTHORIZATION, _consent), (APP_MANAGEMENT, _lifetime)):
        try:
            yield from read(ask, ask.call(operation))
        except RefusedError as e:
            # The tables of signals are full of other things: only those of the tenant itself are hidden.
            yield ask.refused(e, subject_id=ask.scope_id)


def _consent(ask: Ask, policy: Json) -> Iterator[Signal]:
    # The v1.0 and the beta form of the same setting.
    role = mapping(policy.get("defaultUserRolePermissions"))
    listed = role.get(
        "permissionGrantPoliciesAssigned", policy.get("permissionGrantPolicyIdsAssignedToDefaultUserRole")
    )
    if isinstance(listed, list):
        names = [name.lower().removeprefix(_FOR_SELF) for name in texts(listed) if name.lower().startswith(_FOR_SELF)]
        detail = ", ".join(names) or "nobody but administrators"
        yield _signal(ask, "user_consent", active=_any(_OPEN.get(name) for name in names), detail=detail)
    risky = policy.get("allowUserConsentForRiskyApps", "")
    # "Default value is false": where nobody has set it, it is told as null.
    yield _signal(ask, "risky_consent", active=False if risky is None else flag(risky))
    yield _signal(ask, "user_registration", active=flag(role.get("allowedToCreateApps")))


def _any(known: Iterator[bool | None]) -> bool | None:
    """Whether one of them holds: one that does suffices, one that is not known may."""
    values = set(known)
    return True if True in values else None if None in values else False


def _lifetime(ask: Ask, policy: Json) -> Iterator[Signal]:
    enabled = flag(policy.get("isEnabled"))
    if enabled is None:
        yield _signal(ask, "lifetime_limit", active=None)
        return
    found = dict(_restrictions(mapping(policy.get("applicationRestrictions")))) if enabled else {}
    limited = bool(_ABOUT_PASSWORDS & set(found))
    words = "; ".join(found[kind] for kind in _LIMITS if kind in found)
    yield _signal(
        ask, "lifetime_limit", active=limited,
        detail=words if limited else f"no limit for passwords of applications{f'; {words}' if words else ''}",
    )  # fmt: skip


def _restrictions(said: Json) -> Iterator[tuple[str, str]]:
    """The restrictions that are on, by kind, in words."""
    for entry in (*objects(said.get("passwordCredentials")), *objects(said.get("keyCredentials"))):
        kind = (text(entry.get("restrictionType")) or "").lower()
        if kind not in _LIMITS or (text(entry.get("state")) or "enabled").lower() != "enabled":
            continue
        days = _days(entry.get("maxLifetime"))
        if kind != _FORBIDDING and days is None:
            continue
        since = moment(entry.get("restrictForAppsCreatedAfterDateTime"))
        after = f", of applications made after {since.date().isoformat()}" if since else ""
        limit = "none can be added" if kind == _FORBIDDING else f"{days} days at most"
        yield kind, f"{_LIMITS[kind]}: {limit}{after}"


def _days(value: object) -> int | None:
    """The whole days of an ISO 8601 duration, at least one; None for what is none."""
    match = _DURATION.fullmatch((text(value) or "").upper())
    if match is None:
        return None
    return max(1, sum(int(count or 0) * days for count, days in zip(match.groups(), _DAYS, strict=True)))


def _signal(ask: Ask, kind: str, *, active: bool | None, detail: str | None = None) -> Signal:
    return Signal(
        **_entra.seen(ask, f"{ask.scope_id}#signal/{kind}"), subject_id=ask.scope_id, kind=kind, provider="azure",
        active=active, detail=detail,
    )  # fmt: skip
