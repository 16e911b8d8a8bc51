"""Managed identities, what runs as them, and which tokens are taken for them."""

from __future__ import annotations

import pytest

from nhiscan.collectors.azure._platforms import platform
from nhiscan.model import Certainty, ConsumerKind, IdentityKind
from tests.collectors.azure.arm_lab import denied, gaps, read, row
from tests.twins.arm_estate import SUBSCRIPTIONS, guid
from tests.twins.graph_rows import TENANT

HELD = row(
    "Microsoft.ManagedIdentity/userAssignedIdentities",
    "id-a",
    properties={"principalId": guid(1, 1), "clientId": guid(2, 1)},
)
HELD_ID = HELD["id"].lower()
ENTRA = f"entra:{TENANT}/{guid(1, 1)}"
ISSUER = "https://token.actions.githubusercontent.com"


def federated(name: str = "gh", **properties) -> dict:
    return {"id": f"{HELD['id']}/federatedIdentityCredentials/{name}", "name": name, "properties": properties}


def identities(*rows, **more) -> dict:
    given = {"resourceGraph__userAssignedIdentities": list(rows), "federatedIdentityCredentials__list": [], **more}
    return read("managed_identities", SUBSCRIPTIONS[:1], **given)


def test_an_identity_is_its_principal_and_keeps_its_resource_client_and_owner():
    found = identities({**HELD, "tags": {"Owner": "ops@acme.example", "env": "prd", "token": "shh"}})
    (identity,) = found["identity"]
    assert (identity.id, identity.kind, identity.native_id) == (ENTRA, IdentityKind.MANAGED_IDENTITY, HELD_ID)
    assert (identity.environment, identity.scope_id, identity.interactive) == (
        "production",
        f"azure:tenant/{TENANT}",
        False,
    )
    assert identity.tags["client_id"] == guid(2, 1)
    assert "shh" not in str(identity.tags)
    assert [(o.subject_id, o.name) for o in found["owner"]] == [(ENTRA, "ops@acme.example")]


@pytest.mark.parametrize("properties", [None, {}, {"principalId": None}, {"principalId": "x"}, []])
def test_one_without_a_principal_is_left_out(properties):
    found = identities({**HELD, "properties": properties})
    assert found["identity"] == []
    assert found["gap"] == []


def test_a_federated_credential_is_a_trust_and_a_credential_without_secret():
    found = identities(HELD, federatedIdentityCredentials__list=[
        federated(issuer=f"{ISSUER}/", subject="repo:acme/api:ref:refs/heads/main", audiences=["api://AzureADTokenExchange"]),
        federated("flex", issuer=ISSUER, subject=None,
                  claimsMatchingExpression={"value": "claims['sub'] matches 'repo:acme/*' and claims['x'] foreseen 'y'"}),
        federated("none", issuer=None, subject="x"),
    ])  # fmt: skip
    assert {(t.principal, t.subjects, t.certainty) for t in found["trust"]} == {
        ("token.actions.githubusercontent.com", ("repo:acme/api:ref:refs/heads/main",), Certainty.CERTAIN),
        ("token.actions.githubusercontent.com", ("repo:acme/*",), Certainty.CONDITIONAL),
    }
    assert {(c.id, c.identity_id) for c in found["credential"]} == {
        (f"{ENTRA}#federated/gh", ENTRA), (f"{ENTRA}#federated/flex", ENTRA),
    }  # fmt: skip


def test_credentials_that_may_not_be_listed_leave_the_identity_and_a_gap():
    found = identities(HELD, federatedIdentityCredentials__list=denied("arm:federatedIdentityCredentials.list"))
    assert len(found["identity"]) == 1
    assert gaps(found)[0][:2] == ("arm:federatedIdentityCredentials.list", "denied")


def test_one_identity_that_refuses_leaves_a_gap_of_its_own():
    rows = [
        row("Microsoft.ManagedIdentity/userAssignedIdentities", f"i{n}", properties={"principalId": guid(1, n)})
        for n in range(7)
    ]
    found = identities(
        *rows, federatedIdentityCredentials__list=lambda p: denied("arm:f.list") if p["id"].endswith("/i6") else []
    )
    (gap,) = found["gap"]
    assert gap.id.startswith(rows[6]["id"].lower())
    assert gap.scope_id == f"azure:sub/{SUBSCRIPTIONS[0]}"
    assert "trust" in gap.covers


def workloads(*rows) -> dict:
    return read("workloads", SUBSCRIPTIONS[:1], resourceGraph__identities=list(rows))


def own(number: int = 2, **more) -> dict:
    return {"type": "SystemAssigned", "principalId": guid(1, number), "tenantId": TENANT, **more}


def test_a_machine_runs_as_its_own_identity_and_as_those_it_was_given():
    given = {HELD["id"]: {"principalId": guid(1, 1)}, "/subscriptions/x/far": {}, "nonsense": None}
    machine = row(
        "Microsoft.Compute/virtualMachines", "vm", tags={"team": "ci"}, identity=own(userAssignedIdentities=given)
    )
    found = workloads(
        machine,
        row("Microsoft.Network/virtualNetworks", identity=None),
        row("Microsoft.Web/sites", identity={"type": "None"}),
    )
    assert [(c.id, c.platform, c.kind) for c in found["consumer"]] == [
        (machine["id"].lower(), "azure_vm", ConsumerKind.WORKLOAD)
    ]
    assert {(u.identity_id, u.name, u.place) for u in found["use"]} == {
        (f"entra:{TENANT}/{guid(1, 2)}", "system_assigned", None), (ENTRA, "user_assigned", HELD_ID),
        (None, "user_assigned", "/subscriptions/x/far"),
    }  # fmt: skip
    assert [i.native_id for i in found["identity"]] == [machine["id"].lower()]
    assert {o.subject_id for o in found["owner"]} == {machine["id"].lower(), f"entra:{TENANT}/{guid(1, 2)}"}
    assert [g.covers for g in found["gap"]] == [("use.identity_id",)]


def test_a_principal_that_the_resource_does_not_name_is_that_of_the_identity():
    app = row(
        "Microsoft.App/containerApps",
        "a",
        identity={"type": "UserAssigned", "userAssignedIdentities": {HELD["id"].upper(): None}},
    )
    assert [u.identity_id for u in workloads(HELD, app)["use"]] == [ENTRA]


def test_a_cluster_acts_through_its_nodes_and_addons_and_issues_tokens():
    cluster = row("Microsoft.ContainerService/managedClusters", "aks", identity=own(), properties={
        "identityProfile": {"kubeletidentity": {"resourceId": HELD["id"], "objectId": guid(1, 7)}},
        "addonProfiles": {"vault": {"identity": {"resourceId": HELD["id"]}}, "dns": {"enabled": False}, "odd": None},
        "oidcIssuerProfile": {"issuerURL": "https://westeurope.oic.prod-aks.azure.com/a/b/"},
        "servicePrincipalProfile": {"clientId": "msi"}, "powerState": {"code": "Stopped"},
    })  # fmt: skip
    old = row(
        "Microsoft.ContainerService/managedClusters",
        "old",
        properties={"servicePrincipalProfile": {"clientId": guid(2, 9)}},
    )
    found = workloads(HELD, cluster, old)
    assert {(u.name, u.identity_id) for u in found["use"]} == {
        ("system_assigned", f"entra:{TENANT}/{guid(1, 2)}"), ("kubeletidentity", f"entra:{TENANT}/{guid(1, 7)}"),
        ("vault", ENTRA), ("service_principal", None),
    }  # fmt: skip
    first = found["consumer"][0]
    assert (first.issuer, first.subjects, first.enabled) == (
        "westeurope.oic.prod-aks.azure.com/a/b",
        ("system:serviceaccount:*",),
        False,
    )
    assert [u.place for u in found["use"] if u.name == "service_principal"] == [guid(2, 9)]


@pytest.mark.parametrize(
    ("properties", "enabled", "public", "url"),
    [
        ({}, None, None, None),
        ({"state": "Running", "publicNetworkAccess": "Disabled"}, True, False, None),
        ({"state": "Foreseen", "publicNetworkAccess": 7}, None, None, None),
        ({"defaultHostName": "x.azurewebsites.net", "httpsOnly": False}, None, None, "https://x.azurewebsites.net"),
        ({"runningStatus": "Stopped", "configuration": {"ingress": {"external": False, "fqdn": "in.example"}}}, False, False, "https://in.example"),
        ({"instancePower": "PowerState/deallocated"}, False, None, None),
        ({"extended": {"instanceView": {"powerState": {"code": "PowerState/running"}}}}, True, None, None),
    ],
)  # fmt: skip
def test_what_a_workload_says_of_itself(properties, enabled, public, url):
    found = workloads(row("Microsoft.Web/sites", "site", identity=own(), properties=properties))
    (told,) = found["consumer"]
    assert (told.enabled, told.public, told.url) == (enabled, public, url)


@pytest.mark.parametrize(
    ("type_", "kind", "where"),
    [
        ("microsoft.web/sites", "functionapp,linux", "azure_functions"),
        ("microsoft.web/sites", "app,linux", "azure_app_service"),
        ("microsoft.web/sites/slots", "functionapp,workflowapp", "azure_logic_apps"),
        ("microsoft.web/sites", None, "azure_app_service"),
        ("microsoft.logic/workflows", None, "azure_logic_apps"),
        ("microsoft.unheard/of.things", None, "azure_unheard_of_things"),
        ("", None, "azure"),
    ],
)
def test_the_platform_of_a_type(type_, kind, where):
    assert platform(type_, kind)[0] == where


def test_the_list_of_resources_stands_in_for_a_query_that_is_refused():
    machine = {
        **row("Microsoft.Compute/virtualMachines", "vm"),
        "type": "Microsoft.Compute/virtualMachines",
        "identity": own(),
    }
    found = read("workloads", SUBSCRIPTIONS[:1], resources__list=[machine], managedClusters__list=[])
    assert [c.platform for c in found["consumer"]] == ["azure_vm"]
    assert found["gap"] == []
    half = read("workloads", SUBSCRIPTIONS[:1], resources__list=[machine])
    assert gaps(half) == [("arm:managedClusters.list", "denied", ("consumer", "use"))]
    assert len(half["consumer"]) == 1
