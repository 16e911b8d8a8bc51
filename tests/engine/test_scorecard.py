"""A scorecard says of each item what failed, passed, could not be decided, and cannot be decided at all."""

from nhiscan.engine.frameworks import Framework, Item
from nhiscan.engine.scorecard import LEFT_OUT_REMEDY, NO_RULE_REASON, State, families, judged, scorecard
from nhiscan.engine.verdict import NotAssessed, RuleCoverage, Verdict
from nhiscan.model import Confidence, Severity

from .sample import rule

LIST = Framework(
    "list", "A list", "2025", "a page", "",
    {"I1": "One", "I2": "Two", "I3": "Three", "I4": "Four", "I5": "Five"},
    complete=True,
    more={
        "I3": Item(not_coverable="nothing that is read says it"),
        "I4": Item(rules=("CRT",), limits="not the rest", related={"other": ("O1",)}),
    },
)  # fmt: skip
RULES = (
    rule(id="NS-LEK-001", name="a", maps={"list": {"I1": "direct", "I2": "partial"}}, family="secret_hygiene"),
    rule(id="NS-LIF-001", name="b", maps={"list": {"I1": "telemetry"}}, family="identity_lifecycle"),
    rule(id="NS-CRT-001", name="c", maps={}, family="secret_hygiene"),
)


def fail(rule_id, subject):
    return Verdict(rule_id, "credential", subject, "s", Severity.LOW, Confidence.LOW, "")


def states(*coverage, verdicts=()):
    card = scorecard(LIST, RULES, judged(coverage, verdicts))
    return {item.id: item for item in card.items}


def hole(count, reason="not read.", remedy="read it", scope="s"):
    return NotAssessed(scope, count, reason, remedy)


def test_an_item_adds_up_its_rules_and_counts_a_subject_once():
    items = states(
        RuleCoverage("NS-LEK-001", 2, 3),
        RuleCoverage("NS-LIF-001", 1, 4, (hole(2), hole(3, "not read", scope="t"))),
        verdicts=[fail("NS-LEK-001", "x"), fail("NS-LEK-001", "y"), fail("NS-LIF-001", "x")],
    )
    one = items["I1"]
    assert (one.state, one.failed, one.failing, one.passed, one.not_assessed) == (State.FAILED, 3, 2, 7, 5)
    assert one.levels == {"direct": ("NS-LEK-001",), "telemetry": ("NS-LIF-001",)}
    (missing,) = one.missing
    assert (missing.reason, missing.remedy, missing.count) == ("not read", "read it", 5)
    assert (missing.rules, missing.scopes) == (("NS-LIF-001",), ("s", "t"))


def test_what_no_rule_can_speak_of_is_not_coverable_and_never_passed():
    items = states(RuleCoverage("NS-LEK-001", 0, 1), RuleCoverage("NS-LIF-001", 0, 1))
    assert (items["I3"].state, items["I3"].reason) == (State.NOT_COVERABLE, "nothing that is read says it")
    assert (items["I5"].state, items["I5"].reason) == (State.NOT_COVERABLE, NO_RULE_REASON)


def test_a_pass_with_a_hole_is_a_pass_in_part_and_a_hole_alone_is_not_assessed():
    whole = states(RuleCoverage("NS-LEK-001", 0, 1))["I2"]
    partly = states(RuleCoverage("NS-LEK-001", 0, 1, (hole(1),)))["I2"]
    hidden = states(RuleCoverage("NS-LEK-001", 0, 0, (hole(0),)))["I2"]
    nothing = states(RuleCoverage("NS-LEK-001", 0, 0))["I2"]
    assert [i.state for i in (whole, partly, hidden, nothing)] == [
        State.PASSED, State.PARTIAL, State.NOT_ASSESSED, State.NOT_APPLICABLE,
    ]  # fmt: skip


def test_an_item_whose_rules_did_not_run_says_how_to_run_them():
    item = states(RuleCoverage("NS-LIF-001", 0, 9))["I2"]
    assert item.state is State.NOT_ASSESSED
    assert [(m.remedy, m.rules) for m in item.missing] == [(LEFT_OUT_REMEDY, ("NS-LEK-001",))]


def test_the_file_of_a_framework_may_name_an_area_and_a_crosswalk():
    item = states(RuleCoverage("NS-CRT-001", 0, 2))["I4"]
    assert (item.state, item.limits, item.related) == (State.PASSED, "not the rest", {"other": ("O1",)})
    assert item.levels == {"direct": ("NS-CRT-001",)}


def test_one_item_can_be_asked_for():
    card = scorecard(LIST, RULES, judged((), ()), only="I2")
    assert [item.id for item in card.items] == ["I2"]


def test_families_have_their_order_and_only_those_with_rules():
    found = families(RULES, judged([RuleCoverage("NS-LEK-001", 0, 2), RuleCoverage("NS-CRT-001", 0, 1)], ()))
    assert [(f.id, f.state, f.passed) for f in found] == [
        ("identity_lifecycle", State.NOT_ASSESSED, 0),
        ("secret_hygiene", State.PASSED, 3),
    ]
