"""What is found out about a rule from its SQL and the views alone, kept from run to run: parsing views is slow."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nhiscan import __version__
from nhiscan import cache as kept_files
from nhiscan.engine.hollow import hollow, ways_of
from nhiscan.engine.keys import Shape, shape
from nhiscan.engine.lineage import Reads, reads, views
from nhiscan.model import RECORDS, columns
from nhiscan.store.schema import view_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nhiscan.engine.hollow import Ways
    from nhiscan.engine.rule import Rule


class _Known(NamedTuple):
    """What is found out about a rule: what it reads, what its rows need, and whether a subject has but one."""

    reads: Reads
    ways: Ways
    one_row: bool


@dataclass(slots=True)
class _Kept:
    """What was found out before, by digest of a rule's SQL; `changed` says that more is known than lies on disk."""

    name: str
    known: dict[str, _Known] = field(default_factory=dict)
    changed: bool = False


_FAMILY = "lineage-"
# What finds it out: a proof that was mended must not be remembered as it was.
_CODE = [Path(__file__).with_name(f"{name}.py") for name in ("hollow", "keys", "lineage")]
_LAYOUT = "reads, ways, one row"  # of the file, so that one of an earlier kind is not taken for this one


@cache
def _kept() -> _Kept:
    tables_as_they_are = json.dumps([(table, list(columns(record))) for table, record in RECORDS.items()])
    made_of = (__version__, _LAYOUT, view_sql(), tables_as_they_are)
    kept = _Kept(f"{_FAMILY}{kept_files.stamp(*made_of, files=_CODE)}.json")
    for digest, tables, found, ways, one in json.loads(kept_files.load(kept.name) or b"[]"):
        read = Reads(frozenset(tables), frozenset((t, c) for t, c in found))
        kept.known[digest] = _Known(read, frozenset(map(frozenset, ways)), one)
    return kept


def remembered(rule: Rule) -> Reads:
    """The same as `reads`, known from earlier runs where the cache has it: parsing views is slow."""
    return _remembered(rule).reads


def rowless(rule: Rule, empty: frozenset[str]) -> bool:
    """Whether the rule has nothing to judge while those tables have no rows; remembered as well."""
    return hollow(_remembered(rule).ways, empty)


def one_row(rule: Rule) -> bool:
    """Whether no subject of the rule stands in two rows; remembered as well."""
    return _remembered(rule).one_row


def _remembered(rule: Rule) -> _Known:
    kept = _kept()
    parts = (rule.query, rule.from_, rule.applies_when, rule.fails_when)
    digest = blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    if digest not in kept.known:
        kept.known[digest] = _Known(reads(rule), _ways(rule), _one_row(rule))
        kept.changed = True
    return kept.known[digest]


def _ways(rule: Rule) -> Ways:
    from nhiscan.engine.guard import select

    known = _origins()
    return ways_of(select(rule.query), known) if rule.query is not None else known[rule.from_ or ""]


@cache
def _origins() -> Mapping[str, Ways]:
    known = {table: frozenset({frozenset({table})}) for table in RECORDS}
    for name, tree in views().items():
        known[name] = ways_of(tree, known)
    return known


def _one_row(rule: Rule) -> bool:
    from nhiscan.engine.guard import select

    known = _shapes()
    found = shape(select(rule.query), known) if rule.query is not None else known[rule.from_ or ""]
    return found.single("id")


@cache
def _shapes() -> Mapping[str, Shape]:
    known = {t: Shape(tuple(columns(record)), frozenset({frozenset({"id"})})) for t, record in RECORDS.items()}
    for name, tree in views().items():
        known[name] = shape(tree, known)
    return known


def keep() -> None:
    """Keep what was found out for the next run."""
    kept = _kept()
    if kept.changed:
        rows = [
            (digest, sorted(k.reads.tables), sorted(k.reads.columns), sorted(map(sorted, k.ways)), k.one_row)
            for digest, k in sorted(kept.known.items())
        ]
        kept_files.store(_FAMILY, kept.name, json.dumps(rows).encode())
        kept.changed = False
