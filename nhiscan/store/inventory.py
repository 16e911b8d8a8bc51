"""The inventory: a DuckDB cache of the spool that rules, analysis and queries read.

It can be thrown away at any time; the spool is the truth.  Rows of one id that come from several units are merged
column by column: the first known value in unit order wins.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar, cast

from nhiscan.model import RECORDS, Record
from nhiscan.store.database import private
from nhiscan.store.errors import StoreError
from nhiscan.store.merge import AS_ADDED, AS_READ, merge
from nhiscan.store.schema import columns, create_table, create_tables, from_columns, to_line
from nhiscan.store.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

R = TypeVar("R", bound=Record)

MEMORY_LIMIT = "1700MB"  # of DuckDB: with Python beside it a process stays below 2 GB
LARGEST_RECORD = 1 << 26
# Beside others a query over tables of fewer rows in all only loses by being split over threads.
_FEW = 1_000_000
_CHUNK = 2_048  # rows of a vector of DuckDB
# A rule that takes longer than this on a locked inventory is broken.
QUERY_MS = 120_000
# Memory that queries have given back goes to the system from this much on (DuckDB waits for 128 and 512 MB).
_FLUSHED = "4MB"
_NAME = "run"


class Inventory:
    """All tables of one run.  Use as a context manager; after `lock()` only reading is possible, by several threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, work: Path) -> None:
        self._db = connection
        self._work = work
        self._locked = False
        self._thread = threading.current_thread()
        self._views = Vocabulary(lambda statement: self._connection().execute(statement))
        self._own = threading.local()  # the connection of each further thread
        self._filled: set[str] = set()  # the tables that may hold rows: of most nothing need be asked in a small run

    @classmethod
    @contextmanager
    def memory(cls) -> Iterator[Inventory]:
        """An empty inventory that ends with the block; large runs spill into a private temporary directory."""
        with private(MEMORY_LIMIT, ordered=True) as (connection, work):
            inventory = cls(connection, work)
            inventory._create()
            yield inventory

    def _create(self) -> None:
        self._set(f"{kind}_flush_threshold='{_FLUSHED}'" for kind in ("allocator", "allocator_bulk_deallocation"))
        # Only a database that is attached keeps its rows compressed in memory: a fifth of the size.
        self._db.execute(f"ATTACH ':memory:' AS {_NAME} (COMPRESS); USE {_NAME}")
        self._db.execute("; ".join(create_tables()))

    def _set(self, settings: Iterable[str]) -> None:
        """Change settings, as far as this DuckDB has them."""
        import duckdb

        for setting in settings:
            with suppress(duckdb.CatalogException):
                self._db.execute(f"SET GLOBAL {setting}")  # a plain SET leaves out the connections of other threads

    def expect(self, queries: Iterable[str]) -> None:
        """What will be asked, so that rows of views are kept which several queries read; see `done`."""
        self._views.expect(queries)

    def in_turn(self, queries: Sequence[str]) -> list[int]:
        """The places of expected queries in an order in which few rows of views are kept at a time."""
        return self._views.in_turn(queries, self.sizes())

    def done(self, query: str) -> None:
        """An expected query will not be asked again: what was kept for it alone goes."""
        self._views.done(query)

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """The connection of the thread at hand, since one connection answers one question at a time."""
        if threading.current_thread() is self._thread:
            return self._db
        if not hasattr(self._own, "db"):
            self._own.db = self._db.cursor()
            self._own.db.execute(f"USE {_NAME}")
        return cast("duckdb.DuckDBPyConnection", self._own.db)

    def ingest(self, unit_dirs: Sequence[Path]) -> None:
        """Read published units, in the order given.  Raises StoreError when a spool file is not what it claims."""
        for table, record in RECORDS.items():
            files = [path for unit in unit_dirs if (path := unit / f"{table}.jsonl").is_file()]
            if files:
                self._load(record, files, ranked=AS_READ)

    def _load(self, record: type[Record], files: Sequence[Path], *, ranked: str) -> None:
        import duckdb

        self._filled.add(record.table)
        shape = {c.name: c.sql for c in columns(record)}
        spec = ", ".join(f"'{name}': '{sql}'" for name, sql in shape.items())
        # Every thread that reads keeps room for two of the largest objects there may be: no more than a file holds.
        largest = min(LARGEST_RECORD, max(1 << 20, *(path.stat().st_size for path in files)))
        options = f"format='newline_delimited', columns={{{spec}}}, maximum_object_size={largest}"
        source, table = f"read_json($files, {options})", f'"{record.table}"'
        named = f"read_json($files, {options}, filename=true)"
        parameters = {"files": [str(f) for f in files]}
        try:
            self._db.execute("SET preserve_insertion_order=true")
            self._db.execute(f"INSERT INTO {table} SELECT * FROM {source}", parameters)  # noqa: S608
            rows = ranked.format(table=table, source=named)
            merge(self._db, record, rows, parameters if "$files" in rows else {})
        except duckdb.Error as e:
            msg = f"a {record.table} file of the run cannot be read ({_first_line(e)})"
            raise StoreError(msg, "audit the target again") from None

    def add(self, records: Iterable[Record]) -> None:
        """Insert records of any tables; ids that exist already are merged."""
        by_table: dict[str, list[Record]] = {}
        for item in records:
            by_table.setdefault(item.table, []).append(item)
        for table, items in by_table.items():
            self._insert(RECORDS[table], items)

    def replace(self, record: type[R], records: Iterable[R]) -> None:
        """Empty a table and fill it again."""
        fresh = list(records)
        self._clear(record)
        self._insert(record, fresh)

    def _clear(self, record: type[Record]) -> None:
        """Make a table anew: rows that are merely deleted keep their memory as long as the inventory lasts."""
        if record.table not in self._filled:
            return
        self._db.execute(f'DROP TABLE "{record.table}"; {create_table(record)}')

    def _insert(self, record: type[Record], items: Sequence[Record]) -> None:
        # Through a file: DuckDB reads JSON two orders of magnitude faster than it binds rows.
        if not items:
            return
        path = self._work / f"{record.table}.jsonl"
        with path.open("w", encoding="utf-8", newline="\n") as out:
            for item in items:
                out.write(to_line(item))
        self._load(record, [path], ranked=AS_ADDED)
        path.unlink()

    def rows(self, record: type[R]) -> list[R]:
        """A whole table as records, ordered by id."""
        if record.table not in self._filled:
            return []
        names, chunks = self.stream(f'SELECT * FROM "{record.table}" ORDER BY id')  # noqa: S608
        found: list[R] = []
        for chunk in chunks:  # a whole table of plain rows beside its records is twice the memory
            found += cast("list[R]", from_columns(record, names, chunk))
        return found

    def sizes(self) -> dict[str, int]:
        """How many rows each table has."""
        each = [f"SELECT '{t}' AS t, count(*) AS n FROM \"{t}\"" for t in sorted(self._filled)]  # noqa: S608 - our tables
        counted = {str(row["t"]): cast("int", row["n"]) for row in self.sql(" UNION ALL ".join(each))} if each else {}
        return dict.fromkeys(RECORDS, 0) | counted

    def empty(self) -> frozenset[str]:
        """The tables without a row."""
        return frozenset(table for table, number in self.sizes().items() if not number)

    def sql(self, query: str, params: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """The rows of a query with named `$parameters`.

        Raises StoreError with DuckDB's own first line, and for anything but one SELECT once the inventory is locked.
        """
        names, chunks = self.stream(query, params)
        return [dict(zip(names, row, strict=True)) for chunk in chunks for row in chunk]

    def _ready(self, query: str) -> tuple[duckdb.DuckDBPyConnection, str | duckdb.Statement]:
        """A connection with the views that a query names, and the query.  Raises StoreError where it is not allowed."""
        db = self._connection()
        wanted: str | duckdb.Statement = query
        if self._locked:
            wanted = _only_reading(db.extract_statements(query))
        elif not query.lstrip().startswith(("SELECT", "WITH")):
            self._filled |= RECORDS.keys()  # whatever it does, it may have been to any of them
        self._views.provide(query, keep=self._locked)
        return db, wanted

    def stream(
        self, query: str, params: Mapping[str, object] | None = None
    ) -> tuple[list[str], Iterator[list[tuple[object, ...]]]]:
        """The columns of a query, and its rows some thousands at a time; the thread asks nothing else meanwhile.

        Raises StoreError like `sql`, also while rows are read.
        """
        import duckdb

        try:
            db, wanted = self._ready(query)
            cursor = db.execute(wanted, dict(params) if params else None)
        except duckdb.Error as e:
            raise StoreError(_first_line(e)) from None
        return [d[0] for d in cursor.description or ()], _chunks(cursor)

    def export(self, table: str, path: Path) -> None:
        """Write a table as Parquet, before the inventory is locked.  Raises StoreError."""
        import duckdb

        try:
            self._db.execute(f'COPY "{table}" TO {_quoted(path)} (FORMAT parquet, COMPRESSION zstd)')
        except duckdb.Error as e:
            raise StoreError(_first_line(e), "free some space, or choose another directory") from None

    def hide_fingerprints(self) -> None:
        """Blind the keyed digests for a reader: what has one still differs from what has none."""
        self.sql("UPDATE credential SET fingerprint = 'keyed' WHERE fingerprint IS NOT NULL")

    def lock(self) -> None:
        """Forbid files, network, extensions and further settings for the rest of this inventory's life."""
        if self._locked:
            return
        self._db.execute(f"CHECKPOINT {_NAME}")
        # Rows of views live too short to be worth compressing, which takes as long as making them.
        self._set(("checkpoint_threshold='1TB'", "enable_external_access=false"))
        if sum(self.sizes().values()) < _FEW:
            self._set(("threads=1",))
        # max_execution_time is newer than the oldest DuckDB supported.
        self._set((f"max_execution_time={QUERY_MS}", "lock_configuration=true"))
        self._locked = True


def _chunks(cursor: duckdb.DuckDBPyConnection) -> Iterator[list[tuple[object, ...]]]:
    import duckdb

    try:
        while chunk := cursor.fetchmany(_CHUNK):
            yield chunk
    except duckdb.Error as e:
        raise StoreError(_first_line(e)) from None


def _only_reading(statements: Sequence[duckdb.Statement]) -> duckdb.Statement:
    import duckdb

    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        msg = "only one SELECT statement is allowed here"
        raise StoreError(msg)
    return statements[0]


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
