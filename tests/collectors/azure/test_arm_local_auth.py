"""Resources that accept keys, by the setting of each type."""

from __future__ import annotations

import re

import pytest

from nhiscan.collectors.azure import local_auth
from nhiscan.collectors.azure._key_settings import ACCEPTING
from nhiscan.model import CredentialState
from tests.collectors.azure.arm_lab import denied, gaps, read, row
from tests.twins.arm_estate import SUBSCRIPTIONS


def resources(*rows) -> dict:
    return read("local_auth", SUBSCRIPTIONS[:1], resourceGraph__localAuth=list(rows))


def of(type_: str, **properties) -> object:
    (found,) = resources(row(type_, properties=properties))["resource"]
    return found


def test_the_query_asks_for_every_type_and_setting_that_is_read():
    assert set(re.findall(r"'(microsoft\.[\w./]+)'", local_auth.QUERY)) == set(ACCEPTING)
    assert len(local_auth.RESOURCES.permissions) == len(ACCEPTING) + 1


@pytest.mark.parametrize(
    ("type_", "name", "off", "on"),
    [
        ("Microsoft.Storage/storageAccounts", "allowSharedKeyAccess", False, True),
        ("Microsoft.CognitiveServices/accounts", "disableLocalAuth", True, False),
        ("Microsoft.DocumentDB/databaseAccounts", "disableLocalAuth", True, False),
        ("Microsoft.Cache/redis", "disableAccessKeyAuthentication", True, False),
        ("Microsoft.ContainerService/managedClusters", "disableLocalAccounts", True, False),
        ("Microsoft.Synapse/workspaces", "azureADOnlyAuthentication", True, False),
        ("Microsoft.Sql/servers", "administrators", {"azureADOnlyAuthentication": True}, {"login": "x"}),
        ("Microsoft.OperationalInsights/workspaces", "features", {"disableLocalAuth": True}, {}),
        ("Microsoft.Batch/batchAccounts", "allowedAuthenticationModes", ["AAD"], ["AAD", "SharedKey"]),
        (
            "Microsoft.DBforPostgreSQL/flexibleServers",
            "authConfig",
            {"passwordAuth": "Disabled"},
            {"passwordAuth": "Enabled"},
        ),
    ],
)
def test_a_key_is_accepted_unless_the_type_says_otherwise(type_, name, off, on):
    assert of(type_, **{name: off}).local_auth is False
    assert of(type_, **{name: on}).local_auth is True
    assert of(type_, **{name: None}).local_auth is True
    assert of(type_).local_auth is True


@pytest.mark.parametrize(
    ("type_", "properties"),
    [
        ("Microsoft.CognitiveServices/accounts", {"disableLocalAuth": "perhaps"}),
        ("Microsoft.DBforPostgreSQL/flexibleServers", {"authConfig": {"passwordAuth": "Foreseen"}}),
        ("Microsoft.MachineLearningServices/workspaces/onlineEndpoints", {"authMode": "Foreseen"}),
        ("Microsoft.MachineLearningServices/workspaces/onlineEndpoints", {}),
    ],
)
def test_what_is_not_understood_is_unknown(type_, properties):
    assert of(type_, **properties).local_auth is None


def test_a_registry_takes_passwords_only_from_its_administrator_and_may_ask_for_nothing():
    registry = "Microsoft.ContainerRegistry/registries"
    assert (of(registry).local_auth, of(registry).authenticated) == (False, True)
    found = of(registry, adminUserEnabled=True, anonymousPullEnabled=True)
    assert (found.local_auth, found.authenticated) == (True, False)


@pytest.mark.parametrize(("mode", "local"), [("Key", True), ("AMLToken", False), ("aadtoken", False)])
def test_an_endpoint_takes_what_its_mode_says(mode, local):
    assert of("Microsoft.MachineLearningServices/workspaces/onlineEndpoints", authMode=mode).local_auth is local


def test_storage_that_may_open_containers_may_ask_for_nothing():
    storage = "Microsoft.Storage/storageAccounts"
    assert of(storage, allowBlobPublicAccess=False).authenticated is True
    assert of(storage, allowBlobPublicAccess=True).authenticated is None
    assert (of(storage, supportsHttpsTrafficOnly=True).tls, of(storage).tls) == (True, None)


@pytest.mark.parametrize(("shared", "state"), [(None, "active"), (True, "active"), (False, "inactive"), ("what", None)])
def test_both_keys_of_a_storage_account_are_told_with_their_age_and_without_their_value(shared, state):
    made = {"key1": "2024-01-05T10:00:00Z", "key2": None, "value": "never kept"}
    account = row("Microsoft.Storage/storageAccounts", "acme", properties={
        "allowSharedKeyAccess": shared, "keyCreationTime": made, "keyPolicy": {"keyExpirationPeriodInDays": 60}})  # fmt: skip
    found = resources(account)
    assert [(c.key_id, c.issued_at and c.issued_at.year) for c in found["credential"]] == [
        ("key1", 2024),
        ("key2", None),
    ]
    assert {c.state for c in found["credential"]} == {state and CredentialState(state)}
    assert {c.facts["reminder_days"] for c in found["credential"]} == {"60"}
    assert "never kept" not in repr(found)


def test_types_that_are_not_known_are_left_out():
    assert resources(row("Microsoft.Unheard/things"))["resource"] == []


def test_lists_stand_in_for_the_query_and_each_refused_one_is_a_gap():
    listed = {f"{kind.type.removeprefix('Microsoft.').replace('/', '.')}.list": [] for kind in ACCEPTING.values()}
    listed["Storage.storageAccounts.list"] = [
        {**row("Microsoft.Storage/storageAccounts"), "type": "Microsoft.Storage/storageAccounts"}
    ]
    listed["Sql.servers.list"] = denied("arm:Sql.servers.list")
    found = read("local_auth", SUBSCRIPTIONS[:1], **{k.replace(".", "__"): v for k, v in listed.items()})
    assert [r.kind for r in found["resource"]] == ["storage_account"]
    assert gaps(found) == [("arm:Sql.servers.list", "denied", ("resource", "credential"))]
