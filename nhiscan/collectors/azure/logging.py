"""Logs of Azure and Entra: sign-ins of applications, and the activity of subscriptions, kept beyond the built-in time.

Entra keeps sign-ins for 30 days at most, and the activity log of a subscription, which nobody can switch off, is kept
for 90 ("Microsoft Entra data retention"; "Activity log in Azure Monitor"): what is older exists only where a diagnostic
setting sends it.  Kinds of logging: `sign_ins` of a tenant (service principals and managed identities) and
`api_calls_kept` of a subscription.  Reads of secrets are told by the vaults (azure.key_vaults).

Calls: one for the tenant, one for each subscription; Resource Graph does not know diagnostic settings.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._common.values import text
from nhiscan.collectors._rest.group import Group, Part
from nhiscan.collectors._rest.operation import Operation
from nhiscan.collectors.azure._arm import in_scopes, offline, subscription_of, subscriptions
from nhiscan.collectors.azure._diagnostics import READ, VERSION, Kept, kept
from nhiscan.plugin import Logging

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nhiscan.collectors._common.values import Json
    from nhiscan.collectors._rest.ask import Ask
    from nhiscan.plugin import Record

SIGN_INS = Operation(
    "arm:signInLogSettings.list", "/providers/microsoft.aadiam/diagnosticSettings",
    ("microsoft.aadiam/diagnosticSettings/read",), query={"api-version": "2017-04-01"},
)  # fmt: skip
ACTIVITY = Operation(
    "arm:activityLogSettings.list", "/subscriptions/{subscription}/providers/Microsoft.Insights/diagnosticSettings",
    (READ,), query={"api-version": VERSION},
)  # fmt: skip
_OF_MACHINES = ("serviceprincipalsigninlogs", "managedidentitysigninlogs")
_CHANGES = ("administrative",)


def _sign_ins(ask: Ask) -> Iterator[Record]:
    if ask.place.params.get("whole") == "false":  # the tenant was not asked for
        return
    try:
        yield _row(ask, ask.scope_id, "sign_ins", kept(list(ask.items(SIGN_INS)), _OF_MACHINES))
    except RefusedError as e:
        yield ask.refused(e, subject_id=ask.scope_id)


def _activity(ask: Ask) -> Iterator[Record]:
    asked = [{"subscription": s} for s in subscriptions(ask)]
    if not asked and offline(ask):
        yield from _exported(ask)
    for request, answer in ask.each_items(ACTIVITY, "value", asked):
        scope_id = f"azure:sub/{request['subscription']}"
        if isinstance(answer, RefusedError):
            yield ask.refused(answer, subject_id=scope_id)
        else:
            yield _row(ask, scope_id, "api_calls_kept", kept(answer, _CHANGES))


def _exported(ask: Ask) -> Iterator[Record]:
    """The same from a file that holds the settings of several subscriptions as one list."""
    found: dict[str, list[Json]] = defaultdict(list)
    for row in ask.items(ACTIVITY, subscription=""):
        if (number := subscription_of(text(row.get("id")) or "")) is not None:
            found[number].append(row)
    for number, settings in sorted(found.items()):
        yield _row(ask, f"azure:sub/{number}", "api_calls_kept", kept(settings, _CHANGES))


def _row(ask: Ask, scope_id: str, kind: str, found: Kept) -> Logging:
    return Logging(
        id=f"{scope_id}#logging/{kind}/global", scope_id=scope_id, source=ask.source, locator=None,
        subject_id=scope_id, kind=kind, enabled=found.enabled, destination=found.destination,
    )  # fmt: skip


COLLECTOR = Group(
    name="azure.logging",
    title="Azure and Entra logs: sign-ins of applications and activity of subscriptions that are kept",
    place="estate",
    parts=(
        Part(
            name="sign-ins",
            kind="Entra diagnostic setting",
            facts=("sign-ins of service principals and managed identities kept", "where"),
            calls={SIGN_INS: "logging"},
            read=_sign_ins,
        ),
        Part(
            name="activity",
            kind="diagnostic setting of a subscription",
            facts=("activity log kept", "where"),
            calls={ACTIVITY: "logging"},
            read=in_scopes(_activity),
        ),
    ),
)
