"""What is said to tell rows apart does so, in made-up SELECTs and in every view of a whole estate."""

from __future__ import annotations

import pytest
import sqlglot

from nhiscan.api import open_run
from nhiscan.cli import common
from nhiscan.engine import remembered
from nhiscan.engine.keys import Shape, shape
from nhiscan.engine.rule import load, shipped_rules_dir

KNOWN = {
    "a": Shape(("id", "b_id", "kind"), frozenset({frozenset({"id"})})),
    "b": Shape(("id", "name"), frozenset({frozenset({"id"})})),
    "pair": Shape(("a_id", "b_id", "n"), frozenset({frozenset({"a_id", "b_id"})})),
    "heap": Shape(("id", "name")),
}


def keys(sql):
    return {tuple(sorted(key)) for key in shape(sqlglot.parse_one(sql, dialect="duckdb"), KNOWN).keys}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id, kind FROM a",
        "SELECT x.id FROM a AS x WHERE x.kind = 'key'",
        "SELECT * FROM a",
        "SELECT * EXCLUDE (kind) FROM a",
        "SELECT a.* EXCLUDE (b_id), lower(a.b_id) AS b_id FROM a",
        "SELECT DISTINCT a.id, row_number() OVER () AS n FROM a",
        "SELECT a.*, b.name FROM a JOIN b ON b.id = a.b_id",
        "SELECT a.id FROM a LEFT JOIN b ON a.b_id = b.id AND b.name <> ''",
        "SELECT a.id FROM a LEFT JOIN b ON (b.id = concat(a.b_id, '/', a.kind))",
        "SELECT b.id FROM a JOIN b ON b.id = a.id",
        "SELECT a.id FROM a JOIN b ON b.id = a.id LEFT JOIN pair AS p ON p.a_id = b.id AND p.b_id = a.b_id",
        "SELECT a.id FROM a JOIN pair AS p ON p.a_id = a.id WHERE p.b_id = 'x'",
        "SELECT a.id, a.kind, count(*) AS n FROM a JOIN pair AS p ON p.a_id = a.id GROUP BY a.id, a.kind",
        "SELECT kind AS id, count(*) AS n FROM a GROUP BY kind",
        "SELECT DISTINCT a.id, a.kind FROM a JOIN pair AS p ON p.a_id = a.id",
        "SELECT max(id) AS id FROM heap",
        "WITH x AS (SELECT name AS id, count(*) AS n FROM b GROUP BY name) SELECT x.id FROM x LEFT JOIN b ON b.id = x.id",
        (
            "WITH x AS (SELECT p.a_id, p.b_id, row_number() OVER (PARTITION BY p.a_id ORDER BY p.n) AS n FROM pair AS p) "
            "SELECT a.id, x.b_id FROM a LEFT JOIN x ON x.a_id = a.id AND x.n = 1"
        ),
        "SELECT v.id FROM (VALUES ('one', 1), ('two', 1)) AS v(id, n)",
        "SELECT s.id FROM (SELECT id FROM a) AS s",
        "SELECT a.id FROM a WHERE EXISTS (SELECT 1 FROM pair AS p WHERE p.a_id = a.id)",
    ],
)
def test_one_row_for_each_id(sql):
    assert ("id",) in keys(sql) or () in keys(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM heap",
        "SELECT b_id AS id FROM a",
        "SELECT a.id FROM a JOIN pair AS p ON p.a_id = a.id",
        "SELECT a.id FROM a LEFT JOIN pair AS p ON p.a_id = a.id",
        "SELECT a.id FROM a, b",
        "SELECT b.id FROM a LEFT JOIN b ON b.id = a.id",
        "SELECT b.id FROM a JOIN b ON b.id = a.b_id",
        "SELECT a.id FROM a RIGHT JOIN b ON b.id = a.b_id",
        "SELECT a.id FROM a FULL JOIN b ON b.id = a.b_id",
        "SELECT a.id FROM a LEFT JOIN b ON b.id = a.b_id OR b.name = a.kind",
        "SELECT a.id FROM a LEFT JOIN b ON lower(b.id) = a.b_id",
        "SELECT a.id FROM a JOIN b ON b.id = concat(b.name, a.id)",
        "SELECT a.id FROM a CROSS JOIN UNNEST(['x', 'y']) AS u(v)",
        "SELECT id FROM a UNION ALL SELECT id FROM b",
        "SELECT a.kind AS id, a.b_id FROM a GROUP BY a.kind, a.b_id",
        "SELECT lower(a.kind) AS id, count(*) AS n FROM a GROUP BY lower(a.kind), a.b_id",
        "SELECT id, count(*) OVER () AS n FROM heap",
        "SELECT v.id FROM (VALUES ('one'), ('one')) AS v(id)",
        "SELECT id FROM unheard_of",
        "SELECT p.a_id AS id, row_number() OVER (PARTITION BY p.n ORDER BY p.a_id) AS k FROM pair AS p",
        "SELECT DISTINCT a.kind AS id, a.b_id FROM a",
        "WITH x(id) AS (SELECT kind FROM a) SELECT id FROM x",
        "SELECT id, unnest(list) AS item FROM a",
        "SELECT id, unnest(['x', 'y']) AS item FROM a GROUP BY id",
        "SELECT 'x' AS id, unnest(['x', 'y']) AS item",
        "SELECT a.* REPLACE (lower(kind) AS id) FROM a",
        "SELECT * RENAME (b_id AS id) FROM a",
        "SELECT a.* EXCLUDE (id), b_id AS id FROM a",
        "SELECT a.b_id AS id, a.id FROM a",
        "SELECT t.id FROM a AS t(name, id)",
        "SELECT t.id FROM (SELECT id, kind FROM a) AS t(name, id)",
        "SELECT id FROM (a JOIN pair ON pair.a_id = a.id)",
        "SELECT id FROM a UNPIVOT (v FOR n IN (kind, b_id))",
        "SELECT DISTINCT ON (p.n, a.kind) a.id FROM a JOIN pair AS p ON p.a_id = a.id",
        "SELECT DISTINCT a.kind AS id, row_number() OVER () AS n FROM a",
        "SELECT a.kind AS id FROM a GROUP BY a.kind, ROLLUP(a.b_id)",
        "SELECT a.kind AS id, a.b_id, concat(a.kind, 'x') AS c FROM a GROUP BY 1, 2, concat(a.kind, a.kind, a.kind)",
        "SELECT a.id FROM a POSITIONAL JOIN b",
    ],
)
def test_nothing_is_claimed(sql):
    assert ("id",) not in keys(sql)
    assert () not in keys(sql)


def test_what_is_said_of_the_views_holds_in_a_whole_estate(acme):
    said = 0
    targets = [str(acme / "repo"), *(f"snapshot:{acme / cloud}" for cloud in ("aws", "azure", "gcp"))]
    settings = common.Settings(as_of="2026-11-01", no_cache=True, no_config=True)
    with open_run(common.options_of(targets, settings)) as (_, inventory):
        for name, found in remembered._shapes().items():
            for key in found.keys:
                columns = ", ".join(f'"{c}"' for c in sorted(key)) or "1"
                query = f'SELECT {columns} FROM "{name}" GROUP BY ALL HAVING count(*) > 1'
                assert not inventory.sql(query), (name, key)
                said += 1
    assert said > 100


def test_most_rules_need_no_look_for_subjects_that_stand_in_several_rows():
    rules = load([shipped_rules_dir()], cases=False).rules
    assert sum(map(remembered.one_row, rules)) / len(rules) > 0.8
