import pytest

from nhiscan.engine.meanings import meaning
from nhiscan.engine.words import entries, entry, shown
from nhiscan.model import RECORDS
from nhiscan.store.schema import view_bodies


def test_every_table_and_view_says_what_a_row_is():
    found = {e.name: e.what for e in entries()}
    assert list(found) == [*RECORDS, *(name for name, _ in view_bodies())]
    assert [name for name, what in found.items() if not what] == []


def test_a_table_tells_its_columns_their_words_and_meanings():
    words = {w.name: w for w in entry("credential").columns}
    assert words["lifetime"].type == "static, short_lived, federated"
    assert (words["issued_at"].type, words["scopes"].type, words["facts"].type) == (
        "time",
        "list of texts",
        "JSON text",
    )
    assert words["public"].meaning == "the value is public by design (a Supabase anon key)"
    assert words["id"].meaning == "what this is, the same in every run"


def test_a_view_tells_what_stands_beside_its_columns():
    found = entry("credential_issued")
    words = {w.name: w for w in found.columns}
    assert found.is_view
    assert found.what.startswith("one row per credential, with the identity it proves")
    assert words["live"].meaning.startswith("the issuer confirms it works")
    assert words["never_used"].type == "yes or no"
    assert "  never_used " in shown(found)
    assert shown(found).startswith("view credential_issued: one row per credential")


def test_what_is_no_word_is_none():
    assert entry("nobody") is None


@pytest.mark.parametrize(
    ("column", "said"),
    [("provider", "whose it is: aws, azure, gcp, github, repo"), ("trust_policy_id", "the id of the trust policy"),
     ("agent_count", "how many agents"), ("rotated_at", "when it was rotated"), ("zzz", "")],
)  # fmt: skip
def test_names_that_many_share_have_one_meaning(column, said):
    assert meaning(column) == said
