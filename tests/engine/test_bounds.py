"""A rule that never ends is ended and named; the others go on."""

from nhiscan.engine.evaluate import evaluate
from nhiscan.engine.rule import RuleTest
from nhiscan.engine.ruletest import AS_OF, run
from nhiscan.model import Gap, GapReason
from nhiscan.store.inventory import Inventory

from .sample import rule

BOMB = (
    "SELECT a.id, a.scope_id FROM gap AS a, gap AS b, gap AS c, gap AS d "
    "WHERE concat(a.id, b.id, c.id, d.id) LIKE '%nowhere%'"
)


def gap(number):
    return Gap(
        id=f"gap-{number}", scope_id="s", source="t", covers=("owner",), reason=GapReason.DENIED, remedy="allow it"
    )


def test_a_cross_join_ends_and_the_other_rules_go_on(monkeypatch):
    monkeypatch.setattr("nhiscan.store.inventory.QUERY_MS", 300)
    bomb = rule(id="TEST-LLV-002", name="bomb", subject="gap", needs=("gap",), from_=None, query=BOMB,
                applies_when=None, fails_when="TRUE", severity_when={}, confidence_when={})  # fmt: skip
    well = rule(subject="gap", needs=("gap",), from_="gap", applies_when=None, fails_when="id = 'gap-7'",
                severity_when={}, confidence_when={}, message="{id}")  # fmt: skip
    with Inventory.memory() as inventory:
        inventory.add(map(gap, range(3_000)))
        done = evaluate(inventory, [bomb, well], AS_OF)
    assert [v.message for v in done.verdicts] == ["gap-7"]
    assert [e.rule_id for e in done.errors] == ["TEST-LLV-002"]
    assert "execution time" in done.errors[0].message
    assert [n.reason for n in done.coverage[1].not_assessed] == [f"the rule failed: {done.errors[0].message}"]


def test_the_cases_of_a_rule_are_bounded_too(monkeypatch):
    monkeypatch.setattr("nhiscan.engine.ruletest.QUERY_MS", 200)
    names = [f"t{n}" for n in range(30)]
    tables = ", ".join(f"credential AS {n}" for n in names)
    ids = ", ".join(f"{n}.id" for n in names)
    endless = f"SELECT t0.id, t0.scope_id FROM {tables} WHERE concat({ids}) LIKE '%nowhere%'"
    case = RuleTest(name="three keys", given={"credential": ({"id": "a"}, {"id": "b"}, {"id": "c"})}, expect="pass")
    slow = rule(
        from_=None, query=endless, applies_when=None, fails_when="TRUE", severity_when={}, confidence_when={},
        tests=(case,),
    )  # fmt: skip
    (failure,) = run([slow, rule()])
    assert failure.test == "three keys"
    assert "execution time" in failure.message
