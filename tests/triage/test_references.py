"""How a fix says what a client writes in place of a literal value."""

import pytest

from nhiscan.engine.rule import load, shipped_rules_dir
from nhiscan.engine.verdict import Verdict
from nhiscan.model import Confidence, Severity
from nhiscan.triage import context
from nhiscan.triage.references import reference

SENTENCE = "In {place} write {reference} in place of the value."


@pytest.mark.parametrize(
    ("client", "written"),
    [
        ("cursor", "${env:DB_TOKEN}"),
        ("roo-code", "${env:DB_TOKEN}"),
        ("windsurf", "${env:DB_TOKEN}"),
        ("claude-code", "${DB_TOKEN}"),
        ("gemini-cli", "$DB_TOKEN"),
        ("opencode", "{env:DB_TOKEN}"),
        ("continue", "${{ secrets.DB_TOKEN }}"),
        ("github-actions", "${{ secrets.DB_TOKEN }}"),
        ("codex", 'bearer_token_env_var = "DB_TOKEN"'),
        ("vscode-copilot", '${input:db-token} with {"id": "db-token", "type": "promptString", "password": true}'),
    ],
)
def test_a_reference_is_written_in_the_syntax_of_its_client(client, written):
    assert (reference(client, "DB_TOKEN") or "").startswith(written)


@pytest.mark.parametrize("key_name", [None, "Authorization", "--api-key", "x" * 90, "K"])
def test_what_is_no_variable_is_not_used_as_one(key_name):
    assert reference("cursor", key_name) == "${env:NAME}"


@pytest.mark.parametrize("client", [None, "", "claude-desktop", "unheard-of"])
def test_a_client_without_a_syntax_gets_no_advice(client):
    assert reference(client, "DB_TOKEN") is None


def facts(*exposures):
    rows = [
        {"part": "value", "scope_id": "dir:x", "uri": uri, "config": client, "key_name": key, "at_head": head}
        for uri, client, key, head in exposures
    ]
    return context.Facts(
        rows={("credential", "c"): {"id": "c"}}, exposures={"c": rows}, owners={}, members={}, scopes={}
    )


def verdict(table="credential"):
    return Verdict(
        rule_id="NS-LEK-001", subject_table=table, subject_id="c", scope_id="dir:x", severity=Severity.HIGH,
        confidence=Confidence.HIGH, message="m", facts={},
    )  # fmt: skip


def test_the_sentence_names_the_file_and_the_reference():
    found = facts(("a.env", None, "T", None), (".cursor/mcp.json", "cursor", "GH_TOKEN", True))
    text = context.fix(found, verdict(), "Revoke it.", SENTENCE)
    assert text == "Revoke it. In .cursor/mcp.json write ${env:GH_TOKEN} in place of the value."


@pytest.mark.parametrize(
    "exposure",
    [("a.env", None, "T", None), ("d.json", "claude-desktop", "T", True), (".cursor/mcp.json", "cursor", "T", False)],
)
def test_nothing_is_added_where_no_reference_would_help(exposure):
    assert context.fix(facts(exposure), verdict(), "Revoke it.", SENTENCE) == "Revoke it."


def test_the_fix_of_a_client_comes_before_that_of_its_platform_and_provider():
    (rule,) = [r for r in load([shipped_rules_dir()]) if r.id == "NS-AGT-020"]
    assert rule.fix_for("claude-code", "kubernetes", None) == rule.fix["claude-code"]
    assert rule.fix_for("kagent", "kubernetes", None) == rule.fix["kubernetes"]
    assert rule.fix_for(None, None, None) == rule.fix["default"]


def test_the_settings_of_a_consumer_are_its_client_and_platform():
    found = context.Facts(
        rows={("consumer", "c"): {"id": "c", "framework": "kagent", "platform": "kubernetes", "scope_id": "dir:x"}},
        exposures={}, owners={}, members={}, scopes={},
    )  # fmt: skip
    assert context.setting(found, verdict("consumer")) == ("kagent", "kubernetes", None)


def test_every_rule_with_a_sentence_for_clients_fills_it():
    for rule in load([shipped_rules_dir()]):
        if "client" in rule.fix:
            assert rule.subject == "credential", rule.id
            assert {"{place}", "{reference}"} <= set(rule.fix["client"].split()), rule.id
