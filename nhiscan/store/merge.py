"""One row per id: rows that several units, or several places of one unit, give of the same thing are merged.

In every column the first known value wins; empty lists and mappings are unknown too.  Units count in the order in which
they are read; within one file the order of lines says nothing, so there the place of a row and then its text decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nhiscan.store.schema import columns, create_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    import duckdb

    from nhiscan.model import Record
    from nhiscan.store.schema import Column

# The order of rows that were added one after the other, and of rows that were read from files.
AS_ADDED = "SELECT *, rowid AS _n FROM {table} AS t SEMI JOIN twice ON twice.id = t.id"
AS_READ = (
    "SELECT t.* EXCLUDE (filename), row_number() OVER (ORDER BY list_position($files, t.filename), t.locator, "
    "CAST(t AS VARCHAR)) AS _n FROM {source} AS t SEMI JOIN twice ON twice.id = t.id"
)


def merge(db: duckdb.DuckDBPyConnection, record: type[Record], ranked: str, parameters: Mapping[str, object]) -> None:
    """Merge the rows of a table that share an id; `ranked` gives them with their order `_n`."""
    table = f'"{record.table}"'
    db.execute(f"CREATE TEMP TABLE twice AS SELECT id FROM {table} GROUP BY id HAVING count(*) > 1")  # noqa: S608
    try:
        if db.execute("SELECT 1 FROM twice LIMIT 1").fetchall():
            _merge(db, record, ranked, parameters)
    finally:
        db.execute("DROP TABLE IF EXISTS twice; DROP TABLE IF EXISTS merged")


def _merge(db: duckdb.DuckDBPyConnection, record: type[Record], ranked: str, parameters: Mapping[str, object]) -> None:
    table, found = f'"{record.table}"', columns(record)
    names = ", ".join(f'"{c.name}"' for c in found)
    picks = ", ".join("id" if c.name == "id" else _pick(c) for c in found)
    db.execute(
        f"CREATE TEMP TABLE merged AS SELECT {picks} FROM ({ranked}) AS r "  # noqa: S608
        f"GROUP BY id UNION ALL BY NAME SELECT {names} FROM {table} AS o ANTI JOIN twice ON twice.id = o.id",
        dict(parameters) or None,
    )
    # Made anew: rows that are merely deleted keep their memory as long as the inventory lasts.
    db.execute(f"DROP TABLE {table}; {create_table(record)}")
    db.execute(f"INSERT INTO {table} SELECT {names} FROM merged")  # noqa: S608


def _pick(column: Column) -> str:
    name = f'"{column.name}"'
    known, absent = f"{name} IS NOT NULL", ""
    if column.sql == "VARCHAR[]" and not column.nullable:  # where nothing said and an empty list are the same
        known, absent = f"len({name}) > 0", ", any_value([]::VARCHAR[])"
    elif isinstance(column.default, dict):
        known, absent = f"{name} <> '{{}}'", ", '{}'"
    return f"coalesce(first({name} ORDER BY _n) FILTER ({known}){absent}) AS {name}"
