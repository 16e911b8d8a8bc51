import pytest

from nhiscan.engine.guard import FUNCTIONS, GuardError, condition, parameters, parsed, refusals, verify

from .sample import rule

ALLOWED = [
    "state = 'active' AND date_diff('day', issued_at, $as_of) > $rotation_days",
    "issued_at < $as_of - $rotation_days * INTERVAL '1' DAY",
    "id IN (SELECT credential_id FROM exposure WHERE visibility = 'tracked')",
    "EXISTS (SELECT 1 FROM use WHERE use.credential_id = id)",
    "coalesce(lower(name), '') LIKE '%key%' AND NOT (kind IS DISTINCT FROM 'jwt')",
    "CASE WHEN length(name) > 3 THEN TRUE END",
    "id IN (WITH seen AS (SELECT credential_id FROM exposure) SELECT credential_id FROM seen)",
]
REFUSED = [
    ("TRUE; DROP TABLE credential", "not SQL"),
    ("TRUE) OR (TRUE", "not SQL"),
    ("state = ", "not SQL"),
    ("id IN (SELECT id FROM read_csv('/etc/passwd'))", "READ_CSV('/etc/passwd') is no table"),
    ("id IN (SELECT content FROM read_text('/etc/passwd'))", "READ_TEXT('/etc/passwd') is no table"),
    ("id IN (SELECT a FROM 'secrets.csv')", "`secrets.csv` is no table"),
    ("id IN (SELECT name FROM duckdb_settings())", "DUCKDB_SETTINGS() is no table"),
    ("id IN (SELECT table_name FROM information_schema.tables)", "information_schema.tables is no table"),
    ("id = getenv('HOME')", "the function getenv is not allowed"),
    ("issued_at < now()", "the function now is not allowed"),
    ("issued_at < CURRENT_TIMESTAMP", "the function current_timestamp is not allowed"),
    ("issued_at < today()", "the function current_date is not allowed"),
    ("random() > 0.5", "the function random is not allowed"),
    ("id IN (SELECT id FROM nobody)", "`nobody` is no table"),
    ("id IN (WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT id FROM r) SELECT id FROM r)", "a recursive CTE"),
    ("_nhi_code = 3", "names that start with nhi_"),
    ("id IN (SELECT unnest(tags) FROM identity)", "the function unnest is not allowed"),
    ("name = '$rotation_days'", "a `$` stands in a text"),
    ("id IN (SELECT * FROM glob('/etc/*'))", "GLOB('/etc/*') is no table"),
    ("id = current_setting('home_directory')", "the function current_setting is not allowed"),
    ("id IN (SELECT id FROM range(1000000000000))", "RANGE(0, 1000000000000) is no table"),
    ("id = repeat('x', 1000000000)", "the function repeat is not allowed"),
    ("id IN (SELECT id FROM main.credential)", "main.credential is no table"),
    ("EXISTS (FROM read_parquet('s3://x/y'))", "READ_PARQUET('s3://x/y') is no table"),
    ("id IN (COPY credential TO 'x')", "not SQL"),
    ("id IN (PRAGMA database_list)", "not SQL"),
    ("(" * 4000 + "TRUE" + ")" * 4000, "not SQL"),
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_plain_conditions_are_allowed(sql):
    verify(rule(fails_when=sql))


@pytest.mark.parametrize(("sql", "message"), REFUSED)
def test_what_reaches_outside_the_tables_is_refused(sql, message):
    with pytest.raises(GuardError) as refused:
        verify(rule(fails_when=sql))
    assert str(refused.value).startswith(message)
    assert refused.value.place == ("fails_when",)


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1; SELECT 2", "DELETE FROM credential", "COPY credential TO 'x'", "ATTACH 'x'", "INSTALL x", "SET a=1"],
)
def test_a_query_is_one_select(sql):
    with pytest.raises(GuardError) as refused:
        verify(rule(from_=None, query=sql))
    assert refused.value.place == ("query",)


def test_a_whole_query_is_allowed():
    trees = parsed(rule(from_=None, query="SELECT id, scope_id FROM credential WHERE state = $rotation_days"))
    assert parameters(trees["query",]) == {"rotation_days"}


def test_the_view_of_a_rule_must_exist():
    with pytest.raises(GuardError, match="`nobody` is no table or view"):
        verify(rule(from_="nobody"))


def test_every_condition_of_a_rule_is_looked_at():
    for change in (
        {"applies_when": "now()"},
        {"severity_when": {"high": "now()"}},
        {"confidence_when": {"low": "now()"}},
    ):
        with pytest.raises(GuardError, match="the function now"):
            verify(rule(**change))


def test_shipped_rules_are_not_parsed_again():
    verify(rule(fails_when="not SQL at all ;;", shipped=True))


CALLS = {
    "case": "case when a then b end",
    "cast": "cast(a as int)",
    "exists": "exists (select 1 from use)",
    "extract": "extract(day from a)",
    "and": "a and b",
    "or": "a or b",
    "rownumber": "row_number()",
    "datediff": "date_diff('day', a, b)",
    "timestamptrunc": "date_trunc('day', a)",
    "any": "a = any(b)",
    "splitpart": "split_part(a, b, 1)",
    "replace": "replace(a, 'b', 'c')",
    "if": "if(a, b, c)",
    "nullif": "nullif(a, b)",
    "xor": "xor(a, b)",
} | {key: f"{key}(a, b)" for key in ("contains", "concat", "coalesce", "greatest", "least", "trim", "round")}
TWO = ("arraycontains", "endswith", "startswith", "strposition", "concatws", "groupconcat", "substring")


@pytest.mark.parametrize(("key", "spelled"), FUNCTIONS.items(), ids=FUNCTIONS)
def test_every_allowed_function_is_told_as_rules_spell_it(key, spelled):
    call = CALLS.get(key, f"{spelled}(a, 2)" if key in TWO else f"{spelled}(a)")
    assert spelled in call
    tree = condition(call)
    assert key in {node.key for node in tree.walk()}
    assert list(refusals(tree)) == []


@pytest.mark.parametrize(
    "query",
    [
        "ATTACH 'x.db'", "COPY credential TO 'x'", "SET memory_limit='1TB'", "PRAGMA database_list",
        "INSTALL httpfs", "LOAD httpfs", "CALL duckdb_settings()", "SELECT 1; SELECT 2", "VACUUM", "EXPLAIN SELECT 1",
        "CREATE TABLE x AS SELECT 1", "DELETE FROM credential", "EXPORT DATABASE 'x'", "CHECKPOINT", "USE memory",
    ],
)  # fmt: skip
def test_a_query_is_one_select_and_nothing_else(query):
    with pytest.raises(GuardError) as refused:
        verify(rule(from_=None, query=query))
    assert refused.value.place == ("query",)
