"""The shipped framework files: complete, cross-linked, and honest about what no rule can say."""

import pytest

from nhiscan.engine.frameworks import ALL_RULES, load_frameworks
from nhiscan.engine.requirements import REQUIREMENTS, requirements
from nhiscan.engine.rule import RuleSet, load, shipped_rules_dir

WANTED = {
    "owasp-nhi-2025": 10, "owasp-asi-2026": 10, "owasp-llm-2025": 10, "owasp-mcp-2025": 10, "owasp-cicd": 10,
    "owasp-agentic-threats": 17, "agent-identity-requirements": 37,
}  # fmt: skip
OTHERS = {
    "nist-ai-rmf", "nist-csf-2.0", "nist-800-53-r5", "mitre-attack", "mitre-atlas", "cis-aws", "cis-azure", "cis-gcp",
    "cis-kubernetes", "cis-github", "pci-dss-4.0.1", "iso-27001-2022", "soc2-2017",
}  # fmt: skip


@pytest.fixture(scope="module")
def known():
    return load_frameworks(shipped_rules_dir() / "frameworks")


@pytest.fixture(scope="module")
def rules():
    return load([shipped_rules_dir()], cases=False)


def test_every_framework_is_there_and_the_lists_are_whole(known):
    assert set(WANTED) | OTHERS <= set(known.by_id)
    assert {name: len(known.by_id[name].items) for name in WANTED} == WANTED
    assert {f.id for f in known if f.complete} == set(WANTED)


def test_an_item_has_a_rule_or_a_reason_why_there_can_be_none(known, rules):
    for framework in (known.by_id[name] for name in WANTED):
        spoken = {item for rule in rules for item in framework.levels(rule)}
        silent = {item for item in framework.items if framework.item(item).not_coverable}
        assert not spoken & silent, framework.id
        assert set(framework.items) - spoken - silent <= {"CICD-SEC-7"}, framework.id


def test_crosswalks_lead_to_items_that_exist_and_back(known):
    links = {
        (f.id, item, other, target)
        for f in known
        for item in f.items
        for other, ids in f.item(item).related.items()
        for target in ids
    }
    assert all(target in known.by_id[other].items for _, _, other, target in links)
    lists = ("owasp-nhi-2025", "owasp-asi-2026")
    between = {link for link in links if link[0] in lists and link[2] in lists}
    assert between == {(other, target, f, item) for f, item, other, target in between}
    assert ("owasp-nhi-2025", "NHI1", "owasp-asi-2026", "ASI04") in between


def test_rules_named_by_a_framework_are_rules_or_areas(known, rules):
    labels = {rule.id for rule in rules} | {rule.area for rule in rules} | {ALL_RULES}
    named = {label for f in known for item in f.items for label in f.item(item).rules}
    assert named - labels == set()


def test_frameworks_about_agents_tag_only_what_concerns_one(known, rules):
    rule = rules.get("NS-LIF-001")
    assert "owasp-asi-2026" in known.maps(rule, agentic=True)
    assert not {"owasp-asi-2026", "mitre-atlas", "owasp-llm-2025"} & set(known.maps(rule, agentic=False))
    assert "soc2-2017" in known.maps(rule, agentic=False)
    # What is asked of the report is judged by no rule.
    assert not {"SR-32", "SR-36"} & set(known.maps(rule).get(REQUIREMENTS, {}))


def test_the_table_of_requirements_has_every_one_with_its_rules_and_limits(known, rules):
    table = requirements(rules, known).split("|---|---|---|---|---|---|\n")[1].splitlines()
    assert len(table) == 37
    assert "[NS-AGT-003](agt/NS-AGT-003.yaml)" in table[0]
    assert "agents created at run time" in table[0]
    assert "every rule" in table[35]
    assert requirements(RuleSet(()), known).count("| [NS-AGT-003], ") == 2
