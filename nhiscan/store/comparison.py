"""Two saved runs side by side in one database: what changed between them, found by joins and not by loops.

The queries are in changes.sql.  Digests of values are compared there and never come out; neither does any other column
that `CHANGE` does not name.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from importlib import resources
from typing import TYPE_CHECKING, cast

from nhiscan.model import RECORDS, Gap
from nhiscan.store.analysed import FOLDER, TABLES
from nhiscan.store.database import private
from nhiscan.store.errors import StoreError
from nhiscan.store.schema import columns, from_columns, to_line
from nhiscan.store.spool import open_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from nhiscan.model import Record
    from nhiscan.store.analysed import Undecided

SIDES = ("old", "new")
_STAGE = "-- unseen:"  # what comes before it needs to know nothing of what was hidden
_GRANT = ("effect", "actions", "not_actions", "resources", "not_resources", "condition", "level")
_CHUNK = 2_048
MEMORY_LIMIT = "2GB"

CHANGE = (
    "part", "change", "id", "scope_id", "kind", "name", "provider", "how", "old", "new", "gained", "lost", "reason",
    "remedy",
)  # fmt: skip
"""The columns of a change; see changes.sql."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a run could not see.

    `side` is the blind run; `part` what it cannot tell of (identity, credential, permission, owner, finding); `source`
    the collector whose rows are meant, None for all.  `subject`, `prefix` or `path` narrow it to one thing.
    """

    side: str
    part: str
    scope_id: str
    source: str | None
    subject: str | None
    prefix: str | None
    path: str | None
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Alone:
    """How many rows of a collector in a scope only one run has; `blind` is the other one."""

    blind: str
    part: str
    scope_id: str
    source: str


class Comparison:
    """Tables of two runs as `old_<table>` and `new_<table>`, and at last the table `change`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, work: Path) -> None:
        self._db = connection
        self._work = work
        self._told = frozenset(_GRANT)  # what both runs say of grants; an older version may have said less

    @classmethod
    @contextmanager
    def memory(cls) -> Iterator[Comparison]:
        """An empty comparison that ends with the block; what does not fit into memory goes to a private directory."""
        with private(MEMORY_LIMIT, ordered=False) as (connection, work):
            yield cls(connection, work)

    def run(self, side: str, directory: Path) -> None:
        """Take the analysed tables of a saved run.  Raises StoreError when they cannot be read."""
        for table in TABLES:
            record = RECORDS[table]
            path = directory / FOLDER / f"{table}.parquet"
            found = self._columns(path)
            if table == "grant":
                self._told &= found
            picked = ", ".join(
                f'"{c.name}"' if c.name in found else f'CAST(NULL AS {c.sql}) AS "{c.name}"' for c in columns(record)
            )
            self._do(f'CREATE VIEW "{side}_{table}" AS SELECT {picked} FROM read_parquet({_quoted(path)})')  # noqa: S608

    def empty(self, side: str) -> None:
        """Take no tables: a report has findings alone."""
        for table in TABLES:
            picked = ", ".join(f'CAST(NULL AS {c.sql}) AS "{c.name}"' for c in columns(RECORDS[table]))
            self._do(f'CREATE VIEW "{side}_{table}" AS SELECT {picked} WHERE FALSE')

    def findings(self, side: str, file: Path | None) -> None:
        """Take the findings of a run from its file, none without one.  Raises StoreError."""
        record = RECORDS["finding"]
        shape = ", ".join(f"'{c.name}': '{c.sql}'" for c in columns(record))
        if file is None or not file.is_file():
            picked = ", ".join(f'CAST(NULL AS {c.sql}) AS "{c.name}"' for c in columns(record))
            self._do(f'CREATE TABLE "{side}_finding" AS SELECT {picked} WHERE FALSE')
            return
        reader = f"read_json({_quoted(file)}, format='newline_delimited', columns={{{shape}}})"
        self._do(f'CREATE TABLE "{side}_finding" AS SELECT * FROM {reader}')  # noqa: S608 - our own names

    def records(self, side: str, found: Iterable[Record]) -> None:
        """Take findings from memory."""
        path = self._work / f"{side}.jsonl"
        with open_private(path) as out:
            out.writelines(map(to_line, found))
        self.findings(side, path)
        path.unlink()

    def covered(self, side: str, coverage: Mapping[str, Sequence[Undecided]] | None) -> None:
        """Take which rules ran and where they could not decide; None where a run did not keep it."""
        self._do("CREATE TABLE IF NOT EXISTS ran (side VARCHAR, rule_id VARCHAR)")
        self._do(
            "CREATE TABLE IF NOT EXISTS undecided (side VARCHAR, rule_id VARCHAR, scope_id VARCHAR, reason VARCHAR, "
            "remedy VARCHAR)"
        )
        self._many("ran", [(side, rule) for rule in coverage or ()])
        undecided = {(rule, u.scope_id): u for rule, items in (coverage or {}).items() for u in reversed(items)}
        self._many("undecided", [(side, rule, s, u.reason, u.remedy) for (rule, s), u in undecided.items()])

    def alone(self) -> list[Alone]:
        """The collectors and scopes whose rows one run has and the other does not; the first half of the work."""
        hashed = ", ".join(f'g."{name}"' for name in _GRANT if name in self._told)
        for side in SIDES:
            self._do(
                f"CREATE VIEW {side}_granted AS SELECT g.identity_id, hash(g.identity_id) AS who, "  # noqa: S608
                f"hash({hashed}) AS h FROM {side}_grant AS g"
            )
        self._script(_script().partition(_STAGE)[0], {})
        rows = self._db.execute("SELECT DISTINCT blind, part, scope_id, source FROM thing ORDER BY ALL").fetchall()
        return [Alone(*row) for row in rows]

    def judge(self, hidden: Iterable[Hidden], *, same_key: bool, covered: Mapping[str, bool]) -> None:
        """Fill `change`: the second half.  `same_key` says that digests of both runs can be compared."""
        self._do(
            "CREATE TABLE hidden (side VARCHAR, part VARCHAR, scope_id VARCHAR, source VARCHAR, subject VARCHAR, "
            "prefix VARCHAR, path VARCHAR, reason VARCHAR, remedy VARCHAR)"
        )
        self._many("hidden", [astuple(item) for item in dict.fromkeys(hidden)])
        parameters: dict[str, object] = {f"{side}_covered": covered[side] for side in SIDES}
        _, stage, rest = _script().partition(_STAGE)
        self._script(stage + rest, parameters | {"same_key": same_key})

    def counts(self) -> dict[tuple[str, str], int]:
        """How many changes of which kind there are, by part and change."""
        query = "SELECT part, change, count(DISTINCT id) FROM change GROUP BY ALL"
        return {(part, change): n for part, change, n in self._db.execute(query).fetchall()}

    def severities(self) -> dict[str, int]:
        """How many findings are new, by severity."""
        query = "SELECT new, count(*) FROM change WHERE part = 'finding' AND change = 'new' GROUP BY new"
        return dict(self._db.execute(query).fetchall())

    def worse(self) -> list[tuple[str, str | None]]:
        """The severities that findings have now and had before (None: they are new), each pair once."""
        query = "SELECT DISTINCT new, old FROM change WHERE part = 'finding' AND change IN ('new', 'severity')"
        return self._db.execute(query).fetchall()

    def reasons(self) -> list[tuple[str, str, str, int]]:
        """Why things were not seen, in which part, what would help, and how many; the most first."""
        query = (
            "SELECT reason, part, remedy, count(DISTINCT id) AS n FROM change WHERE change = 'not_seen' GROUP BY ALL "
            "ORDER BY n DESC, reason, part, remedy"
        )
        return self._db.execute(query).fetchall()

    def changes(self, part: str, change: str | None = None, limit: int | None = None) -> Iterator[dict[str, object]]:
        """The changes of a part in a fixed order: by change, the worse findings first, then by scope and id."""
        order = (
            "change, CASE coalesce(new, old) WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 WHEN 'low' "
            "THEN 3 ELSE 4 END, scope_id, kind, id, how, old, new"
        )
        names = ", ".join(CHANGE)
        cursor = self._db.execute(
            f"SELECT {names} FROM change WHERE part = $part AND ($change IS NULL OR change = $change) "  # noqa: S608
            f"ORDER BY {order} LIMIT {-1 if limit is None else limit}".replace("LIMIT -1", ""),
            {"part": part, "change": change},
        )
        while rows := cursor.fetchmany(_CHUNK):
            for row in rows:
                yield dict(zip(CHANGE, row, strict=True))

    def scopes(self, side: str) -> frozenset[str]:
        """The ids of the scopes of a run."""
        rows = self._db.execute(f'SELECT id FROM "{side}_scope"').fetchall()  # noqa: S608 - our own names
        return frozenset(str(scope) for (scope,) in rows)

    def gaps(self, side: str) -> list[Gap]:
        """What a run could not see, by id."""
        cursor = self._db.execute(f'SELECT * FROM "{side}_gap" ORDER BY id')  # noqa: S608 - our own names
        names = [d[0] for d in cursor.description or ()]
        return cast("list[Gap]", from_columns(Gap, names, cursor.fetchall()))

    def _columns(self, path: Path) -> frozenset[str]:
        query = f"SELECT * FROM read_parquet({_quoted(path)}) LIMIT 0"  # noqa: S608
        return frozenset(d[0] for d in self._do(query).description or ())

    def _many(self, table: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608

    def _script(self, text: str, parameters: Mapping[str, object]) -> None:
        for statement in self._db.extract_statements(text):
            wanted = statement.named_parameters
            self._do(statement, {name: parameters[name] for name in wanted})

    def _do(self, query: object, parameters: Mapping[str, object] | None = None) -> duckdb.DuckDBPyConnection:
        import duckdb

        try:
            return self._db.execute(cast("str", query), dict(parameters) if parameters else None)
        except duckdb.Error as e:
            msg = f"the saved run cannot be read ({str(e).strip().splitlines()[0][:300]})"
            raise StoreError(msg, "audit the target again with --save") from None


def _script() -> str:
    text = resources.files("nhiscan.store").joinpath("changes.sql").read_text(encoding="utf-8")
    return re.sub(r"^--.*\n", lambda m: m[0] if m[0].startswith(_STAGE) else "", text, flags=re.MULTILINE)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
