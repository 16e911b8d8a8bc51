"""Whether a condition of a binding holds, as far as anybody can say before the request is made.

Source: docs.cloud.google.com/iam/docs/conditions-overview and .../conditions-attribute-reference.  The time is that of
the analysis: what has ended never holds again, what has not begun will.  Names, types and services are compared where
the resource asked about is one known thing; tags, access levels and parts of the day are open.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from nhiscan.analysis.gcp.cel import UnreadableError, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from nhiscan.analysis.gcp.cel import Node


class Answer(IntEnum):
    """Ordered, so that `min` is both and `max` is either."""

    NO = 0
    CONDITIONAL = 1
    YES = 2


class _Open(Enum):
    """Values nobody can give beforehand."""

    UNKNOWN = "unknown"
    NOW = "the time of the request"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a request; `names` are the forms of one name (project by id and by number), empty if open."""

    as_of: datetime
    service: str | None = None
    kind: str | None = None
    names: tuple[str, ...] = ()


_Value = str | float | bool | datetime | timedelta | tuple[str, ...] | _Open
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_TURNED = {"==": "==", "!=": "!=", "<": ">", ">=": "<=", ">": "<", "<=": ">="}
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_TEXTS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith, "endsWith": str.endswith, "contains": operator.contains,
}  # fmt: skip
_PART = re.compile(r"([\d.]+)(ms|h|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def holds(expression: str | None, facts: Facts) -> Answer:
    """YES for no condition; CONDITIONAL for one that cannot be read."""
    if not expression or not expression.strip():
        return Answer.YES
    try:
        return _holds(parse(expression), facts, yes=True)
    except UnreadableError:
        return Answer.CONDITIONAL


def _holds(node: Node, facts: Facts, *, yes: bool) -> Answer:
    """Whether the part is true (`yes`) or false; negation is pushed down to where time can be judged."""
    answer = Answer.CONDITIONAL
    match node.kind:
        case "!":
            answer = _holds(node.parts[0], facts, yes=not yes)
        case "&&" | "||":
            found = [_holds(p, facts, yes=yes) for p in node.parts]
            answer = min(found) if (node.kind == "&&") == yes else max(found)
        case "if":
            test = _holds(node.parts[0], facts, yes=True)
            if test is not Answer.CONDITIONAL:
                answer = _holds(node.parts[1 if test else 2], facts, yes=yes)
        case "literal" if isinstance(node.value, bool):
            answer = _answer(known=node.value == yes)
        case "in":
            answer = _inside(node, facts, yes=yes)
        case kind if kind in _NEGATED:
            sign = kind if yes else _NEGATED[kind]
            answer = _compare(_value(node.parts[0], facts), sign, _value(node.parts[1], facts), facts)
        case "call":
            answer = _call(node, facts, yes=yes)
    return answer


def _answer(*, known: bool) -> Answer:
    return Answer.YES if known else Answer.NO


def _inside(node: Node, facts: Facts, *, yes: bool) -> Answer:
    """`x in [a, b]`: equal to one of them."""
    items = node.parts[1]
    if items.kind != "list":
        return Answer.CONDITIONAL
    value = _value(node.parts[0], facts)
    found = [_compare(value, "==" if yes else "!=", _value(i, facts), facts) for i in items.parts]
    return (max if yes else min)(found, default=_answer(known=not yes))


def _call(node: Node, facts: Facts, *, yes: bool) -> Answer:
    test = _TEXTS.get(str(node.value))
    if test is None or len(node.parts) != 2:
        return Answer.CONDITIONAL
    whole, part = (_value(p, facts) for p in node.parts)
    if isinstance(part, str) and isinstance(whole, str):
        return _answer(known=test(whole, part) == yes)
    if isinstance(part, str) and isinstance(whole, tuple):
        return _answer(known=any(test(w, part) for w in whole) == yes)
    return Answer.CONDITIONAL


def _value(node: Node, facts: Facts) -> _Value:
    match node.kind:
        case "literal" if node.value is not None:
            return node.value
        case "name":
            return _attribute(str(node.value), facts)
        case "function" if len(node.parts) == 1:
            text = _value(node.parts[0], facts)
            return _made(str(node.value), text) if isinstance(text, str) else _Open.UNKNOWN
        case "+" | "-":
            return _sum(node.kind, _value(node.parts[0], facts), _value(node.parts[1], facts))
        case _:
            return _Open.UNKNOWN


def _attribute(name: str, facts: Facts) -> _Value:
    match name:
        case "request.time":
            return _Open.NOW
        case "resource.service" if facts.service:
            return facts.service
        case "resource.type" if facts.kind:
            return facts.kind
        case "resource.name" if facts.names:
            return facts.names
        case _:
            return _Open.UNKNOWN


def _made(function: str, text: str) -> _Value:
    """A timestamp or a duration of its text."""
    try:
        if function == "timestamp":
            found = datetime.fromisoformat(text)
            return found if found.tzinfo else _Open.UNKNOWN
        if function == "duration":
            parts = _PART.findall(text)
            if parts and "".join(n + u for n, u in parts) == text.lstrip("-"):
                total = timedelta(seconds=sum(float(n) * _SECONDS[u] for n, u in parts))
                return -total if text.startswith("-") else total
    except (ValueError, OverflowError):
        pass
    return _Open.UNKNOWN


def _sum(sign: str, one: _Value, other: _Value) -> _Value:
    try:
        if isinstance(one, datetime) and isinstance(other, timedelta):
            return one + other if sign == "+" else one - other
        if isinstance(one, str) and isinstance(other, str) and sign == "+":
            return one + other
    except OverflowError:
        pass
    return _Open.UNKNOWN


def _compare(one: _Value, sign: str, other: _Value, facts: Facts) -> Answer:
    if other is _Open.NOW or (isinstance(other, tuple) and not isinstance(one, tuple)):
        one, sign, other = other, _TURNED[sign], one
    if one is _Open.NOW:
        return _timed(sign, other, facts.as_of)
    if isinstance(one, tuple) and isinstance(other, str):
        if sign in {"==", "!="}:
            return _answer(known=(other in one) == (sign == "=="))
        return Answer.CONDITIONAL
    if sign in {"==", "!="} and type(one) is type(other) and not isinstance(one, _Open):
        return _answer(known=(one == other) == (sign == "=="))
    if isinstance(one, float) and isinstance(other, float):
        return _answer(known=_ORDER[sign](one, other))
    return Answer.CONDITIONAL


def _timed(sign: str, when: _Value, now: datetime) -> Answer:
    """Whether the time of a request stands so to a moment, from now on."""
    if not isinstance(when, datetime):
        return Answer.CONDITIONAL
    if sign in {"<", "<="}:
        return _answer(known=now < when)
    if sign in {">", ">="}:
        return Answer.YES if now >= when else Answer.CONDITIONAL
    if sign == "!=":
        return Answer.YES
    return Answer.CONDITIONAL if when > now else Answer.NO
