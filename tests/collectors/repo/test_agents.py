from __future__ import annotations

import base64
import json
import subprocess
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo._agents import client as agent_clients
from nhiscan.collectors.repo.agents import COLLECTOR
from nhiscan.detect.examples import assemble
from nhiscan.model import (
    Approval,
    Auth,
    Autonomy,
    Basis,
    Consumer,
    Credential,
    CredentialKind,
    Exposure,
    ExposurePart,
    Form,
    Gap,
    GapReason,
    Lifetime,
    Pin,
    Scope,
    Tool,
    ToolClass,
    Transport,
    Use,
    UseHow,
    Visibility,
)
from nhiscan.plugin import Collector, Context, Target, TargetKind, Unit
from nhiscan.sensitive import FingerprintKey, Sensitive

KEY = FingerprintKey(b"k" * 32)
CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=KEY)
AWS_ID = "AKIA" + "RZPUZDIKNORQ" + "6KBK"
SESSION = "FwoGZXIvYXdz" + assemble("E{b64:300}")
AWS_SECRET = "wJalrXUtnFEMI" + "K7MDENGbPxRfiCYzq9Lm2Tv8Qw4"
PAT = "ghp_" + "q7Zt4LxW9bRkM2vHc8Ny5GdJ3sPf6TaE1uXw"


def jwt(**claims: object) -> str:
    parts = [json.dumps(p).encode() for p in ({"alg": "HS256"}, claims)]
    return ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts) + assemble(".{an:43}")


@pytest.fixture
def run(tmp_path):
    """Collects a directory made of the given files."""
    root = tmp_path / "shop"

    def collect(**files: object) -> Records:
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else text(content).encode())
        target = Target(str(root), TargetKind.PATH, str(root))
        root.mkdir(exist_ok=True)
        return Records(list(COLLECTOR.collect(Unit("u", "repo.agents", "dir:shop", target), CTX)))

    return collect


def text(content: object) -> str:
    return content if isinstance(content, str) else json.dumps(content, indent=1)


def one_server(**entry: object) -> dict[str, object]:
    return {".mcp.json": {"mcpServers": {"s": entry}}}


class Records:
    def __init__(self, records: list[object]) -> None:
        self.all = records

    def of(self, table: type, /, **facts: object) -> list:
        found = [r for r in self.all if isinstance(r, table)]
        return [r for r in found if all(getattr(r, k) == v for k, v in facts.items())]

    def one(self, table: type, /, **facts: object):
        (found,) = self.of(table, **facts)
        return found

    def server(self, name: str = "s") -> Consumer:
        return self.one(Consumer, kind="tool_server", name=name)

    def agent(self) -> Consumer:
        return self.one(Consumer, kind="agent")

    def forms(self) -> list[tuple[str | None, str | None]]:
        return [(u.name, u.form and str(u.form)) for u in self.of(Use)]


def test_the_collector_keeps_the_contract():
    assert isinstance(COLLECTOR, Collector)
    assert COLLECTOR.name == "repo.agents"
    assert COLLECTOR.requires == {}


def test_a_path_is_one_unit_and_an_account_none(tmp_path):
    (unit,) = COLLECTOR.units(Target(".", TargetKind.PATH, str(tmp_path)), CTX)
    assert (unit.collector, unit.scope_id) == ("repo.agents", f"dir:{tmp_path.name}")
    assert list(COLLECTOR.units(Target("aws", "aws", ""), CTX)) == []


def test_an_agent_and_its_server_have_stable_ids_and_places(run):
    got = run(**{"svc/api/.mcp.json": '{"mcpServers": {\n\n "db": {"command": "npx", "args": ["-y", "pg@1.2.3"]}}}'})
    agent, server = got.agent(), got.server("db")
    assert agent.id == "dir:shop#svc/api:claude-code"
    assert (server.id, server.parent_id) == ("dir:shop#svc/api:claude-code/db", agent.id)
    assert (server.uri, server.line, server.locator) == ("svc/api/.mcp.json", 3, "svc/api/.mcp.json:3")
    assert (server.launcher, server.package, server.pin) == ("npx", "pg@1.2.3", Pin.EXACT)
    assert (server.transport, server.auth) == (Transport.STDIO, None)
    assert got.one(Scope).id == "dir:shop"


@pytest.mark.parametrize(
    ("path", "client", "content"),
    [
        (".mcp.json", "claude-code", {"mcpServers": {"s": {"command": "x"}}}),
        (".mcp.json", "claude-code", {"s": {"command": "x"}, "note": "flat"}),
        (".cursor/mcp.json", "cursor", {"mcpServers": {"s": {"command": "x"}}}),
        (".vscode/mcp.json", "vscode-copilot", {"servers": {"s": {"command": "x"}}}),
        (".vscode/settings.json", "vscode-copilot", {"mcp": {"servers": {"s": {"command": "x"}}}}),
        ("claude_desktop_config.json", "claude-desktop", {"mcpServers": {"s": {"command": "x"}}}),
        (".codex/config.toml", "codex", '[mcp_servers.s]\ncommand = "x"\n'),
        (".gemini/settings.json", "gemini-cli", {"mcpServers": {"s": {"command": "x"}}}),
        (".roo/mcp.json", "roo-code", {"mcpServers": {"s": {"command": "x"}}}),
        (".claude/settings.json", "claude-code", {"mcpServers": {"s": {"command": "x"}}}),
    ],
)
def test_each_client_is_read_at_any_depth(run, path, client, content):
    got = run(**{path: content, f"a/b/{path}": content})
    assert [a.id for a in got.of(Consumer, kind="agent")] == [f"dir:shop#.:{client}", f"dir:shop#a/b:{client}"]
    assert {s.parent_id for s in got.of(Consumer, name="s")} == {f"dir:shop#.:{client}", f"dir:shop#a/b:{client}"}


def test_a_new_client_is_one_declaration(run, monkeypatch):
    row = agent_clients.Client(slug="novel", files=("novel.json",), servers=(("tools", "mcp"),))
    known = agent_clients.all_clients()
    monkeypatch.setattr(agent_clients, "all_clients", lambda: (*known, row))
    agent_clients._by_name.cache_clear()
    entry = {"type": "local", "command": ["npx", "-y", "x@latest"], "environment": {"REF_API_KEY": "{env:REF_API_KEY}"}}
    got = run(**{"novel.json": {"tools": {"mcp": {"s": entry}}}})
    agent_clients._by_name.cache_clear()
    assert (got.agent().name, got.server().pin) == ("novel", Pin.LATEST)
    assert got.one(Use).credential_id == "dir:shop#env:REF_API_KEY"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("locales/mcp.json", {"mcpServers": {"s": {"command": "x"}}}),
        (".cursor/mcp.json", {"tools": [{"name": "t", "description": "x"}]}),
        (".mcp.json", {"title": "MCP", "done": {"label": "x"}}),
        (".vscode/settings.json", {"editor.tabSize": 2}),
        (".claude/settings.json", {}),
        (".mcp.json", " \n"),
    ],
)
def test_a_name_alone_makes_no_agent(run, path, content):
    got = run(**{path: content})
    assert (got.of(Consumer), got.of(Gap)) == ([], [])


def test_files_of_one_client_in_one_directory_are_one_agent(run):
    got = run(
        **{
            ".claude/settings.local.json": {"permissions": {"allow": ["Read"]}},
            ".claude/settings.json": {"permissions": {"allow": ["Bash(*)"]}},
            ".mcp.json": {"mcpServers": {"s": {"command": "x"}}},
        }
    )
    assert got.agent().uri == ".mcp.json"
    assert {t.name: t.uri for t in got.of(Tool)} == {
        "Bash(*)": ".claude/settings.json",
        "Read": ".claude/settings.local.json",
    }


@pytest.mark.parametrize(
    ("path", "content", "line"),
    [
        (".mcp.json", b'{"mcpServers": {\n "t": {"command": "x"\n', 3),
        (".mcp.json", b"[]", 1),
        (".mcp.json", b"\xff\xfe\x00{", None),
        (".mcp.json", b'{"mcpServers": ' + b'{"a":' * 100_000, 1),
        (".codex/config.toml", b"[mcp_servers\n", 1),
        (".codex/config.toml", b"a = " + b"[" * 20_000, 1),
    ],
)
def test_a_malformed_file_is_a_gap_naming_the_line_and_the_rest_goes_on(run, path, content, line):
    got = run(**{path: content, ".cursor/mcp.json": {"mcpServers": {"s": {"command": "x"}}}})
    gap = got.one(Gap)
    assert set(gap.covers) == {"consumer", "tool", "use", "credential"}
    assert gap.detail is not None
    assert gap.detail.startswith(path)
    if line:
        assert gap.reason is GapReason.MALFORMED
        assert f"line {line}" in gap.detail
        assert f"at line {line}" in gap.remedy
    assert got.server().parent_id == "dir:shop#.:cursor"


def test_a_file_too_large_to_be_configuration_is_a_gap(run):
    got = run(**{".mcp.json": b'{"mcpServers": {}}' + b" " * 2_000_001})
    assert (got.one(Gap).reason, got.of(Consumer)) == (GapReason.SKIPPED, [])


def test_comments_trailing_commas_bom_and_crlf_are_read_with_lines(run):
    content = (
        '\ufeff// servers\r\n{"servers": { # all\r\n /* one\r\n two */\r\n'
        f' "s": {{"command": "x", "env": {{\r\n  "API_KEY": "{PAT}",\r\n }},}},\r\n}},}}\r\n'
    )
    got = run(**{".vscode/mcp.json": content})
    assert (got.server().line, got.one(Exposure).line) == (5, 6)


def test_an_aws_pair_is_one_credential_known_by_its_public_id(run):
    env = {
        "AWS_ACCESS_KEY_ID": AWS_ID,
        "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
        "AWS_SESSION_TOKEN": "",
        "AWS_REGION": "eu-west-1",
    }
    got = run(**one_server(command="x", env=env))
    credential, exposure, use = got.one(Credential), got.one(Exposure), got.one(Use, form=Form.LITERAL)
    assert credential.id == exposure.credential_id == use.credential_id == f"aws:access_key/{AWS_ID}"
    assert (credential.key_id, credential.account_id, credential.kind) == (
        AWS_ID,
        "123456789012",
        CredentialKind.ACCESS_KEY,
    )
    assert credential.fingerprint == KEY.fingerprint(Sensitive(AWS_SECRET))
    assert (exposure.line, exposure.key_name, exposure.part) == (7, "AWS_SECRET_ACCESS_KEY", ExposurePart.VALUE)
    assert (exposure.config, exposure.detector) == ("claude-code", "repo.agents")
    assert (use.how, use.place, credential.lifetime) == (UseHow.ENV, "env", Lifetime.STATIC)


def test_temporary_aws_keys_are_short_lived_and_their_session_token_is_a_part_of_them(run):
    key_id = "ASIA" + AWS_ID[4:]
    env = {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": AWS_SECRET, "AWS_SESSION_TOKEN": SESSION}
    got = run(**one_server(command="x", env=env))
    assert (got.one(Credential).id, got.one(Credential).lifetime) == (f"aws:access_key/{key_id}", Lifetime.SHORT_LIVED)


def test_an_aws_key_id_alone_is_an_exposure_of_the_id_only(run):
    got = run(**one_server(command="x", args=["--key-id", AWS_ID]))
    assert (got.one(Credential).id, got.one(Credential).fingerprint) == (f"aws:access_key/{AWS_ID}", None)
    assert (got.one(Exposure).part, got.one(Use).form) == (ExposurePart.KEY_ID, Form.REFERENCE)


def test_an_aws_secret_or_session_token_alone_is_bound_to_its_place(run):
    got = run(**one_server(command="x", env={"AWS_SECRET_ACCESS_KEY": AWS_SECRET}))
    assert got.one(Credential).id == "dir:shop#.mcp.json:AWS_SECRET_ACCESS_KEY:1"
    got = run(**one_server(command="x", env={"AWS_SESSION_TOKEN": SESSION}))
    assert (got.one(Credential).kind, got.one(Credential).lifetime) == (CredentialKind.TOKEN, Lifetime.SHORT_LIVED)


def test_the_documented_example_key_is_a_placeholder(run):
    got = run(**one_server(command="x", args=["--id", "AKIA" + "IOSFODNN7" + "EXAMPLE"]))
    assert (got.of(Credential), got.one(Use).form) == ([], Form.PLACEHOLDER)
    env = {"AWS_ACCESS_KEY_ID": "AKIA" + "IOSFODNN7" + "EXAMPLE", "AWS_SECRET_ACCESS_KEY": "${AWS_SECRET_ACCESS_KEY}"}
    assert run(**one_server(command="x", env=env)).forms() == [
        ("AWS_ACCESS_KEY_ID", "placeholder"),
        ("AWS_SECRET_ACCESS_KEY", "reference"),
    ]


def test_an_aws_profile_is_a_reference_to_a_credential_outside_the_checkout(run):
    got = run(**one_server(command="x", env={"AWS_PROFILE": "acme-prod"}))
    credential, use = got.one(Credential), got.one(Use, place="env")
    assert got.one(Use, place="host").name == "cloud_profile"
    assert (credential.id, credential.human, credential.state) == ("dir:shop#aws_profile:acme-prod", None, None)
    assert (use.name, use.form, use.how, use.credential_id) == (
        "AWS_PROFILE",
        Form.REFERENCE,
        UseHow.ENV,
        credential.id,
    )
    got = run(**one_server(command="x", env={"AWS_PROFILE": "your-profile"}))
    assert got.one(Use, place="env").form is Form.PLACEHOLDER


def test_a_reference_is_known_by_its_name_and_holds_nothing(run):
    got = run(**one_server(command="x", env={"OPENAI_API_KEY": "${OPENAI_API_KEY}"}))
    credential = got.one(Credential)
    assert (credential.id, credential.provider, credential.kind) == (
        "dir:shop#env:OPENAI_API_KEY",
        "openai",
        CredentialKind.API_KEY,
    )
    assert (credential.fingerprint, credential.state, credential.lifetime) == (None, None, None)
    assert (got.of(Exposure), got.one(Use).form) == ([], Form.REFERENCE)


def test_ids_of_literals_count_by_key_name_within_a_file(run):
    servers = {
        "a": {"command": "x", "env": {"API_KEY": PAT}},
        "b": {"command": "x", "env": {"API_KEY": PAT, "TOKEN": "t0k3n-" * 4}},
    }
    got = run(**{".mcp.json": {"mcpServers": servers}})
    stem = "dir:shop#.mcp.json"
    assert [c.id for c in got.of(Credential)] == [f"{stem}:API_KEY:1", f"{stem}:API_KEY:2", f"{stem}:TOKEN:1"]
    first, second, _ = got.of(Credential)
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"command": "x", "env": {"GITHUB_TOKEN": PAT}}, "GITHUB_TOKEN"),
        ({"url": "https://m.example.org", "headers": {"Authorization": f"Bearer {PAT}"}}, "Authorization"),
        ({"command": "x", "args": ["--token", PAT]}, "token"),
        ({"command": "x", "args": [f"--api-key={PAT}"]}, "api-key"),
        ({"command": "x", "args": [f'GITHUB_TOKEN="{PAT}"']}, "GITHUB_TOKEN"),
        ({"command": "docker", "args": ["run", "-e", f"GITHUB_TOKEN={PAT}", "img"]}, "GITHUB_TOKEN"),
        (
            {"command": "npx", "args": ["mcp-remote", "https://m.example.org", "--header", f"X-API-Key: {PAT}"]},
            "X-API-Key",
        ),
        ({"command": "x", "args": [f"Authorization:{PAT}"]}, "Authorization"),
        ({"command": "x", "args": [PAT]}, None),
        ({"command": f"node server.js --token {PAT}"}, "token"),
        ({"command": "sh", "args": ["-c", f"GITHUB_TOKEN={PAT} exec node s.js"]}, "GITHUB_TOKEN"),
        ({"command": "sh", "args": ["-c", f"GITHUB_TOKEN={PAT} node 's.js"]}, "GITHUB_TOKEN"),
        ({"url": f"https://m.example.org/mcp?apiKey={PAT}"}, "apiKey"),
        ({"url": f"https://{PAT}@m.example.org/mcp"}, "userinfo"),
        ({"transport": {"type": "http", "url": f"https://u:{PAT}@m.example.org/mcp"}}, "userinfo"),
        ({"url": f"https://m.example.org/s/{PAT}/mcp"}, "path"),
        ({"command": "x", "env": {"HEADERS": json.dumps({"Authorization": f"Bearer {PAT}"})}}, "Authorization"),
        ({"command": "x", "env": {"ENDPOINT": f"https://m.example.org/?token={PAT}"}}, "token"),
        ({"command": "x", "args": ["--config", json.dumps({"api": [{"apiKey": PAT}]})]}, "apiKey"),
        ({"url": "https://m.example.org", "apiKey": PAT}, "apiKey"),
        ({"url": "https://m.example.org", "oauth": {"clientId": "x", "clientSecret": PAT}}, "clientSecret"),
        ({"command": {"path": "x", "args": ["--token", PAT]}}, "token"),
        ({"command": ["x", "--token", PAT]}, "token"),
        ({"command": "x", "args": f"--token {PAT}"}, "token"),
    ],
)
def test_a_literal_is_found_wherever_it_hides_and_shown_nowhere(run, entry, name):
    got = run(**one_server(**entry))
    credential = got.one(Credential)
    assert credential.fingerprint == KEY.fingerprint(Sensitive(PAT))
    assert (credential.provider, credential.human, credential.name) == ("github", True, name)
    assert (got.one(Use).form, got.one(Exposure).credential_id) == (Form.LITERAL, credential.id)
    assert PAT not in repr(got.all)


@pytest.mark.parametrize(
    ("entry", "form"),
    [
        ({"command": "x", "env": {"API_KEY": "<paste your key>"}}, "placeholder"),
        ({"command": "x", "env": {"API_KEY": "YOUR_API_KEY"}}, "placeholder"),
        ({"command": "x", "env": {"API_KEY": "changeme"}}, "placeholder"),
        ({"command": "x", "env": {"API_KEY": "[REDACTED]"}}, "placeholder"),
        ({"command": "x", "env": {"API_KEY": "ghp_" + "x" * 36}}, "placeholder"),
        ({"command": "x", "args": ["postgres://app:password@db.example.org/app"]}, "placeholder"),
        ({"command": "x", "env": {"API_KEY": ""}}, "empty"),
        ({"command": "x", "env": {"API_KEY": "${input:nobody}"}}, "dangling"),
        ({"command": "x", "env": {"API_KEY": "${input:}"}}, "dangling"),
        ({"command": "x", "env": {"API_KEY": "${odd:thing}"}}, "dangling"),
        ({"command": "x", "env": {"API_KEY": "$API_KEY"}}, "reference"),
        ({"command": "x", "env": {"API_KEY": "%API_KEY%"}}, "reference"),
        ({"command": "x", "env": {"API_KEY": "${env:API_KEY}"}}, "reference"),
        ({"command": "x", "env": {"API_KEY": "${{ secrets.API_KEY }}"}}, "reference"),
        ({"command": "x", "env": {"API_KEY": "{file:/run/secrets/key}"}}, "reference"),
        ({"command": "x", "env": {"API_KEY": "op://vault/item/key"}}, "vault"),
        ({"command": "x", "env": {"API_KEY": "encrypted:BBc"}}, "vault"),
        ({"command": "x", "env": {"API_KEY": "keychain:api"}}, "keyring"),
        ({"command": "x", "env": {"API_KEY": "$(pass show api)"}}, "helper_command"),
        ({"command": "x", "env": {"GOOGLE_APPLICATION_CREDENTIALS": "/run/key.json"}}, "reference"),
        ({"command": "x", "args": ["${API_TOKEN}"]}, "reference"),
        ({"command": "x", "args": ["postgres://app:${DB_PASSWORD}@db.example.org/app"]}, "reference"),
        ({"command": "docker", "args": ["run", "-e", "API_KEY", "img"]}, "reference"),
        ({"command": "docker", "args": ["run", "--env-file", ".env.mcp", "img"]}, "env_file"),
        ({"command": "x", "envFile": "${workspaceFolder}/.env"}, "env_file"),
        ({"url": "https://m.example.org", "headersHelper": "./headers.sh"}, "helper_command"),
        ({"command": "x", "env_keys": ["API_KEY", "REGION"]}, "keyring"),
    ],
)
def test_what_is_no_literal_is_a_use_without_an_exposure(run, entry, form):
    got = run(**one_server(**entry))
    assert (str(got.one(Use).form), got.of(Exposure)) == (form, [])


@pytest.mark.parametrize(
    "entry",
    [
        {
            "command": "x",
            "env": {"MAX_TOKENS": "4096", "KEYBOARD": "qwertz-layout-1", "TOKEN_TTL": "3600", "KEY_ID": "abc-def-9"},
        },
        {"command": "x", "env": {"AUTH": "true", "API_KEY": "42", "SECRET_NAME": "prod/app", "TOKEN": "/run/token"}},
        {
            "command": "x",
            "env": {"PUBLIC_KEY": "MIIBIjANBg", "API_TOKEN": "https://id.example.org/token", "PORT": 8080},
        },
        {"command": "x", "env": {"OPENAI_API_KEY": "a few plain words"}},
        {"command": "x", "args": ["--stdio", "--port=80", "--dir", "${workspaceFolder}", "-e", "REGION", "/srv"]},
        {"url": "https://m.example.org/mcp?tools=search,fetch&project=abc123"},
        {"url": "https://[broken"},
        {"command": None, "args": None, "url": None, "env": [], "headers": "x"},
    ],
)
def test_settings_are_no_credentials(run, entry):
    got = run(**one_server(**entry))
    assert (got.of(Use), got.of(Credential)) == ([], [])


def test_a_default_inside_a_reference_is_a_literal_too(run):
    got = run(**one_server(command="x", env={"API_KEY": f"${{API_KEY:-{PAT}}}"}))
    assert got.forms() == [("API_KEY", "reference"), ("API_KEY", "literal")]


def test_a_variable_that_a_header_passes_on_is_a_credential_and_counts_once(run):
    args = ["mcp-remote", "https://m.example.org", "--header", "Authorization:${REMOTE}"]
    got = run(**one_server(command="npx", args=args, env={"REMOTE": f"Bearer {PAT}", "REGION": "eu"}))
    assert (got.forms(), got.server().auth) == ([("REMOTE", "literal")], Auth.STATIC_BEARER)
    got = run(**one_server(command="docker", args=["run", "-e", "API_KEY", "img"], env={"API_KEY": PAT}))
    assert got.forms() == [("API_KEY", "literal")]


def test_prompts_are_told_from_dangling_inputs(run):
    content = {
        "inputs": [{"id": "db-pw", "type": "promptString", "password": True}, {"id": "region"}, "odd"],
        "servers": {
            "s": {"command": "x", "env": {"A": "${input:db-pw}", "B": "${input:region}", "TOKEN": "${input:gone}"}}
        },
    }
    assert run(**{".vscode/mcp.json": content}).forms() == [("A", "prompt"), ("TOKEN", "dangling")]


def test_supabase_keys_are_told_apart_by_their_role(run):
    anon, service = jwt(iss="supabase", role="anon", exp=2_000_000_000), jwt(iss="supabase", role="service_role")
    got = run(
        **one_server(
            command="x", args=["--apiKey", anon], env={"KEY": service, "SUPABASE_ANON_KEY": "sb-anon-0123456789"}
        )
    )
    facts = {c.name: (c.provider, c.public) for c in got.of(Credential)}
    assert facts == {"apiKey": ("supabase", True), "KEY": ("supabase", False), "SUPABASE_ANON_KEY": ("supabase", True)}
    assert got.one(Credential, name="apiKey").expires_at == datetime(2033, 5, 18, 3, 33, 20, tzinfo=UTC)


def test_a_connection_string_is_one_credential_and_is_hidden(run):
    dsn = "mongodb+srv://shop:Sh0p-pass%21@c.example.org/db"
    got = run(**one_server(command="npx", args=["mcp-mongo", dsn]))
    credential = got.one(Credential)
    assert (credential.kind, credential.provider, credential.format) == (
        CredentialKind.CONNECTION_STRING,
        "mongodb",
        "connection-string",
    )
    assert credential.fingerprint == KEY.fingerprint(Sensitive(dsn))
    assert "Sh0p-pass" not in repr(got.all)


@pytest.mark.parametrize(
    ("entry", "url", "tls", "loopback", "transport", "auth"),
    [
        ({"url": "https://m.example.org/mcp"}, "https://m.example.org/mcp", True, False, "http", "undeclared"),
        ({"url": "http://m.example.org:81/sse"}, "http://m.example.org:81/sse", False, False, "sse", "undeclared"),
        ({"httpUrl": "http://127.0.0.2/"}, "http://127.0.0.2/", False, True, "http", "undeclared"),
        ({"url": "http://[::1]:9/x"}, "http://[::1]:9/x", False, True, "http", "undeclared"),
        ({"url": "http://a.localhost"}, "http://a.localhost", False, True, "http", "undeclared"),
        ({"serverUrl": "wss://m.example.org"}, "wss://m.example.org", True, False, "websocket", "undeclared"),
        ({"url": "${env:M_URL}", "type": "sse"}, "${env:M_URL}", None, None, "sse", "undeclared"),
        ({"url": "https://m.example.org:port"}, None, None, None, "http", "undeclared"),
        ({"url": "https://m.example.org?a=1&token=" + "s3cr3t-1" * 3}, "https://m.example.org?a=1", True, False, "http", "api_key"),
        ({"url": "https://u:" + "s3cr3t-1" * 3 + "@m.example.org"}, "https://m.example.org", True, False, "http", "basic"),
        ({"url": "https://m.example.org", "headers": {"Authorization": "Bearer ${T}"}}, "https://m.example.org", True, False, "http", "static_bearer"),
        ({"url": "https://m.example.org", "headers": {"Authorization": "Basic ${T}"}}, "https://m.example.org", True, False, "http", "basic"),
        ({"url": "https://m.example.org", "headers": {"x-api-key": "${T}"}}, "https://m.example.org", True, False, "http", "api_key"),
        ({"url": "https://m.example.org", "oauth": {"clientId": "x"}}, "https://m.example.org", True, False, "http", "oauth"),
        ({"url": "https://m.example.org", "authProviderType": "google_credentials"}, "https://m.example.org", True, False, "http", "iam"),
        ({"url": "https://m.example.org", "authProviderType": "dynamic_discovery"}, "https://m.example.org", True, False, "http", "oauth"),
        ({"url": "https://m.example.org", "headersHelper": "./h"}, "https://m.example.org", True, False, "http", None),
        ({"command": "npx", "args": ["-y", "mcp-remote@1.0.0", "https://m.example.org/x"]}, "https://m.example.org/x", True, False, "http", "undeclared"),
        ({"command": "npx", "args": ["mcp-remote", "http://m.example.org", "--transport", "sse-only"]}, "http://m.example.org", False, False, "sse", "undeclared"),
    ],
)  # fmt: skip
def test_a_remote_server_is_told_by_its_url(run, entry, url, tls, loopback, transport, auth):
    server = run(**one_server(**entry)).server()
    assert (server.url, server.tls, server.loopback) == (url, tls, loopback)
    assert (server.transport, server.auth) == (Transport(transport), Auth(auth) if auth else None)


def test_codex_names_variables_and_holds_literal_headers(run):
    content = f"""
approval_policy = "never"
sandbox_mode = "danger-full-access"
[mcp_servers."a b"]
url = "https://m.example.org"
bearer_token_env_var = "A_TOKEN"
env_http_headers = {{ "X-Key" = "B_KEY", "X-Trace" = "TRACE" }}
[mcp_servers.c]
command = "npx"
args = [
  "-y",
  "{PAT}",
]
env_vars = ["C_SECRET", "REGION"]
[mcp_servers.c.env]
D_TOKEN = "{PAT}"
[model_providers.p]
env_key = "P_API_KEY"
experimental_bearer_token = "{PAT}"
http_headers = {{ Authorization = "Bearer {PAT}", Accept = "x" }}
[shell_environment_policy]
set = {{ E_TOKEN = "{PAT}" }}
"""
    got = run(**{".codex/config.toml": content})
    assert sorted((u.name or "-", str(u.form), u.line) for u in got.of(Use)) == [
        ("-", "literal", 12),
        ("Authorization", "literal", 20),
        ("Authorization", "reference", 6),
        ("C_SECRET", "reference", 14),
        ("D_TOKEN", "literal", 16),
        ("E_TOKEN", "literal", 22),
        ("P_API_KEY", "reference", 18),
        ("X-Key", "reference", 7),
        ("experimental_bearer_token", "literal", 19),
    ]
    agent = got.agent()
    assert (agent.approval, agent.approval_basis, agent.autonomy) == (
        Approval.AUTO,
        Basis.EXPLICIT,
        Autonomy.UNATTENDED,
    )
    assert (agent.bypass, agent.sandbox, agent.line) == ("approval_policy=never", "danger-full-access", 2)
    tool = got.one(Tool, name="shell")
    assert (tool.class_, tool.unrestricted) == (ToolClass.EXEC, True)
    assert got.server("a b").auth is Auth.STATIC_BEARER


def test_claude_settings_hold_environment_helpers_hooks_and_approved_command_lines(run):
    settings = {
        "env": {"ANTHROPIC_API_KEY": "sk-" + "ant-api03-" + "Ab1" * 12, "DEBUG": "1", "N": 3},
        "apiKeyHelper": "./key.sh",
        "hooks": {
            "Stop": [
                {
                    "hooks": [
                        {"command": f"curl -H 'Authorization: Bearer {PAT}' https://h.example.org"},
                        {"command": "x --token $T"},
                    ]
                }
            ]
        },
        "permissions": {
            "allow": ["Bash(PGPASSWORD=root psql:*)", "Bash(API_TOKEN=$T x)", f"Bash(gh auth login --with-token {PAT})"]
        },
    }
    got = run(**{".claude/settings.json": settings})
    assert {(u.place, u.name, str(u.form)) for u in got.of(Use) if u.place != "host"} == {
        ("env", "ANTHROPIC_API_KEY", "literal"),
        ("helper", "apiKeyHelper", "helper_command"),
        ("hook", "Authorization", "literal"),
        ("permission", "PGPASSWORD", "literal"),
        ("permission", "with-token", "literal"),
    }
    names = [t.name for t in got.of(Tool)]
    assert names[0] == "Bash(PGPASSWORD=*** psql:*)"
    assert PAT not in repr(got.all)


@pytest.mark.parametrize(
    "junk", ["permissions", "hooks", "env", "mcpServers", "sandbox", "enabledMcpjsonServers", "model_providers"]
)
@pytest.mark.parametrize("value", [None, 1, "x", [], [1, None, {"hooks": 1}], {"a": 1, "allow": "x", "defaultMode": 7}])
def test_wrong_shapes_are_passed_over(run, junk, value):
    got = run(**{".claude/settings.json": {"permissions": {}, junk: value}})
    assert (len(got.of(Consumer)), got.of(Gap)) == (1, [])


def test_list_shaped_server_maps_are_read_by_name(run):
    got = run(**{".cursor/mcp.json": {"mcpServers": [{"name": "s", "command": "x"}, {"command": "y"}, 3]}})
    assert [s.name for s in got.of(Consumer, kind="tool_server")] == ["s"]


def test_names_fit_for_a_terminal(run):
    got = run(
        **{".mcp.json": {"mcpServers": {"a\u001b[31m\n" + "x" * 300: {"command": "x"}, f"n-{PAT}": {"command": "x"}}}}
    )
    names = [s.name for s in got.of(Consumer, kind="tool_server")]
    assert all(n.isprintable() and len(n) <= 201 for n in names)
    assert PAT not in repr(got.all)


def test_tracked_and_ignored_files_differ_in_visibility(tmp_path):
    def git(*args: str) -> None:
        base = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", "-C", str(tmp_path)]
        subprocess.run([*base, *args], check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text(".claude/settings.local.json\n")
    (tmp_path / ".mcp.json").write_text(text({"mcpServers": {"s": {"command": "x", "env": {"A_TOKEN": PAT}}}}))
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.local.json").write_text(text({"env": {"B_TOKEN": PAT}}))
    git("add", ".")
    git("commit", "-qm", "x")
    target = Target(str(tmp_path), TargetKind.PATH, str(tmp_path))
    (unit,) = COLLECTOR.units(target, CTX)
    got = Records(list(COLLECTOR.collect(unit, CTX)))
    assert {e.key_name: (e.visibility, e.at_head) for e in got.of(Exposure)} == {
        "A_TOKEN": (Visibility.TRACKED, True),
        "B_TOKEN": (Visibility.LOCAL, False),
    }
    assert got.agent().id.startswith("repo:git-")


def test_values_longer_than_any_credential_are_passed_over(run):
    long = "a1" * 20_000
    entry = {
        "command": f"x {long} --b",
        "args": [long],
        "url": f"https://m.example.org/{long}",
        "env": {"API_KEY": long},
    }
    got = run(**one_server(**entry))
    assert (got.of(Use), got.server().url) == ([], None)
    settings = {"permissions": {"allow": [f"Bash(x {long})"]}}
    assert len(run(**{".claude/settings.json": settings}).one(Tool).name) <= 201
