"""Sign-ins of applications and activity of subscriptions: which of them are kept."""

from __future__ import annotations

import pytest

from nhiscan.collectors._common.place import Place
from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors.azure.logging import COLLECTOR
from tests.collectors.azure.arm_lab import Pages, context, denied, gaps, read
from tests.twins.arm_estate import SUBSCRIPTIONS
from tests.twins.graph_rows import TENANT

NONE = {"signInLogSettings__list": [], "activityLogSettings__list": []}
SCOPE = f"azure:tenant/{TENANT}"


def setting(*categories: str) -> dict:
    logs = [{"category": name, "enabled": True} for name in categories]
    return {"id": "/x", "properties": {"logs": logs, "workspaceId": "/W"}}


def told(**answers) -> dict[tuple[str, str], tuple]:
    found = read("logging", **{**NONE, **answers})
    return {(r.subject_id, r.kind): (r.enabled, r.destination) for r in found["logging"]}


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ([], (False, None)),
        ([setting("ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs")], (True, "/w")),
        ([setting("ServicePrincipalSignInLogs"), setting("ManagedIdentitySignInLogs")], (True, "/w")),
        ([setting("SignInLogs", "ServicePrincipalSignInLogs")], (False, None)),
    ],
)
def test_sign_ins_are_kept_when_those_of_all_machines_are(settings, answer):
    assert told(signInLogSettings__list=settings)[SCOPE, "sign_ins"] == answer


def test_each_subscription_tells_whether_its_changes_are_kept():
    def answer(params):
        return [setting("Administrative", "Security")] if params["subscription"] == SUBSCRIPTIONS[0] else []

    found = told(activityLogSettings__list=answer)
    kept = {scope: enabled for (scope, kind), (enabled, _) in found.items() if kind == "api_calls_kept"}
    assert kept == {f"azure:sub/{SUBSCRIPTIONS[0]}": True, f"azure:sub/{SUBSCRIPTIONS[1]}": False}


def test_a_subscription_that_refuses_has_a_gap_of_its_own():
    def answer(params):
        return denied("arm:activityLogSettings.list") if params["subscription"] == SUBSCRIPTIONS[0] else []

    found = read("logging", **{**NONE, "activityLogSettings__list": answer})
    assert gaps(found) == [("arm:activityLogSettings.list", "denied", ("logging",))]
    assert {r.subject_id for r in found["logging"] if r.kind == "api_calls_kept"} == {f"azure:sub/{SUBSCRIPTIONS[1]}"}
    assert found["gap"][0].subject_id == f"azure:sub/{SUBSCRIPTIONS[0]}"


def test_sign_ins_that_may_not_be_read_are_a_gap_of_the_tenant():
    found = read("logging", **{**NONE, "signInLogSettings__list": denied("arm:signInLogSettings.list")})
    (gap,) = found["gap"]
    assert (gap.subject_id, gap.covers) == (SCOPE, ("logging",))
    assert "sign_ins" not in {r.kind for r in found["logging"]}


def test_where_the_tenant_was_not_asked_for_its_sign_ins_are_not_looked_at():
    params = {"tenant": TENANT, "subscriptions": SUBSCRIPTIONS[0], "whole": "false"}
    ask = Ask(Pages(), Place(TENANT, "estate", SCOPE, "", params), "azure.logging", context())
    assert list(COLLECTOR.parts[0].read(ask)) == []
