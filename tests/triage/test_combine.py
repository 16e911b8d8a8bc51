"""Combinations take in what they are made of and go no further than it."""

import pytest

from nhiscan.engine.rule import load, shipped_rules_dir
from nhiscan.model import Confidence, Severity
from nhiscan.store.inventory import Inventory
from nhiscan.triage.assemble import triage
from nhiscan.triage.combine import combinations
from nhiscan.triage.suppress import Suppression
from tests.triage.build import AS_OF, ETL, estate, evaluation, rule, verdict

IDS = ("NS-LEK-001", "NS-LEK-002", "NS-TOX-001", "NS-PRV-003", "NS-LIF-003", "NS-PRV-011", "NS-AGT-001", "NS-TOX-007")


@pytest.fixture
def store():
    with Inventory.memory() as inventory:
        inventory.add(estate())
        inventory.lock()
        yield inventory


def judge(store, *verdicts, suppressions=()):
    findings, _ = triage(store, evaluation(*verdicts), [rule(i) for i in IDS], None, suppressions, AS_OF)
    names = {f.id: f.rule.id for f in findings}
    return {f.rule.id: f for f in findings}, {f.rule.id: names.get(f.folded_into or "") for f in findings}


def whole(**changes):
    return verdict("NS-TOX-001", severity=Severity.CRITICAL, **changes)


def of_identity(rule_id, **changes):
    return verdict(rule_id, ETL, subject_table="identity", **changes)


def test_a_part_on_the_identity_stands_under_its_combination_with_what_it_led(store):
    found, folded = judge(store, whole(), verdict(), of_identity("NS-PRV-003"), of_identity("NS-LIF-003"))
    assert folded == {
        "NS-TOX-001": None,
        "NS-LEK-001": "NS-TOX-001",
        "NS-PRV-003": "NS-TOX-001",
        "NS-LIF-003": "NS-TOX-001",
    }
    assert set(found["NS-TOX-001"].related) == {found[i].id for i in ("NS-LEK-001", "NS-PRV-003", "NS-LIF-003")}


def test_what_is_no_part_stays_an_entry(store):
    _, folded = judge(store, whole(), of_identity("NS-PRV-011"))
    assert folded["NS-PRV-011"] is None


def test_a_part_that_something_worse_of_its_subject_leads_stays_there(store):
    _, folded = judge(store, whole(), of_identity("NS-PRV-003"), of_identity("NS-PRV-011", severity=Severity.CRITICAL))
    assert folded["NS-PRV-003"] == "NS-PRV-011"


def test_a_suppressed_combination_hides_no_part(store):
    _, folded = judge(
        store, whole(), of_identity("NS-PRV-003"), suppressions=[Suppression(("NS-TOX-001",), reason="x", origin="c:1")]
    )  # fmt: skip
    assert folded["NS-PRV-003"] is None


def test_it_is_no_surer_than_its_least_sure_part_by_the_surest_proof_of_each(store):
    found, _ = judge(store, whole(), verdict(confidence=Confidence.LOW), of_identity("NS-PRV-003"))
    assert found["NS-TOX-001"].confidence is Confidence.LOW
    twice = (verdict(confidence=Confidence.LOW), verdict("NS-LEK-002"))
    found, _ = judge(store, whole(), *twice, of_identity("NS-PRV-003"))
    assert found["NS-TOX-001"].confidence is Confidence.HIGH
    found, _ = judge(store, whole(), verdict(), of_identity("NS-PRV-003"))
    assert found["NS-TOX-001"].confidence is Confidence.HIGH


def test_it_is_at_most_one_level_worse_than_its_worst_part(store):
    low = Severity.LOW
    found, _ = judge(store, whole(), verdict(severity=low), of_identity("NS-PRV-003", severity=low))
    assert found["NS-TOX-001"].severity is Severity.MEDIUM
    # A part that no rule of this run speaks of bounds nothing.
    found, _ = judge(store, whole(), verdict(severity=low))
    assert found["NS-TOX-001"].severity is Severity.CRITICAL


def test_every_combination_has_parts_that_are_rules():
    rules = {r.id: r for r in load([shipped_rules_dir()], cases=False)}
    known = combinations()
    assert {r.id for r in rules.values() if r.area == "TOX"} == set(known)
    assert {part for groups in known.values() for group in groups for part in group} <= set(rules)
