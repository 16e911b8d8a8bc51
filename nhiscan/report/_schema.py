"""The JSON schema of `nhiscan inventory --format json`, derived from the records; run as a module to write it anew."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.model import RECORDS
from nhiscan.store.schema import Column, columns

if TYPE_CHECKING:
    from collections.abc import Mapping

# The keyed digest of a value never leaves a run.
NEVER_SHOWN: Mapping[str, frozenset[str]] = {"credential": frozenset({"fingerprint"})}
_TYPES: Mapping[str, Mapping[str, object]] = {
    "VARCHAR": {"type": "string"},
    "BOOLEAN": {"type": "boolean"},
    "BIGINT": {"type": "integer"},
    "DOUBLE": {"type": "number"},
    "TIMESTAMP": {"type": "string", "format": "date-time"},
    "VARCHAR[]": {"type": "array", "items": {"type": "string"}},
}


def inventory_schema() -> dict[str, object]:
    """Every table of the inventory by name, one array each; unknown is null."""
    tables = {name: {"type": "array", "items": _row(name)} for name in RECORDS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:nhiscan:schema:inventory:1",
        "title": "Output of nhiscan inventory --format json",
        "type": "object",
        "properties": tables,
        "required": list(tables),
        "additionalProperties": True,
    }


def _row(table: str) -> dict[str, object]:
    record = RECORDS[table]
    shown = [c for c in columns(record) if c.name not in NEVER_SHOWN.get(table, frozenset())]
    return {
        "description": (record.__doc__ or "").strip().splitlines()[0],
        "type": "object",
        "properties": {c.name: _cell(c) for c in shown},
        "required": [c.name for c in shown],
        "additionalProperties": False,
    }


def _cell(column: Column) -> dict[str, object]:
    if column.vocabulary:
        values: list[object] = [str(value) for value in column.vocabulary]
        return {"enum": [*values, None] if column.nullable else values}
    if isinstance(column.default, dict):
        return {"type": "object", "additionalProperties": {"type": "string"}}
    shape = dict(_TYPES[column.sql])
    return {**shape, "type": [shape["type"], "null"]} if column.nullable else shape


def text() -> str:
    """The schema as it is shipped."""
    return json.dumps(inventory_schema(), indent=2) + "\n"


def shipped(name: str) -> str:
    """A shipped schema file as text: `result.schema.json` or `inventory.schema.json`."""
    return resources.files("nhiscan.report").joinpath("schema", name).read_text(encoding="utf-8")


if __name__ == "__main__":
    Path(__file__).with_name("schema").joinpath("inventory.schema.json").write_text(text(), encoding="utf-8")
