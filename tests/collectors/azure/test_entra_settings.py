"""What settings of a tenant say: who may let applications in, and how long their secrets may live."""

from __future__ import annotations

import pytest

from nhiscan.collectors._common.place import Place
from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors.azure._entra_calls import APP_MANAGEMENT, AUTHORIZATION
from nhiscan.collectors.azure._entra_settings import settings
from tests.collectors.azure.entra_lab import context

SCOPE = "azure:tenant/t"


class One:
    """Answers one operation, and all others with nothing."""

    def __init__(self, operation, answer) -> None:
        self.known = {operation: answer}

    def call(self, operation, params, query, body):
        return self.known.get(operation, {})


def read(operation, answer) -> dict[str, tuple[bool | None, str | None]]:
    ask = Ask(One(operation, answer), Place("t", "tenant", SCOPE, "Acme", {"tenant": "t"}), "azure.entra", context())
    return {r.kind: (r.active, r.detail) for r in settings(ask) if r.subject_id == SCOPE}


@pytest.mark.parametrize(
    ("policies", "active", "detail"),
    [
        ([], False, "nobody but administrators"),
        (["ManagePermissionGrantsForOwnedResource.microsoft-dynamically-managed-permissions-for-team"], False, None),
        (["ManagePermissionGrantsForSelf.microsoft-user-default-low"], False, "microsoft-user-default-low"),
        (["managePermissionGrantsForSelf.microsoft-user-default-recommended"], None, None),
        (["ManagePermissionGrantsForSelf.of-our-own"], None, "of-our-own"),
        (
            ["ManagePermissionGrantsForSelf.x", "ManagePermissionGrantsForSelf.microsoft-user-default-legacy"],
            True,
            None,
        ),
    ],
)
def test_consent_is_open_as_far_as_the_vendors_own_policies_tell(policies, active, detail):
    policy = {"defaultUserRolePermissions": {"permissionGrantPoliciesAssigned": policies}}
    told = read(AUTHORIZATION, policy)["user_consent"]
    assert told[0] is active
    assert detail in {None, told[1]}


@pytest.mark.parametrize(
    ("change", "active", "detail"),
    [
        ({"isEnabled": False}, False, "no limit for passwords of applications"),
        ({"isEnabled": None}, None, None),
        ({"applicationRestrictions": None}, False, "no limit for passwords of applications"),
        ({"restrictionType": "passwordAddition", "maxLifetime": None}, True, "none can be added"),
        ({"state": "disabled"}, False, "no limit"),
        ({"maxLifetime": "soon"}, False, "no limit"),
        ({"maxLifetime": "P1Y2M1W3DT5H"}, True, "435 days at most"),
        ({"maxLifetime": "PT12H"}, True, "1 days at most"),
        ({"restrictionType": "symmetricKeyLifetime"}, False, "no limit"),
    ],
)
def test_a_limit_of_lifetime_counts_when_it_is_on_and_says_how_long(change, active, detail):
    limit = {"restrictionType": "passwordLifetime", "maxLifetime": "P180D", "state": "enabled"}
    row = {"isEnabled": True, "applicationRestrictions": {"passwordCredentials": [limit], "keyCredentials": []}}
    for name, value in change.items():
        (limit if name in limit else row)[name] = value
    told = read(APP_MANAGEMENT, row)["lifetime_limit"]
    assert told[0] is active
    assert told[1] == detail or detail in told[1]


def test_certificates_alone_are_no_limit_for_passwords():
    restrictions = {
        "passwordCredentials": [None, "x"],
        "keyCredentials": [{"restrictionType": "asymmetricKeyLifetime", "maxLifetime": "P365D", "state": "enabled"}],
    }
    told = read(APP_MANAGEMENT, {"isEnabled": True, "applicationRestrictions": restrictions})["lifetime_limit"]
    words = "no limit for passwords of applications; certificates of applications: 365 days at most"
    assert told == (False, words)


def test_the_beta_form_of_the_setting_is_read_too():
    told = read(AUTHORIZATION, {"permissionGrantPolicyIdsAssignedToDefaultUserRole": []})
    assert told["user_consent"] == (False, "nobody but administrators")


def test_what_no_answer_says_is_not_known():
    told = read(AUTHORIZATION, {})
    assert told == dict.fromkeys(("risky_consent", "user_registration", "lifetime_limit"), (None, None))
