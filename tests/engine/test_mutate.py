import pytest

from nhiscan.engine.mutate import Survivor, main, mutants, run, survivors

from .sample import TEXT, rule

PAIR = "a = 1 AND b < 2 OR NOT c"


def names(**changes):
    return [m.name for m in mutants(rule(params={}, severity_when={}, confidence_when={}, **changes))]


def test_each_operand_is_dropped_and_each_comparison_negated_and_moved():
    assert names(applies_when=None, fails_when=PAIR) == [
        "fails_when: drop `a = 1 AND b < 2`",
        "fails_when: drop `NOT c`",
        "fails_when: drop `a = 1`",
        "fails_when: drop `b < 2`",
        "fails_when: negate `a = 1`",
        "fails_when: negate `b < 2`",
        "fails_when: `b < 2` becomes `b <= 2`",
    ]


def test_the_mutant_holds_what_its_name_says():
    made = {m.name: m.rule.fails_when for m in mutants(rule(fails_when=PAIR))}
    assert made["fails_when: drop `b < 2`"] == "a = 1 OR NOT c"
    assert made["fails_when: negate `a = 1`"] == "(NOT (a = 1)) AND b < 2 OR NOT c"
    assert made["fails_when: `b < 2` becomes `b <= 2`"] == "a = 1 AND b <= 2 OR NOT c"


def test_a_chain_loses_one_operand_at_a_time():
    made = {m.rule.fails_when for m in mutants(rule(fails_when="a AND b AND c", applies_when=None, params={}))}
    assert made >= {"a AND b", "a AND c", "b AND c"}
    assert "c" not in made


@pytest.mark.parametrize(("bound", "moved"), [("<", "<="), ("<=", "<"), (">", ">="), (">=", ">")])
def test_every_bound_has_its_neighbour(bound, moved):
    assert f"fails_when: `a {bound} 1` becomes `a {moved} 1`" in names(fails_when=f"a {bound} 1", applies_when=None)


def test_applicability_severity_and_confidence_are_dropped():
    found = {m.name: m.rule for m in mutants(rule())}
    assert found["drop applies_when"].applies_when is None
    assert found["drop severity_when.high"].severity_when == {}
    assert found["drop confidence_when.low"].confidence_when == {}


def test_a_threshold_is_moved_by_one_wherever_it_stands():
    moving = rule(
        query="SELECT * FROM credential WHERE 1 < $rotation_days",
        from_=None,
        applies_when="$rotation_days > 0",
        severity_when={"low": "$rotation_days = 1"},
        confidence_when={"low": "$rotation_days_2 = 1"},
    )
    changed = next(m.rule for m in mutants(moving) if m.name == "$rotation_days + 1")
    assert "$rotation_days + 1)" in changed.fails_when
    assert changed.applies_when == "($rotation_days + 1) > 0"
    assert changed.query == "SELECT * FROM credential WHERE 1 < ($rotation_days + 1)"
    assert changed.severity_when == {"low": "($rotation_days + 1) = 1"}
    assert changed.confidence_when == {"low": "$rotation_days_2 = 1"}


def test_a_text_and_an_unused_number_are_not_moved():
    text = TEXT.replace("default: 90, min: 1, max: 400", "default: word")
    assert "$rotation_days + 1" not in {m.name for m in mutants(rule(text))}
    assert "$rotation_days + 1" not in {m.name for m in mutants(rule(fails_when="state = 'active'"))}


def test_the_cases_of_the_sample_kill_every_mutant():
    assert survivors(rule()) == []


def test_a_missing_near_miss_lets_its_mutant_live():
    cases = tuple(t for t in rule().tests if t.name != "a key of 90 days")
    found = [s.mutation for s in survivors(rule(tests=cases))]
    assert "$rotation_days - 1" in found
    assert any("becomes" in mutation for mutation in found)


def test_a_mutant_that_breaks_is_killed():
    odd = rule(fails_when="state = 'active' AND (name IS NULL OR CAST(name AS INTEGER) > 1)", tests=rule().tests[:1])
    assert "fails_when: drop `name IS NULL`" not in [s.mutation for s in survivors(odd)]


def test_a_query_with_parameters_is_asked_again_for_each_mutant():
    asking = rule(
        from_=None,
        query="SELECT * FROM credential WHERE date_diff('day', issued_at, $as_of) > $rotation_days OR issued_at IS NULL",
        fails_when="state = 'active' AND issued_at IS NOT NULL",
        tests=tuple(t for t in rule().tests if t.expect == "fail"),
    )
    assert "$rotation_days - 1" in [s.mutation for s in survivors(asking)]
    assert "$rotation_days + 1" not in [s.mutation for s in survivors(asking)]


def test_an_allowed_mutant_is_no_survivor_and_a_stale_allowance_is_one():
    cases = tuple(t for t in rule().tests if t.name != "a password")
    allowing = rule(tests=cases, mutants_allowed={"drop applies_when": "no others", "drop nothing": "old"})
    (stale,) = [s for s in survivors(allowing) if s.mutation.startswith("drop")]
    assert stale == Survivor("TEST-LLV-001", "drop nothing", "rules/llv/TEST-LLV-001.yaml", stale=True)
    assert "remove it" in str(stale)


def test_many_rules_are_shared_by_two_processes_and_few_are_not(monkeypatch):
    cases = tuple(t for t in rule().tests if t.name != "a password")
    rules = [rule(id=f"TEST-LLV-00{n}", tests=cases) for n in (1, 2)]
    alone = run(rules)
    monkeypatch.setattr("nhiscan.engine.halves.WORTH_A_POOL", 2)
    assert run(rules) == alone
    assert {s.rule_id for s in alone} == {"TEST-LLV-001", "TEST-LLV-002"}


def test_the_command_prints_survivors_and_fails(tmp_path, capsys):
    path = tmp_path / "TEST-LLV-001.yaml"
    path.write_text(TEXT, encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "1 rules, 11 mutants, 0 survivors, 0 allowed with a reason\n"
    path.write_text(TEXT.partition("  - name: a password")[0], encoding="utf-8")
    assert main([str(tmp_path)]) == 1
    assert "no case notices: drop applies_when; add a case that does" in capsys.readouterr().out


def test_the_command_tells_a_broken_file_apart(tmp_path, capsys):
    (tmp_path / "x.yaml").write_text("a: [", encoding="utf-8")
    assert main([str(tmp_path)]) == 2
    assert "not YAML" in capsys.readouterr().err
