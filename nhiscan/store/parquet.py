"""An inventory as Parquet files, one per table, for a warehouse.

Texts are UTF-8 strings, times are timestamps without a zone in UTC, tuples are lists of strings, mappings (`tags`,
`facts`) are JSON text.  A table without rows is a file with columns and no rows.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.model import RECORDS
from nhiscan.store.errors import StoreError
from nhiscan.store.schema import columns, create_table, to_line

if TYPE_CHECKING:
    import duckdb

    from nhiscan.model import Record
    from nhiscan.store.inventory import Inventory


def write_parquet(inventory: Inventory, directory: Path) -> dict[str, int]:
    """Write `<table>.parquet` for every table, in place of files of that name; the number of rows by table.

    Raises StoreError when the directory cannot be written.
    """
    import duckdb

    with tempfile.TemporaryDirectory(prefix="nhiscan-") as work:
        connection = duckdb.connect(":memory:", config={"temp_directory": work})
        try:
            directory.mkdir(parents=True, exist_ok=True)
            return {name: _table(connection, inventory, record, directory, work) for name, record in RECORDS.items()}
        except (duckdb.Error, OSError) as e:
            said = str(e).strip().splitlines()[0][:300]
            msg = f"the tables cannot be written to {directory} ({said})"
            raise StoreError(msg, "name a directory you may write to") from None
        finally:
            connection.close()


def _table(
    connection: duckdb.DuckDBPyConnection, inventory: Inventory, record: type[Record], directory: Path, work: str
) -> int:
    rows = inventory.rows(record)
    source = f'"{record.table}"'
    connection.execute(create_table(record))
    if rows:
        path = Path(work) / "rows.jsonl"
        with path.open("w", encoding="utf-8", newline="\n") as out:
            out.writelines(map(to_line, rows))
        shape = ", ".join(f"'{c.name}': '{c.sql}'" for c in columns(record))
        size = max(1 << 20, path.stat().st_size)
        reader = f"read_json($file, format='newline_delimited', columns={{{shape}}}, maximum_object_size={size})"
        connection.execute(f"INSERT INTO {source} SELECT * FROM {reader}", {"file": str(path)})  # noqa: S608 - our names
        path.unlink()
    target = str(directory / f"{record.table}.parquet").replace("'", "''")
    connection.execute(f"COPY {source} TO '{target}' (FORMAT PARQUET, COMPRESSION ZSTD)")
    connection.execute(f"DROP TABLE {source}")
    return len(rows)
