"""AI Foundry: stored keys of others, and agents with the identity they act as."""

from __future__ import annotations

import pytest

from nhiscan.model import Auth, ConsumerKind, CredentialKind, Form, TrustKind, UseHow
from tests.collectors.azure.arm_lab import denied, gaps, read, row
from tests.twins.arm_estate import SUBSCRIPTIONS, guid
from tests.twins.graph_rows import TENANT

ACCOUNT = row("Microsoft.CognitiveServices/accounts", "ai", properties={"allowProjectManagement": True})
PROJECT = {
    **row("x"),
    "id": f"{ACCOUNT['id']}/projects/p",
    "name": "ai/p",
    "type": "microsoft.cognitiveservices/accounts/projects",
}
EMPTY = {
    "accountConnections__list": [],
    "projectConnections__list": [],
    "workspaceConnections__list": [],
    "applications__list": [],
}


def foundry(*, rows=(ACCOUNT, PROJECT), **more) -> dict:
    return read("foundry", SUBSCRIPTIONS[:1], **{"resourceGraph__foundry": list(rows), **EMPTY, **more})


def connection(how: object, category: object = "ApiKey", **more) -> dict:
    properties = {"authType": how, "category": category, "target": "https://api.example/v1?key=shh", **more}
    return {
        "id": f"{PROJECT['id']}/connections/c",
        "name": "c",
        "properties": properties,
        "systemData": {"createdAt": "2026-03-23T14:22:21Z"},
    }


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ("ApiKey", CredentialKind.API_KEY), ("CustomKeys", CredentialKind.API_KEY), ("AccountKey", CredentialKind.API_KEY),
        ("AccessKey", CredentialKind.ACCESS_KEY), ("PAT", CredentialKind.TOKEN), ("SAS", CredentialKind.TOKEN),
        ("ServicePrincipal", CredentialKind.CLIENT_SECRET), ("OAuth2", CredentialKind.CLIENT_SECRET),
        ("UsernamePassword", CredentialKind.PASSWORD), ("AAD", None), ("ManagedIdentity", None), ("None", None),
        ("Foreseen", None), (None, None), (7, None),
    ],
)  # fmt: skip
def test_a_connection_stores_what_its_way_of_signing_in_needs(how, kind):
    found = foundry(projectConnections__list=[connection(how)])
    assert [c.kind for c in found["credential"]] == ([kind] if kind else [])
    assert len(found["store"]) == len(found["credential"])
    (use,) = [u for u in found["use"] if u.how is UseHow.CONFIGURED]
    assert (use.consumer_id, use.place, bool(use.credential_id)) == (PROJECT["id"].lower(), "api.example", bool(kind))
    form = Form.VAULT if kind else Form.FEDERATED if how in {"AAD", "ManagedIdentity"} else None
    assert use.form is form
    assert "shh" not in repr(found)


def test_a_stored_key_keeps_its_issuer_and_end():
    (told,) = foundry(
        projectConnections__list=[connection("ApiKey", "OpenAI", expiryTime="2026-12-31T00:00:00Z", isSharedToAll=True)]
    )["credential"]
    assert (told.provider, told.expires_at.year, told.facts["sharedToAll"]) == ("openai", 2026, "true")


@pytest.mark.parametrize(
    ("target", "host"), [(None, None), ("acme.example", "acme.example"), ("https://[bad", None), (5, None)]
)
def test_an_address_is_its_host(target, host):
    found = foundry(projectConnections__list=[connection("ApiKey", target=target)])
    assert [u.place for u in found["use"] if u.how is UseHow.CONFIGURED] == [host]


@pytest.mark.parametrize(
    ("category", "how", "kind", "auth", "tls"),
    [
        ("RemoteTool", "CustomKeys", ConsumerKind.TOOL_SERVER, Auth.API_KEY, True),
        ("RemoteA2A", "AgenticIdentity", ConsumerKind.AGENT, Auth.OAUTH, True),
        ("RemoteTool", "None", ConsumerKind.TOOL_SERVER, Auth.NONE, True),
        ("RemoteTool", "Foreseen", ConsumerKind.TOOL_SERVER, None, True),
    ],
)
def test_a_connection_to_a_tool_or_an_agent_is_a_consumer(category, how, kind, auth, tls):
    found = foundry(projectConnections__list=[connection(how, category)])
    told = next(c for c in found["consumer"] if c.framework)
    assert (told.kind, told.auth, told.tls, told.url, told.parent_id) == (
        kind,
        auth,
        tls,
        "https://api.example",
        PROJECT["id"].lower(),
    )


def test_a_tool_server_without_an_address_has_none():
    found = foundry(projectConnections__list=[connection("None", "RemoteTool", target=None)])
    told = next(c for c in found["consumer"] if c.framework)
    assert (told.url, told.tls, told.transport) == (None, None, None)


def application(**properties) -> dict:
    return {"id": f"{PROJECT['id']}/applications/App", "name": "App", "properties": properties}


def assigned(number: int, **more) -> dict:
    return {
        "principalId": guid(1, number),
        "clientId": guid(2, number),
        "tenantId": TENANT,
        "kind": "AgentInstance",
        **more,
    }


def test_an_application_and_its_agents_act_as_their_agent_identity():
    found = foundry(applications__list=[application(
        displayName="Support", isEnabled=True, baseUrl="https://x.example/app?sig=shh", authorizationPolicy={"type": "Default"},
        agents=[{"agentName": "Triage"}, {"agentName": "Triage"}, {"agentId": "a2"}, {}, None],
        agentIdentityBlueprint=assigned(1), defaultInstanceIdentity=assigned(2), tags={"owner": "support"},
    )])  # fmt: skip
    agents = {c.id.rpartition("/applications/")[2]: c for c in found["consumer"] if c.kind is ConsumerKind.AGENT}
    assert set(agents) == {"app", "app/agents/triage", "app/agents/a2"}
    assert (agents["app"].url, agents["app"].auth, agents["app"].enabled) == ("https://x.example/app", Auth.OAUTH, True)
    entra = f"entra:{TENANT}/{guid(1, 2)}"
    assert {u.identity_id for u in found["use"] if u.how is UseHow.RUNS_AS} == {entra}
    (trust,) = found["trust"]
    assert (trust.principal, trust.target_id, trust.kind) == (
        f"entra:{TENANT}/{guid(1, 1)}",
        entra,
        TrustKind.IMPERSONATE,
    )
    assert trust.id == f"{entra}#trust/blueprint/{guid(2, 1)}"
    assert [o.name for o in found["owner"]] == ["support"]


@pytest.mark.parametrize("identity", [None, {}, {"principalId": None}, {"principalId": "x", "kind": "Hologram"}, []])
def test_an_application_without_an_identity_is_still_an_agent(identity):
    found = foundry(applications__list=[application(agents=None, defaultInstanceIdentity=identity, agentIdentityBlueprint=assigned(1),
                                                    baseUrl="no address")])  # fmt: skip
    assert [c.name for c in found["consumer"] if c.kind is ConsumerKind.AGENT] == ["App"]
    assert found["trust"] == []
    assert [u for u in found["use"] if u.how is UseHow.RUNS_AS] == []


def test_an_identity_without_a_blueprint_trusts_nobody():
    found = foundry(applications__list=[application(defaultInstanceIdentity=assigned(2))])
    assert found["trust"] == []


def test_an_account_that_may_not_have_projects_is_not_asked():
    bare = {**ACCOUNT, "id": f"{ACCOUNT['id']}2", "properties": {"allowProjectManagement": False}}
    assert foundry(rows=(bare,))["consumer"] == []


def test_projects_are_listed_of_each_account_where_the_query_is_refused():
    account = {**ACCOUNT, "type": "Microsoft.CognitiveServices/accounts"}
    lists = {
        "resourceGraph__foundry": denied("arm:resourceGraph.foundry"),
        "accounts__list": [account],
        "workspaces__list": [],
    }
    found = foundry(**lists, projects__list=[PROJECT])
    assert [c.platform for c in found["consumer"]] == ["azure_ai_services", "azure_foundry"]
    assert found["gap"] == []
    refused = foundry(**lists, projects__list=denied("arm:projects.list"))
    assert [g[:2] for g in gaps(refused)] == [("arm:projects.list", "denied")]


def test_one_project_of_many_that_refuses_hides_what_is_in_it():
    accounts = [
        {**ACCOUNT, "id": f"{ACCOUNT['id']}{n}", "type": "Microsoft.CognitiveServices/accounts"} for n in range(7)
    ]
    lists = {
        "resourceGraph__foundry": denied("arm:resourceGraph.foundry"),
        "accounts__list": accounts,
        "workspaces__list": [],
    }
    found = foundry(
        **lists, projects__list=lambda p: denied("arm:projects.list") if p["id"].endswith("6") else [],
        accountConnections__list=lambda p: denied("arm:accountConnections.list") if p["id"].endswith("6") else [],
    )  # fmt: skip
    assert {g.operation for g in found["gap"]} == {"arm:projects.list", "arm:accountConnections.list"}
    assert {g.scope_id for g in found["gap"]} == {f"azure:sub/{SUBSCRIPTIONS[0]}"}


def _users(found) -> set[tuple[str, str]]:
    """Who uses which stored key, by the ends of their ids."""
    told = [u for u in found["use"] if u.credential_id]
    return {(u.consumer_id.rpartition("/")[2], u.credential_id.rpartition("/")[2]) for u in told}


def test_a_stored_key_is_used_by_the_agents_of_its_project_and_else_by_the_project():
    key = connection("ApiKey", "OpenAI")
    assert _users(foundry(projectConnections__list=[key])) == {("p", "c")}
    published = application(agents=[{"agentName": "One"}, {"agentName": "Two"}])
    found = foundry(projectConnections__list=[key], applications__list=[published])
    assert _users(found) == {("one", "c"), ("two", "c")}
    assert _users(foundry(projectConnections__list=[key], applications__list=[application()])) == {("app", "c")}


@pytest.mark.parametrize(("shared", "user"), [(True, "app"), (False, "ai"), (None, "ai")])
def test_a_key_of_an_account_is_used_by_agents_where_it_is_shared_with_every_project(shared, user):
    key = {**connection("ApiKey", "OpenAI", isSharedToAll=shared), "id": f"{ACCOUNT['id']}/connections/c"}
    found = foundry(accountConnections__list=[key], applications__list=[application()])
    assert _users(found) == {(user, "c")}
