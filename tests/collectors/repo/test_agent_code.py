from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo._agent_code import names, source
from nhiscan.collectors.repo._config.nodes import MalformedError
from nhiscan.collectors.repo.agent_code import COLLECTOR
from nhiscan.model import (
    Approval,
    Auth,
    Autonomy,
    Basis,
    Consumer,
    ConsumerKind,
    Credential,
    Exposure,
    Form,
    Gap,
    Hop,
    Logging,
    Pin,
    Resource,
    Tool,
    ToolClass,
    Transport,
    Use,
    UseHow,
)
from nhiscan.plugin import Collector, Context, Target, TargetKind
from nhiscan.sensitive import FingerprintKey

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
SECRET = "q7Rt2Vx9" + "Lm4Np6Zw8Kc3"
OPENAI = "from agents import Agent, HostedMCPTool, function_tool\nimport os\n"


@pytest.fixture
def run(tmp_path):
    """Collects a directory that holds one file, or the files given."""
    root = tmp_path / "shop"
    root.mkdir()

    def collect(text: str | bytes = "", name: str = "a.py"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        target = Target(str(root), TargetKind.PATH, str(root))
        return [r for u in COLLECTOR.units(target, CTX) for r in COLLECTOR.collect(u, CTX)]

    return collect


def kinds(records, table, **facts):
    return [r for r in records if isinstance(r, table) and all(getattr(r, k) == v for k, v in facts.items())]


def only(records, table, **facts):
    found = kinds(records, table, **facts)
    assert len(found) == 1, found
    return found[0]


def test_it_is_a_collector():
    assert isinstance(COLLECTOR, Collector)


@pytest.mark.parametrize(
    ("text", "framework", "name"),
    [
        ("from agents import Agent\nx = Agent(name='A', tools=[])", "openai_agents", "A"),
        ("from agents import Agent as B\nx = B(instructions='i')", "openai_agents", "x"),
        ("import agents\ndef make():\n    return agents.Agent(instructions='i')", "openai_agents", "make"),
        ("from langchain.agents import create_agent\nx = create_agent(m, tools=[])", "langgraph", "x"),
        ("from crewai import Agent\nx = Agent(role='r', goal='g')", "crewai", "x"),
        ("from google.adk.agents import LlmAgent\nroot = LlmAgent(name='r', model='m')", "google_adk", "r"),
        ("from autogen import AssistantAgent\nx = AssistantAgent('bob', llm_config={})", "autogen", "bob"),
        ("from agent_framework.openai import C\nx = C().as_agent(name='n', instructions='i')", "microsoft_agent", "n"),
        ("from semantic_kernel.agents import ChatCompletionAgent\nx = ChatCompletionAgent(name='n')", "semantic_kernel", "n"),
        ("from llama_index.core.agent import ReActAgent\nx = ReActAgent.from_tools([t])", "llama_index", "x"),
        ("from smolagents import CodeAgent\nx = CodeAgent(tools=[], model=m)", "smolagents", "x"),
        ("from strands import Agent\nx = Agent(tools=[])", "strands", "x"),
        ("from pydantic_ai import Agent\nx = Agent('openai:gpt-5')", "pydantic_ai", "x"),
        ("import claude_agent_sdk as c\nx = c.ClaudeAgentOptions(model='m')", "claude_agent_sdk", "x"),
        ("from langgraph.graph import StateGraph\nb = StateGraph(S)\nx = b.compile()", "langgraph", "x"),
    ],
)  # fmt: skip
def test_agents_of_every_framework(run, text, framework, name):
    agent = only(run(text), Consumer, kind=ConsumerKind.AGENT)
    assert (agent.framework, agent.name) == (framework, name)


@pytest.mark.parametrize(
    "text",
    [
        "from estate.agents import Agent\nx = Agent(name='A')",
        "from agents import Agent\nx = Agent()",
        "from agents import Runner\nx = re.compile('a')\nimport re",
        "x = 1",
        "# from agents import Agent\nx = Agent(name='A')",
        "from langgraph.graph import StateGraph\nx = other.compile()",
    ],
)
def test_what_is_no_agent(run, text):
    assert kinds(run(text), Consumer) == []


def test_tests_are_not_read(run):
    assert kinds(run("from agents import Agent\nx = Agent(name='A')", "tests/test_a.py"), Consumer) == []


@pytest.mark.parametrize(
    ("call", "approval", "bypass"),
    [
        ("autogen.UserProxyAgent('u', human_input_mode='NEVER')", Approval.AUTO, "human_input_mode"),
        ("autogen.UserProxyAgent('u', human_input_mode='ALWAYS')", Approval.ASK, None),
        ("claude_agent_sdk.ClaudeAgentOptions(permission_mode='bypassPermissions')", Approval.AUTO, "permission_mode"),
        ("langgraph.prebuilt.create_react_agent(m, [], interrupt_before=['tools'])", Approval.ASK, None),
        ("langchain.agents.create_agent(m, middleware=[langchain.HumanInTheLoopMiddleware()])", Approval.ASK, None),
        ("autogen.AssistantAgent('u')", None, None),
    ],
)
def test_who_is_asked(run, call, approval, bypass):
    text = f"import autogen, claude_agent_sdk, langgraph.prebuilt, langchain.agents\nx = {call}\n"
    agent = only(run(text), Consumer, kind=ConsumerKind.AGENT)
    assert (agent.approval, agent.bypass) == (approval, bypass)


@pytest.mark.parametrize(
    ("call", "sandbox"),
    [
        ("autogen.AssistantAgent('u', code_execution_config={'use_docker': False})", "none"),
        ("autogen.AssistantAgent('u', code_execution_config={'use_docker': True})", "docker"),
        ("crewai.Agent(role='r', allow_code_execution=True)", "docker"),
        ("crewai.Agent(role='r', allow_code_execution=True, code_execution_mode='unsafe')", "none"),
        ("smolagents.CodeAgent(tools=[])", "none"),
        ("smolagents.CodeAgent(tools=[], executor_type='e2b')", "e2b"),
        ("google.adk.Agent(name='a', model='m', code_executor=google.adk.BuiltInCodeExecutor())", "provider"),
        ("google.adk.Agent(name='a', model='m')", None),
    ],
)
def test_where_written_code_runs(run, call, sandbox):
    text = f"import autogen, crewai, smolagents\nimport google.adk\nx = {call}\n"
    assert only(run(text), Consumer, kind=ConsumerKind.AGENT).sandbox == sandbox


def test_a_team_hands_over(run):
    text = """
from agents import Agent, handoff
a = Agent(name='A', instructions='')
b = Agent(name='B', instructions='', handoffs=[a, handoff(agent=c)])
c = Agent(name='C', instructions='', tools=[a.as_tool(tool_name='ask')], handoffs=[b])
"""
    hops = {(h.from_id[-1], h.via, h.to_id[-1]) for h in kinds(run(text), Hop)}
    assert hops == {("b", "handoff", "a"), ("b", "handoff", "c"), ("c", "agent_tool", "a"), ("c", "handoff", "b")}


def test_tools_say_what_they_do(run):
    text = (
        OPENAI
        + """
import requests, smtplib
@function_tool(needs_approval=True)
def drop_table(n): ...
@function_tool
def look(url): return requests.get(url)
@function_tool
def fixed(): return requests.get('https://x.example.com')
def mail(t): smtplib.SMTP('x').send_message(t)
def shell(c): os.system(c)
more = [mail, function_tool(shell)]
x = Agent(name='A', tools=[drop_table, look, fixed] + more)
"""
    )
    tools = {t.name: t for t in kinds(run(text), Tool)}
    assert tools["drop_table"].class_ is ToolClass.DESTRUCTIVE
    assert (tools["drop_table"].approval, tools["drop_table"].approval_basis) == (Approval.ASK, Basis.EXPLICIT)
    assert (tools["look"].approval, tools["look"].approval_basis) == (Approval.AUTO, Basis.DEFAULT)
    assert tools["look"].reads_untrusted is True
    assert tools["fixed"].reads_untrusted is None
    assert tools["mail"].sends is True
    assert tools["shell"].class_ is ToolClass.EXEC


@pytest.mark.parametrize(
    ("expression", "form"),
    [
        ("api_key=os.environ['A_KEY']", Form.REFERENCE),
        ("api_key=os.getenv('A_KEY')", Form.REFERENCE),
        (f"api_key='{SECRET}'", Form.LITERAL),
        ("api_key='your-api-key'", None),
        ("api_key=''", None),
        ("api_key=load()", None),
        (f"output_key='{SECRET}'", None),
        (f"password=SecretStr('{SECRET}')", Form.LITERAL),
        (f"headers={{'Authorization': 'Bearer {SECRET}'}}", Form.LITERAL),
        ("headers={'Authorization': f\"Bearer {os.environ['A_TOKEN']}\"}", Form.REFERENCE),
        ("headers={'Authorization': f'Bearer {token()}'}", None),
    ],
)
def test_keys_in_calls(run, expression, form):
    records = run(OPENAI + f"x = Agent(name='A', model=M({expression}))\n")
    assert [u.form for u in kinds(records, Use)] == ([form] if form else [])
    assert SECRET not in repr([r for r in records if not isinstance(r, Credential)])


def test_a_name_that_is_known_in_part_is_shown_with_a_mark_for_the_rest(run):
    records = run(OPENAI + "def make(label):\n    return Agent(name=f'{label} helper')\n")
    assert [agent.name for agent in kinds(records, Consumer, kind=ConsumerKind.AGENT)] == ["… helper"]


def test_a_default_beside_a_reference_is_a_literal(run):
    records = run(OPENAI + f"x = Agent(name='A', model=M(api_key=os.getenv('A_KEY', '{SECRET}')))\n")
    assert {u.form for u in kinds(records, Use)} == {Form.REFERENCE, Form.LITERAL}


def test_one_literal_of_two_agents_is_one_credential(run):
    text = OPENAI + f"m = M(api_key='{SECRET}')\na = Agent(name='A', model=m)\nb = Agent(name='B', model=m)\n"
    records = run(text)
    assert only(records, Credential).id == only(records, Exposure).credential_id
    assert {u.consumer_id[-1] for u in kinds(records, Use)} == {"a", "b"}


def test_a_key_of_one_agent_is_not_that_of_another(run):
    text = OPENAI + (
        f"a = Agent(name='A', model=M(api_key='{SECRET}'))\nb = Agent(name='B', instructions='', handoffs=[a])\n"
        f"OTHER_TOKEN = '{SECRET}x'\nos.environ['THIRD_TOKEN'] = '{SECRET}y'\n"
    )
    uses = {u.name: u.consumer_id.rpartition(":")[2] for u in kinds(run(text), Use)}
    assert uses == {"api_key": "a", "OTHER_TOKEN": "module", "THIRD_TOKEN": "module"}


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("DefaultAzureCredential()", "environment"),
        ("ManagedIdentityCredential()", "metadata"),
        ("boto3.client('s3')", "environment"),
        ("boto3.Session(profile_name='p')", "cloud_profile"),
    ],
)
def test_the_identity_of_the_machine(run, call, name):
    text = (
        f"import boto3\nfrom azure.identity import *\nfrom strands import Agent\nx = Agent(tools=[], model=M({call}))\n"
    )
    use = only(run(text), Use)
    assert (use.place, use.name, use.how) == ("host", name, UseHow.RUNS_AS)


def test_keys_given_are_not_the_machines(run):
    text = f"import boto3\nfrom strands import Agent\nx = Agent(model=boto3.client('s3', aws_secret_access_key='{SECRET * 2}'))\n"
    assert [u.place for u in kinds(run(text), Use)] == ["key"]


def test_connections_to_servers(run):
    text = (
        "from mcp import StdioServerParameters\nfrom pydantic_ai.mcp import MCPServerHTTP\nfrom pydantic_ai import Agent\n"
        "from mcp.client.sse import sse_client\nimport sys\n"
        "a = StdioServerParameters(command='uvx', args=['mcp-a'], env={'A_TOKEN': '" + SECRET + "'})\n"
        "b = MCPServerHTTP(url='https://b.example.com/mcp', headers={'X-Api-Key': token()})\n"
        "c = sse_client('http://localhost:8000/sse')\n"
        "d = StdioServerParameters(command=sys.executable, args=['server.py'])\n"
        "e = StdioServerParameters(command=cmd())\n"
        "x = Agent('m', mcp_servers=[a, b])\n"
    )
    records = run(text)
    found = {c.name: c for c in kinds(records, Consumer, kind=ConsumerKind.TOOL_SERVER)}
    assert set(found) == {"mcp-a", "b", "c", "python"} or len(found) == 4
    assert (found["mcp-a"].pin, found["mcp-a"].parent_id) == (Pin.NONE, "dir:shop#a.py:x")
    assert (found["c"].loopback, found["c"].transport) == (True, Transport.SSE)
    assert only(records, Use, form=Form.LITERAL).consumer_id == found["mcp-a"].id


@pytest.mark.parametrize(("said", "approval"), [("never", Approval.AUTO), ("always", Approval.ASK), ("x", None)])
def test_hosted_servers(run, said, approval):
    config = f"{{'server_label': 's', 'server_url': 'https://s.example.com', 'authorization': '{SECRET}', 'require_approval': '{said}'}}"
    records = run(OPENAI + f"x = Agent(name='A', tools=[HostedMCPTool(tool_config={config})])\n")
    server = only(records, Consumer, kind=ConsumerKind.TOOL_SERVER)
    assert (server.approval, server.auth, server.name) == (approval, Auth.STATIC_BEARER, "s")
    assert only(records, Use).consumer_id == server.id


FORWARDING = """
from fastmcp import FastMCP
import httpx
mcp = FastMCP('p'{auth})
@mcp.tool
def t(request):
    {body}
mcp.run({run})
"""


@pytest.mark.parametrize(
    ("body", "forwards"),
    [
        ("h = {'Authorization': request.headers['authorization']}; httpx.get('u', headers=h)", True),
        ("httpx.post('u', headers={'Authorization': request.headers.get('Authorization')})", True),
        ("h = {}; h['Authorization'] = request.headers.get('Authorization'); httpx.Client(headers=h)", True),
        ("check(request.headers.get('Authorization')); httpx.get('u', headers={'A': 'b'})", None),
        ("httpx.get('u')", None),
    ],
)
def test_a_token_that_is_passed_through(run, body, forwards):
    assert only(run(FORWARDING.format(auth="", body=body, run="")), Consumer).forwards is forwards


@pytest.mark.parametrize(
    ("auth", "start", "transport", "proof"),
    [
        ("", "", Transport.STDIO, None),
        ("", "transport='sse'", Transport.SSE, Auth.UNDECLARED),
        (", auth=provider", "transport='http'", Transport.HTTP, Auth.OAUTH),
        (", auth=None", "'streamable-http'", Transport.HTTP, Auth.UNDECLARED),
        ("", "transport=pick()", None, None),
    ],
)
def test_servers_that_a_file_is(run, auth, start, transport, proof):
    records = run(FORWARDING.format(auth=auth, body="...", run=start))
    server = only(records, Consumer)
    assert (server.transport, server.auth, only(records, Tool).consumer_id) == (transport, proof, server.id)


def test_a_memory_by_one_name_is_shared_between_files(run):
    text = "from strands import Agent\nx = Agent(tools=[], memory=Chroma(collection_name='facts'))\n"
    run(text, "a.py")
    records = run(text, "b.py")
    assert {r.id for r in kinds(records, Resource)} == {"dir:shop#memory:Chroma:facts"}
    assert len({u.consumer_id for u in kinds(records, Use) if u.resource_id}) == 2


@pytest.mark.parametrize(
    ("line", "enabled"),
    [
        ("agents.set_tracing_disabled(True)", False),
        ("agents.set_tracing_disabled(disabled=False)", True),
        ("c = RunConfig(tracing_disabled=True)", False),
        ("logfire.instrument_openai_agents()", True),
        ("os.environ['LANGSMITH_TRACING'] = 'true'", True),
        ("os.environ['OPENAI_AGENTS_DISABLE_TRACING'] = '1'", False),
        ("pass", None),
    ],
)
def test_traces(run, line, enabled):
    records = run(OPENAI + f"import agents, logfire\nx = Agent(name='A', tools=[])\n{line}\n")
    assert [g.enabled for g in kinds(records, Logging)] == ([] if enabled is None else [enabled])


def test_reviewed_tasks_and_vaulted_tokens(run):
    text = (
        "from crewai import Agent, Task\nfrom bedrock_agentcore.identity.auth import requires_access_token\n"
        "a = Agent(role='r', goal='g')\nt = Task(description='d', agent=a, human_input=True)\n"
        "@requires_access_token(provider_name='github', scopes=['repo'])\ndef f(): ...\n"
    )
    records = run(text)
    assert only(records, Consumer).autonomy is Autonomy.SUPERVISED
    assert only(records, Credential).scopes == ("repo",)
    assert only(records, Use).form is Form.VAULT


def test_a_remote_agent_is_a_hop(run):
    text = (
        "from google.adk.agents import Agent\nfrom google.adk.agents.remote_a2a_agent import RemoteA2aAgent\n"
        "r = RemoteA2aAgent(name='r', agent_card='https://r.example.com/card')\nx = Agent(name='x', sub_agents=[r])\n"
    )
    hop = only(run(text), Hop)
    assert (hop.auth, hop.to_id) == (Auth.UNDECLARED, "dir:shop#a.py:r")


@pytest.mark.parametrize(
    "text",
    ["from crewai import Agent\nx = (", "from mcp import x\nprint 'a'", "from mcp import x\ny = " + "(" * 5_000,
     b"from mcp import x\n\0", "from mcp import x\ny = " + "-" * 60_000 + "1"],
)  # fmt: skip
def test_what_does_not_parse_is_a_gap_or_nothing(run, text):
    records = run(text)
    assert len(kinds(records, Gap)) == (0 if isinstance(text, bytes) else 1)


@pytest.mark.parametrize(
    "line", [b"from agents import x", b"  import crewai.x", b"from google import adk", b"import mcp"]
)
def test_the_prefilter_lets_frameworks_through(line):
    assert names.PREFILTER.search(b"x = 1\n" + line + b"\n")


@pytest.mark.parametrize(
    "line", [b"from agentset import x", b"# import crewai", b"from .agents import x", b"import mcpx"]
)
def test_the_prefilter_stops_the_rest(line):
    assert not names.PREFILTER.search(b"x = 1\n" + line + b"\n")


def test_mutated_code_breaks_nothing(run):
    from tests.test_collectors import CASES_DIR

    rng = random.Random(11)
    for path in sorted((CASES_DIR / "repo.agent_code" / "service" / "input").rglob("*.py")):
        lines = path.read_text().splitlines()
        for _ in range(12):
            mutated = [lines[0], *(line for line in lines[1:] if rng.random() > 0.1)]
            at = rng.randrange(len(mutated))
            mutated[at] = mutated[at].replace(rng.choice("=(',"), rng.choice(["", "((", "=x.", "[0]", "**a, "]))
            run("\n".join(mutated))


def test_parsing_raises_only_what_is_known():
    with pytest.raises(MalformedError) as e:
        source.parse("a = 1\nb = (")
    assert e.value.line == 2


def test_what_leads_to_itself_ends(run):
    text = OPENAI + "t = t + [u]\nh = handoff(h)\nx = Agent(name='A', tools=t, handoffs=[h], model=x)\n"
    records = run("from agents import handoff\n" + text)
    assert only(records, Consumer).name == "A"
    assert kinds(records, Gap) == []
