"""Agents of Bedrock, AgentCore and Q Business: what is told of them when answers are partial, refused or odd."""

import pytest

from nhiscan.collectors.aws import _agents, agentcore, bedrock, qbusiness
from nhiscan.plugin import Approval, Auth, Basis, CredentialKind, Form
from tests.collectors.aws.consumers import ACCOUNT, Answers, denied, part

AGENT = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:agent/A1"
GATEWAY = f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:gateway/g-1"
RUNTIME = f"arn:aws:bedrock-agentcore:us-east-1:{ACCOUNT}:runtime/r-1"
GET_AGENT = "bedrock-agent:GetAgent"
CONTROL = "bedrock_agentcore_control__"


def agents(**given):
    answers = {
        "bedrock_agent__ListAgents": {
            "agentSummaries": [{"agentId": "A1", "agentName": "a", "agentStatus": "PREPARED"}]
        },
        "bedrock_agent__GetAgent": {"agent": {"agentStatus": "PREPARED"}},
        **{f"bedrock_agent__{name}": answer for name, answer in given.items()},
    }
    return part(bedrock.COLLECTOR, "agents", Answers(**answers))


def group_of(*functions):
    return {
        "ListAgentActionGroups": {"actionGroupSummaries": [{"actionGroupId": "G", "actionGroupState": "ENABLED"}]},
        "GetAgentActionGroup": {
            "agentActionGroup": {"actionGroupName": "g", "functionSchema": {"functions": list(functions)}}
        },
    }


def test_an_agent_that_always_asks_is_said_to_ask():
    found = agents(**group_of({"name": "pay", "requireConfirmation": "ENABLED"}))
    assert (found.consumer[AGENT].approval, found.consumer[AGENT].approval_basis) == (Approval.ASK, Basis.EXPLICIT)


def test_what_an_agent_does_not_list_it_cannot_call():
    found = agents(**group_of({"name": "pay", "requireConfirmation": "ENABLED"}, {"name": "getA"}))
    assert (found.consumer[AGENT].approval, found.consumer[AGENT].approval_basis) == (Approval.DENY, Basis.DEFAULT)


@pytest.mark.parametrize("operation", ["ListAgentActionGroups", "GetAgentActionGroup"])
def test_tools_that_were_not_read_leave_the_approval_unknown(operation):
    name = f"bedrock-agent:{operation}"
    found = agents(**{**group_of({"name": "getA"}), operation: denied(name)})
    assert found.consumer[AGENT].approval is None
    assert [g.operation for g in found.gap.values()] == [name]


def test_the_weaker_of_two_versions_counts():
    def groups(params):
        enabled = "DISABLED" if params["agentVersion"] == "DRAFT" else "ENABLED"
        return {
            "agentActionGroup": {
                "actionGroupName": "g",
                "functionSchema": {"functions": [{"name": "pay", "requireConfirmation": enabled}]},
            }
        }

    alias = {
        "agentAliasSummaries": [{"routingConfiguration": [{"agentVersion": "2"}, {}]}, {"routingConfiguration": "?"}]
    }
    found = agents(**{**group_of(), "GetAgentActionGroup": groups, "ListAgentAliases": alias,
                      "GetAgentVersion": {"agentVersion": {"agentResourceRoleArn": "arn:aws:iam::123456789012:role/two"}}})  # fmt: skip
    assert found.tool[f"{AGENT}#tool/g.pay"].approval is Approval.AUTO
    assert [u.identity_id.rsplit("/", 1)[-1] for u in found.use.values()] == ["two"]


@pytest.mark.parametrize(
    ("draft", "aliases", "enabled"),
    [
        ({"agentStatus": "PREPARED"}, [], True),
        ({"agentStatus": "NOT_PREPARED"}, [], False),
        ({"agentStatus": "NOT_PREPARED", "preparedAt": "2026-01-01T00:00:00Z"}, [], True),
        ({"agentStatus": "FAILED"}, [{"routingConfiguration": [{"agentVersion": "7"}]}], True),
        ({"agentStatus": "FAILED"}, [{"routingConfiguration": [{"agentVersion": "7"}], "aliasInvocationState": "REJECT_INVOCATIONS"}], False),
        ({"agentStatus": "DELETING"}, [{"routingConfiguration": [{"agentVersion": "7"}]}], False),
        ({"agentStatus": "FAILED"}, denied("bedrock-agent:ListAgentAliases"), None),
    ],
)  # fmt: skip
def test_an_agent_is_enabled_when_something_can_be_invoked(draft, aliases, enabled):
    listed = aliases if not isinstance(aliases, list) else {"agentAliasSummaries": aliases}
    assert agents(GetAgent={"agent": draft}, ListAgentAliases=listed).consumer[AGENT].enabled is enabled


def test_code_that_an_agent_writes_is_sandboxed_unless_it_has_heavier_tools():
    code = {"agentActionGroup": {"actionGroupName": "c", "parentActionSignature": "AMAZON.CodeInterpreter"}}
    assert agents(**{**group_of(), "GetAgentActionGroup": code}).consumer[AGENT].sandbox == "bedrock_code_interpreter"
    assert agents(**group_of({"name": "deleteAll"})).consumer[AGENT].sandbox is None


def test_a_guardrail_is_unknown_when_the_agent_cannot_be_read():
    found = agents(GetAgent=denied("bedrock-agent:GetAgent"))
    assert found.consumer[AGENT].guardrail is None
    assert agents().consumer[AGENT].guardrail is False


def test_every_refusal_of_single_things_is_a_gap_of_its_own_and_others_stay():
    def described(params):
        if params["agentId"] == "A2":
            raise denied(GET_AGENT)
        return {"agent": {"agentStatus": "PREPARED", "createdAt": "2026-01-01T00:00:00Z"}}

    listed = {"agentSummaries": [{"agentId": f"A{n}", "agentName": f"a{n}"} for n in (1, 2, 3)]}
    found = agents(ListAgents=listed, GetAgent=described)
    assert [g.subject_id for g in found.gap.values()] == [AGENT.replace("A1", "A2")]
    assert [c.created_at is None for c in found.consumer.values()] == [False, True, False]


def test_a_page_that_is_refused_leaves_those_before_it():
    class Two(Answers):
        def pages(self, operation, /, **params):
            yield from super().pages(operation, **params)
            if operation.endswith("ListAgents"):
                raise denied(operation)

    answers = Two(bedrock_agent__ListAgents={"agentSummaries": [{"agentId": "A1", "agentName": "a"}]})
    found = part(bedrock.COLLECTOR, "agents", answers)
    assert list(found.consumer) == [AGENT]
    assert [g.operation for g in found.gap.values()] == ["bedrock-agent:ListAgents"]


def test_configurations_that_lie_too_deep_end_somewhere():
    deep = {}
    for _ in range(30):
        deep = {"x": [deep], "credentialsSecretArn": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:s-abcdef"}
    answers = Answers(
        bedrock_agent__ListKnowledgeBases={"knowledgeBaseSummaries": [{"knowledgeBaseId": "K"}]},
        bedrock_agent__GetKnowledgeBase={"knowledgeBase": deep},
    )
    found = part(bedrock.COLLECTOR, "knowledge-bases", answers)
    assert [(u.form, u.place) for u in found.use.values()] == [(Form.VAULT, deep["credentialsSecretArn"])]


@pytest.mark.parametrize(
    ("url", "place", "tls"),
    [
        ("https://u:p@host.example:8443/mcp?key=1#f", "https://host.example:8443/mcp", True),
        ("http://host.example/mcp", "http://host.example/mcp", False),
        ("https://host.example/s/ab12cd34ef56ab12cd34ef56/mcp", "https://host.example/s/***/mcp", True),
        ("ftp://host.example/x", None, None),
        ("https://host:port/", None, None),
        ("https://[::1", None, None),
        ("nonsense", None, None),
        (None, None, None),
    ],
)
def test_an_address_is_kept_without_what_opens_it(url, place, tls):
    assert _agents.address(url) == (place, tls)


def gateways(target=None, **given):
    items = {"items": [{"gatewayId": "g-1", "name": "g", "authorizerType": "NONE", "status": "READY"}]}
    answers = {f"{CONTROL}ListGateways": items, **{f"{CONTROL}{name}": answer for name, answer in given.items()}}
    if target is not None:
        answers[f"{CONTROL}ListGatewayTargets"] = {"items": [{"targetId": "T", "name": "t", "status": "READY"}, {}]}
        answers[f"{CONTROL}GetGatewayTarget"] = target
    return part(agentcore.COLLECTOR, "gateways", Answers(**answers))


def test_a_gateway_without_authorizer_answers_anybody():
    gateway = gateways().consumer[GATEWAY]
    assert (gateway.auth, gateway.public, gateway.enabled) == (Auth.NONE, True, True)


def test_a_gateway_that_only_authenticates_is_not_open():
    listed = {"items": [{"gatewayId": "g-1", "authorizerType": "AUTHENTICATE_ONLY"}, {"name": "no id"}]}
    gateway = gateways(ListGateways=listed).consumer[GATEWAY]
    assert (gateway.name, gateway.auth, gateway.public, gateway.enabled) == ("g-1", Auth.OAUTH, False, None)


@pytest.mark.parametrize(
    ("detail", "auth"),
    [
        ({}, None),
        ({"targetConfiguration": {"mcp": {"mcpServer": {}}}}, Auth.NONE),
        ({"credentialProviderConfigurations": [{"credentialProviderType": "CALLER_IAM_CREDENTIALS"}]}, Auth.IAM),
        ({"credentialProviderConfigurations": [{"credentialProviderType": "NEW"}]}, None),
    ],
)
def test_how_a_target_is_called(detail, auth):
    assert gateways(target=detail).consumer[f"{GATEWAY}/target/T"].auth is auth


@pytest.mark.parametrize("odd", [{"targetConfiguration": 5}, {"targetConfiguration": {"mcp": {}}}, {"targetConfiguration": {"mcp": {"lambda": 5}}},
                                 {"targetConfiguration": {"mcp": {"openApiSchema": {"inlinePayload": "{"}}}},
                                 {"credentialProviderConfigurations": [5, {"credentialProvider": {"oauthCredentialProvider": {"providerArn": "x"}}}]}])  # fmt: skip
def test_an_odd_target_is_still_listed(odd):
    found = gateways(target=odd)
    assert f"{GATEWAY}/target/T" in found.consumer
    assert not found.tool


def test_the_log_of_a_gateway_is_off_unless_it_is_delivered_and_of_a_runtime_unknown():
    assert [(entry.kind, entry.enabled) for entry in gateways().logging.values()] == [("tool_calls", False)]
    runtime = {"agentRuntimes": [{"agentRuntimeArn": RUNTIME, "agentRuntimeId": "r-1", "status": "READY"}]}
    sources = {
        "deliverySources": [{"name": "s", "logType": "TRACES", "resourceArns": [RUNTIME]}, {"logType": "TRACES"}]
    }
    found = part(agentcore.COLLECTOR, "runtimes", Answers(**{f"{CONTROL}ListAgentRuntimes": runtime}))
    assert [entry.enabled for entry in found.logging.values()] == [None]
    told = {"deliveries": [{"deliverySourceName": "s", "deliveryDestinationArn": d} for d in ("arn:b", "arn:a", None)]}
    answers = Answers(
        **{
            f"{CONTROL}ListAgentRuntimes": runtime,
            "logs__DescribeDeliverySources": sources,
            "logs__DescribeDeliveries": told,
        }
    )
    found = part(agentcore.COLLECTOR, "runtimes", answers)
    assert [(entry.enabled, entry.destination) for entry in found.logging.values()] == [(True, "arn:a")]


def test_logs_that_cannot_be_listed_leave_a_gap_and_no_record():
    answers = Answers(**{f"{CONTROL}ListGateways": {"items": [{"gatewayId": "g-1"}]}},
                      logs__DescribeDeliverySources=denied("logs:DescribeDeliverySources"))  # fmt: skip
    found = part(agentcore.COLLECTOR, "gateways", answers)
    assert not found.logging
    assert [(g.operation, g.covers) for g in found.gap.values()] == [("logs:DescribeDeliverySources", ("logging",))]


def test_a_client_without_a_secret_is_no_client_secret():
    def described(params):
        return {
            "oauth2ProviderConfigOutput": {"customOauth2ProviderConfig": {"clientAuthenticationMethod": params["name"]}}
        }

    methods = {"CLIENT_SECRET_POST": CredentialKind.CLIENT_SECRET, "PRIVATE_KEY_JWT": CredentialKind.PRIVATE_KEY,
               "AWS_IAM_ID_TOKEN_JWT": CredentialKind.FEDERATED}  # fmt: skip
    listed = {"credentialProviders": [{"name": m, "credentialProviderArn": f"arn:aws:x:::{m}"} for m in methods]}
    answers = Answers(
        **{f"{CONTROL}ListOauth2CredentialProviders": listed, f"{CONTROL}GetOauth2CredentialProvider": described}
    )
    found = part(agentcore.COLLECTOR, "oauth-clients", answers).credential
    assert {c.name: c.kind for c in found.values()} == methods
    assert {c.provider for c in found.values()} == {None}


def test_a_region_without_agents_costs_one_call_for_each_kind():
    for collector in (bedrock.COLLECTOR, agentcore.COLLECTOR, qbusiness.COLLECTOR):
        for one in collector.parts:
            answers = Answers()
            part(collector, one.name, answers)
            assert len(answers.asked) == 1, one.name


def test_an_application_whose_sign_in_is_not_told_is_not_called_public():
    answers = Answers(qbusiness__ListApplications={"applications": [{"applicationId": "x"}]})
    (application,) = part(qbusiness.COLLECTOR, "applications", answers).consumer.values()
    assert (application.public, application.auth) == (None, None)
