"""The Graph twin refuses what Graph refuses, and a plain client that only follows links reads the same inventory."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from urllib.parse import quote

import pytest

from tests.collectors.azure.entra_lab import collect
from tests.twins.graph import GraphTwin
from tests.twins.graph_estate import estate
from tests.twins.graph_rows import principal_id


@pytest.fixture
def twin():
    with GraphTwin(estate(41)) as made:
        yield made


def ask(url: str, method: str = "GET") -> tuple[int, dict]:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer t"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.load(e)


def everything(twin: GraphTwin, path: str) -> list[dict]:
    """All entries of a list, by nothing but its next links."""
    rows, url = [], twin.url + path
    while url:
        _, body = ask(url)
        rows += body["value"]
        url = body.get("@odata.nextLink")
    return rows


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1.0/applications?$top=1000", "GET"),
        ("/v1.0/applications?$select=createdOn", "GET"),
        ("/v1.0/servicePrincipals?$select=createdDateTime", "GET"),
        ("/v1.0/servicePrincipals?$expand=owners,memberOf", "GET"),
        ("/v1.0/servicePrincipals?$expand=owners($select=id)", "GET"),
        ("/v1.0/servicePrincipals?api-version=1", "GET"),
        ("/v1.0/applications?$skiptoken=made-up", "GET"),
        ("/v1.0/groups?$filter=startswith(displayName,'a')", "GET"),
        ("/v1.0/reports/servicePrincipalSignInActivities", "GET"),
        ("/v1.0/applications", "POST"),
        ("/v1.0/applications/00000010-7a1b-4c2d-8e3f-000000000000/addPassword", "POST"),
    ],
)
def test_what_graph_refuses_is_refused_and_written_down(twin, path, method):
    status, body = ask(twin.url + quote(path, safe="/?=&$,()'"), method)
    assert status in {400, 404}
    assert body["error"]["code"]
    assert len(twin.violations) == 1


def test_a_link_of_one_list_does_not_continue_another(twin):
    _, body = ask(f"{twin.url}/v1.0/applications?$top=2")
    token = body["@odata.nextLink"].rpartition("=")[2]
    status, _ = ask(f"{twin.url}/v1.0/applications?$top=3&$skiptoken={token}")
    assert status == 400


def test_an_answer_with_a_property_that_graph_does_not_have_is_a_fault_of_the_twin(twin):
    twin.estate.rows["servicePrincipal"][0]["createdDateTime"] = "2026-01-01T00:00:00Z"
    ask(f"{twin.url}/v1.0/servicePrincipals")
    assert [what for what in twin.faulty if "createdDateTime" in what]


def test_a_plain_client_and_the_collector_agree_row_for_row(twin, monkeypatch):
    found = collect(twin, monkeypatch)
    principals = everything(twin, "/v1.0/servicePrincipals?$top=13")
    ids = {principal_id(row["id"]) for row in principals}
    assert {r.id for r in found["identity"] if (r.locator or "").startswith("servicePrincipals/")} == ids
    names = {principal_id(row["id"]): row["displayName"] for row in principals}
    assert {r.id: r.name for r in found["identity"] if r.id in names} == names
    secrets = {
        entry["keyId"]: entry["endDateTime"]
        for row in everything(twin, "/v1.0/applications?$top=13")
        for entry in (*row["passwordCredentials"], *row["keyCredentials"])
    }
    told = {r.key_id: r.expires_at for r in found["credential"] if r.key_id}
    assert {key: when.strftime("%Y-%m-%dT%H:%M:%SZ") for key, when in told.items()} == secrets
