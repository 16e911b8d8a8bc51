from nhiscan.engine.guard import select
from nhiscan.engine.lineage import _relation, reads, views, vocabulary

from .sample import rule


def made_of(sql):
    """What a SELECT's rows rest on, and each column, as tables."""
    relation = _relation(select(sql), vocabulary())
    return sorted(relation.rows.tables), {name: sorted(r.tables) for name, r in relation.columns.items()}


def test_a_column_comes_from_its_table():
    assert made_of("SELECT c.id, c.state AS s FROM credential c") == (
        ["credential"],
        {"id": ["credential"], "s": ["credential"]},
    )


def test_an_outer_join_counts_only_where_its_columns_are_used():
    rows, columns = made_of("SELECT c.id, o.name FROM credential c LEFT JOIN owner o ON o.subject_id = c.id")
    assert rows == ["credential"]
    assert columns == {"id": ["credential"], "name": ["credential", "owner"]}


def test_an_inner_join_and_its_condition_decide_the_rows():
    rows, _ = made_of("SELECT c.id FROM credential c JOIN identity i ON i.id = c.identity_id")
    assert rows == ["credential", "identity"]
    rows, _ = made_of("SELECT id FROM credential JOIN identity USING (id)")
    assert rows == ["credential", "identity"]


def test_where_and_group_and_having_decide_the_rows():
    rows, _ = made_of("SELECT c.id FROM credential c LEFT JOIN use u ON u.credential_id = c.id WHERE u.id IS NULL")
    assert rows == ["credential", "use"]
    rows, _ = made_of("SELECT c.id FROM credential c LEFT JOIN use u ON TRUE GROUP BY c.id HAVING count(u.id) > 1")
    assert rows == ["credential", "use"]


def test_counting_rows_counts_what_an_outer_join_adds():
    rows, _ = made_of(
        "SELECT c.id, count(*) AS n FROM credential c LEFT JOIN use u ON u.credential_id = c.id GROUP BY c.id"
    )
    assert rows == ["credential", "use"]


def test_subqueries_count_whole():
    rows, columns = made_of(
        "SELECT id, EXISTS (SELECT 1 FROM use u WHERE u.credential_id = c.id) AS used FROM credential c "
        "WHERE c.id IN (SELECT e.credential_id FROM exposure e)"
    )
    assert rows == ["credential", "exposure"]
    assert columns["used"] == ["credential", "use"]


def test_ctes_derived_tables_and_unions_are_seen_through():
    rows, columns = made_of(
        "WITH n (who, times) AS (SELECT credential_id, count(id) FROM use GROUP BY credential_id) "
        "SELECT d.id, n.times FROM (SELECT * FROM credential) AS d LEFT JOIN n ON n.who = d.id"
    )
    assert rows == ["credential"]
    assert columns == {"id": ["credential"], "times": ["credential", "use"]}
    rows, columns = made_of("SELECT id FROM credential UNION ALL SELECT principal_id FROM attachment")
    assert rows == ["attachment", "credential"]
    assert columns == {"id": ["attachment", "credential"]}


def test_a_star_of_one_source_brings_its_columns_alone():
    _, columns = made_of("SELECT o.*, c.state FROM credential c LEFT JOIN owner o ON o.subject_id = c.id")
    assert "kind" in columns
    assert "provider" not in columns


def test_without_from_nothing_is_read():
    assert made_of("SELECT 1 AS one") == ([], {"one": []})


def test_a_rule_rests_on_its_conditions_and_not_on_its_message():
    query = "SELECT c.id, c.scope_id, o.name, c.state FROM credential c LEFT JOIN owner o ON o.subject_id = c.id"
    plain = rule(from_=None, query=query, applies_when=None, fails_when="state = 'active'")
    assert reads(plain).tables == {"credential"}
    assert reads(rule(from_=None, query=query, applies_when=None, fails_when="name IS NULL")).tables == {
        "credential",
        "owner",
    }


def test_columns_are_told_by_table():
    assert ("credential", "issued_at") in reads(rule()).columns
    assert ("credential", "key_id") not in reads(rule()).columns


def test_every_view_of_the_vocabulary_is_understood():
    known = vocabulary()
    assert set(views()) <= set(known)
    for name in views():
        assert known[name].columns, name
        assert None not in known[name].columns


def test_the_columns_of_a_view_are_those_the_inventory_has():
    from nhiscan.store.inventory import Inventory

    with Inventory.memory() as inventory:
        for name in views():
            row = inventory.sql(f'SELECT v.* FROM (SELECT 1) LEFT JOIN "{name}" AS v ON FALSE')[0]
            assert list(row) == list(vocabulary()[name].columns), name


def test_an_inventory_without_views_has_tables(monkeypatch, tmp_path):
    from importlib import resources

    monkeypatch.setattr(resources, "files", lambda _: tmp_path)
    # Past the cache, which other tests share.
    assert views.__wrapped__() == {}
