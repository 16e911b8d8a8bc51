"""Many verdicts lie on disk and read like a list."""

import pytest

from nhiscan.engine.pile import CHUNK, Pile, Piles
from nhiscan.model import Confidence, Severity


def pile(number, rule="R"):
    made = Pile(rule, "credential", ("id", "places", "days", "sure", "share"))
    for n in range(number):
        made.add((f"k{n:05}", "aws:1", "high", "low", f"key {n} — é", (f"k{n:05}", ("a", "b"), 2**70, None, 0.5)))
    return made


@pytest.mark.parametrize("number", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_what_was_added_comes_back_in_order(number):
    made = pile(number)
    assert len(made) == number == len(list(made))
    for n, verdict in enumerate(made):
        assert (verdict.subject_id, verdict.message) == (f"k{n:05}", f"key {n} — é")
    if number:
        first = made[0]
        assert (first.rule_id, first.subject_table, first.scope_id) == ("R", "credential", "aws:1")
        assert (first.severity, first.confidence) == (Severity.HIGH, Confidence.LOW)
        assert first.facts == {"id": "k00000", "places": ("a", "b"), "days": 2**70, "sure": None, "share": 0.5}
        assert made[-1].subject_id == f"k{number - 1:05}"
        assert [v.subject_id for v in made[number - 1 :]] == [made[-1].subject_id]
    with pytest.raises(IndexError):
        made[number]


def test_piles_follow_each_other():
    both = Piles([pile(CHUNK + 2, "A"), (), pile(3, "B")])
    assert len(both) == CHUNK + 5
    assert [v.rule_id for v in both].count("B") == 3
    assert (both[CHUNK + 1].rule_id, both[CHUNK + 2].rule_id, both[-1].subject_id) == ("A", "B", "k00002")
    assert [v.rule_id for v in both[CHUNK + 1 : CHUNK + 4]] == ["A", "B", "B"]
    assert both == Piles([pile(CHUNK + 2, "A"), pile(3, "B")])
    assert both == list(both)
    assert both != Piles([pile(CHUNK + 2, "A"), pile(4, "B")])
    assert both != Piles([pile(CHUNK + 2, "A"), pile(3, "C")])
    assert both != "no list of verdicts"
    with pytest.raises(IndexError):
        both[len(both)]
    assert Piles([]) == ()
