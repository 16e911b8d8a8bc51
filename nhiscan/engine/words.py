"""The words rules are written in: every table and view, its columns, their types and what they mean.

What a table means stands in the docstring of its record, what a view and its columns mean in the comments of the SQL
files, beside what they describe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from nhiscan.engine.meanings import meaning
from nhiscan.model import RECORDS
from nhiscan.store.schema import columns, view_sql

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nhiscan.store.inventory import Inventory

_VIEW = re.compile(r"((?:^--[^\n]*\n)*)^CREATE VIEW (\w+) AS(.*?);[ \t]*$", re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"^[ \t]*-- (\w+): (.+(?:\n[ \t]*--(?! \w+: ) .+)*)", re.MULTILINE)
_VERB = re.compile(r"^(says that|says|that|is|are) ")
_DASHES = re.compile(r"\n[ \t]*-- ?")
_TYPES = {
    "VARCHAR": "text", "BOOLEAN": "yes or no", "BIGINT": "number", "INTEGER": "number", "DOUBLE": "number",
    "TIMESTAMP": "time", "VARCHAR[]": "list of texts", "HUGEINT": "number",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """A column: its name, its type in words, and what it means (may be empty)."""

    name: str
    type: str
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A table or view: what one row is, and its columns."""

    name: str
    what: str
    is_view: bool
    columns: tuple[Word, ...]


def entries() -> Iterator[Entry]:
    """Every table, then every view, in the order in which they build on each other; views without their columns."""
    yield from map(_table, RECORDS)
    yield from (Entry(name, what, True, ()) for name, (what, _) in _views().items())  # noqa: FBT003 - a field


def described() -> Iterator[Entry]:
    """The same with the columns of views too, which takes a second or two."""
    from nhiscan.store.inventory import Inventory

    yield from map(_table, RECORDS)
    with Inventory.memory() as inventory:
        for name in _views():
            yield _view(inventory, name)


def entry(name: str) -> Entry | None:
    """One table or view with its columns, None when there is none of that name."""
    from nhiscan.store.inventory import Inventory

    if name in RECORDS:
        return _table(name)
    if name not in _views():
        return None
    with Inventory.memory() as inventory:
        return _view(inventory, name)


def shown(found: Entry) -> str:
    """One entry as plain text."""
    kind = "view" if found.is_view else "table"
    width = max(len(word.name) for word in found.columns)
    lines = [f"{kind} {found.name}: {found.what}", ""]
    lines += [f"  {w.name:{width}}  {w.type}{f': {w.meaning}' if w.meaning else ''}" for w in found.columns]
    return "\n".join(lines) + "\n"


def _table(name: str) -> Entry:
    from inspect import cleandoc

    record = RECORDS[name]
    what, _, rest = cleandoc(record.__doc__ or "").partition("\n\n")
    told = _told(rest)
    words = []
    for column in columns(record):
        kind = ", ".join(column.vocabulary) or ("JSON text" if _is_mapping(column.python) else _TYPES[column.sql])
        words.append(Word(column.name, kind, told.get(column.name) or meaning(column.name)))
    return Entry(name, " ".join(what.split()), False, tuple(words))  # noqa: FBT003 - a field


def _is_mapping(python: object) -> bool:
    return "Mapping" in str(python)


def _told(text: str) -> dict[str, str]:
    """What a docstring says of a column: the sentence or part of one that begins with its name in backticks."""
    found: dict[str, str] = {}
    for part in re.split(r"(?<=[.;])\s+|, (?=`)", " ".join(text.split())):
        match = re.match(r"`(\w+)` (?!and |or )(.+)", part)
        if match is not None:
            said = _VERB.sub("", match[2]).rstrip(".;,").replace("`", "")
            found.setdefault(match[1].rstrip("_"), said)
    return found


@cache
def _views() -> Mapping[str, tuple[str, Mapping[str, str]]]:
    """Each view's own sentence, and those of its columns."""
    found: dict[str, tuple[str, Mapping[str, str]]] = {}
    for head, name, body in _VIEW.findall(view_sql()):
        text = _DASHES.sub(" ", f"\n{head.rstrip()}").strip()
        _, mark, what = text.rpartition(f"{name}: ")
        notes = {n: " ".join(_DASHES.sub(" ", said).split()).rstrip(".") for n, said in _NOTE.findall(body)}
        found[name] = (" ".join(what.split()) if mark else "", notes)
    return found


def _view(inventory: Inventory, name: str) -> Entry:
    what, notes = _views()[name]
    # An empty question names the view, which makes it; then DuckDB knows its columns.
    inventory.sql(f'SELECT 1 FROM "{name}" LIMIT 0')  # noqa: S608 - a view of ours
    rows = inventory.sql(f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '{name}'")  # noqa: S608
    words = (
        Word(str(row["column_name"]), _TYPES.get(str(row["data_type"]), str(row["data_type"]).lower()),
             notes.get(str(row["column_name"])) or meaning(str(row["column_name"])))
        for row in rows
    )  # fmt: skip
    return Entry(name, what, True, tuple(words))  # noqa: FBT003 - a field
