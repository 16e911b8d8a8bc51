"""Every shipped rule keeps the contract and its own cases."""

import pytest

from nhiscan.engine.check import check_dirs
from nhiscan.engine.frameworks import load_frameworks
from nhiscan.engine.rule import RuleSet, load, shipped_rules_dir
from nhiscan.engine.ruletest import run_rule
from nhiscan.store.inventory import Inventory

RULES = load([shipped_rules_dir()])


@pytest.fixture(scope="module")
def inventory():
    with Inventory.memory() as made:
        yield made


def test_rules_are_shipped():
    assert isinstance(RULES, RuleSet)
    assert len(RULES) >= 35


@pytest.mark.parametrize("rule", RULES.rules, ids=lambda rule: rule.id)
def test_a_rule_keeps_its_own_cases(rule, inventory):
    assert [str(failure) for failure in run_rule(inventory, rule)] == []


def test_no_rule_breaks_the_contract():
    directory = shipped_rules_dir()
    problems = check_dirs([directory], load_frameworks(directory / "frameworks"))
    assert [str(problem) for problem in problems] == []
