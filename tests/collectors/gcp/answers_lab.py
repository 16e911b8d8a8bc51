"""A group of Google Cloud run over answers held in memory, and answers checked against Google's discovery documents."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nhiscan.collectors._common.errors import RefusedError
from nhiscan.collectors._rest.ask import Ask
from nhiscan.collectors._rest.group import scope_of
from nhiscan.collectors.gcp._plan import above_place, project_place
from nhiscan.plugin import Context, GapReason
from nhiscan.sensitive import FingerprintKey

if TYPE_CHECKING:
    import random

    from nhiscan.collectors._common.place import Place

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "fixtures" / "collectors"
SHOP = project_place("acme-shop", "estate", number="410000000001")
ORGANIZATION = above_place("organization", "710000000001", "estate")


def denied(operation: str, *, missing: bool = False, code: str = "") -> RefusedError:
    """What a session raises for a 403 (or, `missing`, a 404)."""
    error = RefusedError(GapReason.DENIED, operation, f"{operation} is denied", "grant it", code=code, status=403)
    error.missing = missing
    return error


@dataclass
class Held:
    """`Answers` by the name of an operation: an answer, a function of the parameters, or a refusal."""

    known: dict
    asked: list = field(default_factory=list)

    def call(self, operation, params, query, body):
        assert operation.method == "GET" or operation.name.endswith("getIamPolicy")
        operation.fill(params)
        self.asked.append(operation.name)
        answer = self.known.get(operation.name, denied(operation.name))
        answer = answer(params) if callable(answer) else answer
        if isinstance(answer, RefusedError):
            raise answer
        return answer

    def pages(self, operation, params, query, body):
        yield self.call(operation, params, query, body)


def run(collector, known: dict, place: Place = SHOP, **options):
    """The records of all parts, and the operations that were asked for in order."""
    ctx = Context(as_of=datetime(2026, 11, 1, tzinfo=UTC), key=FingerprintKey(b"k" * 32), **options)
    covers = {o.name: tuple(c.strip() for c in t.split(",")) for o, t in collector.operations(ctx).items()}
    held = Held(known)
    ask = Ask(held, place, collector.name, ctx, covers)
    records = [scope_of(ask)]
    for part in collector.parts:
        records += part.read(ask)
    assert set(held.asked) <= set(covers), "a call that no part declares"
    return records, held.asked


def fixture(collector: str, case: str) -> dict:
    """The answers of a fixture by operation, values made for its tokens as they stand."""
    (folder,) = (FIXTURES / collector / case / "input" / "gcp").iterdir()
    found = {}
    for path in sorted(folder.glob("*.json")):
        service, _, rest = path.stem.partition(".")
        body = json.loads(path.read_text(encoding="utf-8"))
        found[f"{service}:{rest}"] = _chosen(body) if isinstance(body, list) else body
    return found


def _chosen(entries):
    def answer(params):
        for entry in entries:
            if all(str(params.get(k)) == str(v) for k, v in entry["with"].items()):
                return entry["answer"]
        return denied("gone", missing=True)

    return answer if entries and all(set(e) == {"with", "answer"} for e in entries) else {"": entries}


def of(records, table: str) -> dict:
    """The records of a table by id."""
    return {r.id: r for r in records if r.table == table}


def mangled(value, dice: random.Random):
    """A copy of an answer with one place turned into something else."""
    paths = list(_paths(value))
    way = dice.choice(paths)
    strange = dice.choice([None, [], {}, 7, "\x00", "SOMETHING_NEW", [None], {"a": None}, True, "x" * 5000])
    return _replaced(value, way, strange)


def _paths(value, way=()):
    if way:
        yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from _paths(below, (*way, key))


def _replaced(value, way, strange):
    if not way:
        return strange
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = _replaced(value[way[0]], way[1:], strange)
    return copy


@cache
def _document(name: str) -> dict:
    import googleapiclient

    path = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["schemas"]


def faults(value, document: str, schema: str, where: str = "") -> list[str]:
    """The properties that a discovery document does not know, and values of another type than it says."""
    known = _document(document)[schema]
    if not isinstance(value, dict):
        return [f"{where}: no {schema}"]
    found = []
    for name, inner in value.items():
        says = known.get("properties", {}).get(name)
        if says is None:
            found.append(f"{where}.{name} is unknown to {schema}")
        elif inner is not None:
            found += _of_type(inner, says, document, f"{where}.{name}")
    return found


def _of_type(value, says: dict, document: str, where: str) -> list[str]:
    if "$ref" in says:
        return faults(value, document, says["$ref"], where)
    if says.get("type") == "array":
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [f for i, v in enumerate(value) for f in _of_type(v, says["items"], document, f"{where}[{i}]")]
    kinds = {"string": str, "boolean": bool, "integer": int, "object": dict, "number": (int, float)}
    return [] if isinstance(value, kinds.get(says.get("type"), object)) else [f"{where} is no {says['type']}"]
