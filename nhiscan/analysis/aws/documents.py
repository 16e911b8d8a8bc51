"""Policy documents of AWS, read without trust in their shape.

Grammar: IAM User Guide, reference_policies_grammar.  Every list may be a single value, `Statement` may be one object,
and exports carry documents URL-encoded or as JSON inside JSON.  Policy variables exist since version 2012-10-17; in a
document of another version, or of none, `${…}` is plain text (reference_policies_elements_version).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn, cast
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_CHARACTERS = 1_000_000
"""Far above the largest document AWS accepts (10,240 characters for a managed or resource policy)."""

CURRENT = "2012-10-17"
"""The version of the policy language that knows variables."""

_ELEMENTS = frozenset({
    "Version", "Id", "Statement", "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
    "NotResource", "Condition",
})  # fmt: skip

Principals = tuple[tuple[str, str], ...]
Conditions = tuple[tuple[str, str, tuple[str, ...]], ...]


class MalformedDocumentError(ValueError):
    """A policy document that is not one; the message says why, without quoting it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.  `number` counts from 1 as written; all of `conditions`, (operator, key, values), must hold.

    `principals` are (type, value) pairs of `Principal`, or of `NotPrincipal` when `not_principal` is set.  `variable`
    says that it is filled in anew for every request.
    """

    number: int
    allow: bool
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    conditions: Conditions = ()
    principals: Principals = ()
    not_principal: bool = False
    condition_json: str | None = field(default=None, compare=False)
    variable: bool = field(init=False, compare=False, default=False)

    def __post_init__(self) -> None:
        values = (v for _, _, vs in self.conditions for v in vs)
        if any("${" in text for text in (*self.resources, *self.not_resources, *values)):
            object.__setattr__(self, "variable", True)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed policy with the name a reader knows it by."""

    policy_id: str
    name: str
    statements: tuple[Statement, ...]


@lru_cache(4096)
def parse(text: str) -> tuple[Statement, ...]:
    """The statements of a document.  Raises MalformedDocumentError."""
    body = _load(text)
    if not isinstance(body, dict):
        _refuse("it is not a JSON object")
    statements = _field(cast("Mapping[str, object]", body), "Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        _refuse("it has no Statement")
    plain = _field(cast("Mapping[str, object]", body), "Version") != CURRENT and "${" in text
    return tuple(_statement(n, s, plain=plain) for n, s in enumerate(cast("list[object]", statements), 1))


def read_conditions(text: str | None) -> Conditions:
    """The conditions of a `condition` column (JSON of a Condition element).  Raises MalformedDocumentError."""
    if text is None:
        return ()
    try:
        return _conditions(json.loads(text), 1, plain=False)
    except (ValueError, RecursionError):
        _refuse("its condition is not JSON")


def _load(text: str) -> object:
    if len(text) > MAX_CHARACTERS:
        _refuse("it is longer than any policy AWS accepts")
    plain = text.strip()
    if plain[:1] == "%":
        plain = unquote(plain)
    try:
        body = json.loads(plain)
        if isinstance(body, str):
            body = json.loads(unquote(body) if body.lstrip()[:1] == "%" else body)
    except (ValueError, RecursionError):
        _refuse("it is not JSON")
    return body


def _refuse(why: str) -> NoReturn:
    raise MalformedDocumentError(why)


def _field(body: Mapping[str, object], name: str) -> object:
    """Element names are case-sensitive in AWS; exports of other tools are not, so any case is read."""
    if name in body or body.keys() <= _ELEMENTS:
        return body.get(name)
    low = name.lower()
    return next((v for k, v in body.items() if k.lower() == low), None)


def _statement(number: int, raw: object, *, plain: bool) -> Statement:
    if not isinstance(raw, dict):
        _refuse(f"statement {number} is not an object")
    body = cast("Mapping[str, object]", raw)
    effect = _field(body, "Effect")
    if effect not in ("Allow", "Deny"):  # a tuple: what stands here may be a list
        _refuse(f"statement {number} has no Effect")
    actions, not_actions = (_strings(_field(body, k), number, k) for k in ("Action", "NotAction"))
    if not actions and not not_actions:
        _refuse(f"statement {number} names no Action")
    condition = _field(body, "Condition")
    principal, excluded = _field(body, "Principal"), _field(body, "NotPrincipal")
    return Statement(
        number=number,
        allow=effect == "Allow",
        actions=actions,
        not_actions=not_actions,
        resources=_patterns(_field(body, "Resource"), number, "Resource", plain=plain),
        not_resources=_patterns(_field(body, "NotResource"), number, "NotResource", plain=plain),
        conditions=_conditions(condition, number, plain=plain),
        principals=_principals(principal if excluded is None else excluded, number),
        not_principal=excluded is not None,
        condition_json=json.dumps(condition, sort_keys=True, ensure_ascii=False) if condition else None,
    )


def _strings(value: object, number: int, name: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, (str, bool, int, float)):
        return (_scalar(value),)
    if not isinstance(value, list) or any(isinstance(v, (dict, list)) for v in value):
        _refuse(f"{name} of statement {number} is not a list of strings")
    return tuple(_scalar(v) for v in cast("list[object]", value))


def _patterns(value: object, number: int, name: str, *, plain: bool) -> tuple[str, ...]:
    """Strings that may hold variables; where the version knows none, their dollar signs stand for themselves."""
    found = _strings(value, number, name)
    return tuple(v.replace("${", "${$}{") for v in found) if plain else found


def _scalar(value: object) -> str:
    """JSON booleans and numbers are legal condition values and mean their text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _conditions(value: object, number: int, *, plain: bool) -> Conditions:
    if value is None or value == {}:
        return ()
    if not isinstance(value, dict) or any(not isinstance(block, dict) for block in value.values()):
        _refuse(f"Condition of statement {number} is not an object of operators")
    found = [
        (operator, key, _patterns(values, number, "Condition", plain=plain))
        for operator, block in cast("dict[str, dict[str, object]]", value).items()
        for key, values in block.items()
    ]
    return tuple(sorted(found))


def _principals(value: object, number: int) -> Principals:
    if value is None:
        return ()
    if isinstance(value, dict):
        found = [(kind, v) for kind, names in value.items() for v in _strings(names, number, "Principal")]
        return tuple(sorted(found))
    return tuple(("AWS", v) for v in _strings(value, number, "Principal"))
