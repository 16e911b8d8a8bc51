"""Condition blocks, three-valued.

A condition is *true* or *false* where the facts of the principal, of the target and of the calendar decide it, a
*choice* where whoever calls can make it come out as he likes (a region, a tag in the request), and *unknown*
otherwise.  A choice lets an Allow hold and a Deny be avoided.  Operators and the meaning of absent keys: IAM User
Guide, reference_policies_elements_condition_operators; sets: reference_policies_condition-single-vs-multi-valued-
context-keys; variables: reference_policies_variables; keys: reference_policies_condition-keys.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING

from nhiscan.analysis.aws.operators import moment, takes_variables, test_of
from nhiscan.analysis.aws.patterns import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from nhiscan.analysis.aws.documents import Conditions
    from nhiscan.analysis.aws.operators import Test


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
# From now on, whatever is issued is issued now: a token can always be renewed, never predated.
_NOW = frozenset({"aws:currenttime", "aws:epochtime", "aws:tokenissuetime"})
_VARIABLE = re.compile(r"\$\{([^{}]{1,256})\}")
_LITERALS = frozenset("*?$")
_SETS = frozenset({"", "forallvalues", "foranyvalue"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one question: lower-case condition keys with their values, `Fact` where there is none.

    A key that ends in `/` answers for all keys below it (`aws:principaltag/`).  `chooses`: what the caller writes into
    his request is his choice, and time goes on; without it such keys are unknown like any other.  `closed`: a key that
    is not named is absent.
    """

    as_of: datetime
    known: Mapping[str, tuple[str, ...] | Fact] = field(default_factory=dict)
    chooses: bool = True
    closed: bool = False

    def look(self, key: str) -> tuple[str, ...] | Fact:
        """The values of a key."""
        low = key.lower()
        found = self.known.get(low)
        if found is None and "/" in low:
            found = self.known.get(low.partition("/")[0] + "/")
        if found is not None:
            return found
        if self.closed:
            return Fact.ABSENT
        if self.chooses and (low in _CHOSEN or low.startswith(_CHOSEN_PREFIXES)):
            return Fact.CHOICE
        return Fact.UNKNOWN

    def extended(self, more: Mapping[str, tuple[str, ...] | Fact]) -> Facts:
        """The same facts with some more or others."""
        return Facts(self.as_of, {**self.known, **more}, self.chooses, self.closed) if more else self


@dataclass(frozen=True, slots=True)
class _Operator:
    """An operator taken apart; `test` is None for `Null` and for what AWS does not have."""

    name: str
    test: Test | None
    negative: bool
    if_exists: bool
    every: bool
    any: bool


@lru_cache(512)
def _operator(text: str) -> _Operator:
    quantifier, _, name = text.lower().rpartition(":")
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    negative = "not" in name
    test = test_of(name.replace("not", "", 1)) if quantifier in _SETS else None
    if quantifier not in _SETS or (if_exists and name == "null"):
        name = "unknown"
    return _Operator(name, test, negative, if_exists, quantifier == "forallvalues", quantifier == "foranyvalue")


def holds(conditions: Conditions, facts: Facts, *, allow: bool) -> Truth:
    """TRUE, FALSE or UNKNOWN for a whole block; a choice is settled in the caller's favour."""
    settled = Truth.TRUE if allow else Truth.FALSE
    worst = Truth.TRUE
    for operator, key, values in conditions:
        truth = condition(operator, key, values, facts)
        if truth is Truth.CHOICE:
            truth = settled
        if truth is Truth.FALSE:
            return Truth.FALSE
        if truth is Truth.UNKNOWN:
            worst = Truth.UNKNOWN
    return worst


def open_keys(conditions: Conditions, facts: Facts) -> Iterator[str]:
    """The keys on which a block that is neither true nor false depends."""
    for operator, key, values in conditions:
        if condition(operator, key, values, facts) is Truth.UNKNOWN:
            yield key


def condition(operator: str, key: str, values: Sequence[str], facts: Facts) -> Truth:
    """What one condition comes to."""
    how = _operator(operator)
    if how.name == "null":
        return _null(key, values, facts)
    if how.test is None:
        return Truth.UNKNOWN
    found = facts.look(key)
    # A value that was given or a key that is missing decides by itself; only an open time is a time from now on.
    if found is Fact.UNKNOWN and facts.chooses and key.lower() in _NOW and how.name.startswith(("date", "numeric")):
        return _calendar(how.name, values, facts)
    if (how.every or how.any) and found == ("",):
        found = Fact.ABSENT
    if found is Fact.ABSENT:
        missing = how.if_exists or how.every or (how.negative and not how.any)
        return Truth.TRUE if missing else Truth.FALSE
    if isinstance(found, Fact):
        return Truth.CHOICE if found is Fact.CHOICE else Truth.UNKNOWN
    return _compare(how, how.test, found, values, facts)


def _compare(how: _Operator, test: Test, found: Sequence[str], values: Sequence[str], facts: Facts) -> Truth:
    """Values of the policy are alternatives; a negated operator holds for a value when none of them fits.

    Without a set operator one value of the key is enough, and for a negated operator none may fit.
    """
    patterns = [fill(v, facts) if takes_variables(how.name) else v for v in values]
    results: list[bool | None] = []
    for actual in found:
        fits = [_fit(test, actual, pattern) for pattern in patterns]
        hit = True if True in fits else (None if None in fits else False)
        results.append(hit if hit is None or not how.negative else not hit)
    wanted = all if how.every or (how.negative and not how.any) else any
    if wanted(r is True for r in results):
        return Truth.TRUE
    if wanted(r is not False for r in results):
        return Truth.UNKNOWN
    return Truth.FALSE


def _fit(test: Test, actual: str, pattern: str | Fact) -> bool | None:
    """A variable without a value equals nothing."""
    if pattern is Fact.ABSENT:
        return False
    return None if isinstance(pattern, Fact) else test(actual, pattern)


def _null(key: str, values: Sequence[str], facts: Facts) -> Truth:
    found = facts.look(key)
    if found is Fact.CHOICE:
        return Truth.CHOICE
    wanted = {v.lower() for v in values}
    if found is Fact.UNKNOWN or not wanted <= {"true", "false"} or len(wanted) != 1:
        return Truth.UNKNOWN
    return Truth.TRUE if (found is Fact.ABSENT) == ("true" in wanted) else Truth.FALSE


def _calendar(name: str, values: Sequence[str], facts: Facts) -> Truth:
    """Comparison of a moment that is now or later with fixed moments."""
    limits = [moment(v) for v in values]
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


def fill(text: str, facts: Facts) -> str | Fact:
    """A text with its policy variables filled in, as a pattern; ABSENT or UNKNOWN when one has no value we know.

    What a variable puts in is literal: an asterisk in it is no wildcard (`patterns.shown` makes it readable).
    """
    if "${" not in text:
        return text
    missing: list[Fact] = []

    def value(match: re.Match[str]) -> str:
        name, _, fallback = match.group(1).partition(",")
        if name.strip() in _LITERALS:
            return literal(name.strip())
        found = facts.look(name.strip())
        if isinstance(found, tuple) and len(found) == 1:
            return literal(found[0])
        if fallback and (found is Fact.ABSENT or isinstance(found, tuple)):
            return literal(fallback.strip().removeprefix("'").removesuffix("'"))
        missing.append(Fact.ABSENT if found is Fact.ABSENT or isinstance(found, tuple) else Fact.UNKNOWN)
        return ""

    filled = _VARIABLE.sub(value, text)
    if missing:
        return Fact.ABSENT if Fact.ABSENT in missing else Fact.UNKNOWN
    return filled
