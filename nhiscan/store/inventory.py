"""The inventory: a DuckDB cache of the spool that rules, analysis and queries read.

It can be thrown away at any time; the spool is the truth.  Rows of one id that come from several units are merged
column by column: the first known value in unit order wins.
"""

from __future__ import annotations

import re
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from nhiscan.model import RECORDS, Record
from nhiscan.store.errors import StoreError
from nhiscan.store.schema import columns, create_table, create_tables, from_columns, to_line, view_bodies

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import duckdb

R = TypeVar("R", bound=Record)

_WORD = re.compile(r"\w+")
MEMORY_LIMIT = "2GB"
LARGEST_RECORD = 1 << 26
# A rule that takes longer than this on a locked inventory is broken.
QUERY_MS = 120_000


class Inventory:
    """All tables of one run.  Use as a context manager; after `lock()` only reading is possible, by several threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, work: Path) -> None:
        self._db = connection
        self._work = work
        self._locked = False
        self._thread = threading.current_thread()
        self._views = dict(view_bodies())  # those that no query has named so far
        self._shared: frozenset[str] | None = None  # the views worth keeping the rows of; None: all of them
        self._providing = threading.RLock()
        self._own = threading.local()  # the connection of each further thread

    @classmethod
    @contextmanager
    def memory(cls) -> Iterator[Inventory]:
        """An empty inventory that ends with the block; large runs spill into a private temporary directory."""
        import duckdb

        with tempfile.TemporaryDirectory(prefix="nhiscan-") as work:
            settings = {
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": work,
                "preserve_insertion_order": "true",
            }
            connection = duckdb.connect(":memory:", config=cast("Any", settings))
            try:
                inventory = cls(connection, Path(work))
                inventory._create()
                yield inventory
            finally:
                connection.close()

    def _create(self) -> None:
        self._db.execute("; ".join(create_tables()))

    def _provide(self, query: str) -> None:
        """Create the views that a query names, and those that they name.

        Once nothing can change any more, the rows of views that are read more than once are kept.
        """
        words = set(_WORD.findall(query))
        with self._providing:
            for name in self._views.keys() & words:
                body = self._views.pop(name, None)
                if body is not None:
                    self._provide(body)
                    kept = self._locked and (self._shared is None or name in self._shared)
                    kind = "TABLE" if kept else "VIEW"
                    self._db.execute(f'CREATE {kind} "{name}" AS {body}')

    def expect(self, queries: Iterable[str]) -> None:
        """What will be asked: rows are kept of those views only that these queries, and the views they need, share."""
        counts: Counter[str] = Counter()
        waiting = [frozenset(_WORD.findall(query)) for query in queries]
        bodies, seen = dict(self._views), set[str]()
        while waiting:
            named = waiting.pop() & bodies.keys()
            counts.update(named)
            waiting += [frozenset(_WORD.findall(bodies[name])) - {name} for name in named - seen]
            seen |= named
        self._shared = frozenset(name for name, count in counts.items() if count > 1)

    def _connection(self) -> duckdb.DuckDBPyConnection:
        """The connection of the thread at hand, since one connection answers one question at a time."""
        if threading.current_thread() is self._thread:
            return self._db
        if not hasattr(self._own, "db"):
            self._own.db = self._db.cursor()
        return cast("duckdb.DuckDBPyConnection", self._own.db)

    def ingest(self, unit_dirs: Sequence[Path]) -> None:
        """Read published units, in the order given.  Raises StoreError when a spool file is not what it claims."""
        for table, record in RECORDS.items():
            files = [path for unit in unit_dirs if (path := unit / f"{table}.jsonl").is_file()]
            if files:
                self._load(record, files)

    def _load(self, record: type[Record], files: Sequence[Path]) -> None:
        import duckdb

        shape = {c.name: c.sql for c in columns(record)}
        spec = ", ".join(f"'{name}': '{sql}'" for name, sql in shape.items())
        # Every thread that reads keeps room for two of the largest objects there may be: no more than a file holds.
        largest = min(LARGEST_RECORD, max(1 << 20, *(path.stat().st_size for path in files)))
        source = f"read_json($files, format='newline_delimited', columns={{{spec}}}, maximum_object_size={largest})"
        try:
            self._db.execute("SET preserve_insertion_order=true")
            self._db.execute(f'INSERT INTO "{record.table}" SELECT * FROM {source}', {"files": [str(f) for f in files]})  # noqa: S608
        except duckdb.Error as e:
            msg = f"a {record.table} file of the run cannot be read ({_first_line(e)})"
            raise StoreError(msg, "audit the target again") from None
        self._merge(record)

    def _merge(self, record: type[Record]) -> None:
        """One row per id: in every column the first known value wins; empty lists and mappings are unknown too."""
        table = record.table
        duplicated = self.sql(f'SELECT 1 AS n FROM "{table}" GROUP BY id HAVING count(*) > 1 LIMIT 1')  # noqa: S608
        if not duplicated:
            return
        picks = []
        for c in columns(record):
            if c.name == "id":
                continue
            known = f'"{c.name}" IS NOT NULL'
            listed = c.sql == "VARCHAR[]" and not c.nullable  # where nothing said and an empty list are the same
            if listed:
                known = f'len("{c.name}") > 0'
            elif isinstance(c.default, dict):
                known = f"\"{c.name}\" <> '{{}}'"
            absent = ", any_value([]::VARCHAR[])" if listed else (", '{}'" if isinstance(c.default, dict) else "")
            pick = f'first("{c.name}" ORDER BY _n) FILTER ({known})'
            picks.append(f'coalesce({pick}{absent}) AS "{c.name}"')
        body = f'SELECT id, {", ".join(picks)}, min(_n) AS _m FROM (SELECT *, rowid AS _n FROM "{table}") GROUP BY id'  # noqa: S608
        self._db.execute(f"CREATE TEMP TABLE merged AS {body}")
        names = ", ".join(f'"{c.name}"' for c in columns(record))
        self._clear(record)
        self._db.execute(f'INSERT INTO "{table}" SELECT {names} FROM merged ORDER BY _m')  # noqa: S608
        self._db.execute("DROP TABLE merged")

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
        self._db.execute(f'DROP TABLE "{record.table}"; {create_table(record)}')

    def _insert(self, record: type[Record], items: Sequence[Record]) -> None:
        # Through a file: DuckDB reads JSON two orders of magnitude faster than it binds rows.
        if not items:
            return
        path = self._work / f"{record.table}.jsonl"
        with path.open("w", encoding="utf-8", newline="\n") as out:
            for item in items:
                out.write(to_line(item))
        self._load(record, [path])
        path.unlink()

    def rows(self, record: type[R]) -> list[R]:
        """A whole table as records, ordered by id."""
        names, found = self._fetched(f'SELECT * FROM "{record.table}" ORDER BY id', None)  # noqa: S608
        return cast("list[R]", from_columns(record, names, found))

    def empty(self) -> frozenset[str]:
        """The tables without a row."""
        each = " UNION ALL ".join(f"SELECT '{t}' AS t WHERE NOT EXISTS (SELECT 1 FROM \"{t}\")" for t in RECORDS)  # noqa: S608
        return frozenset(str(row["t"]) for row in self.sql(each))

    def sql(self, query: str, params: Mapping[str, object] | None = None) -> list[dict[str, object]]:
        """The rows of a query with named `$parameters`.

        Raises StoreError with DuckDB's own first line, and for anything but one SELECT once the inventory is locked.
        """
        names, found = self._fetched(query, params)
        return [dict(zip(names, row, strict=True)) for row in found]

    def _fetched(self, query: str, params: Mapping[str, object] | None) -> tuple[list[str], list[tuple[object, ...]]]:
        import duckdb

        try:
            db = self._connection()
            if self._locked:
                _refuse_writing(db.extract_statements(query))
            self._provide(query)
            cursor = db.execute(query, dict(params) if params else None)
            return [d[0] for d in cursor.description or ()], cursor.fetchall()
        except duckdb.Error as e:
            raise StoreError(_first_line(e)) from None

    def hide_fingerprints(self) -> None:
        """Blind the keyed digests for a reader: what has one still differs from what has none."""
        self.sql("UPDATE credential SET fingerprint = 'keyed' WHERE fingerprint IS NOT NULL")

    def _known_settings(self) -> set[str]:
        """Settings this DuckDB has; max_execution_time is newer than the oldest one supported."""
        return {str(row["name"]) for row in self.sql("SELECT name FROM duckdb_settings()")}

    def lock(self) -> None:
        """Forbid files, network, extensions and further settings for the rest of this inventory's life."""
        if self._locked:
            return
        settings = ("enable_external_access=false", f"max_execution_time={QUERY_MS}", "lock_configuration=true")
        known = self._known_settings()
        for setting in settings:
            if setting.partition("=")[0] in known:
                self._db.execute(f"SET {setting}")
        self._locked = True


def _refuse_writing(statements: Sequence[duckdb.Statement]) -> None:
    import duckdb

    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        msg = "only one SELECT statement is allowed here"
        raise StoreError(msg)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
