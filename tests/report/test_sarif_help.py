from nhiscan.engine.pages import rule_page
from nhiscan.report._sarif_rules import rules
from tests.engine.sample import rule


def test_a_rule_carries_its_page_and_where_to_read_on():
    (described,) = rules([rule()], [], [])
    assert described["helpUri"] == "https://example.com/rotation"
    assert described["help"]["markdown"] == rule_page(rule())


def test_without_an_address_there_is_no_help_uri():
    (described,) = rules([rule(references=("a book",))], [], [])
    assert "helpUri" not in described
