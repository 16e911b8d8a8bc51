"""Shapes that real answers of Azure have and lists of our own twins do not: a vault's own lists, entries without names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.collectors.azure.arm_lab import SUBSCRIPTIONS, read

HOLDER = f"/subscriptions/{SUBSCRIPTIONS[0]}/resourceGroups/rg/providers"
VAULT = {
    "id": f"{HOLDER}/Microsoft.KeyVault/vaults/own", "name": "own", "type": "Microsoft.KeyVault/vaults",
    "properties": {"accessPolicies": []},
}  # fmt: skip
BORN, ENDS = datetime(2023, 1, 18, 22, 2, 53, tzinfo=UTC), datetime(2023, 2, 17, 21, 59, 57, tzinfo=UTC)
REST = {"enabled": True, "created": 1674079373, "updated": 1674079373, "exp": 1676671197}
CLI = {"enabled": True, "created": BORN.isoformat(), "updated": BORN.isoformat(), "expires": ENDS.isoformat()}


def vault(**answers) -> dict[str, list]:
    return read("key_vaults", resourceGraph__vaults=[VAULT], vaultLogSettings__list=[], **answers)


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("secret", {"id": "https://own.vault.azure.net/secrets/s", "contentType": "", "attributes": REST}),
        ("secret", {"id": "https://own.vault.azure.net/secrets/s/0a1b", "name": "s", "attributes": CLI}),
        ("certificate", {"id": "https://own.vault.azure.net/secrets/s", "contentType": "application/x-pkcs12",
                         "attributes": REST}),
        ("key", {"kid": "https://own.vault.azure.net/keys/s/0a1b", "attributes": REST}),
    ],
)  # fmt: skip
def test_entries_as_the_vault_itself_lists_them_are_read_whole(kind, row):
    keys = kind == "key"
    found = vault(vaultSecrets__list=[] if keys else [row], vaultKeys__list=[row] if keys else [])
    (store,) = found["store"]
    assert (store.kind, store.name, store.state) == (kind, "s", "enabled")
    assert (store.created_at, store.changed_at, store.expires_at) == (BORN, BORN, ENDS)
    assert store.id == f"{VAULT['id'].lower()}/{'keys' if keys else 'secrets'}/s"
    assert found["gap"] == []


@pytest.mark.parametrize("nameless", [None, {}, {"id": 7}, {"id": "https://own.vault.azure.net/", "attributes": REST}])
def test_an_entry_without_a_name_is_a_gap_and_the_others_stay(nameless):
    named = {"id": "https://own.vault.azure.net/secrets/s", "attributes": REST}
    found = vault(vaultSecrets__list=[nameless, named], vaultKeys__list=[])
    assert [store.name for store in found["store"]] == ["s"]
    assert [(g.operation, g.reason) for g in found["gap"]] == [("arm:vaultSecrets.list", "malformed")]


@pytest.mark.parametrize(
    "broken",
    [None, "text", {**VAULT, "id": None}, {**VAULT, "id": "own"}, {**VAULT, "id": "/"}, {**VAULT, "type": None}],
)
def test_a_resource_without_an_id_is_a_gap_of_its_list(broken):
    found = read("key_vaults", resourceGraph__vaults=[VAULT, broken])
    assert [resource.name for resource in found["resource"]] == ["own"]
    assert "arm:resourceGraph.vaults" in {gap.operation for gap in found["gap"] if gap.reason == "malformed"}


@pytest.mark.parametrize(
    "properties",
    [None, "/", {"accessPolicies": "x"}, {"accessPolicies": [None]}, {"accessPolicies": [{"permissions": {}}]}],
)
def test_a_vault_whose_policies_cannot_be_read_is_no_vault_without_any(properties):
    found = read("key_vaults", resourceGraph__vaults=[{**VAULT, "properties": properties}])
    (row,) = found["resource"]
    assert row.public is (True if isinstance(properties, dict) else None)
    assert [gap.covers for gap in found["gap"] if gap.subject_id == row.id] == [("policy", "attachment")]


@pytest.mark.parametrize("identity", [None, [None], "not a guid"])
def test_an_identity_of_its_own_that_nobody_names_is_a_gap(identity):
    row = {
        "id": f"{HOLDER}/Microsoft.Web/sites/shop", "name": "shop", "type": "microsoft.web/sites",
        "identity": {"type": "SystemAssigned, UserAssigned", "principalId": identity} if identity else "x",
    }  # fmt: skip
    found = read("workloads", resourceGraph__identities=[row])
    assert found["identity"] == []
    assert [gap.subject_id for gap in found["gap"]] == [row["id"].lower()]


@pytest.mark.parametrize("permissions", [None, [None], [{"actions": "*"}], [{"actions": ["*"], "notActions": [7]}]])
def test_a_role_whose_actions_cannot_be_read_is_no_role_without_any(permissions):
    name = "00000000-0000-4000-8000-00000000b001"
    row = {
        "id": f"/providers/Microsoft.Authorization/RoleDefinitions/{name}", "name": name,
        "type": "microsoft.authorization/roledefinitions",
        "properties": {"roleName": "Deployer", "type": "CustomRole", "permissions": permissions},
    }  # fmt: skip
    found = read("role_assignments", resourceGraph__roles=[row])
    (policy,) = found["policy"]
    assert policy.document is None
    assert ("policy.document",) in {gap.covers for gap in found["gap"] if gap.subject_id == policy.id}
