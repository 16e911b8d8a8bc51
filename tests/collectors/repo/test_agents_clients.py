from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from nhiscan.collectors.repo._agents import client as agent_clients
from nhiscan.collectors.repo._agents import host, personal
from nhiscan.collectors.repo._agents.formats import read_tree
from nhiscan.collectors.repo._agents.traits import Traits, server_traits, tool_traits
from nhiscan.collectors.repo.agents import COLLECTOR
from nhiscan.detect.examples import assemble
from nhiscan.model import Approval, Autonomy, Basis, Consumer, Credential, Form, Gap, Hop, Logging, Origin, Tool, Use
from nhiscan.plugin import Context, Target, TargetKind, ToolClass
from nhiscan.sensitive import FingerprintKey

CTX = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32))
PAT = "ghp_" + "q7Zt4LxW9bRkM2vHc8Ny5GdJ3sPf6TaE1uXw"


@pytest.fixture
def run(tmp_path):
    """Collects a directory made of the given files; gives the records of a table, narrowed by facts."""
    root = tmp_path / "shop"

    def collect(**files: object):
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        target = Target(str(root), TargetKind.PATH, str(root))
        (unit,) = COLLECTOR.units(target, CTX)
        return of(list(COLLECTOR.collect(unit, CTX)))

    return collect


def of(records):
    def narrowed(table, /, **facts):
        return [r for r in records if isinstance(r, table) and all(getattr(r, k) == v for k, v in facts.items())]

    return narrowed


def test_every_client_says_where_its_default_comes_from():
    known = agent_clients.all_clients()
    assert len({c.slug for c in known}) == len(known) > 25
    assert [c.slug for c in known if "2026" not in c.since and c.default] == []
    assert {c.started_by for c in known if c.started_by} <= {c.slug for c in known}


S = {"s": {"command": "npx", "args": ["-y", "x"]}}
YAML = "mcpServers:\n  - name: s\n    command: npx\n    args: [-y, x]\n"


@pytest.mark.parametrize(
    ("path", "content", "slug"),
    [
        (".devcontainer/devcontainer.json", {"customizations": {"vscode": {"mcp": {"servers": S}}}}, "vscode-copilot"),
        ("opencode.jsonc", {"mcp": {"s": {"type": "local", "command": ["npx", "-y", "x"]}}}, "opencode"),
        ("opencode.json", {"mcp": {"servers": {"s": {"type": "local", "command": ["npx", "-y", "x"]}}}}, "opencode"),
        (".zed/settings.json", {"context_servers": {"s": {"command": {"path": "npx", "args": ["x"]}}}}, "zed"),
        (".continue/config.yaml", YAML, "continue"),
        (".continue/mcpServers/a.yaml", YAML, "continue"),
        (".continue/mcpServers/a.json", {"mcpServers": S}, "continue"),
        (".config/goose/config.yaml", "extensions:\n  s:\n    cmd: npx\n    args: [-y, x]\n", "goose"),
        (".amazonq/mcp.json", {"mcpServers": S}, "amazon-q"),
        (".kiro/settings/mcp.json", {"mcpServers": S}, "kiro"),
        (".junie/mcp/mcp.json", {"mcpServers": S}, "junie"),
        (".idea/mcp.json", {"servers": S}, "jetbrains"),
        (".copilot/mcp-config.json", {"mcpServers": S}, "copilot-cli"),
        (".github/agents/a.agent.md", "---\nmcp-servers:\n  s: {command: npx}\n---\n", "copilot-coding-agent"),
        ("librechat.yaml", "mcpServers:\n  s:\n    command: npx\n", "librechat"),
        (".amp/settings.json", {"amp.mcpServers": S}, "amp"),
        (".qwen/settings.json", {"mcpServers": S}, "qwen-code"),
        (".warp/.mcp.json", S, "warp"),
        (".trae/mcp.json", {"mcpServers": S}, "trae"),
        (".windsurf/mcp_config.json", {"mcpServers": S}, "windsurf"),
        ("a/cline_mcp_settings.json", {"mcpServers": S}, "cline"),
        (".docker/mcp/catalogs/a.yaml", "registry:\n  s:\n    image: mcp/s\n", "docker-mcp"),
        (".claude-plugin/plugin.json", {"name": "p", "mcpServers": S}, "claude-code"),
        ("gemini-extension.json", {"name": "p", "mcpServers": S}, "gemini-cli"),
        (".cursor/mcp.json", {"tools": [{"name": "s", "command": "npx x"}]}, "cursor"),
    ],
)
def test_each_client_names_its_server(run, path, content, slug):
    (agent,) = (got := run(**{path: content}))(Consumer, kind="agent")
    assert agent_clients.place_of(path).client.slug == slug
    (server,) = got(Consumer, kind="tool_server")
    assert (server.name, server.parent_id, agent.framework) == ("s", agent.id, slug)
    assert got(Gap) == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (".claude-plugin/plugin.json", {"name": "p", "version": "1"}),
        (".claude/agents/poet.md", "---\nname: poet\ndescription: Writes: verse\n---\n"),
        (".claude/agents/note.md", "no head\n"),
        (".github/agents/README.md", "# Agents\n"),
        ("hooks/hooks.json", {"hooks": ["useState"]}),
        (".kiro/agents/x.json", {"name": "x"}),
        (".aider.conf.yml", "{}\n"),
        (".continue/mcpServers/a.yaml", "- a\n"),
        (".zed/settings.json", {"tab_size": 2}),
        (".github/agents/nested/a.md", "---\ntools: x\n---\n"),
    ],
)
def test_a_file_of_the_right_name_that_says_nothing_is_no_agent(run, path, content):
    assert run(**{path: content})(Consumer) == []


@pytest.mark.parametrize(
    ("path", "content", "bypass"),
    [
        (".aider.conf.yml", "yes-always: true\n", "yes-always"),
        (".amp/settings.json", {"amp.dangerouslyAllowAll": True}, "amp.dangerouslyAllowAll"),
        (".config/goose/config.yaml", "GOOSE_MODE: auto\n", "GOOSE_MODE=auto"),
        (".qwen/settings.json", {"tools": {"approvalMode": "yolo"}}, "tools.approvalMode=yolo"),
        (".zed/settings.json", {"agent": {"always_allow_tool_actions": True}}, "agent.always_allow_tool_actions"),
        (".zed/settings.json", {"agent": {"tool_permissions": {"default": "allow"}}}, "agent.tool_permissions.default=allow"),
        ("opencode.json", {"permission": "allow"}, "permission=allow"),
        ("opencode.json", {"permission": {"*": "allow"}}, "permission=allow"),
        (".kiro/agents/a.json", {"allowedTools": ["*"]}, "allowedTools=*"),
        (".claude/agents/a.md", "---\npermissionMode: bypassPermissions\n---\n", "permissionMode=bypassPermissions"),
        (".vscode/settings.json", {"chat.tools.global.autoApprove": True}, "chat.tools.global.autoApprove"),
    ],
)  # fmt: skip
def test_what_switches_approval_off_is_named(run, path, content, bypass):
    got = run(**{path: content})
    (agent,) = got(Consumer, kind="agent")
    assert (agent.approval, agent.approval_basis, agent.autonomy) == (
        Approval.AUTO,
        Basis.EXPLICIT,
        Autonomy.UNATTENDED,
    )
    assert (agent.bypass, agent.alters_itself) == (bypass, True)
    (every,) = got(Tool, name="*")
    assert (every.unrestricted, every.reads_untrusted, every.reads_private, every.sends) == (True, True, True, True)


@pytest.mark.parametrize(
    ("path", "content", "tags"),
    [
        (".claude/settings.json", {"permissions": {"defaultMode": "allowEdits"}}, {"invalid": "permissions.defaultMode=allowEdits"}),
        (".claude/settings.json", {"permissions": {"defaultMode": "auto"}}, {"ignored": "permissions.defaultMode=auto"}),
        (".claude/settings.json", {"permissions": {}, "skipDangerousModePermissionPrompt": True}, {"ignored": "skipDangerousModePermissionPrompt"}),
        (".gemini/settings.json", {"general": {"defaultApprovalMode": "yolo"}}, {"ignored": "approvalMode=yolo"}),
        (".gemini/settings.json", {"general": {"defaultApprovalMode": "all"}}, {"invalid": "approvalMode=all"}),
        (".codex/config.toml", 'sandbox_mode = "none"\n', {"invalid": "sandbox_mode=none"}),
        (".codex/config.toml", 'approval_policy = "auto"\n', {"invalid": "approval_policy=auto"}),
        (".config/goose/config.yaml", "GOOSE_MODE: free\n", {"invalid": "GOOSE_MODE=free"}),
    ],
)  # fmt: skip
def test_a_setting_without_effect_is_noted_and_changes_nothing(run, path, content, tags):
    (agent,) = run(**{path: content})(Consumer, kind="agent")
    assert (agent.tags, agent.bypass, agent.approval_basis) == (tags, None, Basis.DEFAULT if agent.approval else None)


def test_bypassing_can_be_switched_off():
    root, _ = read_tree(
        "a.json", '{"permissions": {"defaultMode": "bypassPermissions", "disableBypassPermissionsMode": "disable"}}'
    )
    (claude,) = (c for c in agent_clients.all_clients() if c.slug == "claude-code")
    document = personal.Document(".claude/settings.json", root, personal.Visibility.TRACKED)
    assert claude.stance([document]).bypass is None


def test_opencode_lets_the_shell_run_unless_told_otherwise(run):
    (bash,) = run(**{"opencode.json": {"mcp": S}})(Tool, name="bash")
    assert (bash.approval, bash.approval_basis, bash.unrestricted) == (Approval.AUTO, Basis.DEFAULT, True)
    got = run(**{"opencode.json": {"permission": {"bash": {"*": "ask", "git status": "allow"}}}})
    assert [(t.name, str(t.approval)) for t in got(Tool)] == [("bash(*)", "ask"), ("bash(git status)", "auto")]


def test_hooks_are_code_that_runs_by_itself_and_may_decide(run):
    hooks = {"PreToolUse": [{"matcher": "*", "hooks": [{"type": "command", "command": "npx guard"}]}], "Odd": [1]}
    got = run(**{".claude/settings.json": {"hooks": hooks}})
    (agent,), (step,) = got(Consumer, kind="agent"), got(Consumer, kind="step")
    assert (agent.enforced, agent.alters_itself) == (True, True)
    assert (step.name, step.package, step.pin, step.parent_id) == ("PreToolUse", "guard", "none", agent.id)
    assert [(u.place, u.name) for u in got(Use, consumer_id=step.id)] == [("host", "environment")]
    got = run(**{".claude/settings.json": {"hooks": {"Stop": [{"hooks": [{"command": "./done.sh"}]}]}}})
    assert got(Consumer, kind="agent")[0].enforced is None


def test_an_agent_of_a_client_is_reached_by_a_hop(run):
    settings = {
        ".codex/config.toml": 'model = "x"\n',
        ".codex/agents/a.toml": 'name = "a"\nsandbox_mode = "read-only"\n',
    }
    got = run(**settings)
    (hop,) = got(Hop)
    assert (hop.from_id, hop.to_id, hop.via) == (
        "dir:shop#.:codex",
        "dir:shop#.codex/agents/a.toml:codex-agent",
        "sub_agent",
    )
    assert got(Consumer, name="a")[0].parent_id == hop.from_id


def test_an_agent_whose_client_is_not_configured_stands_alone(run):
    got = run(**{"x/.claude/agents/a.md": "---\ntools: Read, Bash\n---\n"})
    assert (got(Hop), got(Consumer)[0].parent_id, got(Consumer)[0].name) == ([], None, "a")
    assert [(t.name, t.approval) for t in got(Tool)] == [("Bash", None), ("Read", None)] or len(got(Tool)) == 2


@pytest.mark.parametrize(
    ("path", "content", "enabled", "destination"),
    [
        (".claude/settings.json", {"env": {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://o.example.org"}}, True, "https://o.example.org"),
        (".claude/settings.json", {"env": {"CLAUDE_CODE_ENABLE_TELEMETRY": "0"}}, False, None),
        (".codex/config.toml", '[otel]\nexporter = "none"\n', False, None),
        (".gemini/settings.json", {"telemetry": {"enabled": True, "target": "gcp"}}, True, "gcp"),
        ("opencode.json", {"mcp": {}, "experimental": {"openTelemetry": True}}, True, None),
        (".vscode/settings.json", {"github.copilot.chat.otel.enabled": False}, False, None),
    ],
)  # fmt: skip
def test_logs_of_tool_calls(run, path, content, enabled, destination):
    (log,) = run(**{path: content})(Logging)
    assert (log.kind, log.enabled, log.destination) == ("tool_calls", enabled, destination)


@pytest.mark.parametrize(
    ("path", "content", "name"),
    [
        ("opencode.json", {"provider": {"p": {"options": {"apiKey": PAT}}}}, "apiKey"),
        (".continue/config.yaml", f"models:\n  - apiKey: {PAT}\n", "apiKey"),
        ("librechat.yaml", f"endpoints:\n  custom:\n    - apiKey: {PAT}\n", "apiKey"),
        (".aider.conf.yml", f"openai-api-key: {PAT}\n", "openai-api-key"),
        (".zed/settings.json", {"context_servers": {"s": {"settings": {"api_key": PAT}}}}, "api_key"),
        (".zed/settings.json", {"agent": {}, "language_models": {"x": {"api_key": PAT}}}, "api_key"),
        (".devcontainer/devcontainer.json", {"remoteEnv": {"A_TOKEN": PAT}, "customizations": {"vscode": {"mcp": {"servers": {}}}}}, "A_TOKEN"),
        (".codex/config.toml", f'[otel.exporter.otlp-http.headers]\nAuthorization = "Bearer {PAT}"\n', "Authorization"),
    ],
)  # fmt: skip
def test_the_keys_of_models_are_found(run, path, content, name):
    got = run(**{path: content})
    (credential,) = got(Credential)
    assert (credential.name, credential.provider, got(Use, form=Form.LITERAL)[0].credential_id) == (
        name,
        "github",
        credential.id,
    )


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        ("docker run -v /var/run/docker.sock:/var/run/docker.sock x", ["docker_socket"]),
        ("docker run -v ${HOME}/.aws:/root/.aws x", ["cloud_profile"]),
        ("docker run -v ~/.config/gcloud:/g x", ["cloud_profile"]),
        ("docker run -v ~/.kube/config:/k x", ["kubeconfig"]),
        ("docker run -v $HOME:/work x", ["home"]),
        ("docker run --volume=/home/dev:/work x", ["home"]),
        ("docker run --mount type=bind,src=/Users/dev,dst=/w x", ["home"]),
        ("docker run -v C:\\Users\\dev:/work x", ["home"]),
        ("docker run -v /home/dev/project:/work x", []),
        ("ssh -i ~/.ssh/id_ed25519 host", ["ssh_agent"]),
        ("npx server-filesystem /home/dev", ["home"]),
        ("npx server-filesystem /home/dev/src .", []),
        ("npx server-filesystem /", ["home"]),
        ("npx x.sshd awsome", []),
    ],
)
def test_what_a_command_takes_from_its_machine(argv, names):
    words = [(w, 1) for w in argv.split()]
    assert [n for n, _ in host.taken(words, files="filesystem" in argv)] == names


@pytest.mark.parametrize(
    ("argv", "shared"),
    [("docker run --net=host x", True), ("docker run --network host x", True), ("docker run x", None)],
)
def test_a_container_on_the_network_of_its_machine(argv, shared):
    assert host.shares_network([(w, 1) for w in argv.split()]) is shared


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (("a", "@modelcontextprotocol/server-github", None), (True, True, True)),
        (("a", None, "https://mcp.sentry.dev/mcp"), (True, True, None)),
        (("Playwright", None, None), (True, None, True)),
        (("a", "mcp-server-sqlite==1.0.0", None), (None, True, None)),
        (("a", "@modelcontextprotocol/server-sequential-thinking@2025.1.1", None), (False, False, False)),
        (("a", "acme-internal", None), (None, None, None)),
    ],
)
def test_what_well_known_servers_carry(server, expected):
    found = server_traits(*server)
    assert (found.untrusted, found.private, found.sends) == expected


@pytest.mark.parametrize(
    ("name", "class_", "free", "expected"),
    [
        ("*", None, True, (True, True, True)),
        ("Read", ToolClass.READ, False, (False, True, False)),
        ("WebFetch(domain:a)", ToolClass.EXTERNAL, False, (True, False, True)),
        ("Bash(curl *)", ToolClass.EXTERNAL, False, (True, None, True)),
        ("mcp__s__get", ToolClass.READ, False, (None, True, False)),
        ("mcp__s__put", ToolClass.WRITE, False, (None, True, None)),
        ("mcp__none__x", None, False, (None, None, None)),
        ("Other", None, False, (None, None, None)),
    ],
)
def test_what_tools_carry(name, class_, free, expected):
    found = tool_traits(name, class_, {"s": Traits(private=True)}, unrestricted=free)
    assert (found.untrusted, found.private, found.sends) == expected


def test_a_key_that_passes_every_policy_says_so(run):
    import base64

    claims = json.dumps({"iss": "supabase", "role": "service_role"}).encode()
    head = json.dumps({"alg": "HS256"}).encode()
    token = ".".join(base64.urlsafe_b64encode(p).decode().rstrip("=") for p in (head, claims)) + assemble(".{an:43}")
    got = run(**{".mcp.json": {"mcpServers": {"s": {"command": "x", "args": ["--key", token]}}}})
    assert got(Credential)[0].scopes == ("service_role",)


@pytest.fixture
def machine(tmp_path):
    """A home and a root made of the given files."""

    def build(system="linux", **files: object):
        home = tmp_path / "home/dev"
        for name, content in files.items():
            path = home / name[2:] if name.startswith("~/") else tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return personal.Machine(
            home, system, {"APPDATA": str(home / "AppData/Roaming"), "ProgramData": str(tmp_path / "pd")}, tmp_path
        )

    return build


def shown(machine):
    found = list(personal.parts(machine, "user:dev@host", ("consumer",)))
    return sorted(p.document.path for p in found if isinstance(p, personal.Part)), [
        p for p in found if isinstance(p, Gap)
    ]


def test_the_files_of_a_person_and_of_the_machine(machine):
    paths, gaps = shown(
        machine(
            **{
                "~/.cursor/mcp.json": {"mcpServers": S},
                "~/.claude.json": {"mcpServers": S, "projects": {"/srv/app": {"mcpServers": S}, "/srv/b": {}}},
                "~/.config/Code/User/mcp.json": {"servers": S},
                "~/.claude/plugins/cache/a/b/.mcp.json": S,
                "~/.claude/agents/x.md": "---\ntools: Bash\n---\n",
                "/etc/claude-code/managed-settings.json": {"permissions": {"defaultMode": "default"}},
                "~/.gemini/settings.json": "{ broken",
                "~/.zed": "no folder",
            }
        )
    )
    assert paths == [
        "/etc/claude-code/managed-settings.json",
        "~/.claude.json",
        "~/.claude.json",
        "~/.claude/agents/x.md",
        "~/.claude/plugins/cache/a/b/.mcp.json",
        "~/.config/Code/User/mcp.json",
        "~/.cursor/mcp.json",
    ]
    assert [g.locator for g in gaps] == ["~/.gemini/settings.json"]


@pytest.mark.parametrize(
    ("system", "path", "expected"),
    [
        ("darwin", "~/Library/Application Support/Claude/claude_desktop_config.json", "~/Library/Application Support/Claude/claude_desktop_config.json"),
        ("win32", "~/AppData/Roaming/Claude/claude_desktop_config.json", "~/AppData/Roaming/Claude/claude_desktop_config.json"),
        ("linux", "~/.config/Claude/claude_desktop_config.json", "~/.config/Claude/claude_desktop_config.json"),
    ],
)  # fmt: skip
def test_each_system_keeps_settings_elsewhere(machine, system, path, expected):
    assert shown(machine(system, **{path: {"mcpServers": S}}))[0] == [expected]


def test_a_link_in_a_home_is_a_gap_and_not_followed(machine, tmp_path):
    built = machine(**{"/outside.json": {"mcpServers": S}, "~/.cursor/keep": "x"})
    (tmp_path / "home/dev/.cursor/mcp.json").symlink_to(tmp_path / "outside.json")
    paths, (gap,) = shown(built)
    assert (paths, gap.locator) == ([], "~/.cursor/mcp.json")


def test_the_person_is_read_only_when_asked_and_once(machine, tmp_path, monkeypatch):
    built = machine(**{"~/.codex/config.toml": 'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n'})
    monkeypatch.setattr(personal, "Machine", lambda: built)
    ctx = Context(as_of=CTX.as_of, key=CTX.key, user=True)
    target = Target(str(tmp_path), TargetKind.PATH, str(tmp_path))
    assert len(list(COLLECTOR.units(target, CTX))) == 1
    assert list(COLLECTOR.units(Target("aws", "aws", ""), ctx)) == []
    _, unit = COLLECTOR.units(target, ctx)
    got = of(list(COLLECTOR.collect(unit, ctx)))
    (agent,) = got(Consumer)
    assert unit.scope_id.startswith("user:")
    assert (agent.id, agent.origin, agent.visibility) == (f"{unit.scope_id}#~:codex", Origin.USER, "local")
    assert (agent.enforced, str(tmp_path) in repr(got(Consumer))) == (False, False)


def test_a_person_may_choose_the_mode_that_a_project_may_not(machine, monkeypatch, tmp_path):
    built = machine(**{"~/.claude/settings.json": {"permissions": {"defaultMode": "auto"}}})
    monkeypatch.setattr(personal, "Machine", lambda: built)
    ctx = Context(as_of=CTX.as_of, key=CTX.key, user=True)
    *_, unit = COLLECTOR.units(Target(".", TargetKind.PATH, str(tmp_path)), ctx)
    (agent,) = of(list(COLLECTOR.collect(unit, ctx)))(Consumer)
    assert (agent.approval, agent.autonomy, agent.tags) == (Approval.AUTO, Autonomy.SUPERVISED, {})


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (
            ".zed/settings.json",
            {"agent": {"tool_permissions": {"tools": {"edit_file": {"default": "deny"}, "terminal": {"always_allow": [{"pattern": "^ls"}, "^pwd", 3]}}}}},
            [("edit_file", "deny"), ("terminal(^ls)", "auto"), ("terminal(^pwd)", "auto")],
        ),
        (
            ".amp/settings.json",
            {"amp.permissions": [{"tool": "Bash", "matches": {"cmd": "ls*"}, "action": "allow"}, {"tool": "Bash", "action": "reject"}, {"action": "ask"}]},
            [("Bash(ls*)", "auto"), ("Bash", "deny")],
        ),
        (".cursor/permissions.json", {"mcpAllowlist": ["*:*", "a:*", "b:get", ":x"], "terminalAllowlist": ["git"]}, [("Bash(git*)", "auto"), ("*", "auto"), ("mcp__a__*", "auto"), ("mcp__b__get", "auto")]),
        (".cursor/cli.json", {"permissions": {"allow": ["Shell(**)"], "deny": ["Read(.env*)"]}}, [("Shell(**)", "auto"), ("Read(.env*)", "deny")]),
        (".kiro/agents/a.json", {"allowedTools": ["@s", "@s/get", "@builtin", 1], "tools": ["fs_read"]}, [("mcp__s__*", "auto"), ("mcp__s__get", "auto"), ("@builtin", "auto"), ("fs_read", None)]),
        (".github/agents/a.md", "---\ntools: read, s/get\n---\n", [("read", None), ("mcp__s__get", None)]),
        (".vscode/settings.json", {"chat.tools.terminal.autoApprove": {"ls": {"approve": True}}, "chat.tools.edits.autoApprove": {"**/*": True, "**/.env": False, "x": 1}}, [("Bash(ls*)", "auto"), ("Edit(**/*)", "auto"), ("Edit(**/.env)", "ask")]),
        ("opencode.json", {"permission": {"edit": "deny", "bash": "ask", "odd": 1}}, [("edit", "deny"), ("bash", "ask")]),
        (".codex/config.toml", 'web_search = "live"\n[features]\n', [("web_search", "auto")]),
        (".gemini/settings.json", {"tools": {"allowed": "run_shell_command(git)"}}, [("run_shell_command(git)", "auto")]),
    ],
)  # fmt: skip
def test_the_tools_that_settings_allow_and_refuse(run, path, content, expected):
    assert sorted((t.name, t.approval and str(t.approval)) for t in run(**{path: content})(Tool)) == sorted(expected)


def test_commands_that_are_allowed_are_no_credentials(run):
    agents = {"a": {"permission": {"bash": {"pwd": "allow"}}, "tools": {"token": "always"}}}
    assert run(**{"opencode.json": {"agent": agents}})(Use) == []


def test_one_name_twice_is_two_entries(run):
    got = run(
        **{
            ".cursor/mcp.json": {
                "mcpServers": S,
                "tools": [{"name": "s", "command": "a"}, {"name": "s", "command": "b"}],
            }
        }
    )
    stem = "dir:shop#.:cursor/s"
    assert [s.id for s in got(Consumer, kind="tool_server")] == [
        stem,
        f"{stem}@.cursor/mcp.json",
        f"{stem}@.cursor/mcp.json:2",
    ]


def test_a_profile_of_a_container_is_a_credential_outside_the_checkout(run):
    got = run(
        **{".mcp.json": {"mcpServers": {"s": {"command": "docker", "args": ["run", "-e", "AWS_PROFILE=ops", "x"]}}}}
    )
    assert [c.id for c in got(Credential)] == ["dir:shop#aws_profile:ops"]


@pytest.mark.parametrize(
    ("content", "uses"),
    [
        ('[model_providers.p.auth]\ncommand = "get-key"\n', [("auth.command", "helper_command")]),
        (
            '[model_providers.p]\nenv_http_headers = { X-Token = "P_TOKEN", X-Trace = "TRACE" }\n',
            [("X-Token", "reference")],
        ),
    ],
)
def test_the_providers_of_models_name_helpers_and_variables(run, content, uses):
    assert [(u.name, str(u.form)) for u in run(**{".codex/config.toml": content})(Use)] == uses


def test_a_key_in_the_personal_file_of_claude_is_found(machine, monkeypatch, tmp_path):
    built = machine(
        **{
            "~/.claude.json": {
                "primaryApiKey": PAT,
                "mcpServers": S,
                "projects": {str(tmp_path / "home/dev/w"): {"mcpServers": S}},
            }
        }
    )
    monkeypatch.setattr(personal, "Machine", lambda: built)
    ctx = Context(as_of=CTX.as_of, key=CTX.key, user=True)
    *_, unit = COLLECTOR.units(Target(".", TargetKind.PATH, str(tmp_path)), ctx)
    got = of(list(COLLECTOR.collect(unit, ctx)))
    assert [u.name for u in got(Use, place="key")] == ["primaryApiKey"]
    assert [a.id.partition("#")[2] for a in got(Consumer, kind="agent")] == ["~:claude-code", "~/w:claude-code"]


def test_a_list_of_permissions_is_one_of_goose_by_its_own_name_only(run):
    said = "user:\n  always_allow: [developer__shell]\n  never_allow: [github__delete_file]\n"
    found = run(**{"ops/goose/permission.yaml": said, "etc/goose/config.yaml": said, "permission.yaml": said})
    (goose,) = found(Consumer)
    assert goose.id.endswith("#ops:goose")
    assert {t.name: t.approval for t in found(Tool)} == {
        "mcp__developer__shell": Approval.AUTO,
        "mcp__github__delete_file": Approval.DENY,
    }


def test_agents_of_opencode_stand_in_its_settings_too(run):
    agents = {"review": {"permission": {"bash": "allow"}}, "off": {"disable": True}, "text": "no agent"}
    found = run(**{"opencode.json": {"permission": {"edit": "ask"}, "agent": agents}})
    assert {(c.name, c.parent_id) for c in found(Consumer)} == {
        ("opencode", None),
        ("review", "dir:shop#.:opencode"),
    }
    (hop,) = found(Hop)
    assert hop.to_id == "dir:shop#opencode.json:opencode-agent:review"
