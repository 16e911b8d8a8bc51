"""Rules that have nothing to judge are not asked, and no other rule is passed over."""

from __future__ import annotations

import pytest
import sqlglot

from nhiscan.engine.hollow import ALWAYS, hollow, ways_of
from nhiscan.engine.remembered import rowless
from nhiscan.engine.rule import load, shipped_rules_dir
from nhiscan.model import RECORDS

KNOWN = {name: frozenset({frozenset({name})}) for name in ("a", "b", "c")}


@pytest.mark.parametrize(
    ("sql", "ways"),
    [
        ("SELECT * FROM a", ["a"]),
        ("SELECT * FROM a JOIN b ON a.id = b.id LEFT JOIN c ON c.id = a.id", ["ab"]),
        ("SELECT * FROM a, b", ["ab"]),
        ("SELECT * FROM a CROSS JOIN b", ["ab"]),
        ("SELECT * FROM a FULL JOIN b ON a.id = b.id", [""]),
        ("SELECT * FROM a RIGHT JOIN b ON a.id = b.id", [""]),
        ("SELECT * FROM a ANTI JOIN b ON a.id = b.id", ["a"]),
        ("SELECT id FROM a UNION ALL SELECT id FROM b", ["a", "b"]),
        ("SELECT id FROM a UNION SELECT a.id FROM a JOIN b ON a.id = b.id", ["a"]),
        ("SELECT id FROM a EXCEPT SELECT id FROM b", [""]),
        ("SELECT count(*) AS n FROM a", [""]),
        ("SELECT id, count(*) AS n FROM a GROUP BY id", ["a"]),
        ("SELECT id, count(*) OVER () AS n FROM a", ["a"]),
        ("SELECT 1 AS id", [""]),
        ("SELECT * FROM (VALUES (1)) AS v(id)", [""]),
        ("WITH x AS (SELECT id FROM a), y AS (SELECT id FROM x UNION SELECT id FROM b) SELECT * FROM y JOIN c ON TRUE",
         ["ac", "bc"]),
        ("SELECT * FROM (SELECT id FROM a) AS s JOIN b ON b.id = s.id", ["ab"]),
        ("SELECT * FROM a WHERE EXISTS (SELECT 1 FROM b)", ["a"]),
        ("SELECT * FROM unheard_of", [""]),
    ],
)  # fmt: skip
def test_the_tables_that_rows_need(sql, ways):
    assert ways_of(sqlglot.parse_one(sql, dialect="duckdb"), KNOWN) == {frozenset(way) for way in ways}


def test_many_ways_claim_nothing():
    union = " UNION ".join(f"SELECT id FROM t{n}" for n in range(70))
    known = {f"t{n}": frozenset({frozenset({f"t{n}"})}) for n in range(70)}
    assert ways_of(sqlglot.parse_one(union, dialect="duckdb"), known) == ALWAYS
    assert not hollow(ALWAYS, frozenset(known))


def test_no_case_of_a_shipped_rule_that_judges_something_is_passed_over():
    judged, idle = 0, 0
    for rule in load([shipped_rules_dir()]):
        for case in rule.tests:
            empty = frozenset(RECORDS) - {table for table, rows in case.given.items() if rows}
            if case.expect in {"fail", "pass"}:
                judged += 1
                assert not rowless(rule, empty), (rule.id, case.name)
            idle += rowless(rule, empty)
    assert judged > 1000
    assert idle > 0
