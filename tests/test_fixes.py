"""What the shipped rules tell a reader to do: commands, Terraform, and what breaks."""

import re

import pytest

from nhiscan.engine.query import compiled
from nhiscan.engine.rule import load, shipped_rules_dir
from nhiscan.engine.ruletest import AS_OF
from nhiscan.store.inventory import Inventory
from nhiscan.triage.context import _BLANK

RULES = [rule for rule in load([shipped_rules_dir()]) if "aws" in rule.fix]
BLANK = re.compile(r"\{\w+\}")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_fix_leaves_no_blank_that_nobody_fills(rule):
    text = " ".join(rule.fix.values())
    assert set(BLANK.findall(text)) == {m.group(0) for m in _BLANK.finditer(text)}


def test_a_fix_that_says_what_breaks_has_rows_that_know_it():
    with Inventory.memory() as inventory:
        for rule in RULES:
            query = compiled(rule, AS_OF, {})
            sql = f"SELECT nhi_s.* FROM (SELECT 1) AS nhi_o LEFT JOIN {query.source} AS nhi_s ON FALSE"
            columns = inventory.sql(sql, query.parameters_of(sql))[0]
            assert "{breaks}" not in rule.fix["aws"] or "breaks" in columns, rule.id


# Written before fixes had both, and not about AWS alone.
OLDER = {"NS-HUM-001", "NS-LEK-001", "NS-PRV-004", "NS-PRV-006"}


@pytest.mark.parametrize("rule", [r for r in RULES if r.id not in OLDER and r.area != "MCP"], ids=lambda rule: rule.id)
def test_a_fix_at_aws_can_be_done_by_command_line_and_by_terraform(rule):
    assert re.search(r"\baws [a-z0-9-]+ [a-z0-9-]+", rule.fix["aws"])
    assert "Terraform" in rule.fix["aws"]


# Settings of a CI platform rather than commands, or written as the code they stand in.
OTHERWISE = {"NS-CID-006", "NS-LEK-003", "NS-LEK-004"}
TOOLS = {"azure": r"\baz [a-z0-9-]+ [a-z0-9-]+", "gcp": r"\bgcloud [a-z0-9-]+ [a-z0-9-]+"}
CLOUDS = [(r, c) for r in load([shipped_rules_dir()]) for c in TOOLS if c in r.fix and r.id not in OTHERWISE]


@pytest.mark.parametrize(("rule", "cloud"), CLOUDS, ids=lambda x: getattr(x, "id", x))
def test_a_fix_at_azure_and_google_cloud_can_be_done_by_command_line_and_by_terraform(rule, cloud):
    assert re.search(TOOLS[cloud], rule.fix[cloud])
    assert "Terraform" in rule.fix[cloud]


@pytest.mark.parametrize(("rule", "cloud"), CLOUDS, ids=lambda x: getattr(x, "id", x))
def test_a_fix_at_azure_and_google_cloud_leaves_no_blank_that_nobody_fills(rule, cloud):
    text = rule.fix[cloud]
    assert set(BLANK.findall(text)) == {m.group(0) for m in _BLANK.finditer(text)}


def test_a_fix_at_azure_and_google_cloud_that_says_what_breaks_has_rows_that_know_it():
    with Inventory.memory() as inventory:
        for rule, cloud in CLOUDS:
            query = compiled(rule, AS_OF, {})
            sql = f"SELECT nhi_s.* FROM (SELECT 1) AS nhi_o LEFT JOIN {query.source} AS nhi_s ON FALSE"
            columns = inventory.sql(sql, query.parameters_of(sql))[0]
            assert "{breaks}" not in rule.fix[cloud] or "breaks" in columns, (rule.id, cloud)
