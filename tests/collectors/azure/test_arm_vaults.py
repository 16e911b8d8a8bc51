"""Key vaults: who may read them, and what is known of their entries."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.azure._network import closed, listed, ruled
from tests.collectors.azure.arm_lab import denied, gaps, read, row
from tests.twins.arm_estate import SUBSCRIPTIONS, guid
from tests.twins.graph_rows import TENANT

PRINCIPAL = guid(1, 1)


def vaults(*rows, secrets=(), keys=(), logs=()) -> dict:
    answers = {"resourceGraph__vaults": list(rows), "vaultSecrets__list": secrets, "vaultKeys__list": keys}
    answers["vaultLogSettings__list"] = logs
    return read(
        "key_vaults", SUBSCRIPTIONS[:1], **{k: list(v) if isinstance(v, tuple) else v for k, v in answers.items()}
    )


def vault(name: str = "kv", **properties) -> dict:
    return row("Microsoft.KeyVault/vaults", name, properties=properties)


def policy(**permissions) -> dict:
    return {"tenantId": TENANT, "objectId": PRINCIPAL, "permissions": permissions}


@pytest.mark.parametrize(("setting", "counted"), [(True, 0), (False, 1), (None, 1), ("maybe", 1)])
def test_access_policies_count_unless_the_vault_goes_by_roles(setting, counted):
    found = vaults(vault(enableRbacAuthorization=setting, accessPolicies=[policy(secrets=["Get"])]))
    assert len(found["policy"]) == len(found["attachment"]) == counted
    assert found["resource"][0].tags["authorization"] == ("rbac" if counted == 0 else "access_policy")


@pytest.mark.parametrize(
    ("permissions", "actions"),
    [
        ({"secrets": ["GET", "list"]}, ["secrets/getSecret/action", "secrets/readMetadata/action"]),
        ({"keys": ["wrapKey", "Get", "List", "foreseen"]}, ["keys/read", "keys/wrap/action"]),
        ({"certificates": ["all"]}, ["certificates/*"]),
        ({"storage": ["get"]}, []),
        ({"secrets": None, "keys": "get"}, []),
    ],
)
def test_permissions_of_a_policy_are_told_as_data_actions(permissions, actions):
    (told,) = vaults(vault(accessPolicies=[policy(**permissions)]))["policy"]
    (permission,) = json.loads(told.document)["permissions"]
    assert permission["dataActions"] == [f"Microsoft.KeyVault/vaults/{action}" for action in actions]


def test_an_application_in_the_name_of_a_user_is_told_apart_and_broken_entries_are_left_out():
    through = {**policy(keys=["sign"]), "applicationId": guid(2, 1)}
    found = vaults(vault(accessPolicies=[policy(keys=["get"]), through, through, {"objectId": None}, None, 7]))
    assert [a.condition for a in found["attachment"]] == [None, f"through application {guid(2, 1)}"]
    assert {a.principal_id for a in found["attachment"]} == {f"entra:{TENANT}/{PRINCIPAL}"}


def entry(kind: str, name: str | None, attributes: object = None, **more) -> dict:
    return {"id": f"/v/{kind}/{name}", "name": name, "properties": {"attributes": attributes, **more}}


def test_an_entry_keeps_its_times_and_never_more():
    secret = entry("secrets", "Key", {"enabled": False, "created": 1674079373, "updated": 1674079374, "exp": 1676671197},
                   contentType="text/plain", value="not to be kept")  # fmt: skip
    found = vaults(vault(), secrets=(secret, entry("secrets", None), {"id": 5}))
    (store,) = found["store"]
    assert (store.name, store.kind, store.state, store.rotation) == ("Key", "secret", "disabled", None)
    assert store.expires_at == datetime(2023, 2, 17, 21, 59, 57, tzinfo=UTC)
    assert (store.changed_at - store.created_at).total_seconds() == 1
    assert "not to be kept" not in repr(found)


def test_a_secret_without_end_has_no_end_and_a_certificate_is_known_by_its_content():
    found = vaults(
        vault(),
        secrets=(entry("secrets", "a", {"enabled": True}), entry("secrets", "c", contentType="application/x-PEM-file")),
    )
    assert [(s.kind, s.expires_at, s.state) for s in found["store"]] == [
        ("secret", None, "enabled"),
        ("certificate", None, None),
    ]


@pytest.mark.parametrize(
    ("rotation", "rotates", "days"),
    [
        (None, None, None),
        ({}, None, None),
        ({"lifetimeActions": []}, False, None),
        ({"lifetimeActions": [{"action": {"type": "Notify"}}]}, False, None),
        ({"lifetimeActions": [{"action": {"type": "Rotate"}, "trigger": {"timeAfterCreate": "P90D"}}]}, True, 90),
        ({"lifetimeActions": [{"action": {"type": "rotate"}, "trigger": {"timeAfterCreate": "P1Y6M"}}]}, True, 545),
        ({"lifetimeActions": [{"action": {"type": "rotate"}, "trigger": {"timeBeforeExpiry": "P30D"}}]}, True, None),
        ({"lifetimeActions": [None, {"action": {"type": "rotate"}, "trigger": {"timeAfterCreate": "soon"}}]}, True, None),
    ],
)  # fmt: skip
def test_a_key_rotates_as_its_policy_says(rotation, rotates, days):
    (store,) = vaults(vault(), keys=(entry("keys", "k", {"enabled": True}, rotationPolicy=rotation),))["store"]
    assert (store.kind, store.rotation, store.rotation_days) == ("key", rotates, days)


def test_one_vault_that_refuses_hides_its_own_entries_alone():
    rows = [vault(f"kv{n}") for n in range(7)]
    found = vaults(*rows, secrets=lambda p: denied("arm:vaultSecrets.list") if p["id"].endswith("/kv6") else [])
    (gap,) = found["gap"]
    assert (gap.subject_id, gap.covers) == (rows[6]["id"].lower(), ("store",))


def test_entries_that_nobody_may_list_leave_the_vaults_and_keys():
    found = vaults(vault(), secrets=denied("arm:vaultSecrets.list"), keys=(entry("keys", "k"),))
    assert gaps(found) == [("arm:vaultSecrets.list", "denied", ("store",))]
    assert [s.kind for s in found["store"]] == ["key"]


RULES = {"defaultAction": "Deny", "ipRules": [{"value": "198.51.100.7"}, {"value": "fe80::1"}, {"value": None}, {}]}
WIDE = [{"value": "0.0.0.0/2"}, {"value": "64.0.0.0/2"}]


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        ({}, True),
        ({"publicNetworkAccess": "Disabled"}, False),
        ({"publicNetworkAccess": "SecuredByPerimeter"}, None),
        ({"networkAcls": {"defaultAction": "Allow"}}, True),
        ({"networkAcls": RULES}, False),
        ({"networkAcls": {"defaultAction": "Deny", "ipRules": WIDE}}, True),
        ({"networkAcls": {"defaultAction": "Deny", "ipRules": [{**r, "action": "Deny"} for r in WIDE]}}, False),
        ({"networkAcls": {"defaultAction": "Foreseen"}}, None),
        ({"networkAcls": None, "publicNetworkAccess": None}, True),
    ],
)
def test_who_reaches_a_service_with_rules(known, answer):
    assert ruled(known) is answer


@pytest.mark.parametrize(
    ("known", "answer"),
    [
        ({}, True),
        ({"publicNetworkAccess": "disabled"}, False),
        ({"publicNetworkAccess": "Foreseen"}, None),
        ({"ipRules": [{"ipAddressOrRange": "203.0.113.0/24"}]}, False),
        ({"networkRuleSet": {"ipRules": [{"value": "0.0.0.0/0"}]}}, True),
        ({"inboundIpRules": [{"ipMask": "203.0.113.1", "action": "Allow"}]}, False),
        ({"isVirtualNetworkFilterEnabled": True}, False),
    ],
)
def test_who_reaches_a_service_that_is_open_until_it_has_a_rule(known, answer):
    assert listed(known) is answer


@pytest.mark.parametrize(
    ("value", "answer"), [("Disabled", False), (False, False), ("Enabled", None), (True, None), (None, None)]
)
def test_what_is_closed_is_known_to_be(value, answer):
    assert closed({"publicNetworkAccess": value}) is answer


def setting(*logs: dict, **places: str | None) -> dict:
    return {"id": "/x", "properties": {"logs": list(logs), **places}}


AUDIT = {"category": "AuditEvent", "enabled": True}
SENT = {"workspaceId": "/subscriptions/S/w"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([], (False, None)),
        ([setting(AUDIT, **SENT)], (True, "/subscriptions/s/w")),
        ([setting(AUDIT, storageAccountId="/a", workspaceId=None)], (True, "/a")),
        ([setting(AUDIT)], (False, None)),
        ([setting({**AUDIT, "enabled": False}, **SENT)], (False, None)),
        (
            [setting({"category": None, "categoryGroup": "allLogs", "enabled": True}, **SENT)],
            (True, "/subscriptions/s/w"),
        ),
        ([setting({"categoryGroup": "audit", "enabled": True}, **SENT)], (True, "/subscriptions/s/w")),
        ([setting({"category": "AzurePolicyEvaluationDetails", "enabled": True}, **SENT)], (False, None)),
        ([setting(**SENT), setting(AUDIT, eventHubAuthorizationRuleId="/h")], (True, "/h")),
        ([{"id": "/x", "properties": None}, {"properties": {"logs": "none", **SENT}}], (False, None)),
    ],
)
def test_reads_of_a_vault_are_logged_where_a_setting_sends_them(settings, told):
    (row,) = vaults(vault(), logs=settings)["logging"]
    assert (row.enabled, row.destination) == told
    assert (row.kind, row.subject_id, row.id.rpartition("/")[2]) == (
        "secret_access", f"azure:sub/{SUBSCRIPTIONS[0]}", "kv",
    )  # fmt: skip


def test_a_vault_that_does_not_tell_beside_others_is_said_to_be_unknown():
    def answer(params):
        return denied("arm:vaultLogSettings.list") if params["id"].endswith("closed") else [setting(AUDIT, **SENT)]

    found = vaults(vault("a"), vault("closed"), logs=answer)
    assert {r.id.rpartition("/")[2]: r.enabled for r in found["logging"]} == {"a": True, "closed": None}
    assert gaps(found) == [("arm:vaultLogSettings.list", "denied", ("logging",))]


def test_vaults_of_which_none_tells_have_no_row_and_a_gap():
    found = vaults(vault("a"), vault("b"), logs=denied("arm:vaultLogSettings.list"))
    assert found["logging"] == []
    assert gaps(found) == [("arm:vaultLogSettings.list", "denied", ("logging",))] * len(found["gap"])
