from __future__ import annotations

import json

import pytest

from nhiscan.collectors.repo._agents.client import all_clients
from nhiscan.collectors.repo._agents.stance import server_rules
from nhiscan.collectors.repo._config.jsonc import parse_json
from nhiscan.collectors.repo._config.nodes import Document
from nhiscan.collectors.repo._config.servers import consent_of
from nhiscan.collectors.repo._config.tools import classify, is_unrestricted
from nhiscan.plugin import Approval, Autonomy, Basis, ToolClass, Visibility


def document(content: object, path: str = "f.json") -> Document:
    return Document(path, parse_json(json.dumps(content)), Visibility.TRACKED)


def stance(client: str, *contents: object):
    (known,) = (c for c in all_clients() if c.slug == client)
    return known.stance([document(c, f"{i}.json") for i, c in enumerate(contents)])


def rules(found) -> list[tuple[str, str, bool]]:
    return [(r.name, str(r.approval), r.unrestricted) for r in found]


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "Bash",
        "Bash()",
        "Bash(*)",
        "Bash(:*)",
        "run_shell_command",
        "mcp__db",
        "mcp__db__*",
        "mcp__*",
        "mcp__a/b c__*",
    ],
)
def test_everything_of_a_kind_is_unrestricted(pattern):
    assert is_unrestricted(pattern)


@pytest.mark.parametrize(
    "pattern", ["Bash(git *)", "Read", "Read(*)", "mcp__db__query", "Edit", "", "(x", "Bash(ls:*)"]
)
def test_a_bounded_pattern_is_not(pattern):
    assert not is_unrestricted(pattern)


@pytest.mark.parametrize(
    ("pattern", "class_"),
    [
        ("*", "exec"),
        ("Bash", "exec"),
        ("Bash(*)", "exec"),
        ("Bash(python:*)", "exec"),
        ("Bash(python3 -c:*)", "exec"),
        ("Bash(uv run:*)", "exec"),
        ("Bash(xargs grep *)", "read"),
        ("Bash(npx:*)", "exec"),
        ("Bash(npm run:*)", "exec"),
        ("Bash(npm run test:*)", "write"),
        ("Bash(npx tsc --noEmit)", "read"),
        ("Bash(git status)", "read"),
        ("Bash(git diff:*)", "read"),
        ("Bash(git commit:*)", "write"),
        ("Bash(git push:*)", "deploy"),
        ("Bash(git:*)", "deploy"),
        ("Bash(rm -rf:*)", "destructive"),
        ("Bash(curl:*)", "external"),
        ("Bash(gh pr view:*)", "external"),
        ("Bash(gh pr merge:*)", "deploy"),
        ("Bash(gh secret list *)", "identity"),
        ("Bash(aws iam:*)", "identity"),
        ("Bash(aws:*)", "identity"),
        ("Bash(terraform apply)", "deploy"),
        ("Bash(find . -name x)", "read"),
        ("Bash(find:*)", "exec"),
        ("Bash(cd api && npm publish)", "deploy"),
        ("Bash(ls | grep x)", "read"),
        ("Bash(A=b rm x)", "destructive"),
        ("Bash(sudo rm x)", "destructive"),
        ("Bash(mytool:*)", None),
        ("Bash(A=b)", None),
        ("Read(./src/**)", "read"),
        ("Edit", "write"),
        ("WebFetch(domain:example.org)", "external"),
        ("Skill", None),
        ("(x", None),
        ("mcp__db__execute_sql", "exec"),
        ("mcp__db__list_tables", "read"),
        ("mcp__db__get_secret", "read"),
        ("mcp__db__search_and_delete", "destructive"),
        ("mcp__pay__create_payment", "payment"),
        ("mcp__iam__grant_role", "identity"),
        ("mcp__x__deploy", "deploy"),
        ("mcp__x__thing", None),
        ("mcp__x", None),
    ],
)
def test_the_most_powerful_class_wins_and_the_unknown_has_none(pattern, class_):
    assert classify(pattern) == (ToolClass(class_) if class_ else None)


@pytest.mark.parametrize(
    ("mode", "approval", "autonomy", "bypass"),
    [
        ("default", Approval.ASK, Autonomy.INTERACTIVE, None),
        ("plan", Approval.ASK, Autonomy.INTERACTIVE, None),
        ("acceptEdits", Approval.ASK, Autonomy.SUPERVISED, None),
        ("dontAsk", Approval.DENY, Autonomy.SUPERVISED, None),
        ("bypassPermissions", Approval.AUTO, Autonomy.UNATTENDED, "permissions.defaultMode=bypassPermissions"),
        ("auto", None, None, None),
        ("allowEdits", None, None, None),
    ],
)
def test_claude_modes(mode, approval, autonomy, bypass):
    got = stance("claude-code", {"permissions": {"defaultMode": mode}})
    assert (got.approval, got.autonomy, got.bypass) == (approval, autonomy, bypass)
    assert any(r.name == "*" and r.unrestricted for r in got.rules) == bool(bypass)
    assert any(r.name == "Edit" for r in got.rules) == (mode == "acceptEdits")


def test_the_local_file_overrides_the_mode_and_lists_add_up():
    got = stance(
        "claude-code",
        {"permissions": {"defaultMode": "bypassPermissions", "allow": ["Read"]}},
        {"permissions": {"defaultMode": "default", "allow": ["Edit"]}},
    )
    assert (got.approval, got.bypass, got.uri) == (Approval.ASK, None, "1.json")
    assert [r.name for r in got.rules] == ["Read", "Edit"]


def test_deny_wins_over_ask_and_ask_over_allow():
    lists = {
        "allow": ["Bash(ls)", "Read", "Edit", "Bash(git push:*)"],
        "ask": ["Edit", "Bash(git push:*)"],
        "deny": ["Read"],
    }
    got = stance("claude-code", {"permissions": lists})
    assert rules(got.rules) == [
        ("Read", "deny", False),
        ("Edit", "ask", False),
        ("Bash(git push:*)", "ask", False),
        ("Bash(ls)", "auto", False),
    ]
    got = stance("claude-code", {"permissions": {"allow": ["Bash(ls)", "*"], "deny": ["Bash(*)"]}})
    assert rules(got.rules) == [("Bash(*)", "deny", False), ("*", "auto", True)]


@pytest.mark.parametrize(
    ("sandbox", "permissions", "shown", "shell"),
    [
        ({"enabled": True}, {}, "enabled", Basis.DEFAULT),
        ({"enabled": True, "autoAllowBashIfSandboxed": True}, {}, "enabled", Basis.EXPLICIT),
        ({"enabled": True, "autoAllowBashIfSandboxed": False}, {}, "enabled", None),
        ({"enabled": True}, {"deny": ["Bash"]}, "enabled", None),
        ({"enabled": False}, {}, "disabled", None),
        ({"enabled": 3}, {}, None, None),
        ({}, {}, None, None),
    ],
)
def test_a_sandboxed_shell_runs_unasked_and_bounded(sandbox, permissions, shown, shell):
    got = stance("claude-code", {"sandbox": sandbox, "permissions": permissions})
    assert got.sandbox == shown
    assert [(r.basis, r.unrestricted) for r in got.rules if r.name == "Bash" and r.approval is Approval.AUTO] == (
        [(shell, False)] if shell else []
    )


@pytest.mark.parametrize(
    ("config", "approval", "autonomy", "free"),
    [
        ({"approval_policy": "never", "sandbox_mode": "danger-full-access"}, Approval.AUTO, Autonomy.UNATTENDED, True),
        ({"approval_policy": "never", "sandbox_mode": "workspace-write"}, Approval.AUTO, Autonomy.UNATTENDED, False),
        ({"approval_policy": "on-failure"}, Approval.ASK, Autonomy.SUPERVISED, None),
        ({"approval_policy": "on-request"}, Approval.ASK, Autonomy.INTERACTIVE, None),
        ({"approval_policy": {"granular": 1}}, None, None, None),
        ({"sandbox_mode": "read-only"}, None, None, None),
    ],
)
def test_codex_policies(config, approval, autonomy, free):
    got = stance("codex", config)
    assert (got.approval, got.autonomy, got.sandbox) == (approval, autonomy, config.get("sandbox_mode"))
    assert [r.unrestricted for r in got.rules] == ([] if free is None else [free])


def test_gemini_lists_modes_and_sandbox():
    got = stance(
        "gemini-cli",
        {
            "general": {"defaultApprovalMode": "auto_edit"},
            "tools": {"allowed": ["run_shell_command"], "exclude": ["web_fetch"], "sandbox": "docker"},
        },
    )
    assert (got.approval, got.autonomy, got.sandbox) == (Approval.ASK, Autonomy.SUPERVISED, "docker")
    assert rules(got.rules) == [
        ("run_shell_command", "auto", True),
        ("web_fetch", "deny", False),
        ("replace", "auto", False),
    ]
    got = stance(
        "gemini-cli", {"general": {"defaultApprovalMode": "yolo"}, "tools": {"sandbox": True}, "allowedTools": [1]}
    )
    assert (got.approval, got.sandbox, got.rules) == (None, "enabled", ())


def test_vscode_auto_approval():
    got = stance("vscode-copilot", {"chat.tools.terminal.autoApprove": {"rm": False, "ls": True, "x": None}})
    assert (got.approval, rules(got.rules)) == (None, [("Bash(rm*)", "ask", False), ("Bash(ls*)", "auto", False)])
    got = stance("vscode-copilot", {"chat.tools.global.autoApprove": True})
    assert (got.approval, got.autonomy, got.bypass) == (
        Approval.AUTO,
        Autonomy.UNATTENDED,
        "chat.tools.global.autoApprove",
    )
    assert rules(got.rules) == [("*", "auto", True)]


def test_a_client_whose_files_say_nothing_of_tools_has_its_default():
    assert stance("windsurf", {}).approval is None


def test_a_server_entry_approves_and_refuses_its_own_tools():
    entry = parse_json('{"trust": true, "alwaysAllow": ["*", "get", 1], "disabledTools": ["drop"]}')
    assert rules(server_rules("s", entry, "f")) == [
        ("mcp__s__*", "auto", True),
        ("mcp__s__*", "auto", True),
        ("mcp__s__get", "auto", False),
        ("mcp__s__drop", "deny", False),
    ]


@pytest.mark.parametrize(
    ("entry", "settings", "consent", "expected"),
    [
        ({}, {}, False, (True, None, None, None)),
        ({"disabled": True}, {}, False, (False, None, None, None)),
        ({"enabled": False}, {}, False, (False, None, None, None)),
        ({}, {"mcp": {"excluded": ["s"]}}, False, (False, None, None, None)),
        ({"trust": True}, {}, False, (True, Approval.AUTO, Basis.EXPLICIT, "trust")),
        ({"alwaysAllow": ["*"]}, {}, False, (True, Approval.AUTO, Basis.EXPLICIT, "alwaysAllow")),
        ({"autoApprove": ["get"]}, {}, False, (True, None, None, None)),
        ({}, {}, True, (None, Approval.ASK, Basis.DEFAULT, None)),
        ({}, {"enableAllProjectMcpServers": True}, True, (True, Approval.AUTO, Basis.EXPLICIT, "enableAllProjectMcpServers")),
        ({}, {"enabledMcpjsonServers": ["s"]}, True, (True, Approval.AUTO, Basis.EXPLICIT, "enabledMcpjsonServers")),
        ({}, {"disabledMcpjsonServers": ["s"], "enableAllProjectMcpServers": True}, True, (False, Approval.AUTO, Basis.EXPLICIT, "enableAllProjectMcpServers")),
    ],
)  # fmt: skip
def test_whether_a_server_starts_unasked(entry, settings, consent, expected):
    nodes = [parse_json(json.dumps(x)) for x in (entry, settings)]
    got = consent_of("s", nodes[0], [nodes[1]], project_consent=consent)
    assert (got.enabled, got.approval, got.basis, got.bypass) == expected
