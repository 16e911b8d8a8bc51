import pytest

from nhiscan.engine.rule import RuleSet
from nhiscan.engine.selection import SelectionError, framework_of, select

from .frameworks_sample import frameworks
from .sample import rule

RULES = RuleSet(
    (
        rule(id="NS-LEK-001", name="leaked-secret", maps={"owasp-asi-2026": {"ASI03": "direct"}}, cwe=()),
        rule(id="NS-LLV-001", name="stale-key"),
        rule(id="NS-LLV-005", name="older-key", maps={"owasp-nhi-2025": {"NHI3": "partial"}}, cwe=()),
    )
)


@pytest.fixture
def known(tmp_path):
    return frameworks(tmp_path)


@pytest.mark.parametrize(
    ("selected", "ignored", "left"),
    [
        ([], [], "001 001 005"),
        (["NS-LEK-001"], [], "001"),
        (["ns-lek-001", "older-key"], [], "001 005"),
        (["LLV"], [], "001 005"),
        (["llv"], ["stale-key"], "005"),
        ([], ["LLV"], "001"),
        (["owasp-nhi-2025"], [], "001 005"),
        (["NHI7"], [], "001"),
        (["ASI-3"], [], "001"),
        (["CWE-522"], [], "001"),
        (["cwe"], [], "001"),
    ],
)
def test_labels_choose_rules(known, selected, ignored, left):
    chosen, warnings = select(RULES, selected, ignored, known)
    assert " ".join(r.id[-3:] for r in chosen) == left
    assert warnings == []


def test_a_seed_label_warns_once(known):
    chosen, warnings = select(RULES, ["NHI-03", "NHI-03"], [], known)
    assert [r.id for r in chosen] == ["NS-LLV-005"]
    assert warnings == ["NHI-03 is read as NHI3: some pages mean NHI7"]


def test_a_label_without_rules_warns(known):
    chosen, warnings = select(RULES, ["ASI01"], [], known)
    assert len(chosen) == 0
    assert warnings == ["no rule maps to ASI01"]


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("NS-LEK-01", "did you mean NS-LEK-001"),
        ("leaked-secrets", "did you mean leaked-secret?"),
        ("owasp-nhi", "did you mean owasp-nhi-2025"),
        ("zzzzzz", "nhiscan rules list names them"),
        ("1.1", "write one of: cis-x:1.1, cis-y:1.1"),
    ],
)
def test_an_unknown_label_is_an_error_with_a_way_out(known, label, hint):
    for arguments in (([label], []), ([], [label])):
        with pytest.raises(SelectionError) as refused:
            select(RULES, *arguments, known)
        assert str(refused.value).startswith(label)
        assert hint in str(refused.value)


def test_a_scorecard_is_asked_for_by_framework_item_or_label(known):
    assert framework_of("owasp-nhi-2025", known).item is None
    assert framework_of("A1", known).item == "ASI01"
    with pytest.raises(SelectionError, match="did you mean owasp-nhi-2025"):
        framework_of("owasp-nih-2025", known)
    with pytest.raises(SelectionError, match="use one of: cis-x, cis-y, cwe, owasp-asi-2026, owasp-nhi-2025"):
        framework_of("zzz", known)
