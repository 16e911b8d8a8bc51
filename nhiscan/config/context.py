"""Declared facts (`context:` in nhiscan.yaml): what a team knows and no API can tell, with basis `declared`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nhiscan.model import (
    Confidence,
    Declared,
    Owner,
    OwnerBasis,
    OwnerKind,
    Record,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nhiscan.config.reader import Reader

VERSION = 1
SOURCE = "config"
_ACCOUNT = re.compile(r"\d{1,12}")
_LISTS = {
    "trusted_accounts": "trusted_account",
    "trusted_tenants": "trusted_tenant",
    "approved_tool_servers": "approved_tool_server",
    "break_glass": "break_glass",
}
_KEYS = {"version", "owners", "reviews", "environments", "departures", *_LISTS}


@dataclass(frozen=True, slots=True)
class Rule:
    """A fact about every record whose id or name matches a glob."""

    match: str
    value: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """The declared facts of a file: owners, reviews and environments by glob, who left when, and recognised things."""

    owners: tuple[Rule, ...] = ()
    reviews: tuple[Rule, ...] = ()
    environments: tuple[Rule, ...] = ()
    departures: tuple[tuple[str, str], ...] = ()
    lists: tuple[tuple[str, str], ...] = ()


def read_context(reader: Reader) -> Context:
    """The `context:` section.  Raises ConfigError."""
    reader.only(("context",), _KEYS)
    if reader.get(("context", "version")) not in (None, VERSION):
        raise reader.error(("context", "version"), "this nhiscan reads context version 1", "set `version: 1`")
    lists = [(kind, value) for key, kind in _LISTS.items() for value in _values(reader, key)]
    return Context(
        owners=_rules(reader, "owners", "owner"),
        reviews=_rules(reader, "reviews", "reviewed"),
        environments=_rules(reader, "environments", "environment"),
        departures=tuple(_departures(reader)),
        lists=tuple(lists),
    )


def _values(reader: Reader, key: str) -> Iterator[str]:
    for n, value in enumerate(reader.texts(("context", key))):
        if key == "trusted_accounts":
            # YAML drops the leading zeros of an unquoted account number.
            if not _ACCOUNT.fullmatch(value):
                where = ("context", key, n)
                raise reader.error(where, f"`{value}` is no account number", "write the 12 digits in quotes")
            yield value.zfill(12)
        else:
            yield value


def _departures(reader: Reader) -> Iterator[tuple[str, str]]:
    """Who left, as owners are called, and the day as ISO date."""
    for n, _ in enumerate(reader.items(("context", "departures"))):
        where = ("context", "departures", n)
        reader.only(where, {"person", "left"})
        person, left = reader.text((*where, "person")), reader.text((*where, "left"))
        if not person or not left:
            raise reader.error(where, "an item of `departures` needs `person` and `left`", "add the missing key")
        try:
            yield person, date.fromisoformat(left).isoformat()
        except ValueError:
            raise reader.error((*where, "left"), f"`{left}` is no date", "write it like 2026-05-31") from None


def _rules(reader: Reader, key: str, value_key: str) -> tuple[Rule, ...]:
    found = []
    for n, _ in enumerate(reader.items(("context", key))):
        where = ("context", key, n)
        reader.only(where, {"match", value_key, "kind"})
        match, value = reader.text((*where, "match")), reader.text((*where, value_key))
        if not match or not value:
            raise reader.error(where, f"an item of `{key}` needs `match` and `{value_key}`", "add the missing key")
        kind = reader.choice((*where, "kind"), tuple(OwnerKind)) or OwnerKind.TEAM
        found.append(Rule(match, value, kind))
    return tuple(found)


def declared_records(context: Context, subjects: Iterable[tuple[str, str | None]]) -> Iterator[Record]:
    """The records of a context; `subjects` are (id, name) of everything that can have an owner or an environment."""
    for kind, value in context.lists:
        yield Declared(id=f"declared:{kind}:{value}", scope_id=SOURCE, source=SOURCE, kind=kind, value=value)
    for person, left in context.departures:
        ident = f"declared:departure:{person}"
        yield Declared(id=ident, scope_id=SOURCE, source=SOURCE, kind="departure", value=person, note=left)
    for subject, name in subjects:
        for rule in (r for r in context.owners if matches(r.match, subject, name)):
            yield Owner(
                id=f"owner:{subject}:declared:{rule.value}",
                scope_id=SOURCE,
                source=SOURCE,
                subject_id=subject,
                name=rule.value,
                kind=OwnerKind(rule.kind),
                basis=OwnerBasis.DECLARED,
                confidence=Confidence.HIGH,
            )
        for key, rules in (("environment", context.environments), ("review", context.reviews)):
            for rule in (r for r in rules if matches(r.match, subject, name)):
                ident = f"declared:{key}:{subject}"
                yield Declared(id=ident, scope_id=SOURCE, source=SOURCE, kind=key, value=subject, note=rule.value)
                break


def matches(glob: str, subject: str, name: str | None) -> bool:
    """Whether a glob names a record by its id or by its name."""
    return fnmatchcase(subject, glob) or (name is not None and fnmatchcase(name, glob))
