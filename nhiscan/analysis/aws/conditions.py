"""Condition blocks, three-valued.

A condition is *true* or *false* where the facts of the principal, of the target and of the calendar decide it, a
*choice* where whoever calls can make it come out as he likes (a region, a tag in the request), and *unknown*
otherwise.  A choice lets an Allow hold and a Deny be avoided.  Operators and the meaning of absent keys: IAM User
Guide, reference_policies_elements_condition_operators; keys: reference_policies_condition-keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nhiscan.analysis.aws.documents import Conditions


class Truth(Enum):
    """What a condition comes to."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"
    CHOICE = "choice"


class Fact(Enum):
    """A key without a known value."""

    ABSENT = "absent"
    CHOICE = "choice"
    UNKNOWN = "unknown"


# What the caller writes into the request himself.
_CHOSEN = frozenset(
    {"aws:securetransport", "aws:tagkeys", "aws:useragent", "aws:referer", "aws:requestedregion", "sts:rolesessionname"}
)
_CHOSEN_PREFIXES = ("aws:requesttag/",)
_PRINCIPAL_TAG = "aws:principaltag/"
# From now on, whatever is issued is issued now: a token can always be renewed, never predated.
_NOW = frozenset({"aws:currenttime", "aws:epochtime", "aws:tokenissuetime"})
_VARIABLE = re.compile(r"\$\{([^{}]{1,256})\}")
_LITERALS = frozenset("*?$")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one question: lower-case condition keys with their values, `Fact` where there is none."""

    as_of: datetime
    known: Mapping[str, tuple[str, ...] | Fact] = field(default_factory=dict)

    def look(self, key: str) -> tuple[str, ...] | Fact:
        """The values of a key."""
        low = key.lower()
        if low in self.known:
            return self.known[low]
        if low in _CHOSEN or low.startswith(_CHOSEN_PREFIXES):
            return Fact.CHOICE
        if low.startswith(_PRINCIPAL_TAG) and _PRINCIPAL_TAG in self.known:
            return Fact.ABSENT
        return Fact.UNKNOWN

    def extended(self, more: Mapping[str, tuple[str, ...] | Fact]) -> Facts:
        """The same facts with some more or others."""
        return Facts(self.as_of, {**self.known, **more}) if more else self


def holds(conditions: Conditions, facts: Facts, *, allow: bool) -> Truth:
    """TRUE, FALSE or UNKNOWN for a whole block; a choice is settled in the caller's favour."""
    settled = Truth.TRUE if allow else Truth.FALSE
    worst = Truth.TRUE
    for operator, key, values in conditions:
        truth = _one(operator, key, values, facts)
        if truth is Truth.CHOICE:
            truth = settled
        if truth is Truth.FALSE:
            return Truth.FALSE
        if truth is Truth.UNKNOWN:
            worst = Truth.UNKNOWN
    return worst


def _one(operator: str, key: str, values: Sequence[str], facts: Facts) -> Truth:
    quantifier, _, name = operator.rpartition(":")
    name = name.lower()
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name == "null":
        return _null(key, values, facts)
    test = _OPERATORS.get(name)
    if test is None:
        return Truth.UNKNOWN
    negative = "not" in name
    if key.lower() in _NOW and name.startswith(("date", "numeric")):
        return _calendar(name, values, facts)
    found = facts.look(key)
    every = quantifier.lower() == "forallvalues"
    if found is Fact.ABSENT:
        return Truth.TRUE if if_exists or negative or every else Truth.FALSE
    if isinstance(found, Fact):
        return Truth.CHOICE if found is Fact.CHOICE else Truth.UNKNOWN
    return _compare(test, found, values, facts, negative=negative, every=every)


def _compare(  # noqa: PLR0913 - one call site, keywords for the flags
    test: Callable[[str, str], bool | None],
    found: Sequence[str],
    values: Sequence[str],
    facts: Facts,
    *,
    negative: bool,
    every: bool,
) -> Truth:
    """Values of a key are alternatives; a negated operator is true when none of them fits."""
    results: list[bool | None] = []
    for actual in found:
        fits: list[bool | None] = []
        for value in values:
            pattern = substitute(value, facts)
            fits.append(None if isinstance(pattern, Fact) else test(actual, pattern))
        hit = True if True in fits else (None if None in fits else False)
        results.append(hit if hit is None or not negative else not hit)
    wanted = all if every or negative else any
    if wanted(r is True for r in results):
        return Truth.TRUE
    if wanted(r is not False for r in results):
        return Truth.UNKNOWN
    return Truth.FALSE


def _null(key: str, values: Sequence[str], facts: Facts) -> Truth:
    found = facts.look(key)
    if found is Fact.CHOICE:
        return Truth.CHOICE
    if found is Fact.UNKNOWN or len(values) != 1:
        return Truth.UNKNOWN
    return Truth.TRUE if (found is Fact.ABSENT) == (values[0].lower() == "true") else Truth.FALSE


def _calendar(name: str, values: Sequence[str], facts: Facts) -> Truth:
    """Comparison of a moment that is now or later with fixed moments."""
    limits = [_moment(v) for v in values]
    if not limits or None in limits:
        return Truth.UNKNOWN
    past = [limit is not None and limit <= facts.as_of for limit in limits]
    if "less" in name:
        return Truth.FALSE if all(past) else Truth.TRUE
    if "greater" in name:
        return Truth.TRUE if any(past) else Truth.UNKNOWN
    if "not" in name:
        return Truth.TRUE
    return Truth.FALSE if all(past) else Truth.UNKNOWN


def _moment(text: str) -> datetime | None:
    try:
        if text.strip().isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError, OSError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def substitute(text: str, facts: Facts) -> str | Fact:
    """A text with its policy variables filled in; ABSENT or UNKNOWN when one has no value we know."""
    if "${" not in text:
        return text
    missing: list[Fact] = []

    def value(match: re.Match[str]) -> str:
        name, _, fallback = match.group(1).partition(",")
        if name.strip() in _LITERALS:
            return name.strip()
        found = facts.look(name.strip())
        if isinstance(found, tuple) and len(found) == 1:
            return found[0]
        if found is Fact.ABSENT and fallback:
            return fallback.strip().strip("'")
        missing.append(Fact.ABSENT if found is Fact.ABSENT else Fact.UNKNOWN)
        return ""

    filled = _VARIABLE.sub(value, text)
    if missing:
        return Fact.ABSENT if Fact.ABSENT in missing else Fact.UNKNOWN
    return filled


def _number(test: Callable[[float, float], bool]) -> Callable[[str, str], bool | None]:
    def compare(actual: str, limit: str) -> bool | None:
        try:
            return test(float(actual), float(limit))
        except ValueError:
            return None

    return compare


def _equal(actual: str, value: str) -> bool:
    return actual == value


def _equal_folded(actual: str, value: str) -> bool:
    return actual.lower() == value.lower()


def _like(actual: str, value: str) -> bool:
    return matches(value, actual)


def _undecided(_actual: str, _value: str) -> None:
    return None


_OPERATORS: Mapping[str, Callable[[str, str], bool | None]] = {
    **dict.fromkeys(("stringequals", "stringnotequals", "binaryequals"), _equal),
    **dict.fromkeys(("stringequalsignorecase", "stringnotequalsignorecase", "bool"), _equal_folded),
    **dict.fromkeys(("stringlike", "stringnotlike", "arnlike", "arnnotlike", "arnequals", "arnnotequals"), _like),
    **dict.fromkeys(("ipaddress", "notipaddress"), _undecided),
    **dict.fromkeys(
        (
            "dateequals",
            "datenotequals",
            "datelessthan",
            "datelessthanequals",
            "dategreaterthan",
            "dategreaterthanequals",
        ),
        _undecided,
    ),
    "numericequals": _number(lambda a, b: a == b),
    "numericnotequals": _number(lambda a, b: a == b),
    "numericlessthan": _number(lambda a, b: a < b),
    "numericlessthanequals": _number(lambda a, b: a <= b),
    "numericgreaterthan": _number(lambda a, b: a > b),
    "numericgreaterthanequals": _number(lambda a, b: a >= b),
}
