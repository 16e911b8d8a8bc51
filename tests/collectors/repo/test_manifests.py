from __future__ import annotations

import json
import random
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo._config import abilities as shared
from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import Document, MalformedError
from nhiscan.collectors.repo._config.records import Book
from nhiscan.collectors.repo._config.sheet import Sheet
from nhiscan.collectors.repo._config.yamlc import parse_yaml
from nhiscan.collectors.repo._manifests.formats import formats
from nhiscan.collectors.repo.manifests import COLLECTOR
from nhiscan.model import (
    Approval,
    Auth,
    Autonomy,
    Consumer,
    ConsumerKind,
    Credential,
    CredentialKind,
    Form,
    Gap,
    GapReason,
    Hop,
    Pin,
    Resource,
    Tool,
    ToolClass,
    Trigger,
    Use,
    Visibility,
)  # fmt: skip
from nhiscan.plugin import Collector, Context, Target, TargetKind
from nhiscan.sensitive import FingerprintKey

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
SECRET = "q7Rt2Vx9" + "Lm4Np6Zw8Kc3"


@pytest.fixture
def run(tmp_path):
    """Collects a directory made of the given files."""
    root = tmp_path / "shop"
    root.mkdir()

    def collect(**files):
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, str | bytes) else json.dumps(content)
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
        target = Target(str(root), TargetKind.PATH, str(root))
        return [r for u in COLLECTOR.units(target, CTX) for r in COLLECTOR.collect(u, CTX)]

    return collect


def only(records, table, **facts):
    found = [r for r in records if isinstance(r, table) and all(getattr(r, k) == v for k, v in facts.items())]
    assert len(found) == 1, found
    return found[0]


def kinds(records, table):
    return [r for r in records if isinstance(r, table)]


def test_it_is_a_collector():
    assert isinstance(COLLECTOR, Collector)


@pytest.mark.parametrize(
    ("card", "auth"),
    [
        ({}, Auth.UNDECLARED),
        ({"securitySchemes": {}}, Auth.UNDECLARED),
        ({"securitySchemes": {"a": {"type": "apiKey"}}}, Auth.API_KEY),
        ({"securitySchemes": {"a": {"type": "http", "scheme": "Basic"}}}, Auth.BASIC),
        ({"securitySchemes": {"a": {"type": "http", "scheme": "bearer"}}}, Auth.STATIC_BEARER),
        ({"securitySchemes": {"a": {"type": "mutualTLS"}}, "security": [{"a": []}]}, Auth.MTLS),
        ({"securitySchemes": {"a": {"type": "oauth2"}, "b": {"type": "apiKey"}}, "security": [{"a": []}]}, Auth.OAUTH),
        ({"securitySchemes": {"a": {"type": "oauth2"}}, "security": [{"a": []}, {}]}, Auth.NONE),
        ({"securitySchemes": {"a": {"type": "oauth2"}, "b": {"type": "apiKey"}}, "security": [{"a": [], "b": []}]},
         Auth.OAUTH),
        ({"securitySchemes": {"a": {"type": "magic"}}, "security": [{"a": []}]}, Auth.UNDECLARED),
        ({"securitySchemes": {"a": {"oauth2SecurityScheme": {}}}, "securityRequirements": [{"schemes": {"a": {}}}]},
         Auth.OAUTH),
        ({"securitySchemes": {"a": {"httpAuthSecurityScheme": {"scheme": "bearer"}}}}, Auth.STATIC_BEARER),
        ({"authentication": {"schemes": ["bearer"]}}, Auth.STATIC_BEARER),
        ({"authentication": {"schemes": ["Bearer", "none"]}}, Auth.NONE),
        ({"authentication": {"schemes": []}}, Auth.NONE),
        ({"authentication": {"type": "oauth2"}}, Auth.OAUTH),
        ({"authentication": {"schemes": ["sorcery"]}}, Auth.UNDECLARED),
    ],
)  # fmt: skip
def test_a_card_is_as_strong_as_the_weakest_way_in(run, card, auth):
    base = {"name": "a", "skills": [], "capabilities": {}, "supportedInterfaces": [{"url": "https://a.example.com"}]}
    found = only(run(**{"agent-card.json": {**base, **card}}), Consumer)
    assert (found.auth, found.url, found.tags) == (auth, "https://a.example.com", {"signed": "false"})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("agent.json", {"name": "x", "skills": "many"}),
        ("server.json", {"name": "x", "packages": [{"size": 3}]}),
        ("manifest.json", {"manifest_version": 3, "name": "extension", "server": {}}),
        ("agents.yaml", "role: x\ngoal: y\n"),
        ("langgraph.json", {"graphs": {"a": 3}}),
        ("flow.json", {"nodes": [{"type": "x"}], "connections": {}, "t": '"n8n-nodes-base'}),
        ("my-plugin.json", {"name_for_model": "x"}),
        ("credentials.yml", "slack: 3\n"),
        ("package.json", {"name": "n8n-nodes-base", "nodes": [{"type": "n8n-nodes-base.slack"}], "connections": {}}),
        ("node_modules/x/agent-card.json", {"name": "a", "skills": [], "capabilities": {}}),
        ("empty.yaml", ""),
        ("kind.yaml", "kind: app\nmode: x\n"),
    ],
)  # fmt: skip
def test_a_right_name_with_other_content_gives_nothing(run, name, content):
    assert len(run(**{name: content})) == 1


def test_one_stored_credential_of_n8n_is_one_credential_in_two_workflows(run):
    node = {"name": "Tell", "type": "n8n-nodes-base.slack", "credentials": {"slackApi": {"id": "k2J8", "name": "Bot"}}}
    flow = {"nodes": [node], "connections": {}}
    records = run(**{"a.json": flow, "b.json": flow})
    assert {c.id for c in kinds(records, Credential)} == {"dir:shop#n8n:slackApi/k2J8"}
    uses = kinds(records, Use)
    assert len({u.consumer_id for u in uses}) == 2
    assert {u.form for u in uses} == {Form.VAULT}


@pytest.mark.parametrize(
    ("type_", "parameters", "trigger"),
    [
        ("webhook", {}, Trigger.UNTRUSTED),
        ("webhook", {"authentication": "headerAuth"}, Trigger.EVENT),
        ("chatTrigger", {"public": True}, Trigger.UNTRUSTED),
        ("chatTrigger", {}, Trigger.MANUAL),
        ("cron", {}, Trigger.SCHEDULE),
        ("manualTrigger", {}, Trigger.MANUAL),
        ("gmailTrigger", {}, Trigger.UNTRUSTED),
        ("asanaTrigger", {}, Trigger.EVENT),
        ("set", {}, None),
    ],
)
def test_what_starts_a_workflow(run, type_, parameters, trigger):
    nodes = [{"name": "Go", "type": f"n8n-nodes-base.{type_}", "parameters": parameters}]
    assert only(run(**{"w.json": {"nodes": nodes, "connections": {}}}), Consumer).trigger is trigger


def test_agents_of_n8n_share_a_memory_behind_one_credential(run):
    def flow(name):
        return {
            "nodes": [
                {"id": "1", "name": name, "type": "@n8n/n8n-nodes-langchain.agent"},
                {"id": "2", "name": "Mem", "type": "@n8n/n8n-nodes-langchain.memoryPostgresChat",
                 "credentials": {"postgres": {"id": "p1Xz", "name": "PG"}}},
                {"id": "3", "name": "Sub", "type": "@n8n/n8n-nodes-langchain.agentTool"},
                {"id": "4", "name": "MCP", "type": "@n8n/n8n-nodes-langchain.mcpClientTool",
                 "parameters": {"endpointUrl": "https://mcp.example.com/sse"}},
                {"id": "5", "name": "Buffer", "type": "@n8n/n8n-nodes-langchain.memoryBufferWindow"},
            ],
            "connections": {
                "2": {"ai_memory": [[{"node": "1"}]]}, "Sub": {"ai_tool": [[{"node": name}]]},
                "MCP": {"ai_tool": [[{"node": name}]]}, "Buffer": {"ai_memory": [[{"node": "Sub"}]]},
            },
        }  # fmt: skip

    records = run(**{"a.json": flow("One"), "b.json": flow("Two")})
    uses = [u for u in kinds(records, Use) if u.resource_id == "dir:shop#n8n:memory/postgres/p1Xz/"]
    assert {u.consumer_id.rpartition("/")[2] for u in uses} == {"One", "Two"}
    assert {h.via for h in kinds(records, Hop)} == {"agent_tool"}
    servers = [c for c in kinds(records, Consumer) if c.kind is ConsumerKind.TOOL_SERVER]
    assert {c.url for c in servers} == {"https://mcp.example.com/sse"}
    assert "dir:shop#a.json:memory/Buffer" in {r.id for r in kinds(records, Resource)}


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (f"Bearer {SECRET}", Form.LITERAL),
        ("={{ $json.token }}", None),
        ("=Bearer {{ $env.MY_TOKEN }}", Form.REFERENCE),
        ("Bearer YOUR_TOKEN", Form.PLACEHOLDER),
    ],
)
def test_headers_of_n8n(run, value, form):
    header = {"name": "Authorization", "value": value}
    node = {
        "name": "Call",
        "type": "n8n-nodes-base.httpRequest",
        "parameters": {"headerParameters": {"parameters": [header]}},
    }
    records = run(**{"w.json": {"nodes": [node], "connections": {}}})
    assert [u.form for u in kinds(records, Use)] == ([form] if form else [])


@pytest.mark.parametrize(
    ("package", "pin"),
    [
        ({"registryType": "npm", "identifier": "a", "version": "1.0.0"}, Pin.EXACT),
        ({"registry_name": "pypi", "name": "a", "version": "1.0"}, Pin.EXACT),
        ({"registryType": "npm", "identifier": "a", "version": "^1.0.0"}, Pin.RANGE),
        ({"registryType": "npm", "identifier": "a"}, Pin.NONE),
        ({"registryType": "oci", "identifier": "ghcr.io/a/b", "version": "1.0.0"}, Pin.TAG),
        ({"registryType": "oci", "identifier": "ghcr.io/a/b@sha256:" + "0" * 64}, Pin.DIGEST),
        ({"registryType": "mcpb", "identifier": "https://x.example.com/a.mcpb"}, Pin.URL),
        ({"registryType": "mcpb", "identifier": "https://x.example.com/a.mcpb", "fileSha256": "0" * 64}, Pin.DIGEST),
    ],
)
def test_how_a_registry_entry_is_pinned(run, package, pin):
    assert only(run(**{"server.json": {"name": "a/b", "packages": [package]}}), Consumer).pin is pin


def test_a_preset_secret_of_a_registry_entry_is_a_literal(run):
    package = {"registryType": "npm", "identifier": "a", "environmentVariables": [{"name": "A_TOKEN", "value": SECRET}]}
    assert only(run(**{"server.json": {"name": "a/b", "packages": [package]}}), Use).form is Form.LITERAL


def test_remotes_without_headers_declare_nothing(run):
    remotes = [{"transport_type": "sse", "url": "https://a.example.com/sse"},
               {"type": "http", "url": "https://b.example.com", "headers": [{"name": "X-Api-Key", "isSecret": True}]}]  # fmt: skip
    found = kinds(run(**{"server.json": {"name": "a/b", "remotes": remotes}}), Consumer)
    assert [c.auth for c in found] == [Auth.UNDECLARED, Auth.API_KEY]


def test_input_of_a_bundle_that_is_not_hidden_is_told_apart(run):
    manifest = {"dxt_version": "0.1", "name": "a", "server": {"type": "node", "entry_point": "x.js"},
                "user_config": {"api_key": {"type": "string"}, "other_key": {"sensitive": True}, "dir": {}}}  # fmt: skip
    records = run(**{"manifest.json": manifest})
    assert {(u.name, u.place, u.form) for u in kinds(records, Use)} == {
        ("api_key", "input", Form.PROMPT), ("other_key", "input", Form.KEYRING)
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "auth"),
    [("none", Auth.NONE), ("oauth", Auth.OAUTH), ("service_http", Auth.STATIC_BEARER), ("magic", None)],
)
def test_plugins_of_the_first_kind(run, kind, auth):
    plugin = {
        "name_for_model": "x", "auth": {"type": kind, "verification_tokens": {"openai": SECRET}},
        "api": {"url": "https://x.example.com/openapi.yaml"},
    }  # fmt: skip
    records = run(**{"ai-plugin.json": plugin})
    assert only(records, Consumer).auth is auth
    assert kinds(records, Credential) == []


def test_crews_delegate_within_their_file(run):
    def person(more):
        return f"  role: r\n  goal: g\n  backstory: b\n{more}"

    agents = (
        f"a:\n{person('  allow_delegation: true')}\nb:\n{person('')}\nc:\n{person('  allow_code_execution: true')}\n"
    )
    tasks = "t:\n  expected_output: x\n  agent: b\n  human_input: true\n"
    records = run(**{"config/agents.yaml": agents, "config/tasks.yaml": tasks})
    assert {h.to_id for h in kinds(records, Hop)} == {"dir:shop#config/agents.yaml:b", "dir:shop#config/agents.yaml:c"}
    assert only(records, Consumer, name="b").autonomy is Autonomy.SUPERVISED
    assert only(records, Consumer, name="c").sandbox == "docker"
    assert only(records, Consumer, name="a").autonomy is None


@pytest.mark.parametrize(
    ("mode", "approval"), [("never", Approval.AUTO), ("{kind: always}", Approval.ASK), ("{kind: custom}", None)]
)
def test_approval_of_foundry_tools(run, mode, approval):
    text = f"kind: Prompt\nname: a\nmodel: x\ntools:\n  - {{kind: mcp, name: m, url: 'https://m.example.com', approvalMode: {mode}}}\n"
    records = run(**{"a.yaml": text})
    assert only(records, Consumer, kind=ConsumerKind.TOOL_SERVER).approval is approval
    assert only(records, Tool).unrestricted is True


def test_a_foundry_tool_asks_by_default_and_a_keyless_connection_is_the_host(run):
    text = (
        "kind: hosted\nname: a\nmodel: {connection: {kind: Remote}}\n"
        "tools:\n  - {kind: mcp, name: m, url: 'https://m.example.com'}\n  - {kind: web_search}\n"
        "environment_variables:\n  - {name: A_TOKEN, value: 'abcdEFGH1234ijkl5'}\n"
    )
    records = run(**{"agent.yaml": text})
    assert only(records, Consumer, kind=ConsumerKind.TOOL_SERVER).approval is Approval.ASK
    assert only(records, Use, place="host").name == "environment"
    assert only(records, Use, form=Form.LITERAL).name == "A_TOKEN"
    assert only(records, Tool, name="web_search").reads_untrusted is True


def test_a_role_of_two_agents_stands_at_both(run):
    text = "agents:\n" + "".join(
        f"  {n}:\n    aws: {{execution_role: 'arn:aws:iam::123456789012:role/r'}}\n"
        f"    identity: {{credential_providers: [{{name: gh}}]}}\n    api_key_credential_provider_name: k\n"
        for n in "ab"
    )
    records = run(**{".bedrock_agentcore.yaml": text})
    assert [u.identity_id for u in kinds(records, Use) if u.identity_id] == ["arn:aws:iam::123456789012:role/r"] * 2
    ids = {c.id: c.kind for c in kinds(records, Credential)}
    assert ids == {
        "dir:shop#agentcore:gh": CredentialKind.UNKNOWN,
        "dir:shop#agentcore:k": CredentialKind.API_KEY,
    }


def test_a_graph_has_the_id_of_its_code_and_stays_in_the_checkout(run):
    graphs = {"a": "./src/a.py:graph", "b": "../../x.py:g", "c": "pkg.mod:make"}
    records = run(**{"svc/langgraph.json": {"graphs": graphs, "env": {"MY_TOKEN": SECRET}}})
    ids = {c.name: c.id for c in kinds(records, Consumer)}
    assert ids == {
        "a": "dir:shop#svc/src/a.py:graph", "b": "dir:shop#svc/langgraph.json:graph/b",
        "c": "dir:shop#svc/langgraph.json:graph/c",
    }  # fmt: skip
    assert len([u for u in kinds(records, Use) if u.form is Form.LITERAL]) == 3


def test_secrets_of_dify(run):
    text = (
        "kind: app\napp: {mode: agent-chat, name: x}\n"
        "model_config: {agent_mode: {tools: [{tool_name: fetch, enabled: true}, {tool_name: off, enabled: false}]}}\n"
        "workflow:\n  environment_variables:\n"
        f"    - {{name: A, value: '{SECRET}', value_type: secret}}\n    - {{name: B_TOKEN, value: '{SECRET}x'}}\n"
        "  graph:\n    nodes:\n"
        f"      - data: {{type: http-request, headers: 'X-Api-Key: {SECRET}y', authorization: {{config: {{api_key: '{SECRET}z'}}}}}}\n"
        "      - data: {type: tool, tool_name: send_mail}\n"
    )
    records = run(**{"x.yml": text})
    assert len([u for u in kinds(records, Use) if u.form is Form.LITERAL]) == 4
    assert {t.name for t in kinds(records, Tool)} == {"fetch", "http-request", "send_mail"}
    assert SECRET not in repr(records)


def test_a_broken_manifest_leaves_a_gap_and_what_can_be_read(run):
    text = json.dumps({"graphs": {"a": "./a.py:g"}}, indent=1)
    records = run(**{"langgraph.json": text[:-2]})
    assert only(records, Gap).reason is GapReason.MALFORMED
    assert only(records, Consumer).name == "a"


def test_a_manifest_of_its_own_name_that_cannot_be_read_is_a_gap(run):
    records = run(**{"langgraph.json": b'{"graphs":\0', "any.json": b"\0\0\0"})
    assert only(records, Gap).reason is GapReason.SKIPPED


@pytest.mark.parametrize("relative", ["/etc/passwd", "~/x", "../../x", "C:\\x"])
def test_nothing_outside_of_the_checkout_is_named(relative):
    assert shared.beside("a/b.json", relative) is None


@pytest.mark.parametrize(
    ("name", "class_", "untrusted"),
    [
        ("WebSearchTool", ToolClass.EXTERNAL, True),
        ("CodeInterpreter", ToolClass.EXEC, None),
        ("delete_user", ToolClass.DESTRUCTIVE, None),
        ("GmailToolkit", ToolClass.EXTERNAL, True),
        ("frobnicate", None, None),
        ("", None, None),
    ],
)
def test_tools_are_known_by_name(name, class_, untrusted):
    found = shared.traits_of(name)
    assert (found.class_, found.reads_untrusted) == (class_, untrusted)


def seeds():
    from tests.test_collectors import CASES_DIR

    folder = CASES_DIR / "repo.manifests" / "platforms" / "input"
    return sorted(p for p in folder.rglob("*") if p.is_file())


def mutate(text: str, rng: random.Random) -> str:
    chars = list(text)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(chars) + 1)
        match rng.randrange(4):
            case 0:
                del chars[at : at + rng.randint(1, 30)]
            case 1:
                chars[at:at] = rng.choice(
                    ['"', "{", "}", "[", "]", ":", ",", "\n", " ", "null", "3", "- ", "true", "{}"]
                )
            case 2:
                chars[at:at] = chars[max(0, at - rng.randint(1, 60)) : at]
            case _:
                chars[at : at + 3] = rng.choice(["\x00", "é", "${", "${A}", "[[[[", "=", "&a"])
    return "".join(chars)


def read_anything(path: str, text: str) -> int:
    """Feed a text to every format that believes it; the count of records."""
    try:
        roots = parse_json(text), *parse_yaml(text)
    except MalformedError:
        try:
            roots = tuple(parse_yaml(text))
        except MalformedError:
            return 0
    count = 0
    for root in roots:
        for form in formats():
            if form.belongs(root):
                document = Document(path, root, Visibility.TRACKED)
                sheet = Sheet(document, Book("dir:x", "repo.manifests", CTX.key), form.name, {path: root})
                count += len(list(form.read(sheet, root)))
    return count


def test_mutated_manifests_break_no_reader():
    rng = random.Random(5)
    files = seeds()
    assert sum(read_anything(p.name, mutate(p.read_text(), rng)) for p in files for _ in range(8)) > 0
