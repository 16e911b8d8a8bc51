"""The database schema and the JSON form of records, both derived from `nhiscan.model`."""

from __future__ import annotations

import dataclasses
import json
import re
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, cast

from nhiscan import model
from nhiscan.model import RECORDS, Record, column_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_SQL_TYPES: Mapping[object, str] = {
    str: "VARCHAR",
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    datetime: "TIMESTAMP",
}
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
_VIEW = re.compile(r"^CREATE VIEW ", re.MULTILINE)
NO_VALUE = "no value"
VIEW_FILES = (
    "views.sql", "views_cloud.sql", "views_pipelines.sql", "views_declared.sql", "views_agents.sql", "views_run.sql",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class Column:
    """One column: the field it comes from, its SQL type, its Python type, whether it may be NULL, its default."""

    name: str
    field: str
    sql: str
    python: object
    nullable: bool
    default: object

    @property
    def vocabulary(self) -> tuple[str, ...]:
        """The closed set of values, empty when the column is free text."""
        if isinstance(self.python, type) and issubclass(self.python, StrEnum):
            return tuple(self.python)
        return ()


def columns(record: type[Record]) -> tuple[Column, ...]:
    """The columns of a table in declaration order."""
    return _columns(record.table)


@cache
def _columns(table: str) -> tuple[Column, ...]:
    record = RECORDS[table]
    hints = typing.get_type_hints(record, localns={**vars(model), "Mapping": Mapping, "datetime": datetime})
    return tuple(_column(f, hints[f.name]) for f in dataclasses.fields(record))


def _column(item: dataclasses.Field[Any], hint: object) -> Column:
    nullable = isinstance(hint, types.UnionType)
    python = next(a for a in typing.get_args(hint) if a is not type(None)) if nullable else hint
    default: object = NO_VALUE
    if item.default is not dataclasses.MISSING:
        default = item.default
    elif item.default_factory is not dataclasses.MISSING:
        default = item.default_factory()
    return Column(column_name(item.name), item.name, _sql_type(python), python, nullable, default)


def _sql_type(python: object) -> str:
    origin = typing.get_origin(python)
    if origin is tuple:
        return "VARCHAR[]"
    if origin is Mapping or (isinstance(python, type) and issubclass(python, StrEnum)):
        return "VARCHAR"
    return _SQL_TYPES[python]


def create_tables() -> Iterator[str]:
    """One CREATE TABLE statement for every record."""
    yield from map(create_table, RECORDS.values())


def create_table(record: type[Record]) -> str:
    """The CREATE TABLE statement of one record."""
    body = ", ".join(f'"{c.name}" {c.sql}' for c in columns(record))
    return f'CREATE TABLE "{record.table}" ({body})'


def view_sql() -> str:
    """The SQL of the views rules are written in, in the order in which they build on each other."""
    files = [resources.files("nhiscan.store").joinpath(name) for name in VIEW_FILES]
    return "\n".join(file.read_text(encoding="utf-8") for file in files if file.is_file())


def view_bodies() -> Iterator[tuple[str, str]]:
    """Name and SELECT of each view, in the same order."""
    for part in _VIEW.split(_COMMENT.sub("", view_sql()))[1:]:
        name, _, body = part.partition(" AS")
        yield name.strip(), body.strip().removesuffix(";")


def problem(record: object) -> str | None:
    """What makes something no record of its table; None when it is one.  Names columns and types, never values."""
    table = getattr(record, "table", None)
    if not isinstance(table, str) or RECORDS.get(table) is not type(record):
        return f"{type(record).__name__} is no record of a known table"
    for c in _columns(table):
        value = getattr(record, c.field)
        if value is None:
            if not c.nullable:
                return f"{table}.{c.name} must be known"
        elif not _fits(c, value):
            return f"{table}.{c.name} cannot be a {type(value).__name__}"
    return None


def _fits(column: Column, value: object) -> bool:
    if column.sql == "VARCHAR[]":
        return isinstance(value, tuple) and all(isinstance(v, str) for v in value)
    if typing.get_origin(column.python) is Mapping:
        return isinstance(value, Mapping) and all(isinstance(v, str) for pair in value.items() for v in pair)
    if not isinstance(value, cast("type[object]", column.python)):
        return False
    return not isinstance(value, datetime) or value.tzinfo is not None


def to_json(record: Record) -> dict[str, object]:
    """A record as the spool and the inventory hold it: ISO times, lists, JSON text for mappings."""
    return {name: plain(getattr(record, field)) for name, field, plain in _writers(record.table)}


def to_line(record: Record) -> str:
    """A record as one line of a spool file; what is no valid Unicode (a file name of raw bytes) is shown as `?`."""
    text = json.dumps(to_json(record), ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8") + "\n"


@cache
def _writers(table: str) -> tuple[tuple[str, str, Callable[[Any], object]], ...]:
    """Column, field and writer of each column; built once, because tables have many rows."""
    return tuple((c.name, c.field, _writer(c)) for c in _columns(table))


def _writer(column: Column) -> Callable[[Any], object]:
    if column.sql == "TIMESTAMP":
        return _time
    if column.sql == "VARCHAR[]":
        return lambda value: None if value is None else list(value)
    if typing.get_origin(column.python) is Mapping:
        return lambda value: json.dumps(dict(value), sort_keys=True, ensure_ascii=False) if value else "{}"
    if column.vocabulary:
        return lambda value: None if value is None else str(value)
    return lambda value: value


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def from_row(record: type[Record], row: Mapping[str, object]) -> Record:
    """A record from a row of its table or an object of its spool file.  Raises ValueError on a foreign value."""
    return record(**{field: read(row.get(name)) for name, field, read in _readers(record.table)})


def from_columns(record: type[Record], names: Sequence[str], rows: Sequence[Sequence[object]]) -> list[Record]:
    """Records from many rows of a table whose columns are `names`.  Raises ValueError on a foreign value."""
    by_name = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    fields, columns_read = [], []
    for (name, field, read), column in zip(_readers(record.table), _columns(record.table), strict=True):
        values = by_name.get(name, ())
        fields.append(field)
        # Most columns hold what they are in Python already, and many rows are read many times.
        columns_read.append(values if _as_it_is(column) else map(read, values))
    return [record(**dict(zip(fields, row, strict=True))) for row in zip(*columns_read, strict=True)]


def _as_it_is(column: Column) -> bool:
    plain = column.sql in {"VARCHAR", "BOOLEAN", "INTEGER", "BIGINT"}
    return plain and column.nullable and not column.vocabulary and typing.get_origin(column.python) is not Mapping


@cache
def _readers(table: str) -> tuple[tuple[str, str, Callable[[object], Any]], ...]:
    """Column, field and reader of each column; built once, because tables have many rows."""
    return tuple((c.name, c.field, _reader(c)) for c in _columns(table))


def _reader(column: Column) -> Callable[[object], Any]:
    convert = _converter(column)
    if column.nullable:
        return lambda value: None if value is None else convert(value)
    return lambda value: _default(column) if value is None else convert(value)


def _converter(column: Column) -> Callable[[Any], Any]:
    if column.sql == "TIMESTAMP":
        return _moment
    if column.sql == "VARCHAR[]":
        return tuple
    if typing.get_origin(column.python) is Mapping:
        return lambda value: json.loads(value) if isinstance(value, str) else value
    if column.vocabulary:
        words = {str(word): word for word in cast("type[StrEnum]", column.python)}
        return lambda value: words[value] if value in words else cast("type[StrEnum]", column.python)(value)
    return lambda value: value


def _moment(value: object) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _default(column: Column) -> object:
    if column.default is NO_VALUE:
        msg = f"column {column.name} is mandatory"
        raise ValueError(msg)
    return column.default
