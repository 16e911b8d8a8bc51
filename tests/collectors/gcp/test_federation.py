"""Pools, providers, OAuth clients and HMAC keys: from the inventory, and without it."""

from __future__ import annotations

import json

import pytest

from nhiscan.collectors.gcp import _clients, _pools
from nhiscan.collectors.gcp.federation import COLLECTOR
from nhiscan.model import CredentialState, IdentityKind, IdentityState
from tests.collectors.gcp.google_lab import ASSET, collect, context, everything_but, ids
from tests.twins.exchange import Fault
from tests.twins.google_estate import GITHUB, ORG, planted
from tests.twins.google_rest import GoogleTwin


class Asker:
    """As much of an Ask as readers of single answers need."""

    source, scope_id, ctx = "gcp.test", "gcp:org/1", context()


@pytest.mark.parametrize("how", ["inventory", "denied", "disabled", "project", "project denied"])
def test_pools_providers_and_hmac_keys_are_the_same_however_they_are_read(monkeypatch, how):
    estate = planted(24)
    with GoogleTwin(estate) as twin:
        if how == "disabled":
            twin.closed.add("cloudasset")
        elif how.endswith("denied"):
            twin.granted = everything_but(twin, *ASSET)
        found = collect(COLLECTOR, twin, monkeypatch, project="acme-shop" if how.startswith("project") else "")
        assert (twin.violations, twin.faulty) == ([], [])
        assert {r.method for r in twin.requests} == {"GET"}
        if how == "inventory":
            assert twin.count() == {"cloudasset:assets.list": 1, "storage:projects.hmacKeys.list": 3}
    pools = {i for i in estate.identities if i.startswith("gcp:pool/")}
    assert {i for i in ids(found["identity"]) if i.startswith("gcp:pool/")} == pools
    provider = next(i for i in found["identity"] if i.kind is IdentityKind.OIDC_PROVIDER)
    assert (provider.scope_id, provider.tags["issuer"]) == ("gcp:project/acme-shop", GITHUB)
    assert provider.tags["attribute_condition"] == "assertion.repository_owner == 'acme'"
    assert json.loads(provider.tags["attribute_mapping"])["attribute.repository"] == "assertion.repository"
    keys = {
        f"gcp:hmac_key/{row['accessId']}" for project in estate.projects for row in estate.hmac_keys[project]
        if project == "acme-shop" or not how.startswith("project")
    }  # fmt: skip
    assert ids(found["credential"]) == keys
    assert {c.identity_id for c in found["credential"]} <= ids(found["identity"])
    assert found["gap"] == []


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        ("iam.googleapis.com/workloadIdentityPools.list", "identity"),
        ("iam.googleapis.com/workloadIdentityPoolProviders.list", "identity"),
        ("iam.googleapis.com/workforcePools.list", "identity"),
        ("iam.oauthClients.list", "identity"),
        ("storage.hmacKeys.list", "credential"),
    ],
)
def test_what_is_refused_is_a_gap_with_its_permission(monkeypatch, refused, words):
    with GoogleTwin(planted(6)) as twin:
        twin.granted = everything_but(twin, *ASSET, refused)
        found = collect(COLLECTOR, twin, monkeypatch)
    assert {g.remedy for g in found["gap"]} == {f"grant {refused}"}
    assert all(words in g.covers for g in found["gap"])


def test_one_project_without_an_answer_hides_no_other(monkeypatch):
    estate = planted(24)
    with GoogleTwin(estate) as twin:
        twin.fail("storage:projects.hmacKeys.list", Fault("status", times=1, status=403, code="PERMISSION_DENIED"))
        found = collect(COLLECTOR, twin, monkeypatch)
    (gap,) = found["gap"]
    assert gap.subject_id in {f"gcp:project/{p}" for p in estate.projects}
    lost = gap.subject_id.removeprefix("gcp:project/")
    assert {c.account_id for c in found["credential"]} == {p for p in estate.projects if estate.hmac_keys[p]} - {lost}


def test_names_of_pools_hold_the_number_of_their_project():
    name = "projects/acme-shop/locations/global/workloadIdentityPools/p"
    assert _pools.pool_name(f"//iam.googleapis.com/{name}/providers/x", "42") == (
        "projects/42/locations/global/workloadIdentityPools/p/providers/x"
    )
    assert _pools.pool_name(name, None) == name
    assert _pools.pool_name("locations/global/workforcePools/w", "42") == "locations/global/workforcePools/w"
    assert _pools.pool_name("nothing", None) is None


@pytest.mark.parametrize(
    ("data", "kind", "state"),
    [
        ({"aws": {"accountId": "123456789012"}}, "trust_anchor", "enabled"),
        ({"saml": {"idpMetadataXml": "<x/>"}, "disabled": True}, "saml_provider", "disabled"),
        ({"x509": {"trustStore": {}}, "state": "DELETED"}, "trust_anchor", "deleted"),
        ({"oidc": None, "disabled": "what", "attributeMapping": 3, "attributeCondition": 3}, "oidc_provider", None),
    ],
)
def test_a_provider_says_what_it_is(data, kind, state):
    (row,) = _pools.read_provider(Asker, data, "locations/global/workforcePools/w/providers/x", "gcp:org/1")
    assert (row.kind, row.state) == (kind, state)
    assert set(row.tags) <= {"type", "account_id"}


def test_a_condition_that_holds_a_secret_is_concealed(tokens):
    token = tokens.github_pat("condition")
    data = {"oidc": {"issuerUri": GITHUB}, "attributeCondition": f"assertion.x == '{token}'"}
    (row,) = _pools.read_provider(Asker, data, "locations/global/workforcePools/w/providers/x", "gcp:org/1")
    assert row.tags["attribute_condition"] == "assertion.x == '***'"


@pytest.mark.parametrize("data", [{}, {"accessId": None}])
def test_a_key_without_its_id_is_none(data):
    assert list(_clients.read_hmac_key(Asker, data, "p", "gcp:project/p")) == []


def test_clients_and_secrets_of_nulls_and_new_words():
    name = "projects/p/locations/global/oauthClients/c"
    data = {"clientType": "NEW", "disabled": "x", "allowedGrantTypes": None, "state": None}
    (client,) = _clients.read_client(Asker, data, name, "gcp:project/p")
    assert (client.public_client, client.state, client.implicit_grant) == (None, None, None)
    (gone,) = _clients.read_client(Asker, {"state": "DELETED"}, name, "gcp:project/p")
    assert gone.state is IdentityState.DELETED
    (secret,) = _clients.read_secret(Asker, {"clientSecret": "value"}, f"{name}/credentials/s", "gcp:project/p")
    assert secret.state is CredentialState.ACTIVE
    assert "value" not in str(secret)
    assert list(_clients.read_secret(Asker, {}, name, "gcp:project/p")) == []
    (key,) = _clients.read_hmac_key(Asker, {"accessId": "A", "state": "NEW"}, "p", "gcp:project/p")
    assert (key.state, key.identity_id) == (None, None)


def test_workforce_pools_belong_to_the_organisation(monkeypatch):
    estate = planted(1, 1)
    with GoogleTwin(estate) as twin:
        twin.granted = everything_but(twin, *ASSET)
        collect(COLLECTOR, twin, monkeypatch)
        asked = [r.query["parent"] for r in twin.requests if r.route == "iam:locations.workforcePools.list"]
    assert asked == [f"organizations/{ORG}"]
