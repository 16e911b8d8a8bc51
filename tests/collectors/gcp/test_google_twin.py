"""The twin itself: it answers as Google could, and refuses what Google would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from tests.twins import google_names
from tests.twins.google_estate import ORG, planted
from tests.twins.google_rest import GoogleTwin


def ask(url: str, method: str = "GET") -> tuple[int, dict]:
    request = urllib.request.Request(url, method=method, headers={"Authorization": "Bearer x"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.load(e)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"accounts": [{"email": "a@b", "createTime": "2026-01-01T00:00:00Z"}]}, "createTime"),
        ({"accounts": [{"disabled": "true"}]}, "str for boolean"),
        ({"accounts": {}}, "dict for array"),
        ([], "no object"),
    ],
)
def test_what_the_discovery_document_does_not_know_is_a_fault(answer, fault):
    assert any(fault in told for told in google_names.faults("iam.v1", "projects.serviceAccounts.list", answer))


def test_what_an_asset_holds_is_checked_by_its_own_document():
    def told(**data):
        asset = {"assetType": "apikeys.googleapis.com/Key", "resource": {"data": data}}
        return list(google_names.faults("cloudasset.v1", "assets.list", {"assets": [asset]}))

    assert told(serviceAccountEmail="a@b") == []
    assert told(lastUsed="x")
    asset = {"assetType": "iam.googleapis.com/ServiceAccountKey", "resource": {"data": {"keyType": "NEW"}}}
    assert list(google_names.faults("cloudasset.v1", "assets.list", {"assets": [asset]}))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"/cloudasset/v1/organizations/{ORG}/assets"),
        ("DELETE", "/iam/v1/projects/acme-shop/serviceAccounts/a@b"),
        ("GET", "/iam/v1/roles?wanted=all"),
        ("GET", "/apikeys/v2/projects/acme-shop/locations/global/keys/x/keyString"),
        ("GET", f"/cloudasset/v1/organizations/{ORG}/assets?contentType=EVERYTHING"),
        ("GET", "/iam/v1/projects/acme-shop/serviceAccounts?pageToken=made-up"),
        ("GET", "/secretmanager/v1/projects/310000000001/secrets/shared/versions/latest:access"),
        ("GET", "/secretmanager/v1/projects/acme-elsewhere/secrets"),
        ("GET", "/agentregistry/v1/projects/acme-shop/locations/-/agents?view=FULL"),
        ("POST", "/agentidentity/v1/projects/310000000001/locations/europe-west4/authProviders/stripe:queryWorkloads"),
    ],
)
def test_what_google_would_refuse_is_recorded(method, path):
    with GoogleTwin(planted(1)) as twin:
        status, _ = ask(f"{twin.url}{path}", method)
        assert status in {400, 404}
        assert len(twin.violations) == 1


def test_pages_are_no_longer_than_google_makes_them():
    with GoogleTwin(planted(300, 1)) as twin:
        _, first = ask(f"{twin.url}/iam/v1/projects/acme-shop/serviceAccounts?pageSize=1000")
        assert len(first["accounts"]) == 100
        _, usual = ask(f"{twin.url}/iam/v1/projects/acme-shop/serviceAccounts")
        assert len(usual["accounts"]) == 20
        assert (twin.violations, twin.faulty) == ([], [])


def test_what_is_planted_could_be_google_s_own():
    estate = planted(6, 2)
    kept = [
        ("secretmanager:secrets", "secretmanager.v1", "projects.secrets.list"),
        ("agentidentity:authProviders", "agentidentity.v1", "projects.locations.authProviders.list"),
        ("agentidentity:accessSummaries", "agentidentity.v1", "projects.locations.accessSummaries.list"),
        *((f"agentregistry:{k}", "agentregistry.v1", f"projects.locations.{k}.list")
          for k in ("agents", "mcpServers", "endpoints", "bindings")),
    ]  # fmt: skip
    for kind, api, method in kept:
        rows = estate.things.lists[kind, "acme-shop"]
        assert rows
        assert list(google_names.faults(api, method, {kind.partition(":")[2]: rows})) == []
    assets = [{"assetType": raw.type, "resource": {"data": raw.data}} for raw in estate.things.assets]
    assert {raw.type for raw in estate.things.assets} <= set(google_names.INSIDE)
    assert list(google_names.faults("cloudasset.v1", "assets.list", {"assets": assets})) == []


def test_services_that_do_not_take_all_locations_at_once_say_so_without_blame():
    with GoogleTwin(planted(3)) as twin:
        path = f"{twin.url}/agentregistry/v1/projects/acme-shop/locations"
        assert len(ask(f"{path}/-/agents")[1]["agents"]) == 2
        twin.wide = False
        assert ask(f"{path}/-/agents")[0] == 400
        assert len(ask(f"{path}/us-central1/agents")[1]["agents"]) == 1
        assert (twin.violations, twin.faulty) == ([], [])
