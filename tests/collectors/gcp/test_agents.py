"""Reasoning engines, Agent Registry and Agent Identity."""

import random

import pytest

from nhiscan.collectors.gcp._engines import identity_of
from nhiscan.collectors.gcp.agents import COLLECTOR
from nhiscan.model import Auth, CredentialKind, CredentialState, IdentityKind, Lifetime, UseHow
from tests.collectors.gcp.answers_lab import ORGANIZATION, SHOP, denied, faults, fixture, mangled, of, run

ASSETS = "cloudasset:assets.list"
LISTS = {
    "agentidentity:authProviders.list": ("authProviders", "agentidentity.v1", "AuthProvider"),
    "agentidentity:accessSummaries.list": ("accessSummaries", "agentidentity.v1", "AccessSummary"),
    "agentregistry:agents.list": ("agents", "agentregistry.v1", "Agent"),
    "agentregistry:mcpServers.list": ("mcpServers", "agentregistry.v1", "McpServer"),
    "agentregistry:endpoints.list": ("endpoints", "agentregistry.v1", "Endpoint"),
    "agentregistry:bindings.list": ("bindings", "agentregistry.v1", "Binding"),
}
PROVIDERS, BINDINGS = "agentidentity:authProviders.list", "agentregistry:bindings.list"
KEPT = "//agentidentity.googleapis.com/projects/acme-shop/locations/europe-west4/authProviders"
ENGINE = "//aiplatform.googleapis.com/projects/acme-shop/locations/europe-west4/reasoningEngines/11"
REGISTERED = "//agentregistry.googleapis.com/projects/acme-shop/locations/europe-west4"
DELIBERATE = {".authProviderTypeParams.quantumHandshake"}


def test_the_fixture_says_what_the_discovery_documents_know():
    answers = fixture("gcp.agents", "project")
    found = [
        fault
        for operation, (key, document, schema) in LISTS.items()
        for entry in answers[operation][key]
        for fault in faults(entry, document, schema)
    ]
    for asset in answers[ASSETS]["assets"]:
        if asset["assetType"].endswith("ReasoningEngine"):
            found += faults(asset["resource"]["data"], "aiplatform.v1", "GoogleCloudAiplatformV1ReasoningEngine")
    assert [f for f in found if f.partition(" ")[0] not in DELIBERATE] == []


def test_calls_are_few():
    _, asked = run(COLLECTOR, fixture("gcp.agents", "project"))
    assert sorted(set(asked)) == sorted([ASSETS, *LISTS, "agentidentity:authProviders.queryWorkloads"])
    assert asked.count("agentidentity:authProviders.queryWorkloads") == 7
    assert len(asked) == len(LISTS) + 7 + 1


def test_no_key_or_secret_leaves_even_if_an_answer_holds_one():
    canary = "canary-" + "k" * 24
    params = [
        {"apiKey": {"apiKey": canary}}, {"twoLeggedOauth": {"clientSecret": canary, "clientId": "c"}},
        {"threeLeggedOauth": {"clientSecret": canary, "tokenUrl": f"https://u:{canary}@h/t?{canary}"}},
        {"xaaAuthProvider": {"clientSecretAuth": {"clientSecret": canary}, "additionalParameters": {"a": canary}}},
    ]  # fmt: skip
    given = [
        {"name": f"projects/acme-shop/locations/l/authProviders/{i}", "authProviderTypeParams": p}
        for i, p in enumerate(params)
    ]
    records, _ = run(COLLECTOR, {**fixture("gcp.agents", "project"), PROVIDERS: {"authProviders": given}})
    assert len(of(records, "credential")) == 4
    assert canary not in repr(records)


@pytest.mark.parametrize(
    ("params", "kind", "lifetime", "auth"),
    [
        ({"apiKey": {}}, CredentialKind.API_KEY, Lifetime.STATIC, Auth.API_KEY),
        ({"twoLeggedOauth": {}}, CredentialKind.CLIENT_SECRET, Lifetime.STATIC, Auth.OAUTH),
        ({"threeLeggedOauth": {}}, CredentialKind.CLIENT_SECRET, Lifetime.STATIC, Auth.OAUTH),
        ({"xaaAuthProvider": {"clientSecretAuth": {}}}, CredentialKind.CLIENT_SECRET, Lifetime.STATIC, Auth.OAUTH),
        ({"xaaAuthProvider": {"clientAssertionJwtAuth": {}}}, CredentialKind.FEDERATED, Lifetime.FEDERATED, Auth.OAUTH),
        ({"geAuthProvider": {}}, CredentialKind.UNKNOWN, None, None),
        ({}, CredentialKind.UNKNOWN, None, None),
    ],
)
def test_what_a_provider_keeps_is_told_by_its_kind(params, kind, lifetime, auth):
    name = "projects/acme-shop/locations/l/authProviders/x"
    urn = {"source": {"identifier": "urn:a"}, "target": {"identifier": "urn:b"}}
    known = {
        PROVIDERS: {"authProviders": [{"name": name, "authProviderTypeParams": params, "state": "DISABLED"}]},
        "agentregistry:agents.list": {
            "agents": [{"name": f"projects/acme-shop/locations/l/agents/{n}", "agentId": f"urn:{n}"} for n in "ab"]
        },
        BINDINGS: {"bindings": [{"name": "b", **urn, "authProviderBinding": {"authProvider": name}}]},
    }
    records, _ = run(COLLECTOR, known)
    (credential,), (hop,) = of(records, "credential").values(), of(records, "hop").values()
    assert (credential.kind, credential.lifetime, credential.state) == (kind, lifetime, CredentialState.INACTIVE)
    assert (hop.auth, hop.via) == (auth, "a2a")


def test_an_agent_of_the_registry_that_an_engine_hosts_is_that_engine():
    records, _ = run(COLLECTOR, fixture("gcp.agents", "project"))
    consumers = of(records, "consumer")
    assert ENGINE in consumers
    assert f"{REGISTERED}/agents/refunds" not in consumers
    assert {h.from_id for h in of(records, "hop").values()} == {ENGINE, f"{REGISTERED}/agents/triage"}


def test_who_used_a_key_is_one_consumer_however_it_is_named():
    records, _ = run(COLLECTOR, fixture("gcp.agents", "project"))
    seen = {(u.consumer_id, u.credential_id) for u in of(records, "use").values() if u.how is UseHow.OBSERVED}
    assert seen == {
        (ENGINE, f"{KEPT}/stripe"), (ENGINE, f"{KEPT}/tickets"), (f"{REGISTERED}/agents/triage", f"{KEPT}/stripe"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "what", ["run/projects/5/services/bot", "aiplatform/projects/5/locations/l/reasoningEngines/bot"]
)
def test_an_agent_that_nobody_registered_is_a_consumer_of_its_own(what):
    who = f"agents.global.org-1.system.id.goog/resources/{what}"
    name = "projects/acme-shop/locations/l/authProviders/x"
    known = {PROVIDERS: {"authProviders": [{"name": name, "workloadIds": [f"principal://{who}", "nonsense"]}]}}
    records, _ = run(COLLECTOR, known)
    (consumer,), (identity,) = of(records, "consumer").values(), of(records, "identity").values()
    assert (consumer.id, consumer.name) == (f"gcp:principal/{who}#agent", "bot")
    assert (identity.id, identity.kind) == (f"gcp:principal/{who}", IdentityKind.AGENT_IDENTITY)
    assert {(u.how, u.identity_id, u.credential_id is not None) for u in of(records, "use").values()} == {
        (UseHow.RUNS_AS, identity.id, False), (UseHow.OBSERVED, None, True),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("agent@acme-shop.iam.gserviceaccount.com", "gcp:sa/agent@acme-shop.iam.gserviceaccount.com"),
        (
            "projects/-/serviceAccounts/A@acme-shop.iam.gserviceaccount.com",
            "gcp:sa/a@acme-shop.iam.gserviceaccount.com",
        ),
        (
            "service-5@gcp-sa-aiplatform-re.googleapis.com",
            "gcp:sa/service-5@gcp-sa-aiplatform-re.iam.gserviceaccount.com",
        ),
        (
            "agents.global.org-1.system.id.goog/resources/x",
            "gcp:principal/agents.global.org-1.system.id.goog/resources/x",
        ),
        (
            "spiffe://agents.global.org-1.system.id.goog/resources/x",
            "gcp:principal/agents.global.org-1.system.id.goog/resources/x",
        ),
        ("nobody", None),
        (None, None),
    ],
)
def test_an_identity_is_read_in_every_spelling(value, expected):
    found = identity_of(value)
    assert (found.id if found else None) == expected


@pytest.mark.parametrize(
    ("schemes", "auth"),
    [
        ({}, Auth.UNDECLARED),
        ({"k": {"type": "apiKey", "in": "header"}}, Auth.API_KEY),
        ({"k": {"apiKeySecurityScheme": {"location": "header"}}}, Auth.API_KEY),
        ({"k": {"type": "http", "scheme": "Basic"}}, Auth.BASIC),
        ({"k": {"httpAuthSecurityScheme": {"scheme": "bearer"}}}, Auth.STATIC_BEARER),
        ({"k": {"type": "oauth2"}}, Auth.OAUTH),
        ({"k": {"type": "mutualTLS"}}, Auth.MTLS),
        ({"k": {"mtlsSecurityScheme": {}}}, Auth.MTLS),
        ({"k": {"type": "new"}, "l": None}, Auth.UNDECLARED),
    ],
)
def test_how_an_agent_asks_to_be_called_stands_in_its_card(schemes, auth):
    card = {"type": "A2A_AGENT_CARD", "content": {"name": "x", "securitySchemes": schemes}}
    known = {"agentregistry:agents.list": {"agents": [{"name": "projects/p/locations/l/agents/a", "card": card}]}}
    records, _ = run(COLLECTOR, known)
    assert [c.auth for c in of(records, "consumer").values()] == [auth]


def test_everything_refused_is_all_gaps():
    records, _ = run(COLLECTOR, {})
    assert {r.table for r in records} == {"scope", "gap"}
    assert {g.operation for g in of(records, "gap").values()} == {
        ASSETS, *LISTS.keys() - {"agentidentity:accessSummaries.list"},
    }  # fmt: skip


def test_users_of_a_key_that_are_refused_are_a_gap_of_it():
    answers = fixture("gcp.agents", "project")
    query = "agentidentity:authProviders.queryWorkloads"
    only = {"authProviders": answers[PROVIDERS]["authProviders"][:2]}

    def asked(params):
        return denied(query) if params["provider"].endswith("stripe") else {"workloadIds": []}

    records, _ = run(COLLECTOR, {**answers, PROVIDERS: only, query: asked})
    assert [g.subject_id for g in of(records, "gap").values()] == [f"{KEPT}/stripe"]
    records, _ = run(COLLECTOR, {**answers, PROVIDERS: only, query: denied(query)})
    assert {g.operation for g in of(records, "gap").values()} == {query}
    assert any(g.subject_id is None and "use" in g.covers for g in of(records, "gap").values())


def test_an_organisation_asks_each_of_its_projects():
    assets = [
        {
            "name": f"//cloudresourcemanager.googleapis.com/projects/{n}", "ancestors": [f"projects/{n}", "organizations/1"],
            "assetType": "cloudresourcemanager.googleapis.com/Project",
            "resource": {"data": {"projectId": p, "projectNumber": n}},
        } for n, p in (("1", "acme-shop"), ("2", "acme-data"))
    ]  # fmt: skip

    def agents(params):
        return {"agents": [{"name": f"projects/{params['project']}/locations/l/agents/a"}]}

    known = {ASSETS: {"assets": assets}, "agentregistry:agents.list": agents}
    records, _ = run(COLLECTOR, known, ORGANIZATION)
    assert {c.scope_id for c in of(records, "consumer").values()} == {"gcp:project/acme-shop", "gcp:project/acme-data"}


@pytest.mark.parametrize("operation", [ASSETS, *LISTS])
def test_strange_answers_break_nothing(operation):
    answers, dice = fixture("gcp.agents", "project"), random.Random(operation)
    for _ in range(40):
        run(COLLECTOR, {**answers, operation: mangled(answers[operation], dice)}, SHOP)
